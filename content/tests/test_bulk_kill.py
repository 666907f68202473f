"""A worker that dies, by its own hand or by the kernel's, and another that goes on after it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from companies.models import Project
from content import bulk
from content.models import ARContent, BulkImport, BulkStatus, RowStatus
from content.tests.test_bulk_import import assert_ledger_holds, errors, run, started
from content.tests.test_print_sheets import page_count
from content.tests.zips import pictures

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]
ROOT = Path(__file__).resolve().parents[2]
WORKER = """
import os, sys, django
django.setup()
from django.utils import timezone
from content import bulk
die_at = int(sys.argv[2])
made = 0
def created(content):
    global made
    made += 1
    if made == die_at:
        os._exit(9)
bulk.run(int(sys.argv[1]), now=timezone.now(), created=created)
"""


@pytest.fixture
def worker(settings: Settings) -> Iterator[Any]:
    """Starts `bulk.run` in a process of its own, on the database and the files of this test."""
    children: list[subprocess.Popen[bytes]] = []

    def start(bulk_import: BulkImport, *, die_at: int = 0) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "arv.settings",
            "DATABASE_URL": database_url(),
            "LOCAL_STORAGE_ROOT": str(settings.LOCAL_STORAGE_ROOT),
        }
        child = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(bulk_import.pk), str(die_at)],
            cwd=ROOT,
            env=environment,
        )
        children.append(child)
        return child

    yield start
    for child in children:
        child.kill()
        child.wait()


def database_url() -> str:
    used = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{used['NAME']}"
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    return f"{server}/{used['NAME']}"


def test_a_worker_that_dies_within_a_row_leaves_no_half_content(
    project: Project, worker: Any
) -> None:
    bulk_import = started(project.company, pictures(5), project=project)
    assert worker(bulk_import, die_at=3).wait(timeout=50) == 9
    assert ARContent.objects.count() == 2
    assert bulk_import.rows.filter(status=RowStatus.DONE).count() == 2
    assert_ledger_holds(project.company)
    assert not run(bulk_import), "its lease still runs"
    assert not run(bulk_import, later=bulk.LEASE + timedelta(seconds=5))
    assert ARContent.objects.count() == 5
    assert_ledger_holds(project.company)


def test_two_hundred_pictures_survive_a_kill_in_the_middle(project: Project, worker: Any) -> None:
    bulk_import = started(project.company, pictures(200), project=project)
    child = worker(bulk_import)
    until = time.monotonic() + 240
    while bulk_import.rows.filter(status=RowStatus.DONE).count() < 60:
        assert child.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    made = ARContent.objects.count()
    assert 60 <= made < 200
    assert made == bulk_import.rows.filter(status=RowStatus.DONE).count()
    assert_ledger_holds(project.company)

    sweep_at = timezone.now() + bulk.LEASE + timedelta(seconds=5)
    assert bulk.overdue_imports(sweep_at) == [bulk_import.pk]
    assert not bulk.run(bulk_import.pk, now=sweep_at, created=lambda content: None)
    bulk_import.refresh_from_db()
    assert bulk_import.status == BulkStatus.DONE
    titles = list(ARContent.objects.values_list("title", flat=True))
    assert len(titles) == len(set(titles)) == 200
    assert not errors(bulk_import)
    with bulk_import.sheet.open("rb") as stored:
        pdf = stored.read()
    assert page_count(pdf) == 14
    urls = [content.ar_url for content in ARContent.objects.all()]
    assert [url for url in urls if f"/URI ({url})".encode() not in pdf] == []
    assert pdf.count(b"/URI (") == 200
    assert_ledger_holds(project.company)
