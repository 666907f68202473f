"""Files on this machine's disk, below LOCAL_STORAGE_ROOT."""

import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import File
from django.utils.translation import gettext_lazy as _

from companies.storage.backend import Backend, ByteStream, StorageUnavailable, StoredObject

# Unfinished uploads; beside the files, so that a rename moves them to their final name.
PARTIAL = ".partial"


class LocalBackend(Backend):
    def folder(self) -> Path:
        root = Path(settings.LOCAL_STORAGE_ROOT).resolve()
        folder = (root / self.base_path).resolve()
        if not folder.is_relative_to(root):
            raise SuspiciousFileOperation("A base path leads out of LOCAL_STORAGE_ROOT.")
        return folder

    def write(self, name: str, content: File[bytes]) -> None:
        final = self.folder() / name
        partial = self.folder() / PARTIAL / uuid.uuid4().hex
        try:
            partial.parent.mkdir(parents=True, exist_ok=True)
            final.parent.mkdir(parents=True, exist_ok=True)
            try:
                with partial.open("xb") as target:
                    for chunk in content.chunks():
                        target.write(chunk)
                    target.flush()
                    os.fsync(target.fileno())
                if final.exists():
                    raise FileExistsError(name)
                partial.rename(final)
            finally:
                partial.unlink(missing_ok=True)
            _sync_folder(final.parent)
        except (FileExistsError, StorageUnavailable):
            raise
        except OSError as error:
            raise StorageUnavailable(
                _("The disk cannot take the file: %(reason)s.") % {"reason": error.strerror}
            ) from error

    def open(self, name: str) -> File[bytes]:
        return File(self._open(name), name=name)

    def read(self, name: str, *, start: int, length: int) -> ByteStream:
        source = self._open(name)
        source.seek(start)
        return ByteStream(source, length)

    def _open(self, name: str) -> BinaryIO:
        try:
            return (self.folder() / name).open("rb")
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StorageUnavailable(
                _("A stored file cannot be read: %(reason)s.") % {"reason": error.strerror}
            ) from error

    def delete(self, name: str) -> None:
        try:
            (self.folder() / name).unlink(missing_ok=True)
        except OSError as error:
            raise StorageUnavailable(
                _("The disk cannot remove a file: %(reason)s.") % {"reason": error.strerror}
            ) from error

    def exists(self, name: str) -> bool:
        return (self.folder() / name).is_file()

    def size(self, name: str) -> int:
        return (self.folder() / name).stat().st_size

    def walk(self, folder: str, *, after: str) -> Iterator[StoredObject]:
        top = self.folder()
        # By parts: in a sorted walk "a/x" comes before "a-b/x", in a sorted list of strings not.
        done = tuple(after.split("/")) if after else ()
        for parent, folders, files in os.walk(top / folder):
            folders.sort()
            for file in sorted(files):
                path = Path(parent) / file
                parts = path.relative_to(top).parts
                if parts <= done:
                    continue
                try:
                    status = path.stat()
                except FileNotFoundError:
                    continue  # deleted since the folder was listed
                modified_at = datetime.fromtimestamp(status.st_mtime, tz=UTC)
                yield StoredObject("/".join(parts), status.st_size, modified_at)

    def drop_partial(self, folder: str, *, before: datetime, limit: int) -> int:
        dropped = 0
        partials = self.folder() / PARTIAL
        for path in sorted(partials.iterdir()) if partials.is_dir() else ():
            if dropped == limit:
                break
            if path.stat().st_mtime < before.timestamp():
                path.unlink(missing_ok=True)
                dropped += 1
        return dropped

    def accel_path(self, name: str) -> str:
        root = Path(settings.LOCAL_STORAGE_ROOT).resolve()
        return (self.folder() / name).relative_to(root).as_posix()


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
