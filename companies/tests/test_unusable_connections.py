"""A storage that cannot be used any more: pages still open, and no secret comes out."""

import socket
import traceback
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from pytest_django.fixtures import Settings

from companies.models import Company, StorageConnection
from companies.storage.backend import StorageUnavailable
from companies.storage.connections import forget_backends
from companies.storage.router import TenantStorage, generated_name, media_origin, media_path
from companies.tests.factories import CompanyFactory

pytestmark = pytest.mark.django_db
storage = TenantStorage()


@pytest.fixture
def tenant(s3_connection: StorageConnection) -> Company:
    return CompanyFactory.create(storage_connection=s3_connection)


def test_a_connection_that_cannot_be_used_breaks_no_page(
    tenant: Company,
    settings: Settings,
    client: Client,
    caplog: pytest.LogCaptureFixture,
) -> None:
    name = storage.save(generated_name(tenant, "videos", "a.mp4"), ContentFile(b"x"))
    settings.STORAGE_ALLOW_PRIVATE_ENDPOINTS = False
    forget_backends()
    assert storage.url(name) == media_path(name)
    assert media_origin(name) is None
    assert [
        record.message for record in caplog.records if record.name == "companies.storage.router"
    ] == ["storage_unusable"] * 2
    assert client.get(media_path(name)).status_code == 503


def test_an_address_is_signed_without_asking_a_name_server(
    tenant: Company,
    s3_connection: StorageConnection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    s3_connection.credentials["endpoint_url"] = "https://files.example.com"
    s3_connection.save()
    asked = []

    def numbers_only(host: str, port: int | None, *, flags: int = 0, **options: Any) -> None:
        if not flags & socket.AI_NUMERICHOST:
            asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", numbers_only)
    name = generated_name(tenant, "videos", "a.mp4")
    assert storage.url(name).startswith("https://files.example.com/bucket-")
    assert media_origin(name) == "https://files.example.com"
    assert asked == []


def test_a_traceback_of_a_failing_storage_holds_no_secret(
    tenant: Company, s3_connection: StorageConnection, unused_port: int
) -> None:
    # The library's error names the address, and so, here, the access key.
    key = "KEY-THAT-NOBODY-SHALL-READ"
    s3_connection.credentials.update(
        endpoint_url=f"http://127.0.0.1:{unused_port}", bucket=key, access_key=key
    )
    s3_connection.save()
    with pytest.raises(StorageUnavailable, match="•••") as refusal:
        storage.save(generated_name(tenant, "videos", "a.mp4"), ContentFile(b"x"))
    assert key not in "".join(traceback.format_exception(refusal.value))
