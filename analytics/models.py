"""Who looked: one row per visit, and the daily roll-up behind reports."""

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from arv.lib.schema import LongNamedIndex, one_of
from companies.models import Company, Project
from content.models import ARContent


class StatDimension(models.TextChoices):
    """What views are told apart by; the values are the names of columns of DailyStat."""

    DEVICE = "device", _("device")
    BROWSER = "browser", _("browser")
    OS = "os", _("operating system")
    COUNTRY = "country", _("country")
    CITY = "city", _("city")
    # The whole hours since the day began, "00" to "24": a day of a clock change has 23 or 25.
    HOUR = "hour", _("hour")
    QUALITY = "quality", _("tracking quality")
    CAMERA = "camera", _("camera")


class TrackingQuality(models.TextChoices):
    GOOD = "good", _("good")
    FAIR = "fair", _("fair")
    POOR = "poor", _("poor")


class DeviceType(models.TextChoices):
    MOBILE = "mobile", _("phone")
    TABLET = "tablet", _("tablet")
    DESKTOP = "desktop", _("computer")
    UNKNOWN = "unknown", _("unknown")


class CameraAnswer(models.TextChoices):
    ALLOWED = "allowed", _("allowed")
    DENIED = "denied", _("denied")


class CameraReason(models.TextChoices):
    """Why a visitor's page got no camera."""

    REFUSED = "refused", _("the visitor refused")
    NO_CAMERA = "no_camera", _("there is no camera")
    IN_USE = "in_use", _("another program uses it")
    UNSUPPORTED = "unsupported", _("the browser cannot")
    OTHER = "other", _("another reason")


class ARViewSession(models.Model):
    """One visit of one content. Its row may change for five hours, then it stands.

    On PostgreSQL the table is partitioned by the month of `created_at` (analytics/partitions.py).
    A deleted content or project leaves its visits to the company's figures.
    """

    company_path: ClassVar = "company"

    ar_content = models.ForeignKey(
        ARContent,
        on_delete=models.SET_NULL,
        null=True,
        related_name="view_sessions",
        verbose_name=_("AR content"),
        db_index=False,
    )
    project = models.ForeignKey(
        Project,
        on_delete=models.SET_NULL,
        null=True,
        related_name="view_sessions",
        verbose_name=_("project"),
        db_index=False,
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
    # The way of a visitor: opened, started, camera, picture found, video played, left.
    started = models.BooleanField(_("started"), default=False)
    camera = models.CharField(_("camera"), max_length=10, choices=CameraAnswer, blank=True)
    camera_reason = models.CharField(
        _("why no camera"), max_length=20, choices=CameraReason, blank=True
    )
    found_ms = models.PositiveIntegerField(
        _("picture found after, ms"), null=True, blank=True, help_text=_("Since the start.")
    )
    video_played = models.BooleanField(_("video played"), default=False)
    # A robot: kept to be looked at, counted nowhere.
    is_bot = models.BooleanField(_("robot"), default=False)
    # Another visit has the same session id: each of them counts as a view, all as one session.
    is_shared = models.BooleanField(default=False, editable=False)
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
            # A project's views in a window of time.
            models.Index(fields=["project", "created_at"], name="idx_ar_sessions_project"),
            # The few visits that share a session id, for counting unique sessions.
            models.Index(
                fields=["company", "created_at"],
                condition=models.Q(is_shared=True),
                name="idx_ar_sessions_shared",
            ),
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
            models.CheckConstraint(
                condition=models.Q(camera__in=["", *CameraAnswer.values]),
                name="%(app_label)s_%(class)s_camera_valid",
            ),
            models.CheckConstraint(
                condition=models.Q(camera_reason__in=["", *CameraReason.values]),
                name="%(app_label)s_%(class)s_camera_reason_valid",
            ),
        ]

    def __str__(self) -> str:
        return str(self.session_id)


