"""Filters of contents, portraits and notices, in the words of the querysets."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from companies.admin.filters import DefaultedFilter
from content.models import ARContent, MarkerStatus, Notification


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

    def queryset(self, request: HttpRequest, queryset: QuerySet[ARContent]) -> QuerySet[ARContent]:
        now = timezone.now()
        if self.value() == "all":
            return queryset
        if self.value() == "active":
            return queryset.filter(is_active=True)
        if self.value() == "off":
            return queryset.filter(is_active=False)
        if self.value() == "published":
            return queryset.filter(pk__in=ARContent.objects.published(now).values("pk"))
        over = ARContent.objects.over(now).values("pk")
        if self.value() == "over":
            return queryset.filter(pk__in=over)
        return queryset.exclude(pk__in=over)


class ContentExpiresSoon(admin.SimpleListFilter):
    title = _("expiry")
    parameter_name = "expires"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("30", _("Within 30 days"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ARContent]) -> QuerySet[ARContent]:
        if self.value() != "30":
            return queryset
        return queryset.filter(pk__in=ARContent.objects.ending(timezone.now()).values("pk"))


class MarkerStatusFilter(admin.SimpleListFilter):
    """A content that uses a portrait has the portrait's marker."""

    title = _("marker status")
    parameter_name = "marker"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return MarkerStatus.choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[ARContent]) -> QuerySet[ARContent]:
        if self.value() not in MarkerStatus.values:
            return queryset
        status = MarkerStatus(self.value())
        return queryset.filter(pk__in=ARContent.objects.with_marker(status).values("pk"))


class WithoutVideo(admin.SimpleListFilter):
    title = _("video")
    parameter_name = "video"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("none", _("None that can play now"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ARContent]) -> QuerySet[ARContent]:
        if self.value() != "none":
            return queryset
        return queryset.filter(pk__in=ARContent.objects.without_video(timezone.now()).values("pk"))


class Undelivered(admin.SimpleListFilter):
    title = _("delivery")
    parameter_name = "delivery"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("missing", _("Did not arrive"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Notification]
    ) -> QuerySet[Notification]:
        if self.value() != "missing":
            return queryset
        return queryset.filter(pk__in=Notification.objects.undelivered().values("pk"))
