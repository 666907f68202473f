"""Videos as a queue of rows: prepared once, replaced cleanly, taken up again after a death."""

import io
import os
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.utils import timezone, translation

from companies.limits import LimitReached
from companies.models import Company, Project, StoredFile
from companies.models.company import GIGABYTE
from companies.quota import charge
from companies.storage.router import generated_name
from companies.storage.uploads import stored_files
from companies.tests.parallel import in_parallel
from content import leases, playback, tasks, video_file, videos
from content.files import discard_files
from content.models import ARContent, Notification, NotificationType, Video, VideoStatus
from content.tests.factories import ARContentFactory, VideoFactory
from content.tests.media import clip
from content.tests.test_bulk_import import assert_ledger_holds
from content.video_file import VideoRejected, probe
from content.video_file import prepare as prepare_file

pytestmark = pytest.mark.django_db(transaction=True)
CLIP, OTHER = clip(sound=True), clip(size=(240, 320))
OUTPUTS = ("video", "poster", "thumbnail", "thumbnail_small", "thumbnail_large")


@pytest.fixture
def video(project: Project) -> Video:
    """Uploaded, and waiting for a worker."""
    # The pictures of the factory's contents are not in the ledger.
    return uploaded(Video(ar_content=ARContentFactory.create(project=project), title="Film"), CLIP)


def uploaded(video: Video, data: bytes, name: str = "film.mov") -> Video:
    upload = ContentFile(data, name=name)
    with stored_files():
        videos.attach_upload(video, upload, probe(io.BytesIO(data)))
        if video.pk:
            videos.change_video(video, changed=videos.UPLOAD_FIELDS, now=timezone.now())
        else:
            video.save()
    return video


def prepare(video: Video, *, later: timedelta = timedelta(0)) -> bool:
    done = videos.prepare_video(video.pk, now=timezone.now() + later)
    video.refresh_from_db()
    return done


def outputs(video: Video) -> dict[str, str]:
    return {name: str(getattr(video, name)) for name in OUTPUTS}


def content_of(stored: Any) -> bytes:
    with stored.storage.open(str(stored)) as file:
        data: bytes = file.read()
    return data


def failures() -> list[Notification]:
    return list(Notification.objects.filter(notification_type=NotificationType.VIDEO_FAILED))


def breaking(error: Exception) -> Callable[..., Any]:
    def prepare(*_args: object, **_options: object) -> None:
        raise error

    return prepare


def test_an_upload_waits_with_its_original_and_is_then_prepared_and_played(video: Video) -> None:
    assert (video.status, video.attempts, bool(video.video)) == (VideoStatus.PENDING, 0, False)
    assert content_of(video.original) == CLIP
    assert str(video.original).endswith(".mov")
    assert video.probe
    content = ARContent.objects.get()
    assert content.active_video is None

    assert prepare(video)
    assert (video.status, video.progress, video.attempts) == (VideoStatus.READY, 100, 1)
    assert (video.width, video.height, video.mime_type) == (320, 240, "video/mp4")
    assert video.duration == pytest.approx(1, abs=0.1)
    assert all(outputs(video).values())
    assert video.size_bytes == len(content_of(video.video))
    assert content_of(video.video)[4:8] == b"ftyp"
    assert {content_of(getattr(video, name))[8:12] for name in OUTPUTS[1:]} == {b"WEBP"}
    assert content_of(video.original) == CLIP
    content.refresh_from_db()
    assert content.active_video == video
    assert video.is_active
    assert_ledger_holds(video.company)


def test_a_second_message_for_the_same_video_does_nothing(video: Video) -> None:
    assert prepare(video)
    before = outputs(video)
    assert not prepare(video)
    assert outputs(video) == before
    assert video.attempts == 1


def test_of_two_workers_that_are_woken_at_once_one_prepares_it(video: Video) -> None:
    workers = [partial(videos.prepare_video, video.pk, now=timezone.now()) for _ in range(2)]
    assert sorted(in_parallel(workers)) == [False, True]
    video.refresh_from_db()
    assert (video.status, video.attempts) == (VideoStatus.READY, 1)
    assert_ledger_holds(video.company)


def test_visitors_keep_the_former_video_until_the_new_one_is_ready(video: Video) -> None:
    prepare(video)
    former, former_original = outputs(video), str(video.original)
    uploaded(video, OTHER)
    assert outputs(video) == former
    assert video.status == VideoStatus.PENDING
    assert not StoredFile.objects.filter(name=former_original).exists()
    assert_ledger_holds(video.company)

    assert prepare(video)
    assert (video.width, video.height) == (240, 320)
    assert not set(outputs(video).values()) & set(former.values())
    assert not StoredFile.objects.filter(name__in=former.values()).exists()
    assert_ledger_holds(video.company)


