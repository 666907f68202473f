"""Which video plays: the latest event, at every edge, and how rules count their boundaries."""

import io
import struct
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from content.rotation import (
    Chosen,
    Clip,
    Rule,
    boundaries,
    check_cron,
    next_boundary,
    resolve,
    turn_at,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
BERLIN = ZoneInfo("Europe/Berlin")
DAILY = Rule(1, "daily", ZoneInfo("UTC"), (1, 2, 3), 0, NOON, time_of_day=time(12))


def plays(
    now: datetime, clips: list[Clip], chosen: Chosen | None = None, *rules: Rule
) -> tuple[int, str, datetime | None] | None:
    choice = resolve(now, clips, chosen, rules)
    return (choice.video_id, choice.reason, choice.valid_until) if choice else None


def test_nothing_plays_when_there_is_nothing() -> None:
    assert plays(NOON, []) is None
    assert plays(NOON, [Clip(1, schedule_end=NOON)], Chosen(1, None), DAILY) is None


def test_the_first_is_by_order_then_id_and_a_flag_wins_over_it() -> None:
    clips = [Clip(3, rotation_order=1), Clip(2, rotation_order=1), Clip(1, rotation_order=2)]
    assert plays(NOON, clips) == (2, "first", None)
    flagged = Clip(9, is_active=True, rotation_order=9)
    assert plays(NOON, [*clips, flagged]) == (9, "flagged", None)


def test_a_window_opens_with_its_first_moment_and_is_closed_at_its_end() -> None:
    clips = [Clip(1, schedule_start=NOON, schedule_end=NOON + HOUR), Clip(2, is_active=True)]
    before = NOON - timedelta(microseconds=1)
    assert plays(before, clips) == (2, "flagged", NOON)
    assert plays(NOON, clips) == (1, "window", NOON + HOUR)
    assert plays(NOON + HOUR, clips) == (2, "flagged", None)


def test_a_window_takes_over_from_an_earlier_choice_until_it_closes() -> None:
    clips = [Clip(1), Clip(2, schedule_start=NOON, schedule_end=NOON + HOUR)]
    chosen = Chosen(1, NOON - HOUR)
    assert plays(NOON - HOUR, clips, chosen) == (1, "active", NOON)
    assert plays(NOON, clips, chosen) == (2, "window", NOON + HOUR)
    assert plays(NOON + HOUR, clips, chosen) == (1, "active", None)


def test_a_choice_during_a_window_wins_over_it_and_one_without_a_time_does_not() -> None:
    clips = [Clip(1), Clip(2, schedule_start=NOON, schedule_end=NOON + HOUR)]
    assert plays(NOON, clips, Chosen(1, NOON)) == (1, "active", NOON + HOUR)
    assert plays(NOON, clips, Chosen(1, None)) == (2, "window", NOON + HOUR)


def test_a_window_without_a_start_is_older_than_anything_else() -> None:
    clips = [Clip(1), Clip(2, schedule_end=NOON + HOUR), Clip(3, is_active=True)]
    assert plays(NOON, clips) == (2, "window", NOON + HOUR)
    assert plays(NOON, clips, Chosen(1, None)) == (1, "active", NOON + HOUR)


def test_a_choice_whose_window_is_closed_leaves_the_stage_to_the_next() -> None:
    clips = [Clip(1, schedule_end=NOON), Clip(2)]
    assert plays(NOON, clips, Chosen(1, NOON - HOUR)) == (2, "first", None)


def test_a_turn_wins_over_a_choice_and_a_window_of_its_instant_and_both_over_it_later() -> None:
    at = NOON + DAY
    clips = [Clip(1), Clip(2), Clip(3), Clip(4, schedule_start=at), Clip(5)]
    assert plays(at, clips, Chosen(5, at), DAILY) == (2, "rotation", at + DAY)
    assert plays(at + HOUR, clips, Chosen(5, at + HOUR), DAILY) == (5, "active", at + DAY)
    late = [*clips[:3], Clip(4, schedule_start=at + HOUR)]
    assert plays(at + HOUR, late, Chosen(5, at), DAILY) == (4, "window", at + DAY)
    assert plays(at + DAY, late, Chosen(5, at), DAILY) == (3, "rotation", at + 2 * DAY)


def test_of_two_turns_at_the_same_instant_the_older_rule_has_its_own() -> None:
    other = replace(DAILY, id=2, sequence=(4, 5))
    clips = [Clip(video_id) for video_id in range(1, 6)]
    for rules in [(DAILY, other), (other, DAILY)]:
        assert plays(NOON + DAY, clips, None, *rules) == (2, "rotation", NOON + 2 * DAY)


def test_the_turn_of_a_video_that_cannot_play_goes_to_the_next_that_can() -> None:
    clips = [Clip(1), Clip(2, schedule_end=NOON), Clip(4)]
    at = NOON + DAY
    assert plays(at, clips, None, DAILY) == (1, "rotation", at + DAY)
    turn = turn_at(DAILY, at)
    assert turn is not None
    assert (turn.index, turn.video_id) == (1, 2)
    assert plays(at, [Clip(4)], None, DAILY) == (4, "first", at + DAY)


def test_a_sequence_by_the_view_holds_for_no_time_and_has_no_boundaries() -> None:
    rule = Rule(1, "sequence", BERLIN, (1, 2), 1, NOON)
    assert plays(NOON + DAY, [Clip(1), Clip(2)], None, rule) == (2, "rotation", NOON + DAY)
    assert plays(NOON, [Clip(1), Clip(2)], Chosen(1, NOON + HOUR), rule) == (1, "active", None)
    assert next_boundary(rule, NOON) is None


def test_a_rule_without_videos_has_no_turn() -> None:
    assert turn_at(replace(DAILY, sequence=()), NOON) is None


def test_before_it_counts_a_rule_keeps_its_item() -> None:
    turn = turn_at(replace(DAILY, index=2), NOON - 9 * DAY)
    assert turn is not None
    assert (turn.index, turn.boundary, turn.since, turn.next_at) == (2, None, NOON, NOON + DAY)


def local(rule: Rule, after: datetime, many: int) -> list[str]:
    found = islice(boundaries(rule, after), many)
    return [format(at.astimezone(rule.zone), "%d.%m. %H:%M %z") for at in found]


def test_a_time_that_the_clock_skips_comes_when_it_has_been_put_forward() -> None:
    rule = replace(DAILY, zone=BERLIN, time_of_day=time(2, 30, 15, 7))
    found = local(rule, datetime(2026, 3, 28, tzinfo=UTC), 3)
    assert found == ["28.03. 02:30 +0100", "29.03. 03:00 +0200", "30.03. 02:30 +0200"]
    # To the microsecond: the first instant after the gap, and the rule's own on other days.
    skipped, ordinary = islice(boundaries(rule, datetime(2026, 3, 28, 12, tzinfo=UTC)), 2)
    assert skipped == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert ordinary == datetime(2026, 3, 30, 0, 30, 15, 7, tzinfo=UTC)


def test_a_time_that_the_clock_shows_twice_comes_the_first_time_only() -> None:
    rule = replace(DAILY, kind="cron", zone=BERLIN, cron="*/30 * * * *")
    assert local(rule, datetime(2026, 10, 25, 0, 0, tzinfo=UTC), 2) == [
        "25.10. 02:30 +0200",
        "25.10. 03:00 +0100",
    ]


def zone_by(footer: str) -> ZoneInfo:
    """A time zone by a POSIX rule, in the format of the time zone database."""
    block = b"TZif2" + bytes(15) + struct.pack(">6l", 0, 0, 0, 0, 1, 4) + bytes(6) + b"STD\0"
    return ZoneInfo.from_file(io.BytesIO(block + block + f"\n{footer}\n".encode()))


def test_a_clock_that_is_put_forward_over_midnight_skips_the_ends_of_two_days() -> None:
    # No zone does so now; any government may.
    zone = zone_by("STD0DST,M3.5.0/23:30,M10.5.0")
    rule = replace(DAILY, zone=zone, time_of_day=time(23, 45))
    after = datetime(2026, 3, 29, tzinfo=UTC)
    assert local(rule, after, 2) == ["30.03. 00:30 +0100", "30.03. 23:45 +0100"]
    early = replace(rule, time_of_day=time(0, 15))
    assert local(early, after, 3)[1:] == ["30.03. 00:30 +0100", "31.03. 00:15 +0100"]
    always = replace(rule, kind="cron", cron="*/15 * * * *")
    assert local(always, datetime(2026, 3, 29, 23, 10, tzinfo=UTC), 3) == [
        "29.03. 23:15 +0000",
        "30.03. 00:30 +0100",
        "30.03. 00:45 +0100",
    ]


def test_a_day_that_a_zone_left_out_comes_with_the_next_one() -> None:
    apia = replace(DAILY, zone=ZoneInfo("Pacific/Apia"), time_of_day=time(10))
    after = datetime(2011, 12, 29, 22, tzinfo=UTC)
    assert local(apia, after, 2) == ["31.12. 00:00 +1400", "31.12. 10:00 +1400"]
    assert local(replace(apia, time_of_day=None), after, 2) == [
        "31.12. 00:00 +1400",
        "01.01. 00:00 +1400",
    ]


def test_the_31st_is_the_last_day_of_a_shorter_month() -> None:
    rule = replace(DAILY, kind="monthly", day_of_month=31)
    assert [date[:6] for date in local(rule, NOON, 4)] == ["31.03.", "30.04.", "31.05.", "30.06."]
    february = local(rule, datetime(2028, 2, 1, tzinfo=UTC), 1)
    assert february == ["29.02. 12:00 +0000"]


def test_what_a_rule_leaves_open_is_midnight_monday_and_the_first() -> None:
    # A Sunday.
    open_rule = replace(DAILY, time_of_day=None)
    assert local(replace(open_rule, kind="weekly"), NOON, 1) == ["02.03. 00:00 +0000"]
    assert local(replace(open_rule, kind="monthly"), NOON, 1) == ["01.04. 00:00 +0000"]
    random = replace(open_rule, kind="random")
    assert local(random, NOON, 1) == ["02.03. 00:00 +0000"]
    assert local(replace(random, day_of_week=3), NOON, 1) == ["04.03. 00:00 +0000"]
    assert local(replace(random, day_of_week=3, day_of_month=9), NOON, 1) == ["09.03. 00:00 +0000"]
    assert local(replace(random, cron="7 * * * *"), NOON, 1) == ["01.03. 12:07 +0000"]


def test_forty_days_of_every_minute_are_counted_at_once() -> None:
    rule = replace(DAILY, kind="cron", cron="* * * * *")
    turn = turn_at(rule, NOON + 40 * DAY)
    assert turn is not None
    assert (turn.index, turn.boundary) == (40 * 24 * 60 % 3, NOON + 40 * DAY)
    assert turn.next_at == NOON + 40 * DAY + timedelta(minutes=1)


def test_a_random_rule_with_nothing_else_to_show_keeps_its_video() -> None:
    for sequence in ((5,), (5, 5, 5)):
        turn = turn_at(replace(DAILY, kind="random", sequence=sequence), NOON + 9 * DAY)
        assert turn is not None
        assert (turn.index, turn.video_id, turn.boundary) == (0, 5, NOON + 9 * DAY)


@pytest.mark.parametrize(
    "expression", ["* * * * *", "0 9-17/2 * JAN-MAR MON-FRI", "0 0 L * *", "0 0 * 2 MON#5"]
)
def test_a_cron_expression_that_comes_is_accepted(expression: str) -> None:
    check_cron(expression)
    assert next_boundary(replace(DAILY, kind="cron", cron=expression), NOON) is not None


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("", "five fields"),
        ("* * * * * *", "five fields"),
        ("61 * * * *", '"61"'),
        ("0 0 * * SOMEDAY", '"SOMEDAY"'),
        ("0 0 30 2 *", "never"),
        ("0 0 */5 2 MON#5", "never"),
    ],
)
def test_a_cron_expression_that_says_nothing_is_refused_with_the_reason(
    expression: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        check_cron(expression)
