"""Reports: exact figures of what happened up to `now`, at any number of visits.

What is rolled up comes from DailyStat, the rest of a window from the visits themselves
(analytics/counting.py), both as of one instant. Unique sessions are exact over any window and
scope of which the visits are kept; on days of which they have been removed, a session is unique
within its day.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime, timedelta
from typing import Any, Literal, NamedTuple, TypedDict
from zoneinfo import ZoneInfo

from django.db.models import Model, QuerySet, Sum

from analytics.counting import Count, Scope
from analytics.figures import MEASURES, Figures, one_snapshot
from analytics.keys import ALL, DAYS, HOURS, KINDS, of_values
from analytics.models import StatDimension
from analytics.windows import (
    HOUR,
    INSTANT,
    Period,
    Window,
    is_regular,
    last_days,
    local_day,
    midnight,
)
from companies.models import Company, Project
from companies.models.company import GIGABYTE
from content.models import ARContent

__all__ = [
    "WINDOW",
    "Day",
    "Figures",
    "Scope",
    "Share",
    "Top",
    "by_day",
    "by_hour",
    "figures",
    "holdings",
    "last_30_days",
    "of_one_instant",
    "scope_of",
    "shares",
    "today",
    "top",
    "visits",
    "visits_by_day",
    "visits_of",
]

WINDOW = timedelta(days=30)

_NAMED: dict[str, tuple[type[Model], str]] = {
    "company": (Company, "name"),
    "project": (Project, "name"),
    "content": (ARContent, "title"),
}


class Holdings(TypedDict):
    active_content: int
    storage_used_gb: float


class Visits(NamedTuple):
    views: int
    sessions: int


class Day(NamedTuple):
    day: date
    views: int
    sessions: int


class Share(NamedTuple):
    """`value` is None for all that are not among the largest, "" where it is not known."""

    value: str | None
    views: int
    sessions: int


class Top(NamedTuple):
    id: int
    name: str
    views: int
    sessions: int


# What has been asked for as of one instant, once for all reports of it.
_counts: ContextVar[dict[Any, Count]] = ContextVar("counts")


@contextmanager
def of_one_instant() -> Iterator[None]:
    """The reports in here agree with each other, and share what they have in common."""
    if _counts.get(None) is not None:
        yield
        return
    with one_snapshot():
        outside = _counts.set({})
        try:
            yield
        finally:
            _counts.reset(outside)


def _count(scope: Scope, when: Window | Period, now: datetime) -> Count:
    counts, key = _counts.get(), (scope, when, now)
    if key not in counts:
        counts[key] = Count(scope, when, now=now)
    return counts[key]


def last_30_days(now: datetime) -> Window:
    """From `now` minus 30 days to `now`, both included."""
    return Window(now - WINDOW, now + INSTANT)


def scope_of(companies: QuerySet[Company]) -> Scope:
    return Scope(tuple(companies.order_by("pk").values_list("pk", flat=True)))


@of_one_instant()
def figures(scope: Scope, when: Window | Period, *, now: datetime) -> Figures:
    count = _count(scope, when, now)
    names = tuple(MEASURES)
    found = count.by(ALL, measures=names)
    if not found:
        return Figures()
    views, sessions, *others = found[0]
    return Figures(views, sessions, **dict(zip(names, others, strict=True)))


@of_one_instant()
def by_day(scope: Scope, period: Period, *, now: datetime) -> list[Day]:
    """Every day of the period in order, those without a visit as zeros."""
    count = _count(scope, period, now)
    found = {_date(key): row for key, row in count.by(DAYS).items()}
    return [Day(day, *found.get(day, (0, 0))) for day in period]


@of_one_instant()
def by_hour(scope: Scope, period: Period, *, now: datetime) -> list[list[int]]:
    """Views by weekday (Monday first) and hour, 7 x 24, by each company's own clock.

    What was seen in a whole hour after midnight counts as its beginning, on a day of a clock
    change too.
    """
    count = _count(scope, period, now)
    found = {key: views for key, (views, _base) in count.by(HOURS).items()}
    table = [[0] * 24 for _weekday in range(7)]
    for calendar in count.calendars:
        for day in period:
            if is_regular(day, calendar.zone):
                continue
            begins = midnight(day, calendar.zone)
            for key, (views, _base) in count.of(calendar, day).by(HOURS).items():
                found[key] -= views
                seen = (begins + int(key[11:]) * HOUR).astimezone(calendar.zone)
                table[seen.weekday()][seen.hour] += views
    for key, views in found.items():
        # On all other days the clock shows as many hours as have passed.
        if views:
            # But for a day that was cut by a former clock, and whose visits have been removed.
            table[_date(key[:10]).weekday()][min(int(key[11:]), 23)] += views
    return table


@of_one_instant()
def shares(
    scope: Scope,
    when: Window | Period,
    dimension: StatDimension,
    *,
    now: datetime,
    most: int = 10,
) -> list[Share]:
    """The values of the dimension, largest first; what is not among the `most` in one Share."""
    count = _count(scope, when, now)
    key = of_values(dimension)
    found = sorted(count.by(key).items(), key=lambda item: (-item[1][0], item[0]))
    listed = [Share(value, *row) for value, row in found[:most]]
    if len(found) > most:
        views, sessions = (sum(row[column] for _value, row in found[most:]) for column in (0, 1))
        again = count.sessions_in_several(key, [value for value, _row in found[:most]])
        listed.append(Share(None, views, sessions - again))
    return listed


@of_one_instant()
def top(
    scope: Scope,
    when: Window | Period,
    by: Literal["company", "project", "content"],
    *,
    now: datetime,
    most: int = 10,
) -> list[Top]:
    """The rows with the most views, largest first; of as many views, the oldest row first.

    Visits of contents and projects that have been deleted are in none of them.
    """
    found = _count(scope, when, now).by(KINDS[by], most=most)
    model, name = _NAMED[by]
    names = dict(model._default_manager.filter(pk__in=found).values_list("pk", name))
    listed = [Top(pk, names.get(pk, ""), *row) for pk, row in found.items()]
    return sorted(listed, key=lambda row: (-row.views, row.id))


def today(scope: Scope, *, now: datetime) -> date:
    """The date of now; of companies in several time zones, the latest."""
    zones = Company.objects.filter(pk__in=scope.companies).order_by().values_list("time_zone")
    return max(
        (local_day(now, ZoneInfo(zone)) for (zone,) in zones.distinct()),
        default=local_day(now, ZoneInfo("UTC")),
    )


def holdings(companies: QuerySet[Company]) -> Holdings:
    """What the companies have now, whatever was seen of it."""
    used = companies.aggregate(used=Sum("storage_used_bytes"))["used"] or 0
    return {
        "active_content": ARContent.objects.filter(company__in=companies, is_active=True).count(),
        "storage_used_gb": round(used / GIGABYTE, 3),
    }


def visits(companies: QuerySet[Company], *, now: datetime) -> Visits:
    """Views and unique sessions since `now` minus 30 days."""
    return visits_of(scope_of(companies), now=now)


def visits_by_day(companies: QuerySet[Company], *, zone: ZoneInfo, now: datetime) -> list[Day]:
    """Today, by the clock of `zone`, and the 29 days before; each company's by its own clock."""
    today = now.astimezone(zone).date()
    return by_day(scope_of(companies), last_days(WINDOW.days, today=today), now=now)


@of_one_instant()
def visits_of(scope: Scope, *, now: datetime) -> Visits:
    """Views and unique sessions of the scope since `now` minus 30 days."""
    count = _count(scope, last_30_days(now), now)
    return Visits(*count.by(ALL).get(0, (0, 0)))


def _date(key: Any) -> date:
    """SQLite has no dates."""
    return key if isinstance(key, date) else date.fromisoformat(key)
