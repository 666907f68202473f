"""AR contents: upload, watch the marker, take the QR code, see what plays when."""

from functools import cached_property
from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import BaseModelFormSet, ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import StackedInline
from unfold.decorators import display
from unfold.forms import PaginationInlineFormSet

from companies.admin.base import TenantOptions
from companies.models import Project
from companies.storage.backend import StorageUnavailable
from companies.tenancy import access_of
from content import playback, print_sheets, processing, qrcodes, videos
from content.admin.calendar import calendar_panel
from content.admin.deletion import Deleted, content_losses
from content.admin.filters import (
    ContentExpiresSoon,
    ContentState,
    MarkerStatusFilter,
    WithFailure,
    WithoutVideo,
)
from content.admin.forms import ARContentForm, VideoForm
from content.admin.lists import id_in
from content.admin.month import month_page
from content.admin.panels import qr_panel, target_of, views_panel
from content.admin.rotation import rotation_panel
from content.admin.targets import TargetAdmin
from content.admin.uploads import VideoUploads
from content.admin.video_panels import video_context
from content.changes import switch_content
from content.models import ARContent, Video
from content.publishing import Visibility, visibility

VISIBILITY_COLOURS = {
    Visibility.VISIBLE: "success",
    Visibility.LATER: "info",
    Visibility.OFF: "warning",
    Visibility.PROJECT: "warning",
    Visibility.EXPIRED: "danger",
    Visibility.COMPANY: "danger",
}


class FirstVideos(PaginationInlineFormSet):
    """The first videos of a content: a page with hundreds of forms is of no use to anybody."""

    most = 20

    def get_queryset(self) -> Any:
        if not hasattr(self, "_queryset"):
            self._queryset = super().get_queryset()[: self.most]
        return self._queryset

    @cached_property
    def hidden_count(self) -> int:
        """How many videos the page leaves out."""
        return max(0, self.instance.videos.count() - self.most) if self.instance.pk else 0


class VideoInline(TenantOptions, StackedInline):
    model = Video
    form = VideoForm
    formset = FirstVideos
    readonly_fields = ("facts",)
    show_change_link = True
    template_before = "admin/content/more_videos.html"

    def get_fields(self, request: HttpRequest, obj: ARContent | None = None) -> Any:
        facts = ("facts",) if obj else ()
        upload = ("upload",) if self.has_change_permission(request, obj) else ()
        window = ("schedule_start", "schedule_end")
        return (*facts, *upload, "title", "has_alpha", *window, "rotation_order")

    def get_extra(self, request: HttpRequest, obj: ARContent | None = None, **kwargs: Any) -> int:
        return 1 if obj is None else 0

    @display(description=_("State"))
    def facts(self, video: Video) -> SafeString | str:
        if not video.pk:
            return "—"
        context = video_context(video, may_change=False, now=timezone.now())
        return render_to_string("admin/content/video_row.html", context)


