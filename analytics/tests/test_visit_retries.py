"""The same event may arrive any number of times: one row, one view."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import IntegrityError, connections, transaction
from django.test import Client
from django.utils import timezone

from analytics.models import ARViewSession
from analytics.partitions import Month, is_partitioned
from analytics.recording import CHANGES_FOR
from analytics.tests.conftest import START, Post
from companies.models import Project
from content.models import ARContent
from content.tests.factories import ARContentFactory


@pytest.mark.django_db
class TestRetriesInARow:
    def test_a_repeated_event_answers_the_same_and_counts_once(
        self, post: Post, start: dict[str, Any]
    ) -> None:
        answers = {
            (response.status_code, response.content) for _ in range(20) if (response := post(start))
        }
        assert answers == {(200, b'{"status": "tracked"}')}
        assert ARViewSession.objects.count() == 1

    def test_a_later_event_adds_quality_and_that_the_video_played(
        self, post: Post, start: dict[str, Any]
    ) -> None:
        post(start)
        post(start | {"tracking_quality": "fair"})
        post(start | {"video_played": True})
        row = ARViewSession.objects.get()
        assert (row.tracking_quality, row.video_played) == ("fair", True)

    def test_a_later_event_takes_nothing_back(self, post: Post, start: dict[str, Any]) -> None:
        told = {"tracking_quality": "good", "video_played": True, "browser": "First 1"}
        post(start | told)
        post(start | {"video_played": False, "tracking_quality": "", "browser": "Second 2"})
        row = ARViewSession.objects.get()
        assert (row.tracking_quality, row.video_played, row.browser) == ("good", True, "First 1")

    def test_a_content_that_expired_meanwhile_still_takes_the_news_of_its_visit(
        self, post: Post, start: dict[str, Any]
    ) -> None:
        post(start)
        ARContent.objects.update(is_active=False)
        assert post(start | {"video_played": True}).status_code == 200
        assert ARViewSession.objects.get().video_played

    @pytest.mark.parametrize("hours", [5, 30, 40 * 24])
    def test_one_that_comes_again_much_later_is_tracked_and_changes_nothing(
        self, post: Post, start: dict[str, Any], hours: int
    ) -> None:
        post(start)
        began = timezone.now() - timedelta(hours=hours, seconds=1)
        if is_partitioned():
            # In the same month, whatever the day: its own key refuses a second row.
            began = max(began, Month.of(timezone.now()).begins)
        ARViewSession.objects.update(created_at=began)
        assert post(start | {"video_played": True, "tracking_quality": "good"}).status_code == 200
        row = ARViewSession.objects.get()
        if began < timezone.now() - CHANGES_FOR:
            assert (row.created_at, row.video_played, row.tracking_quality) == (began, False, "")

    def test_one_session_may_see_two_contents(
        self, post: Post, start: dict[str, Any], project: Project
    ) -> None:
        other = ARContentFactory.create(project=project)
        post(start)
        post(start | {"ar_content_unique_id": str(other.unique_id)})
        assert ARViewSession.objects.count() == 2

    def test_a_session_id_of_somebody_else_changes_nothing_of_theirs(
        self, post: Post, start: dict[str, Any], foreign_content: ARContent
    ) -> None:
        post(start)
        other = {"ar_content_unique_id": str(foreign_content.unique_id), "video_played": True}
        post(start | other)
        assert not ARViewSession.objects.exclude(ar_content=foreign_content).get().video_played

    def test_the_database_itself_refuses_a_second_row(
        self, post: Post, start: dict[str, Any]
    ) -> None:
        post(start)
        row = ARViewSession.objects.get()
        row.pk = None
        with pytest.raises(IntegrityError), transaction.atomic():
            row.save(force_insert=True)


@pytest.mark.django_db(transaction=True)
def test_twenty_parallel_retries_are_one_row(content: ARContent) -> None:
    barrier = Barrier(20)
    session_id = str(uuid.uuid4())

    def send(number: int) -> int:
        event = {
            "session_id": session_id,
            "ar_content_unique_id": str(content.unique_id),
            # One of the racers has news: it must not get lost, whoever wins.
            "video_played": number == 7,
        }
        barrier.wait(timeout=30)
        try:
            return Client().post(START, json.dumps(event), "application/json").status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as threads:
        assert set(threads.map(send, range(20))) == {200}
    assert ARViewSession.objects.get().video_played


@pytest.mark.django_db(transaction=True)
def test_twenty_parallel_visitors_are_twenty_rows(content: ARContent) -> None:
    barrier = Barrier(20)

    def send(_number: int) -> int:
        event = {"session_id": str(uuid.uuid4()), "ar_content_id": content.pk}
        barrier.wait(timeout=30)
        try:
            return Client().post(START, json.dumps(event), "application/json").status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as threads:
        assert set(threads.map(send, range(20))) == {200}
    assert ARViewSession.objects.count() == 20
