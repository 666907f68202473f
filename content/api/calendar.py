"""The calendar of a content: what plays on each day of a month, and why."""

import re
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from companies.api.base import TenantViewSet
from companies.api.schema import Error
from companies.models import Role
from content.models import ARContent
from content.programme import ROWS
from content.publishing import Visibility
from content.timetable import is_in_reach, month_calendar

MONTH = "[0-9]{4}-(0[1-9]|1[0-2])"


class ShowingSerializer(serializers.Serializer[Any]):
    """What visitors get from `start` to `end`; without a `video_id`, nothing."""

    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    video_id = serializers.IntegerField(source="video.pk", allow_null=True)
    title = serializers.CharField(source="video.title", allow_null=True, allow_blank=True)
    reason = serializers.CharField(
        allow_blank=True, help_text=_("active, window, rotation, flagged or first.")
    )
    visibility = serializers.ChoiceField(
        choices=Visibility.choices, help_text=_("Whether visitors see the content at all.")
    )
    by_view = serializers.BooleanField(
        help_text=_("Each visit gets the next video; this is the first one's.")
    )
    is_cut = serializers.BooleanField(
        help_text=_("More changes follow than are listed; this is the first of them.")
    )


class OverlapSerializer(serializers.Serializer[Any]):
    """Two videos whose windows are both open."""

    first_video_id = serializers.IntegerField(source="first.pk")
    second_video_id = serializers.IntegerField(source="second.pk")
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()


class DaySerializer(serializers.Serializer[Any]):
    """From midnight to midnight by the company's clock. Of a past day: what today's rules say."""

    date = serializers.DateField()
    is_past = serializers.BooleanField()
    has_gap = serializers.BooleanField(
        help_text=_("At some time visitors see the content and get no video.")
    )
    showings = ShowingSerializer(many=True)
    overlaps = OverlapSerializer(many=True)
    has_more_overlaps = serializers.BooleanField(
        help_text=_("More windows are open at once than are listed.")
    )


class CalendarSerializer(serializers.Serializer[Any]):
    ar_content_id = serializers.IntegerField()
    month = serializers.RegexField(f"^{MONTH}$")
    time_zone = serializers.CharField()
    days = DaySerializer(many=True)


class CalendarOfContent(TenantViewSet[ARContent]):
    queryset = ARContent.objects.select_related("company", "project").prefetch_related(*ROWS)
    role_to_view = Role.VIEWER
    role_to_change = Role.EDITOR

    @extend_schema(
        operation_id="ar_content_rotation_calendar",
        parameters=[
            OpenApiParameter(
                "month",
                {"type": "string", "pattern": f"^{MONTH}$"},
                description=_("Such as 2026-02, within two years from now; by default this month."),
            )
        ],
        responses={200: CalendarSerializer, 400: Error},
    )
    def calendar(self, request: Request, **kwargs: Any) -> Response:
        """What plays on each day of a month, and why. Gaps and overlaps are flagged."""
        content = self.get_object()
        now = timezone.now()
        today = now.astimezone(ZoneInfo(content.company.time_zone)).date()
        if unknown := set(request.query_params) - {"month"}:
            raise serializers.ValidationError({name: _("Not known here.") for name in unknown})
        month = asked_month(request.query_params.get("month"), today)
        shown = {
            "ar_content_id": content.pk,
            "month": f"{month:%Y-%m}",
            "time_zone": content.company.time_zone,
            "days": month_calendar(content, month, now=now),
        }
        return Response(CalendarSerializer(shown).data)


def asked_month(text: str | None, today: date) -> date:
    """The first day of the month that `text` names, or of this one."""
    if text is None:
        return today.replace(day=1)
    if not re.fullmatch(MONTH, text):
        raise serializers.ValidationError({"month": _("Write a month like 2026-02.")})
    year, number = (int(part) for part in text.split("-"))
    # There is no year 0.
    month = date(max(year, 1), number, 1)
    if not is_in_reach(month, today):
        raise serializers.ValidationError({"month": _("Choose a month within two years from now.")})
    return month
