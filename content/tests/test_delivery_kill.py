"""A worker whose child dies in the middle of a delivery: the notice arrives all the same, once."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from arv.celery import app
from companies.models import Company
from content import notifications
from content.models import Delivery, NotificationType
from content.tests.outside import HANG, Outside, mail_server
from content.tests.test_bulk_kill import ROOT, database_url

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]
celery: Any = app
PATIENCE = 120


@contextlib.contextmanager
def broker_in(var: Path) -> Iterator[None]:
    """This process speaks to the broker that a worker with that VAR_DIR has."""
    conf = celery.conf
    before = conf.broker_url, conf.broker_transport_options
    queue, control = str(var / "broker" / "queue"), str(var / "broker" / "control")
    for folder in (queue, control):
        Path(folder).mkdir(parents=True)
    options = {"data_folder_in": queue, "data_folder_out": queue, "control_folder": control}

    def use(url: str, transport_options: dict[str, Any]) -> None:
        conf.broker_url, conf.broker_transport_options = url, transport_options
        celery.amqp._producer_pool = celery._pool = None

    use("folder://localhost", options)
    try:
        yield
    finally:
        use(*before)


@contextlib.contextmanager
def worker(var: Path, server: Outside) -> Iterator[subprocess.Popen[bytes]]:
    """A Celery worker with one child, on the database of this test."""
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "VAR_DIR": str(var),
        "REDIS_URL": "",
        "EMAIL_URL": f"smtp://{server.address[0]}:{server.address[1]}",
    }
    command = [sys.executable, "-m", "celery", "-A", "arv", "worker", "--concurrency", "1"]
    command += ["--without-gossip", "--without-mingle", "--loglevel", "warning"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def child_of(process: subprocess.Popen[bytes]) -> int:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return int(children.split()[-1])


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, "the worker is gone"
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_letter_whose_worker_was_killed_arrives_as_one(company: Company, tmp_path: Path) -> None:
    Company.objects.filter(pk=company.pk).update(contact_email="office@example.org")
    company.refresh_from_db()
    with (
        broker_in(tmp_path),
        mail_server(("END", HANG)) as server,
        worker(tmp_path, server) as process,
    ):
        notice = notifications.announce(NotificationType.TEST, company=company)
        assert notice
        rows = notice.deliveries.all()
        wait_for(server.hangs.is_set, process)
        os.kill(child_of(process), signal.SIGKILL)
        server.released.set()
        assert rows.filter(state="waiting", attempts=1, claimed_at__isnull=False).exists()
        assert notifications.deliver_due(now=timezone.now()) == 0, "its lease still runs"
        # As a minute later.
        Delivery.objects.update(claimed_at=timezone.now() - notifications.LEASE)
        assert notifications.deliver_due(now=timezone.now()) <= 1
        wait_for(lambda: rows.filter(state="sent").exists(), process)
        # The first had been taken; by its Message-ID the second one is known as the same.
        assert len(server.letters) == 2
        assert len(set(server.message_ids)) == 1
    assert rows.get().attempts == 2
    notice.refresh_from_db()
    assert (notice.email_sent, notice.email_error) == (True, "")