@admin.register(ARContent)
class ARContentAdmin(VideoUploads[ARContent], TargetAdmin[ARContent]):
    form = ARContentForm
    belongs_to = "project"
    inlines = (VideoInline,)
    list_display = (
        "preview",
        "title",
        "project",
        "company",
        "marker_label",
        "stars_label",
        "state_label",
        "views_count",
    )
    list_display_links = ("preview", "title")
    list_filter = (
        ContentState,
        MarkerStatusFilter,
        WithFailure,
        WithoutVideo,
        ContentExpiresSoon,
        "project",
        "company",
    )
    list_select_related = ("project", "company", "portrait")
    shortcuts = (
        (_("Not over"), {}),
        (_("Expires in 30 days"), {"expires": "30"}),
        (_("Marker or video failed"), {"failed": "any"}),
        (_("No video"), {"video": "none"}),
        (_("Switched off"), {"state": "off"}),
        (_("All"), {"state": "all"}),
    )
    search_fields = ("title", "project__name")
    search_help_text = _("A title, a project, or the address behind a QR code.")
    autocomplete_fields = ("project", "portrait")
    readonly_fields = (
        "marker_panel",
        "marker_desk",
        "qr_panel",
        "calendar_panel",
        "rotation_panel",
        "rotation_desk",
        "views_panel",
        "created_at",
    )
    actions = ("regenerate_markers", "switch_on", "switch_off")

    def get_fieldsets(self, request: HttpRequest, obj: ARContent | None = None) -> Any:
        when = {"fields": ("is_active", "published_at", "expires_at")}
        if obj is None:
            return (
                (None, {"fields": ("project", "title", "description", "picture", "portrait")}),
                (_("Publication"), when),
            )
        may_change = self.has_change_permission(request, obj)
        picture, playing = (("picture",), ("playing",)) if may_change else ((), ())
        rotation = "rotation_desk" if may_change else "rotation_panel"
        return (
            (_("Picture and marker"), {"fields": (self.marker_field(request, obj),)}),
            (_("QR code"), {"fields": ("qr_panel",)}),
            (None, {"fields": ("project", "title", "description", *picture, "portrait")}),
            (_("What plays when"), {"fields": ("calendar_panel", *playing, rotation)}),
            (_("Publication"), when),
            (_("Views"), {"fields": ("views_panel", "created_at")}),
        )

    def get_changeform_initial_data(self, request: HttpRequest) -> Any:
        initial = super().get_changeform_initial_data(request)
        projects = access_of(request).rows(Project.objects.order_by(), self.role_to_change)
        only = list(projects[:2])
        if len(only) == 1:
            initial.setdefault("project", str(only[0].pk))
        return initial

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ARContent], search_term: str
    ) -> tuple[Any, bool]:
        unique_id = id_in(search_term)
        if unique_id is None:
            return super().get_search_results(request, queryset, search_term)
        found = ARContent.objects.with_public_id(unique_id).order_by()
        return queryset.filter(pk__in=found.values("pk")), False

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Deleted:
        return content_losses(objs, lambda row: self.has_delete_permission(request, row))

    @display(description=_("State"), label=VISIBILITY_COLOURS)
    def state_label(self, content: ARContent) -> tuple[str, str]:
        state = visibility(content, timezone.now())
        return state, str(state.label)

    @display(description=_("QR code"))
    def qr_panel(self, content: ARContent) -> SafeString:
        return qr_panel(content, now=timezone.now())

    @display(description=_("The next two weeks"))
    def calendar_panel(self, content: ARContent) -> SafeString:
        return calendar_panel(content, now=timezone.now())

    @display(description=_("Rotation"))
    def rotation_panel(self, content: ARContent) -> SafeString:
        return rotation_panel(content, may_change=False, now=timezone.now())

    @display(description=_("Rotation"))
    def rotation_desk(self, content: ARContent) -> SafeString:
        """The same for those who may let videos take turns."""
        return rotation_panel(content, may_change=True, now=timezone.now())

    @display(description=_("Views"))
    def views_panel(self, content: ARContent) -> SafeString:
        return views_panel(content, now=timezone.now())

    def get_urls(self) -> list[URLPattern]:
        def own(file: str, view: Any, name: str, **kwargs: str) -> URLPattern:
            guarded = self.admin_site.admin_view(view)
            return path(f"<path:object_id>/{file}", guarded, kwargs, f"content_arcontent_{name}")

        return [
            own("qr.png", self.qr_view, "qr_png", kind="png"),
            own("qr.svg", self.qr_view, "qr_svg", kind="svg"),
            own("print-sheet.pdf", self.print_sheet_view, "print_sheet"),
            own("rotation/calendar/", self.calendar_view, "calendar"),
            *super().get_urls(),
        ]

    def calendar_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What plays on each day of a month and why: `?month=YYYY-MM`."""
        return month_page(self, request, self.viewable(request, object_id))

    def qr_view(self, request: HttpRequest, object_id: str, kind: str) -> HttpResponse:
        content = self.viewable(request, object_id)
        if kind == "png":
            response = HttpResponse(qrcodes.png(content.ar_url), content_type="image/png")
        else:
            response = HttpResponse(qrcodes.svg(content.ar_url), content_type="image/svg+xml")
        if "download" in request.GET:
            response["Content-Disposition"] = f'attachment; filename="arv-{content.pk}.{kind}"'
        return response

    def print_sheet_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A page to print: picture, code, and how large the picture must be."""
        content = self.viewable(request, object_id)
        target = target_of(content)
        if not target.image:
            raise Http404
        try:
            with target.image.open("rb") as stored:
                picture = stored.read()
        except (StorageUnavailable, FileNotFoundError) as error:
            problem = gettext("The picture cannot be read: %(reason)s") % {"reason": error}
            self.message_user(request, problem, messages.ERROR)
            return HttpResponseRedirect(
                reverse("admin:content_arcontent_change", args=[content.pk])
            )
        sheet = print_sheets.content_sheet(
            title=content.title,
            url=content.ar_url,
            picture=picture,
            width_px=target.image_width,
            height_px=target.image_height,
            language=get_language() or "en",
        )
        response = HttpResponse(sheet, content_type="application/pdf")
        response["Content-Disposition"] = f'inline; filename="arv-{content.pk}.pdf"'
        return response

    @admin.action(description=_("Switch on: show to visitors"), permissions=["change"])
    def switch_on(self, request: HttpRequest, queryset: QuerySet[ARContent]) -> None:
        count = self.switch(queryset, on=True)
        text = ngettext(
            "%(count)d content is on. “Switch off” takes it back.",
            "%(count)d contents are on. “Switch off” takes it back.",
            count,
        )
        self.report_switched(request, text, count)

    @admin.action(description=_("Switch off: hide from visitors"), permissions=["change"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[ARContent]) -> None:
        count = self.switch(queryset, on=False)
        text = ngettext(
            "%(count)d content is off; nothing is lost, “Switch on” brings it back.",
            "%(count)d contents are off; nothing is lost, “Switch on” brings them back.",
            count,
        )
        self.report_switched(request, text, count)

    def switch(self, queryset: QuerySet[ARContent], *, on: bool) -> int:
        now = timezone.now()
        return sum(switch_content(content, on=on, now=now) for content in queryset)

    def report_switched(self, request: HttpRequest, text: str, count: int) -> None:
        if count:
            self.message_user(request, text % {"count": count}, messages.SUCCESS)
        else:
            self.message_user(request, gettext("They were so already."), messages.INFO)

    def save_model(
        self, request: HttpRequest, obj: ARContent, form: ModelForm[ARContent], change: bool
    ) -> None:
        if not change:
            super().save_model(request, obj, form, change)

    def save_related(
        self,
        request: HttpRequest,
        form: ModelForm[ARContent],
        formsets: list[BaseModelFormSet[Any, Any]],
        change: bool,
    ) -> None:
        for formset in formsets:
            for video_form in formset.forms:
                if video_form not in formset.deleted_forms and video_form.has_changed():
                    cast("VideoForm", video_form).store_video()
        if change:
            # Only now: visitors would wait for the row as long as the videos travel.
            super().save_model(request, form.instance, form, change)
        super().save_related(request, form, formsets, change)
        chosen = form.cleaned_data.get("playing")
        if chosen and "playing" in form.changed_data:
            playback.choose(chosen, now=timezone.now())

    def save_formset(
        self,
        request: HttpRequest,
        form: ModelForm[ARContent],
        formset: BaseModelFormSet[Any, Any],
        change: bool,
    ) -> None:
        for video_form in formset.forms:
            if video_form in formset.deleted_forms and video_form.instance.pk:
                videos.give_up_video(video_form.instance, now=timezone.now())
        super().save_formset(request, form, formset, change)
        for video_form in formset.forms:
            if video_form not in formset.deleted_forms and video_form.has_changed():
                cast("VideoForm", video_form).have_it_prepared()
        playback.settle(form.instance, now=timezone.now())

    def delete_model(self, request: HttpRequest, obj: ARContent) -> None:
        processing.delete_content(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ARContent]) -> None:
        for content in queryset:
            processing.delete_content(content)
