"""Stored names: `<connection id>/<company slug>/<kind>/<32 hex digits>.<extension>`.

The server makes every name; of the user's file name only the extension survives. A name is never
used twice, so what is stored under it never changes.
"""

import re
import uuid
from dataclasses import dataclass
from pathlib import PurePosixPath

from django.core.exceptions import SuspiciousFileOperation

CONTENT_TYPES = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "svg": "image/svg+xml",
    "mp4": "video/mp4",
    "m4v": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "mind": "application/octet-stream",
}
DEFAULT_CONTENT_TYPE = "application/octet-stream"
KINDS = ("portraits", "videos", "markers", "qr-codes", "thumbnails", "imports")

_NAME = re.compile(
    r"(?P<connection>[1-9][0-9]{0,17})/(?P<company>[A-Za-z0-9_-]{1,100})/"
    rf"(?P<kind>{'|'.join(KINDS)})/(?P<stem>[0-9a-f]{{32}})\.(?P<extension>[a-z0-9]{{1,10}})"
)
_EXTENSION = re.compile(r"[a-z0-9]{1,10}")


def content_type_of(name: str) -> str:
    """The content type that a stored name's extension means; what a client claimed is ignored."""
    return CONTENT_TYPES.get(name.rpartition(".")[2], DEFAULT_CONTENT_TYPE)


@dataclass(frozen=True)
class StoredName:
    connection_id: int
    company_slug: str
    kind: str
    stem: str
    extension: str

    def __str__(self) -> str:
        return f"{self.connection_id}/{self.company_slug}/{self.kind}/{self.stem}.{self.extension}"

    @classmethod
    def parse(cls, name: str) -> "StoredName":
        """Raises SuspiciousFileOperation unless `name` is exactly what `generate` makes."""
        match = _NAME.fullmatch(name)
        if match is None:
            raise SuspiciousFileOperation("This is not the name of a stored file.")
        return cls(
            connection_id=int(match["connection"]),
            company_slug=match["company"],
            kind=match["kind"],
            stem=match["stem"],
            extension=match["extension"],
        )

    @classmethod
    def generate(
        cls, *, connection_id: int, company_slug: str, kind: str, filename: str
    ) -> "StoredName":
        """A new, unguessable name; `filename` gives its extension ("bin" without a sane one)."""
        extension = PurePosixPath(filename).suffix.lower().lstrip(".")
        if not _EXTENSION.fullmatch(extension):
            extension = "bin"
        return cls(connection_id, company_slug, kind, uuid.uuid4().hex, extension)
