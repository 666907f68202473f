"""What the admin pages of contents and portraits share: the picture and its marker's state."""

from typing import Any, TypeVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import display

from companies.admin.base import ArvModelAdmin
from content import processing, tasks
from content.models import ARContent, MarkerStatus, Portrait

T = TypeVar("T", ARContent, Portrait)


class TargetAdmin(ArvModelAdmin[T]):
    actions = ("regenerate_markers",)

    class Media:
        js = ("admin/marker-panel.js",)

    def get_urls(self) -> list[URLPattern]:
        return [
            path(
                "<path:object_id>/marker/",
                self.admin_site.admin_view(self.marker_view),
                name=f"content_{self.opts.model_name}_marker",
            ),
            *super().get_urls(),
        ]

    def viewable(self, request: HttpRequest, object_id: str) -> T:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        return row

    def marker_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The marker panel alone: the page asks for it again while a worker is at it."""
        row = self.viewable(request, object_id)
        return render(request, "admin/content/marker_panel.html", panel_context(row))

    def save_model(self, request: HttpRequest, obj: T, form: ModelForm[T], change: bool) -> None:
        super().save_model(request, obj, form, change)
        if form.cleaned_data.get("picture"):
            tasks.request_marker(obj)

    @display(description=_("Picture"))
    def preview(self, row: T) -> SafeString | str:
        target = target_of(row)
        if not target.thumbnail:
            return "—"
        return format_html(
            '<img src="{}" alt="" width="48" height="48" loading="lazy"'
            ' class="size-12 rounded object-cover">',
            target.thumbnail.url,
        )

    @display(
        description=_("Marker"),
        label={
            MarkerStatus.READY: "success",
            MarkerStatus.FAILED: "danger",
            MarkerStatus.PROCESSING: "info",
            MarkerStatus.PENDING: "warning",
        },
    )
    def marker_label(self, row: T) -> tuple[str, str]:
        target = target_of(row)
        return target.marker_status, target.get_marker_status_display()

    @display(description=_("Marker"))
    def marker_panel(self, row: T) -> SafeString:
        return render_to_string("admin/content/marker_panel.html", panel_context(row))

    @admin.action(description=_("Make the marker again"), permissions=["change"])
    def regenerate_markers(self, request: HttpRequest, queryset: QuerySet[T]) -> None:
        count = 0
        for target in {target_of(row) for row in queryset}:
            processing.reset_marker(target)
            target.save()
            tasks.request_marker(target)
            count += 1
        text = ngettext(
            "%(count)d marker is being made.", "%(count)d markers are being made.", count
        )
        self.message_user(request, text % {"count": count}, messages.SUCCESS)


def target_of(row: ARContent | Portrait) -> ARContent | Portrait:
    return row.target if isinstance(row, ARContent) else row


def panel_context(row: ARContent | Portrait) -> dict[str, Any]:
    target = target_of(row)
    waiting = target.marker_status in {MarkerStatus.PENDING, MarkerStatus.PROCESSING}
    whole = int(target.stars or 0)
    return {
        "row": row,
        "target": target,
        "waiting": waiting,
        "url": f"admin:content_{row._meta.model_name}_marker",
        "full_stars": range(whole),
        "half_star": bool(target.stars and target.stars != whole),
        "empty_stars": range(5 - whole - bool(target.stars and target.stars != whole)),
    }
