"""Videos through the API: upload, follow, put in order, let one play, try again, delete."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks
from pytest_django.fixtures import Settings

from companies.models import Company, Project, StoredFile, User
from content import videos
from content.models import ARContent, Video, VideoStatus
from content.tests.factories import ARContentFactory, VideoFactory, stored_name
from content.tests.media import clip

JSON = "application/json"


@pytest.fixture
def content(project: Project) -> ARContent:
    made: ARContent = ARContentFactory.create(project=project)
    return made


def upload(client: Client, content: ARContent, data: bytes | None = None, **more: Any) -> Any:
    file = SimpleUploadedFile("IMG_0001.MOV", clip() if data is None else data, "video/quicktime")
    return client.post(f"/api/ar-content/{content.pk}/videos", {"video": file, **more})


def test_a_video_is_uploaded_prepared_by_a_worker_and_played(
    editors: Client,
    editor: User,
    content: ARContent,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with (
        mock.patch("content.tasks.prepare_video.delay") as queued,
        django_capture_on_commit_callbacks(execute=True),
    ):
        answer = upload(
            editors,
            content,
            title="Wedding",
            is_active="true",
            schedule_start="2026-01-01T00:00:00Z",
            rotation_order="4",
            has_alpha="false",
        )
    assert answer.status_code == 201
    shown = answer.json()
    queued.assert_called_once_with(shown["id"])
    assert (shown["ar_content_id"], shown["title"]) == (content.pk, "Wedding")
    assert (shown["schedule_start"], shown["schedule_end"]) == ("2026-01-01T00:00:00Z", None)
    assert (shown["rotation_order"], shown["has_alpha"]) == (4, False)
    assert (shown["status"], shown["progress"], shown["error"]) == ("pending", 0, "")
    assert (shown["video_url"], shown["thumbnail_url"], shown["is_active"]) == (None, None, False)
    assert editors.get(shown["original_url"]).status_code == 200
    assert {one.history_user for one in Video.objects.get().history.all()} == {editor}

    assert videos.prepare_video(shown["id"], now=timezone.now())
    ready = editors.get(f"/api/videos/{shown['id']}").json()
    assert (ready["status"], ready["progress"], ready["is_active"]) == ("ready", 100, True)
    assert (ready["width"], ready["height"], ready["mime_type"]) == (320, 240, "video/mp4")
    assert ready["duration"] == pytest.approx(1, abs=0.1)
    assert ready["size_bytes"] == StoredFile.objects.get(name=ready["video_path"]).size_bytes
    assert ready["thumbnails"]["medium"] == ready["thumbnail_url"]
    for url in (ready["video_url"], ready["poster_url"], *ready["thumbnails"].values()):
        assert editors.get(url).status_code == 200
    content.refresh_from_db()
    assert content.active_video_id == ready["id"]


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"video": ""}, "video"),
        ({"video": "text"}, "video"),
        ({"title": "x" * 256}, "title"),
        ({"is_active": "perhaps"}, "is_active"),
        ({"rotation_order": "-1"}, "rotation_order"),
        ({"schedule_start": "soon"}, "schedule_start"),
        ({"schedule_end": "1026-01-01T00:00Z"}, "schedule_end"),
        ({"schedule_start": "2026-02-01T00:00Z", "schedule_end": "2026-01-01T00:00Z"}, ""),
    ],
)
def test_an_upload_that_cannot_be_is_refused_by_field(
    editors: Client, content: ARContent, local_storage_root: Path, more: dict[str, Any], field: str
) -> None:
    refused = upload(editors, content, **more)
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid")
    assert list(refused.json()["fields"]) == [field] or not field
    assert nothing_is_stored(local_storage_root)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "not a video"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "not a video"),
    ],
)
def test_a_hostile_file_is_refused_with_the_reason_and_nothing_is_stored(
    editors: Client, content: ARContent, local_storage_root: Path, data: bytes, reason: str
) -> None:
    refused = upload(editors, content, data)
    assert refused.status_code == 400
    assert reason in " ".join(refused.json()["fields"]["video"])
    assert nothing_is_stored(local_storage_root)


def test_a_full_company_and_an_ended_subscription_answer_409(
    editors: Client, content: ARContent, local_storage_root: Path, settings: Settings
) -> None:
    Company.objects.update(storage_quota_gb=0)
    full = upload(editors, content)
    assert (full.status_code, full.json()["code"]) == (409, "quota_exceeded")
    Company.objects.update(storage_quota_gb=1, subscription_expires_at=timezone.now())
    late = upload(editors, content)
    assert (late.status_code, late.json()["code"]) == (409, "subscription_expired")
    settings.VIDEO_MAX_BYTES = 100
    Company.objects.update(subscription_expires_at=None)
    assert "larger than" in upload(editors, content).json()["fields"]["video"][0]
    assert nothing_is_stored(local_storage_root)


def nothing_is_stored(root: Path) -> bool:
    files = [path for path in root.rglob("*") if path.is_file()]
    rows = Video.objects.count() + StoredFile.objects.count()
    return rows == 0 and not files and Company.objects.get().storage_used_bytes == 0


def test_videos_are_listed_in_their_order_and_filtered_at_the_same_cost_for_many(
    editors: Client, content: ARContent, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    url = f"/api/ar-content/{content.pk}/videos"

    def ids(query: str = "") -> list[int]:
        return [row["id"] for row in editors.get(f"{url}?{query}").json()["results"]]

    last = VideoFactory.create(ar_content=content, rotation_order=9, is_active=True)
    first = VideoFactory.create(ar_content=content, video="", status=VideoStatus.FAILED)
    VideoFactory.create()
    assert ids() == [first.pk, last.pk]
    assert ids("ordering=-rotation_order") == [last.pk, first.pk]
    assert ids("status=failed") == ids("is_active=false") == [first.pk]
    assert ids("status=ready&is_active=true") == [last.pk]
    assert ids("page_size=1&page=2") == [last.pk]
    for wrong in ("status=done", "is_active=1", "ordering=error", "state=ready"):
        assert editors.get(f"{url}?{wrong}").status_code == 400
    VideoFactory.create_batch(20, ar_content=content)
    # The token, the roles, the content, the count, the rows.
    with django_assert_num_queries(5):
        assert editors.get(url).json()["count"] == 22


def test_a_window_and_the_order_change_what_plays(editors: Client, content: ARContent) -> None:
    first, second = VideoFactory.create_batch(2, ar_content=content)
    now = timezone.now()

    def change(video: Video, **fields: Any) -> Any:
        return editors.patch(f"/api/videos/{video.pk}", fields, content_type=JSON)

    def playing() -> int | None:
        return ARContent.objects.get(pk=content.pk).active_video_id

    changed = change(first, rotation_order=5, title="Later")
    assert (changed.status_code, changed.json()["title"]) == (200, "Later")
    assert playing() == second.pk
    opened = change(first, schedule_start=(now - timedelta(hours=1)).isoformat())
    assert opened.json()["is_active"]
    assert playing() == first.pk
    change(first, schedule_end=(now - timedelta(minutes=1)).isoformat())
    assert playing() == second.pk
    before = editors.get(f"/api/videos/{first.pk}").json()
    for wrong in (
        {"schedule_end": "2020-01-01T00:00:00Z"},
        {"schedule_start": 5},
        {"rotation_order": "1"},
        {"rotation_order": -1},
        {"has_alpha": "true"},
        {"title": None},
    ):
        assert change(first, **wrong).status_code == 400
    # Written by nobody: a worker, a choice, another address.
    assert change(first, status="failed", is_active=True, video_url="x").status_code == 200
    assert editors.get(f"/api/videos/{first.pk}").json() == before


def test_a_video_that_turns_out_transparent_is_prepared_again(
    editors: Client,
    content: ARContent,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    original = stored_name(content.company, "videos", "mp4")
    video = VideoFactory.create(ar_content=content, original=original)
    with (
        mock.patch("content.tasks.prepare_video.delay") as queued,
        django_capture_on_commit_callbacks(execute=True),
    ):
        changed = editors.patch(f"/api/videos/{video.pk}", {"has_alpha": True}, content_type=JSON)
    assert (changed.json()["has_alpha"], changed.json()["status"]) == (True, "pending")
    # Visitors keep what there is.
    assert changed.json()["video_url"]
    queued.assert_called_once_with(video.pk)


def test_staff_choose_what_plays(editors: Client, content: ARContent) -> None:
    first, second = VideoFactory.create_batch(2, ar_content=content)
    for video in (second, first):
        answer = editors.post(f"/api/videos/{video.pk}/activate")
        assert answer.status_code == 200
        assert answer.json() == {"status": "activated", "active_video_id": video.pk}
        assert Video.objects.get(is_active=True) == video
        played = editors.get(f"/api/ar/{content.unique_id}/active-video").json()
        assert (played["title"], played["reason"]) == (video.title, "active")


def test_a_video_that_failed_is_prepared_again(
    editors: Client,
    content: ARContent,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    original = stored_name(content.company, "videos", "mp4")
    failed = VideoFactory.create(
        ar_content=content, original=original, status=VideoStatus.FAILED, error="No.", attempts=5
    )
    url = f"/api/videos/{failed.pk}/retry"
    with (
        mock.patch("content.tasks.prepare_video.delay") as queued,
        django_capture_on_commit_callbacks(execute=True),
    ):
        answer = editors.post(url)
    assert answer.status_code == 202
    shown = answer.json()
    assert (shown["status"], shown["error"], shown["progress"]) == ("pending", "", 0)
    queued.assert_called_once_with(failed.pk)
    again = editors.post(url)
    assert (again.status_code, again.json()["code"]) == (409, "not_failed")


def test_a_deleted_video_takes_its_files_along_and_another_plays(
    editors: Client, content: ARContent
) -> None:
    other = VideoFactory.create(ar_content=content)
    made = upload(editors, content, is_active="true").json()
    videos.prepare_video(made["id"], now=timezone.now())
    assert StoredFile.objects.count() == 6
    assert editors.delete(f"/api/videos/{made['id']}").status_code == 204
    assert not StoredFile.objects.exists()
    assert Company.objects.get().storage_used_bytes == 0
    content.refresh_from_db()
    assert content.active_video_id == other.pk
    assert editors.get(f"/api/videos/{made['id']}").status_code == 404
