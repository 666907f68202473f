"""From an uploaded video to one that every phone plays: kept, prepared by a worker, then shown.

The row is the job: see `leases`. Visitors keep the former video until the new one is ready.
"""

import logging
import shutil
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_noop

from companies.limits import check_subscription
from companies.quota import QuotaExceeded
from companies.storage.uploads import stored_files
from content import leases, notifications, playback
from content.files import check_size, discard_files
from content.leases import Jobs, Lease, LeaseLost, Reasons, untranslated
from content.models import ARContent, NotificationType, Video, VideoStatus
from content.video_file import Prepared, Probe, VideoRejected, VideoTooSlow, prepare, probe

if TYPE_CHECKING:
    from django.db import models

logger = logging.getLogger(__name__)

JOBS = Jobs()
# Stored in English, shown in the reader's language. What exactly failed is in the log.
REASONS = Reasons(
    trying_again=gettext_noop(
        "The video could not be prepared just now; it is tried again by itself."
    ),
    gave_up=gettext_noop("The video could not be prepared in five attempts: see the worker's log."),
)
NO_ROOM = gettext_noop(
    "The company's storage quota is full: make room, then have the video prepared again."
)
TOO_SLOW = gettext_noop(
    "The video takes too long to prepare: upload a shorter one, or one with fewer pixels."
)

# What a new upload changes in its row.
UPLOAD_FIELDS = ("original", "status", "progress", "attempts", "claimed_at", "error", "probe")
ORIGINAL_EXTENSIONS = {".mp4", ".m4v", ".mov", ".webm"}
CHUNK = 1024 * 1024
REPORT_SECONDS = 1.0
# To fetch, prepare and store one; `video_file` ends the preparing itself after two hours.
MOST_SECONDS = 3 * 3600
# No work takes so long: what is older was left by a worker that died.
LEFTOVER_AGE = timedelta(hours=12)
FOLDER_PREFIX = "video-"


def read_video(upload: File[bytes]) -> Probe:
    """What is in an uploaded video. Raises ValidationError with the reason against it."""
    check_size(upload, settings.VIDEO_MAX_BYTES)
    try:
        return probe(upload)
    except VideoRejected as rejected:
        raise ValidationError(rejected.args[0], code="video") from rejected


def attach_upload(video: Video, upload: File[bytes], found: Probe) -> None:
    """Store a (new) original of an unsaved or saved video; it is due to be prepared.

    It is stored at once, before any row is locked: an upload may travel for minutes. The caller
    saves a new row itself, a saved one by `change_video`, within the same `stored_files()`, and
    wakes a worker after that. As with the other files, LimitReached is raised when the company may
    make nothing new.
    """
    check_subscription(video.company, timezone.now())
    extension = PurePosixPath(upload.name or "").suffix.lower()
    known = extension if extension in ORIGINAL_EXTENSIONS else ".mp4"
    name = video.original.field.generate_filename(video, f"original{known}")
    video.original = video.original.storage.save(name, File(upload.file))
    video.probe = found.as_json()
    for column, value in JOBS.anew().items():
        setattr(video, column, value)


def change_video(video: Video, *, changed: Iterable[str], now: datetime) -> bool:
    """Save the `changed` fields of a video and settle what plays.

    True when it is to be prepared, because of another original or another kind of transparency:
    then the caller wakes a worker.
    """
    columns = set(changed)
    is_due = "original" in columns
    with stored_files():
        # The content first, as everybody does who prepares, plays or deletes its videos.
        _locked_content(video)
        former = Video.objects.filter(pk=video.pk).values_list("original", flat=True).first()
        if is_due and former and former != str(video.original):
            video.original.storage.delete(former)
        if "has_alpha" in columns and former and not is_due:
            check_subscription(video.company, now)
            # Whatever a worker is making of it now is of the wrong kind.
            columns.update(JOBS.anew())
            for column, value in JOBS.anew().items():
                setattr(video, column, value)
            is_due = True
        video.save(update_fields={*columns, "updated_at"})
        playback.settle(video.ar_content, now=now)
    return is_due


def retry_video(video: Video) -> None:
    """Make the video due again, unless a worker is at it; `tasks.request_video` wakes one.

    Raises LimitReached when the company may make nothing new.
    """
    check_subscription(video.company, timezone.now())
    rows = Video.objects.filter(pk=video.pk).exclude(original="")
    rows.exclude(status=VideoStatus.PROCESSING).update(**JOBS.anew(), updated_at=timezone.now())


def delete_video(video: Video) -> None:
    """Delete a video with its files; what plays then is settled."""
    with stored_files():
        content = _locked_content(video)
        now = timezone.now()
        give_up_video(video, now=now)
        video.delete()
        if content is not None:
            playback.settle(content, now=now)


def give_up_video(video: Video, *, now: datetime) -> None:
    """What goes before the row of a video does: its turns and its files."""
    playback.make_way(video, now=now)
    # A worker may have stored other files since this row was read.
    discard_files(Video.objects.filter(pk=video.pk).first() or video)


