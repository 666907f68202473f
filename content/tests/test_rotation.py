"""Which video plays: the priority of the specification, at every edge."""

from datetime import UTC, datetime, timedelta

from content.rotation import Clip, resolve

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_nothing_plays_when_there_is_nothing() -> None:
    assert resolve(NOON, [], None) is None


def test_the_active_video_wins_over_an_open_window_and_a_flag() -> None:
    clips = [Clip(1, schedule_start=NOON - HOUR), Clip(2, is_active=True), Clip(3)]
    choice = resolve(NOON, clips, 3)
    assert choice
    assert (choice.video_id, choice.reason) == (3, "active")


def test_an_open_window_wins_over_a_flag() -> None:
    clips = [Clip(1, is_active=True), Clip(2, schedule_start=NOON, schedule_end=NOON + HOUR)]
    choice = resolve(NOON, clips, None)
    assert choice
    assert (choice.video_id, choice.reason) == (2, "window")
    assert choice.valid_until == NOON + HOUR


def test_a_flag_wins_over_the_order() -> None:
    choice = resolve(NOON, [Clip(1), Clip(2, is_active=True, rotation_order=9)], None)
    assert choice
    assert (choice.video_id, choice.reason) == (2, "flagged")


def test_the_first_is_by_order_then_id() -> None:
    choice = resolve(
        NOON,
        [Clip(3, rotation_order=1), Clip(2, rotation_order=1), Clip(1, rotation_order=2)],
        None,
    )
    assert choice
    assert (choice.video_id, choice.reason) == (2, "first")


def test_a_window_opens_with_its_first_moment_and_is_closed_at_its_end() -> None:
    clips = [Clip(1, schedule_start=NOON, schedule_end=NOON + HOUR)]
    before = resolve(NOON - timedelta(microseconds=1), clips, 1)
    assert before is None
    assert resolve(NOON, clips, 1) is not None
    assert resolve(NOON + HOUR, clips, 1) is None


def test_an_active_video_whose_window_is_closed_leaves_the_stage_to_the_next() -> None:
    clips = [Clip(1, schedule_end=NOON), Clip(2)]
    choice = resolve(NOON, clips, 1)
    assert choice
    assert (choice.video_id, choice.reason) == (2, "first")


def test_the_choice_holds_until_the_next_edge_of_any_window() -> None:
    clips = [Clip(1), Clip(2, schedule_start=NOON + HOUR), Clip(3, schedule_end=NOON + 3 * HOUR)]
    choice = resolve(NOON, clips, 1)
    assert choice
    assert choice.valid_until == NOON + HOUR
