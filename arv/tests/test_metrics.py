"""What /metrics says, to whom, and out of how many processes."""

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django.fixtures import Settings

from analytics.models import ARViewSession, RollUp
from arv import health, metrics, monitoring
from arv.tests.conftest import Lines
from arv.tests.web_server import fetch, web_server
from companies.models import Company
from content.models import ARContent, Delivery, Notification, NotificationType, VideoStatus
from content.tests.factories import ARContentFactory, VideoFactory

KEY = "the-key-of-the-tests"
Ask = Callable[[], dict[tuple[str, tuple[str, ...]], float]]


@pytest.fixture
def ask(client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """The figures by name and the values of their labels, in the order of the labels' names."""
    settings.METRICS_KEY = KEY
    # Its threads would not see what this test has not committed; it has tests of its own.
    found = health.Finding("", 0.001)
    ready = health.Report(timezone.now(), dict.fromkeys(health.PARTS, found))
    monkeypatch.setattr(health.looks, "report", lambda: ready)

    def figures() -> dict[tuple[str, tuple[str, ...]], float]:
        monitoring.rows.forget()
        response = client.get("/metrics", headers={"Authorization": f"Bearer {KEY}"})
        assert response.status_code == 200
        return parsed(response.content.decode())

    return figures


def parsed(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.parametrize(
    ("setting", "header", "status"),
    [
        ("", "Bearer ", 404),
        ("", "Bearer x", 404),
        (KEY, "", 401),
        (KEY, "Bearer", 401),
        (KEY, "Bearer wröng", 401),
        (KEY, f"Basic {KEY}", 401),
        (KEY, f"Bearer {KEY}x", 401),
    ],
)
def test_without_the_key_there_is_nothing_to_see(
    client: Client, settings: Settings, setting: str, header: str, status: int
) -> None:
    settings.METRICS_KEY = setting
    response = client.get("/metrics", headers={"Authorization": header})
    assert response.status_code == status
    assert b"arv_" not in response.content


@pytest.mark.django_db
def test_requests_are_counted_by_view_and_class_of_status(ask: Ask, client: Client) -> None:
    before = ask()
    for _ in range(3):
        client.get("/api/health/status")
    for path in ("/nowhere/1", "/nowhere/2", "/wp-login.php"):
        client.get(path)
    client.post("/api/health/status")
    after = ask()
    grown = {
        labels: after[name, labels] - before.get((name, labels), 0)
        for name, labels in after
        if name == "arv_http_request_seconds_count"
    }
    assert grown["2xx", "health-status"] == 3
    assert grown["4xx", "health-status"] == 1
    assert grown["4xx", "none"] == 3
    assert grown["2xx", "metrics"] == 1


@pytest.mark.django_db
def test_visits_and_the_time_to_the_first_find_are_counted(ask: Ask) -> None:
    before = ask()
    for outcome in metrics.VISITS:
        metrics.visit_recorded(outcome)
    metrics.visit_recorded("new")
    metrics.first_found(1500)
    after = ask()
    visits = [
        after["arv_visits_total", (outcome,)] - before["arv_visits_total", (outcome,)]
        for outcome in metrics.VISITS
    ]
    assert visits == [2, 1, 1, 1]
    found = "arv_first_found_seconds"
    assert after[f"{found}_sum", ()] - before[f"{found}_sum", ()] == 1.5
    assert after[f"{found}_bucket", ("1.0",)] == before[f"{found}_bucket", ("1.0",)]
    assert after[f"{found}_bucket", ("2.0",)] == before[f"{found}_bucket", ("2.0",)] + 1


@pytest.mark.django_db
def test_the_rows_tell_what_waits_and_for_how_long(ask: Ask, company: Company) -> None:
    now = timezone.now()
    waiting, ready = (ARContentFactory.create(project__company=company) for _ in range(2))
    old = {"image": "1/company/portraits/x.jpg", "updated_at": now - timedelta(minutes=20)}
    ARContent.objects.filter(pk=waiting.pk).update(marker_status="pending", **old)
    ARContent.objects.filter(pk=ready.pk).update(marker_status="ready", **old)
    video = VideoFactory.create(ar_content=ready, status=VideoStatus.FAILED)
    type(video).objects.filter(pk=video.pk).update(original="1/company/videos/x.mp4")
    notice = Notification.objects.create(company=company, notification_type=NotificationType.TEST)
    for channel, minutes in (("email", 30), ("telegram", -30)):
        due = now - timedelta(minutes=minutes)
        Delivery.objects.create(notification=notice, channel=channel, due_at=due)
    Company.objects.update(storage_used_bytes=10 * 2**30, storage_quota_gb=11)

    figures = ask()
    assert figures["arv_jobs", ("markers", "pending")] == 1
    assert figures["arv_jobs", ("markers", "ready")] == 1
    assert figures["arv_jobs", ("videos", "failed")] == 1
    assert figures["arv_queue_waiting", ("markers",)] == 1
    assert 1200 <= figures["arv_queue_oldest_seconds", ("markers",)] < 1300
    assert figures["arv_queue_waiting", ("videos",)] == 0
    assert figures["arv_queue_oldest_seconds", ("videos",)] == 0
    assert figures["arv_queue_waiting", ("deliveries",)] == 1
    assert 1800 <= figures["arv_queue_oldest_seconds", ("deliveries",)] < 1900
    assert figures["arv_deliveries", ("waiting",)] == 2
    assert figures["arv_deliveries", ("sent",)] == 0
    assert figures["arv_storage_used_bytes", ()] == 10 * 2**30 * Company.objects.count()
    assert figures["arv_companies_nearly_full", ()] == Company.objects.count()
    assert figures["arv_broker_messages", ("default",)] >= 0
    assert 0 < figures["arv_disk_free_bytes", ("var",)] < figures["arv_disk_size_bytes", ("var",)]
    assert {of: value for (name, of), value in figures.items() if name == "arv_figures_known"} == {
        (of,): 1 for of in monitoring.ROWS | monitoring.REST
    }


@pytest.mark.django_db
def test_roll_ups_that_are_late_are_counted_in_days(
    ask: Ask, company: Company, stranger_company: Company
) -> None:
    now = timezone.now()
    assert ask()["arv_roll_ups_late_days", ()] == 0
    ARViewSession.objects.create(
        company=stranger_company,
        session_id="6f1ed002-ab5c-4f0e-8a0a-2d9d0e7f6a11",
        created_at=now - timedelta(days=3),
    )
    assert ask()["arv_roll_ups_late_days", ()] == 3
    for one in (company, stranger_company):
        RollUp.objects.create(
            company=one, time_zone="UTC", built_until=now.date(), shared_until=now
        )
    assert ask()["arv_roll_ups_late_days", ()] == 0
    RollUp.objects.filter(company=company).update(built_until=now.date() - timedelta(days=5))
    assert ask()["arv_roll_ups_late_days", ()] == 5


@pytest.mark.django_db
def test_the_rows_are_asked_by_a_fixed_number_of_queries_and_once_in_a_while(
    ask: Ask, company: Company, client: Client
) -> None:
    ask()
    with CaptureQueriesContext(
        connection,
    ) as few:
        ask()
    for _ in range(3):
        VideoFactory.create(ar_content__project__company=company)
    with CaptureQueriesContext(connection) as many:
        ask()
    assert len(few) == len(many) < 40
    with CaptureQueriesContext(connection) as none:
        client.get("/metrics", headers={"Authorization": f"Bearer {KEY}"})
    assert len(none) == 0


@pytest.mark.django_db
def test_figures_that_cannot_be_asked_for_do_not_take_the_others_along(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(now: Any) -> monitoring.Figures:
        raise DatabaseError("canceling statement due to statement timeout")

    monkeypatch.setitem(monitoring.ROWS, "jobs", fail)
    figures = ask()
    assert figures["arv_figures_known", ("jobs",)] == 0
    assert figures["arv_figures_known", ("deliveries",)] == 1
    assert ("arv_jobs", ("markers", "ready")) not in figures
    assert figures["arv_deliveries", ("sent",)] == 0


@pytest.mark.django_db
def test_all_questions_together_have_one_deadline(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    def slow(now: Any) -> monitoring.Figures:
        yield from monitoring.deliveries(now)
        if connection.vendor == "postgresql":
            # One statement would take far too long, and PostgreSQL ends it.
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(60)")
        time.sleep(monitoring.MOST_SECONDS)
        yield from monitoring.storage(now)

    monkeypatch.setattr(monitoring, "MOST_SECONDS", 1.0)
    monkeypatch.setitem(monitoring.ROWS, "deliveries", slow)
    began = time.monotonic()
    figures = ask()
    assert time.monotonic() - began < 10
    known = {of: value for (name, of), value in figures.items() if name == "arv_figures_known"}
    # What was asked before is known, what would have come after is not even begun.
    assert {of for (of,), value in known.items() if value} == {"jobs"}
    assert len(known) == len(monitoring.ROWS | monitoring.REST)
    assert ("arv_companies", ()) not in figures
    skipped = [line for line in lines() if line["event"] == "figures_not_known"]
    assert [line["of"] for line in skipped][1:] == ["roll_ups", "storage", "disk", "broker"]
    assert all("No time is left" in line["exception"] for line in skipped[1:])


@pytest.mark.once
def test_every_process_answers_for_all_of_them(tmp_path: Path) -> None:
    with web_server(tmp_path, key=KEY, WEB_CONCURRENCY="3") as address:
        for _ in range(60):
            # A connection each, so that all processes get some.
            fetch(f"{address}/api/health/status")
        counted = [
            parsed(fetch(f"{address}/metrics", key=KEY))[
                "arv_http_request_seconds_count", ("2xx", "health-status")
            ]
            for _ in range(6)
        ]
        (folder,) = tmp_path.glob("arv-metrics-*")
        assert len(list(folder.glob("histogram_*.db"))) >= 2
    assert counted == [60] * 6
    assert list(tmp_path.glob("arv-metrics-*")) == []
