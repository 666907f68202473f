"""Rotation schedules: when the next video takes its turn, and whose turn it is."""

import logging
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet, prefetch_related_objects
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from companies.admin.base import is_key
from companies.models import Company
from companies.tenancy import access_of
from content import playback, programme
from content.admin.calendar import REASONS
from content.admin.lists import ListAdmin, id_in
from content.admin.rotation_form import (
    RULE_FIELDS,
    RotationForm,
    RuleForm,
    is_too_long,
    rule_in_words,
)
from content.models import ARContent, VideoRotationSchedule
from content.models.video import USED_BY
from content.rotation import Rule, boundaries, turn_at

logger = logging.getLogger(__name__)

TURNS_SHOWN = 5
STEPS_SHOWN = 20


def coming_turns(
    schedule: VideoRotationSchedule, zone: ZoneInfo, now: datetime
) -> Iterator[datetime]:
    """When the next videos take their turns, whichever those are; nothing if that is unreadable."""
    rule = Rule(
        id=schedule.pk or 0,
        kind=schedule.rotation_type,
        zone=zone,
        sequence=(),
        index=0,
        counts_from=now,
        time_of_day=schedule.time_of_day,
        day_of_week=schedule.day_of_week,
        day_of_month=schedule.day_of_month,
        cron=schedule.cron_expression,
    )
    try:
        yield from boundaries(rule, now)
    except ValueError:
        logger.warning("rotation_rule_unreadable", extra={"schedule": schedule.pk})


def next_turn(schedule: VideoRotationSchedule, company: Company, now: datetime) -> str:
    """When the next video takes its turn, by the company's clock; empty when none comes."""
    if not schedule.is_active:
        return ""
    zone = ZoneInfo(company.time_zone)
    turn = next(coming_turns(schedule, zone, now), None)
    return date_format(turn.astimezone(zone), "SHORT_DATETIME_FORMAT") if turn else ""


@admin.register(VideoRotationSchedule)
class VideoRotationScheduleAdmin(ListAdmin[VideoRotationSchedule]):
    form = RotationForm
    list_display = ("content_title", "company_name", "words", "next_label", "active_label")
    list_filter = ("is_active", "rotation_type", "ar_content__company")
    list_select_related = ("ar_content__company",)
    times_by_row = True
    shortcuts = (
        (_("All"), {}),
        (_("Active"), {"is_active__exact": "1"}),
        (_("Switched off"), {"is_active__exact": "0"}),
    )
    search_fields = ("ar_content__title",)
    search_help_text = _("A content, or the address behind its QR code.")
    autocomplete_fields = ("ar_content",)
    readonly_fields = ("state", "turns", "created_at")

    class Media:
        js = ("admin/rotation-form.js",)

    def get_fieldsets(self, request: HttpRequest, obj: VideoRotationSchedule | None = None) -> Any:
        details = (_("Details"), {"fields": ("created_at",)})
        state = (_("Now"), {"fields": ("state",)})
        if obj and not self.has_change_permission(request, obj):
            return (state, (None, {"fields": ("ar_content", "is_active", "turns")}), details)
        content = () if obj else ("ar_content",)
        rule = (None, {"fields": (*content, *RULE_FIELDS, "turns", "is_active")})
        sequence = (_("Videos"), {"fields": ("sequence",)})
        if obj is None:
            return (rule, sequence)
        if is_too_long(obj):
            return (state, rule, details)
        return (state, rule, sequence, details)

    def get_readonly_fields(
        self, request: HttpRequest, obj: VideoRotationSchedule | None = None
    ) -> Any:
        return (*self.readonly_fields, "ar_content") if obj else self.readonly_fields

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "rotation_type" and field is not None:
            field.widget.attrs["data-used"] = " ".join(
                f"{kind}:{name}" for kind, names in USED_BY.items() for name in names
            )
        return field

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[VideoRotationSchedule], search_term: str
    ) -> tuple[Any, bool]:
        unique_id = id_in(search_term)
        if unique_id is None:
            return super().get_search_results(request, queryset, search_term)
        contents = ARContent.objects.with_public_id(unique_id).order_by()
        return queryset.filter(ar_content__in=contents.values("pk")), False

    def get_urls(self) -> list[URLPattern]:
        own = path(
            "turns/",
            self.admin_site.admin_view(self.turns_view),
            name="content_videorotationschedule_turns",
        )
        return [own, *super().get_urls()]

    def turns_view(self, request: HttpRequest) -> HttpResponse:
        """The next turns of the rule in the query, which nobody has saved yet."""
        key = request.GET.get("content", "")
        contents = access_of(request).rows(
            ARContent.objects.select_related("company"), self.role_to_view
        )
        content = contents.filter(pk=key).first() if is_key(key) else None
        if content is None:
            raise Http404
        form = RuleForm(request.GET)
        valid = form.is_valid()
        context = turns_context(form.instance if valid else None, content)
        if not valid:
            context["problem"] = " ".join(str(text) for of in form.errors.values() for text in of)
        return render(request, "admin/content/rotation_turns.html", context)

    def save_model(
        self,
        request: HttpRequest,
        obj: VideoRotationSchedule,
        form: ModelForm[VideoRotationSchedule],
        change: bool,
    ) -> None:
        videos = form.cleaned_data.get("sequence")
        sequence = None if videos is None else [video.pk for video in videos]
        try:
            playback.save_schedule(obj, sequence=sequence, now=timezone.now())
        except ValidationError as error:
            # Somebody took a video away since the form's check.
            raise ValidationError(error.messages) from error

    def delete_model(self, request: HttpRequest, obj: VideoRotationSchedule) -> None:
        playback.delete_schedule(obj, now=timezone.now())

    def delete_queryset(
        self, request: HttpRequest, queryset: QuerySet[VideoRotationSchedule]
    ) -> None:
        for schedule in queryset:
            self.delete_model(request, schedule)

    @display(description=_("AR content"), ordering="ar_content__title")
    def content_title(self, schedule: VideoRotationSchedule) -> str:
        return str(schedule.ar_content)

    @display(description=_("company"), ordering="ar_content__company__name")
    def company_name(self, schedule: VideoRotationSchedule) -> str:
        return str(schedule.ar_content.company)

    @display(description=_("Next video"), ordering="rotation_type")
    def words(self, schedule: VideoRotationSchedule) -> str:
        return capfirst(rule_in_words(schedule))

    @display(description=_("Next turn"), ordering="next_rotation_at")
    def next_label(self, schedule: VideoRotationSchedule) -> str:
        return next_turn(schedule, schedule.ar_content.company, timezone.now()) or "—"

    @display(
        description=_("state"), label={"on": "success", "off": "warning"}, ordering="is_active"
    )
    def active_label(self, schedule: VideoRotationSchedule) -> tuple[str, Any]:
        return ("on", _("active")) if schedule.is_active else ("off", _("switched off"))

    @display(description=_("Rotation"))
    def state(self, schedule: VideoRotationSchedule) -> SafeString:
        return state_panel(schedule, now=timezone.now())

    @display(description=_("Next turns"))
    def turns(self, schedule: VideoRotationSchedule) -> SafeString:
        saved = schedule if schedule.pk else None
        context = turns_context(saved, schedule.ar_content if saved else None)
        return render_to_string("admin/content/rotation_turns.html", context)


