"""Visits, to look at: they are written by visitors' phones alone."""

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from analytics.admin.filters import Period
from analytics.models import ARViewSession, TrackingQuality
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
        "quality",
        "video_played",
        "duration_seconds",
    )
    list_filter = ("company", "device_type", "tracking_quality", "video_played", Period)
    list_select_related = ("ar_content", "company")
    shortcuts = (
        (_("All"), {}),
        (_("Last 30 days"), {"period": "30"}),
    )
    search_fields = ("session_id",)
    search_help_text = _("The id of a session or of a content, or the address behind a QR code.")

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
