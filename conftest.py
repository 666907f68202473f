"""The cast of every test: two companies that must never meet, their people, and their storages.

`company` has an owner, an editor and a viewer; `stranger` owns `stranger_company`, on the same
storage connection.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import hypothesis
import pytest
from botocore.config import Config
from django.core.cache import cache
from moto.server import ThreadedMotoServer
from pytest_django.fixtures import Settings

from companies import media
from companies.models import Company, Role, StorageConnection, StorageProvider, User
from companies.provisioning import provision
from companies.storage.connections import forget_backends
from companies.tests.factories import (
    CompanyFactory,
    MembershipFactory,
    StorageConnectionFactory,
    UserFactory,
)

# A busy machine is not a failing property.
hypothesis.settings.register_profile("arv", deadline=None)
hypothesis.settings.load_profile("arv")


@pytest.fixture(autouse=True)
def local_storage_root(settings: Settings, tmp_path: Path) -> Path:
    """An empty folder for the files of each test."""
    settings.LOCAL_STORAGE_ROOT = tmp_path / "storage"
    return tmp_path / "storage"


@pytest.fixture(autouse=True)
def fresh_caches() -> None:
    """Nothing that a process keeps of one test's rows may reach the next test."""
    cache.clear()
    forget_backends()
    media._compressed.cache_clear()


@pytest.fixture(autouse=True)
def calm_where_queries_are_counted(request: pytest.FixtureRequest) -> None:
    if "django_assert_num_queries" in request.fixturenames:
        request.getfixturevalue("calm")


@pytest.fixture
def local_connection(db: None) -> StorageConnection:
    return StorageConnectionFactory.create(name="Disk of the tests")


def _company(name: str, connection: StorageConnection) -> Company:
    company = CompanyFactory.create(name=name, storage_connection=connection)
    provision(company)
    return company


@pytest.fixture
def company(local_connection: StorageConnection) -> Company:
    return _company("Company", local_connection)


@pytest.fixture
def stranger_company(local_connection: StorageConnection) -> Company:
    return _company("Stranger company", local_connection)


def _member(company: Company, role: Role) -> User:
    user = UserFactory.create(username=f"{role.value}-of-{company.slug}")
    MembershipFactory.create(user=user, company=company, role=role)
    return user


@pytest.fixture
def owner(company: Company) -> User:
    return _member(company, Role.OWNER)


@pytest.fixture
def editor(company: Company) -> User:
    return _member(company, Role.EDITOR)


@pytest.fixture
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep away the queries that the passing of time brings: for tests that count them."""
    monkeypatch.setattr("companies.storage.connections.TRUSTED_SECONDS", 3600)
    monkeypatch.setattr("arv.sessions.RENEW_SECONDS", 3600)


@pytest.fixture
def viewer(company: Company) -> User:
    return _member(company, Role.VIEWER)


@pytest.fixture
def stranger(stranger_company: Company) -> User:
    return _member(stranger_company, Role.OWNER)


@pytest.fixture
def superuser(db: None) -> User:
    return UserFactory.create(username="superuser", is_staff=True, is_superuser=True)


@dataclass(frozen=True)
class S3Server:
    """An S3 API on a free port of this machine; it checks no signatures."""

    endpoint_url: str
    access_key: str = "ACCESS-KEY-OF-THE-TESTS"
    secret_key: str = "SECRET-KEY-OF-THE-TESTS"  # noqa: S105

    def make_bucket(self) -> str:
        bucket = f"bucket-{uuid.uuid4().hex}"
        boto3.client(
            "s3",
            endpoint_url=self.endpoint_url,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}),
        ).create_bucket(Bucket=bucket)
        return bucket

    def credentials(self, bucket: str) -> dict[str, str]:
        return {
            "endpoint_url": self.endpoint_url,
            "access_key": self.access_key,
            "secret_key": self.secret_key,
            "bucket": bucket,
        }


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield S3Server(f"http://{host}:{port}")
    server.stop()


@pytest.fixture
def s3_connection(db: None, s3_server: S3Server) -> StorageConnection:
    """A connection to an empty bucket."""
    return StorageConnectionFactory.create(
        name="Bucket of the tests",
        provider=StorageProvider.MINIO,
        base_path="tenants/arv",
        credentials=s3_server.credentials(s3_server.make_bucket()),
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that no database can change, and those that any other changes alike.

    A browser's server has a database of its own. The statistics are SQL of our own, and in
    transactions that are committed a database shows how it locks: such tests want both.
    """
    for item in items:
        names = set(getattr(item, "fixturenames", ()))
        of_database = item.get_closest_marker("django_db")
        is_real = "transactional_db" in names or (
            of_database is not None and of_database.kwargs.get("transaction", False)
        )
        if item.get_closest_marker("browser"):
            continue
        if of_database is None and not {"db", "transactional_db", "django_db_setup"} & names:
            item.add_marker(pytest.mark.pure)
        elif not (is_real or item.get_closest_marker("once") or "analytics" in item.path.parts):
            item.add_marker(pytest.mark.orm)
