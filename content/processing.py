"""From an upload to a published content: its picture and code, and the marker a worker makes.

The row is the job: see `leases`. Visitors keep the former marker until the new one is ready.
"""

import logging
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile, File
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_noop

from companies.limits import check_subscription
from companies.models import Company, FileKind, Project, StorageFolder
from companies.quota import QuotaExceeded
from companies.storage.uploads import stored_files
from content import leases, notifications, qrcodes, videos
from content.files import check_size, discard_files
from content.leases import Jobs, Lease, Reasons, untranslated
from content.markers import (
    ImageRejected,
    MarkerRejected,
    NormalisedImage,
    compile_marker,
    normalise_image,
    rate,
    thumbnail,
)
from content.models import ARContent, MarkerStatus, NotificationType, Portrait, Video
from content.models.target import MARKER_FIELDS
from content.video_file import Probe

if TYPE_CHECKING:
    from django.db import models

logger = logging.getLogger(__name__)

JOBS = Jobs("marker_")
# Stored in English, shown in the reader's language. What exactly failed is in the log.
REASONS = Reasons(
    trying_again=gettext_noop(
        "The marker could not be made just now; it is tried again by itself."
    ),
    gave_up=gettext_noop("The marker could not be made in five attempts: see the worker's log."),
)
NO_ROOM = gettext_noop(
    "The company's storage quota is full: make room, then make the marker again."
)
THUMBNAIL_SIDE = 480

# What a new picture changes in its row.
PICTURE_FIELDS = ("image", "image_width", "image_height", "thumbnail", *MARKER_FIELDS)

TARGETS: dict[str, type[ARContent] | type[Portrait]] = {
    model._meta.label_lower: model for model in (ARContent, Portrait)
}


def attach_picture(target: ARContent | Portrait, picture: NormalisedImage) -> None:
    """Give an unsaved or saved target a (new) picture; its marker is due again.

    The caller saves the row within `stored_files()` and wakes a worker after that. As with the
    other files, LimitReached is raised when the company may make nothing new.
    """
    check_subscription(target.company, timezone.now())
    drop_picture(target)
    target.image = ContentFile(picture.data, name=f"picture.{picture.extension}")
    target.image_width, target.image_height = picture.width, picture.height
    target.thumbnail = ContentFile(
        thumbnail(picture.data, side=THUMBNAIL_SIDE), name="thumbnail.webp"
    )
    if isinstance(target, Portrait):
        target.storage_connection = target.company.storage_connection
        target.storage_folder = StorageFolder.objects.filter(
            company=target.company, folder_type=FileKind.PORTRAITS
        ).first()


def drop_picture(target: ARContent | Portrait) -> None:
    """Take a target's picture and marker away, files included; the caller saves it."""
    if target.pk:
        # A worker may have written another marker since this row was read.
        model = type(target)
        target.marker = model._default_manager.select_for_update().get(pk=target.pk).marker
    for stored in (target.image, target.thumbnail, target.marker):
        if stored:
            stored.storage.delete(str(stored))
    target.image = target.thumbnail = target.marker = ""
    target.image_width = target.image_height = 0
    target.marker_points = target.marker_bytes = 0
    target.marker_generated_at = target.stars = None
    target.weakest_factor = ""
    target.trackability = {}
    for column, value in JOBS.anew().items():
        setattr(target, column, value)


def renew_marker(target: ARContent | Portrait) -> None:
    """Make the marker due again; visitors keep the present one until then.

    Raises LimitReached when the company may make nothing new.
    """
    check_subscription(target.company, timezone.now())
    type(target)._default_manager.filter(pk=target.pk).exclude(image="").update(
        **JOBS.anew(), updated_at=timezone.now()
    )


def attach_qr_code(content: ARContent) -> None:
    """Give a new content its QR code; the caller saves it."""
    check_subscription(content.company, timezone.now())
    content.qr_code = ContentFile(qrcodes.png(content.ar_url), name="qr.png")


def read_picture(upload: File[bytes]) -> NormalisedImage:
    """An uploaded picture as it is kept. Raises ValidationError with the reason against it."""
    check_size(upload, settings.IMAGE_MAX_BYTES)
    try:
        return normalise_image(upload.read())
    except ImageRejected as rejected:
        raise ValidationError(rejected.args[0], code="picture") from rejected


