"""What the rows of a content say about playing: rows in, a pure decision out."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db.models import Prefetch

from content.models import ARContent, RotationType, Video, VideoRotationSchedule
from content.rotation import Choice, Chosen, Clip, Rule, check_cron, resolve, turn_at

logger = logging.getLogger(__name__)

# What a decision needs of a content; the same few queries for one content or five hundred.
ROWS = ("videos", "rotation_schedules__items")


def rows_that_play() -> "list[Prefetch[Any] | str]":
    """`ROWS` without the schedules that are switched off, which decide nothing."""
    active = VideoRotationSchedule.objects.filter(is_active=True)
    return [Prefetch("rotation_schedules", active), *ROWS]


@dataclass(frozen=True)
class Programme:
    """All that decides what a content plays."""

    clips: tuple[Clip, ...]
    chosen: Chosen | None
    rules: tuple[Rule, ...]

    def choice(self, now: datetime) -> Choice | None:
        return resolve(now, self.clips, self.chosen, self.rules)

    def next_change(self, now: datetime) -> datetime | None:
        """The next edge of a window or turn of a rule; None when none comes.

        Other than a choice's `valid_until` it is there also when nothing can be played, and does
        not care about visits.
        """
        turns = [turn.next_at for rule in self.rules if (turn := turn_at(rule, now))]
        edges = [*turns, self.next_edge(now)]
        return min((edge for edge in edges if edge is not None and edge > now), default=None)

    def next_edge(self, now: datetime) -> datetime | None:
        """The next edge of a window, whatever the rules do."""
        edges = [edge for clip in self.clips for edge in (clip.schedule_start, clip.schedule_end)]
        return min((edge for edge in edges if edge is not None and edge > now), default=None)

    def has_one_in_turn(self, now: datetime) -> bool:
        """Whether all turns until the next edge of a window are the same video's."""
        playable = {clip.id for clip in self.clips if clip.is_open(now)}
        return len(playable & {item for rule in self.rules for item in rule.sequence}) == 1

    def moved(self, now: datetime) -> "Programme":
        """The same from `now` on, with the turns until then counted."""
        moved = [rule.moved(turn) if (turn := turn_at(rule, now)) else rule for rule in self.rules]
        return replace(self, rules=tuple(moved))


def programme_of(content: ARContent) -> Programme:
    """From prefetched `ROWS` and the content's company: no query of its own."""
    videos = content.videos.all()
    chosen = content.chosen_video_id
    return Programme(
        clips=tuple(clips_of(videos, settled_id=content.active_video_id)),
        chosen=Chosen(chosen, content.chosen_at) if chosen else None,
        rules=tuple(rules_of(content)),
    )


def choice_for(content: ARContent, now: datetime) -> Choice | None:
    """What the content plays at `now`, why and until when; None when nothing can be played."""
    return programme_of(content).choice(now)


def clips_of(videos: Iterable[Video], *, settled_id: int | None = None) -> list[Clip]:
    """The videos that can be played, windows aside.

    The flag of `settled_id`, the content's active video, says only what was settled last; another
    flagged video was flagged by somebody.
    """
    return [
        Clip(
            id=video.pk,
            is_active=video.is_active and video.pk != settled_id,
            schedule_start=video.schedule_start,
            schedule_end=video.schedule_end,
            rotation_order=video.rotation_order,
        )
        for video in videos
        if video.video
    ]


def rules_of(content: ARContent) -> list[Rule]:
    """The schedules that are switched on; one that cannot be read is logged and left out."""
    zone = ZoneInfo(content.company.time_zone)
    everything = all_in_order(content)
    rules = []
    for schedule in content.rotation_schedules.all():
        if not schedule.is_active:
            continue
        try:
            check_rule(schedule)
        except ValidationError:
            logger.exception("rotation_rule_unreadable", extra={"schedule": schedule.pk})
        else:
            rules.append(rule_of(schedule, zone, everything))
    return rules


def rule_of(
    schedule: VideoRotationSchedule, zone: ZoneInfo, everything: Sequence[int] = ()
) -> Rule:
    """The rule of a schedule, whose times are those of `zone`.

    `everything` is the sequence of a schedule without items.
    """
    kind = RotationType(schedule.rotation_type)
    has_cron = kind in {RotationType.CRON, RotationType.RANDOM}
    items = sorted(schedule.items.all(), key=lambda item: item.position)
    return Rule(
        id=schedule.pk,
        kind=kind.value,
        zone=zone,
        sequence=tuple(item.video_id for item in items) or tuple(everything),
        index=schedule.current_index,
        counts_from=schedule.counts_from,
        time_of_day=schedule.time_of_day,
        day_of_week=schedule.day_of_week,
        day_of_month=schedule.day_of_month,
        cron=schedule.cron_expression if has_cron else "",
    )


def check_rule(schedule: VideoRotationSchedule) -> None:
    """Raises ValidationError when the schedule goes by a cron expression that cannot be read."""
    has_cron = schedule.rotation_type == RotationType.CRON
    if has_cron or (schedule.rotation_type == RotationType.RANDOM and schedule.cron_expression):
        try:
            check_cron(schedule.cron_expression)
        except ValueError as error:
            raise ValidationError({"cron_expression": [error.args[0]]}) from error


def all_in_order(content: ARContent) -> list[int]:
    """The sequence of a schedule without items."""
    in_order = sorted(content.videos.all(), key=lambda video: (video.rotation_order, video.pk))
    return [video.pk for video in in_order if video.video]
