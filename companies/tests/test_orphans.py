"""The sweeper takes what a crash left, and nothing else."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.db.models import F
from django.utils import timezone

from companies import orphans
from companies.models import Company, StorageConnection, StoredFile
from companies.orphans import Swept, sweep
from companies.storage.connections import backend_of
from companies.storage.router import TenantStorage, generated_name
from companies.storage.s3 import S3Backend
from companies.tasks import sweep_orphans

# Files are as old as the test: the sweeper's clock is set forward instead.
TOMORROW = timedelta(hours=25)
storage = TenantStorage()


@pytest.fixture(autouse=True)
def from_the_beginning(db: None) -> None:
    cache.clear()


def left_by_a_crash(company: Company) -> str:
    """A file whose transaction never came to its commit."""
    name = generated_name(company, "videos", "film.mp4")
    backend_of(company.storage_connection).write(name, ContentFile(b"x" * 10))
    return name


def in_use(company: Company) -> str:
    """A file that a row of another app names."""
    name = storage.save(generated_name(company, "portraits", "a.jpg"), ContentFile(b"y" * 10))
    portrait: Any = apps.get_model("content", "Portrait")
    portrait.objects.create(company=company, title="In use", image=name)
    return name


def age_rows() -> None:
    StoredFile.objects.update(created_at=F("created_at") - TOMORROW)


def test_files_of_a_crash_go_after_a_day(tenant: Company) -> None:
    kept, lost = in_use(tenant), left_by_a_crash(tenant)
    assert sweep(timezone.now()) == Swept()
    assert storage.exists(lost)
    assert sweep(timezone.now() + TOMORROW) == Swept(files=1)
    assert not storage.exists(lost)
    assert storage.exists(kept)
    assert sweep(timezone.now() + TOMORROW) == Swept()


def test_rows_that_nothing_names_give_their_room_and_file_back(tenant: Company) -> None:
    kept = in_use(tenant)
    unused = storage.save(generated_name(tenant, "videos", "a.mp4"), ContentFile(b"z" * 10))
    assert sweep(timezone.now()).rows == 0
    age_rows()
    assert sweep(timezone.now() + TOMORROW) == Swept(files=1, rows=1)
    tenant.refresh_from_db()
    assert tenant.storage_used_bytes == 10
    assert list(StoredFile.objects.values_list("name", flat=True)) == [kept]
    assert not storage.exists(unused)


def test_objects_of_others_in_a_shared_place_are_left_alone(tenant: Company) -> None:
    backend = backend_of(tenant.storage_connection)
    foreign = f"{tenant.storage_connection_id}/holiday/photo.jpg"
    backend.write(foreign, ContentFile(b"mine"))
    assert sweep(timezone.now() + TOMORROW) == Swept()
    assert backend.exists(foreign)


def test_a_run_is_bounded_and_the_next_goes_on(
    tenant: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orphans, "MOST_EXAMINED", 3)
    kept = [in_use(tenant) for _ in range(4)]
    lost = [left_by_a_crash(tenant) for _ in range(4)]
    runs = [sweep(timezone.now() + TOMORROW).files for _ in range(5)]
    assert sum(runs) == 4
    assert all(storage.exists(name) for name in kept)
    assert not any(storage.exists(name) for name in lost)


def test_unfinished_uploads_to_disk_go_after_a_day(
    company: Company, local_storage_root: Any
) -> None:
    partial = local_storage_root / ".partial" / "0123"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(b"half")
    assert sweep(timezone.now()).partial == 0
    assert sweep(timezone.now() + TOMORROW).partial == 1
    assert not partial.exists()


def test_unfinished_uploads_to_a_bucket_go_after_a_day(s3_connection: StorageConnection) -> None:
    backend = backend_of(s3_connection)
    assert isinstance(backend, S3Backend)
    bucket = s3_connection.credentials["bucket"]
    key = f"tenants/arv/{s3_connection.pk}/company/videos/half.mp4"
    for name in (key, "somebody/else.mp4"):
        backend._client.create_multipart_upload(Bucket=bucket, Key=name)
    # The server of the tests says that every upload began in 2010.
    assert sweep(datetime(2010, 1, 1, tzinfo=UTC)).partial == 0
    assert sweep(timezone.now()).partial == 1
    left = backend._client.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert [upload["Key"] for upload in left] == ["somebody/else.mp4"]


def test_a_storage_that_is_away_does_not_stop_the_others(
    company: Company, s3_connection: StorageConnection, unused_port: int
) -> None:
    s3_connection.credentials["endpoint_url"] = f"http://127.0.0.1:{unused_port}"
    s3_connection.save()
    left_by_a_crash(company)
    assert sweep(timezone.now() + TOMORROW) == Swept(files=1, unavailable=1)


def test_every_file_field_of_every_app_counts_as_use() -> None:
    fields = {f"{field.model.__name__}.{field.name}" for field in orphans.file_fields()}
    assert {"Portrait.image", "ARContent.marker", "ARContent.qr_code", "Video.video"} <= fields


def test_the_task_reports_its_numbers(tenant: Company) -> None:
    in_use(tenant)
    assert sweep_orphans() == {"files": 0, "rows": 0, "partial": 0, "unavailable": 0}
