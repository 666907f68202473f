import socket

import pytest

from companies.models import Company, StorageConnection, StorageProvider
from companies.provisioning import provision
from companies.tests.factories import CompanyFactory


@pytest.fixture(params=[StorageProvider.LOCAL_DISK, StorageProvider.MINIO])
def connection(request: pytest.FixtureRequest) -> StorageConnection:
    """Each test that names it runs on local disk and over HTTP on S3."""
    name = "s3_connection" if request.param == StorageProvider.MINIO else "local_connection"
    connection: StorageConnection = request.getfixturevalue(name)
    return connection


@pytest.fixture
def tenant(connection: StorageConnection) -> Company:
    company = CompanyFactory.create(name="Tenant", storage_connection=connection)
    provision(company)
    return company


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
