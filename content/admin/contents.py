"""AR contents: upload, watch the marker, take the QR code."""

from typing import Any, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import BaseModelFormSet, ModelForm
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import StackedInline
from unfold.decorators import display

from content import processing, qrcodes
from content.admin.forms import ARContentForm, VideoForm
from content.admin.targets import MarkerStatusFilter, TargetAdmin
from content.models import ARContent, Video


class VideoInline(StackedInline[Video, ARContent]):
    model = Video
    form = VideoForm
    fields = (
        "facts",
        "upload",
        "title",
        "schedule_start",
        "schedule_end",
        "rotation_order",
    )
    readonly_fields = ("facts",)
    show_change_link = True

    def get_extra(self, request: HttpRequest, obj: ARContent | None = None, **kwargs: Any) -> int:
        return 1 if obj is None else 0

    @display(description=_("Probed"))
    def facts(self, video: Video) -> SafeString | str:
        if not video.pk:
            return "—"
        return render_to_string("admin/content/video_facts.html", {"video": video})


@admin.register(ARContent)
class ARContentAdmin(TargetAdmin[ARContent]):
    form = ARContentForm
    inlines = (VideoInline,)
    list_display = (
        "preview",
        "title",
        "project",
        "company",
        "marker_label",
        "stars_label",
        "is_active",
    )
    list_display_links = ("preview", "title")
    list_filter = (MarkerStatusFilter, "is_active", "company")
    list_select_related = ("project", "company", "portrait")
    search_fields = ("title", "unique_id", "project__name")
    autocomplete_fields = ("project", "portrait")
    readonly_fields = ("marker_panel", "qr_panel", "views_count", "last_viewed_at", "created_at")

    def get_fieldsets(self, request: HttpRequest, obj: ARContent | None = None) -> Any:
        what = (None, {"fields": ("project", "title", "description", "picture", "portrait")})
        when = (_("Publication"), {"fields": ("is_active", "published_at", "expires_at")})
        if obj is None:
            return (what, when)
        return (
            (_("Picture and marker"), {"fields": ("marker_panel",)}),
            (_("QR code"), {"fields": ("qr_panel",)}),
            what,
            (
                when[0],
                {"fields": ("playing", "is_active", "published_at", "expires_at")},
            ),
            (_("Views"), {"fields": ("views_count", "last_viewed_at", "created_at")}),
        )

    @display(description=_("QR code"))
    def qr_panel(self, content: ARContent) -> SafeString:
        return render_to_string("admin/content/qr_panel.html", {"content": content})

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                "<path:object_id>/qr.png",
                self.admin_site.admin_view(self.qr_view),
                {"kind": "png"},
                name="content_arcontent_qr_png",
            ),
            path(
                "<path:object_id>/qr.svg",
                self.admin_site.admin_view(self.qr_view),
                {"kind": "svg"},
                name="content_arcontent_qr_svg",
            ),
        ]
        return own + super().get_urls()

    def qr_view(self, request: HttpRequest, object_id: str, kind: str) -> HttpResponse:
        content = self.viewable(request, object_id)
        if kind == "png":
            response = HttpResponse(qrcodes.png(content.ar_url), content_type="image/png")
        else:
            response = HttpResponse(qrcodes.svg(content.ar_url), content_type="image/svg+xml")
        if "download" in request.GET:
            response["Content-Disposition"] = f'attachment; filename="arv-{content.pk}.{kind}"'
        return response

    def save_model(
        self, request: HttpRequest, obj: ARContent, form: ModelForm[ARContent], change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        chosen = form.cleaned_data.get("playing")
        if chosen and "playing" in form.changed_data:
            chosen.activate()

    def save_formset(
        self,
        request: HttpRequest,
        form: ModelForm[ARContent],
        formset: BaseModelFormSet[Any, Any],
        change: bool,
    ) -> None:
        for video_form in formset.forms:
            if video_form in formset.deleted_forms:
                if video_form.instance.pk:
                    processing.discard_files(video_form.instance)
            elif video_form.has_changed():
                cast("VideoForm", video_form).store_video()
        super().save_formset(request, form, formset, change)
        processing.ensure_active_video(form.instance)

    def delete_model(self, request: HttpRequest, obj: ARContent) -> None:
        processing.delete_content(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ARContent]) -> None:
        for content in queryset:
            processing.delete_content(content)
