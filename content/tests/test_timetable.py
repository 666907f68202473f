"""What plays when: the stretches of the coming days, and why a content is not visible."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise, product
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db.models import Model
from hypothesis import given
from hypothesis import strategies as st

from companies.models import Company, Project, ProjectStatus
from content.models import ARContent, RotationItem, Video, VideoRotationSchedule
from content.playback import choice_for
from content.programme import Programme
from content.publishing import Visibility, visibility
from content.rotation import Choice
from content.tests.factories import ARContentFactory, VideoFactory
from content.timetable import Day, Overlap, days_from, month_calendar, timetable

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
END = NOW + 14 * DAY


def content_of(
    videos: list[Video], schedules: list[VideoRotationSchedule] | None = None, **fields: Any
) -> ARContent:
    """As it comes out of the database with what belongs to it, but never in it."""
    company = Company(name="C", is_active=True, time_zone="Europe/Berlin")
    project = Project(company=company, name="P", status=ProjectStatus.ACTIVE)
    content = ARContent(pk=1, company=company, project=project, title="T", is_active=True, **fields)
    have(content, videos=videos, rotation_schedules=schedules or [])
    return content


def have(row: Model, **rows: list[Any]) -> None:
    """As if they had been prefetched."""
    row._prefetched_objects_cache = rows  # type: ignore[attr-defined]


def video(pk: int, **fields: Any) -> Video:
    return Video(pk=pk, title=f"Video {pk}", video=f"{pk}.mp4", **fields)


def schedule(*, items: list[int], **fields: Any) -> VideoRotationSchedule:
    made = VideoRotationSchedule(pk=1, **{"counts_from": NOW, **fields})
    have(made, items=[RotationItem(video_id=pk, position=place) for place, pk in enumerate(items)])
    return made


def test_windows_follow_each_other_with_the_gap_between_them() -> None:
    first = video(1, schedule_end=NOW + 2 * DAY)
    second = video(2, schedule_start=NOW + 5 * DAY, schedule_end=NOW + 6 * DAY)
    third = video(3, schedule_start=NOW + 6 * DAY)
    shown = timetable(content_of([first, second, third]), NOW, END)
    assert [(one.start, one.end, one.video) for one in shown] == [
        (NOW, NOW + 2 * DAY, first),
        (NOW + 2 * DAY, NOW + 5 * DAY, None),
        (NOW + 5 * DAY, NOW + 6 * DAY, second),
        (NOW + 6 * DAY, END, third),
    ]
    assert [one.is_gap for one in shown] == [False, True, False, False]


def test_a_window_takes_over_and_gives_back() -> None:
    content = content_of([video(1), video(2, schedule_start=NOW + DAY, schedule_end=NOW + 3 * DAY)])
    content.chosen_video_id, content.chosen_at = 1, NOW - DAY
    shown = timetable(content, NOW, END)
    assert [(one.start, one.video and one.video.pk, one.reason) for one in shown] == [
        (NOW, 1, "active"),
        (NOW + DAY, 2, "window"),
        (NOW + 3 * DAY, 1, "active"),
    ]


def test_the_end_of_a_content_or_its_project_is_a_gap_with_its_reason() -> None:
    content = content_of([video(1)], published_at=NOW + DAY, expires_at=NOW + 4 * DAY)
    content.project.expires_at = NOW + 3 * DAY
    shown = timetable(content, NOW, END)
    assert [(one.start, one.visibility) for one in shown] == [
        (NOW, Visibility.LATER),
        (NOW + DAY, Visibility.VISIBLE),
        (NOW + 3 * DAY, Visibility.EXPIRED),
    ]


times = st.none() | st.integers(-50, 400).map(lambda hours: NOW + timedelta(hours=hours))
windows = st.tuples(times, times, st.booleans(), st.integers(0, 2))
rules = st.fixed_dictionaries(
    {
        "items": st.lists(st.integers(1, 5), max_size=4),
        "rotation_type": st.sampled_from(["daily", "weekly", "monthly", "cron", "random"]),
        "time_of_day": st.none() | st.times(),
        "day_of_week": st.none() | st.integers(1, 7),
        "cron_expression": st.sampled_from(["*/50 * * * *", "0 9,18 * * 1-5", "30 2 28 * *"]),
        "current_index": st.integers(0, 9),
    }
)


@given(
    st.lists(windows, max_size=5),
    st.lists(rules, max_size=2),
    st.integers(0, 5),
    times,
    st.integers(0, 335),
)
def test_at_every_moment_the_timetable_says_what_a_visitor_gets(
    rows: list[Any], all_rules: list[Any], chosen: int, chosen_at: datetime | None, hour: int
) -> None:
    videos = [
        video(pk, schedule_start=start, schedule_end=end, is_active=is_on, rotation_order=order)
        for pk, (start, end, is_on, order) in enumerate(rows, 1)
    ]
    schedules = [schedule(**rule) for rule in all_rules]
    for pk, one in enumerate(schedules, 1):
        one.pk = pk
    content = content_of(videos, schedules)
    content.chosen_video_id, content.chosen_at = chosen or None, chosen_at
    shown = timetable(content, NOW, END)
    assert (shown[0].start, shown[-1].end) == (NOW, END)
    assert all(one.end == other.start for one, other in pairwise(shown))
    at = NOW + timedelta(hours=hour, minutes=30)
    [there] = [one for one in shown if one.start <= at < one.end]
    choice = choice_for(content, at)
    if not there.is_cut:
        assert (there.video and there.video.pk) == (choice.video_id if choice else None)
        assert there.reason == (choice.reason if choice else "")


def day_of(days: list[Day], number: int) -> Day:
    [found] = [day for day in days if day.date.day == number]
    return found


def test_a_month_has_each_local_day_once_whole_with_turns_gaps_and_overlaps() -> None:
    windowed = video(1, schedule_start=NOW - 10 * DAY, schedule_end=NOW + DAY)
    other = video(2, schedule_start=NOW - DAY, schedule_end=NOW + 2 * DAY)
    turning = video(3, schedule_start=NOW + 4 * DAY)
    last = video(4, schedule_start=NOW + 4 * DAY)
    daily = schedule(items=[3, 4], rotation_type="daily", time_of_day=time(6))
    content = content_of([windowed, other, turning, last], [daily])
    days = month_calendar(content, date(2026, 3, 17), now=NOW)
    assert [day.date.day for day in days] == list(range(1, 32))
    assert all(one.end == other.start for one, other in pairwise(days))
    for day in days:
        assert (day.showings[0].start, day.showings[-1].end) == (day.start, day.end)
    # The clock of Berlin is put forward on the 29th.
    assert {day.date.day for day in days if day.end - day.start != DAY} == {29}
    assert [day.date.day for day in days if day.is_past] == list(range(1, 20))
    [overlap] = day_of(days, 20).overlaps
    assert (overlap.first, overlap.second) == (windowed, other)
    assert [day.date.day for day in days if day.overlaps] == [19, 20, 21, *range(24, 32)]
    assert [day.date.day for day in days if day.has_gap] == [*range(1, 11), 22, 23, 24]
    at_six = [(one.video and one.video.pk, one.reason) for one in day_of(days, 30).showings]
    assert at_six in ([(3, "rotation"), (4, "rotation")], [(4, "rotation"), (3, "rotation")])
    assert day_of(days, 30).showings[1].start.astimezone(ZoneInfo("Europe/Berlin")).hour == 6


def test_days_with_a_video_for_each_view_say_so() -> None:
    content = content_of([video(1), video(2)], [schedule(items=[1, 2], rotation_type="sequence")])
    days = month_calendar(content, date(2026, 4, 1), now=NOW)
    assert all(day.by_view and not day.has_gap for day in days)
    assert {one.reason for day in days for one in day.showings} == {"rotation"}


def test_a_rule_that_comes_every_minute_is_listed_in_part_and_says_so() -> None:
    minutely = schedule(items=[1, 2], rotation_type="cron", cron_expression="* * * * *")
    content = content_of([video(1), video(2)], [minutely])
    days = month_calendar(content, date(2026, 4, 1), now=NOW)
    assert all(day.is_cut and len(day.showings) == 48 for day in days)
    assert all(day.showings[-1].end == day.end for day in days)
    for far in (date(2024, 2, 1), date(2028, 4, 1)):
        with pytest.raises(ValueError, match="too far"):
            month_calendar(content, far, now=NOW)
    assert month_calendar(content, date(2024, 3, 1), now=NOW)
    with pytest.raises(ValueError, match="too far"):
        month_calendar(content, date(9999, 12, 1), now=NOW)


def asked_in(content: ARContent, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Day], int]:
    """The days of a month, and how often it was asked what plays."""
    asked = []
    choice = Programme.choice

    def counted(programme: Programme, now: datetime) -> Choice | None:
        asked.append(now)
        return choice(programme, now)

    monkeypatch.setattr(Programme, "choice", counted)
    return month_calendar(content, date(2026, 4, 1), now=NOW), len(asked)


def test_turns_of_the_only_video_that_can_play_are_not_walked_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opens = datetime(2026, 4, 9, 22, tzinfo=UTC)  # midnight in Berlin
    content = content_of(
        [video(1), video(2, schedule_start=opens, schedule_end=opens + DAY), video(3)],
        [schedule(items=[1, 1, 2], rotation_type="cron", cron_expression="* * * * *")],
    )
    content.chosen_video_id, content.chosen_at = 3, NOW + DAY
    days, asked = asked_in(content, monkeypatch)
    assert asked < 300
    for day in days:
        if day.date.day != 10:
            [showing] = day.showings
            assert (showing.video and showing.video.pk, showing.reason) == (1, "rotation")
            assert not day.is_cut
    assert day_of(days, 10).is_cut


def test_two_rules_that_come_every_minute_and_change_nothing_are_not_walked_to_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rules = [
        schedule(items=[pk], rotation_type="cron", cron_expression="* * * * *") for pk in (1, 2)
    ]
    rules[1].pk = 2
    days, asked = asked_in(content_of([video(1), video(2)], rules), monkeypatch)
    assert asked < 30 * 48 * 5
    for day in days:
        [showing] = day.showings
        assert (showing.video and showing.video.pk, showing.end, showing.is_cut) == (
            *(1, day.end),
            True,
        )


def test_of_very_many_windows_that_overlap_a_day_lists_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noon = datetime(2026, 4, 5, 12, tzinfo=UTC)
    many = [
        video(pk, schedule_start=noon - timedelta(minutes=pk), schedule_end=noon + DAY)
        for pk in range(1, 401)
    ]
    opens = noon + 9 * DAY
    few = [video(pk, schedule_start=opens, schedule_end=opens + DAY) for pk in range(501, 506)]
    made = []

    def counted(*values: Any) -> Overlap:
        made.append(Overlap(*values))
        return made[-1]

    monkeypatch.setattr("content.timetable.Overlap", counted)
    days = month_calendar(content_of([*many, *few]), date(2026, 4, 1), now=NOW)
    assert len(made) < 100
    said = {day.date.day: (len(day.overlaps), day.has_more_overlaps) for day in days}
    listed = {number: told for number, told in said.items() if told[0]}
    assert listed == {5: (20, True), 6: (20, True), 14: (10, False), 15: (10, False)}
    assert all(day.start <= one.start < one.end <= day.end for day in days for one in day.overlaps)


@pytest.mark.django_db
@pytest.mark.once
def test_the_reason_agrees_with_what_visitors_are_given(company: Company) -> None:
    """Every combination of dates and switches, against the queryset that the public page asks."""
    content = ARContentFactory.create(project__company=company)
    VideoFactory.create(ar_content=content)
    seen = set()
    dates = (None, NOW - DAY, NOW, NOW + DAY)
    for on, published, expires, ends, status, subscription, active in product(
        (True, False),
        (None, NOW - 2 * DAY, NOW + DAY),
        (None, NOW, NOW + 2 * DAY),
        dates,
        ProjectStatus.values,
        (None, NOW, NOW + DAY),
        (True, False),
    ):
        if published and expires and expires <= published:
            continue
        ARContent.objects.update(is_active=on, published_at=published, expires_at=expires)
        Project.objects.update(status=status, expires_at=ends)
        Company.objects.update(subscription_expires_at=subscription, is_active=active)
        row = ARContent.objects.select_related("project", "company").get()
        state = visibility(row, NOW)
        seen.add(state)
        is_published = ARContent.objects.published(NOW).exists()
        assert (state == Visibility.VISIBLE) == is_published
        # What the list hides as over is never called anything milder.
        if state == Visibility.EXPIRED:
            assert ARContent.objects.over(NOW).exists()
    assert seen == set(Visibility)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Beirut", "UTC"])
def test_days_start_at_local_midnight_also_where_the_clock_changes(zone: str) -> None:
    place = ZoneInfo(zone)
    midnights = days_from(NOW, 14, place)
    assert len(midnights) == 15
    assert midnights[0] <= NOW < midnights[1]
    local = [midnight.astimezone(place) for midnight in midnights]
    assert [day.date() for day in local] == [
        NOW.astimezone(place).date() + number * DAY for number in range(15)
    ]
    hours = {(later - earlier) / timedelta(hours=1) for earlier, later in pairwise(midnights)}
    # The clocks of Berlin and Beirut are changed within these days, New York's were before.
    assert hours == ({23.0, 24.0} if zone in {"Europe/Berlin", "Asia/Beirut"} else {24.0})