class DailyStat(models.Model):
    """What was counted on one day of the company's time zone.

    Three levels: rows of a company (neither project nor content), of a project and of a content
    (without its project: it may move). Robots are in none of them.

    The values of a dimension stand in one column, as `{value: views}`: most contents have a few
    visits a day, and a row for each value would take more room than the visits themselves.
    """

    company_path: ClassVar = "company"

    day = models.DateField(_("day"))
    company = models.ForeignKey(
        Company,
        on_delete=models.CASCADE,
        related_name="daily_stats",
        verbose_name=_("company"),
        db_index=False,
    )
    project = models.ForeignKey(
        Project,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="daily_stats",
        verbose_name=_("project"),
        db_index=False,
    )
    ar_content = models.ForeignKey(
        ARContent,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="daily_stats",
        verbose_name=_("AR content"),
        db_index=False,
    )
    views = models.PositiveIntegerField(_("views"), default=0)
    sessions = models.PositiveIntegerField(_("unique sessions"), default=0)
    # Of these views: how many told their duration, and the sum of it.
    ended = models.PositiveIntegerField(_("ended"), default=0)
    duration_seconds = models.PositiveBigIntegerField(_("duration, s"), default=0)
    started = models.PositiveIntegerField(_("started"), default=0)
    camera_allowed = models.PositiveIntegerField(_("camera allowed"), default=0)
    camera_denied = models.PositiveIntegerField(_("camera denied"), default=0)
    found = models.PositiveIntegerField(_("picture found"), default=0)
    found_ms = models.PositiveBigIntegerField(_("picture found after, ms"), default=0)
    played = models.PositiveIntegerField(_("video played"), default=0)
    device = models.JSONField(_("device"), default=dict)
    browser = models.JSONField(_("browser"), default=dict)
    os = models.JSONField(_("operating system"), default=dict)
    country = models.JSONField(_("country"), default=dict)
    city = models.JSONField(_("city"), default=dict)
    hour = models.JSONField(_("hour"), default=dict)
    quality = models.JSONField(_("tracking quality"), default=dict)
    camera = models.JSONField(_("camera"), default=dict)
    # Which of them by id, also of rows that have been deleted since.
    by_project = models.JSONField(_("by project"), default=dict)
    by_content = models.JSONField(_("by content"), default=dict)
    # The few views of a value whose session has another one on this day: {"device/mobile": 2}.
    repeated = models.JSONField(_("repeated sessions"), default=dict)

    class Meta:
        verbose_name = _("daily figure")
        verbose_name_plural = _("daily figures")
        indexes: ClassVar[list[models.Index]] = [
            # Days that are built anew.
            models.Index(fields=["company", "day"], name="idx_daily_stats_company_day"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            # Each is also the index that a report of its level reads, and that finds what goes
            # with a project or content that is deleted.
            models.UniqueConstraint(
                fields=["company", "day"],
                condition=models.Q(project__isnull=True, ar_content__isnull=True),
                name="%(app_label)s_%(class)s_company_once",
            ),
            models.UniqueConstraint(
                fields=["project", "day"],
                condition=models.Q(project__isnull=False),
                name="%(app_label)s_%(class)s_project_once",
            ),
            models.UniqueConstraint(
                fields=["ar_content", "day"],
                condition=models.Q(ar_content__isnull=False),
                name="%(app_label)s_%(class)s_content_once",
            ),
            models.CheckConstraint(
                condition=models.Q(project__isnull=True) | models.Q(ar_content__isnull=True),
                name="%(app_label)s_%(class)s_one_level",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day} · {self.views}"


class RollUp(models.Model):
    """How far a company's visits are rolled up. Days before `built_until` stand in DailyStat."""

    company_path: ClassVar = "company"

    company = models.OneToOneField(
        Company, on_delete=models.CASCADE, primary_key=True, related_name="roll_up"
    )
    # The one that the days were cut by: another one of the company rebuilds them.
    time_zone = models.CharField(max_length=64)
    built_until = models.DateField()
    # What of that day is before this instant stands there, too; None: nothing of it.
    part_until = models.DateTimeField(null=True, blank=True)
    # Until then every visit that shares its session id with another is marked.
    shared_until = models.DateTimeField()
    # Visits of earlier days have been removed: those days cannot be rebuilt.
    kept_since = models.DateField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.company_id} · {self.built_until}"
