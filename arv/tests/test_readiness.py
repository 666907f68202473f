"""Whether the platform can do its work, with each of its parts really taken away and given back."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
import throwaway_servers
from django.core.management import call_command
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from pytest_django.fixtures import Settings

from arv import health
from arv.tests.web_server import ROOT, url_of_test_database
from companies.provisioning import seed_defaults
from companies.tests.parallel import in_parallel

pytestmark = pytest.mark.django_db(transaction=True)
Ask = Callable[[], tuple[int, dict[str, Any]]]


@pytest.fixture
def ask(client: Client) -> Iterator[Ask]:
    """Readiness now, of a platform that has everything, in five seconds at most."""
    seed_defaults()
    PeriodicTask.objects.update(last_run_at=timezone.now())

    def answer() -> tuple[int, dict[str, Any]]:
        health.looks.forget()
        started = time.monotonic()
        response = client.get("/api/health/readiness")
        assert time.monotonic() - started < 5
        return response.status_code, response.json()

    yield answer
    health.looks.forget()


def assert_ready(ask: Ask) -> None:
    status, body = ask()
    assert (status, body["status"]) == (200, "ready"), body


def assert_failing(ask: Ask, part: str, *reasons: str) -> None:
    status, body = ask()
    assert (status, body["status"]) == (503, "not ready")
    assert part in body["failing"]
    found = body["checks"][part]
    assert found["status"] == "failed"
    assert found["reason"] in reasons


def test_a_platform_that_has_everything_is_ready_and_says_how_long_each_part_took(
    ask: Ask,
) -> None:
    status, body = ask()
    assert status == 200
    assert body["checks"].keys() == {"database", "broker", "storage", "migrations", "beat"}
    assert {check["status"] for check in body["checks"].values()} == {"ok"}
    assert all(check["duration_ms"] > 0 for check in body["checks"].values())
    assert "failing" not in body


def test_a_storage_that_cannot_be_written_to_is_named(ask: Ask, settings: Settings) -> None:
    assert_ready(ask)
    root = Path(settings.LOCAL_STORAGE_ROOT)
    away = root.rename(root.with_name("away"))
    # Whoever runs the tests may be allowed to write to every folder; to a file's inside nobody is.
    root.write_bytes(b"")
    reason = "a file could not be written, read back and deleted in the default storage"
    assert_failing(ask, "storage", reason)
    root.unlink()
    away.rename(root)
    assert_ready(ask)
    assert [path for path in root.rglob("*") if path.is_file()] == []


def test_a_pending_migration_is_named(ask: Ask) -> None:
    recorder = MigrationRecorder(connections["default"])
    last = recorder.migration_qs.filter(app="analytics").latest("pk")
    recorder.record_unapplied(last.app, last.name)
    try:
        assert_failing(ask, "migrations", "1 migrations are pending")
    finally:
        recorder.record_applied(last.app, last.name)
    assert_ready(ask)


def test_a_beat_that_has_died_is_named_until_it_sends_again(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(health, "BEAT_SILENCE", timedelta(seconds=3))
    every_second = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.update(interval=every_second, last_run_at=None)
    PeriodicTask.objects.update(date_changed=timezone.now() - timedelta(hours=1))
    assert_failing(ask, "beat", "beat has sent no periodic task for more than 0.05 minutes")
    beat = start_beat(tmp_path)
    try:
        wait_until(lambda: ask()[0] == 200, seconds=30)
    finally:
        beat.kill()
        beat.wait()
    time.sleep(3.5)
    assert_failing(ask, "beat", "beat has sent no periodic task for more than 0.05 minutes")


def start_beat(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "arv", "beat", "--pidfile", ""],
        cwd=ROOT,
        env={
            **os.environ,
            "DATABASE_URL": url_of_test_database(),
            "REDIS_URL": "",
            "VAR_DIR": str(folder / "beat"),
        },
    )


def wait_until(is_so: Callable[[], bool], *, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.2)


def test_a_broker_that_hangs_or_is_gone_is_named(ask: Ask, settings: Settings) -> None:
    with throwaway_servers.valkey() as url:
        settings.REDIS_URL = url
        client = redis.Redis.from_url(url)
        process = client.info("server")["process_id"]
        assert_ready(ask)
        os.kill(process, signal.SIGSTOP)
        try:
            reasons = ("the broker does not answer", "no answer within 3 s")
            assert_failing(ask, "broker", *reasons)
        finally:
            os.kill(process, signal.SIGCONT)
        wait_until(lambda: ask()[0] == 200, seconds=10)
        client.shutdown(nosave=True)
        assert_failing(ask, "broker", "the broker does not answer")


def test_the_folder_of_an_embedded_broker_must_be_there(
    ask: Ask, settings: Settings, tmp_path: Path
) -> None:
    settings.REDIS_URL = ""
    folder = tmp_path / "queue"
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = {"data_folder_out": str(folder)}
    assert_failing(ask, "broker", "the broker's folder cannot be written to")
    folder.mkdir()
    assert_ready(ask)
    assert list(folder.iterdir()) == []


@pytest.mark.postgres
def test_a_database_that_hangs_or_is_gone_is_named(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with throwaway_servers.postgresql() as url:
        lead_new_connections_to(url, monkeypatch)
        assert in_parallel([fill_database]) == [None]
        with psycopg.connect(url) as connected:
            folder = connected.execute("SHOW data_directory").fetchone()
        assert folder
        process = int((Path(folder[0]) / "postmaster.pid").read_text().split()[0])
        assert_ready(ask)
        os.kill(process, signal.SIGSTOP)
        try:
            assert_failing(ask, "database", "no answer within 3 s", "the database does not answer")
        finally:
            os.kill(process, signal.SIGCONT)
        wait_until(lambda: ask()[0] == 200, seconds=10)
    status, body = ask()
    assert status == 503
    assert {"database", "migrations", "beat"} <= set(body["failing"])
    assert body["checks"]["database"]["reason"] == "the database does not answer"
    monkeypatch.undo()
    assert_ready(ask)


def lead_new_connections_to(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of other threads; this one keeps its own."""
    parts = psycopg.conninfo.conninfo_to_dict(url)
    names = {"HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password"}
    for name, part in (names | {"NAME": "dbname"}).items():
        monkeypatch.setitem(connections.settings["default"], name, parts[part])


def fill_database() -> None:
    """With what readiness looks at; of the other tables it only asks for the migrations."""
    for label in ("companies", "django_celery_beat"):
        call_command("migrate", label, verbosity=0)
    call_command("migrate", fake=True, verbosity=0)
    seed_defaults()
