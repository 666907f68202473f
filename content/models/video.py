"""The videos of a content, and the schedules that rotate them."""

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from arv.lib.schema import one_of
from companies.models import Company, FileKind
from companies.models.ownership import audited
from companies.storage.router import TenantStorage, generated_name


def video_name(instance: "Video", filename: str) -> str:
    return generated_name(instance.company, FileKind.VIDEOS, filename)


def video_thumbnail_name(instance: "Video", filename: str) -> str:
    return generated_name(instance.company, FileKind.THUMBNAILS, filename)


class RotationType(models.TextChoices):
    DAILY = "daily", _("daily")
    WEEKLY = "weekly", _("weekly")
    MONTHLY = "monthly", _("monthly")
    CRON = "cron", _("cron expression")
    RANDOM = "random", _("random")
    SEQUENCE = "sequence", _("each view the next")


class Video(models.Model):
    """A video of a content. It can be played once it is stored: uploads are probed before."""

    company_path: ClassVar = "ar_content__company"

    ar_content = models.ForeignKey(
        "content.ARContent",
        on_delete=models.CASCADE,
        related_name="videos",
        verbose_name=_("AR content"),
    )
    video = models.FileField(
        _("video file"), upload_to=video_name, storage=TenantStorage(), max_length=255
    )
    thumbnail = models.FileField(
        _("thumbnail"),
        upload_to=video_thumbnail_name,
        storage=TenantStorage(),
        max_length=255,
        blank=True,
        editable=False,
    )
    title = models.CharField(_("title"), max_length=255, blank=True)
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

    history = audited("updated_at")

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
        ]

    def __str__(self) -> str:
        return self.title or f"#{self.pk}"

    @property
    def company(self) -> Company:
        return self.ar_content.company

    @transaction.atomic
    def activate(self) -> None:
        """Make this the video that the content plays."""
        type(self.ar_content).objects.select_for_update().get(pk=self.ar_content_id)
        Video.objects.filter(ar_content=self.ar_content_id, is_active=True).exclude(
            pk=self.pk
        ).update(is_active=False)
        type(self.ar_content).objects.filter(pk=self.ar_content_id).update(active_video=self.pk)
        # Saved, not updated: the history shall tell who chose it.
        self.is_active = True
        self.save(update_fields=["is_active", "updated_at"])


class VideoRotationSchedule(models.Model):
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
    current_index = models.PositiveIntegerField(_("current index"), default=0)
    is_active = models.BooleanField(_("active"), default=True)
    last_rotation_at = models.DateTimeField(_("last rotation at"), null=True, blank=True)
    next_rotation_at = models.DateTimeField(_("next rotation at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    history = audited("current_index", "last_rotation_at", "next_rotation_at")

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
