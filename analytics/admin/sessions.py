"""Visits, to look at: they are written by visitors' phones alone."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from analytics.admin import dashboard
from analytics.admin.filters import Period
from analytics.models import ARViewSession, CameraAnswer, TrackingQuality
from companies.tenancy import access_of
from content.admin.lists import LogAdmin, id_in
from content.models import ARContent


@admin.register(ARViewSession)
class ARViewSessionAdmin(LogAdmin[ARViewSession]):
    list_display = (
        "created_at",
        "ar_content",
        "company",
        "device_type",
        "browser",
        "way",
        "quality",
        "duration_seconds",
    )
    list_filter = (
        "company",
        "device_type",
        "started",
        "camera",
        "tracking_quality",
        "video_played",
        "is_bot",
        Period,
    )
    list_select_related = ("ar_content", "company")
    shortcuts = (
        (_("All"), {}),
        (_("Last 30 days"), {"period": "30"}),
        (_("Robots"), {"is_bot__exact": "1"}),
    )
    search_fields = ("session_id",)
    search_help_text = _("The id of a session or of a content, or the address behind a QR code.")

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        return [
            path("dashboard/", guarded(dashboard.page(self)), name="analytics_dashboard"),
            path(
                "dashboard/choices/",
                guarded(dashboard.choices(self)),
                name="analytics_dashboard_choices",
            ),
            *super().get_urls(),
        ]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ARViewSession], search_term: str
    ) -> tuple[QuerySet[ARViewSession], bool]:
        """By a whole id through its index; the admin's own search compares every row as text."""
        if not search_term:
            return queryset, False
        wanted = id_in(search_term)
        if wanted is None:
            return queryset.none(), False
        contents = access_of(request).rows(ARContent.objects.with_public_id(wanted))
        ids = list(contents.values_list("pk", flat=True))
        return queryset.filter(Q(session_id=wanted) | Q(ar_content__in=ids)), False

    @display(
        description=_("got as far as"),
        label={
            "robot": "warning",
            "opened": None,
            "started": None,
            "allowed": "info",
            "denied": "danger",
            "found": "success",
            "played": "success",
        },
    )
    def way(self, session: ARViewSession) -> tuple[str, Any]:
        """The furthest that the visitor came."""
        for key, is_so, label in (
            ("robot", session.is_bot, _("robot")),
            ("played", session.video_played, _("video played")),
            ("found", session.found_ms is not None, _("picture found")),
            ("denied", session.camera == CameraAnswer.DENIED, _("camera denied")),
            ("allowed", session.camera == CameraAnswer.ALLOWED, _("camera allowed")),
            ("started", session.started, _("started")),
        ):
            if is_so:
                return key, label
        return "opened", _("page opened")

    @display(
        description=_("tracking"),
        label={
            TrackingQuality.GOOD: "success",
            TrackingQuality.FAIR: "warning",
            TrackingQuality.POOR: "danger",
        },
    )
    def quality(self, session: ARViewSession) -> tuple[str, str] | None:
        if not session.tracking_quality:
            return None
        return session.tracking_quality, session.get_tracking_quality_display()
