from io import StringIO
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from arv.celery import app
from companies.models import Company, FileKind, StorageConnection
from companies.provisioning import PERIODIC, provision, seed_defaults
from companies.storage.router import TenantStorage, generated_name
from companies.tests.factories import CompanyFactory

pytestmark = pytest.mark.django_db


def test_an_empty_platform_gets_a_company_that_can_store_files() -> None:
    company = seed_defaults()
    assert (company.name, company.slug, company.is_default) == ("Vertex AR", "vertex-ar", True)
    connection = company.storage_connection
    assert (connection.name, connection.provider) == ("Local disk", "local_disk")
    assert connection.is_default
    kinds = company.storage_folders.values_list("folder_type", flat=True)
    assert sorted(kinds) == sorted(FileKind.values)
    name = TenantStorage().save(generated_name(company, "videos", "a.mp4"), ContentFile(b"x"))
    assert TenantStorage().exists(name)


def rows() -> list[Any]:
    return [
        list(Company.objects.order_by("pk").values()),
        list(StorageConnection.objects.order_by("pk").values()),
        list(PeriodicTask.objects.order_by("pk").values()),
        list(IntervalSchedule.objects.order_by("pk").values()),
    ]


def test_a_second_run_changes_nothing() -> None:
    seed_defaults()
    before = rows()
    out = StringIO()
    call_command("seed_defaults", stdout=out)
    assert rows() == before
    assert "Vertex AR" in out.getvalue()


def test_what_staff_made_of_the_defaults_stays() -> None:
    company = seed_defaults()
    company.name, company.slug = "Renamed", "renamed"
    company.save()
    task = PeriodicTask.objects.get(name="Sweep markers")
    hourly = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.HOURS)
    task.enabled, task.interval = False, hourly
    task.save()
    assert seed_defaults() == company
    company.refresh_from_db()
    assert company.name == "Renamed"
    task.refresh_from_db()
    assert (task.enabled, task.interval) == (False, hourly)


def test_a_company_that_has_the_name_already_is_taken_as_it_is() -> None:
    mine = CompanyFactory.create(name="Vertex AR", slug="mine")
    assert seed_defaults() == mine


def test_folders_are_provisioned_once_with_their_counters_kept() -> None:
    company = CompanyFactory.create()
    provision(company)
    company.storage_folders.filter(folder_type="videos").update(files_count=3)
    provision(company)
    assert company.storage_folders.count() == len(FileKind)
    assert company.storage_folders.get(folder_type="videos").files_count == 3


def test_every_periodic_task_is_one_that_workers_know() -> None:
    app.loader.import_default_modules()
    assert {periodic.task for periodic in PERIODIC} <= app.tasks.keys()
    assert len({periodic.name for periodic in PERIODIC}) == len(PERIODIC)
