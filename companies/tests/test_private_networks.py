"""In production no company's own storage leads into the network beside the server."""

import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.test import Client
from pytest_django.fixtures import Settings

from companies.models import Company, StorageConnection, User
from companies.storage import probe
from companies.storage.backend import StorageUnavailable
from companies.storage.connections import backend_of, forget_backends, validate_connection
from companies.storage.endpoints import check_endpoint
from companies.storage.s3 import S3Backend
from companies.tests.factories import StorageConnectionFactory
from conftest import S3Server

NAME = "1/x/thumbnails/" + "0" * 32 + ".bin"
PUBLIC = "93.184.215.14"


@pytest.fixture
def production(settings: Settings) -> Iterator[None]:
    """As compose.yaml runs it: with an S3 server of the platform's on the private network."""
    settings.ENVIRONMENT = "production"
    settings.STORAGE_ALLOW_PRIVATE_ENDPOINTS = True
    forget_backends()
    yield
    forget_backends()


@pytest.fixture
def any_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the S3 server take the bucket from the path alone, not from the name in front of it."""
    monkeypatch.setattr("moto.settings.S3_IGNORE_SUBDOMAIN_BUCKETNAME", True)
    monkeypatch.setattr("moto.s3.utils.S3_IGNORE_SUBDOMAIN_BUCKETNAME", True)


class Listener(ThreadingHTTPServer):
    """Something on the private network that counts who comes."""

    def __init__(self) -> None:
        self.connections = 0
        super().__init__(("127.0.0.1", 0), BaseHTTPRequestHandler)

    def verify_request(self, *_request: Any) -> bool:
        self.connections += 1
        return False

    def credentials(self, host: str = "127.0.0.1") -> dict[str, str]:
        return S3Server(f"http://{host}:{self.server_port}").credentials("bucket")


@pytest.fixture
def listener() -> Iterator[Listener]:
    server = Listener()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def name_server(monkeypatch: pytest.MonkeyPatch, *answers: str | None) -> list[str]:
    """What `moving.example` leads to, one answer after the other, the last one for good."""
    real, left, asked = socket.getaddrinfo, list(answers), list[str]()

    def getaddrinfo(host: str, *args: Any, **options: Any) -> Any:
        if host != "moving.example":
            return real(host, *args, **options)
        if options.get("flags") == socket.AI_NUMERICHOST:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        asked.append(host)
        answer = left.pop(0) if len(left) > 1 else left[0]
        if answer is None:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return real(answer, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.django_db
def test_the_platform_reaches_its_private_storage_and_a_company_does_not(
    production: None, s3_connection: StorageConnection, company: Company
) -> None:
    probe.test_connection(s3_connection)
    assert (s3_connection.test_status, s3_connection.test_error) == ("ok", "")
    own = StorageConnectionFactory.create(
        company=company, provider="minio", credentials=s3_connection.credentials
    )
    probe.test_connection(own)
    assert own.test_status == "failed"
    assert "not set up properly" in own.test_error


@pytest.mark.django_db
def test_an_owner_cannot_type_a_private_address_and_the_platform_can(
    production: None, client: Client, owner: User, superuser: User, company: Company
) -> None:
    credentials = S3Server("http://127.0.0.1:6379").credentials("bucket")
    body = {"name": "B", "company_id": company.pk, "provider": "minio", "credentials": credentials}
    page = "/admin/companies/storageconnection/add/"
    form = {"name": "B", "company": company.pk, "provider": "minio", "is_active": "on"}
    form |= {f"credential_{name}": text for name, text in credentials.items()}
    for user in (owner, superuser):
        client.force_login(user)
        refused = client.post("/api/storage/connections", body, content_type="application/json")
        assert refused.status_code == 400
        assert "no public address" in refused.json()["fields"]["credentials"][0]
        errors = client.post(page, form).context["adminform"].form.errors
        assert errors.keys() == {"credential_endpoint_url"}
    assert not StorageConnection.objects.filter(company=company).exists()
    assert client.post(page, {**form, "company": ""}).status_code == 302


def test_the_setting_goes_for_every_connection_outside_production_alone(
    settings: Settings,
) -> None:
    credentials = S3Server("http://10.0.0.1").credentials("bucket")

    def allowed(*, platform: bool) -> bool:
        try:
            validate_connection(
                provider="minio", base_path="", credentials=credentials, platform=platform
            )
        except ValidationError:
            return False
        return True

    for environment, switched_on, own, platforms in (
        ("production", True, False, True),
        ("production", False, False, False),
        ("demo", True, True, True),
        ("development", True, True, True),
        ("development", False, False, False),
    ):
        settings.ENVIRONMENT = environment
        settings.STORAGE_ALLOW_PRIVATE_ENDPOINTS = switched_on
        assert allowed(platform=False) is own, environment
        assert allowed(platform=True) is platforms, environment


@pytest.mark.parametrize(
    "answers",
    [(None, "127.0.0.1"), ("127.0.0.1",), (PUBLIC, "127.0.0.1")],
    ids=["unknown at the check", "private", "public at the check"],
)
def test_a_name_that_leads_inside_after_the_check_is_not_followed(
    production: None,
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
    answers: tuple[str | None, ...],
) -> None:
    asked = name_server(monkeypatch, *answers)
    backend = S3Backend(base_path="", credentials=listener.credentials("moving.example"))
    with pytest.raises(StorageUnavailable) as refusal:
        backend.write(NAME, ContentFile(b"x"))
    assert asked
    assert listener.connections == 0
    assert "127.0.0.1" not in str(refusal.value)


def test_a_name_is_looked_up_once_for_a_connection(
    any_host: None, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once before the request and once to connect: no third answer is ever followed."""
    port = s3_server.endpoint_url.rpartition(":")[2]
    bucket = s3_server.make_bucket()
    name_server(monkeypatch, "127.0.0.1", "127.0.0.1", "127.0.0.2")
    moved = S3Server(f"http://moving.example:{port}").credentials(bucket)
    backend = S3Backend(base_path="", credentials=moved)
    S3Backend(base_path="", credentials=s3_server.credentials(bucket)).write(
        NAME, ContentFile(b"x")
    )
    assert backend.exists(NAME)


