"""Notices: what a company was told, and whether it arrived; editors send an e-mail again."""

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, linebreaks
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.decorators import display

from companies.tenancy import access_of
from content import notifications, tasks
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
    readonly_fields = ("text", "email_state", "email_desk", "telegram_state")
    actions = ("send_again",)

    def get_fieldsets(self, request: HttpRequest, obj: Notification | None = None) -> Any:
        email = "email_desk" if self.has_send_permission(request, obj) else "email_state"
        about = ("company", "project", "ar_content", "notification_type", "created_at")
        return (
            (_("As sent"), {"fields": ("subject", "text")}),
            (_("Delivery"), {"fields": (email, "telegram_state")}),
            (_("About"), {"fields": about}),
        )

    def get_urls(self) -> list[URLPattern]:
        own = path(
            "<path:object_id>/send-again/",
            self.admin_site.admin_view(require_POST(self.send_again_view)),
            name="content_notification_send_again",
        )
        return [own, *super().get_urls()]

    def has_send_permission(self, request: HttpRequest, obj: Notification | None = None) -> bool:
        """Nobody changes a notice; those who may work on contents may have it sent again."""
        return self._may(request, obj, self.role_to_change)

    def send_again_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        notice = self.get_object(request, object_id)
        if notice is None:
            raise Http404
        if not self.has_send_permission(request, notice):
            raise PermissionDenied
        self.send(request, [notice])
        return HttpResponseRedirect(reverse("admin:content_notification_change", args=[notice.pk]))

    @admin.action(description=_("Send the e-mail again"), permissions=["send"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Notification]) -> None:
        self.send(request, list(access_of(request).rows(queryset, self.role_to_change)))

    def send(self, request: HttpRequest, notices: list[Notification]) -> None:
        for notice in notices:
            notifications.send_email_again(notice)
            tasks.request_notice_email(notice)
        count = len(notices)
        text = ngettext(
            "%(count)d e-mail is being sent.", "%(count)d e-mails are being sent.", count
        )
        self.message_user(request, text % {"count": count}, messages.SUCCESS)

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
        return _sentence(self.email_label(notice)[1], notice.email_sent_at, notice.email_reason)

    @display(description=_("E-mail"))
    def email_desk(self, notice: Notification) -> SafeString:
        """The same for those who may have it sent again; the button posts the page's own form."""
        return format_html(
            '{} <button type="submit" class="arv-button" formaction="{}">{}</button>',
            self.email_state(notice),
            reverse("admin:content_notification_send_again", args=[notice.pk]),
            gettext("Send the e-mail again"),
        )

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
