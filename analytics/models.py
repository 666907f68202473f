"""Who looked: one row per visit, and the daily roll-up behind reports."""

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from arv.lib.schema import LongNamedIndex, one_of
from companies.models import Company, Project
from content.models import ARContent


class StatDimension(models.TextChoices):
    TOTAL = "total", _("total")
    DEVICE = "device", _("device")
    BROWSER = "browser", _("browser")
    OS = "os", _("operating system")
    COUNTRY = "country", _("country")
    CITY = "city", _("city")


class TrackingQuality(models.TextChoices):
    GOOD = "good", _("good")
    FAIR = "fair", _("fair")
    POOR = "poor", _("poor")


class DeviceType(models.TextChoices):
    MOBILE = "mobile", _("phone")
    TABLET = "tablet", _("tablet")
    DESKTOP = "desktop", _("computer")
    UNKNOWN = "unknown", _("unknown")


class ARViewSession(models.Model):
    company_path: ClassVar = "company"

    ar_content = models.ForeignKey(
        ARContent,
        on_delete=models.CASCADE,
        related_name="view_sessions",
        verbose_name=_("AR content"),
        db_index=False,
    )
    project = models.ForeignKey(
        Project,
        on_delete=models.CASCADE,
        related_name="view_sessions",
        verbose_name=_("project"),
    )
    company = models.ForeignKey(
        Company,
        on_delete=models.CASCADE,
        related_name="view_sessions",
        verbose_name=_("company"),
        db_index=False,
    )
    session_id = models.UUIDField(_("session id"))
    user_agent = models.CharField(_("User-Agent"), max_length=500, blank=True)
    device_type = models.CharField(
        _("device"), max_length=10, choices=DeviceType, default=DeviceType.UNKNOWN
    )
    browser = models.CharField(_("browser"), max_length=60, blank=True)
    os = models.CharField(_("operating system"), max_length=60, blank=True)
    ip_address = models.GenericIPAddressField(
        _("network address"), null=True, blank=True, help_text=_("Cut to /24 or /48.")
    )
    country = models.CharField(_("country"), max_length=60, blank=True)
    city = models.CharField(_("city"), max_length=100, blank=True)
    duration_seconds = models.PositiveIntegerField(_("duration, s"), null=True, blank=True)
    tracking_quality = models.CharField(
        _("tracking quality"), max_length=10, choices=TrackingQuality, blank=True
    )
    video_played = models.BooleanField(_("video played"), default=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)

    class Meta:
        verbose_name = _("AR view session")
        verbose_name_plural = _("AR view sessions")
        indexes: ClassVar[list[models.Index]] = [
            # A company's views in a window of time.
            LongNamedIndex(
                fields=["company", "created_at"], name="idx_ar_sessions_company_created"
            ),
            # A content's views in a window of time.
            models.Index(fields=["ar_content", "created_at"], name="idx_ar_sessions_content"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["session_id", "ar_content"],
                name="%(app_label)s_%(class)s_counted_once",
            ),
            one_of("device_type", DeviceType),
            models.CheckConstraint(
                condition=models.Q(tracking_quality__in=["", *TrackingQuality.values]),
                name="%(app_label)s_%(class)s_tracking_quality_valid",
            ),
        ]

    def __str__(self) -> str:
        return str(self.session_id)


class DailyStat(models.Model):
    """Views, sessions and seconds of one day in the company's time zone, by one dimension."""

    company_path: ClassVar = "company"

    day = models.DateField(_("day"))
    company = models.ForeignKey(
        Company, on_delete=models.CASCADE, related_name="daily_stats", verbose_name=_("company")
    )
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="daily_stats", verbose_name=_("project")
    )
    ar_content = models.ForeignKey(
        ARContent,
        on_delete=models.CASCADE,
        related_name="daily_stats",
        verbose_name=_("AR content"),
    )
    dimension = models.CharField(_("dimension"), max_length=10, choices=StatDimension)
    value = models.CharField(_("value"), max_length=100, blank=True)
    views = models.PositiveIntegerField(_("views"), default=0)
    sessions = models.PositiveIntegerField(_("unique sessions"), default=0)
    duration_seconds = models.PositiveBigIntegerField(_("duration, s"), default=0)

    class Meta:
        verbose_name = _("daily figure")
        verbose_name_plural = _("daily figures")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["ar_content", "day", "dimension", "value"],
                name="%(app_label)s_%(class)s_one_row",
            ),
            one_of("dimension", StatDimension),
        ]

    def __str__(self) -> str:
        return f"{self.day} · {self.ar_content} · {self.dimension} {self.value}"
