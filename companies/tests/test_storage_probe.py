"""Trying a connection out tells staff what is wrong, and never a secret."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from threading import BoundedSemaphore

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile

from companies.models import Company, StorageConnection
from companies.storage import probe
from companies.storage.backend import StorageUnavailable
from companies.storage.connections import backend_of
from companies.storage.router import TenantStorage, generated_name
from companies.tests.factories import StorageConnectionFactory
from conftest import S3Server

pytestmark = pytest.mark.django_db


def test_a_working_connection_is_found_to_work_and_left_empty(
    connection: StorageConnection,
) -> None:
    before = connection.updated_at
    probe.test_connection(connection)
    connection.refresh_from_db()
    assert (connection.test_status, connection.test_error) == ("ok", "")
    assert connection.last_tested_at is not None
    assert connection.updated_at == before, "a test must not throw away the clients in use"
    assert list(backend_of(connection).walk(str(connection.pk), after="")) == []


def test_a_missing_bucket_is_told(s3_connection: StorageConnection) -> None:
    s3_connection.credentials["bucket"] = "no-such-bucket"
    s3_connection.save()
    probe.test_connection(s3_connection)
    s3_connection.refresh_from_db()
    assert s3_connection.test_status == "failed"
    assert "bucket" in s3_connection.test_error


def test_no_secret_gets_into_the_recorded_error(
    s3_server: S3Server, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = StorageConnectionFactory.create(
        provider="minio",
        # The access key is in the query of presigned requests and in servers' error texts.
        credentials={
            **s3_server.credentials("no-such-bucket"),
            "access_key": "no-such",
            "secret_key": "bucket",
        },
    )
    probe.test_connection(connection)
    connection.refresh_from_db()
    assert connection.test_status == "failed"
    assert "•••" in connection.test_error
    assert "no-such" not in connection.test_error
    assert "bucket" not in connection.test_error


def test_a_folder_outside_the_root_is_told(company: Company) -> None:
    connection = company.storage_connection
    connection.base_path = "../elsewhere"
    connection.save()
    probe.test_connection(connection)
    connection.refresh_from_db()
    assert connection.test_status == "failed"
    assert "not set up properly" in connection.test_error


def test_a_symbolic_link_out_of_the_root_is_not_followed(
    company: Company, local_storage_root: Path, tmp_path: Path
) -> None:
    local_storage_root.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (local_storage_root / "link").symlink_to(tmp_path / "elsewhere")
    StorageConnection.objects.update(base_path="link")
    with pytest.raises(SuspiciousFileOperation):
        TenantStorage().save(generated_name(company, "videos", "a.mp4"), ContentFile(b"x"))


def test_yandex_disk_is_said_not_to_be_available_yet(company: Company) -> None:
    connection = StorageConnectionFactory.create(provider="yandex_disk")
    probe.test_connection(connection)
    connection.refresh_from_db()
    assert "not available yet" in connection.test_error
    company.storage_connection = connection
    with pytest.raises(StorageUnavailable, match="not available yet"):
        TenantStorage().save(generated_name(company, "videos", "a.mp4"), ContentFile(b"x"))


@pytest.fixture
def slow_server() -> Iterator[str]:
    """The address of a server that takes a connection and then says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_storage_that_keeps_silent_is_given_up_in_time(
    s3_connection: StorageConnection, slow_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(probe, "_free", BoundedSemaphore(1))
    working = dict(s3_connection.credentials)
    s3_connection.credentials["endpoint_url"] = slow_server
    s3_connection.save()
    started = time.monotonic()
    probe.test_connection(s3_connection)
    assert time.monotonic() - started < 5
    assert s3_connection.test_status == "failed"
    assert "did not answer within" in s3_connection.test_error
    # Its thread is still waiting, and a second one is not begun beside it.
    s3_connection.credentials = working
    s3_connection.save()
    probe.test_connection(s3_connection)
    assert "try again" in s3_connection.test_error
