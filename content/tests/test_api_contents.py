"""Contents and portraits through the API: publish, follow the marker, change, delete."""

import io
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from PIL import Image
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks
from pytest_django.fixtures import Settings

from companies.models import (
    Company,
    Project,
    StorageProvider,
    StoredFile,
    User,
)
from content import processing, videos
from content.models import ARContent, MarkerStatus, Video
from content.tests.factories import ARContentFactory, PortraitFactory
from content.tests.media import blank, clip, photograph

JSON = "application/json"


def upload(client: Client, project: Project, **more: Any) -> Any:
    form: dict[str, Any] = {"project_id": project.pk, "title": "Grandmother", **more}
    for name, kind in (("image", "image/jpeg"), ("video", "video/mp4")):
        if isinstance(form.get(name), bytes):
            form[name] = SimpleUploadedFile(f"{name}.x", form[name], kind)
    return client.post("/api/ar-content", form)


def test_a_picture_and_a_video_become_a_content_and_workers_are_woken_for_both(
    editors: Client,
    editor: User,
    project: Project,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with (
        mock.patch("content.tasks.generate_marker.delay") as queued,
        mock.patch("content.tasks.prepare_video.delay") as queued_video,
        django_capture_on_commit_callbacks(execute=True),
    ):
        made = upload(
            editors, project, image=photograph(side=300), video=clip(), description="1931"
        )
    assert made.status_code == 201
    shown = made.json()
    queued.assert_called_once_with("content.arcontent", shown["id"])
    content = ARContent.objects.get(pk=shown["id"])
    assert (shown["company_id"], shown["project_id"]) == (content.company_id, project.pk)
    assert (shown["unique_id"], shown["ar_url"]) == (str(content.unique_id), content.ar_url)
    assert (shown["description"], shown["is_active"]) == ("1931", True)
    video = content.videos.get()
    queued_video.assert_called_once_with(video.pk)
    assert shown["active_video_id"] is None
    for name in ("image", "qr_code"):
        path, url = shown[f"{name}_path"], shown[f"{name}_url"]
        assert StoredFile.objects.filter(name=path).exists()
        assert url == f"/media/{path}"
        assert editors.get(url).status_code == 200
    assert (shown["marker_status"], shown["marker_url"]) == ("pending", None)
    used = Company.objects.get().storage_used_bytes
    assert used == sum(StoredFile.objects.values_list("size_bytes", flat=True)) > 0
    assert content.history.get().history_user == editor

    processing.generate_marker("content.arcontent", content.pk, now=timezone.now())
    videos.prepare_video(video.pk, now=timezone.now())
    ready = editors.get(f"/api/ar-content/by-unique/{content.unique_id}").json()
    assert (ready["marker_status"], ready["marker_progress"]) == ("ready", 100)
    assert ready["active_video_id"] == video.pk
    assert editors.get(ready["marker_url"]).status_code == 200

    assert editors.delete(f"/api/ar-content/{content.pk}").status_code == 204
    assert not ARContent.objects.exists()
    assert not Video.objects.exists()
    assert not StoredFile.objects.exists()


def test_a_video_may_come_later_and_a_portrait_may_take_the_pictures_place(
    editors: Client, project: Project
) -> None:
    alone = upload(editors, project, image=photograph(side=300)).json()
    assert alone["active_video_id"] is None
    portrait = PortraitFactory.create(company=project.company)
    shared = upload(editors, project, portrait_id=portrait.pk, video=clip()).json()
    assert shared["portrait_id"] == portrait.pk
    assert shared["image_path"] == str(portrait.image)
    assert shared["marker_status"] == "ready"


def one_pixel() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (1, 1)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("field", "data", "reason"),
    [
        ("image", b"", "empty"),
        ("image", b"GIF89a" + bytes(100), "not a JPEG"),
        ("image", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a JPEG"),
        ("image", photograph(side=300)[:2000], "damaged"),
        ("image", one_pixel(), "too small"),
        ("image", "text", "not a file"),
        ("video", b"", "empty"),
        ("video", b"ffconcat version 1.0\nfile /etc/passwd\n", "not a video"),
        ("video", b"#EXTM3U\n/etc/passwd\n", "not a video"),
        ("video", clip()[:900], "not a video"),
        ("video", photograph(side=300), "not a video"),
    ],
)
def test_a_hostile_file_is_refused_with_the_reason_and_nothing_is_stored(
    editors: Client,
    project: Project,
    local_storage_root: Path,
    field: str,
    data: bytes | str,
    reason: str,
) -> None:
    files: dict[str, Any] = {"image": photograph(side=300), field: data}
    refused = upload(editors, project, **files)
    assert refused.status_code == 400
    assert reason in " ".join(refused.json()["fields"][field])
    assert nothing_is_stored(local_storage_root)


def nothing_is_stored(root: Path) -> bool:
    files = [path for path in root.rglob("*") if path.is_file()]
    rows = ARContent.objects.count() + Video.objects.count() + StoredFile.objects.count()
    return rows == 0 and not files and Company.objects.get().storage_used_bytes == 0


def test_files_are_limited_in_size(
    editors: Client, project: Project, settings: Settings, local_storage_root: Path
) -> None:
    picture, video = photograph(side=300), clip()
    settings.IMAGE_MAX_BYTES, settings.VIDEO_MAX_BYTES = 1000, 10_000_000
    large = upload(editors, project, image=picture)
    assert "larger than" in large.json()["fields"]["image"][0]
    settings.IMAGE_MAX_BYTES, settings.VIDEO_MAX_BYTES = 10_000_000, 100
    large = upload(editors, project, image=picture, video=video)
    assert "larger than" in large.json()["fields"]["video"][0]
    settings.IMAGE_MAX_BYTES, settings.VIDEO_MAX_BYTES = 100, 100
    whole = upload(editors, project, image=blank(900, 900, "BMP"))
    assert (whole.status_code, whole.json()["code"]) == (413, "too_large")
    assert nothing_is_stored(local_storage_root)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"image": None}, "image"),
        ({"title": ""}, "title"),
        ({"title": "x" * 256}, "title"),
        ({"project_id": "x"}, "project_id"),
        ({"is_active": "perhaps"}, "is_active"),
        ({"published_at": "2026-02-01T00:00Z", "expires_at": "2026-01-01T00:00Z"}, ""),
    ],
)
def test_a_content_that_cannot_be_is_refused_by_field(
    editors: Client, project: Project, local_storage_root: Path, more: dict[str, Any], field: str
) -> None:
    form = {"image": photograph(side=300), **more}
    refused = upload(editors, project, **{k: v for k, v in form.items() if v is not None})
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid")
    if field:
        assert field in refused.json()["fields"]
    assert nothing_is_stored(local_storage_root)


