"""Notices: what a company was told, and whether it arrived; written by the platform alone."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import linebreaks
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from content.admin.filters import Undelivered
from content.admin.lists import LogAdmin
from content.models import Notification

COLOURS = {"sent": "success", "failed": "danger", "waiting": "warning", "none": ""}


@admin.register(Notification)
class NotificationAdmin(LogAdmin[Notification]):
    list_display = (
        "created_at",
        "notification_type",
        "subject",
        "company",
        "project",
        "email_label",
        "telegram_label",
    )
    list_display_links = ("created_at", "subject")
    list_filter = (Undelivered, "notification_type", "company")
    list_select_related = ("company", "project")
    shortcuts = (
        (_("All"), {}),
        (_("Did not arrive"), {"delivery": "missing"}),
    )
    search_fields = ("subject",)
    readonly_fields = ("text", "email_state", "telegram_state")

    def get_fieldsets(self, request: HttpRequest, obj: Notification | None = None) -> Any:
        about = ("company", "project", "ar_content", "notification_type", "created_at")
        return (
            (_("As sent"), {"fields": ("subject", "text")}),
            (_("Delivery"), {"fields": ("email_state", "telegram_state")}),
            (_("About"), {"fields": about}),
        )

    @display(description=_("message"))
    def text(self, notice: Notification) -> SafeString:
        return mark_safe(linebreaks(notice.message, autoescape=True))  # noqa: S308 - escaped

    @display(description=_("E-mail"), label=COLOURS)
    def email_label(self, notice: Notification) -> tuple[str, str]:
        return _state(
            notice.email_sent, notice.email_error, has_address=bool(notice.company.contact_email)
        )

    @display(description=_("Telegram"), label=COLOURS)
    def telegram_label(self, notice: Notification) -> tuple[str, str]:
        return _state(
            notice.telegram_sent,
            notice.telegram_error,
            has_address=bool(notice.company.telegram_chat_id),
        )

    @display(description=_("E-mail"))
    def email_state(self, notice: Notification) -> str:
        return _sentence(self.email_label(notice)[1], notice.email_sent_at, notice.email_error)

    @display(description=_("Telegram"))
    def telegram_state(self, notice: Notification) -> str:
        return _sentence(
            self.telegram_label(notice)[1], notice.telegram_sent_at, notice.telegram_error
        )


def _state(sent: bool, error: str, *, has_address: bool) -> tuple[str, str]:
    """(key, words) of one channel."""
    if sent:
        return "sent", gettext("sent")
    if error:
        return "failed", gettext("failed")
    return ("waiting", gettext("waiting")) if has_address else ("none", gettext("no address"))


def _sentence(state: str, sent_at: datetime | None, error: str) -> str:
    when = date_format(timezone.localtime(sent_at), "SHORT_DATETIME_FORMAT") if sent_at else ""
    return " · ".join(part for part in (state, when, error) if part)
