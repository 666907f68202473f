"""Videos: how far a worker is, the player, windows, activation."""

from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.decorators import display

from companies.admin.zones import zone_of
from companies.limits import LimitReached
from content import playback, tasks, videos
from content.admin.filters import VideoState
from content.admin.forms import VideoForm
from content.admin.lists import ListAdmin, id_in
from content.admin.targets import thumbnail_of
from content.admin.uploads import VideoUploads
from content.admin.video_panels import video_context, video_panel, video_state
from content.models import ARContent, Video, VideoStatus

STATE_COLOURS = {
    "on": "success",
    "off": "info",
    "later": "warning",
    "unfit": "warning",
    "over": "danger",
}


@admin.register(Video)
class VideoAdmin(VideoUploads[Video], ListAdmin[Video]):
    form = VideoForm
    belongs_to = "ar_content"
    list_display = (
        "preview",
        "label",
        "ar_content",
        "company_name",
        "status_label",
        "state_label",
        "window",
        "facts",
    )
    list_display_links = ("preview", "label")
    list_filter = (VideoState, "status", "is_active", "ar_content__company")
    list_select_related = ("ar_content__company",)
    times_by_row = True
    shortcuts = (
        (_("Not over"), {}),
        (_("Active"), {"is_active__exact": "1"}),
        (_("Failed"), {"status__exact": "failed"}),
        (_("Over"), {"state": "over"}),
        (_("All"), {"state": "all"}),
    )
    search_fields = ("title", "ar_content__title")
    search_help_text = _("A title, a content, or the address behind its QR code.")
    autocomplete_fields = ("ar_content",)
    readonly_fields = ("player", "player_desk", "created_at", "updated_at")
    actions = ("activate", "prepare_again")
    change_form_outer_after_template = "admin/content/act_form.html"

    class Media:
        js = ("admin/live-panel.js",)

    def get_fieldsets(self, request: HttpRequest, obj: Video | None = None) -> Any:
        may_change = self.has_change_permission(request, obj)
        upload = ("upload",) if may_change else ()
        what = (None, {"fields": ("ar_content", "title", *upload, "has_alpha")})
        when = (
            _("When it plays"),
            {"fields": ("schedule_start", "schedule_end", "rotation_order")},
        )
        if obj is None:
            return (what, when)
        player = "player_desk" if may_change else "player"
        details = (_("Details"), {"fields": ("created_at", "updated_at")})
        return ((_("Video"), {"fields": (player,)}), what, when, details)

    def get_readonly_fields(self, request: HttpRequest, obj: Video | None = None) -> Any:
        return (*self.readonly_fields, "ar_content") if obj else self.readonly_fields

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Video], search_term: str
    ) -> tuple[Any, bool]:
        unique_id = id_in(search_term)
        if unique_id is None:
            return super().get_search_results(request, queryset, search_term)
        contents = ARContent.objects.with_public_id(unique_id).order_by()
        return queryset.filter(ar_content__in=contents.values("pk")), False

    def get_urls(self) -> list[URLPattern]:
        def own(file: str, view: Any, name: str) -> URLPattern:
            guarded = self.admin_site.admin_view(view)
            return path(f"<path:object_id>/{file}/", guarded, name=f"content_video_{name}")

        return [
            own("activate", require_POST(self.activate_view), "activate"),
            own("state", self.state_view, "state"),
            *super().get_urls(),
        ]

    def viewable(self, request: HttpRequest, object_id: str) -> Video:
        video = self.get_object(request, object_id)
        if video is None:
            raise Http404
        if not self.has_view_permission(request, video):
            raise PermissionDenied
        return video

    def activate_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        video = self.viewable(request, object_id)
        if not self.has_change_permission(request, video):
            raise PermissionDenied
        self.play(request, [video])
        return HttpResponseRedirect(reverse("admin:content_video_change", args=[video.pk]))

    def state_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The panel alone: the page asks for it again while a worker is at the video.

        A POST has the video prepared again.
        """
        video = self.viewable(request, object_id)
        may_change = self.has_change_permission(request, video)
        if request.method != "POST":
            context = video_context(video, may_change=may_change, now=timezone.now())
            kind = "row" if "row" in request.GET else "player"
            return render(request, f"admin/content/video_{kind}.html", context)
        if not may_change:
            raise PermissionDenied
        try:
            self.renew(request, [video])
        except LimitReached as error:
            self.message_user(request, " ".join(error.messages), messages.ERROR)
        return HttpResponseRedirect(reverse("admin:content_video_change", args=[video.pk]))

    def save_model(
        self, request: HttpRequest, obj: Video, form: ModelForm[Video], change: bool
    ) -> None:
        video_form = cast("VideoForm", form)
        video_form.store_video()
        if change:
            video_form.write()
        else:
            obj.save()
            playback.settle(obj.ar_content, now=timezone.now())
        video_form.have_it_prepared()

    def delete_model(self, request: HttpRequest, obj: Video) -> None:
        videos.delete_video(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Video]) -> None:
        for video in queryset:
            videos.delete_video(video)

    @display(description=_("Picture"))
    def preview(self, video: Video) -> SafeString | str:
        return thumbnail_of(video)

    @display(description=_("title"), ordering="title")
    def label(self, video: Video) -> str:
        return str(video)

    @display(description=_("company"), ordering="ar_content__company__name")
    def company_name(self, video: Video) -> str:
        return str(video.company)

    @display(description=_("Probed"))
    def facts(self, video: Video) -> SafeString | str:
        if not video.video:
            return "—"
        return render_to_string("admin/content/video_facts.html", {"video": video})

    @display(description=_("Window"), ordering="schedule_start")
    def window(self, video: Video) -> str:
        ends = (video.schedule_start, video.schedule_end)
        if not any(ends):
            return gettext("always")
        zone = zone_of(video.company)
        shown = [
            date_format(timezone.localtime(end, zone), "SHORT_DATETIME_FORMAT") if end else "…"
            for end in ends
        ]
        return " – ".join(shown)

    @display(description=_("Video"))
    def player(self, video: Video) -> SafeString:
        return video_panel(video, may_change=False)

    @display(description=_("Video"))
    def player_desk(self, video: Video) -> SafeString:
        """The same for those who may make it the one that plays."""
        return video_panel(video, may_change=True)

    @display(
        description=_("Prepared"),
        label={
            VideoStatus.READY: "success",
            VideoStatus.FAILED: "danger",
            VideoStatus.PROCESSING: "info",
            VideoStatus.PENDING: "warning",
        },
        ordering="status",
    )
    def status_label(self, video: Video) -> tuple[str, str]:
        words = str(video.get_status_display())
        is_running = video.status == VideoStatus.PROCESSING
        return video.status, f"{words}, {video.progress} %" if is_running else words

    @display(
        description=_("State"),
        label=STATE_COLOURS,
        ordering="is_active",
    )
    def state_label(self, video: Video) -> tuple[str, str]:
        return video_state(video, timezone.now())

    @admin.action(description=_("Activate: make it the video that plays"), permissions=["change"])
    def activate(self, request: HttpRequest, queryset: QuerySet[Video]) -> None:
        videos = list(queryset)
        if len({video.ar_content_id for video in videos}) != len(videos):
            self.message_user(request, gettext("Choose one video of each content."), messages.ERROR)
            return
        self.play(request, videos)

    @admin.action(description=_("Prepare again"), permissions=["change"])
    def prepare_again(self, request: HttpRequest, queryset: QuerySet[Video]) -> None:
        self.renew(request, list(queryset.exclude(original="")))

    def play(self, request: HttpRequest, chosen: list[Video]) -> None:
        unfit = [video for video in chosen if not video.video]
        for video in chosen:
            if video.video:
                playback.choose(video, now=timezone.now())
        count = len(chosen) - len(unfit)
        if count:
            text = ngettext("%(count)d video plays now.", "%(count)d videos play now.", count)
            self.message_user(request, text % {"count": count}, messages.SUCCESS)
        for video in unfit:
            problem = gettext("%(video)s cannot be played yet: it is not prepared.")
            self.message_user(request, problem % {"video": video}, messages.ERROR)

    def renew(self, request: HttpRequest, chosen: list[Video]) -> None:
        for video in chosen:
            videos.retry_video(video)
            tasks.request_video(video)
        count = len(chosen)
        text = ngettext(
            "%(count)d video is being prepared.", "%(count)d videos are being prepared.", count
        )
        self.message_user(request, text % {"count": count}, messages.SUCCESS)
