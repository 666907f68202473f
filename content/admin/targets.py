"""What the admin pages of contents and portraits share: the picture and its marker's state."""

from typing import TYPE_CHECKING, Any, TypeVar, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
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

if TYPE_CHECKING:
    from content.admin.forms import TargetForm

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
        # Not in the form's save(): the admin calls that before it has checked the inlines.
        target_form = cast("TargetForm", form)
        has_new_picture = target_form.store_picture()
        if change:
            obj.save(update_fields=target_form.changed_columns())
        else:
            obj.save()
        if has_new_picture:
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

    @display(description=_("Stars"))
    def stars_label(self, row: T) -> float | str:
        stars = target_of(row).stars
        return "—" if stars is None else stars

    @display(description=_("Marker"))
    def marker_panel(self, row: T) -> SafeString:
        return render_to_string("admin/content/marker_panel.html", panel_context(row))

    @admin.action(description=_("Make the marker again"), permissions=["change"])
    def regenerate_markers(self, request: HttpRequest, queryset: QuerySet[T]) -> None:
        count = 0
        for target in {target_of(row) for row in queryset}:
            processing.renew_marker(target)
            tasks.request_marker(target)
            count += 1
        text = ngettext(
            "%(count)d marker is being made.", "%(count)d markers are being made.", count
        )
        self.message_user(request, text % {"count": count}, messages.SUCCESS)


class MarkerStatusFilter(admin.SimpleListFilter):
    """A content that uses a portrait has the portrait's marker."""

    title = _("marker status")
    parameter_name = "marker"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return MarkerStatus.choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        return queryset.filter(
            Q(portrait__isnull=True, marker_status=self.value())
            | Q(portrait__marker_status=self.value())
        )


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
