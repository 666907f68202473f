"""One storage for every FileField: the stored name says which connection holds the file."""

import io
import logging

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import File
from django.core.files.storage import Storage
from django.urls import reverse
from django.utils.deconstruct import deconstructible
from django.utils.translation import gettext_lazy as _

from companies import quota
from companies.models import Company, StorageConnection
from companies.storage import uploads
from companies.storage.backend import Backend, StorageUnavailable
from companies.storage.connections import backend_for, backend_of, recent_backend_for
from companies.storage.names import StoredName

logger = logging.getLogger(__name__)


def generated_name(company: Company, kind: str, filename: str) -> str:
    """A new, final and unguessable name in the company's present storage."""
    return str(
        StoredName.generate(
            connection_id=company.storage_connection_id,
            company_slug=company.slug,
            kind=kind,
            filename=filename,
        )
    )


def media_path(name: str) -> str:
    """The address of a stored file at this server, whatever its storage."""
    return reverse("media", kwargs={"name": name})


def media_origin(name: str) -> str | None:
    """`scheme://host[:port]` of what `TenantStorage.url(name)` gives; None: this server."""
    stored = StoredName.parse(name)
    try:
        return recent_backend_for(stored.connection_id).origin()
    except StorageUnavailable as error:
        _log_unusable(stored, error)
        return None


def _log_unusable(stored: StoredName, error: StorageUnavailable) -> None:
    logger.warning(
        "storage_unusable", extra={"connection": stored.connection_id, "reason": str(error)}
    )


@deconstructible
class TenantStorage(Storage):
    """Delegates by the first part of the stored name; has no paths.

    Names come from `generated_name` and are final. Any other name raises
    SuspiciousFileOperation. A storage that does not answer raises StorageUnavailable.
    """

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        if max_length is not None and len(name) > max_length:
            raise SuspiciousFileOperation("A stored name is too long.")
        return str(StoredName.parse(name))

    def _save(self, name: str, content: File[bytes]) -> str:
        """Store and charge. Raises QuotaExceeded, before a byte is written if it can be known.

        The room is looked up first and taken last (at the end of the surrounding
        `stored_files()`), so that the company's row is not locked while the bytes travel;
        whoever loses a race for the last room is deleted again.
        """
        stored = StoredName.parse(name)
        if isinstance(content.file, io.TextIOBase):
            raise TypeError("Stored files are bytes.")
        size = content.size
        company = Company.objects.get(slug=stored.company_slug)
        quota.check_room(company, size)
        backend = self._backend_for_writing(stored)
        try:
            backend.write(name, content)
            quota.charge(
                company,
                name=name,
                connection_id=stored.connection_id,
                kind=stored.kind,
                size=size,
            )
        except FileExistsError:
            raise
        except BaseException:
            # After a time-out the storage may have the file all the same.
            uploads.remove_files([name])
            raise
        uploads.note_stored(name)
        return name

    def _backend_for_writing(self, stored: StoredName) -> Backend:
        connection = StorageConnection.objects.get(pk=stored.connection_id)
        if not connection.is_active:
            raise StorageUnavailable(
                _("The storage connection “%(name)s” is switched off.") % {"name": connection.name}
            )
        return backend_of(connection)

    def _open(self, name: str, mode: str = "rb") -> File[bytes]:
        if mode != "rb":
            raise ValueError("Stored files are read as bytes and never rewritten.")
        return self._backend(name).open(name)

    def delete(self, name: str) -> None:
        """Give the room back now, and remove the file after the commit. Idempotent."""
        uploads.discard(name)

    def exists(self, name: str) -> bool:
        return self._backend(name).exists(name)

    def size(self, name: str) -> int:
        return self._backend(name).size(name)

    def url(self, name: str | None) -> str:
        """Signed for 6 h where the storage can do that, else the media view's address.

        Never raises StorageUnavailable: a page shows what it can, and the media view answers
        503 for the files of a connection that cannot be used.
        """
        stored = StoredName.parse(name or "")
        try:
            signed = recent_backend_for(stored.connection_id).url(str(stored))
        except StorageUnavailable as error:
            _log_unusable(stored, error)
            signed = None
        return signed or media_path(str(stored))

    def _backend(self, name: str) -> Backend:
        return backend_for(StoredName.parse(name).connection_id)