def test_a_picture_and_a_portrait_exclude_each_other(editors: Client, project: Project) -> None:
    portrait = PortraitFactory.create(company=project.company)
    both = upload(editors, project, image=photograph(side=300), portrait_id=portrait.pk)
    assert "image" in both.json()["fields"]
    shared = ARContentFactory.create(project=project, portrait=portrait, image="", marker="")
    emptied = editors.patch(
        f"/api/ar-content/{shared.pk}", {"portrait_id": None}, content_type=JSON
    )
    assert emptied.status_code == 400


def test_choosing_a_portrait_gives_up_the_own_picture(editors: Client, project: Project) -> None:
    portrait = PortraitFactory.create(company=project.company)
    own = upload(editors, project, image=photograph(side=300)).json()
    changed = editors.patch(
        f"/api/ar-content/{own['id']}", {"portrait_id": portrait.pk}, content_type=JSON
    )
    assert changed.status_code == 200
    assert changed.json()["image_path"] == str(portrait.image)
    content = ARContent.objects.get()
    assert (content.target, bool(content.image)) == (portrait, False)
    assert not StoredFile.objects.filter(name=own["image_path"]).exists()


def test_without_a_subscription_nothing_is_shown_longer(editors: Client, project: Project) -> None:
    now = timezone.now()
    content = ARContentFactory.create(
        project=project,
        is_active=False,
        published_at=now + timedelta(days=5),
        expires_at=now + timedelta(days=9),
    )
    Company.objects.update(subscription_expires_at=now)
    url = f"/api/ar-content/{content.pk}"
    refused = [
        editors.patch(url, body, content_type=JSON)
        for body in (
            {"is_active": True},
            {"published_at": None},
            {"published_at": now.isoformat()},
            {"expires_at": None},
            {"expires_at": (now + timedelta(days=10)).isoformat()},
        )
    ]
    refused.append(editors.post(f"{url}/generate-marker"))
    for answer in refused:
        assert (answer.status_code, answer.json()["code"]) == (409, "subscription_expired")
    kept = ARContent.objects.get(pk=content.pk)
    assert (kept.is_active, kept.published_at) == (False, content.published_at)
    assert (kept.expires_at, kept.marker_status) == (content.expires_at, MarkerStatus.READY)
    sooner = {"title": "Renamed", "expires_at": (now + timedelta(days=6)).isoformat()}
    assert editors.patch(url, sooner, content_type=JSON).status_code == 200


