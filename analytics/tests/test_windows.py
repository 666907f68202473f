"""Cutting a window or period into whole days and instants, by the clock of any zone."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.windows import (
    DAY,
    HOUR,
    Period,
    Window,
    cut,
    instants,
    is_regular,
    last_days,
    local_day,
    midnight,
    runs,
)

# Midnights that do not exist, days of 23, 25 and 24 and a half hours, and a date that was left out.
ZONES = (
    "UTC",
    "Asia/Beirut",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Africa/Cairo",
    "Pacific/Kiritimati",
)
MINUTE = timedelta(minutes=1)
BEGINS = datetime(2026, 3, 1, tzinfo=UTC)
# A clock changes in each of them: in March, April and October.
moments = st.one_of(
    st.integers(0, 50 * 1440).map(lambda minute: BEGINS + minute * MINUTE),
    st.integers(0, 40 * 1440).map(
        lambda minute: datetime(2026, 10, 1, tzinfo=UTC) + minute * MINUTE
    ),
)
zones = st.sampled_from(ZONES).map(ZoneInfo)


@given(zone=zones, moment=moments)
def test_a_day_is_what_the_clock_shows_from_its_midnight_on(
    zone: ZoneInfo, moment: datetime
) -> None:
    day = local_day(moment, zone)
    assert midnight(day, zone) <= moment < midnight(day + DAY, zone)
    before = midnight(day, zone) - timedelta(microseconds=1)
    assert local_day(before, zone) == day - DAY


@given(
    zone=zones,
    edges=st.tuples(moments, moments).map(sorted),
    built=st.one_of(st.none(), moments),
    hours=st.integers(0, 22),
    kept=st.one_of(st.none(), moments),
    until=moments,
    is_period=st.booleans(),
    data=st.data(),
)
def test_each_instant_is_in_one_part_and_sealed_days_are_whole(
    zone: ZoneInfo,
    edges: list[datetime],
    built: datetime | None,
    hours: int,
    kept: datetime | None,
    until: datetime,
    is_period: bool,
    data: st.DataObject,
) -> None:
    built_until = built.date() if built else None
    when: Period | Window = Window(*edges)
    if is_period:
        when = Period(edges[0].date(), edges[1].date())
    part_until = None
    if built_until is not None and hours:
        part_until = midnight(built_until, zone) + hours * HOUR
    kept_since = kept.date() if kept else None
    parts = cut(when, zone, built_until, until=until, part_until=part_until, kept_since=kept_since)
    for moment in [*edges, until, data.draw(moments), data.draw(moments)]:
        day = local_day(moment, zone)
        asked = (
            when.first <= day <= when.last
            if isinstance(when, Period)
            else when.begins <= moment < when.ends
        )
        is_sealed = parts.sealed is not None and parts.sealed.first <= day <= parts.sealed.last
        if is_sealed and day == built_until:
            assert part_until is not None
            is_sealed = moment < part_until
        found = is_sealed + sum(one.begins <= moment < one.ends for one in parts.live)
        if parts.less is not None:
            found -= parts.less.begins <= moment < parts.less.ends
        assert found == (asked and moment < until)
        if is_sealed:
            assert built_until is not None
            assert day <= built_until
    if parts.less is not None:
        # Nothing is taken from a day of which the visits have been removed.
        assert parts.sealed is not None
        assert kept_since is None or kept_since <= parts.sealed.first
    if parts.sealed is not None and kept_since is None:
        # At the beginning never more than half a day, of up to 25 hours.
        begins = midnight(parts.sealed.first, zone)
        early = [one for one in parts.live if one.ends <= begins]
        early += [parts.less] if parts.less else []
        assert all(one.length <= 12.5 * HOUR for one in early)
    # No day that could come from a roll-up is counted live.
    for window in parts.live:
        for day in Period(local_day(window.begins, zone), local_day(window.ends, zone)):
            whole = instants(Period(day, day), zone)
            is_within = window.begins <= whole.begins < whole.ends <= window.ends
            assert not is_within or built_until is None or day >= built_until


@given(zone=zones, edges=st.tuples(moments, moments).map(sorted), data=st.data())
def test_runs_are_the_days_of_a_window(
    zone: ZoneInfo, edges: list[datetime], data: st.DataObject
) -> None:
    found = runs(Window(*edges), zone)
    assert sum((one.window.ends - one.window.begins for one in found), timedelta()) == (
        edges[1] - edges[0]
    )
    assert [one.window.ends for one in found[:-1]] == [one.window.begins for one in found[1:]]
    for one in found:
        assert one.midnight == midnight(one.day, zone)
        length = int((one.window.ends - one.window.begins).total_seconds())
        moment = one.window.begins + timedelta(seconds=data.draw(st.integers(0, length - 1)))
        day = one.day + (moment - one.midnight) // one.length * DAY
        assert day == local_day(moment, zone)
        assert (moment - one.midnight) % one.length == moment - midnight(day, zone)


@pytest.mark.parametrize(
    ("zone", "day", "begins", "regular"),
    [
        ("Asia/Beirut", date(2026, 3, 29), datetime(2026, 3, 28, 22, tzinfo=UTC), False),
        ("America/New_York", date(2026, 3, 8), datetime(2026, 3, 8, 5, tzinfo=UTC), False),
        ("Asia/Kolkata", date(2026, 3, 8), datetime(2026, 3, 7, 18, 30, tzinfo=UTC), True),
        ("Pacific/Apia", date(2011, 12, 30), datetime(2011, 12, 30, 10, tzinfo=UTC), False),
        ("UTC", date(2026, 3, 8), datetime(2026, 3, 8, tzinfo=UTC), True),
    ],
)
def test_a_day_begins_at_its_first_instant(
    zone: str, day: date, begins: datetime, regular: bool
) -> None:
    assert midnight(day, ZoneInfo(zone)) == begins
    assert is_regular(day, ZoneInfo(zone)) == regular


def test_the_last_days_end_today() -> None:
    assert [*last_days(3, today=date(2026, 3, 1))] == [
        date(2026, 2, 27),
        date(2026, 2, 28),
        date(2026, 3, 1),
    ]
