"""Rotation beside a clock on the wall that is watched minute by minute, over two years.

script/check-zones does the first test for every time zone there is.
"""

import hashlib
from collections import Counter, deque
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise, takewhile
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from content.rotation import (
    Chosen,
    Clip,
    Rule,
    Turn,
    boundaries,
    check_cron,
    next_boundary,
    resolve,
    turn_at,
)
from content.tests.rotation_oracle import DAY, fired, instant_of, minute_of, shown_video
from content.tests.rotation_zones import CRONS, boundaries_in, differences, rule_of, years_of

# The first of two years, in which something happens to the zone's clock.
ZONES = {
    "America/St_Johns": 2010,  # changed at a minute past midnight
    "Europe/Moscow": 2010,  # the last change for summer, for good
    "Pacific/Apia": 2011,  # a day is skipped
    "America/Sao_Paulo": 2017,  # midnight is skipped
    "Asia/Pyongyang": 2017,  # the last half hour of a day is skipped
    "Africa/Casablanca": 2025,  # an hour back for Ramadan
    "America/Havana": 2025,  # midnight comes twice
    "America/New_York": 2025,
    "Antarctica/Troll": 2025,  # by two hours
    "Asia/Gaza": 2025,
    "Asia/Kathmandu": 2025,
    "Australia/Lord_Howe": 2025,  # by half an hour
    "Europe/Berlin": 2025,
    "UTC": 2025,
}
MICROSECOND = timedelta(microseconds=1)

times = st.one_of(
    st.sampled_from([time(0), time(0, 30), time(2), time(2, 30), time(23, 45)]),
    st.builds(time, st.integers(0, 23), st.integers(0, 59)),
)


@st.composite
def rules(draw: st.DrawFn, kinds: str = "daily weekly monthly cron random") -> Rule:
    """A rule that counts from an instant (not a whole minute) in the two years of its zone."""
    key, year = draw(st.sampled_from(sorted(ZONES.items())))
    first, last = years_of(year, 2)
    minute = draw(st.integers(first, last - 150 * DAY))
    return Rule(
        id=draw(st.integers(1, 99)),
        kind=draw(st.sampled_from(kinds.split())),
        zone=ZoneInfo(key),
        sequence=tuple(draw(st.lists(st.integers(1, 5), min_size=1, max_size=6))),
        index=draw(st.integers(0, 5)),
        counts_from=instant_of(minute) + timedelta(seconds=draw(st.integers(0, 59))),
        time_of_day=draw(st.none() | times),
        day_of_week=draw(st.none() | st.integers(1, 7)),
        day_of_month=draw(st.none() | st.integers(1, 31)),
        cron=draw(st.sampled_from(CRONS[1:])),
    )


pauses = st.timedeltas(timedelta(hours=1), timedelta(days=40))


def turn_of(rule: Rule, now: datetime) -> Turn:
    turn = turn_at(rule, now)
    assert turn is not None
    return turn


def missed(rule: Rule, now: datetime) -> list[datetime]:
    """What the oracle counts in (counts_from, now]."""
    minutes = fired(rule, minute_of(rule.counts_from) + 1, minute_of(now) + 1)
    return [instant_of(minute) for minute in minutes]


@pytest.mark.parametrize("key", ZONES)
def test_two_years_of_every_kind_are_what_the_clock_on_the_wall_says(key: str) -> None:
    compared, differing = differences(ZoneInfo(key), ZONES[key])
    print(key, compared)
    assert differing == []


@pytest.mark.parametrize("key", ZONES)
@pytest.mark.parametrize("at", [time(0), time(2, 30), time(23, 45)], ids=str)
def test_there_is_one_rotation_per_local_day_week_and_month(key: str, at: time) -> None:
    zone, year = ZoneInfo(key), ZONES[key]
    # From a Monday, the first of a month, for whole weeks and whole months.
    start = next(
        datetime(year, month, 1, tzinfo=UTC)
        for month in range(1, 13)
        if datetime(year, month, 1, tzinfo=UTC).isoweekday() == 1
    )
    end = datetime(year + 2, 1, 1, tzinfo=UTC)
    for kind, days in [("daily", 1), ("weekly", 7), ("monthly", 0)]:
        rule = rule_of(zone, kind, time_of_day=at, day_of_week=3, day_of_month=31)
        count = len(boundaries_in(rule, start.replace(tzinfo=zone), end.replace(tzinfo=zone)))
        wanted = (end - start).days // days if days else 24 - (start.month - 1)
        # Wednesday of the last week may be in the next year.
        spare = 1 if days == 7 else 0
        # The day that Apia left out had no midnight of its own, so it has no rotation either.
        left_out = int(key == "Pacific/Apia" and kind == "daily" and at == time(0))
        assert wanted - left_out <= count <= wanted - left_out + spare, kind


