"""Every kind of rule in one time zone over some years, beside the oracle."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import takewhile
from typing import Any
from zoneinfo import ZoneInfo

from content.rotation import Rule, boundaries, turn_at
from content.tests.rotation_oracle import DAY, HOUR, fired, instant_of, jumps, minute_of

TIMES = [time(0), time(0, 30), time(1, 30), time(2), time(2, 30), time(12, 1), time(23, 30)]
CRONS = [
    "*/20 * * * *",
    "30 * * * *",
    "0,30 0-3 * * *",
    "17 2 * * SUN",
    "0 0 1,31 * FRI",
    "59 23 L * *",
    "5 0 29 2 *",
]


def rule_of(zone: ZoneInfo, kind: str, **fields: Any) -> Rule:
    rule = Rule(7, kind, zone, (11, 12, 13, 14, 15), 0, datetime(2000, 1, 1, tzinfo=UTC))
    return replace(rule, **fields)


def rules_in(zone: ZoneInfo, first: int, last: int) -> Iterator[Rule]:
    """Rules at ordinary times and at those around this zone's clock changes."""
    times = set(TIMES)
    for before, after in jumps(zone, first, last):
        for minute in (before - 1, before, (before + after) // 2, after - 1, after, after + 1):
            times.add(instant_of(minute).time())
    for at in sorted(times):
        yield rule_of(zone, "daily", time_of_day=at)
        for day in (1, 6, 7):
            yield rule_of(zone, "weekly", time_of_day=at, day_of_week=day)
        for day in (1, 30, 31):
            yield rule_of(zone, "monthly", time_of_day=at, day_of_month=day)
    for cron in CRONS:
        yield rule_of(zone, "cron", cron=cron)


def years_of(year: int, years: int) -> tuple[int, int]:
    """The UTC minutes of the years, [first, last)."""
    return (
        minute_of(datetime(year, 1, 1, tzinfo=UTC)),
        minute_of(datetime(year + years, 1, 1, tzinfo=UTC)),
    )


def boundaries_in(rule: Rule, start: datetime, end: datetime) -> list[datetime]:
    """The boundaries in [start, end)."""
    after = start - timedelta(microseconds=1)
    return list(takewhile(lambda at: at < end, boundaries(rule, after)))


def differences(zone: ZoneInfo, year: int, years: int = 2, stops: int = 3) -> tuple[int, list[str]]:
    """How many boundaries were compared, and where the rotation and the oracle differ.

    Each rule is also left alone `stops` times for 1 hour to 40 days, and then asked once.
    """
    first, last = years_of(year, years)
    compared, differing = 0, []
    # The places of the stops, the same in each run.
    dice = random.Random(f"{zone.key} {year}")  # noqa: S311
    for rule in rules_in(zone, first, last):
        name = f"{zone.key} {rule.kind} {rule.time_of_day} {rule.day_of_week or ''}"
        name = f"{name}{rule.day_of_month or ''}{rule.cron}"
        expected = fired(rule, first, last)
        found = boundaries_in(rule, instant_of(first), instant_of(last))
        compared += len(expected)
        if found != [instant_of(minute) for minute in expected]:
            odd = set(found) ^ {instant_of(minute) for minute in expected}
            differing.append(f"{name}: {len(odd)} boundaries, the first at {min(odd)}")
            continue
        for _ in range(stops):
            stopped = dice.randrange(first, last - 41 * DAY)
            started = stopped + dice.randrange(HOUR, 40 * DAY)
            missed = [minute for minute in expected if stopped < minute <= started]
            turn = turn_at(replace(rule, counts_from=instant_of(stopped)), instant_of(started))
            boundary = instant_of(missed[-1]) if missed else None
            if not turn or (turn.index, turn.boundary) != (len(missed) % 5, boundary):
                differing.append(f"{name}: stopped {instant_of(stopped)}, asked at {started}")
    return compared, differing
