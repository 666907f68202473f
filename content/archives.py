"""Archives as they arrive: a zip with a table, read without ever writing a name of it to disk.

Pure: a file in, entries and rows out. A zip is hostile input: its directory, its names, its sizes
and its packing are checked before anything is unpacked, and what is unpacked is bounded.
"""

import csv
import io
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Any, Final

from django.core.files.base import File
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

MOST_ENTRIES: Final = 2000
MOST_RATIO: Final = 100
# A small file may be packed tightly: it is the large ones that fill a machine.
RATIO_MATTERS_FROM: Final = 1024 * 1024
# 2,000 entries with long names; Python reads the directory in one piece.
DIRECTORY_BYTES: Final = 4 * 1024 * 1024
TABLE_BYTES: Final = 5 * 1024 * 1024
CHUNK: Final = 1024 * 1024

_ARCHIVES = {".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".jar", ".cab"}
_JUNK_FOLDERS = {"__macosx", "@eadir", ".git", ".svn"}
_JUNK = {"thumbs.db", "desktop.ini", "ehthumbs.db"}
_UTF8_NAMES, _ENCRYPTED = 0x800, 0x1
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    OSError,
    ValueError,
    struct.error,
)

COLUMNS: Final = {
    "title": ("title", "название", "заголовок"),
    "project": ("project", "проект"),
    "picture": ("picture", "image", "photo", "картинка", "изображение", "фото"),
    "videos": ("videos", "video", "видео"),
}
SEPARATOR: Final = "|"


class ArchiveRejected(ValueError):
    """The archive as a whole cannot be used; `args[0]` says why in plain words."""


class EntryRejected(ValueError):
    """One file of the archive cannot be used; `args[0]` says why in plain words."""


@dataclass(frozen=True)
class TableRow:
    """`number` is the row's as a spreadsheet counts, the heading being row 1."""

    number: int
    title: str
    project: str
    picture: str
    videos: tuple[str, ...]


class Archive:
    """The usable entries of a zip, by name. Raises ArchiveRejected when it cannot be trusted.

    `most_bytes` bounds what all entries together may unpack to; what an entry says of its size is
    never exceeded. Messages are in the language in force.
    """

    def __init__(self, file: IO[bytes], *, most_bytes: int) -> None:
        self._zip = _opened(file)
        self._entries: dict[str, zipfile.ZipInfo] = {}
        self._names: dict[str, str] = {}
        self._by_file_name: dict[str, list[str]] = {}
        self._twice: set[str] = set()
        infos = self._zip.infolist()
        if len(infos) > MOST_ENTRIES:
            raise ArchiveRejected(
                _("The archive holds more than %(most)d files.") % {"most": MOST_ENTRIES}
            )
        if sum(info.file_size for info in infos) > most_bytes:
            raise ArchiveRejected(
                _("The archive unpacks to more than %(most)s.")
                % {"most": filesizeformat(most_bytes)}
            )
        for info in infos:
            self._take(info)

    def __enter__(self) -> "Archive":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._zip.close()

    def _take(self, info: zipfile.ZipInfo) -> None:
        name = _decoded(info)
        path = PurePosixPath(name)
        if _leads_out(name, path):
            raise ArchiveRejected(
                _("The archive names a file outside of itself: %(name)s.") % {"name": name}
            )
        if info.is_dir() or _is_junk(path):
            return
        _check_packing(info, name, path)
        key = _key(name)
        if key in self._entries:
            self._twice.add(key)
        self._entries[key] = info
        self._names[key] = name
        self._by_file_name.setdefault(_key(path.name), []).append(key)

    @property
    def names(self) -> list[str]:
        return sorted(self._names.values())

    def find(self, wanted: str, *, beside: str = "") -> str | None:
        """The entry that a table means by `wanted`; None when there is none.

        A path in the archive, or one beside the table, or a file name that occurs once. Raises
        EntryRejected when it could be one of several.
        """
        name = wanted.strip().replace("\\", "/").removeprefix("./")
        folder = PurePosixPath(beside).parent
        for path in (str(folder / name), name):
            if (key := _key(path)) in self._entries:
                if key in self._twice:
                    raise EntryRejected(
                        _("The archive holds %(name)s more than once.") % {"name": wanted}
                    )
                return self._names[key]
        same = self._by_file_name.get(_key(PurePosixPath(name).name), []) if name else []
        if "/" in name or not same:
            return None
        if len(same) > 1:
            raise EntryRejected(
                _("The archive holds %(name)s more than once: write its folder too.")
                % {"name": wanted}
            )
        return self._names[same[0]]

    def size(self, name: str) -> int:
        return self._entries[_key(name)].file_size

    def read(self, name: str, most: int | None = None) -> bytes:
        """The entry's bytes, or its first `most`. Raises EntryRejected when it is damaged."""
        wanted = self.size(name) if most is None else min(most, self.size(name))
        out = io.BytesIO()
        for chunk in self._chunks(name):
            out.write(chunk)
            if out.tell() >= wanted:
                break
        return out.getvalue()[:wanted]

    @contextmanager
    def extracted(self, name: str, folder: str) -> Iterator[File[bytes]]:
        """The entry as a nameless file in `folder`, gone afterwards. Raises EntryRejected."""
        with TemporaryFile(dir=folder) as copy:
            for chunk in self._chunks(name):
                copy.write(chunk)
            copy.flush()
            copy.seek(0)
            yield File(copy, name=PurePosixPath(name).name)

    def _chunks(self, name: str) -> Iterator[bytes]:
        try:
            with self._zip.open(self._entries[_key(name)]) as source:
                while chunk := source.read(CHUNK):
                    yield chunk
        except _DAMAGED as error:
            raise EntryRejected(
                _("%(name)s is damaged in the archive.") % {"name": name}
            ) from error

    def table(self) -> tuple[str, list[TableRow]]:
        """The name and the rows of the one CSV. Raises ArchiveRejected."""
        found = [name for name in self.names if name.lower().endswith(".csv")]
        if not found:
            raise ArchiveRejected(_("There is no CSV table in the archive."))
        if len(found) > 1:
            raise ArchiveRejected(
                _("There are several CSV tables in the archive: %(names)s.")
                % {"names": ", ".join(found[:5])}
            )
        if self.size(found[0]) > TABLE_BYTES:
            raise ArchiveRejected(
                _("The table is larger than %(most)s.") % {"most": filesizeformat(TABLE_BYTES)}
            )
        try:
            return found[0], read_table(self.read(found[0]))
        except EntryRejected as error:
            raise ArchiveRejected(str(error)) from error