def test_a_full_company_and_an_ended_subscription_answer_409(
    editors: Client, project: Project, local_storage_root: Path
) -> None:
    Company.objects.update(storage_quota_gb=0)
    full = upload(editors, project, image=photograph(side=300))
    assert (full.status_code, full.json()["code"]) == (409, "quota_exceeded")
    Company.objects.update(storage_quota_gb=1, subscription_expires_at=timezone.now())
    late = upload(editors, project, image=photograph(side=300))
    assert (late.status_code, late.json()["code"]) == (409, "subscription_expired")
    assert nothing_is_stored(local_storage_root)


def test_a_storage_that_does_not_answer_is_503(
    editors: Client, project: Project, unused_port_address: str
) -> None:
    connection = project.company.storage_connection
    connection.provider = StorageProvider.MINIO
    connection.credentials = {
        "endpoint_url": unused_port_address,
        "bucket": "bucket",
        "access_key": "access-key",
        "secret_key": "secret-key",
    }
    connection.save()
    gone = upload(editors, project, image=photograph(side=300))
    assert (gone.status_code, gone.json()["code"]) == (503, "storage_unavailable")
    assert "secret-key" not in gone.content.decode()
    assert not ARContent.objects.exists()


@pytest.fixture
def unused_port_address() -> str:
    # The discard port: nobody listens there.
    return "http://127.0.0.1:9"


def test_a_content_is_changed_and_only_what_was_sent(editors: Client, project: Project) -> None:
    content = ARContentFactory.create(project=project, title="Old")
    url = f"/api/ar-content/{content.pk}"
    # A worker writes meanwhile.
    ARContent.objects.update(marker_progress=40)
    body = {"title": "New", "metadata": {"shelf": 3}, "expires_at": "2099-01-01T00:00:00+03:00"}
    changed = editors.patch(url, body, content_type=JSON).json()
    assert (changed["title"], changed["metadata"]) == ("New", {"shelf": 3})
    assert changed["expires_at"] == "2098-12-31T21:00:00Z"
    content.refresh_from_db()
    assert content.marker_progress == 40
    for wrong in (
        {"title": None},
        {"title": 7},
        {"is_active": "false"},
        {"is_active": None},
        {"expires_at": "soon"},
        {"project_id": str(project.pk)},
        {"project_id": True},
        {"project_id": 1.5},
    ):
        refused = editors.patch(url, wrong, content_type=JSON)
        assert (refused.status_code, list(refused.json()["fields"])) == (400, list(wrong))
    # Others write these.
    ours = {"image_url": "x", "id": 5, "video_rotation_type": "daily"}
    assert editors.patch(url, ours, content_type=JSON).status_code == 200
    assert ARContent.objects.get().video_rotation_type == ""


def test_a_marker_is_made_again(
    editors: Client,
    project: Project,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    content = ARContentFactory.create(project=project, marker_error="x")
    with (
        mock.patch("content.tasks.generate_marker.delay") as queued,
        django_capture_on_commit_callbacks(execute=True),
    ):
        answer = editors.post(f"/api/ar-content/{content.pk}/generate-marker")
    assert answer.status_code == 202
    assert answer.json() == {"ar_content_id": content.pk, "marker_status": "pending"}
    queued.assert_called_once_with("content.arcontent", content.pk)
    content.refresh_from_db()
    assert (content.marker_status, content.marker_error) == (MarkerStatus.PENDING, "")


def test_contents_are_found_by_their_own_or_their_portraits_marker(
    editors: Client, project: Project
) -> None:
    failed = PortraitFactory.create(company=project.company, marker_status=MarkerStatus.FAILED)
    shared = ARContentFactory.create(project=project, portrait=failed, image="", marker="")
    own = ARContentFactory.create(project=project)

    def ids(query: str) -> list[int]:
        return [row["id"] for row in editors.get(f"/api/ar-content?{query}").json()["results"]]

    assert ids("marker_status=failed") == [shared.pk]
    assert ids("marker_status=ready") == [own.pk]
    assert ids(f"portrait_id={failed.pk}") == [shared.pk]
    assert ids("ordering=id") == [shared.pk, own.pk]
    nested = editors.get(f"/api/projects/{project.pk}/ar-content?search={own.title}").json()
    assert [row["id"] for row in nested["results"]] == [own.pk]


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize("route", ["ar-content", "portraits"])
def test_a_list_costs_the_same_for_one_row_and_for_many(
    editors: Client,
    project: Project,
    django_assert_num_queries: DjangoAssertNumQueries,
    route: str,
) -> None:
    PortraitFactory.create(company=project.company)
    ARContentFactory.create(project=project)
    editors.get(f"/api/{route}")
    for more in (1, 20):
        for _ in range(more):
            portrait = PortraitFactory.create(company=project.company)
            ARContentFactory.create(project=project, portrait=portrait, image="", marker="")
        # The token, the roles, the count, the rows.
        with django_assert_num_queries(4):
            assert editors.get(f"/api/{route}").status_code == 200
