"""The videos of a content, and the schedules that rotate them."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from arv.lib.schema import one_of
from companies.models import Company, FileKind
from companies.models.ownership import audited
from companies.storage.router import TenantStorage, generated_name


def video_name(instance: "Video", filename: str) -> str:
    return generated_name(instance.company, FileKind.VIDEOS, filename)


def video_thumbnail_name(instance: "Video", filename: str) -> str:
    return generated_name(instance.company, FileKind.THUMBNAILS, filename)


def original_name(instance: "Video", filename: str) -> str:
    return generated_name(instance.company, FileKind.VIDEOS, filename)


class VideoStatus(models.TextChoices):
    PENDING = "pending", _("waiting")
    PROCESSING = "processing", _("being prepared")
    READY = "ready", _("ready")
    FAILED = "failed", _("failed")


# What a worker writes: none of it is anybody's change.
PROCESSED_FIELDS = (
    "status",
    "progress",
    "attempts",
    "claimed_at",
    "error",
    "probe",
    "plays_when_ready",
    "video",
    "poster",
    "thumbnail",
    "thumbnail_small",
    "thumbnail_large",
    "duration",
    "width",
    "height",
    "size_bytes",
    "mime_type",
    "is_active",
)


class RotationType(models.TextChoices):
    DAILY = "daily", _("daily")
    WEEKLY = "weekly", _("weekly")
    MONTHLY = "monthly", _("monthly")
    CRON = "cron", _("cron expression")
    RANDOM = "random", _("random")
    SEQUENCE = "sequence", _("each view the next")


# What each type goes by; the other fields of a rule stay empty.
USED_BY: dict[str, tuple[str, ...]] = {
    RotationType.DAILY: ("time_of_day",),
    RotationType.WEEKLY: ("day_of_week", "time_of_day"),
    RotationType.MONTHLY: ("day_of_month", "time_of_day"),
    RotationType.CRON: ("cron_expression",),
    RotationType.RANDOM: ("cron_expression", "day_of_month", "day_of_week", "time_of_day"),
    RotationType.SEQUENCE: (),
}


def _file(label: Any, upload_to: Callable[[Any, str], str]) -> models.FileField:
    return models.FileField(
        label,
        upload_to=upload_to,
        storage=TenantStorage(),
        max_length=255,
        blank=True,
        editable=False,
    )


class Video(models.Model):
    """A video of a content: what was uploaded, and what a worker made of it for phones.

    It can be played once `video` is there, whatever the status: a new upload takes the place of
    the old one when it is ready.
    """

    company_path: ClassVar = "ar_content__company"

    ar_content = models.ForeignKey(
        "content.ARContent",
        on_delete=models.CASCADE,
        related_name="videos",
        verbose_name=_("AR content"),
    )
    original = _file(_("original"), original_name)
    video = _file(_("video file"), video_name)
    poster = _file(_("poster"), video_thumbnail_name)
    # WebP, no side longer than 320 px; the other two at most 160 and 640.
    thumbnail = _file(_("thumbnail"), video_thumbnail_name)
    thumbnail_small = _file(_("small thumbnail"), video_thumbnail_name)
    thumbnail_large = _file(_("large thumbnail"), video_thumbnail_name)
    title = models.CharField(_("title"), max_length=255, blank=True)
    # Colours in the left half of each picture, and how opaque they are, in grey, in the right one.
    has_alpha = models.BooleanField(
        _("transparent"),
        default=False,
        help_text=_("Left half: the picture; right half: what of it is opaque, in white."),
    )
    status = models.CharField(
        _("status"),
        max_length=20,
        choices=VideoStatus,
        default=VideoStatus.PENDING,
        editable=False,
    )
    progress = models.PositiveSmallIntegerField(_("progress, %"), default=0, editable=False)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0, editable=False)
    claimed_at = models.DateTimeField(null=True, blank=True, editable=False)
    error = models.TextField(_("error"), blank=True, editable=False)
    # Staff have chosen it already: it takes its turn with the end of its preparation.
    plays_when_ready = models.BooleanField(default=False, editable=False)
    # What was found in the original: see video_file.Probe.
    probe = models.JSONField(_("probe"), default=dict, blank=True, editable=False)
    duration = models.FloatField(_("duration, s"), default=0, editable=False)
    width = models.PositiveIntegerField(_("width"), default=0, editable=False)
    height = models.PositiveIntegerField(_("height"), default=0, editable=False)
    size_bytes = models.PositiveBigIntegerField(_("bytes"), default=0, editable=False)
    mime_type = models.CharField(_("MIME type"), max_length=100, blank=True, editable=False)
    is_active = models.BooleanField(_("active"), default=False, editable=False)
    schedule_start = models.DateTimeField(_("window opens"), null=True, blank=True)
    schedule_end = models.DateTimeField(_("window closes"), null=True, blank=True)
    rotation_order = models.PositiveIntegerField(_("order"), default=0)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    history = audited("updated_at", *PROCESSED_FIELDS)

    class Meta:
        verbose_name = _("video")
        verbose_name_plural = _("videos")
        ordering: ClassVar[list[str]] = ["rotation_order", "pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["ar_content"],
                condition=Q(is_active=True),
                name="%(app_label)s_%(class)s_one_active",
            ),
            models.CheckConstraint(
                condition=Q(schedule_start__isnull=True)
                | Q(schedule_end__isnull=True)
                | Q(schedule_end__gt=models.F("schedule_start")),
                name="%(app_label)s_%(class)s_window_order",
                violation_error_message=_("A window closes after it opens."),
            ),
            one_of("status", VideoStatus),
        ]

    def __str__(self) -> str:
        return self.title or f"#{self.pk}"

    @property
    def company(self) -> Company:
        return self.ar_content.company

    @property
    def reason(self) -> str:
        """Why it failed, in the reader's language."""
        return gettext(self.error) if self.error else ""


