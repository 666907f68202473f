"""What a report is asked for, cut into whole days that are rolled up and instants that are not.

Pure: dates, instants and time zones in and out. A day lasts from the first instant of its date,
by the clock of the zone, to that of the next date: 23 to 25 hours, in some zones by half hours.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
# A window that ends with it still holds what happens at the given instant.
INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Period:
    """Whole days, both included, of each company's own time zone."""

    first: date
    last: date

    def __iter__(self) -> Iterator[date]:
        for number in range((self.last - self.first).days + 1):
            yield self.first + number * DAY


@dataclass(frozen=True)
class Window:
    """Instants from `begins` on, before `ends`."""

    begins: datetime
    ends: datetime

    @property
    def is_empty(self) -> bool:
        return self.begins >= self.ends

    @property
    def length(self) -> timedelta:
        return self.ends - self.begins


@dataclass(frozen=True)
class Run:
    """Days of one `length` after each other, or what of them lies in a window.

    `midnight` is when the first of them, `day`, begins.
    """

    day: date
    window: Window
    midnight: datetime
    length: timedelta


@dataclass(frozen=True)
class Cut:
    """`whole` is all of it, in one piece: the `sealed` days without `less`, and the `live` edges.

    The last sealed day may be one that goes on, and is counted for a part. `less` is the beginning
    of the first one, where that is shorter than the rest.
    """

    whole: Window
    sealed: Period | None
    live: tuple[Window, ...]
    less: Window | None = None


def last_days(days: int, *, today: date) -> Period:
    """Today and the days before it, so many in all."""
    return Period(today - (days - 1) * DAY, today)


@lru_cache(maxsize=20_000)
def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of the day, in UTC; a jump of the clock may make it 01:00."""
    local = datetime.combine(day, time())
    # In a gap, fold=0 reckons as before the jump and fold=1 as after it.
    late = local.replace(tzinfo=zone).astimezone(UTC)
    if late.astimezone(zone).replace(tzinfo=None) == local:
        return late
    early = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    # The jump is in (early, late], at a whole second.
    while late - early > SECOND:
        middle = early + timedelta(seconds=(late - early) // SECOND // 2)
        if middle.astimezone(zone).replace(tzinfo=None) < local:
            early = middle
        else:
            late = middle
    return late


def local_day(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date()


@lru_cache(maxsize=20_000)
def is_regular(day: date, zone: ZoneInfo) -> bool:
    """Whether the clock shows 00:00 as the day begins and runs on to 24:00 without a change."""
    begins, ends = midnight(day, zone), midnight(day + DAY, zone)
    return ends - begins == DAY and begins.astimezone(zone).time() == time()


def instants(period: Period, zone: ZoneInfo) -> Window:
    return Window(midnight(period.first, zone), midnight(period.last + DAY, zone))


def runs(window: Window, zone: ZoneInfo) -> list[Run]:
    """The days that the window touches, cut to it; a day of a clock change is a run of its own."""
    found: list[Run] = []
    regular = None
    for day in Period(local_day(window.begins, zone), local_day(window.ends, zone)):
        whole = instants(Period(day, day), zone)
        part = Window(max(whole.begins, window.begins), min(whole.ends, window.ends))
        if part.is_empty:
            continue
        if not is_regular(day, zone):
            found.append(Run(day, part, whole.begins, whole.ends - whole.begins))
            regular = None
        elif regular is None:
            regular = Run(day, part, whole.begins, DAY)
            found.append(regular)
        else:
            regular = replace(regular, window=Window(regular.window.begins, part.ends))
            found[-1] = regular
    return found


def cut(
    when: Window | Period,
    zone: ZoneInfo,
    built_until: date | None,
    *,
    until: datetime,
    part_until: datetime | None = None,
    kept_since: date | None = None,
) -> Cut:
    """Cut into the whole days before `built_until` and the instants around them.

    What of the day `built_until` is before `part_until` is built, too, and counts as sealed where
    all of that is asked for. Nothing from `until` on is in any part, except in sealed days. Of
    days before `kept_since`, no instant can be counted any more.
    """
    whole = instants(when, zone) if isinstance(when, Period) else when
    whole = Window(whole.begins, max(whole.begins, min(whole.ends, until)))
    first = local_day(whole.begins, zone)
    if midnight(first, zone) < whole.begins:
        first += DAY
    nothing = Cut(whole, None, () if whole.is_empty else (whole,))
    if built_until is None:
        return nothing
    # The last whole day, and then the last of them that is rolled up.
    after = min(local_day(whole.ends, zone), built_until)
    last, ends = after - DAY, midnight(after, zone)
    if part_until is not None and after == built_until and part_until <= whole.ends:
        last, ends = built_until, part_until
    if last < first:
        return nothing
    lower, upper = Window(whole.begins, midnight(first, zone)), Window(ends, whole.ends)
    early = Window(midnight(first - DAY, zone), whole.begins)
    is_kept = kept_since is None or kept_since < first
    if is_kept and early.length < lower.length:
        return Cut(whole, Period(first - DAY, last), _not_empty(upper), early)
    return Cut(whole, Period(first, last), _not_empty(lower, upper))


def _not_empty(*windows: Window) -> tuple[Window, ...]:
    return tuple(window for window in windows if not window.is_empty)
