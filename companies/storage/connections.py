"""From a StorageConnection to the backend that reads and writes its files."""

import threading
import time
from datetime import datetime
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from companies.models import Company, StorageConnection, StorageProvider
from companies.storage.backend import Backend, StorageUnavailable
from companies.storage.local import LocalBackend
from companies.storage.s3 import S3Backend

BACKENDS: dict[str, type[Backend]] = {
    StorageProvider.LOCAL_DISK: LocalBackend,
    StorageProvider.MINIO: S3Backend,
}
# How long an address may be signed with credentials that were just replaced.
TRUSTED_SECONDS = 2.0
_MOST_BACKENDS = 128


class _Built(NamedTuple):
    updated_at: datetime
    read_at: float
    backend: Backend


_built: dict[int, _Built] = {}
_lock = threading.Lock()


def backend_class(provider: str) -> type[Backend]:
    """Raises StorageUnavailable for a provider that this release cannot use."""
    found = BACKENDS.get(provider)
    if found is None:
        raise StorageUnavailable(
            _("Storage of the kind “%(provider)s” is not available yet.")
            % {"provider": StorageProvider(provider).label}
        )
    return found


def validate_connection(
    *, provider: str, base_path: str, credentials: dict[str, Any], platform: bool = False
) -> None:
    """Raises ValidationError, keyed by `provider`, `base_path` and the names of parameters.

    `platform` says that the connection is the platform's own and not a company's.
    """
    try:
        kind = backend_class(provider)
    except StorageUnavailable as error:
        raise ValidationError({"provider": str(error)}) from error
    kind.validate(base_path=base_path, credentials=credentials, platform=platform)


def offered_to(company: Company | None, *, platform: bool) -> QuerySet[StorageConnection]:
    """What a company may choose to store its files in; None: a company that is being made.

    Its own, the one it has, and the platform's default; the platform's staff (`platform`) may
    lend it any of the platform's.
    """
    lent = Q(company__isnull=True)
    if not platform:
        lent &= Q(is_default=True)
    if company is None:
        return StorageConnection.objects.filter(lent)
    used = Q(pk=company.storage_connection_id)
    return StorageConnection.objects.filter(lent | used | Q(company=company))


def shown_credentials(connection: StorageConnection) -> dict[str, str]:
    """The credentials that are no secrets."""
    kind = BACKENDS.get(connection.provider)
    names = [one.name for one in kind.parameters if not one.sensitive] if kind else []
    saved = connection.credentials
    return {name: str(saved[name]) for name in names if saved.get(name)}


def check_change(
    connection: StorageConnection, *, base_path: str, credentials: dict[str, str]
) -> dict[str, str]:
    """The whole credentials after a change by `credentials`: what is left out stays, "" removes.

    A connection that is being made has its provider and its company already.
    Raises ValidationError, keyed like `validate_connection`, also for another place while files
    are in the present one.
    """
    saved = connection.credentials
    settled = {name: text for name, text in {**saved, **credentials}.items() if text}
    validate_connection(
        provider=connection.provider,
        base_path=base_path,
        credentials=settled,
        platform=connection.company_id is None,
    )
    moved = {
        name for name in ("endpoint_url", "bucket") if settled.get(name, "") != saved.get(name, "")
    }
    if base_path != connection.base_path:
        moved.add("base_path")
    if moved and connection.pk and connection.stored_files.exists():
        raise ValidationError(
            {name: _("There are files already: they would be lost from sight.") for name in moved}
        )
    return settled


def backend_of(connection: StorageConnection) -> Backend:
    """The backend of a connection as it was just read from the database.

    It is kept per process, because an S3 client takes some 50 ms to build, and built anew when
    the connection has been saved since.
    """
    built = _built.get(connection.pk)
    if built is not None and built.updated_at == connection.updated_at:
        backend = built.backend
    else:
        backend = _build(connection)
    with _lock:
        if len(_built) >= _MOST_BACKENDS:
            _built.clear()
        _built[connection.pk] = _Built(connection.updated_at, time.monotonic(), backend)
    return backend


def _build(connection: StorageConnection) -> Backend:
    kind = backend_class(connection.provider)
    platform = connection.company_id is None
    try:
        # Signing an address needs no name server; each request looks the host up by itself.
        kind.validate(
            base_path=connection.base_path,
            credentials=connection.credentials,
            platform=platform,
            look_up=False,
        )
    except ValidationError as error:
        raise StorageUnavailable(
            _("The storage connection “%(name)s” is not set up properly.")
            % {"name": connection.name}
        ) from error
    return kind(
        base_path=connection.base_path, credentials=connection.credentials, platform=platform
    )


def backend_for(connection_id: int) -> Backend:
    """The backend of a connection id, by one query."""
    try:
        connection = StorageConnection.objects.get(pk=connection_id)
    except StorageConnection.DoesNotExist as error:
        raise StorageUnavailable(_("The storage connection of this file is gone.")) from error
    return backend_of(connection)


def recent_backend_for(connection_id: int) -> Backend:
    """Like `backend_for`, but without a query when the connection was read 2 s ago or less.

    A list of a hundred thumbnails asks for a hundred addresses.
    """
    built = _built.get(connection_id)
    if built is not None and time.monotonic() - built.read_at < TRUSTED_SECONDS:
        return built.backend
    return backend_for(connection_id)


def forget_backends() -> None:
    with _lock:
        _built.clear()
