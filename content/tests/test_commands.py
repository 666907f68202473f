"""The commands for people and scripts: JSON out, a clear error and nothing stored otherwise."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from companies.models import Company, Project, StoredFile
from content import processing, videos
from content.models import ARContent, Video
from content.tests.media import blank, clip, photograph

pytestmark = pytest.mark.django_db(transaction=True)


def run(*words: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command(*words, stdout=out)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    image, video = tmp_path / "grandma.jpg", tmp_path / "grandma.mp4"
    image.write_bytes(photograph(side=400))
    video.write_bytes(clip())
    return image, video


def test_add_content_publishes_in_the_default_company(files: tuple[Path, Path]) -> None:
    image, video = files
    answer = run("add_content", str(image), str(video))
    content = ARContent.objects.get()
    assert answer == {
        "id": content.pk,
        "unique_id": str(content.unique_id),
        "ar_url": content.ar_url,
        "marker_status": "pending",
        "video_status": "pending",
        "stars": None,
    }
    assert (content.title, content.company.name, content.project.name) == (
        "grandma",
        "Vertex AR",
        "Default",
    )


def test_add_content_takes_company_project_and_title(
    files: tuple[Path, Path], company: Company
) -> None:
    image, video = files
    names = ("--company", company.slug, "--project", "Album", "--title", "Page 1")
    for _ in range(2):
        run("add_content", str(image), str(video), *names)
    first, second = ARContent.objects.all()
    assert first.project == second.project
    assert (first.company, first.project.name, first.title) == (company, "Album", "Page 1")


@pytest.mark.parametrize(
    ("picture", "video", "reason"),
    [
        (b"not a picture", None, "JPEG"),
        (None, b"not a video", "MP4"),
        (b"", None, "empty"),
    ],
)
def test_add_content_says_what_is_wrong_and_stores_nothing(
    files: tuple[Path, Path], picture: bytes | None, video: bytes | None, reason: str
) -> None:
    for path, data in zip(files, (picture, video), strict=True):
        if data is not None:
            path.write_bytes(data)
    with pytest.raises(CommandError, match=reason):
        run("add_content", str(files[0]), str(files[1]), "--project", "New")
    assert not ARContent.objects.exists()
    assert not Project.objects.filter(name="New").exists()
    assert not StoredFile.objects.exists()


def test_add_content_names_an_unknown_company(files: tuple[Path, Path]) -> None:
    with pytest.raises(CommandError, match="no company"):
        run("add_content", str(files[0]), str(files[1]), "--company", "nobody")


def test_compile_marker_writes_a_marker_and_rates_it(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out.mind"
    answer = run("compile_marker", str(files[0]), str(out))
    assert set(answer) == {"points", "stars", "seconds"}
    assert answer["points"] > 500
    assert answer["stars"] >= 3
    assert out.stat().st_size > 50_000
    mean = run("compile_marker", str(files[0]), str(out), "--grey", "mean")
    assert mean["points"] != answer["points"]


def test_compile_marker_refuses_a_blank_picture(tmp_path: Path) -> None:
    image = tmp_path / "blank.png"
    image.write_bytes(blank())
    with pytest.raises(CommandError, match="detail"):
        run("compile_marker", str(image), str(tmp_path / "out.mind"))
    assert not (tmp_path / "out.mind").exists()


@pytest.mark.once
def test_the_sample_is_made_once_and_tracks_very_well() -> None:
    first = run("create_sample")
    assert processing.generate_marker("content.arcontent", first["id"], now=timezone.now())
    video = Video.objects.get()
    assert videos.prepare_video(video.pk, now=timezone.now())
    second = run("create_sample")
    assert second["unique_id"] == first["unique_id"]
    assert (second["marker_status"], second["video_status"]) == ("ready", "ready")
    assert second["stars"] >= 4
