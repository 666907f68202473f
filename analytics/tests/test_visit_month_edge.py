"""On PostgreSQL each month has its own unique key: a visit at midnight is one row all the same."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.db import connections
from django.utils import timezone

from analytics.models import ARViewSession
from analytics.partitions import is_partitioned
from analytics.recording import Progress, Visit, record_end, record_progress, record_visit
from analytics.tests.conftest import StatementsTold
from content.models import ARContent
from content.tests.factories import ARContentFactory, PortraitFactory

SECOND = timedelta(seconds=1)


def visit_of(*public_ids: uuid.UUID) -> Visit:
    return Visit(
        session_id=uuid.uuid4(),
        public_ids=public_ids,
        content_id=None,
        user_agent="",
        device_type="mobile",
        browser="",
        os="",
        tracking_quality="",
        video_played=False,
        ip_address=None,
    )


@pytest.fixture
def midnight() -> datetime:
    """The first instant of next month, which has a partition already."""
    now = timezone.now().astimezone(UTC)
    return datetime(now.year + now.month // 12, now.month % 12 + 1, 1, tzinfo=UTC)


@pytest.mark.django_db
@pytest.mark.parametrize("minutes", [0, 30, 4 * 60 + 59])
def test_a_retry_after_midnight_finds_the_visit_of_before(
    content: ARContent, midnight: datetime, minutes: int
) -> None:
    visit = visit_of(content.unique_id)
    assert record_visit(visit, now=midnight - SECOND) == "new"
    later = midnight + timedelta(minutes=minutes)
    told = visit._replace(video_played=True)
    assert record_visit(told, now=later - SECOND) == "repeated"
    record_progress(visit.session_id, Progress(found_ms=5), public_id=None, now=later - SECOND)
    record_end(visit.session_id, duration_seconds=0, public_id=None, now=later - SECOND)
    row = ARViewSession.objects.get()
    assert (row.video_played, row.found_ms, row.duration_seconds) == (True, 5, 0)


@pytest.mark.django_db
@pytest.mark.parametrize(("ago", "later"), [(1, 5), (1, 23), (20, 3), (9, 14)])
def test_so_does_one_that_comes_a_night_later_and_changes_nothing(
    content: ARContent, midnight: datetime, ago: int, later: int
) -> None:
    visit = visit_of(content.unique_id)
    began = midnight - timedelta(hours=ago) + SECOND
    assert record_visit(visit, now=began) == "new"
    told = visit._replace(video_played=True)
    assert record_visit(told, now=midnight + timedelta(hours=later)) == "repeated"
    row = ARViewSession.objects.get()
    assert (row.created_at, row.video_played) == (began, False)


@pytest.mark.django_db
def test_within_a_month_a_repeated_visit_is_known_however_old(
    content: ARContent, midnight: datetime
) -> None:
    portrait = PortraitFactory.create(company=content.company)
    ARContentFactory.create(project=content.project, portrait=portrait, image="")
    for visit in (visit_of(content.unique_id), visit_of(portrait.unique_id)):
        assert record_visit(visit, now=midnight) == "new"
        told = visit._replace(tracking_quality="good", video_played=True)
        for hours in (6, 23, 30, 27 * 24):
            assert record_visit(told, now=midnight + timedelta(hours=hours)) == "repeated"
    rows = ARViewSession.objects.values_list("created_at", "video_played", "tracking_quality")
    assert list(rows) == [(midnight, False, "")] * 2


@pytest.mark.django_db
def test_the_first_day_of_a_month_costs_one_look_more_and_its_first_hours_a_lock(
    content: ARContent, midnight: datetime, statements_told: StatementsTold
) -> None:
    def statements(now: datetime) -> int:
        visit = visit_of(content.unique_id)
        with statements_told() as texts:
            assert record_visit(visit, now=now) == "new"
        return len([text for text in texts if "SAVEPOINT" not in text])

    hours = [statements(midnight + timedelta(hours=hours)) for hours in (1, 6, 23, 25, 300)]
    assert hours == ([3, 2, 2, 1, 1] if is_partitioned() else [1] * 5)


@pytest.mark.django_db
def test_a_server_whose_clock_is_behind_finds_it_too(
    content: ARContent, midnight: datetime
) -> None:
    visit = visit_of(content.unique_id)
    assert record_visit(visit, now=midnight + SECOND) == "new"
    assert record_visit(visit, now=midnight - SECOND) == "repeated"
    assert ARViewSession.objects.count() == 1


@pytest.mark.django_db
def test_a_portraits_visit_stays_with_its_content_across_midnight(
    content: ARContent, midnight: datetime
) -> None:
    portrait = PortraitFactory.create(company=content.company)
    older = ARContentFactory.create(project=content.project, portrait=portrait, image="")
    visit = visit_of(portrait.unique_id)
    assert record_visit(visit, now=midnight - SECOND) == "new"
    ARContentFactory.create(project=content.project, portrait=portrait, image="")
    assert record_visit(visit, now=midnight + SECOND) == "repeated"
    assert ARViewSession.objects.get().ar_content == older


@pytest.mark.django_db(transaction=True)
def test_racers_on_both_sides_of_midnight_are_one_row(
    content: ARContent, midnight: datetime
) -> None:
    visit, barrier = visit_of(content.unique_id), Barrier(20)

    def send(number: int) -> str:
        barrier.wait(timeout=30)
        try:
            return record_visit(visit, now=midnight + (SECOND if number % 2 else -SECOND))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as threads:
        outcomes = sorted(threads.map(send, range(20)))
    assert outcomes == ["new"] + ["repeated"] * 19
    assert ARViewSession.objects.count() == 1
