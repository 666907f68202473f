"""Videos: player, probed metadata, windows, activation."""

from datetime import datetime
from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
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
from content import processing
from content.admin.filters import VideoState
from content.admin.forms import VideoForm
from content.admin.lists import ListAdmin, id_in
from content.admin.targets import thumbnail_of
from content.models import ARContent, Video
from content.publishing import clip_of


def video_state(video: Video, now: datetime) -> tuple[str, str]:
    """(key, words): what a video does among those of its content."""
    if not clip_of(video).is_open(now):
        if video.schedule_start and video.schedule_start > now:
            return "later", gettext("opens later")
        return "over", gettext("window is over")
    return ("on", gettext("plays")) if video.is_active else ("off", gettext("waits"))


@admin.register(Video)
class VideoAdmin(ListAdmin[Video]):
    form = VideoForm
    list_display = (
        "preview",
        "label",
        "ar_content",
        "company_name",
        "facts",
        "state_label",
        "window",
        "rotation_order",
    )
    list_display_links = ("preview", "label")
    list_filter = (VideoState, "is_active", "ar_content__company")
    list_select_related = ("ar_content__company",)
    times_by_row = True
    shortcuts = (
        (_("Not over"), {}),
        (_("Active"), {"is_active__exact": "1"}),
        (_("Over"), {"state": "over"}),
        (_("All"), {"state": "all"}),
    )
    search_fields = ("title", "ar_content__title")
    search_help_text = _("A title, a content, or the address behind its QR code.")
    autocomplete_fields = ("ar_content",)
    readonly_fields = ("player", "player_desk", "created_at", "updated_at")
    actions = ("activate",)
    change_form_outer_after_template = "admin/content/act_form.html"

    def get_fieldsets(self, request: HttpRequest, obj: Video | None = None) -> Any:
        may_change = self.has_change_permission(request, obj)
        upload = ("upload",) if may_change else ()
        what = (None, {"fields": ("ar_content", "title", *upload)})
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
        own = path(
            "<path:object_id>/activate/",
            self.admin_site.admin_view(require_POST(self.activate_view)),
            name="content_video_activate",
        )
        return [own, *super().get_urls()]

    def activate_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        video = self.get_object(request, object_id)
        if video is None:
            raise Http404
        if not self.has_change_permission(request, video):
            raise PermissionDenied
        self.play(request, [video])
        return HttpResponseRedirect(reverse("admin:content_video_change", args=[video.pk]))

    def save_model(
        self, request: HttpRequest, obj: Video, form: ModelForm[Video], change: bool
    ) -> None:
        video_form = cast("VideoForm", form)
        video_form.store_video()
        if change:
            obj.save(update_fields=video_form.changed_columns())
        else:
            obj.save()
        processing.ensure_active_video(obj.ar_content)

    def delete_model(self, request: HttpRequest, obj: Video) -> None:
        processing.delete_video(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Video]) -> None:
        for video in queryset:
            processing.delete_video(video)

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
    def facts(self, video: Video) -> SafeString:
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
        return player(video, may_change=False)

    @display(description=_("Video"))
    def player_desk(self, video: Video) -> SafeString:
        """The same for those who may make it the one that plays."""
        return player(video, may_change=True)

    @display(
        description=_("State"),
        label={"on": "success", "off": "info", "later": "warning", "over": "danger"},
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

    def play(self, request: HttpRequest, videos: list[Video]) -> None:
        for video in videos:
            video.activate()
        text = ngettext("%(count)d video plays now.", "%(count)d videos play now.", len(videos))
        self.message_user(request, text % {"count": len(videos)}, messages.SUCCESS)


def player(video: Video, *, may_change: bool) -> SafeString:
    _key, state = video_state(video, timezone.now())
    context = {"video": video, "state": state, "may_change": may_change}
    return render_to_string("admin/content/video_player.html", context)
