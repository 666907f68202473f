"""Trying a storage connection out, as staff do after they typed its credentials."""

import uuid
from concurrent.futures import Future
from threading import BoundedSemaphore, Thread

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from companies.models import StorageConnection, StorageTestStatus
from companies.storage.backend import Backend, StorageUnavailable
from companies.storage.connections import backend_of

PATIENCE_SECONDS = 20.0
_CONTENT = bytes(range(256)) * 4
# A storage that answers a byte at a time keeps its thread: there shall not be many of them.
_free = BoundedSemaphore(4)


def test_connection(connection: StorageConnection) -> None:
    """Write, read, read a part of and delete a small file; record on the row how it went.

    It takes PATIENCE_SECONDS at most: what does not work by then has failed.
    Never raises for what the storage does. `test_error` tells the reason and holds no secret.
    """
    status, reason = StorageTestStatus.OK, ""
    # A stored name: if the connection breaks midway, the orphan sweeper knows what to do.
    name = f"{connection.pk}/connection-test/thumbnails/{uuid.uuid4().hex}.bin"
    try:
        _try_out_in_time(backend_of(connection), name)
    except (OSError, SuspiciousFileOperation) as error:
        status, reason = StorageTestStatus.FAILED, str(error)[:1000]
    connection.test_status, connection.test_error = status, reason
    connection.last_tested_at = timezone.now()
    # Not `save`: a test is no change of the connection, whose clients may be kept.
    StorageConnection.objects.filter(pk=connection.pk).update(
        test_status=status, test_error=reason, last_tested_at=connection.last_tested_at
    )


def _try_out_in_time(backend: Backend, name: str) -> None:
    free = _free
    if not free.acquire(blocking=False):
        raise StorageUnavailable(_("Other connections are being tested: try again in a minute."))
    outcome: Future[None] = Future()

    def run() -> None:
        try:
            _try_out(backend, name)
        except BaseException as error:
            outcome.set_exception(error)
        else:
            outcome.set_result(None)
        finally:
            free.release()

    # Name servers and slow answers know no deadline of ours. A daemon: no process waits for it.
    thread = Thread(target=run, daemon=True, name="connection-test")
    thread.start()
    thread.join(PATIENCE_SECONDS)
    if not outcome.done():
        raise StorageUnavailable(
            _("The storage did not answer within %(seconds)d seconds.")
            % {"seconds": PATIENCE_SECONDS}
        )
    outcome.result()


def _try_out(backend: Backend, name: str) -> None:
    backend.write(name, ContentFile(_CONTENT))
    try:
        with backend.open(name) as stored:
            whole = stored.read()
        stream = backend.read(name, start=100, length=10)
        try:
            part = b"".join(stream)
        finally:
            stream.close()
    finally:
        backend.delete(name)
    if whole != _CONTENT or part != _CONTENT[100:110]:
        raise StorageUnavailable(_("The storage gives back other bytes than it was given."))
    if backend.exists(name):
        raise StorageUnavailable(_("The storage keeps files that were deleted."))
