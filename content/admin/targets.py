"""What the admin pages of contents and portraits share: the picture and its marker's state."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import display

from companies.limits import LimitReached
from companies.storage.backend import StorageUnavailable
from content import processing, tasks
from content.admin.lists import ListAdmin
from content.admin.panels import marker_context, marker_panel, target_of
from content.changes import change_content
from content.markers.feature_map import read_feature_map, svg
from content.models import ARContent, MarkerStatus, Portrait

if TYPE_CHECKING:
    from content.admin.forms import TargetForm

T = TypeVar("T", ARContent, Portrait)


class TargetAdmin(ListAdmin[T]):
    actions: Sequence[str] = ("regenerate_markers",)
    change_form_outer_after_template = "admin/content/act_form.html"

    class Media:
        js = ("admin/live-panel.js",)

    def get_urls(self) -> list[URLPattern]:
        name = f"content_{self.opts.model_name}"
        return [
            path(
                "<path:object_id>/marker/",
                self.admin_site.admin_view(self.marker_view),
                name=f"{name}_marker",
            ),
            path(
                "<path:object_id>/features.svg",
                self.admin_site.admin_view(self.features_view),
                name=f"{name}_features",
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
        """The marker panel alone: the page asks for it again while a worker is at it.

        A POST has the marker made again.
        """
        row = self.viewable(request, object_id)
        may_change = self.has_change_permission(request, row)
        if request.method != "POST":
            context = marker_context(row, may_change=may_change)
            return render(request, "admin/content/marker_panel.html", context)
        if not may_change:
            raise PermissionDenied
        try:
            self.renew(request, {target_of(row)})
        except LimitReached as error:
            self.message_user(request, " ".join(error.messages), messages.ERROR)
        name = f"{self.admin_site.name}:content_{self.opts.model_name}_change"
        return HttpResponseRedirect(reverse(name, args=[row.pk]))

    def features_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The map of the marker's feature points, to lay over the picture."""
        target = target_of(self.viewable(request, object_id))
        if not target.marker:
            raise Http404
        try:
            with target.marker.open("rb") as stored:
                features = read_feature_map(stored.read())
        except (StorageUnavailable, FileNotFoundError, ValueError) as error:
            # A decoration of the page, which says elsewhere when a storage is out of reach.
            raise Http404 from error
        response = HttpResponse(svg(features), content_type="image/svg+xml")
        response["Cache-Control"] = "private, max-age=3600"
        return response

    def save_model(self, request: HttpRequest, obj: T, form: ModelForm[T], change: bool) -> None:
        # Not in the form's save(): the admin calls that before it has checked the inlines. Nor
        # processing.create_content: the videos' forms want a saved row. The steps are the same.
        target_form = cast("TargetForm", form)
        has_new_picture = target_form.store_picture()
        columns = target_form.changed_columns()
        if not change:
            obj.save()
        elif isinstance(obj, ARContent):
            change_content(obj, changed=columns, now=timezone.now())
        else:
            obj.save(update_fields=columns)
        if has_new_picture:
            tasks.request_marker(obj)

    @display(description=_("Picture"))
    def preview(self, row: T) -> SafeString | str:
        return thumbnail_of(target_of(row))

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
        return marker_panel(row, may_change=False)

    @display(description=_("Marker"))
    def marker_desk(self, row: T) -> SafeString:
        """The same for those who may have it made again."""
        return marker_panel(row, may_change=True)

    def marker_field(self, request: HttpRequest, row: T) -> str:
        may_change = self.has_change_permission(request, row)
        return "marker_desk" if may_change else "marker_panel"

    @admin.action(description=_("Make the marker again"), permissions=["change"])
    def regenerate_markers(self, request: HttpRequest, queryset: QuerySet[T]) -> None:
        self.renew(request, {target_of(row) for row in queryset})

    def renew(self, request: HttpRequest, targets: set[ARContent | Portrait]) -> None:
        for target in targets:
            processing.renew_marker(target)
            tasks.request_marker(target)
        count = len(targets)
        text = ngettext(
            "%(count)d marker is being made.", "%(count)d markers are being made.", count
        )
        self.message_user(request, text % {"count": count}, messages.SUCCESS)


def thumbnail_of(row: Any) -> SafeString | str:
    if not row.thumbnail:
        return "—"
    return format_html(
        # The picture is a link of its own, which must have a name.
        '<img src="{}" alt="{}" width="48" height="48" loading="lazy"'
        ' class="size-12 rounded object-cover">',
        row.thumbnail.url,
        row,
    )