def create_content(
    *,
    project: Project,
    title: str,
    picture: NormalisedImage | None = None,
    video: File[bytes] | None = None,
    found: Probe | None = None,
    **fields: Any,
) -> ARContent:
    """Create a content with its picture, QR code and first video, or nothing at all.

    Without a `picture` the `fields` name the portrait that it uses. A `video` comes with what
    was `found` in it. `tasks.request_content` then wakes workers for both. Raises ValidationError
    for what the row cannot be, and of its kind QuotaExceeded when the company has no room for the
    files, LimitReached when it may make nothing new.
    """
    with stored_files():
        content = ARContent(project=project, company=project.company, title=title, **fields)
        content.clean_fields(exclude=["image"])
        content.clean()
        if picture:
            attach_picture(content, picture)
        content.validate_constraints()
        attach_qr_code(content)
        content.save()
        if video is not None and found is not None:
            row = Video(ar_content=content, title=title)
            videos.attach_upload(row, video, found)
            row.save()
    return content


def create_portrait(
    *, company: Company, title: str, picture: NormalisedImage, **fields: Any
) -> Portrait:
    """Create a portrait, or nothing at all. Raises as `create_content` does."""
    with stored_files():
        portrait = Portrait(company=company, title=title, **fields)
        portrait.clean_fields(exclude=["image"])
        attach_picture(portrait, picture)
        portrait.save()
    return portrait


def delete_portrait(portrait: Portrait) -> None:
    """Delete a portrait and its files. Raises ProtectedError while contents use it."""
    with stored_files():
        discard_files(portrait)
        portrait.delete()


def delete_content(content: ARContent) -> None:
    """Delete a content with its videos and all their files."""
    with stored_files():
        # Locked first, as in the forms: they discard the files in another order.
        ARContent.objects.select_for_update().filter(pk=content.pk).first()
        for video in content.videos.all():
            discard_files(video)
        discard_files(content)
        content.delete()


def generate_marker(label: str, pk: int, *, now: datetime) -> bool:
    """Compile the marker of the target `label`:`pk` if it is due.

    True when this call did it, or found out why it cannot be. Raises what may pass: the storage
    or the machine failed, not the picture.
    """
    rows = TARGETS[label]._default_manager.filter(pk=pk).exclude(image="")
    claimed = JOBS.claim(rows, now)
    target = rows.first()
    if claimed is None or target is None:
        return False
    # Whoever replaces the picture takes it away from this worker.
    lease = claimed.only(image=str(target.image))
    return leases.work(
        lease,
        lambda: _compile(target, lease),
        refusal=_refusal,
        fail=lambda reason: _fail(lease.rows, target, reason),
        reasons=REASONS,
    )


def _compile(target: ARContent | Portrait, lease: Lease) -> None:
    with target.image.open("rb") as stored:
        picture = stored.read()
    marker = compile_marker(picture, progress=lease.report)
    score = rate(picture, marker)
    with stored_files():
        name = target.marker.field.generate_filename(target, "marker.mind")
        name = target.marker.storage.save(name, ContentFile(marker.data))
        lease.settle(
            status=MarkerStatus.READY,
            marker=name,
            marker_progress=100,
            marker_generated_at=timezone.now(),
            marker_bytes=len(marker.data),
            marker_points=marker.points,
            stars=score.stars,
            weakest_factor=score.weakest,
            trackability=asdict(score),
        )
        if target.marker:
            target.marker.storage.delete(str(target.marker))


def _refusal(error: Exception) -> str | None:
    if isinstance(error, MarkerRejected):
        return untranslated(error)
    return NO_ROOM if isinstance(error, QuotaExceeded) else None


def _fail(rows: "models.QuerySet[Any]", target: ARContent | Portrait, reason: str) -> None:
    name = target._meta.model_name
    is_judged = reason not in {NO_ROOM, REASONS.gave_up}
    with leases.failing(rows, JOBS, reason, **({"stars": 0} if is_judged else {})):
        notifications.announce(
            NotificationType.MARKER_FAILED,
            company=target.company,
            content=target if isinstance(target, ARContent) else None,
            key=f"{name}-{target.pk}-{timezone.now().isoformat()}",
            context={
                "content": target.title,
                "reason": reason,
                "url": reverse(f"admin:content_{name}_change", args=[target.pk]),
            },
        )
    logger.info("marker_failed", extra={"target": name, "pk": target.pk, "reason": reason})


def overdue_markers(now: datetime) -> Iterator[tuple[str, int]]:
    """Targets whose message was lost or whose worker died: (label, id), a bounded batch."""
    for label, model in TARGETS.items():
        rows = model._default_manager.exclude(image="")
        due = JOBS.sweep(rows, now, lambda mine, target: _fail(mine, target, REASONS.gave_up))
        yield from ((label, pk) for pk in due)
