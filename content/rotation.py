"""Which video plays: a pure function of the rows' values and the time.

Rules count in local days of their time zone. A local time that the clock jumps over comes at the
first instant after the jump, one that the clock shows twice comes once, the first time.
"""

import calendar
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from hashlib import blake2b
from itertools import count
from typing import Literal
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from django.utils.translation import gettext_lazy as _

Reason = Literal["active", "window", "rotation", "flagged", "first"]

DAY = timedelta(days=1)
BEFORE_ALL = datetime.min.replace(tzinfo=UTC)
# Sunday the 29th of February is the rarest date: at most 40 years from one to the next.
CRON_HORIZON = 50 * 366
# Later days are not looked at: near the end of the calendar a zone's offset would overflow.
LAST_DAY = date(9990, 1, 1).toordinal()


@dataclass(frozen=True)
class Clip:
    """What the decision needs to know of a video; a window is [start, end), open where None."""

    id: int
    is_active: bool = False
    schedule_start: datetime | None = None
    schedule_end: datetime | None = None
    rotation_order: int = 0

    def is_open(self, now: datetime) -> bool:
        """Whether it may play at `now`; without a window, always."""
        if self.schedule_start is not None and now < self.schedule_start:
            return False
        return self.schedule_end is None or now < self.schedule_end


@dataclass(frozen=True)
class Chosen:
    """The last choice, by staff or by a persisted rotation step; `at` None: before any window."""

    video_id: int
    at: datetime | None


@dataclass(frozen=True)
class Rule:
    """A schedule: item `index` of `sequence` got its turn at `counts_from`.

    `kind` is a value of RotationType. Without values: midnight, Monday, the 1st. A random rule
    steps by its cron, else monthly if it has `day_of_month`, weekly if `day_of_week`, else daily.
    """

    id: int
    kind: str
    zone: ZoneInfo
    sequence: tuple[int, ...]
    index: int
    counts_from: datetime
    time_of_day: time | None = None
    day_of_week: int | None = None
    day_of_month: int | None = None
    cron: str = ""

    def moved(self, turn: "Turn") -> "Rule":
        """The rule as it is once `turn` is persisted: the same from then on, with less to count."""
        return replace(self, index=turn.index, counts_from=turn.boundary or self.counts_from)


@dataclass(frozen=True)
class Turn:
    """Whose turn it is: `boundary` is the last one after `counts_from`, None when none passed."""

    index: int
    video_id: int
    since: datetime
    next_at: datetime | None
    boundary: datetime | None


@dataclass(frozen=True)
class Choice:
    """The video that plays, why, and until when that holds (None: until something changes)."""

    video_id: int
    reason: Reason
    valid_until: datetime | None


def resolve(
    now: datetime, clips: Sequence[Clip], chosen: Chosen | None, rules: Sequence[Rule] = ()
) -> Choice | None:
    """Choose among a content's videos at `now`; None when none can be played.

    Only a clip that is given and open plays. The latest event wins: the choice, a window that
    opened, a rule's turn; at the same instant a turn before the choice before a window. A window
    that has no start is older than any other event. An item that cannot play leaves its turn to
    the next of its sequence that can. Without an event: the one flagged active, else the first by
    (rotation_order, id).
    """
    playable = sorted(
        (clip for clip in clips if clip.is_open(now)),
        key=lambda clip: (clip.rotation_order, clip.id),
    )
    if not playable:
        return None
    ids = {clip.id for clip in playable}
    edges = [edge for clip in clips for edge in (clip.schedule_start, clip.schedule_end)]
    # (when, rank at the same instant, video, reason, is by the view)
    events: list[tuple[datetime, int, int, Reason, bool]] = []
    for rule in sorted(rules, key=lambda rule: rule.id):
        turn = turn_at(rule, now)
        if turn is None:
            continue
        edges.append(turn.next_at)
        in_turn = rule.sequence[turn.index :] + rule.sequence[: turn.index]
        video_id = next((item for item in in_turn if item in ids), None)
        if video_id is not None:
            events.append((turn.since, 2, video_id, "rotation", rule.kind == "sequence"))
    if chosen is not None and chosen.video_id in ids:
        events.append((chosen.at or BEFORE_ALL, 1, chosen.video_id, "active", False))
    events += [
        (clip.schedule_start or BEFORE_ALL, 0, clip.id, "window", False)
        for clip in playable
        if clip.schedule_start is not None or clip.schedule_end is not None
    ]
    valid_until = min((edge for edge in edges if edge is not None and edge > now), default=None)
    if events:
        # Of equals, max takes the first: the lowest rule, the first clip in order.
        _at, _rank, video_id, reason, by_view = max(events, key=lambda event: event[:2])
        return Choice(video_id, reason, now if by_view else valid_until)
    for clip in playable:
        if clip.is_active:
            return Choice(clip.id, "flagged", valid_until)
    return Choice(playable[0].id, "first", valid_until)


