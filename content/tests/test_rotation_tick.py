"""The tick that writes down what plays: late, twice, at once, and past a row that is broken."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from companies.models import Company, Project
from companies.tests.factories import ProjectFactory
from companies.tests.parallel import in_parallel
from content import playback, tasks
from content.models import ARContent, Video, VideoRotationSchedule
from content.tests.factories import ARContentFactory, VideoFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
KINDS: list[dict[str, Any]] = [
    {"rotation_type": "daily"},
    {"rotation_type": "weekly", "day_of_week": 3},
    {"rotation_type": "monthly", "day_of_month": 31},
    {"rotation_type": "cron", "cron_expression": "*/45 6-20 * * *"},
    {"rotation_type": "random"},
]


def add(project: Project, **fields: Any) -> VideoRotationSchedule:
    """A content whose three videos take turns from NOW on."""
    videos = VideoFactory.create_batch(3, ar_content=ARContentFactory.create(project=project))
    schedule = VideoRotationSchedule(ar_content=videos[0].ar_content, **fields)
    playback.save_schedule(schedule, sequence=[video.pk for video in videos], now=NOW)
    return schedule


def state() -> list[Any]:
    """Everything that a tick writes."""
    return [
        list(model._default_manager.order_by("pk").values())
        for model in (ARContent, Video, VideoRotationSchedule)
    ]


def written(schedule: VideoRotationSchedule) -> tuple[int, Video | None, datetime | None]:
    fresh = VideoRotationSchedule.objects.select_related("ar_content").get(pk=schedule.pk)
    return fresh.current_index, fresh.ar_content.active_video, fresh.next_rotation_at


@pytest.mark.parametrize("days", [1 / 24, 1, 6, 40])
def test_a_tick_that_was_away_lands_where_one_that_never_was_does(
    project: Project, days: float
) -> None:
    for kind in KINDS:
        add(project, **kind)
    end = NOW + timedelta(days=days)
    with transaction.atomic():
        at = NOW
        while at < end:
            at = min(at + timedelta(minutes=30 if days < 2 else 720), end)
            playback.rotate_all_due(now=at)
        stepped = state()
        transaction.set_rollback(True)
    assert playback.rotate_due(now=end) > 0
    assert state() == stepped
    assert playback.rotate_due(now=end) == 0


def test_a_second_beat_and_a_clock_set_back_change_nothing(project: Project) -> None:
    schedule = add(project, rotation_type="daily")
    assert playback.rotate_due(now=NOW + 2 * DAY) == 1
    after = state()
    for at in (NOW + 2 * DAY, NOW + DAY, NOW - 9 * DAY, NOW + 2 * DAY + HOUR):
        assert playback.rotate_due(now=at) == 0
    assert state() == after
    index, _video, next_at = written(schedule)
    assert (index, next_at) == (2, datetime(2026, 3, 23, tzinfo=UTC))
    # Nor does a colleague who saves something meanwhile count a day again.
    playback.settle(schedule.ar_content, now=NOW + HOUR)
    playback.rotate_all_due(now=NOW + 2 * DAY)
    assert written(schedule)[0] == 2


def test_a_batch_costs_the_same_few_queries_whatever_its_size(project: Project) -> None:
    counts = []
    for size in (2, 20):
        for number in range(size):
            add(project, **KINDS[number % 2 * 4])
        with CaptureQueriesContext(connection) as queries:
            assert playback.rotate_due(now=NOW + DAY) == size
        counts.append(len(queries))
    assert counts[0] == counts[1] < 12


def test_batches_follow_until_nothing_is_due(project: Project) -> None:
    schedules = [add(project, rotation_type="daily") for _number in range(5)]
    assert [playback.rotate_due(now=NOW + DAY, limit=2) for _batch in range(4)] == [2, 2, 1, 0]
    assert {written(schedule)[0] for schedule in schedules} == {1}
    assert playback.rotate_all_due(now=NOW + 2 * DAY) == 5


def test_a_broken_row_is_put_off_and_is_in_nobodys_way(
    project: Project, stranger_company: Company, caplog: pytest.LogCaptureFixture
) -> None:
    unreadable = add(project, rotation_type="cron", cron_expression="0 0 * * *")
    VideoRotationSchedule.objects.filter(pk=unreadable.pk).update(cron_expression="nonsense")
    nowhere = add(ProjectFactory.create(company=stranger_company), rotation_type="daily")
    Company.objects.filter(pk=stranger_company.pk).update(time_zone="Mars/Olympus_Mons")
    sound = add(project, rotation_type="daily")
    assert playback.rotate_due(now=NOW + DAY) == 3
    assert written(sound)[0] == 1
    assert {one.msg for one in caplog.records} == {"rotation_rule_unreadable", "rotation_put_off"}
    for schedule in (unreadable, nowhere):
        assert (written(schedule)[0], written(schedule)[2]) == (0, NOW + DAY + HOUR)
    assert playback.rotate_due(now=NOW + DAY) == 0
    # Once mended, it goes on as if nothing had been.
    Company.objects.filter(pk=stranger_company.pk).update(time_zone="UTC")
    VideoRotationSchedule.objects.filter(pk=unreadable.pk).update(cron_expression="0 0 * * *")
    assert playback.rotate_due(now=NOW + 2 * DAY) == 3
    assert {written(one)[0] for one in (unreadable, nowhere, sound)} == {2}


def test_the_task_of_the_tick_goes_by_the_clock(project: Project) -> None:
    schedule = add(project, rotation_type="daily")
    assert tasks.rotate_videos() == 1
    assert written(schedule)[2] is not None
    assert tasks.rotate_videos() == 0


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_beats_at_once_take_each_content_once(project: Project) -> None:
    schedules = [add(project, **KINDS[number % len(KINDS)]) for number in range(60)]
    end = NOW + 40 * DAY
    before = {schedule.pk: written(schedule)[0] for schedule in schedules}

    def beat() -> int:
        total = 0
        while count := playback.rotate_due(now=end, limit=7):
            total += count
        return total

    counts = in_parallel([beat, beat, beat])
    assert sum(counts) == len(schedules)
    once = state()
    assert in_parallel([beat, beat]) == [0, 0]
    assert state() == once
    for schedule in schedules:
        index, video, next_at = written(schedule)
        assert next_at is not None
        assert next_at > end
        assert video
        if schedule.rotation_type == "daily":
            # Forty midnights.
            assert index == (before[schedule.pk] + 40) % 3


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_staff_visitors_and_beats_do_not_wait_for_each_other_in_a_circle(project: Project) -> None:
    schedules = [
        add(project, rotation_type=kind)
        for kind in ("daily", "sequence", "daily", "sequence")
        for _number in range(5)
    ]
    end = NOW + 3 * DAY

    def choose() -> None:
        for schedule in schedules:
            playback.choose(schedule.ar_content.videos.all()[1], now=end)

    def look() -> None:
        for schedule in reversed(schedules):
            playback.count_view(schedule.ar_content_id, now=end)

    def change() -> None:
        for schedule in schedules:
            playback.save_schedule(schedule, sequence=[], now=end)

    def beat() -> None:
        playback.rotate_all_due(now=end)

    results = in_parallel([choose, look, beat, change, beat])
    assert not [one for one in results if isinstance(one, Exception)]
    playback.rotate_all_due(now=end)
    for schedule in schedules:
        content = ARContent.objects.get(pk=schedule.ar_content_id)
        choice = playback.choice_for(content, end)
        assert choice
        assert content.active_video_id == choice.video_id
