"""What a crash left behind: files that no ledger row knows, rows that no FileField knows."""

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import islice

from django.apps import apps
from django.core.cache import cache
from django.core.exceptions import SuspiciousFileOperation
from django.db import models
from django.db.models import Exists, OuterRef, QuerySet

from companies import quota
from companies.models import StorageConnection, StoredFile
from companies.storage.backend import Backend, StorageUnavailable, StoredObject
from companies.storage.connections import BACKENDS, backend_of
from companies.storage.names import StoredName
from companies.storage.router import TenantStorage

logger = logging.getLogger(__name__)

# No upload or transaction takes a day: what is younger may still be wanted.
GRACE = timedelta(hours=24)
# Per run and connection, so that a run is short however much there is; the next goes on from there.
MOST_EXAMINED = 50_000
MOST_REMOVED = 1_000
_BATCH = 500


@dataclass(frozen=True)
class Swept:
    """How much was removed, and how many connections did not answer."""

    files: int = 0
    rows: int = 0
    partial: int = 0
    unavailable: int = 0


def sweep(now: datetime) -> Swept:
    """Remove what is older than 24 hours at `now` and belongs to nothing. Idempotent."""
    before = now - GRACE
    rows = _release_unreferenced(before)
    files = partial = unavailable = 0
    for connection in StorageConnection.objects.filter(provider__in=BACKENDS, is_active=True):
        try:
            backend = backend_of(connection)
            partial += backend.drop_partial(str(connection.pk), before=before, limit=MOST_REMOVED)
            files += _remove_unknown(connection, backend, before)
        except (StorageUnavailable, SuspiciousFileOperation) as error:
            unavailable += 1
            logger.warning(
                "storage_not_swept", extra={"connection": connection.pk, "reason": str(error)}
            )
    swept = Swept(files=files, rows=rows, partial=partial, unavailable=unavailable)
    logger.info("orphans_swept", extra=asdict(swept))
    return swept


def _remove_unknown(connection: StorageConnection, backend: Backend, before: datetime) -> int:
    """Delete old files without a ledger row, from where the last run stopped."""
    cursor = f"orphans-after:{connection.pk}"
    found = backend.walk(str(connection.pk), after=cache.get(cursor, ""))
    removed, last = 0, ""
    for batch in _batches(islice(found, MOST_EXAMINED)):
        old = [entry.name for entry in batch if entry.modified_at < before and _is_ours(entry)]
        known = set(StoredFile.objects.filter(name__in=old).values_list("name", flat=True))
        for name in old:
            if name not in known:
                backend.delete(name)
                removed += 1
        last = batch[-1].name
        if removed >= MOST_REMOVED:
            break
    is_finished = next(found, None) is None
    cache.set(cursor, "" if is_finished else last, timeout=None)
    return removed


def _batches(found: Iterator[StoredObject]) -> Iterator[list[StoredObject]]:
    while batch := list(islice(found, _BATCH)):
        yield batch


def _is_ours(entry: StoredObject) -> bool:
    """Whether the platform made this name: a shared bucket may hold other people's objects."""
    try:
        StoredName.parse(entry.name)
    except SuspiciousFileOperation:
        return False
    return True


def file_fields() -> list[models.FileField]:
    """Every FileField of every app that keeps tenants' files."""
    return [
        field
        for model in apps.get_models()
        if not model._meta.proxy
        for field in model._meta.local_fields
        if isinstance(field, models.FileField) and isinstance(field.storage, TenantStorage)
    ]


def unreferenced(before: datetime) -> QuerySet[StoredFile]:
    """Ledger rows from before `before` whose file no row of any model names."""
    rows = StoredFile.objects.filter(created_at__lt=before)
    for field in file_fields():
        users = field.model._base_manager.filter(**{field.name: OuterRef("name")})
        rows = rows.filter(~Exists(users))
    return rows


def _release_unreferenced(before: datetime) -> int:
    """Give back the room of files that nobody uses; the files are then without a row."""
    names = list(unreferenced(before).values_list("name", flat=True)[:MOST_REMOVED])
    return sum(quota.release(name) for name in names)
