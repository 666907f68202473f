"""What the log says of a request, and that a task's lines are found by its request's id."""

import re
import threading
from typing import Any

import pytest
from celery import current_app
from celery.contrib.testing.worker import start_worker
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from pytest_django.fixtures import Settings

from arv.logging import bind, current, unbind
from arv.tests.conftest import Lines
from arv.urls import handler404, handler500
from arv.urls import urlpatterns as every_url

__all__ = ["handler404", "handler500"]
ID = "a-request-id_01"


def fail(request: HttpRequest) -> HttpResponse:
    raise ValueError("it broke: password=very-secret-words")


urlpatterns = [*every_url, path("api/fail", fail, name="fail")]


def events(lines: Lines, name: str) -> list[dict[str, Any]]:
    return [line for line in lines() if line["event"] == name]


@pytest.mark.django_db
def test_a_request_is_told_of_at_its_start_and_its_end(client: Client, lines: Lines) -> None:
    response = client.get(
        "/account/login/?next=/secret-place",
        headers={"X-Request-ID": ID},
        REMOTE_ADDR="203.0.113.77",
    )
    assert response.headers["X-Request-ID"] == ID
    started, completed = (
        events(lines, "http_request_started"),
        events(lines, "http_request_completed"),
    )
    assert len(started) == len(completed) == 1
    same = {"method": "GET", "path": "/account/login/", "request_id": ID, "level": "info"}
    assert started[0].items() >= {**same, "client": "203.0.113.0"}.items()
    assert completed[0].items() >= {**same, "status_code": 200, "view": "account_login"}.items()
    assert 0 < completed[0]["duration_ms"] < 60_000
    assert not any("203.0.113.77" in str(line) or "secret-place" in str(line) for line in lines())
    assert current("request_id") is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("header", "told"),
    [({"DNT": "1"}, False), ({"Sec-GPC": "1"}, False), ({"DNT": "0", "Sec-GPC": "0"}, True)],
)
def test_of_who_does_not_want_to_be_tracked_not_even_the_network_is_told(
    client: Client, lines: Lines, header: dict[str, str], told: bool
) -> None:
    client.get("/account/login/", headers=header, REMOTE_ADDR="203.0.113.77")
    (started,) = events(lines, "http_request_started")
    assert ("client" in started) is told
    assert ("203.0.113" in str(lines())) is told


@pytest.mark.parametrize("given", ["", "short", "a" * 65, "with space", "<script>alert", "Ω" * 10])
def test_another_id_than_a_well_formed_one_is_replaced(client: Client, given: str) -> None:
    response = client.get("/api/health/status", headers={"X-Request-ID": given})
    assert re.fullmatch(r"[0-9a-f]{32}", response.headers["X-Request-ID"])


@pytest.mark.django_db
def test_of_the_many_requests_only_those_that_fail_are_told_of(
    client: Client, lines: Lines
) -> None:
    assert client.get("/api/health/status").status_code == 200
    assert lines() == []
    assert client.post("/api/v/visit", {}, content_type="application/json").status_code >= 400
    assert events(lines, "http_request_started") == []
    assert [line["level"] for line in events(lines, "http_request_completed")] == ["warning"]


@pytest.mark.urls(__name__)
def test_an_exception_is_told_of_with_its_traceback_and_without_secrets(
    client: Client, lines: Lines
) -> None:
    client.raise_request_exception = False
    assert client.get("/api/fail", headers={"X-Request-ID": ID}).status_code == 500
    (failed,) = events(lines, "http_request_failed")
    assert failed.items() >= {"method": "GET", "path": "/api/fail", "request_id": ID}.items()
    assert "ValueError: it broke: password=•••" in failed["exception"]
    (completed,) = events(lines, "http_request_completed")
    assert completed.items() >= {"status_code": 500, "level": "error"}.items()
    assert "very-secret" not in str(lines())


def test_machines_may_ask_for_the_health_by_any_name(client: Client, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["ar.example.org"]
    assert client.get("/api/health/status", headers={"host": "10.0.0.7:8000"}).status_code == 200
    assert client.get("/api/schema", headers={"host": "10.0.0.7:8000"}).status_code == 400


def test_a_task_carries_the_id_of_its_request() -> None:
    seen: list[str | None] = []
    done = threading.Event()

    @current_app.task(name="arv.tests.look_at_ids")
    def look_at_ids() -> None:
        seen.extend(current(name) for name in ("request_id", "task", "task_id"))
        done.set()

    # Whatever else waits in the broker is another test's.
    with start_worker(current_app, pool="solo", perform_ping_check=False, queues=["ids"]):
        bind(request_id=ID)
        look_at_ids.apply_async(queue="ids")
        unbind()
        assert done.wait(30)
    assert seen[:2] == [ID, "arv.tests.look_at_ids"]
    assert re.fullmatch(r"[0-9a-f-]{36}", seen[2] or "")
