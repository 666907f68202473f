"""Stored files and transactions: what is rolled back leaves no file, what is kept loses none."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.core.exceptions import SuspiciousFileOperation
from django.db import Error as DatabaseError
from django.db import transaction

from companies import quota
from companies.storage.backend import StorageUnavailable
from companies.storage.connections import backend_for
from companies.storage.names import StoredName

logger = logging.getLogger(__name__)

_stored_meanwhile: ContextVar[list[str] | None] = ContextVar("stored_meanwhile", default=None)


@contextmanager
def stored_files() -> Iterator[None]:
    """A transaction whose files go with it: on any exception, those stored meanwhile are deleted.

    Companies are charged at its end: there it raises QuotaExceeded when another transaction took
    the room meanwhile. May be nested; the inner one is a savepoint. A rollback of a transaction
    further out, or a crash, leaves files without ledger rows: those are the orphan sweeper's.
    """
    outer = _stored_meanwhile.get()
    mine: list[str] = []
    token = _stored_meanwhile.set(mine)
    committing = False
    try:
        with transaction.atomic():
            with quota.settled_together():
                yield
            committing = not transaction.get_rollback()
        if not committing:
            remove_files(mine)
    except BaseException:
        # A COMMIT that failed may have reached the database: then the files are needed.
        if not committing:
            remove_files(mine)
        raise
    else:
        if outer is not None and committing:
            outer.extend(mine)
    finally:
        _stored_meanwhile.reset(token)


def note_stored(name: str) -> None:
    """Tell the surrounding `stored_files()` that `name` is now in its storage."""
    stored = _stored_meanwhile.get()
    if stored is not None:
        stored.append(name)


def discard(name: str) -> None:
    """Give a file's room back, and delete it once the surrounding transaction is committed."""
    StoredName.parse(name)
    quota.release(name)
    transaction.on_commit(lambda: remove_files([name]), robust=True)


def remove_files(names: list[str]) -> None:
    """Delete files now; those that cannot be reached are left to the orphan sweeper."""
    for name in names:
        try:
            backend_for(StoredName.parse(name).connection_id).delete(name)
        except (StorageUnavailable, SuspiciousFileOperation, DatabaseError) as error:
            # Often on the way out of another failure, which the caller must see.
            logger.warning("stored_file_left_behind", extra={"stored": name, "reason": str(error)})
