"""Portraits: pictures that several contents share."""

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from content import processing
from content.admin.forms import PortraitForm
from content.admin.targets import TargetAdmin
from content.models import Portrait


@admin.register(Portrait)
class PortraitAdmin(TargetAdmin[Portrait]):
    form = PortraitForm
    list_display = ("preview", "title", "company", "marker_label", "stars_label", "created_at")
    list_display_links = ("preview", "title")
    list_filter = ("marker_status", "company")
    list_select_related = ("company",)
    search_fields = ("title", "unique_id")
    autocomplete_fields = ("company",)
    readonly_fields = ("marker_panel", "created_at")

    def get_fieldsets(self, request: HttpRequest, obj: Portrait | None = None) -> Any:
        what = (None, {"fields": ("company", "title", "picture")})
        if obj is None:
            return (what,)
        return (
            (_("Picture and marker"), {"fields": ("marker_panel",)}),
            what,
            (_("Details"), {"fields": ("created_at",)}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Portrait | None = None) -> Any:
        return (*self.readonly_fields, "company") if obj else self.readonly_fields

    @transaction.atomic
    def delete_model(self, request: HttpRequest, obj: Portrait) -> None:
        processing.discard_files(obj)
        super().delete_model(request, obj)

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Portrait]) -> None:
        for portrait in queryset:
            processing.discard_files(portrait)
        super().delete_queryset(request, queryset)
