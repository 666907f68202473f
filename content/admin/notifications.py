"""Notices: what a company was told and whether it arrived; sending one again, or one as a test."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, linebreaks
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.decorators import display

from companies.admin.base import RowChoiceField
from companies.limits import LimitReached
from companies.models import Company, Role
from companies.tenancy import access_of
from content import notifications
from content.admin.filters import Undelivered
from content.admin.lists import LogAdmin
from content.models import Channel, Delivery, DeliveryState, Notification

COLOURS = {"sent": "success", "failed": "danger", "waiting": "warning", "none": ""}


class CompanyForm(forms.Form):
    """A company of the user's that can be told something."""

    company = RowChoiceField(queryset=None, label=_("company"))

    def __init__(self, companies: QuerySet[Company], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["company"].queryset = companies  # type: ignore[attr-defined]
        only = list(companies[:2])
        if len(only) == 1:
            self.fields["company"].initial = only[0]

    def clean_company(self) -> Company:
        company: Company = self.cleaned_data["company"]
        if not notifications.channels_of(company):
            raise ValidationError(_("The company has no address that a notice could go to."))
        return company


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
    list_before_template = "admin/content/notices.html"
    shortcuts = (
        (_("All"), {}),
        (_("Did not arrive"), {"delivery": "missing"}),
    )
    search_fields = ("subject",)
    readonly_fields = ("text", "email_state", "telegram_state", "desk")
    actions = ("send_again",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notification]:
        return super().get_queryset(request).prefetch_related("deliveries")

    def get_fieldsets(self, request: HttpRequest, obj: Notification | None = None) -> Any:
        desk = ("desk",) if self.has_send_permission(request, obj) else ()
        about = ("company", "project", "ar_content", "notification_type", "created_at")
        return (
            (_("As sent"), {"fields": ("subject", "text")}),
            (_("Delivery"), {"fields": ("email_state", "telegram_state", *desk)}),
            (_("About"), {"fields": about}),
        )

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("test/", view(self.test_view), name="content_notification_test"),
            path(
                "<path:object_id>/send-again/",
                view(require_POST(self.send_again_view)),
                name="content_notification_send_again",
            ),
        ]
        return [*own, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        may_test = access_of(request).may_somewhere(Role.OWNER)
        return super().changelist_view(request, {**(extra_context or {}), "may_test": may_test})

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

    @admin.action(description=_("Send again"), permissions=["send"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Notification]) -> None:
        rows = access_of(request).rows(queryset, self.role_to_change)
        self.send(request, list(rows.select_related("company")))

    def send(self, request: HttpRequest, notices: list[Notification]) -> None:
        ways: list[int] = []
        try:
            for notice in notices:
                ways.append(notifications.resend(notice, now=timezone.now()))  # noqa: PERF401
        except LimitReached as error:
            self.message_user(request, " ".join(error.messages), messages.ERROR)
        self.report(request, sum(ways))
        if not all(ways):
            text = gettext("A company has no address that a notice could go to.")
            self.message_user(request, text, messages.WARNING)

    def report(self, request: HttpRequest, count: int) -> None:
        if count:
            text = ngettext(
                "%(count)d message is being sent.", "%(count)d messages are being sent.", count
            )
            self.message_user(request, text % {"count": count}, messages.SUCCESS)

    def test_view(self, request: HttpRequest) -> HttpResponse:
        """Try whether notices arrive: for those who may set the addresses."""
        access = access_of(request)
        if not access.may_somewhere(Role.OWNER):
            raise PermissionDenied
        form = CompanyForm(access.companies(Role.OWNER).order_by("name"), request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                self.report(request, notifications.send_test(form.cleaned_data["company"]))
            except LimitReached as error:
                self.message_user(request, " ".join(error.messages), messages.ERROR)
            return HttpResponseRedirect(reverse("admin:content_notification_changelist"))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Send a test notice"),
            "opts": self.opts,
            "form": form,
        }
        return render(request, "admin/content/test_notice.html", context)

    @display(description=_("message"))
    def text(self, notice: Notification) -> SafeString:
        return mark_safe(linebreaks(notice.message, autoescape=True))  # noqa: S308 - escaped

    @display(description=_("E-mail"), label=COLOURS)
    def email_label(self, notice: Notification) -> tuple[str, str]:
        return _state(notice, Channel.EMAIL)

    @display(description=_("Telegram"), label=COLOURS)
    def telegram_label(self, notice: Notification) -> tuple[str, str]:
        return _state(notice, Channel.TELEGRAM)

    @display(description=_("E-mail"))
    def email_state(self, notice: Notification) -> str:
        return _sentence(notice, Channel.EMAIL, notice.email_sent_at, notice.email_reason)

    @display(description=_("Telegram"))
    def telegram_state(self, notice: Notification) -> str:
        return _sentence(notice, Channel.TELEGRAM, notice.telegram_sent_at, notice.telegram_reason)

    @display(description="")
    def desk(self, notice: Notification) -> SafeString:
        """For those who may have it sent again; the button posts the page's own form."""
        return format_html(
            '<button type="submit" class="arv-button" formaction="{}">{}</button>',
            reverse("admin:content_notification_send_again", args=[notice.pk]),
            gettext("Send again"),
        )


def _delivery(notice: Notification, channel: Channel) -> Delivery | None:
    return next((one for one in notice.deliveries.all() if one.channel == channel), None)


def _state(notice: Notification, channel: Channel) -> tuple[str, str]:
    """(key, words) of one channel."""
    delivery = _delivery(notice, channel)
    if delivery is not None:
        return delivery.state, str(DeliveryState(delivery.state).label)
    # Of a time before deliveries had rows of their own.
    if getattr(notice, f"{channel}_sent"):
        return "sent", gettext("sent")
    if getattr(notice, f"{channel}_error"):
        return "failed", gettext("failed")
    return "none", gettext("no address")


def _sentence(notice: Notification, channel: Channel, sent_at: datetime | None, reason: str) -> str:
    """The state, when it was sent or is tried again, how often it was tried, the reason."""
    delivery = _delivery(notice, channel)
    parts = [_state(notice, channel)[1]]
    if sent_at:
        parts.append(_moment(sent_at))
    elif delivery and delivery.attempts and delivery.state == DeliveryState.WAITING:
        parts.append(gettext("next attempt %(time)s") % {"time": _moment(delivery.due_at)})
    if delivery and delivery.attempts > 1:
        tried = ngettext("%(count)d attempt", "%(count)d attempts", delivery.attempts)
        parts.append(tried % {"count": delivery.attempts})
    return " · ".join([*parts, reason] if reason else parts)


def _moment(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "SHORT_DATETIME_FORMAT")
