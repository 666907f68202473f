"""What a company is told, and whether it arrived."""

from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from arv.lib.schema import one_of
from companies.models import Company, Project


class NotificationType(models.TextChoices):
    PROJECT_EXPIRING = "project_expiring", _("project expires soon")
    PROJECT_EXPIRED = "project_expired", _("project expired")
    SUBSCRIPTION_EXPIRING = "subscription_expiring", _("subscription expires soon")
    SUBSCRIPTION_EXPIRED = "subscription_expired", _("subscription expired")
    RENEWAL_REQUESTED = "renewal_requested", _("a visitor asks for renewal")
    VIDEO_FAILED = "video_failed", _("video failed")
    MARKER_FAILED = "marker_failed", _("marker failed")
    TEST = "test", _("test")


class NotificationQuerySet(models.QuerySet["Notification"]):
    def undelivered(self) -> "NotificationQuerySet":
        """Notices that nobody got nor will get, and those that one of the channels did not carry,
        for good or at its last attempt.
        """
        on_its_way = Delivery.objects.filter(
            notification=models.OuterRef("pk"), state=DeliveryState.WAITING
        )
        return self.filter(
            models.Q(email_sent=False, telegram_sent=False) & ~models.Exists(on_its_way)
            | models.Q(email_sent=False) & ~models.Q(email_error="")
            | models.Q(telegram_sent=False) & ~models.Q(telegram_error="")
        )


class Notification(models.Model):
    company_path: ClassVar = "company"

    company = models.ForeignKey(
        Company, on_delete=models.CASCADE, related_name="notifications", verbose_name=_("company")
    )
    project = models.ForeignKey(
        Project,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="notifications",
        verbose_name=_("project"),
    )
    ar_content = models.ForeignKey(
        "content.ARContent",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="notifications",
        verbose_name=_("AR content"),
    )
    notification_type = models.CharField(_("kind"), max_length=30, choices=NotificationType)
    email_sent = models.BooleanField(_("e-mail sent"), default=False)
    email_sent_at = models.DateTimeField(_("e-mail sent at"), null=True, blank=True)
    email_error = models.TextField(_("e-mail error"), blank=True)
    telegram_sent = models.BooleanField(_("Telegram sent"), default=False)
    telegram_sent_at = models.DateTimeField(_("Telegram sent at"), null=True, blank=True)
    telegram_error = models.TextField(_("Telegram error"), blank=True)
    subject = models.CharField(_("subject"), max_length=255)
    message = models.TextField(_("message"))
    # Of one kind, about one thing, due at one time: whoever comes second writes nothing.
    key = models.CharField(max_length=200, blank=True, editable=False)
    metadata = models.JSONField(_("metadata"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        ordering: ClassVar[list[str]] = ["-created_at"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["key"],
                condition=~models.Q(key=""),
                name="%(app_label)s_%(class)s_unique_key",
            ),
            one_of("notification_type", NotificationType),
        ]

    def __str__(self) -> str:
        return self.subject

    @property
    def email_reason(self) -> str:
        """Why the e-mail did not go: our words in the reader's language, or the mail server's."""
        return gettext(self.email_error) if self.email_error else ""

    @property
    def telegram_reason(self) -> str:
        """Why the message did not go: our words in the reader's language, or Telegram's."""
        return gettext(self.telegram_error) if self.telegram_error else ""


class Channel(models.TextChoices):
    EMAIL = "email", _("e-mail")
    TELEGRAM = "telegram", _("Telegram")


class DeliveryState(models.TextChoices):
    WAITING = "waiting", _("on its way")
    SENT = "sent", _("sent")
    FAILED = "failed", _("failed")


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def claimable(self, now: datetime, *, lease: timedelta, attempts: int) -> "DeliveryQuerySet":
        """Deliveries whose time has come at `now`, tried less than so many times, and that no
        worker has held for less than a lease.
        """
        return self.filter(
            models.Q(claimed_at__isnull=True) | models.Q(claimed_at__lte=now - lease),
            state=DeliveryState.WAITING,
            due_at__lte=now,
            attempts__lt=attempts,
        )


class Delivery(models.Model):
    """The way of a notice through one channel: the row is the job, the broker only wakes.

    What becomes of it is written to the notice's `…_sent`, `…_sent_at` and `…_error` as well.
    """

    company_path: ClassVar = "notification__company"

    notification = models.ForeignKey(
        Notification,
        on_delete=models.CASCADE,
        related_name="deliveries",
        verbose_name=_("notification"),
    )
    channel = models.CharField(_("channel"), max_length=10, choices=Channel)
    state = models.CharField(
        _("state"), max_length=10, choices=DeliveryState, default=DeliveryState.WAITING
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    claimed_at = models.DateTimeField(null=True, blank=True)
    # Before that it is not tried again.
    due_at = models.DateTimeField(_("due at"), default=timezone.now)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        indexes: ClassVar[list[models.Index]] = [
            # The delivery tick: what is due, oldest first.
            models.Index(
                fields=["due_at"],
                name="idx_deliveries_due",
                condition=models.Q(state=DeliveryState.WAITING),
            ),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["notification", "channel"],
                name="%(app_label)s_%(class)s_unique_channel",
            ),
            one_of("channel", Channel),
            one_of("state", DeliveryState),
        ]

    def __str__(self) -> str:
        return f"{self.notification} · {self.get_channel_display()}"
