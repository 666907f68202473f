"""What plays when: the stretches of the coming days, and why a content is not visible."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise, product
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companies.models import Company, Project, ProjectStatus
from content.models import ARContent, Video
from content.publishing import Visibility, clip_of, days_from, timetable, visibility
from content.rotation import resolve
from content.tests.factories import ARContentFactory, VideoFactory

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
END = NOW + 14 * DAY


def content_of(**fields: Any) -> ARContent:
    company = Company(name="C", is_active=True)
    project = Project(company=company, name="P", status=ProjectStatus.ACTIVE)
    return ARContent(company=company, project=project, title="T", is_active=True, **fields)


def test_windows_follow_each_other_with_the_gap_between_them() -> None:
    content = content_of()
    first = Video(pk=1, schedule_end=NOW + 2 * DAY)
    second = Video(pk=2, schedule_start=NOW + 5 * DAY, schedule_end=NOW + 6 * DAY)
    third = Video(pk=3, schedule_start=NOW + 6 * DAY)
    shown = timetable(content, [first, second, third], NOW, END)
    assert [(one.start, one.end, one.video) for one in shown] == [
        (NOW, NOW + 2 * DAY, first),
        (NOW + 2 * DAY, NOW + 5 * DAY, None),
        (NOW + 5 * DAY, NOW + 6 * DAY, second),
        (NOW + 6 * DAY, END, third),
    ]
    assert [one.is_gap for one in shown] == [False, True, False, False]


def test_a_video_without_a_window_is_one_stretch_whatever_happens_meanwhile() -> None:
    content = content_of(active_video_id=1)
    waiting = Video(pk=2, schedule_start=NOW + DAY, schedule_end=NOW + 3 * DAY)
    [only] = timetable(content, [Video(pk=1), waiting], NOW, END)
    assert (only.start, only.end, only.reason) == (NOW, END, "active")


def test_the_end_of_a_content_or_its_project_is_a_gap_with_its_reason() -> None:
    content = content_of(published_at=NOW + DAY, expires_at=NOW + 4 * DAY)
    content.project.expires_at = NOW + 3 * DAY
    shown = timetable(content, [Video(pk=1)], NOW, END)
    assert [(one.start, one.visibility) for one in shown] == [
        (NOW, Visibility.LATER),
        (NOW + DAY, Visibility.VISIBLE),
        (NOW + 3 * DAY, Visibility.EXPIRED),
    ]


times = st.none() | st.integers(-50, 400).map(lambda hours: NOW + timedelta(hours=hours))
windows = st.tuples(times, times, st.booleans(), st.integers(0, 2))


@given(st.lists(windows, max_size=5), st.integers(0, 5), st.integers(0, 335))
def test_at_every_moment_the_timetable_says_what_a_visitor_gets(
    rows: list[Any], active: int, hour: int
) -> None:
    videos = [
        Video(
            pk=pk, schedule_start=start, schedule_end=end, is_active=is_active, rotation_order=order
        )
        for pk, (start, end, is_active, order) in enumerate(rows, 1)
    ]
    content = content_of(active_video_id=active or None)
    shown = timetable(content, videos, NOW, END)
    assert (shown[0].start, shown[-1].end) == (NOW, END)
    assert all(one.end == other.start for one, other in pairwise(shown))
    at = NOW + timedelta(hours=hour, minutes=30)
    [there] = [one for one in shown if one.start <= at < one.end]
    choice = resolve(at, [clip_of(video) for video in videos], content.active_video_id)
    assert (there.video and there.video.pk) == (choice.video_id if choice else None)


@pytest.mark.django_db
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
