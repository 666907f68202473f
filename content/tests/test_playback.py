"""What is written down of what plays: choices of staff, schedules, visits and the tick."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from companies.models import Project
from content import playback
from content.models import ARContent, RotationItem, Video, VideoRotationSchedule
from content.publishing import find_published
from content.tests.factories import ARContentFactory, VideoFactory

pytestmark = pytest.mark.django_db

# A Friday; the company's clock is UTC.
NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture
def content(project: Project) -> ARContent:
    content: ARContent = ARContentFactory.create(project=project)
    return content


@pytest.fixture
def videos(content: ARContent) -> list[Video]:
    made: list[Video] = VideoFactory.create_batch(3, ar_content=content)
    playback.settle(content, now=NOW - DAY)
    return made


def add_schedule(
    content: ARContent, videos: list[Video], *, now: datetime = NOW, **fields: Any
) -> VideoRotationSchedule:
    schedule = VideoRotationSchedule(ar_content=content, **{"rotation_type": "daily", **fields})
    playback.save_schedule(schedule, sequence=[video.pk for video in videos], now=now)
    return schedule


def plays(content: ARContent, at: datetime) -> Video | None:
    """What a visitor gets."""
    published = find_published(content.unique_id, at)
    assert published
    return published.video


def written(content: ARContent) -> tuple[Video | None, list[Video]]:
    """The video that the row names, and those that are flagged."""
    flagged = list(Video.objects.filter(ar_content=content, is_active=True))
    return ARContent.objects.get(pk=content.pk).active_video, flagged


def state(content: ARContent) -> list[Any]:
    """Everything that a tick could change."""
    return [
        list(model._default_manager.order_by("pk").values())
        for model in (ARContent, Video, VideoRotationSchedule, RotationItem)
    ]


def test_a_choice_is_written_and_the_history_knows(content: ARContent, videos: list[Video]) -> None:
    playback.choose(videos[1], now=NOW)
    assert written(content) == (videos[1], [videos[1]])
    fresh = ARContent.objects.get()
    assert (fresh.chosen_video, fresh.chosen_at) == (videos[1], NOW)
    assert content.history.first().chosen_video_id == videos[1].pk
    assert plays(content, NOW + DAY) == videos[1]


def test_a_choice_whose_window_is_closed_waits_for_it(
    content: ARContent, videos: list[Video]
) -> None:
    videos[2].schedule_start, videos[2].schedule_end = NOW + HOUR, NOW + 2 * HOUR
    videos[2].save()
    playback.choose(videos[2], now=NOW)
    assert written(content) == (videos[0], [videos[0]])
    assert ARContent.objects.get().plays_until == NOW + HOUR
    assert playback.rotate_due(now=NOW + HOUR) == 1
    assert written(content) == (videos[2], [videos[2]])
    assert playback.rotate_due(now=NOW + 5 * HOUR) == 1
    assert written(content) == (videos[0], [videos[0]])
    assert ARContent.objects.get().plays_until is None


def test_only_what_is_prepared_plays(content: ARContent, videos: list[Video]) -> None:
    Video.objects.filter(pk=videos[0].pk).update(video="")
    assert plays(content, NOW) == videos[1]
    playback.choose(videos[0], now=NOW)
    assert written(content) == (videos[1], [videos[1]])


def test_settling_writes_what_has_changed_and_nothing_else(
    content: ARContent, videos: list[Video]
) -> None:
    add_schedule(content, videos)
    playback.settle(content, now=NOW)
    with CaptureQueriesContext(connection) as queries:
        playback.settle(content, now=NOW + HOUR)
    assert not [one for one in queries if one["sql"].startswith("UPDATE")]
    playback.settle(content, now=NOW + DAY)
    assert content.active_video == videos[1]


def test_a_chosen_video_that_is_still_being_prepared_disturbs_nothing(
    content: ARContent, videos: list[Video]
) -> None:
    playback.choose(videos[1], now=NOW - HOUR)
    window = VideoFactory.create(
        ar_content=content, schedule_start=NOW + HOUR, schedule_end=NOW + 2 * HOUR
    )
    new = VideoFactory.create(ar_content=content, video="", status="pending")
    playback.choose(new, now=NOW)
    playback.settle(content, now=NOW)
    for at, expected in (
        (NOW, videos[1]),
        (NOW + HOUR, window),
        (NOW + 2 * HOUR, videos[1]),
    ):
        # Whether a tick has run or not.
        assert plays(content, at) == expected
        playback.rotate_due(now=at)
        assert plays(content, at) == written(content)[0] == expected
    new.refresh_from_db()
    assert new.plays_when_ready
    playback.choose(videos[2], now=NOW + DAY)
    new.refresh_from_db()
    assert not new.plays_when_ready


def test_a_flag_that_somebody_raised_is_kept_as_their_choice(
    content: ARContent, videos: list[Video]
) -> None:
    Video.objects.filter(is_active=True).update(is_active=False)
    Video.objects.filter(pk=videos[2].pk).update(is_active=True)
    window = VideoFactory.create(ar_content=content, schedule_start=NOW, schedule_end=NOW + HOUR)
    assert plays(content, NOW - HOUR) == videos[2]
    playback.settle(content, now=NOW - HOUR)
    for at, expected in ((NOW, window), (NOW + HOUR, videos[2])):
        playback.rotate_due(now=at)
        assert plays(content, at) == written(content)[0] == expected


def test_how_many_queries_a_visitor_costs_does_not_depend_on_how_much_there_is(
    content: ARContent, videos: list[Video]
) -> None:
    add_schedule(content, videos[:1])
    counts = []
    for _round in range(2):
        with CaptureQueriesContext(connection) as queries:
            find_published(content.unique_id, NOW)
        counts.append(len(queries))
        VideoFactory.create_batch(10, ar_content=content)
        for kind in ("weekly", "monthly", "random"):
            add_schedule(content, videos, rotation_type=kind)
        add_schedule(content, videos, is_active=False)
    assert counts == [4, 4]
    # What is switched off is not even read.
    published = find_published(content.unique_id, NOW)
    assert published
    read = published.content.rotation_schedules.all()
    assert len(read) == 7
    assert all(schedule.is_active and schedule.items.all() for schedule in read)
    assert content.rotation_schedules.count() == 9


def test_a_content_has_so_many_schedules_and_no_more(
    content: ARContent, videos: list[Video]
) -> None:
    for _number in range(20):
        last = add_schedule(content, videos, is_active=False)
    before = state(content)
    with pytest.raises(ValidationError, match="at most 20"):
        add_schedule(content, videos)
    assert state(content) == before
    last.rotation_type = "weekly"
    playback.save_schedule(last, sequence=None, now=NOW)
    playback.delete_schedule(last, now=NOW)
    add_schedule(content, videos)
    assert content.rotation_schedules.count() == 20


def test_a_new_schedule_begins_with_its_first_video_and_keeps_the_contents_columns(
    content: ARContent, videos: list[Video]
) -> None:
    playback.choose(videos[0], now=NOW - HOUR)
    schedule = add_schedule(content, [videos[2], videos[1]], time_of_day=time(6))
    assert written(content)[0] == videos[2]
    assert (schedule.counts_from, schedule.current_index) == (NOW, 0)
    assert schedule.next_rotation_at == datetime(2026, 3, 21, 6, tzinfo=UTC)
    fresh = ARContent.objects.get()
    assert (fresh.video_rotation_enabled, fresh.video_rotation_type) == (True, "daily")
    assert fresh.plays_until == schedule.next_rotation_at
    playback.delete_schedule(schedule, now=NOW + DAY)
    fresh.refresh_from_db()
    assert (fresh.video_rotation_enabled, fresh.video_rotation_type) == (False, "")


def test_what_a_schedule_has_put_on_stays_when_it_is_deleted_or_switched_off(
    content: ARContent, videos: list[Video]
) -> None:
    playback.choose(videos[0], now=NOW - HOUR)
    schedule = add_schedule(content, videos[1:])
    # Nobody has written down the turn of the night.
    schedule.is_active = False
    playback.save_schedule(schedule, sequence=None, now=NOW + DAY)
    assert written(content)[0] == plays(content, NOW + 9 * DAY) == videos[2]
    assert (schedule.current_index, schedule.next_rotation_at) == (1, None)
    schedule.is_active = True
    playback.save_schedule(schedule, sequence=None, now=NOW + 9 * DAY)
    assert (schedule.current_index, schedule.counts_from) == (1, NOW + 9 * DAY)
    playback.delete_schedule(schedule, now=NOW + 10 * DAY)
    assert written(content)[0] == plays(content, NOW + 20 * DAY) == videos[1]


def test_another_sequence_or_time_leaves_the_turn_to_who_has_it(
    content: ARContent, videos: list[Video]
) -> None:
    schedule = add_schedule(content, videos)
    playback.save_schedule(
        schedule, sequence=[videos[2].pk, videos[0].pk, videos[1].pk], now=NOW + DAY
    )
    assert (schedule.current_index, schedule.counts_from) == (2, NOW + DAY)
    assert written(content)[0] == videos[1]
    schedule.time_of_day = time(18)
    playback.save_schedule(schedule, sequence=None, now=NOW + DAY + HOUR)
    assert (schedule.current_index, schedule.counts_from) == (2, NOW + DAY + HOUR)
    assert schedule.next_rotation_at == datetime(2026, 3, 21, 18, tzinfo=UTC)
    before = schedule.counts_from
    playback.save_schedule(schedule, sequence=None, now=NOW + DAY + 2 * HOUR)
    assert schedule.counts_from == before
    playback.save_schedule(schedule, sequence=[], now=NOW + DAY + 3 * HOUR)
    assert (schedule.current_index, schedule.items.count()) == (1, 0)
    playback.save_schedule(schedule, sequence=[videos[2].pk], now=NOW + DAY + 4 * HOUR)
    assert (schedule.current_index, written(content)[0]) == (0, videos[2])


def test_a_deleted_video_leaves_the_turn_to_who_has_it(
    content: ARContent, videos: list[Video]
) -> None:
    schedule = add_schedule(content, videos)
    playback.make_way(videos[0], now=NOW + DAY)
    videos[0].delete()
    playback.settle(content, now=NOW + DAY)
    schedule.refresh_from_db()
    assert (schedule.current_index, written(content)[0]) == (0, videos[1])
    playback.make_way(videos[1], now=NOW + DAY)
    videos[1].delete()
    playback.settle(content, now=NOW + DAY)
    assert written(content)[0] == videos[2]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"rotation_type": "cron", "cron_expression": "61 * * * *"}, "cron_expression"),
        ({"rotation_type": "cron"}, "cron_expression"),
        ({"rotation_type": "random", "cron_expression": "0 0 30 2 *"}, "cron_expression"),
        ({"rotation_type": "sometimes"}, "rotation_type"),
        ({"rotation_type": "weekly", "day_of_week": 8}, "day_of_week"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_and_nothing_changed(
    content: ARContent, videos: list[Video], fields: dict[str, Any], field: str
) -> None:
    before = state(content)
    with pytest.raises(ValidationError) as refused:
        add_schedule(content, videos, **fields)
    assert list(refused.value.message_dict) == [field]
    assert state(content) == before


def test_a_video_of_another_content_is_refused(content: ARContent, videos: list[Video]) -> None:
    foreign = VideoFactory.create(ar_content__project=content.project)
    with pytest.raises(ValidationError) as refused:
        add_schedule(content, [videos[0], foreign])
    assert list(refused.value.message_dict) == ["video_sequence"]
    assert not VideoRotationSchedule.objects.exists()


def test_each_view_takes_the_next_and_a_choice_of_staff_lasts_until_the_next_view(
    content: ARContent, videos: list[Video]
) -> None:
    add_schedule(content, videos, rotation_type="sequence")
    assert plays(content, NOW) == videos[0]
    playback.count_view(content.pk, now=NOW)
    assert plays(content, NOW) == videos[1]
    # One write a minute, for however many views.
    playback.count_view(content.pk, now=NOW)
    assert [playback.rotate_due(now=NOW), playback.rotate_due(now=NOW + DAY)] == [1, 0]
    assert written(content)[0] == videos[2]
    playback.choose(videos[1], now=NOW + DAY)
    assert plays(content, NOW + DAY) == videos[1]
    playback.count_view(content.pk, now=NOW + 2 * DAY)
    assert plays(content, NOW + 2 * DAY) == videos[0]


def test_all_videos_are_the_sequence_of_a_schedule_without_one(
    content: ARContent, videos: list[Video]
) -> None:
    add_schedule(content, [], rotation_type="sequence")
    unfinished = VideoFactory.create(ar_content=content, video="")
    assert unfinished in content.videos.all()
    for expected in (videos[1], videos[2], videos[0]):
        playback.count_view(content.pk, now=NOW)
        assert plays(content, NOW) == expected
    Video.objects.all().delete()
    playback.count_view(content.pk, now=NOW)
    assert plays(content, NOW) is None
