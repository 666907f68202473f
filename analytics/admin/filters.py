"""Filters of the visits."""

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from analytics.reports import WINDOW


class Period(admin.SimpleListFilter):
    """What the figures count; listed last, so that a session's first visit is that of the list."""

    title = _("period")
    parameter_name = "period"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("30", _("Last 30 days")),
            ("30-sessions", _("Last 30 days, the first visit of each session")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() not in {"30", "30-sessions"}:
            return queryset
        recent = queryset.filter(created_at__gte=timezone.now() - WINDOW, is_bot=False)
        if self.value() == "30":
            return recent
        earlier = recent.filter(session_id=OuterRef("session_id"), pk__lt=OuterRef("pk"))
        return recent.filter(~Exists(earlier.order_by()))