class VideoRotationScheduleQuerySet(models.QuerySet["VideoRotationSchedule"]):
    def by_view(self) -> "VideoRotationScheduleQuerySet":
        """Schedules that give each view the next video."""
        return self.filter(is_active=True, rotation_type=RotationType.SEQUENCE)


class VideoRotationSchedule(models.Model):
    """When the next video of a content's sequence takes its turn.

    `current_index` names the item of the sequence that has its turn now; it was given at
    `counts_from`, and the boundaries after that instant have not been counted yet. A schedule
    without items rotates all videos of the content in their order.
    """

    company_path: ClassVar = "ar_content__company"

    ar_content = models.ForeignKey(
        "content.ARContent",
        on_delete=models.CASCADE,
        related_name="rotation_schedules",
        verbose_name=_("AR content"),
    )
    rotation_type = models.CharField(_("rotation type"), max_length=10, choices=RotationType)
    time_of_day = models.TimeField(_("time of day"), null=True, blank=True)
    day_of_week = models.PositiveSmallIntegerField(
        _("day of the week"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(7)],
        help_text=_("1 is Monday, 7 is Sunday."),
    )
    day_of_month = models.PositiveSmallIntegerField(
        _("day of the month"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(31)],
        help_text=_("31 is the last day of a shorter month."),
    )
    cron_expression = models.CharField(_("cron expression"), max_length=100, blank=True)
    current_index = models.PositiveIntegerField(_("current index"), default=0, editable=False)
    is_active = models.BooleanField(_("active"), default=True)
    last_rotation_at = models.DateTimeField(
        _("last rotation at"), null=True, blank=True, editable=False
    )
    next_rotation_at = models.DateTimeField(
        _("next rotation at"), null=True, blank=True, editable=False
    )
    counts_from = models.DateTimeField(_("counts from"), default=timezone.now, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = VideoRotationScheduleQuerySet.as_manager()
    history = audited("current_index", "last_rotation_at", "next_rotation_at", "counts_from")

    class Meta:
        verbose_name = _("rotation schedule")
        verbose_name_plural = _("rotation schedules")
        indexes: ClassVar[list[models.Index]] = [
            # The rotation tick: the schedules that are due.
            models.Index(fields=["next_rotation_at"], name="idx_rotation_schedules_next"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            one_of("rotation_type", RotationType),
            models.CheckConstraint(
                condition=Q(day_of_week__isnull=True) | Q(day_of_week__range=(1, 7)),
                name="%(app_label)s_%(class)s_day_of_week_range",
            ),
            models.CheckConstraint(
                condition=Q(day_of_month__isnull=True) | Q(day_of_month__range=(1, 31)),
                name="%(app_label)s_%(class)s_day_of_month_range",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ar_content} · {self.get_rotation_type_display()}"


class RotationItem(models.Model):
    """One step of a schedule's sequence of videos."""

    company_path: ClassVar = "schedule__ar_content__company"

    schedule = models.ForeignKey(
        VideoRotationSchedule,
        on_delete=models.CASCADE,
        related_name="items",
        verbose_name=_("schedule"),
    )
    video = models.ForeignKey(
        Video, on_delete=models.CASCADE, related_name="rotation_items", verbose_name=_("video")
    )
    position = models.PositiveIntegerField(_("position"))

    class Meta:
        verbose_name = _("rotation item")
        verbose_name_plural = _("rotation items")
        ordering: ClassVar[list[str]] = ["position"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["schedule", "position"], name="%(app_label)s_%(class)s_unique_position"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position}: {self.video}"

    def clean(self) -> None:
        super().clean()
        if self.video.ar_content_id != self.schedule.ar_content_id:
            raise ValidationError({"video": _("The video belongs to another content.")})

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.clean()
        super().save(*args, **kwargs)
