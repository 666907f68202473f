"""Celery tasks: thin wrappers, ids in, one call."""

from dataclasses import asdict

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from content import bulk, expiry, notifications, playback, processing, videos
from content.models import (
    ARContent,
    BulkImport,
    MarkerStatus,
    Portrait,
    Video,
    VideoStatus,
)

# Where workers are behind, the messages of the next sweep replace those of the last one.
SWEPT_EXPIRE = 60.0


@shared_task
def generate_marker(label: str, pk: int) -> bool:
    return processing.generate_marker(label, pk, now=timezone.now())


@shared_task
def sweep_markers() -> int:
    """Wake workers for markers whose message was lost; returns how many."""
    overdue = list(processing.overdue_markers(timezone.now()))
    for label, pk in overdue:
        generate_marker.apply_async((label, pk), expires=SWEPT_EXPIRE)
    return len(overdue)


def request_marker(target: ARContent | Portrait) -> None:
    """Wake a worker for the target's marker once the surrounding transaction is committed."""
    label, pk = target._meta.label_lower, target.pk
    # Robust: with the broker away the row is kept all the same, and the sweeper finds it.
    transaction.on_commit(lambda: generate_marker.delay(label, pk), robust=True)


@shared_task(soft_time_limit=videos.MOST_SECONDS, time_limit=videos.MOST_SECONDS + 60)
def prepare_video(pk: int) -> bool:
    return videos.prepare_video(pk, now=timezone.now())


@shared_task
def sweep_videos() -> int:
    """Wake workers for videos whose message was lost or whose worker died; returns how many."""
    overdue = videos.overdue_videos(timezone.now())
    for pk in overdue:
        prepare_video.apply_async((pk,), expires=SWEPT_EXPIRE)
    return len(overdue)


def request_video(video: Video) -> None:
    """Wake a worker for the video once the surrounding transaction is committed."""
    pk = video.pk
    transaction.on_commit(lambda: prepare_video.delay(pk), robust=True)


def request_content(content: ARContent) -> None:
    """Wake workers for whatever a new content waits for."""
    if content.portrait_id is None and content.marker_status == MarkerStatus.PENDING:
        request_marker(content)
    for video in content.videos.filter(status=VideoStatus.PENDING):
        request_video(video)


@shared_task
def rotate_videos() -> int:
    """Write down what plays where a turn or a window's edge has come; how many contents."""
    return playback.rotate_all_due(now=timezone.now())


@shared_task
def run_bulk_import(pk: int) -> None:
    """Work on an import for a few minutes; a long one goes on in the next message."""
    if bulk.run(pk, now=timezone.now(), created=request_content):
        run_bulk_import.delay(pk)


@shared_task
def sweep_bulk_imports() -> int:
    """Wake workers for imports whose message was lost or whose worker died; returns how many."""
    overdue = bulk.overdue_imports(timezone.now())
    for pk in overdue:
        run_bulk_import.delay(pk)
    return len(overdue)


def request_bulk_import(bulk_import: BulkImport) -> None:
    """Wake a worker for a started import once the surrounding transaction is committed."""
    pk = bulk_import.pk
    transaction.on_commit(lambda: run_bulk_import.delay(pk), robust=True)


# Within the lease, so that no second worker starts while a first one still talks.
@shared_task(soft_time_limit=45, time_limit=55)
def deliver(pk: int) -> bool:
    return notifications.deliver(pk, now=timezone.now())


@shared_task
def deliver_due() -> int:
    return notifications.deliver_due(now=timezone.now())


@shared_task
def expire_due() -> dict[str, int]:
    """Projects, contents and subscriptions whose time has come; the numbers go to the log."""
    return asdict(expiry.expire_due(now=timezone.now()))


@shared_task
def warn_due() -> int:
    return expiry.warn_due(now=timezone.now())