def test_the_next_address_of_a_name_is_tried_when_one_does_not_answer(
    any_host: None, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(s3_server.endpoint_url.rpartition(":")[2])
    bucket = s3_server.make_bucket()
    real = socket.getaddrinfo

    def getaddrinfo(host: str, *args: Any, **options: Any) -> Any:
        if host != "moving.example":
            return real(host, *args, **options)
        return real("127.0.0.9", *args, **options) + real("127.0.0.1", *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    moved = S3Server(f"http://moving.example:{port}").credentials(bucket)
    backend = S3Backend(base_path="", credentials=moved)
    backend.write(NAME, ContentFile(b"x"))
    assert backend.size(NAME) == 1


@pytest.mark.django_db
def test_names_of_the_private_network_are_not_told_from_names_of_nobody(
    production: None, company: Company, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = set()
    for answer in ("127.0.0.1", None):
        name_server(monkeypatch, answer)
        own = StorageConnectionFactory.create(
            company=company,
            name=str(answer),
            provider="minio",
            credentials=listener.credentials("moving.example"),
        )
        probe.test_connection(own)
        assert own.test_status == "failed"
        said.add(own.test_error)
        monkeypatch.undo()
    assert said == {"“moving.example” has no public address."}


def test_a_name_that_nobody_knows_may_be_written_down(
    production: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise no connection could be changed while a name server is away."""
    name_server(monkeypatch, None)
    check_endpoint("https://moving.example", platform=False)


@pytest.mark.django_db
def test_a_company_uses_the_private_storage_that_the_platform_lends(
    production: None, company: Company, s3_connection: StorageConnection
) -> None:
    company.storage_connection = s3_connection
    company.save()
    assert not backend_of(company.storage_connection).exists(NAME)