def turn_at(rule: Rule, now: datetime) -> Turn | None:
    """Whose turn it is at `now`, however many boundaries have passed; None without a sequence.

    Before `counts_from` nothing is counted back: the item stays, and the next boundary is the
    first one after `counts_from`.
    """
    if not rule.sequence:
        return None
    index = rule.index % len(rule.sequence)
    others = _others(rule.sequence) if rule.kind == "random" else []
    boundary = next_at = None
    for instant in boundaries(rule, rule.counts_from):
        if instant > now:
            next_at = instant
            break
        boundary = instant
        index = _random(rule, index, instant, others) if rule.kind == "random" else index + 1
    index %= len(rule.sequence)
    return Turn(index, rule.sequence[index], boundary or rule.counts_from, next_at, boundary)


def next_boundary(rule: Rule, after: datetime) -> datetime | None:
    """The first boundary later than `after`; None when there is none."""
    return next(boundaries(rule, after), None)


def boundaries(rule: Rule, after: datetime) -> Iterator[datetime]:
    """The instants (UTC, ascending, later than `after`) at which the next item takes its turn.

    None at all when each view is one. ValueError for a cron expression that `check_cron` refuses.
    """
    if rule.kind == "sequence":
        return
    local = after.astimezone(rule.zone).replace(tzinfo=None)
    times: tuple[timedelta, ...]
    cadence = _cadence(rule)
    if cadence == "cron":
        cron = _parse_cron(rule.cron)
        days, times = cron.days(local.date()), cron.times
    else:
        days, times = _days(rule, cadence, local.date()), (_since_midnight(rule.time_of_day),)
    last = after
    for day in days:
        midnight = datetime.combine(day, time())
        # What the clock has shown already does not come again.
        first = bisect_right(times, local - midnight) if midnight <= local else 0
        for instant in _instants(midnight, times[first:], rule.zone):
            # A jump of the clock makes one instant of all the times in it.
            if instant > last:
                last = instant
                yield instant


def check_cron(expression: str) -> None:
    """Raise ValueError, with the reason for people, unless it is a cron expression that comes.

    Five fields as Debian's cron knows them, with names, steps, `L`, `LW` and `#`.
    """
    _parse_cron(expression)


def _cadence(rule: Rule) -> str:
    if rule.kind != "random":
        return rule.kind
    if rule.cron:
        return "cron"
    if rule.day_of_month is not None:
        return "monthly"
    return "daily" if rule.day_of_week is None else "weekly"


def _days(rule: Rule, cadence: str, start: date) -> Iterator[date]:
    """The local days of a rule, from `start` on."""
    if cadence == "daily":
        yield from map(date.fromordinal, range(start.toordinal(), LAST_DAY))
    elif cadence == "weekly":
        wait = ((rule.day_of_week or 1) - start.isoweekday()) % 7
        yield from map(date.fromordinal, range(start.toordinal() + wait, LAST_DAY, 7))
    elif cadence == "monthly":
        for number in count(start.year * 12 + start.month - 1):
            year, month = number // 12, number % 12 + 1
            last = calendar.monthrange(year, month)[1]
            day = date(year, month, min(rule.day_of_month or 1, last))
            if day.toordinal() >= LAST_DAY:
                return
            if day >= start:
                yield day
    else:
        raise ValueError(f"unknown kind of rotation: {rule.kind!r}")


