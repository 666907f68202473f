"""`/media/<stored name>`: stored files with byte ranges, for whoever knows the name.

Safari plays nothing without ranges, and Django's own FileResponse ignores them. Names are
unguessable and looked up in the ledger, so nothing of the request ever becomes a path.
"""

import errno
import gzip
import logging
import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import quote

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.http import http_date
from django.views.decorators.http import require_safe

from companies.models import StoredFile
from companies.storage.backend import Backend, ByteStream, StorageUnavailable
from companies.storage.connections import backend_of
from companies.storage.names import CONTENT_TYPES, StoredName, content_type_of
from companies.storage.router import TenantStorage

logger = logging.getLogger(__name__)

CACHE_CONTROL = "public, max-age=31536000, immutable"
# Opened on its own, a file runs no script and reaches nothing: an SVG may hold both.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox"
)
# Markers shrink by 44 % in 25 ms. Sixteen of them stay compressed in each process.
GZIP_MOST_BYTES = 4 * 1024 * 1024
_RANGE = re.compile(r"bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", re.IGNORECASE)
_REFUSED = re.compile(r"\s*q\s*=\s*0(\.0*)?\s*")


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """(start, length) of a single byte range of a file of `size` bytes.

    None when the header asks for several ranges or is malformed: RFC 9110 then wants the whole
    file. Raises ValueError when no byte of the range is in the file.
    """
    match = _RANGE.fullmatch(header)
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        length = min(int(match[2]), size)
        start = size - length
    else:
        start = int(match[1])
        last = min(int(match[2]), size - 1) if match[2] else size - 1
        if match[2] and int(match[2]) < start:
            return None
        length = last - start + 1
    if length <= 0:
        raise ValueError("The range lies outside the file.")
    return start, length


def accepts_gzip(header: str) -> bool:
    """Whether an Accept-Encoding header names gzip, and not with a weight of zero."""
    for part in header.lower().split(","):
        coding, _semicolon, weight = part.partition(";")
        if coding.strip() == "gzip":
            return _REFUSED.fullmatch(weight) is None
    return False


@require_safe
def media(request: HttpRequest, name: str) -> HttpResponseBase:
    try:
        stored = StoredName.parse(name)
        row = StoredFile.objects.select_related("connection").get(name=name)
    except (SuspiciousFileOperation, StoredFile.DoesNotExist) as error:
        raise Http404 from error
    zipped = _may_be_zipped(request, stored, row)
    response = _answer(request, stored, row, zipped=zipped)
    _describe(response, stored, row, zipped=zipped)
    return response


def _may_be_zipped(request: HttpRequest, stored: StoredName, row: StoredFile) -> bool:
    return (
        stored.extension == "mind"
        and row.size_bytes <= GZIP_MOST_BYTES
        and "Range" not in request.headers
        and accepts_gzip(request.headers.get("Accept-Encoding", ""))
    )


def _etag(stored: StoredName, *, zipped: bool) -> str:
    return f'"{stored.stem}-gzip"' if zipped else f'"{stored.stem}"'


def _answer(
    request: HttpRequest, stored: StoredName, row: StoredFile, *, zipped: bool
) -> HttpResponseBase:
    unchanged = get_conditional_response(
        request,
        etag=_etag(stored, zipped=zipped),
        last_modified=int(row.created_at.timestamp()),
    )
    if unchanged is not None:
        return unchanged
    try:
        backend = backend_of(row.connection)
        if zipped:
            return _zipped_answer(request, str(stored))
        accel = backend.accel_path(row.name) if settings.MEDIA_ACCEL_LOCATION else None
        if accel is not None:
            # nginx takes the file and the range from here; the type stays ours.
            return HttpResponse(
                headers={"X-Accel-Redirect": settings.MEDIA_ACCEL_LOCATION + quote(accel)}
            )
        return _ranged_answer(request, stored, row, backend)
    except FileNotFoundError as error:
        raise Http404 from error
    except StorageUnavailable:
        return HttpResponse(status=503, headers={"Retry-After": "30"})


def _ranged_answer(
    request: HttpRequest, stored: StoredName, row: StoredFile, backend: Backend
) -> HttpResponseBase:
    size = row.size_bytes
    start, length, status = 0, size, 200
    header = request.headers.get("Range", "")
    # RFC 9110 defines ranges for GET alone.
    if header and request.method == "GET" and _range_still_applies(request, stored, row):
        try:
            wanted = parse_range(header, size)
        except ValueError:
            return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
        if wanted is not None:
            (start, length), status = wanted, 206
    response: HttpResponseBase
    if request.method == "HEAD":
        response = HttpResponse()
    else:
        stream = backend.read(row.name, start=start, length=length)
        response = StreamingHttpResponse(_Body(row.name, stream), status=status)
    if status == 206:
        response["Content-Range"] = f"bytes {start}-{start + length - 1}/{size}"
    response["Content-Length"] = str(length)
    return response


class _Body:
    """The bytes of an answer. The first are read here, while 503 can still be answered.

    When the storage fails later, the connection is broken off, so that the client asks again.
    """

    def __init__(self, name: str, stream: ByteStream) -> None:
        self.name = name
        self.close = stream.close
        self._chunks = iter(stream)
        try:
            self._first = next(self._chunks, b"")
        except BaseException:
            stream.close()
            raise

    def __iter__(self) -> Iterator[bytes]:
        yield self._first
        try:
            yield from self._chunks
        except StorageUnavailable as error:
            logger.warning("media_broken_off", extra={"stored": self.name, "reason": str(error)})
            # WSGI servers take it for a client that went away: they close, and log no traceback.
            raise ConnectionResetError(errno.ECONNRESET, "The storage failed.") from error


def _range_still_applies(request: HttpRequest, stored: StoredName, row: StoredFile) -> bool:
    condition = request.headers.get("If-Range")
    return condition is None or condition in {
        _etag(stored, zipped=False),
        http_date(row.created_at.timestamp()),
    }


def _zipped_answer(request: HttpRequest, name: str) -> HttpResponse:
    body = _compressed(name)
    response = HttpResponse(b"" if request.method == "HEAD" else body)
    response["Content-Encoding"] = "gzip"
    response["Content-Length"] = str(len(body))
    return response


@lru_cache(maxsize=16)
def _compressed(name: str) -> bytes:
    with TenantStorage().open(name) as source:
        return gzip.compress(source.read(), compresslevel=6, mtime=0)


def _describe(
    response: HttpResponseBase, stored: StoredName, row: StoredFile, *, zipped: bool
) -> None:
    response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response["X-Content-Type-Options"] = "nosniff"
    if stored.extension == "mind":
        patch_vary_headers(response, ["Accept-Encoding"])
    response["Accept-Ranges"] = "bytes"
    if response.status_code not in {200, 206, 304}:
        response["Cache-Control"] = "no-store"
        return
    response["Cache-Control"] = CACHE_CONTROL
    response["ETag"] = _etag(stored, zipped=zipped)
    response["Last-Modified"] = http_date(row.created_at.timestamp())
    response["Content-Type"] = content_type_of(row.name)
    if stored.extension not in CONTENT_TYPES:
        response["Content-Disposition"] = "attachment"
