"""From an upload to a published content: pictures, markers and videos of the rows.

Rows are the queue of record. A marker is claimed by a conditional update, so a message that
arrives twice, or a worker that comes back from the dead, changes nothing.
"""

import logging
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile, File
from django.db import models
from django.db.models import F, Q
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop, override

from companies.limits import check_subscription
from companies.models import Company, FileKind, Project, StorageFolder
from companies.quota import QuotaExceeded
from companies.storage.uploads import stored_files
from content import qrcodes
from content.markers import (
    ImageRejected,
    Marker,
    MarkerRejected,
    NormalisedImage,
    Trackability,
    compile_marker,
    normalise_image,
    rate,
    thumbnail,
)
from content.models import ARContent, MarkerStatus, Portrait, Video
from content.models.target import MARKER_FIELDS
from content.video_file import VideoFile, VideoRejected, probe

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=10)
MAX_ATTEMPTS = 5
THUMBNAIL_SIDE = 480
SWEEP_BATCH = 100
# Stored in English, shown in the reader's language. What exactly failed is in the log.
TRYING_AGAIN = gettext_noop("The marker could not be made just now; it is tried again by itself.")
NO_ROOM = gettext_noop(
    "The company's storage quota is full: make room, then make the marker again."
)
GAVE_UP = gettext_noop("The marker could not be made in five attempts: see the worker's log.")
# A message normally arrives within a second; a row that waits longer has lost its own.
PATIENCE = timedelta(seconds=30)

# What a new picture, or a new video file, changes in its row.
PICTURE_FIELDS = ("image", "image_width", "image_height", "thumbnail", *MARKER_FIELDS)
VIDEO_FIELDS = ("video", "thumbnail", "duration", "width", "height", "mime_type", "size_bytes")

TARGETS: dict[str, type[ARContent] | type[Portrait]] = {
    model._meta.label_lower: model for model in (ARContent, Portrait)
}


def discard_files(row: models.Model) -> None:
    """Remove the files of a row that is about to go, once its transaction is committed."""
    for field in row._meta.get_fields():
        if isinstance(field, models.FileField):
            stored = getattr(row, field.name)
            if stored:
                stored.storage.delete(str(stored))


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
    target.marker_status = MarkerStatus.PENDING
    target.marker_progress = target.marker_attempts = 0
    target.marker_points = target.marker_bytes = 0
    target.marker_claimed_at = target.marker_generated_at = target.stars = None
    target.marker_error = target.weakest_factor = ""
    target.trackability = {}


def renew_marker(target: ARContent | Portrait) -> None:
    """Make the marker due again; visitors keep the present one until then.

    Raises LimitReached when the company may make nothing new.
    """
    check_subscription(target.company, timezone.now())
    type(target)._default_manager.filter(pk=target.pk).exclude(image="").update(
        marker_status=MarkerStatus.PENDING,
        marker_progress=0,
        marker_attempts=0,
        marker_claimed_at=None,
        marker_error="",
        updated_at=timezone.now(),
    )


def attach_qr_code(content: ARContent) -> None:
    """Give a new content its QR code; the caller saves it."""
    check_subscription(content.company, timezone.now())
    content.qr_code = ContentFile(qrcodes.png(content.ar_url), name="qr.png")


def attach_video(video: Video, upload: File[bytes], found: VideoFile) -> None:
    """Give a video row its (new) file, poster and probed metadata; the caller saves it."""
    check_subscription(video.company, timezone.now())
    for stored in (video.video, video.thumbnail):
        if stored:
            stored.storage.delete(str(stored))
    video.video = File(upload.file, name=f"video.{found.extension}")
    video.thumbnail = ContentFile(found.poster, name="poster.webp")
    video.duration, video.width, video.height = found.duration, found.width, found.height
    video.mime_type = found.mime_type
    video.size_bytes = upload.size


def ensure_active_video(content: ARContent) -> None:
    """A content's first video becomes its active one."""
    if not ARContent.objects.filter(pk=content.pk, active_video__isnull=False).exists():
        first = content.videos.first()
        if first is not None:
            first.activate()


def read_picture(upload: File[bytes]) -> NormalisedImage:
    """An uploaded picture as it is kept. Raises ValidationError with the reason against it."""
    check_size(upload, settings.IMAGE_MAX_BYTES)
    try:
        return normalise_image(upload.read())
    except ImageRejected as rejected:
        raise ValidationError(rejected.args[0], code="picture") from rejected


def read_video(upload: File[bytes]) -> VideoFile:
    """What is in an uploaded video. Raises ValidationError with the reason against it."""
    check_size(upload, settings.VIDEO_MAX_BYTES)
    try:
        return probe(upload)
    except VideoRejected as rejected:
        raise ValidationError(rejected.args[0], code="video") from rejected


def check_size(upload: File[bytes], limit: int) -> None:
    if not upload.size:
        raise ValidationError(_("The file is empty."), code="empty")
    if upload.size > limit:
        message = _("The file is larger than %(limit)s.")
        raise ValidationError(message, code="large", params={"limit": filesizeformat(limit)})


