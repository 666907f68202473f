"""Rotation: the schedules of a content, and their sequences of videos."""

import re
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.dateparse import parse_time
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers
from rest_framework.fields import empty
from rest_framework.request import Request
from rest_framework.response import Response

from companies.api.base import TenantViewSet
from companies.api.errors import Conflict
from companies.api.fields import RowSerializer, WholeNumber
from companies.api.lists import LARGEST_ID, Ordering, YesNoFilter
from companies.models import Role
from content import playback, programme
from content.models import ARContent, RotationType, VideoRotationSchedule
from content.models.video import USED_BY
from content.rotation import next_boundary

LONGEST_SEQUENCE = 500
TIME_OF_DAY = "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"


@extend_schema_field({"type": "string", "pattern": TIME_OF_DAY, "example": "09:30:00"})
class TimeOfDay(serializers.TimeField):
    """In the company's time zone, which is not written with it."""

    def to_internal_value(self, value: Any) -> Any:
        if not isinstance(value, str) or not re.fullmatch(TIME_OF_DAY, value):
            raise serializers.ValidationError(_("Write a time like 09:30."))
        return parse_time(value)


class VideoSequence(serializers.ListField):
    """Ids of videos of the `content` that is in the context; any other id does not exist."""

    default_error_messages: ClassVar[Any] = {
        "does_not_exist": _('Invalid pk "{pk_value}" - object does not exist.'),
    }

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("help_text", _("In the order of their turns; empty: all videos."))
        child = WholeNumber(min_value=1, max_value=LARGEST_ID)
        super().__init__(child=child, max_length=LONGEST_SEQUENCE, **kwargs)

    def run_validation(self, data: Any = empty) -> Any:
        # Looked up only when there are not too many of them.
        ids = super().run_validation(data)
        content: ARContent = self.root.context["content"]
        known = set(content.videos.filter(pk__in=ids).values_list("pk", flat=True))
        for pk in ids:
            if pk not in known:
                self.fail("does_not_exist", pk_value=pk)
        return ids

    def to_representation(self, value: Any) -> Any:
        # In the order of the model's Meta, from the rows that came with the schedule.
        return [item.video_id for item in value.all()]


class ScheduleSerializer(RowSerializer[VideoRotationSchedule]):
    """When the next video of a content takes its turn, by the clock of its company."""

    ar_content_id = serializers.IntegerField(read_only=True)
    time_of_day = TimeOfDay(required=False, allow_null=True, help_text=_("Empty: midnight."))
    video_sequence = VideoSequence(source="items", required=False)
    next_rotation_at = serializers.SerializerMethodField()

    class Meta:
        model = VideoRotationSchedule
        fields = (
            "id",
            "ar_content_id",
            "rotation_type",
            "time_of_day",
            "day_of_week",
            "day_of_month",
            "cron_expression",
            "video_sequence",
            "current_index",
            "is_active",
            "last_rotation_at",
            "next_rotation_at",
            "created_at",
        )

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_next_rotation_at(self, schedule: VideoRotationSchedule) -> Any:
        """By the rule itself, whatever the scheduler has written."""
        if not schedule.is_active:
            return None
        zone = ZoneInfo(schedule.ar_content.company.time_zone)
        try:
            at = next_boundary(programme.rule_of(schedule, zone), timezone.now())
        except ValueError:
            # Such a cron expression was written past all checks: it never comes.
            return None
        return serializers.DateTimeField().to_representation(at) if at else None

    def validate(self, attrs: Any) -> Any:
        attrs = super().validate(attrs)
        saved = self.instance if isinstance(self.instance, VideoRotationSchedule) else None
        kind = attrs.get("rotation_type") or (saved.rotation_type if saved else "")
        used = USED_BY[kind]
        for name, nothing in EMPTY.items():
            if name not in used and attrs.get(name, nothing) != nothing:
                message = _("A rotation of this type does not go by it: leave it out.")
                raise serializers.ValidationError({name: message})
            if name not in used and saved and getattr(saved, name) != nothing:
                # It belonged to the type that the schedule had before.
                attrs[name] = nothing
        return attrs


EMPTY: dict[str, Any] = {
    "time_of_day": None,
    "day_of_week": None,
    "day_of_month": None,
    "cron_expression": "",
}


class SequenceSerializer(serializers.Serializer[Any]):
    video_sequence = VideoSequence()
    rotation_id = WholeNumber(
        min_value=1,
        max_value=LARGEST_ID,
        required=False,
        help_text=_("Which schedule, where the content has several."),
    )


class ScheduleFilters(filters.FilterSet):
    rotation_type = filters.ChoiceFilter(choices=RotationType.choices)
    is_active = YesNoFilter("is_active")
    ordering = Ordering("id", "created_at", default="id")


class ScheduleViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, TenantViewSet[VideoRotationSchedule]
):
    queryset = VideoRotationSchedule.objects.select_related("ar_content__company").prefetch_related(
        "items"
    )
    serializer_class = ScheduleSerializer
    filterset_class = ScheduleFilters
    role_to_view = Role.VIEWER
    role_to_change = Role.EDITOR

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "content": getattr(self, "content", None)}

    def get_object(self) -> VideoRotationSchedule:
        schedule = super().get_object()
        self.content = schedule.ar_content
        return schedule

    def change(self, row: VideoRotationSchedule, serializer: Any) -> VideoRotationSchedule:
        """Change a schedule. Another rule counts from now on; the video that has its turn stays."""
        return self.save(row, serializer)

    def save(self, schedule: VideoRotationSchedule, serializer: Any) -> VideoRotationSchedule:
        sequence = serializer.validated_data.pop("items", None)
        now = timezone.now()
        serializer.written(
            schedule, lambda row: playback.save_schedule(row, sequence=sequence, now=now)
        )
        return self.queryset.get(pk=schedule.pk)

    def remove(self, row: VideoRotationSchedule) -> None:
        playback.delete_schedule(row, now=timezone.now())


class SchedulesOfContent(ScheduleViewSet):
    parent = (ARContent, "ar_content")

    def get_parent(self) -> ARContent:
        self.content: ARContent = super().get_parent()
        return self.content

    def create(self, request: Request, **kwargs: Any) -> Response:
        """Let the videos of a content take turns."""
        self.get_parent()
        return super().create(request, **kwargs)

    def add(self, serializer: Any) -> VideoRotationSchedule:
        return self.save(VideoRotationSchedule(ar_content=self.content), serializer)

    @extend_schema(request=SequenceSerializer, responses=ScheduleSerializer)
    def sequence(self, request: Request, **kwargs: Any) -> Response:
        """Replace the sequence of a content's schedule."""
        content = self.get_parent()
        asked = SequenceSerializer(data=request.data, context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        schedule = self.asked_for(content, asked.validated_data.get("rotation_id"))
        playback.save_schedule(
            schedule, sequence=asked.validated_data["video_sequence"], now=timezone.now()
        )
        return Response(self.shown(self.queryset.get(pk=schedule.pk)))

    def asked_for(self, content: ARContent, pk: int | None) -> VideoRotationSchedule:
        schedules = list(content.rotation_schedules.order_by("pk"))
        if not schedules:
            raise Conflict(_("The content has no schedule yet: make one first."), "no_schedule")
        if pk is None and len(schedules) > 1:
            message = _("The content has several schedules: say which one.")
            raise serializers.ValidationError({"rotation_id": message})
        for schedule in schedules:
            if pk in {None, schedule.pk}:
                return schedule
        message = _("The content has no such schedule.")
        raise serializers.ValidationError({"rotation_id": message})
