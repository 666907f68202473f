"""Videos in the admin: how far a worker is, why it failed, and having it prepared again."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.utils import timezone

from companies.models import Company, Project, User
from content import tasks, videos
from content.models import ARContent, Video, VideoStatus
from content.tests.factories import ARContentFactory, VideoFactory, stored_name
from content.tests.media import clip
from content.tests.test_content_screens import CONTENTS, VIDEOS, body, last_message
from content.video_file import probe

pytestmark = pytest.mark.django_db

REASON = videos.REASONS.gave_up


@pytest.fixture
def staff(client: Client, editor: User) -> Client:
    client.force_login(editor)
    return client


@pytest.fixture
def content(project: Project) -> ARContent:
    content: ARContent = ARContentFactory.create(project=project, title="Grandmother")
    return content


@pytest.fixture
def failed(content: ARContent) -> Video:
    video: Video = VideoFactory.create(
        ar_content=content,
        title="Broken",
        video="",
        original=stored_name(content.company, "videos", "mov"),
        status=VideoStatus.FAILED,
        progress=0,
        attempts=5,
        error=REASON,
        probe={
            "codec": "hevc",
            "width": 2160,
            "height": 3840,
            "bit_depth": 10,
            "rotation": 90,
            "fps": 29.97,
            "is_vfr": True,
            "audio": "aac",
            "has_alpha_channel": False,
            "bytes": 52_428_800,
        },
    )
    return video


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The videos that a worker was woken for."""
    found: list[int] = []
    monkeypatch.setattr(tasks.prepare_video, "delay", found.append)
    return found