def test_a_worker_that_comes_back_after_its_lease_writes_nothing(
    video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = prepare_file
    answers = []

    def stall(*args: Any, **options: Any) -> Any:
        monkeypatch.setattr(videos, "prepare", real)
        made = real(*args, **options)
        # Meanwhile another worker has found the lease run out.
        later = timezone.now() + leases.LEASE + timedelta(seconds=1)
        answers.append(videos.prepare_video(video.pk, now=later))
        return made

    monkeypatch.setattr(videos, "prepare", stall)
    assert not prepare(video)
    assert answers == [True]
    assert (video.status, video.attempts) == (VideoStatus.READY, 2)
    assert len(outputs(video)) == len(set(outputs(video).values()))
    assert_ledger_holds(video.company)


@pytest.mark.parametrize("what", ["replaced", "deleted", "content deleted"])
def test_what_was_made_of_a_video_that_is_another_one_by_now_is_thrown_away(
    video: Video, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    real = prepare_file

    def meanwhile(*args: Any, **options: Any) -> Any:
        row = Video.objects.get(pk=video.pk)
        if what == "replaced":
            uploaded(row, OTHER)
        elif what == "deleted":
            videos.delete_video(row)
        else:
            with stored_files():
                discard_files(row)
                row.ar_content.delete()
        return real(*args, **options)

    monkeypatch.setattr(videos, "prepare", meanwhile)
    assert not videos.prepare_video(video.pk, now=timezone.now())
    left = Video.objects.filter(pk=video.pk).first()
    assert (left is None) == (what != "replaced")
    assert left is None or (left.status, outputs(left)["video"]) == (VideoStatus.PENDING, "")
    assert_ledger_holds(video.company)
    monkeypatch.undo()
    assert left is None or prepare(left)


def test_a_video_that_cannot_be_prepared_fails_at_once_with_the_reason_and_a_notice(
    video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(video)
    former = outputs(video)
    uploaded(video, OTHER)
    monkeypatch.setattr(videos, "prepare", breaking(VideoRejected("It has no pictures.")))
    assert prepare(video)
    assert (video.status, video.attempts, video.reason) == (
        VideoStatus.FAILED,
        1,
        "It has no pictures.",
    )
    assert outputs(video) == former
    [notice] = failures()
    assert "It has no pictures." in notice.message
    assert notice.ar_content_id == video.ar_content_id
    assert not prepare(video, later=timedelta(hours=1))
    assert videos.overdue_videos(timezone.now() + timedelta(days=1)) == []

    monkeypatch.undo()
    videos.retry_video(video)
    video.refresh_from_db()
    assert (video.status, video.attempts, video.error) == (VideoStatus.PENDING, 0, "")
    assert prepare(video)
    assert (video.width, video.height, len(failures())) == (240, 320, 1)
    assert_ledger_holds(video.company)


def test_a_video_that_takes_too_long_keeps_no_worker_from_the_others_again(
    video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_file, "_PROBE_WALL_SECONDS", 0)
    assert prepare(video)
    assert (video.status, video.attempts) == (VideoStatus.FAILED, 1)
    with translation.override("ru"):
        assert video.reason != videos.TOO_SLOW
    assert "too long" in failures()[0].message
    assert videos.overdue_videos(timezone.now() + timedelta(days=1)) == []


def test_a_video_that_was_chosen_meanwhile_plays_once_it_is_ready(video: Video) -> None:
    assert prepare(video)
    playing = video.ar_content
    another = uploaded(Video(ar_content=playing, title="Another"), OTHER)
    playback.choose(another, now=timezone.now())
    playing.refresh_from_db()
    assert playing.active_video == video
    assert prepare(another)
    playing.refresh_from_db()
    assert playing.active_video == playing.chosen_video == another


def test_what_may_pass_is_tried_five_times_and_each_series_tells_once(
    video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(videos, "prepare", breaking(OSError("disk gone")))
    for series in (1, 2):
        for attempt in range(1, 6):
            assert len(failures()) == series - 1
            with pytest.raises(OSError, match="disk gone"):
                prepare(video)
            video.refresh_from_db()
            assert video.attempts == attempt
            assert "disk" not in video.reason
        assert (video.status, video.error) == (VideoStatus.FAILED, videos.REASONS.gave_up)
        assert len(failures()) == series
        assert not prepare(video)
        videos.retry_video(video)
    monkeypatch.undo()
    assert prepare(video)


def test_a_company_without_room_is_told_so_in_its_language(video: Video) -> None:
    company = video.company
    Company.objects.filter(pk=company.pk).update(storage_quota_gb=1)
    company.refresh_from_db()
    charge(
        company,
        name=generated_name(company, "videos", "film.mp4"),
        connection_id=company.storage_connection_id,
        kind="videos",
        size=GIGABYTE - company.storage_used_bytes - 1000,
    )
    assert prepare(video)
    assert (video.status, video.error) == (VideoStatus.FAILED, videos.NO_ROOM)
    assert outputs(video)["video"] == ""
    assert len(failures()) == 1
    with translation.override("ru"):
        assert video.reason == translation.gettext(videos.NO_ROOM)
    assert StoredFile.objects.count() == 2


def test_without_a_subscription_no_video_is_prepared_again(video: Video) -> None:
    Video.objects.update(status=VideoStatus.FAILED, error="x")
    Company.objects.update(subscription_expires_at=timezone.now())
    with pytest.raises(LimitReached):
        videos.retry_video(Video.objects.get())
    assert Video.objects.get().status == VideoStatus.FAILED


def test_a_video_in_the_making_is_left_to_its_worker(video: Video) -> None:
    Video.objects.update(status=VideoStatus.PROCESSING, attempts=2, claimed_at=timezone.now())
    videos.retry_video(video)
    video.refresh_from_db()
    assert (video.status, video.attempts) == (VideoStatus.PROCESSING, 2)


def test_a_silent_codec_does_not_cost_the_lease(
    video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = prepare_file
    monkeypatch.setattr(leases, "HEARTBEAT", timedelta(seconds=0.1))
    seen: list[datetime | None] = []

    def slow(*args: Any, **options: Any) -> Any:
        until = time.monotonic() + 10
        while len(set(seen)) < 3 and time.monotonic() < until:
            seen.append(Video.objects.values_list("claimed_at", flat=True).get())
            time.sleep(0.02)
        return real(*args, **options)

    monkeypatch.setattr(videos, "prepare", slow)
    assert prepare(video)
    assert len(set(seen)) == 3


def test_progress_is_written_at_most_once_a_second(
    video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = prepare_file
    seen = []

    def told(*args: Any, on_progress: Callable[[int], None], **options: Any) -> Any:
        for percent in (10, 20, 30):
            on_progress(percent)
            seen.append(Video.objects.values_list("progress", flat=True).get())
        return real(*args, on_progress=on_progress, **options)

    monkeypatch.setattr(videos, "prepare", told)
    assert prepare(video)
    assert seen == [10, 10, 10]


def test_the_sweeper_wakes_what_waits_too_long_and_fails_what_killed_five_workers(
    project: Project, video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = video.ar_content
    dead, alive, hopeless, fresh = (uploaded(Video(ar_content=content), CLIP) for _ in range(4))
    VideoFactory.create(ar_content=content, status=VideoStatus.PENDING)
    now = timezone.now()
    rows = Video.objects
    rows.filter(pk=video.pk).update(updated_at=now - timedelta(minutes=2))
    held = {"status": VideoStatus.PROCESSING, "updated_at": now}
    over = now - leases.LEASE - timedelta(seconds=1)
    rows.filter(pk=dead.pk).update(**held, attempts=1, claimed_at=over)
    rows.filter(pk=alive.pk).update(**held, attempts=1, claimed_at=now)
    rows.filter(pk=hopeless.pk).update(**held, attempts=5, claimed_at=over)
    woken: list[int] = []

    def wake(ids: tuple[int], **_options: object) -> None:
        woken.extend(ids)

    monkeypatch.setattr(tasks.prepare_video, "apply_async", wake)
    assert tasks.sweep_videos() == 2
    assert sorted(woken) == sorted([video.pk, dead.pk])
    assert fresh.pk not in woken
    hopeless.refresh_from_db()
    assert (hopeless.status, hopeless.error) == (VideoStatus.FAILED, videos.REASONS.gave_up)
    assert len(failures()) == 1
    assert prepare(dead)
    assert dead.attempts == 2


def test_what_a_dead_worker_left_in_the_temporary_folder_is_removed_half_a_day_later() -> None:
    folder = Path(settings.FILE_UPLOAD_TEMP_DIR)
    old, new = folder / f"{videos.FOLDER_PREFIX}old", folder / f"{videos.FOLDER_PREFIX}new"
    for made in (old, new):
        made.mkdir()
        (made / "original").write_bytes(b"film")
    long_ago = time.time() - videos.LEFTOVER_AGE.total_seconds() - 60
    os.utime(old, (long_ago, long_ago))
    videos.overdue_videos(timezone.now())
    assert (old.exists(), new.exists()) == (False, True)
    (new / "original").unlink()
    new.rmdir()


def test_a_deleted_video_gives_its_room_back_and_the_next_one_plays(video: Video) -> None:
    second = uploaded(Video(ar_content=video.ar_content, rotation_order=1), OTHER)
    assert prepare(video)
    assert prepare(second)
    # Read before the worker was done.
    videos.delete_video(video)
    content = ARContent.objects.get()
    assert content.active_video == second
    assert StoredFile.objects.count() == 1 + len(OUTPUTS)
    assert_ledger_holds(second.company)
