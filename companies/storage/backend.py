"""What every kind of storage must be able to do."""

import abc
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, ClassVar, Protocol

from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

CHUNK_BYTES = 64 * 1024


class StorageUnavailable(OSError):
    """The storage cannot be reached or refuses to work. Its text never holds a secret."""


@dataclass(frozen=True)
class Parameter:
    """One entry of a connection's credentials, as a form shall ask for it.

    Only the labels of sensitive parameters may be shown once they are saved.
    """

    name: str
    label: StrOrPromise
    required: bool = True
    sensitive: bool = False
    help_text: StrOrPromise = ""


@dataclass(frozen=True)
class StoredObject:
    name: str
    size: int
    modified_at: datetime


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...
    def close(self) -> None: ...


class ByteStream:
    """Exactly `length` bytes of `source` in chunks of at most 64 KiB; closes `source`.

    A source that fails or ends early raises StorageUnavailable, so that a client sees a broken
    connection and not a complete, shorter file.
    """

    def __init__(self, source: Readable, length: int) -> None:
        self.source = source
        self.length = length

    def __iter__(self) -> Iterator[bytes]:
        left = self.length
        while left:
            try:
                chunk = self.source.read(min(CHUNK_BYTES, left))
            except StorageUnavailable:
                raise
            except OSError as error:
                raise StorageUnavailable(
                    _("A stored file cannot be read: %(reason)s.") % {"reason": error.strerror}
                ) from error
            if not chunk:
                raise StorageUnavailable(_("A stored file is shorter than it should be."))
            left -= len(chunk)
            yield chunk

    def close(self) -> None:
        self.source.close()


class Backend(abc.ABC):
    """Files of one storage connection.

    Names are stored names, checked by the caller. Every method raises StorageUnavailable when
    the storage does not answer or refuses, and FileNotFoundError for a name that is not there.
    """

    parameters: ClassVar[tuple[Parameter, ...]] = ()

    def __init__(
        self, *, base_path: str, credentials: dict[str, Any], platform: bool = False
    ) -> None:
        self.base_path = "/".join(PurePosixPath(base_path.strip("/")).parts)
        self.credentials = credentials
        self.platform = platform

    @classmethod
    def validate(
        cls,
        *,
        base_path: str,
        credentials: dict[str, Any],
        platform: bool = False,
        look_up: bool = True,
    ) -> None:
        """Raises ValidationError, keyed by `base_path` and the names of the parameters.

        `platform` says that the connection is the platform's own and not a company's.
        With `look_up` False it sends nothing, not even the question for a host's address.
        """
        errors: dict[str, Any] = {}
        path = PurePosixPath(base_path)
        if path.is_absolute() or ".." in path.parts or not base_path.isprintable():
            errors["base_path"] = _("Write a relative path without “..”.")
        for parameter in cls.parameters:
            value = credentials.get(parameter.name, "")
            if not isinstance(value, str):
                errors[parameter.name] = _("Write text.")
            elif parameter.required and not value:
                errors[parameter.name] = _("This field is required.")
        if unknown := credentials.keys() - {parameter.name for parameter in cls.parameters}:
            errors["credentials"] = ValidationError(
                _("Unknown parameters: %(names)s."), params={"names": ", ".join(sorted(unknown))}
            )
        if errors:
            raise ValidationError(errors)

    def redacted(self, text: str) -> str:
        """`text` without the values of the sensitive parameters."""
        for parameter in self.parameters:
            value = self.credentials.get(parameter.name)
            if parameter.sensitive and isinstance(value, str) and value:
                text = text.replace(value, "•••")
        return text

    @abc.abstractmethod
    def write(self, name: str, content: File[bytes]) -> None:
        """Store all of `content` or nothing. Raises FileExistsError: nothing is overwritten."""

    @abc.abstractmethod
    def open(self, name: str) -> File[bytes]:
        """The whole file, seekable, for reading."""

    @abc.abstractmethod
    def read(self, name: str, *, start: int, length: int) -> ByteStream:
        """`length` bytes from `start`; opened before it returns, so that failures come early."""

    @abc.abstractmethod
    def delete(self, name: str) -> None:
        """Remove a file; one that is not there is no error."""

    @abc.abstractmethod
    def exists(self, name: str) -> bool: ...

    @abc.abstractmethod
    def size(self, name: str) -> int: ...

    @abc.abstractmethod
    def walk(self, folder: str, *, after: str) -> Iterator[StoredObject]:
        """All files below `folder` in a fixed order, from the first behind `after` ("": all)."""

    @abc.abstractmethod
    def drop_partial(self, folder: str, *, before: datetime, limit: int) -> int:
        """Remove at most `limit` unfinished uploads to `folder` begun before `before`; how many."""

    def url(self, name: str) -> str | None:
        """An address at the storage itself that works for a while; None: it has none."""
        return None

    def origin(self) -> str | None:
        """`scheme://host[:port]` of the addresses that `url` gives."""
        return None

    def accel_path(self, name: str) -> str | None:
        """Path below LOCAL_STORAGE_ROOT that a web server in front may send by itself."""
        return None