def upload(video: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile("clip.MOV", clip() if video is None else video, "video/quicktime")


def test_an_upload_waits_for_a_worker_and_the_page_follows_it(
    staff: Client,
    content: ARContent,
    woken: list[int],
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    posted = {"ar_content": content.pk, "rotation_order": 0, "upload": upload()}
    with django_capture_on_commit_callbacks(execute=True):
        assert staff.post(f"{VIDEOS}add/", posted).status_code == 302
    video = Video.objects.get()
    assert (video.status, bool(video.original), bool(video.video)) == ("pending", True, False)
    assert woken == [video.pk]
    panel = body(staff, f"{VIDEOS}{video.pk}/state/")
    assert "data-waiting" in panel
    assert "H.264, 320×240, 25 frames per second, without sound" in panel
    Video.objects.update(status=VideoStatus.PROCESSING, progress=40)
    for page in (f"{VIDEOS}{video.pk}/state/", f"{CONTENTS}{content.pk}/change/"):
        assert '<progress max="100" value="40"' in body(staff, page)
    assert "being prepared, 40 %" in body(staff, VIDEOS)
    Video.objects.update(status=VideoStatus.PENDING, progress=0)
    assert videos.prepare_video(video.pk, now=timezone.now())
    panel = body(staff, f"{VIDEOS}{video.pk}/state/")
    assert "data-waiting" not in panel
    assert "<video " in panel
    assert ARContent.objects.get().active_video == video


def test_a_failed_video_says_why_and_is_prepared_again(
    staff: Client,
    failed: Video,
    woken: list[int],
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    url = f"{VIDEOS}{failed.pk}/"
    for page in (f"{url}change/", f"{url}state/", f"{CONTENTS}{failed.ar_content_id}/change/"):
        assert REASON.split(":")[0] in body(staff, page)
    page = body(staff, f"{url}change/")
    assert "HEVC (H.265), 2160×3840, 10 bits per colour (HDR), turned by 90°" in page
    assert "29.97 frames per second, varying, sound: AAC, 50.0" in page
    assert f'href="{failed.original.url}" download' in page
    assert "<video " not in page
    with django_capture_on_commit_callbacks(execute=True):
        assert staff.post(f"{url}state/").status_code == 302
    failed.refresh_from_db()
    assert (failed.status, failed.attempts, failed.error) == ("pending", 0, "")
    Video.objects.update(status=VideoStatus.FAILED)
    assert "Broken" in body(staff, VIDEOS, status__exact="failed")
    chosen = {"action": "prepare_again", "_selected_action": [failed.pk]}
    with django_capture_on_commit_callbacks(execute=True):
        answer = staff.post(VIDEOS, chosen)
    assert "1 video is being prepared" in last_message(answer)
    assert Video.objects.get().status == VideoStatus.PENDING
    assert woken == [failed.pk, failed.pk]


def test_what_cannot_play_yet_is_not_made_the_one_that_plays(
    staff: Client, content: ARContent, failed: Video
) -> None:
    ready = VideoFactory.create(ar_content=content, title="Ready")
    page = body(staff, f"{VIDEOS}{failed.pk}/change/")
    assert "Make it the video that plays" not in page
    answer = staff.post(f"{VIDEOS}{failed.pk}/activate/")
    assert "cannot be played yet" in last_message(answer)
    content_page = body(staff, f"{CONTENTS}{content.pk}/change/")
    choices = content_page.split('name="playing"')[1].split("</select>")[0]
    assert "Ready" in choices
    assert "Broken" not in choices
    assert staff.post(f"{VIDEOS}{ready.pk}/activate/").status_code == 302
    content.refresh_from_db()
    assert (content.active_video, content.chosen_video) == (ready, ready)


def test_another_meaning_of_the_halves_has_the_video_prepared_again(
    staff: Client, failed: Video, content: ARContent
) -> None:
    Video.objects.update(status=VideoStatus.READY, error="")
    change = f"{VIDEOS}{failed.pk}/change/"
    assert "what of it is opaque" in body(staff, change)
    assert staff.post(change, {"rotation_order": 0, "title": "T"}).status_code == 302
    assert Video.objects.get().status == VideoStatus.READY
    assert staff.post(change, {"rotation_order": 0, "has_alpha": "on"}).status_code == 302
    video = Video.objects.get()
    assert (video.has_alpha, video.status) == (True, VideoStatus.PENDING)


def test_junk_is_an_error_of_the_field_and_changes_nothing(
    staff: Client, content: ARContent, failed: Video
) -> None:
    before = Video.objects.values().get()
    posted = {"rotation_order": 0, "title": "New", "upload": upload(b"ffconcat version 1.0")}
    answer = staff.post(f"{VIDEOS}{failed.pk}/change/", posted)
    assert answer.context["adminform"].form.errors["upload"]
    assert Video.objects.values().get() == before


def test_an_upload_is_looked_into_once_and_before_anything_is_locked(
    editor: User, client: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = len(connection.atomic_blocks)
    depths: list[int] = []

    def read(file: Any) -> Any:
        depths.append(len(connection.atomic_blocks) - outside)
        return probe(file)

    monkeypatch.setattr(videos, "probe", read)
    client.force_login(editor)
    content = ARContentFactory.create(project=project)
    posted = {"ar_content": content.pk, "rotation_order": 0, "upload": upload()}
    assert client.post(f"{VIDEOS}add/", posted).status_code == 302
    video = Video.objects.get()
    changed = {"rotation_order": 0, "upload": upload()}
    assert client.post(f"{VIDEOS}{video.pk}/change/", changed).status_code == 302
    first, prefix = str(video.original), "videos-"
    page = {
        "project": project.pk,
        "title": "T",
        f"{prefix}TOTAL_FORMS": 1,
        f"{prefix}INITIAL_FORMS": 1,
        f"{prefix}0-id": video.pk,
        f"{prefix}0-ar_content": content.pk,
        f"{prefix}0-rotation_order": 0,
        f"{prefix}0-upload": upload(),
    }
    assert client.post(f"{CONTENTS}{content.pk}/change/", page).status_code == 302
    video.refresh_from_db()
    assert str(video.original) != first
    assert depths == [0, 0, 0]
    # Of a company that may store nothing, nothing is looked into.
    Company.objects.update(subscription_expires_at=timezone.now())
    answer = client.post(f"{VIDEOS}{video.pk}/change/", {**changed, "upload": upload()})
    assert "subscription" in str(answer.context["adminform"].form.errors["upload"])
    assert len(depths) == 3


def test_viewers_look_and_strangers_find_nothing(
    client: Client, viewer: User, stranger: User, failed: Video
) -> None:
    url = f"{VIDEOS}{failed.pk}/state/"
    client.force_login(viewer)
    assert "Prepare again" not in body(client, url)
    assert client.post(url).status_code == 403
    client.post(VIDEOS, {"action": "prepare_again", "_selected_action": [failed.pk]})
    client.force_login(stranger)
    assert client.get(url).status_code == client.post(url).status_code == 404
    assert Video.objects.get().status == VideoStatus.FAILED


def test_without_a_subscription_nothing_is_prepared_again(
    staff: Client, company: Company, failed: Video
) -> None:
    Company.objects.update(subscription_expires_at=timezone.now())
    answer = staff.post(f"{VIDEOS}{failed.pk}/state/")
    assert "subscription" in last_message(answer).lower()
    assert Video.objects.get().status == VideoStatus.FAILED
