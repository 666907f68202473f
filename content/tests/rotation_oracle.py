"""When a rule comes, found the slow way: its clock on the wall is watched minute by minute.

Nothing here knows how `content.rotation` reckons. Minutes are whole numbers since the year 1, in
UTC or as the clock on the wall shows them.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from cronsim import CronSim

if TYPE_CHECKING:
    from content.rotation import Chosen, Clip, Rule

MINUTE = timedelta(minutes=1)
HOUR = 60
DAY = 24 * HOUR
BEGINNING = datetime.min.replace(tzinfo=UTC)


def minute_of(instant: datetime) -> int:
    """The minute that has begun."""
    return (instant - BEGINNING) // MINUTE


def instant_of(minute: int) -> datetime:
    return BEGINNING + minute * MINUTE


@cache
def wall(zone: ZoneInfo, first: int, last: int) -> tuple[tuple[int, int, int], ...]:
    """(UTC minute, minute on the wall, how many) of each stretch in which the clock runs evenly."""

    def shown(minute: int) -> int:
        return minute_of(instant_of(minute).astimezone(zone).replace(tzinfo=UTC))

    stretches = []
    start, face = first, shown(first)
    for hour in range(first, last, HOUR):
        end = min(hour + HOUR, last)
        if shown(end) - end == face - start:
            continue
        for minute in range(hour, end + 1):
            if shown(minute) - minute != face - start:
                stretches.append((start, face, minute - start))
                start, face = minute, shown(minute)
    stretches.append((start, face, last - start))
    return tuple(stretches)


def jumps(zone: ZoneInfo, first: int, last: int) -> Iterator[tuple[int, int]]:
    """What the clock would have shown and what it shows, in minutes, where it was changed."""
    before = None
    for _start, face, length in wall(zone, first, last):
        if before is not None:
            yield before, face
        before = face + length


def _is_due(rule: "Rule", kind: str, day: date) -> bool:
    if kind == "daily":
        return True
    if kind == "weekly":
        return day.strftime("%u") == str(rule.day_of_week or 1)
    wanted = rule.day_of_month or 1
    return day.day == wanted or (day.day < wanted and (day + timedelta(days=1)).day == 1)


def due(rule: "Rule", first: int, last: int) -> bytes:
    """A byte for each minute on the wall of [first, last): 1 where the rule names it."""
    kind = rule.kind
    if kind == "random":
        by_month = "monthly" if rule.day_of_month else ""
        by_week = "weekly" if rule.day_of_week else ""
        kind = "cron" if rule.cron else by_month or by_week or "daily"
    if kind == "cron":
        return _cron_minutes(rule.cron, first, last)
    minutes = bytearray(last - first)
    at = rule.time_of_day
    minute = at.hour * HOUR + at.minute if at else 0
    for midnight in range(first - first % DAY, last, DAY):
        if first <= midnight + minute < last and _is_due(rule, kind, instant_of(midnight).date()):
            minutes[midnight + minute - first] = 1
    return bytes(minutes)


@lru_cache(maxsize=16)
def _cron_minutes(expression: str, first: int, last: int) -> bytes:
    minutes = bytearray(last - first)
    # On the wall's own minutes, as if they were UTC: CronSim then knows no clock changes.
    for instant in CronSim(expression, instant_of(first) - MINUTE):
        minute = minute_of(instant)
        if minute >= last:
            break
        minutes[minute - first] = 1
    return bytes(minutes)


def fired(rule: "Rule", first: int, last: int) -> list[int]:
    """The UTC minutes of [first, last) at which the clock came to, or past, a minute of the rule.

    A minute that the clock has passed does not count again when it is turned back.
    """
    # The clock may have been turned back just before: a few days earlier it is looked at, too.
    start = first - 4 * DAY
    stretches = wall(rule.zone, start, last)
    passed = stretches[0][1] - 1
    # In whole blocks of days, so that zones share what a cron expression names.
    origin = start - start % (10 * DAY) - 10 * DAY
    minutes = due(rule, origin, last - last % (10 * DAY) + 20 * DAY)
    found: list[int] = []
    for begin, face, length in stretches:
        if face > passed + 1 and minutes.find(1, passed + 1 - origin, face - origin) >= 0:
            found.append(begin)
        at = max(face, passed + 1)
        while (hit := minutes.find(1, at - origin, face + length - origin)) >= 0:
            at = origin + hit
            found.append(begin + at - face)
            at += 1
        passed = max(passed, face + length - 1)
    return sorted({minute for minute in found if minute >= first})


def shown_video(
    now: datetime,
    clips: Sequence["Clip"],
    chosen: "Chosen | None",
    turns: Sequence[tuple[datetime, Sequence[int]]],
) -> tuple[int, str] | None:
    """The video and why, by playing everything that has happened in its order.

    `turns`: since when, and the videos from the one whose turn it is to the end and round.
    """

    def can_play(video_id: int) -> bool:
        return any(
            clip.id == video_id
            and (clip.schedule_start or now) <= now
            and (clip.schedule_end is None or now < clip.schedule_end)
            for clip in clips
        )

    in_order = sorted((clip for clip in clips), key=lambda clip: (clip.rotation_order, clip.id))
    stage: tuple[int, str] | None = next(
        ((clip.id, "first") for clip in in_order if can_play(clip.id)), None
    )
    for clip in reversed(in_order):
        if clip.is_active and can_play(clip.id):
            stage = clip.id, "flagged"
    moments = {clip.schedule_start for clip in clips} | {since for since, _videos in turns}
    moments |= {chosen.at} if chosen else set()
    for moment in [None, *sorted(moment for moment in moments if moment)]:
        for clip in reversed(in_order):
            windowed = clip.schedule_start or clip.schedule_end
            if windowed and clip.schedule_start == moment and can_play(clip.id):
                stage = clip.id, "window"
        if chosen and chosen.at == moment and can_play(chosen.video_id):
            stage = chosen.video_id, "active"
        for since, videos in reversed(turns):
            takers = [video_id for video_id in videos if can_play(video_id)]
            if since == moment and takers:
                stage = takers[0], "rotation"
    return stage
