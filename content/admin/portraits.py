"""Portraits: pictures that several contents share."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from companies.tenancy import access_of
from content import processing
from content.admin.deletion import Deleted, portrait_losses
from content.admin.forms import PortraitForm
from content.admin.lists import id_in
from content.admin.panels import used_in_panel
from content.admin.targets import TargetAdmin
from content.models import Portrait


@admin.register(Portrait)
class PortraitAdmin(TargetAdmin[Portrait]):
    form = PortraitForm
    list_display = (
        "preview",
        "title",
        "company",
        "marker_label",
        "stars_label",
        "contents",
        "created_at",
    )
    list_display_links = ("preview", "title")
    list_filter = ("marker_status", "company")
    list_select_related = ("company",)
    shortcuts = (
        (_("All"), {}),
        (_("Marker failed"), {"marker_status__exact": "failed"}),
    )
    search_fields = ("title",)
    search_help_text = _("A title or a unique id.")
    autocomplete_fields = ("company",)
    readonly_fields = ("marker_panel", "marker_desk", "used_in", "created_at")

    def get_fieldsets(self, request: HttpRequest, obj: Portrait | None = None) -> Any:
        if obj is None:
            return ((None, {"fields": ("company", "title", "picture")}),)
        picture = ("picture",) if self.has_change_permission(request, obj) else ()
        return (
            (_("Picture and marker"), {"fields": (self.marker_field(request, obj),)}),
            (None, {"fields": ("company", "title", *picture)}),
            (_("Used in"), {"fields": ("used_in",)}),
            (_("Details"), {"fields": ("created_at",)}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Portrait | None = None) -> Any:
        return (*self.readonly_fields, "company") if obj else self.readonly_fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Portrait]:
        return super().get_queryset(request).annotate(contents_count=Count("ar_contents"))

    def get_changeform_initial_data(self, request: HttpRequest) -> Any:
        initial = super().get_changeform_initial_data(request)
        only = list(access_of(request).companies(self.role_to_change)[:2])
        if len(only) == 1:
            initial.setdefault("company", str(only[0].pk))
        return initial

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Portrait], search_term: str
    ) -> tuple[Any, bool]:
        unique_id = id_in(search_term)
        if unique_id is None:
            return super().get_search_results(request, queryset, search_term)
        return queryset.filter(unique_id=unique_id), False

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Deleted:
        return portrait_losses(objs, lambda row: self.has_delete_permission(request, row))

    @display(description=_("Contents"), ordering="contents_count")
    def contents(self, portrait: Portrait) -> int:
        count: int = portrait.contents_count  # type: ignore[attr-defined]
        return count

    @display(description=_("AR contents"))
    def used_in(self, portrait: Portrait) -> SafeString:
        return used_in_panel(portrait)

    def delete_model(self, request: HttpRequest, obj: Portrait) -> None:
        processing.delete_portrait(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Portrait]) -> None:
        for portrait in queryset:
            processing.delete_portrait(portrait)
