"""Limits of a client and of a content: one round trip to Redis at most, seldom even that."""

import json
import random
import uuid
from typing import Any

import pytest
from django.core.cache import cache
from pytest_django.fixtures import Settings

from analytics.models import ARViewSession
from analytics.tests.conftest import START, Post
from arv.lib import rate_limit
from arv.lib.rate_limit import Limit, LooseLimits
from companies.models import Project
from content.models import ARContent
from content.tests.factories import ARContentFactory

NOW = 1_800_000_010.0


def visit_of(content: ARContent) -> dict[str, str]:
    return {"session_id": str(uuid.uuid4()), "ar_content_unique_id": str(content.unique_id)}


@pytest.mark.django_db
def test_a_content_takes_so_many_events_from_wherever_and_its_neighbour_goes_on(
    post: Post,
    content: ARContent,
    project: Project,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("time.time", lambda: NOW)
    settings.EVENTS_PER_CONTENT_PER_MINUTE = 5
    networks = random.SystemRandom().sample(range(256), 9)
    answers = [
        post(visit_of(content), REMOTE_ADDR=f"10.77.{network}.1") for network in networks[:7]
    ]
    assert [one.status_code for one in answers] == [200] * 5 + [429] * 2
    assert answers[-1].headers["Retry-After"] == "50"
    other = visit_of(ARContentFactory.create(project=project))
    assert post(other, REMOTE_ADDR=f"10.77.{networks[7]}.1").status_code == 200
    # What names no content is its client's alone.
    end = f"{START}/{other['session_id']}/end"
    assert (
        post({"duration_seconds": 1}, end, REMOTE_ADDR=f"10.77.{networks[8]}.1").status_code == 200
    )


@pytest.mark.django_db
def test_one_client_that_floods_a_content_shuts_it_to_nobody_else(
    post: Post, content: ARContent, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: NOW)
    settings.PUBLIC_REQUESTS_PER_MINUTE = 3
    settings.EVENTS_PER_CONTENT_PER_MINUTE = 5
    flooding, other = random.SystemRandom().sample(range(256), 2)
    flood = [post(visit_of(content), REMOTE_ADDR=f"10.79.{flooding}.1") for _ in range(20)]
    assert [one.status_code for one in flood] == [200] * 3 + [429] * 17
    assert post(visit_of(content), REMOTE_ADDR=f"10.79.{other}.1").status_code == 200
    assert ARViewSession.objects.count() == 4


@pytest.mark.django_db
def test_a_malformed_event_counts_against_its_client(
    post: Post, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: NOW)
    settings.PUBLIC_REQUESTS_PER_MINUTE = 3
    address = f"10.78.{random.SystemRandom().randrange(256)}.1"
    statuses = [post(b"{", REMOTE_ADDR=address).status_code for _ in range(5)]
    assert statuses == [400, 400, 400, 429, 429]
    assert not ARViewSession.objects.exists()


class TestProcesses:
    """Each of them counts for itself, and tells the others now and then."""

    def test_together_they_let_a_limit_pass_and_little_more(self) -> None:
        key, most = str(uuid.uuid4()), 1000
        processes = [LooseLimits() for _ in range(4)]
        passed = sum(
            processes[number % 4].seconds_to_wait([Limit(key, most)], now=NOW) == 0
            for number in range(3000)
        )
        assert most <= passed <= most * 1.08

    def test_a_small_limit_is_exact(self) -> None:
        key = str(uuid.uuid4())
        processes = [LooseLimits() for _ in range(4)]
        waits = [processes[n % 4].seconds_to_wait([Limit(key, 20)], now=NOW) for n in range(40)]
        assert waits == [0] * 20 + [50] * 20

    def test_both_counters_share_a_trip_and_most_events_make_none(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        trips: list[int] = []
        add_up = rate_limit._add_up

        def note(news: Any, **options: Any) -> list[int]:
            trips.append(len(news))
            return add_up(news, **options)

        monkeypatch.setattr(rate_limit, "_add_up", note)
        limits = LooseLimits()
        pair = [Limit(f"client:{uuid.uuid4()}", 300), Limit(f"content:{uuid.uuid4()}", 300)]
        for _event in range(70):
            assert limits.seconds_to_wait(pair, now=NOW) == 0
        assert trips == [2] * 10

    def test_what_the_first_limit_refuses_uses_up_none_of_the_next(self) -> None:
        content, flood = Limit(str(uuid.uuid4()), 2000), Limit(str(uuid.uuid4()), 400)
        processes = [LooseLimits() for _ in range(4)]
        for number in range(8000):
            processes[number % 4].seconds_to_wait([flood, content], now=NOW)
        others = [
            process.seconds_to_wait([Limit(f"{flood.key}-{number}", 400), content], now=NOW)
            for process in processes
            for number in range(390)
        ]
        assert others.count(0) >= 4 * 390 - 8

    def test_the_next_window_begins_with_nothing(self) -> None:
        limits, limit = LooseLimits(), [Limit(str(uuid.uuid4()), 1)]
        assert [limits.seconds_to_wait(limit, now=at) for at in (NOW, NOW, NOW + 60)] == [0, 50, 0]

    def test_without_the_cache_each_keeps_the_limit_alone(self, settings: Settings) -> None:
        # Nothing listens on port 1.
        settings.CACHES = {
            "default": {
                "BACKEND": "django.core.cache.backends.redis.RedisCache",
                "LOCATION": "redis://127.0.0.1:1",
            }
        }
        assert "RedisCache" in repr(cache._connections["default"])  # type: ignore[attr-defined]
        limits, limit = LooseLimits(), [Limit(str(uuid.uuid4()), 20)]
        waits = [limits.seconds_to_wait(limit, now=NOW) for _ in range(30)]
        assert waits == [0] * 20 + [50] * 10


@pytest.mark.django_db
def test_an_answer_that_refuses_says_so_in_json(post: Post) -> None:
    response = post({"session_id": "x"})
    assert response.headers["Content-Type"] == "application/json"
    assert json.loads(response.content)["code"] == "invalid"
