"""On PostgreSQL each month has its own unique key: a visit at midnight is one row all the same."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.db import connections
from django.utils import timezone

from analytics.models import ARViewSession
from analytics.recording import Progress, Visit, record_end, record_progress, record_visit
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
    told = replace(visit, video_played=True)
    assert record_visit(told, now=later - SECOND) == "repeated"
    record_progress(visit.session_id, Progress(found_ms=5), public_id=None, now=later - SECOND)
    record_end(visit.session_id, duration_seconds=0, public_id=None, now=later - SECOND)
    row = ARViewSession.objects.get()
    assert (row.video_played, row.found_ms, row.duration_seconds) == (True, 5, 0)


@pytest.mark.django_db
def test_so_does_one_of_a_server_whose_clock_is_behind(
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
