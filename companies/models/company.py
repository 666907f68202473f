"""The tenant and its projects."""

import zoneinfo
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from arv.lib.schema import one_of
from companies.models.ownership import audited
from companies.models.slugs import save_with_slug
from companies.models.storage import StorageConnection

GIGABYTE = 1024**3
# What ends within it asks for staff's attention.
SOON = timedelta(days=30)
# Reports count the last thirty days to the second, of visits that are still there.
SHORTEST_RETENTION, LONGEST_RETENTION = 31, 3650


class ProjectStatus(models.TextChoices):
    ACTIVE = "active", _("active")
    PAUSED = "paused", _("paused")
    EXPIRED = "expired", _("expired")
    ARCHIVED = "archived", _("archived")


class SubscriptionType(models.TextChoices):
    MONTHLY = "monthly", _("monthly")
    YEARLY = "yearly", _("yearly")
    CUSTOM = "custom", _("custom")


class ProjectType(models.TextChoices):
    PORTRAIT = "portrait", _("portrait")
    POSTER = "poster", _("poster")
    ALBUM = "album", _("album")
    OTHER = "other", _("other")


class Language(models.TextChoices):
    ENGLISH = "en", _("English")
    RUSSIAN = "ru", _("Russian")


class SubscriptionTier(models.TextChoices):
    BASIC = "basic", _("basic")
    STANDARD = "standard", _("standard")
    PREMIUM = "premium", _("premium")


def validate_time_zone(name: str) -> None:
    if name not in zoneinfo.available_timezones():
        raise ValidationError(_("%(name)s is not a known time zone."), params={"name": name})


class CompanyQuerySet(models.QuerySet["Company"]):
    def active(self, now: datetime) -> "CompanyQuerySet":
        """Companies that are switched on and whose subscription has not run out at `now`."""
        return self.filter(
            Q(subscription_expires_at__isnull=True) | Q(subscription_expires_at__gt=now),
            is_active=True,
        )

    def ending(self, now: datetime) -> "CompanyQuerySet":
        """Companies whose subscription has run out at `now`, or does so soon."""
        return self.filter(subscription_expires_at__lte=now + SOON)

    def nearly_full(self) -> "CompanyQuerySet":
        """Companies that use nine tenths of their storage quota, or more."""
        quota = Cast(models.F("storage_quota_gb"), models.BigIntegerField()) * GIGABYTE
        return self.alias(
            nine_tenths=models.ExpressionWrapper(
                quota * 9 / 10, output_field=models.BigIntegerField()
            )
        ).filter(storage_used_bytes__gte=models.F("nine_tenths"))

    def with_contact_problem(self) -> "CompanyQuerySet":
        """Companies whose contact does not get what is sent to it."""
        return self.exclude(email_problem="", telegram_problem="")

    def without_projects(self) -> "CompanyQuerySet":
        return self.filter(~models.Exists(Project.objects.filter(company=models.OuterRef("pk"))))


