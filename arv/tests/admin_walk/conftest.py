"""The two worlds, made once for a module; what a test does to them is undone after it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings

from arv.tests.admin_walk.worlds import World, grow_platform
from companies.models import StorageConnection
from companies.storage.connections import forget_backends
from companies.tests.factories import StorageConnectionFactory


@pytest.fixture(scope="module", autouse=True)
def local_storage_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One folder for the files of a module: the worlds' pictures outlive a test."""
    root = tmp_path_factory.mktemp("storage")
    with override_settings(LOCAL_STORAGE_ROOT=root):
        forget_backends()
        yield root


@pytest.fixture(scope="module")
def database(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """A transaction around all tests of a module; theirs are savepoints in it."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def disk(database: None, local_storage_root: Path) -> StorageConnection:
    grow_platform(1)
    return StorageConnectionFactory.create(name="Disk of the platform")


@pytest.fixture(scope="module")
def home(disk: StorageConnection) -> World:
    return World("home", disk)


@pytest.fixture(scope="module")
def away(disk: StorageConnection) -> World:
    return World("away", disk)