def create_content(
    *,
    project: Project,
    title: str,
    picture: NormalisedImage | None = None,
    video: File[bytes] | None = None,
    found: VideoFile | None = None,
    **fields: Any,
) -> ARContent:
    """Create a content with its picture, QR code and active video, or nothing at all.

    Without a `picture` the `fields` name the portrait that it uses. A `video` comes with what
    was `found` in it. Raises ValidationError for what the row cannot be, and of its kind
    QuotaExceeded when the company has no room for the files, LimitReached when it may make
    nothing new.
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
            attach_video(row, video, found)
            row.save()
            row.activate()
            content.active_video = row
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


def delete_video(video: Video) -> None:
    with stored_files():
        discard_files(video)
        video.delete()
        ensure_active_video(video.ar_content)


def generate_marker(label: str, pk: int, *, now: datetime) -> bool:
    """Compile the marker of the target `label`:`pk` if it is due; True when this call did it."""
    model = TARGETS[label]
    rows = model._default_manager.filter(pk=pk)
    claimed = rows.filter(_due(now)).update(
        marker_status=MarkerStatus.PROCESSING,
        marker_claimed_at=now,
        marker_attempts=F("marker_attempts") + 1,
        marker_progress=0,
    )
    if claimed != 1:
        return False
    target = rows.get()
    # Whoever replaces the picture or takes over the lease changes one of these.
    mine = rows.filter(
        marker_status=MarkerStatus.PROCESSING, marker_claimed_at=now, image=target.image.name
    )
    try:
        with target.image.open("rb") as stored:
            picture = stored.read()
        marker = compile_marker(picture, progress=lambda share: _report_progress(mine, share))
        score = rate(picture, marker)
        return _finish(target, mine, marker, score)
    except MarkerRejected as rejected:
        mine.update(
            marker_status=MarkerStatus.FAILED,
            marker_error=untranslated(rejected),
            stars=0,
            updated_at=timezone.now(),
        )
        logger.info("marker_rejected", extra={"target": label, "pk": pk, "code": rejected.code})
        return True
    except QuotaExceeded:
        mine.update(
            marker_status=MarkerStatus.FAILED, marker_error=NO_ROOM, updated_at=timezone.now()
        )
        return True
    except Exception:
        # The storage or the machine failed, not the picture: the sweeper tries again.
        given_up = target.marker_attempts >= MAX_ATTEMPTS
        mine.update(
            marker_status=MarkerStatus.FAILED if given_up else MarkerStatus.PENDING,
            marker_error=GAVE_UP if given_up else TRYING_AGAIN,
            updated_at=timezone.now(),
        )
        raise


def _report_progress(mine: "models.QuerySet[Any]", share: float) -> None:
    mine.update(marker_progress=min(99, int(share * 100)))


def _finish(
    target: ARContent | Portrait,
    mine: "models.QuerySet[Any]",
    marker: Marker,
    score: Trackability,
) -> bool:
    now = timezone.now()
    with stored_files():
        name = target.marker.field.generate_filename(target, "marker.mind")
        name = target.marker.storage.save(name, ContentFile(marker.data))
        written = mine.update(
            marker=name,
            marker_status=MarkerStatus.READY,
            marker_progress=100,
            marker_error="",
            marker_generated_at=now,
            marker_bytes=len(marker.data),
            marker_points=marker.points,
            stars=score.stars,
            weakest_factor=score.weakest,
            trackability=asdict(score),
            updated_at=now,
        )
        if written != 1:
            # The picture was replaced meanwhile: this marker is nobody's.
            target.marker.storage.delete(name)
        elif target.marker:
            target.marker.storage.delete(str(target.marker))
    return written == 1


def _due(now: datetime) -> Q:
    """Rows that a worker may claim: waiting, or held by a worker that is dead."""
    return Q(marker_attempts__lt=MAX_ATTEMPTS) & (
        Q(marker_status=MarkerStatus.PENDING)
        | Q(marker_status=MarkerStatus.PROCESSING, marker_claimed_at__lt=now - LEASE)
    )


def _overdue(now: datetime) -> Q:
    """As above, but waiting rows only after a patience that doubles with each attempt."""
    waited = Q()
    for attempts in range(MAX_ATTEMPTS):
        waited |= Q(marker_attempts=attempts, updated_at__lt=now - PATIENCE * 2**attempts)
    return _due(now) & (~Q(marker_status=MarkerStatus.PENDING) | waited)


def overdue_markers(now: datetime) -> Iterator[tuple[str, int]]:
    """Targets whose message was lost or whose worker died: (label, id), a bounded batch."""
    for label, model in TARGETS.items():
        rows = model._default_manager.exclude(image="")
        dead = rows.filter(
            marker_status=MarkerStatus.PROCESSING,
            marker_claimed_at__lt=now - LEASE,
            marker_attempts__gte=MAX_ATTEMPTS,
        )
        dead.update(marker_status=MarkerStatus.FAILED, marker_error=GAVE_UP, updated_at=now)
        due = rows.filter(_overdue(now)).order_by("updated_at")
        for pk in due.values_list("pk", flat=True)[:SWEEP_BATCH]:
            yield label, pk


def untranslated(error: Exception) -> str:
    """The English message of an error; the admin translates it when it is shown."""
    with override("en"):
        return str(error.args[0])
