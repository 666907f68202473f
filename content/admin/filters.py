"""Filters of contents, portraits and notices, in the words of the querysets."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from companies.admin.filters import DefaultedFilter
from content.models import ARContent, MarkerStatus


class ContentState(DefaultedFilter):
    """Hides what is over until asked."""

    title = _("state")
    parameter_name = "state"
    default_title = _("Not over")

    def others(self) -> list[tuple[str, Any]]:
        return [
            ("active", _("Active")),
            ("published", _("Visible to visitors now")),
            ("off", _("Switched off")),
            ("over", _("Expired")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        now = timezone.now()
        if self.value() == "all":
            return queryset
        if self.value() == "active":
            return queryset.filter(is_active=True)
        if self.value() == "off":
            return queryset.filter(is_active=False, is_stopped=False)
        if self.value() == "published":
            return queryset.published(now)
        if self.value() == "over":
            return queryset.over(now)
        return queryset.not_over(now)


class ContentExpiresSoon(admin.SimpleListFilter):
    title = _("expiry")
    parameter_name = "expires"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("30", _("Within 30 days"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.ending(timezone.now()) if self.value() == "30" else queryset


class MarkerStatusFilter(admin.SimpleListFilter):
    """A content that uses a portrait has the portrait's marker."""

    title = _("marker status")
    parameter_name = "marker"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return MarkerStatus.choices

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        status = self.value() or ""
        if status not in MarkerStatus.values:
            return queryset
        return queryset.with_marker(MarkerStatus(status))


class WithFailure(admin.SimpleListFilter):
    title = _("failure")
    parameter_name = "failed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("any", _("Marker or video failed"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.with_failure(timezone.now()) if self.value() == "any" else queryset


class WithoutVideo(admin.SimpleListFilter):
    title = _("video")
    parameter_name = "video"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("none", _("None that can play now"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.without_video(timezone.now()) if self.value() == "none" else queryset


class Undelivered(admin.SimpleListFilter):
    title = _("delivery")
    parameter_name = "delivery"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("missing", _("Did not arrive"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.undelivered() if self.value() == "missing" else queryset


def videos_over(now: datetime) -> Q:
    """Videos whose window, or whose content, is over."""
    return Q(schedule_end__lte=now) | Q(ar_content__in=ARContent.objects.over(now).values("pk"))


class VideoState(DefaultedFilter):
    """Hides what no visitor will see again until asked."""

    title = _("state")
    parameter_name = "state"
    default_title = _("Not over")

    def others(self) -> list[tuple[str, Any]]:
        return [("over", _("Its window, or its content, is over"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        now = timezone.now()
        if self.value() == "all":
            return queryset
        over = videos_over(now)
        return queryset.filter(over) if self.value() == "over" else queryset.exclude(over)
