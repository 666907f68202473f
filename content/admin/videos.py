"""Videos: player, probed metadata, activation."""

from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from companies.admin.base import ArvModelAdmin
from content import processing
from content.admin.forms import VideoForm
from content.models import Video


@admin.register(Video)
class VideoAdmin(ArvModelAdmin[Video]):
    form = VideoForm
    list_display = ("preview", "label", "ar_content", "facts", "active_label", "rotation_order")
    list_display_links = ("preview", "label")
    list_filter = ("is_active", "ar_content__company")
    list_select_related = ("ar_content__company",)
    search_fields = ("title", "ar_content__title")
    autocomplete_fields = ("ar_content",)
    readonly_fields = ("player", "created_at", "updated_at")
    actions = ("activate",)

    def get_fieldsets(self, request: HttpRequest, obj: Video | None = None) -> Any:
        what = (None, {"fields": ("ar_content", "title", "upload")})
        when = (
            _("When it plays"),
            {"fields": ("schedule_start", "schedule_end", "rotation_order")},
        )
        return (what, when) if obj is None else ((_("Video"), {"fields": ("player",)}), what, when)

    def get_readonly_fields(self, request: HttpRequest, obj: Video | None = None) -> Any:
        return (*self.readonly_fields, "ar_content") if obj else self.readonly_fields

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
        if not video.thumbnail:
            return "—"
        return format_html(
            '<img src="{}" alt="" width="48" height="48" loading="lazy"'
            ' class="size-12 rounded object-cover">',
            video.thumbnail.url,
        )

    @display(description=_("title"), ordering="title")
    def label(self, video: Video) -> str:
        return str(video)

    @display(description=_("Probed"))
    def facts(self, video: Video) -> SafeString:
        return render_to_string("admin/content/video_facts.html", {"video": video})

    @display(description=_("Video"))
    def player(self, video: Video) -> SafeString:
        return render_to_string("admin/content/video_player.html", {"video": video})

    @display(description=_("active"), label={"on": "success", "off": "info"}, ordering="is_active")
    def active_label(self, video: Video) -> tuple[str, Any]:
        return ("on", _("plays")) if video.is_active else ("off", _("waits"))

    @admin.action(description=_("Activate: make it the video that plays"), permissions=["change"])
    def activate(self, request: HttpRequest, queryset: QuerySet[Video]) -> None:
        videos = list(queryset)
        if len({video.ar_content_id for video in videos}) != len(videos):
            self.message_user(request, gettext("Choose one video of each content."), messages.ERROR)
            return
        for video in videos:
            video.activate()
        text = ngettext("%(count)d video plays now.", "%(count)d videos play now.", len(videos))
        self.message_user(request, text % {"count": len(videos)}, messages.SUCCESS)
