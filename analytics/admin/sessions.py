"""Visits, to look at: they are written by visitors' phones alone."""

from functools import cached_property
from typing import ClassVar
from uuid import UUID

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display

from analytics.models import ARViewSession, TrackingQuality
from content.models import ARContent


class NewestRowsPaginator(Paginator[ARViewSession]):
    """Counts up to a bound: counting millions of rows takes longer than reading the page."""

    bound = 5_000

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        return rows[: self.bound].count() if isinstance(rows, QuerySet) else len(rows)


@admin.register(ARViewSession)
class ARViewSessionAdmin(ModelAdmin):
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
    list_filter: ClassVar = ["company", "device_type", "tracking_quality", "video_played"]
    list_select_related = ("ar_content", "company")
    search_fields = ("session_id",)
    search_help_text = _("The id of a session or of a content.")
    # Rows come in the order of time, and the primary key is the index that says so.
    ordering = ("-pk",)
    sortable_by = ()
    list_per_page = 50
    show_full_result_count = False
    paginator = NewestRowsPaginator
    actions = None

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ARViewSession], search_term: str
    ) -> tuple[QuerySet[ARViewSession], bool]:
        """By a whole id through its index; the admin's own search compares every row as text."""
        if not search_term:
            return queryset, False
        try:
            wanted = UUID(search_term.strip())
        except ValueError:
            return queryset.none(), False
        contents = list(ARContent.objects.with_public_id(wanted).values_list("pk", flat=True))
        return queryset.filter(Q(session_id=wanted) | Q(ar_content__in=contents)), False

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

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ARViewSession | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ARViewSession | None = None) -> bool:
        """Not here; but the page that deletes a content asks too, and its visits go with it."""
        page = request.resolver_match
        own_pages = f"{self.opts.app_label}_{self.opts.model_name}_"
        if page is None or (page.url_name or "").startswith(own_pages):
            return False
        return bool(super().has_delete_permission(request, obj))