def prepare_video(pk: int, *, now: datetime) -> bool:
    """Prepare the video if it is due; True when this call did it, or found out why it cannot be.

    Raises what may pass: the storage or the machine failed, not the video.
    """
    rows = Video.objects.filter(pk=pk).exclude(original="")
    claimed = JOBS.claim(rows, now)
    video = rows.select_related("ar_content__company", "ar_content__project").first()
    if claimed is None or video is None:
        return False
    # Whoever uploads another file, or says that it is transparent, takes it from this worker.
    lease = claimed.only(original=str(video.original), has_alpha=video.has_alpha)
    return leases.work(
        lease,
        lambda: _prepare(video, lease),
        refusal=_refusal,
        fail=lambda reason: _fail(lease.rows, video, reason),
        reasons=REASONS,
    )


def overdue_videos(now: datetime) -> list[int]:
    """Videos whose message was lost or whose worker died, a bounded batch of ids."""
    _remove_leftovers(now)
    rows = Video.objects.exclude(original="").select_related(
        "ar_content__company", "ar_content__project"
    )
    return JOBS.sweep(rows, now, lambda mine, video: _fail(mine, video, REASONS.gave_up))


def _prepare(video: Video, lease: Lease) -> None:
    with TemporaryDirectory(prefix=FOLDER_PREFIX, dir=settings.FILE_UPLOAD_TEMP_DIR) as folder:
        source, made = Path(folder) / "original", Path(folder) / "made"
        made.mkdir()
        with video.original.open("rb") as stored, source.open("wb") as copy:
            shutil.copyfileobj(stored, copy, CHUNK)
        prepared = prepare(
            source, made, on_progress=_once_a_second(lease.report), keep_halves=video.has_alpha
        )
        source.unlink()
        _store(video, lease, prepared)


def _once_a_second(report: Callable[[float], None]) -> Callable[[int], None]:
    last = 0.0

    def at_most(percent: int) -> None:
        nonlocal last
        if time.monotonic() - last >= REPORT_SECONDS:
            report(percent / 100)
            last = time.monotonic()

    return at_most


def _store(video: Video, lease: Lease, prepared: Prepared) -> None:
    """The new files take the place of the old ones, all of them or none."""
    with stored_files():
        names = {
            field: _stored(video, field, path)
            for field, path in {
                "video": prepared.video,
                "poster": prepared.poster,
                "thumbnail": prepared.thumbnail,
                "thumbnail_small": prepared.thumbnail_small,
                "thumbnail_large": prepared.thumbnail_large,
            }.items()
        }
        content = _locked_content(video)
        if content is None:
            raise LeaseLost
        former = Video.objects.filter(pk=video.pk).values_list(*names).first() or ()
        lease.settle(
            status=VideoStatus.READY,
            progress=100,
            duration=prepared.duration,
            width=prepared.width,
            height=prepared.height,
            mime_type=prepared.mime_type,
            size_bytes=prepared.bytes,
            **names,
        )
        for name in filter(None, former):
            video.video.storage.delete(name)
        now = timezone.now()
        ready = Video.objects.select_related("ar_content").get(pk=video.pk)
        if ready.plays_when_ready:
            playback.choose(ready, now=now)
        else:
            playback.settle(content, now=now)


def _stored(video: Video, field: str, path: Path) -> str:
    file = getattr(video, field)
    with path.open("rb") as made:
        name: str = file.storage.save(file.field.generate_filename(video, path.name), File(made))
    return name


def _locked_content(video: Video) -> ARContent | None:
    # Locked before its videos and files, as whoever deletes it does.
    rows = ARContent.objects.select_for_update(no_key=True)
    return rows.filter(pk=video.ar_content_id).first()


def _refusal(error: Exception) -> str | None:
    if isinstance(error, VideoRejected):
        return untranslated(error)
    if isinstance(error, VideoTooSlow):
        return TOO_SLOW
    return NO_ROOM if isinstance(error, QuotaExceeded) else None


def _fail(rows: "models.QuerySet[Video]", video: Video, reason: str) -> None:
    content = video.ar_content
    with leases.failing(rows, JOBS, reason):
        notifications.announce(
            NotificationType.VIDEO_FAILED,
            company=content.company,
            content=content,
            key=f"video-{video.pk}-{timezone.now().isoformat()}",
            context={
                "video": str(video),
                "reason": reason,
                "url": reverse("admin:content_video_change", args=[video.pk]),
            },
        )
    logger.info("video_failed", extra={"pk": video.pk, "reason": reason})


def _remove_leftovers(now: datetime) -> None:
    before = (now - LEFTOVER_AGE).timestamp()
    for folder in Path(settings.FILE_UPLOAD_TEMP_DIR).glob(f"{FOLDER_PREFIX}*"):
        if folder.is_dir() and folder.stat().st_mtime < before:
            shutil.rmtree(folder, ignore_errors=True)