def turns_context(
    schedule: VideoRotationSchedule | None, content: ARContent | None
) -> dict[str, Any]:
    """The next turns of a rule, as the clock of the content's company shows them."""
    zone = ZoneInfo(content.company.time_zone) if content else None
    now = timezone.now()
    turns = coming_turns(schedule, zone, now) if schedule and zone else iter(())
    return {
        "content": content,
        "zone": zone or timezone.get_default_timezone(),
        "turns": list(islice(turns, TURNS_SHOWN)),
    }


def state_panel(schedule: VideoRotationSchedule, *, now: datetime) -> SafeString:
    content = schedule.ar_content
    prefetch_related_objects([content], *programme.ROWS)
    videos = {video.pk: video for video in content.videos.all()}
    rules = {rule.id: rule for rule in programme.rules_of(content)}
    rule = rules.get(schedule.pk)
    turn = turn_at(rule, now) if rule else None
    choice = programme.choice_for(content, now)
    steps = [videos[pk] for pk in rule.sequence] if rule else []
    context = {
        "schedule": schedule,
        "words": rule_in_words(schedule),
        "zone": content.company.time_zone,
        "turn": turn,
        "video": videos[turn.video_id] if turn else None,
        "number": turn.index + 1 if turn else 0,
        "steps": steps[:STEPS_SHOWN],
        "count": len(steps),
        "plays": videos[choice.video_id] if choice else None,
        "why": REASONS[choice.reason] if choice else "",
    }
    return render_to_string("admin/content/rotation_state.html", context)


def rotation_panel(content: ARContent, *, may_change: bool, now: datetime) -> SafeString:
    """The schedules of a content, on its own page."""
    schedules = content.rotation_schedules.order_by("pk")
    rows = [
        (schedule, rule_in_words(schedule), next_turn(schedule, content.company, now))
        for schedule in schedules[:TURNS_SHOWN]
    ]
    context = {"content": content, "rows": rows, "count": schedules.count(), "may": may_change}
    return render_to_string("admin/content/rotation_panel.html", context)