class Company(models.Model):
    company_path: ClassVar = "pk"
    # What it may use is the platform's to say; how it is reached is its owners'.
    owner_fields: ClassVar = (
        "contact_email",
        "contact_phone",
        "telegram_chat_id",
        "language",
        "time_zone",
        "session_retention_days",
        "storage_connection",
    )
    # What is said of each address while it does not work.
    PROBLEMS: ClassVar = {
        "contact_email": "email_problem",
        "telegram_chat_id": "telegram_problem",
    }
    # Its own people are not shown these.
    platform_fields: ClassVar = ("notes", "metadata")

    name = models.CharField(_("name"), max_length=255, unique=True)
    slug = models.SlugField(
        _("slug"), max_length=100, unique=True, blank=True, help_text=_("Empty: made of the name.")
    )
    contact_email = models.EmailField(_("contact e-mail"), blank=True)
    contact_phone = models.CharField(_("contact phone"), max_length=50, blank=True)
    telegram_chat_id = models.CharField(_("Telegram chat id"), max_length=100, blank=True)
    storage_connection = models.ForeignKey(
        "companies.StorageConnection",
        on_delete=models.PROTECT,
        related_name="companies",
        verbose_name=_("storage connection"),
        help_text=_("New files go here; earlier files stay readable where they are."),
    )
    storage_path = models.CharField(_("storage path"), max_length=500, editable=False)
    subscription_tier = models.CharField(
        _("subscription tier"),
        max_length=20,
        choices=SubscriptionTier,
        default=SubscriptionTier.BASIC,
    )
    storage_quota_gb = models.PositiveIntegerField(
        _("storage quota, GB"), default=10, validators=[MaxValueValidator(1_000_000)]
    )
    storage_used_bytes = models.PositiveBigIntegerField(
        _("storage used, bytes"), default=0, editable=False
    )
    projects_limit = models.PositiveIntegerField(_("projects limit"), default=50)
    # Why the contact does not get what is sent to it; empty again with the first that arrives.
    email_problem = models.CharField(
        _("e-mail problem"), max_length=255, blank=True, editable=False
    )
    telegram_problem = models.CharField(
        _("Telegram problem"), max_length=255, blank=True, editable=False
    )
    language = models.CharField(
        _("language"),
        max_length=10,
        choices=Language,
        default=Language.ENGLISH,
        help_text=_("Notices to the contact are written in it."),
    )
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        default="UTC",
        validators=[validate_time_zone],
        help_text=_("Every rule about days and hours follows it, for example Europe/Moscow."),
    )
    session_retention_days = models.PositiveIntegerField(
        _("visits are kept, days"),
        default=400,
        validators=[MinValueValidator(SHORTEST_RETENTION), MaxValueValidator(LONGEST_RETENTION)],
        help_text=_("Older visits are removed; the figures of their days stay."),
    )
    is_active = models.BooleanField(_("active"), default=True)
    is_default = models.BooleanField(_("default"), default=False, editable=False)
    subscription_expires_at = models.DateTimeField(
        _("subscription expires at"), null=True, blank=True
    )
    notes = models.TextField(_("notes"), blank=True)
    metadata = models.JSONField(_("metadata"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("created by"),
    )

    objects = CompanyQuerySet.as_manager()
    history = audited("updated_at", "storage_used_bytes", "email_problem", "telegram_problem")

    class Meta:
        verbose_name = _("company")
        verbose_name_plural = _("companies")
        ordering: ClassVar[list[str]] = ["name"]
        indexes: ClassVar[list[models.Index]] = [
            # The public lookup of an active tenant by its slug.
            models.Index(
                fields=["slug"],
                condition=Q(is_active=True),
                name="idx_companies_slug_active",
            ),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["is_default"],
                condition=Q(is_default=True),
                name="%(app_label)s_%(class)s_one_default",
            ),
            one_of("language", Language),
            one_of("subscription_tier", SubscriptionTier),
        ]

    def __str__(self) -> str:
        return self.name

    def runs(self, now: datetime) -> bool:
        """What `CompanyQuerySet.active` says of one company."""
        expires_at = self.subscription_expires_at
        return self.is_active and (expires_at is None or expires_at > now)

    def save(self, *args: Any, **kwargs: Any) -> None:
        path = self.storage_path
        if not self._state.adding and kwargs.get("update_fields") is None:
            # The counter moves by conditional updates alone: a stale copy must not undo them.
            kwargs["update_fields"] = {
                field.attname for field in self._meta.concrete_fields if not field.primary_key
            } - {"storage_used_bytes", *self.PROBLEMS.values(), *self.get_deferred_fields()}
        self._forget_problems(kwargs.get("update_fields"))

        def save() -> None:
            self.storage_path = path or self.slug
            super(Company, self).save(*args, **kwargs)

        others = Company.objects.exclude(pk=self.pk)
        save_with_slug(self, save, taken=others, fallback="company")

    def _forget_problems(self, columns: Any) -> None:
        """Another address starts without what was wrong with the former."""
        saved = Company.objects.filter(pk=self.pk).values(*self.PROBLEMS).first() or {}
        for address, problem in self.PROBLEMS.items():
            written = columns is None or address in columns
            if written and saved.get(address) != getattr(self, address):
                setattr(self, problem, "")
                Company.objects.filter(pk=self.pk).update(**{problem: ""})

    def clean(self) -> None:
        super().clean()
        connection = StorageConnection.objects.filter(pk=self.storage_connection_id).first()
        if connection and connection.company_id not in {None, self.pk}:
            raise ValidationError(
                {"storage_connection": _("The connection belongs to another company.")}
            )

    @property
    def storage_quota_bytes(self) -> int:
        return self.storage_quota_gb * GIGABYTE

    @property
    def storage_high_bytes(self) -> int:
        """From here on the quota is nearly full."""
        return self.storage_quota_bytes * 9 // 10