@settings(max_examples=150)
@given(rule=rules("daily weekly monthly cron"), pause=pauses)
def test_a_beat_that_stood_still_lands_where_it_would_have_been(
    rule: Rule, pause: timedelta
) -> None:
    now = rule.counts_from + pause
    passed = missed(rule, now)
    turn = turn_of(rule, now)
    index = (rule.index + len(passed)) % len(rule.sequence)
    boundary = passed[-1] if passed else None
    assert (turn.index, turn.video_id, turn.boundary) == (index, rule.sequence[index], boundary)
    assert turn.since == boundary or turn.since == rule.counts_from
    if turn.next_at is not None and turn.next_at < now + timedelta(days=62):
        assert turn.next_at == missed(rule, turn.next_at)[-1]
        assert missed(rule, turn.next_at - timedelta(minutes=1)) == passed


@settings(max_examples=100)
@given(rule=rules(), pause=pauses)
def test_one_write_is_the_same_as_all_the_ones_that_were_missed(
    rule: Rule, pause: timedelta
) -> None:
    now = rule.counts_from + pause
    stepped = rule
    for boundary in missed(rule, now):
        turn = turn_of(stepped, boundary)
        assert turn.boundary == boundary
        stepped = stepped.moved(turn)
    turn = turn_of(rule, now)
    assert stepped.index % len(rule.sequence) == turn.index
    assert stepped.counts_from == (turn.boundary or rule.counts_from)


@settings(max_examples=100)
@given(rule=rules(), pause=pauses, back=st.timedeltas(timedelta(0), timedelta(days=50)))
def test_a_second_beat_and_a_clock_that_is_put_back_change_nothing(
    rule: Rule, pause: timedelta, back: timedelta
) -> None:
    now = rule.counts_from + pause
    turn = turn_of(rule, now)
    written = rule.moved(turn)
    assert turn_of(written, now) == replace(turn, boundary=None)
    earlier = turn_of(written, now - back)
    assert (earlier.index, earlier.since) == (turn.index, turn.since)
    assert earlier.boundary is None
    # The clock is right again: nothing is counted twice, nothing is lost.
    again = written.moved(earlier)
    later = now + timedelta(days=35)
    assert turn_of(again, later).index == turn_of(rule, later).index
    assert turn_of(again, later).next_at == turn_of(rule, later).next_at


@settings(max_examples=100)
@given(rule=rules("random"), pause=pauses)
def test_random_is_never_the_same_twice_in_a_row_and_the_same_when_asked_again(
    rule: Rule, pause: timedelta
) -> None:
    assume(len(set(rule.sequence)) > 1)
    now = rule.counts_from + pause
    ats = [rule.counts_from, *takewhile(lambda at: at <= now, boundaries(rule, rule.counts_from))]
    shown = [turn_of(rule, at).video_id for at in ats[:40]]
    assert all(before != after for before, after in pairwise(shown))
    assert [turn_of(replace(rule), at).video_id for at in ats[:40]] == shown


@settings(max_examples=50)
@given(rule=rules("random"), pause=pauses)
def test_random_draws_a_place_and_looks_from_it_for_another_video(
    rule: Rule, pause: timedelta
) -> None:
    now = rule.counts_from + pause
    index, length = rule.index % len(rule.sequence), len(rule.sequence)
    for at in missed(rule, now)[:60]:
        said = hashlib.blake2b(f"{rule.id} {at.isoformat()}".encode(), digest_size=8)
        places = deque(range(length))
        places.rotate(-(index + 1 + int(said.hexdigest(), 16) % max(length - 1, 1)))
        videos = rule.sequence
        index = next((one for one in places if videos[one] != videos[index]), index)
        assert turn_of(rule, at).index == index


