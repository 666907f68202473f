"""What a company is told, and whether it arrived."""

from typing import ClassVar

from django.db import models
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
    MARKER_FAILED = "marker_failed", _("marker failed")
    TEST = "test", _("test")


class NotificationQuerySet(models.QuerySet["Notification"]):
    def undelivered(self) -> "NotificationQuerySet":
        """Notices that nobody got, and those that one of the channels could not carry."""
        return self.filter(
            models.Q(email_sent=False, telegram_sent=False)
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
    metadata = models.JSONField(_("metadata"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        ordering: ClassVar[list[str]] = ["-created_at"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            one_of("notification_type", NotificationType)
        ]

    def __str__(self) -> str:
        return self.subject

    @property
    def email_reason(self) -> str:
        """Why the e-mail did not go: our words in the reader's language, or the mail server's."""
        return gettext(self.email_error) if self.email_error else ""