class _Bounded(io.RawIOBase):
    """Refuses to give much at once: a directory that claims gigabytes is not read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(DIRECTORY_BYTES + 1 if size < 0 else min(size, DIRECTORY_BYTES + 1))
        if len(data) > DIRECTORY_BYTES:
            raise zipfile.BadZipFile("The directory is too large.")
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True


def _opened(file: IO[bytes]) -> zipfile.ZipFile:
    source: Any = _Bounded(file)
    try:
        return zipfile.ZipFile(source)
    except _DAMAGED as error:
        raise ArchiveRejected(_("This is not a zip archive that can be read.")) from error


def _decoded(info: zipfile.ZipInfo) -> str:
    """The entry's name: UTF-8, marked or not, else the code page of Russian Windows."""
    name = info.filename
    if not info.flag_bits & _UTF8_NAMES:
        raw = name.encode("cp437", "replace")
        try:
            name = raw.decode()
        except UnicodeDecodeError:
            name = raw.decode("cp866")
    return unicodedata.normalize("NFC", name.replace("\\", "/"))


def _key(name: str) -> str:
    """Windows and macOS do not tell upper from lower case, nor one writing of "й" from another."""
    return unicodedata.normalize("NFC", name).casefold()


def _leads_out(name: str, path: PurePosixPath) -> bool:
    return path.is_absolute() or ".." in path.parts or name[1:2] == ":" or "\0" in name


def _is_junk(path: PurePosixPath) -> bool:
    parts = [part.lower() for part in path.parts]
    return (
        any(part in _JUNK_FOLDERS for part in parts)
        or parts[-1] in _JUNK
        or parts[-1].startswith(".")
    )


def _check_packing(info: zipfile.ZipInfo, name: str, path: PurePosixPath) -> None:
    if info.flag_bits & _ENCRYPTED:
        raise ArchiveRejected(_("The archive is protected by a password: pack it without one."))
    mode = info.external_attr >> 16
    if mode and not (stat.S_ISREG(mode) or stat.S_IFMT(mode) == 0):
        raise ArchiveRejected(
            _("%(name)s is a link or something else that is no file.") % {"name": name}
        )
    if path.suffix.lower() in _ARCHIVES:
        raise ArchiveRejected(
            _("%(name)s is an archive itself: put its files in directly.") % {"name": name}
        )
    # Others unpack with memory that the archive chooses.
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise ArchiveRejected(
            _("%(name)s is packed in an unusual way: make a plain zip.") % {"name": name}
        )
    if info.file_size > RATIO_MATTERS_FROM and info.file_size > MOST_RATIO * max(
        info.compress_size, 1
    ):
        raise ArchiveRejected(
            _("%(name)s unpacks to more than %(ratio)d times its size.")
            % {"name": name, "ratio": MOST_RATIO}
        )


def read_table(data: bytes) -> list[TableRow]:
    """The rows of a CSV with a heading; blank rows are left out. Raises ArchiveRejected.

    UTF-8 or what Excel writes: UTF-16 with its mark, Windows-1251; separated by commas, semicolons
    or tabs. Unknown columns are ignored.
    """
    text = _text(data)
    heading, _line, _rest = text.partition("\n")
    delimiter = max(",;\t", key=heading.count)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise ArchiveRejected(
            _("The table cannot be read as CSV: a quotation mark is missing or misplaced.")
        ) from error
    columns = _columns(lines[0] if lines else [])
    rows: list[TableRow] = []
    for number, line in enumerate(lines[1:], start=2):
        if not any(cell.strip() for cell in line):
            continue
        if len(rows) == MOST_ENTRIES:
            raise ArchiveRejected(
                _("The table has more than %(most)d rows.") % {"most": MOST_ENTRIES}
            )
        rows.append(_row(number, line, columns))
    if not rows:
        raise ArchiveRejected(_("The table has no rows below its heading."))
    return rows


def _text(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "cp1251"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise ArchiveRejected(_("The table is not text: save it as CSV in UTF-8."))


def _columns(heading: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for number, cell in enumerate(heading):
        name = cell.strip().casefold()
        for column, names in COLUMNS.items():
            if name in names and column not in found:
                found[column] = number
    missing = [name for name in ("title", "picture") if name not in found]
    if missing:
        raise ArchiveRejected(
            _(
                "The table's heading lacks: %(missing)s. It names the columns title, project, "
                "picture and videos."
            )
            % {"missing": ", ".join(missing)}
        )
    return found


def _row(number: int, line: list[str], columns: dict[str, int]) -> TableRow:
    def cell(column: str) -> str:
        place = columns.get(column, len(line))
        return " ".join(line[place].split()) if place < len(line) else ""

    videos = tuple(name.strip() for name in cell("videos").split(SEPARATOR) if name.strip())
    return TableRow(number, cell("title"), cell("project"), cell("picture"), videos)