def test_a_random_rule_costs_no_more_with_a_long_sequence_of_one_video() -> None:
    reads = Counter[str]()

    class Watched(tuple[int, ...]):
        def __getitem__(self, key: Any) -> Any:
            reads["one"] += 1
            return super().__getitem__(key)

    start = datetime(2026, 1, 1, tzinfo=UTC)
    for sequence in (Watched([7] * 500), Watched([*[7] * 499, 8])):
        rule = rule_of(ZoneInfo("UTC"), "random", cron="* * * * *", counts_from=start)
        reads.clear()
        turn_of(replace(rule, sequence=sequence), start + timedelta(days=7))
        # A few for each place and each boundary, of which there are 10080.
        assert reads["one"] < 60_000


def test_random_shows_each_video_about_as_often_as_the_others() -> None:
    rule = rule_of(ZoneInfo("Europe/Berlin"), "random")
    shown: Counter[int] = Counter()
    for at in takewhile(lambda at: at.year < 2006, boundaries(rule, rule.counts_from)):
        turn = turn_of(rule, at)
        shown[turn.video_id] += 1
        rule = rule.moved(turn)
    share = shown.total() / len(rule.sequence)
    assert all(abs(shown[video_id] - share) < share * 0.15 for video_id in rule.sequence)


@st.composite
def contents(
    draw: st.DrawFn,
) -> tuple[datetime, list[Clip], Chosen | None, list[Rule]]:
    """Videos, a choice and rules with many events at the same instants."""
    origin = datetime(2025, 10, 24, 12, tzinfo=UTC)
    instants = st.integers(0, 16).map(lambda hours: origin + timedelta(hours=6 * hours))
    clips = []
    for video_id in range(1, draw(st.integers(1, 5)) + 1):
        start, end = draw(st.none() | instants), draw(st.none() | instants)
        if start and end and end <= start:
            end = None
        clips.append(
            Clip(video_id, draw(st.booleans()), start, end, draw(st.integers(0, 2))),
        )
    chosen = draw(st.none() | st.builds(Chosen, st.integers(1, 6), st.none() | instants))
    schedules = [
        replace(
            draw(rules()),
            id=number,
            zone=ZoneInfo(draw(st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu"]))),
            counts_from=draw(instants),
            time_of_day=draw(st.sampled_from([time(0), time(12), time(18), time(2, 30)])),
        )
        for number in range(1, draw(st.integers(0, 2)) + 1)
    ]
    return draw(instants), clips, chosen, schedules


@settings(max_examples=250)
@given(content=contents())
def test_the_latest_event_that_can_play_decides(
    content: tuple[datetime, list[Clip], Chosen | None, list[Rule]],
) -> None:
    now, clips, chosen, schedules = content
    turns = []
    for rule in schedules:
        passed = missed(rule, now) if now > rule.counts_from else []
        # Whom a random rule picks is tested above.
        index = turn_of(rule, now).index if rule.kind == "random" else rule.index + len(passed)
        index %= len(rule.sequence)
        order = [*rule.sequence[index:], *rule.sequence[:index]]
        turns.append((passed[-1] if passed else rule.counts_from, order))
    choice = resolve(now, clips, chosen, schedules)
    expected = shown_video(now, clips, chosen, turns)
    assert (choice and (choice.video_id, choice.reason)) == expected


@settings(max_examples=200)
@given(content=contents(), parts=st.lists(st.floats(0, 1, exclude_max=True), max_size=6))
def test_a_choice_holds_until_it_says(
    content: tuple[datetime, list[Clip], Chosen | None, list[Rule]], parts: list[float]
) -> None:
    now, clips, chosen, schedules = content
    choice = resolve(now, clips, chosen, schedules)
    assume(choice is not None)
    assert choice is not None
    until = choice.valid_until or now + timedelta(days=400)
    assert until > now
    moments = [now + part * (until - now) for part in parts]
    for moment in [*moments, until - MICROSECOND]:
        if moment < until:
            assert resolve(moment, clips, chosen, schedules) == choice


fields = st.text("0123456789*/-,#LWMONFEB ", max_size=24)


@settings(max_examples=250)
@given(
    expression=fields
    | st.lists(st.sampled_from([*"*0157L", "31", "2", "*/5", "MON", "FEB", "1-5", "MON#5", "5L"]))
    .filter(lambda parts: len(parts) == 5)
    .map(" ".join)
)
def test_a_cron_expression_is_refused_or_comes(expression: str) -> None:
    try:
        check_cron(expression)
    except ValueError:
        return
    rule = rule_of(ZoneInfo("Europe/Berlin"), "cron", cron=expression)
    assert next_boundary(rule, datetime(2026, 1, 1, tzinfo=UTC)) is not None
