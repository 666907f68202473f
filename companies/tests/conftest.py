import contextlib
import socket
from collections.abc import Iterator
from queue import Empty
from typing import Any

import pytest
from django.core.cache import cache

from arv.celery import app
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


# Its settings change from test to test, which its types do not expect.
celery: Any = app


class PostOffice:
    """A broker of this test's own, in memory, and the worker that empties it."""

    def __init__(self, url: str) -> None:
        celery.conf.broker_url = url
        celery.conf.broker_transport_options = {}
        self.forget_connections()

    def forget_connections(self) -> None:
        celery.amqp._producer_pool = None
        celery._pool = None

    def deliver(self) -> int:
        """Run the tasks that wait; how many."""
        done = 0
        with celery.connection_for_read() as connection:
            queue = connection.SimpleQueue("default")
            with contextlib.suppress(Empty):
                while True:
                    message = queue.get_nowait()
                    message.ack()
                    celery.tasks[message.headers["task"]](*message.payload[0])
                    done += 1
            queue.close()
        return done


@contextlib.contextmanager
def post_office_at(url: str) -> Iterator[PostOffice]:
    conf = celery.conf
    before = conf.broker_url, conf.broker_transport_options
    office = PostOffice(url)
    try:
        yield office
    finally:
        conf.broker_url, conf.broker_transport_options = before
        office.forget_connections()


@pytest.fixture
def post_office() -> Iterator[PostOffice]:
    with post_office_at("memory://") as office:
        yield office
        with celery.connection_for_read() as connection:
            connection.SimpleQueue("default").clear()


@pytest.fixture
def closed_post_office(unused_port: int) -> Iterator[PostOffice]:
    """A broker that does not answer."""
    with post_office_at(f"redis://127.0.0.1:{unused_port}/0") as office:
        yield office


@pytest.fixture
def no_failures() -> None:
    """Attempts to sign in are counted anew: the users of all tests have the same ids."""
    cache.clear()