def _since_midnight(at: time | None) -> timedelta:
    at = at or time()
    return timedelta(
        hours=at.hour, minutes=at.minute, seconds=at.second, microseconds=at.microsecond
    )


def _instants(midnight: datetime, times: Sequence[timedelta], zone: ZoneInfo) -> Iterator[datetime]:
    """When the clock in `zone` first reaches each of the ascending `times` of a local day."""
    start, end = midnight.replace(tzinfo=zone), (midnight + DAY).replace(tzinfo=zone)
    if start.utcoffset() == end.utcoffset() == end.replace(fold=1).utcoffset():
        # No zone has changed its clock forth and back on one day: no change at all.
        day = start.astimezone(UTC)
        for at in times:
            yield day + at
    else:
        for at in times:
            yield _first_instant(midnight + at, zone)


def _first_instant(local: datetime, zone: ZoneInfo) -> datetime:
    """The first instant at which the clock in `zone` has reached the naive `local`."""
    # Of a time that comes twice, fold=0 is the first; in a gap it reckons as before the jump.
    late = local.replace(tzinfo=zone).astimezone(UTC)
    if late.astimezone(zone).replace(tzinfo=None) == local:
        return late
    early = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    # The jump is in (early, late], at a whole second.
    early, late = early.replace(microsecond=0), late.replace(microsecond=0)
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).replace(tzinfo=None) < local:
            early = middle
        else:
            late = middle
    return late


def _others(sequence: Sequence[int]) -> list[int]:
    """For each position the next one, and round, that has another video; [] if there is none."""
    if len(set(sequence)) == 1:
        return []
    length = len(sequence)
    others = [0] * length
    # Twice round: the last ones look to the first ones.
    for place in [*range(length), *range(length)][::-1]:
        after = (place + 1) % length
        others[place] = after if sequence[after] != sequence[place] else others[after]
    return others


def _random(rule: Rule, index: int, boundary: datetime, others: Sequence[int]) -> int:
    """The item after `index`: another video, if the sequence has another (see `_others`)."""
    if not others:
        return index
    sequence = rule.sequence
    length = len(sequence)
    # A digest, since the generators of `random` take ten times as long to be seeded.
    seed = f"{rule.id} {boundary.astimezone(UTC).isoformat()}".encode()
    number = int.from_bytes(blake2b(seed, digest_size=8).digest(), "big")
    drawn = (index + 1 + number % (length - 1)) % length
    return drawn if sequence[drawn] != sequence[index] else others[drawn]


class _Cron:
    """A cron expression as local days, and times in each of them."""

    def __init__(self, expression: str) -> None:
        # Its calendar alone: its own rules for clock changes differ from expression to expression.
        self._cron = CronSim(expression, datetime(2000, 1, 1, tzinfo=UTC))
        self.times = tuple(
            timedelta(hours=hour, minutes=minute)
            for hour in sorted(self._cron.hours)
            for minute in sorted(self._cron.minutes)
        )

    def days(self, start: date) -> Iterator[date]:
        """Its days from `start` on, until none comes within the horizon."""
        ordinal = start.toordinal()
        end = ordinal + CRON_HORIZON
        while ordinal < min(end, LAST_DAY):
            day = date.fromordinal(ordinal)
            if day.month in self._cron.months and self._cron.match_day(day):
                end = ordinal + CRON_HORIZON
                yield day
            ordinal += 1


@lru_cache(maxsize=128)
def _parse_cron(expression: str) -> _Cron:
    parts = expression.split()
    if len(parts) != 5:
        raise ValueError(
            _("A cron expression has five fields: minute, hour, day, month, day of the week.")
        )
    for number, part in enumerate(parts):
        alone = ["*"] * 5
        alone[number] = part
        try:
            CronSim(" ".join(alone), datetime(2000, 1, 1, tzinfo=UTC))
        except CronSimError as error:
            raise ValueError(
                _('"%(part)s" cannot be read in a cron expression.') % {"part": part}
            ) from error
    never = _("The cron expression never comes: no date fits it.")
    try:
        cron = _Cron(expression)
    except CronSimError as error:
        raise ValueError(never) from error
    if next(cron.days(date(2000, 1, 1)), None) is None:
        raise ValueError(never)
    return cron