class ProjectQuerySet(models.QuerySet["Project"]):
    def running(self, now: datetime) -> "ProjectQuerySet":
        """Projects whose contents may be shown at `now`, whatever a scheduler has written.

        One that renews itself runs on as far as its company does, which is asked elsewhere.
        """
        return self.filter(
            Q(starts_at__isnull=True) | Q(starts_at__lte=now),
            Q(expires_at__isnull=True) | Q(expires_at__gt=now) | Q(auto_renew=True),
            status=ProjectStatus.ACTIVE,
        )

    def over(self, now: datetime) -> "ProjectQuerySet":
        """Projects that have expired at `now` and that nobody has put into the archive."""
        ended = Q(expires_at__lte=now) & ~_renews_itself(now)
        expired = self.filter(ended | Q(status=ProjectStatus.EXPIRED))
        return expired.exclude(status=ProjectStatus.ARCHIVED)

    def not_over(self, now: datetime) -> "ProjectQuerySet":
        return self.exclude(pk__in=Project.objects.over(now).values("pk"))

    def ending(self, now: datetime) -> "ProjectQuerySet":
        """Projects that expire soon after `now`."""
        return (
            self.filter(expires_at__gt=now, expires_at__lte=now + SOON)
            .exclude(status__in=[ProjectStatus.EXPIRED, ProjectStatus.ARCHIVED])
            .exclude(_renews_itself(now))
        )


def _renews_itself(now: datetime) -> Q:
    companies = Company.objects.active(now).values("pk")
    return Q(auto_renew=True, status=ProjectStatus.ACTIVE, company__in=companies)


class Project(models.Model):
    company_path: ClassVar = "company"

    company = models.ForeignKey(
        Company, on_delete=models.PROTECT, related_name="projects", verbose_name=_("company")
    )
    name = models.CharField(_("name"), max_length=255)
    slug = models.SlugField(
        _("slug"), max_length=100, blank=True, help_text=_("Empty: made of the name.")
    )
    folder_path = models.CharField(_("folder path"), max_length=500, editable=False)
    description = models.TextField(_("description"), blank=True)
    project_type = models.CharField(
        _("project type"), max_length=20, choices=ProjectType, default=ProjectType.PORTRAIT
    )
    subscription_type = models.CharField(
        _("subscription type"),
        max_length=20,
        choices=SubscriptionType,
        default=SubscriptionType.MONTHLY,
    )
    starts_at = models.DateTimeField(_("starts at"), null=True, blank=True)
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    auto_renew = models.BooleanField(_("renew automatically"), default=False)
    status = models.CharField(
        _("status"), max_length=20, choices=ProjectStatus, default=ProjectStatus.ACTIVE
    )
    notify_before_expiry_days = models.PositiveSmallIntegerField(
        _("warn before expiry, days"),
        default=7,
        validators=[MinValueValidator(1), MaxValueValidator(365)],
    )
    last_notification_sent_at = models.DateTimeField(
        _("last warning sent at"), null=True, blank=True, editable=False
    )
    tags = models.JSONField(_("tags"), default=list, blank=True)
    metadata = models.JSONField(_("metadata"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = ProjectQuerySet.as_manager()
    history = audited("updated_at", "last_notification_sent_at")

    class Meta:
        verbose_name = _("project")
        verbose_name_plural = _("projects")
        ordering: ClassVar[list[str]] = ["company", "name"]
        indexes: ClassVar[list[models.Index]] = [
            # A company's projects by status: the staff's list and the expiry tick.
            models.Index(fields=["company", "status"], name="idx_projects_company_status"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["company", "slug"],
                name="%(app_label)s_%(class)s_unique_slug",
                violation_error_message=_("The company has a project with this slug already."),
            ),
            models.CheckConstraint(
                condition=Q(starts_at__isnull=True)
                | Q(expires_at__isnull=True)
                | Q(expires_at__gt=models.F("starts_at")),
                name="%(app_label)s_%(class)s_expires_after_start",
                violation_error_message=_("A project expires after it starts."),
            ),
            one_of("project_type", ProjectType),
            one_of("subscription_type", SubscriptionType),
            one_of("status", ProjectStatus),
        ]

    def __str__(self) -> str:
        return self.name

    def is_over(self, now: datetime) -> bool:
        """What `ProjectQuerySet.over` says of one project."""
        if self.status in {ProjectStatus.EXPIRED, ProjectStatus.ARCHIVED}:
            return self.status == ProjectStatus.EXPIRED
        if self.status == ProjectStatus.ACTIVE and self.auto_renew and self.company.runs(now):
            return False
        return self.expires_at is not None and self.expires_at <= now

    def save(self, *args: Any, **kwargs: Any) -> None:
        path = self.folder_path

        def save() -> None:
            self.folder_path = path or f"{self.company.storage_path}/{self.slug}"
            super(Project, self).save(*args, **kwargs)

        siblings = Project.objects.filter(company=self.company_id).exclude(pk=self.pk)
        save_with_slug(self, save, taken=siblings, fallback="project")
