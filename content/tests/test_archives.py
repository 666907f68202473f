"""Archives as they come from people's machines, and archives that mean harm."""

import io
import random
import stat
import struct
import time
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from content import archives
from content.archives import Archive, ArchiveRejected, EntryRejected, read_table
from content.tests.zips import packed, table

MOST = 50 * 1024 * 1024


def opened(data: bytes, most_bytes: int = MOST) -> Archive:
    return Archive(io.BytesIO(data), most_bytes=most_bytes)


def refusal(data: bytes, most_bytes: int = MOST) -> str:
    with pytest.raises(ArchiveRejected) as caught:
        opened(data, most_bytes)
    return str(caught.value)


def with_info(info: zipfile.ZipInfo, data: bytes = b"data") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(info, data)
    return out.getvalue()


def test_names_are_found_by_path_beside_the_table_and_by_a_file_name_that_occurs_once() -> None:
    archive = opened(
        packed({"Альбом/один.jpg": b"1", "Альбом/t.csv": b"", "b/x.jpg": b"2", "c/x.jpg": b"3"})
    )
    assert archive.find("Альбом/один.jpg") == "Альбом/один.jpg"
    assert archive.find("ОДИН.JPG", beside="Альбом/t.csv") == "Альбом/один.jpg"
    assert archive.find("Один.jpg") == "Альбом/один.jpg"
    assert archive.find("b\\x.jpg") == "b/x.jpg"
    assert archive.find("d/x.jpg") is None
    assert archive.find("") is None
    with pytest.raises(EntryRejected, match="folder"):
        archive.find("x.jpg")


def test_names_of_russian_windows_and_of_macos_are_understood() -> None:
    russian = packed({"AAAA.jpg": b"1"}).replace(b"AAAA", "Фото".encode("cp866"))
    assert opened(russian).names == ["Фото.jpg"]
    # macOS writes "й" as two characters, and adds its own files.
    mac = packed({"Мой.jpg": b"1", "__MACOSX/._Мой.jpg": b"2", ".DS_Store": b"3"})
    archive = opened(mac)
    assert archive.find("Мой.jpg") == archive.names[0]
    assert len(archive.names) == 1


@pytest.mark.parametrize("name", ["../a.jpg", "/etc/a.jpg", "a/../../b.jpg", "C:/a.jpg", "..\\a"])
def test_a_name_that_leads_out_of_the_archive_is_refused(name: str) -> None:
    assert "outside" in refusal(packed({name: b"data"}))


def test_links_are_refused() -> None:
    info = zipfile.ZipInfo("link.jpg")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert "link" in refusal(with_info(info, b"/etc/passwd"))


@pytest.mark.parametrize("name", ["inner.zip", "a/more.7Z", "x.tar.gz"])
def test_archives_within_the_archive_are_refused(name: str) -> None:
    assert "archive itself" in refusal(packed({name: b"data"}))


def test_a_password_is_refused() -> None:
    data = bytearray(packed({"a.jpg": b"data"}))
    directory = data.index(b"PK\x01\x02")
    data[directory + 8] |= 1
    assert "password" in refusal(bytes(data))


def test_an_archive_that_unpacks_to_far_more_than_it_weighs_is_refused_unread() -> None:
    started = time.monotonic()
    assert "times its size" in refusal(packed({"bomb.jpg": bytes(20 * 1024 * 1024)}))
    assert "unpacks to more" in refusal(packed({"a.jpg": bytes(900_000)}), 800_000)
    assert time.monotonic() - started < 5


def test_too_many_files_are_refused() -> None:
    assert "2000" in refusal(packed({f"{n}.jpg": b"" for n in range(2001)}))


def test_packings_that_choose_how_much_memory_they_take_are_refused() -> None:
    assert "unusual" in refusal(packed({"a.jpg": b"data"}, compression=zipfile.ZIP_LZMA))


def test_a_directory_that_claims_gigabytes_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "DIRECTORY_BYTES", 70_000)
    assert "zip archive" in refusal(packed({f"{n}": b"" for n in range(1500)}))


def test_an_entry_that_is_larger_than_it_says_gives_no_more_than_that() -> None:
    data = bytearray(packed({"a.jpg": bytes(1_000_000)}))
    directory = data.index(b"PK\x01\x02")
    struct.pack_into("<I", data, directory + 24, 1000)
    struct.pack_into("<I", data, 22, 1000)
    with pytest.raises(EntryRejected, match="damaged"):
        opened(bytes(data)).read("a.jpg")


def test_a_damaged_entry_is_that_entry_s_trouble_alone() -> None:
    data = bytearray(packed({"a.jpg": b"A" * 50, "b.jpg": b"B" * 50}, compression=0))
    data[data.index(b"AAAA")] = ord("Z")
    archive = opened(bytes(data))
    with pytest.raises(EntryRejected, match=r"a\.jpg is damaged"):
        archive.read("a.jpg")
    assert archive.read("b.jpg") == b"B" * 50


@settings(max_examples=150)
@given(st.integers(0, 2**32), st.integers(1, 30))
def test_an_archive_with_any_bytes_wrong_is_read_or_refused(seed: int, count: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    good = packed({"t.csv": table([("A", "", "a.jpg", "")]), "a.jpg": b"A" * 300})
    data = bytearray(good)
    for _time in range(count):
        data[chance.randrange(len(data))] = chance.randrange(256)
    try:
        archive = opened(bytes(data))
        archive.table()
        for name in archive.names:
            archive.read(name)
    except (ArchiveRejected, EntryRejected):
        return


@pytest.mark.parametrize("data", [b"", b"PK\x05\x06", b"no zip", b"%PDF-1.4" * 1000])
def test_what_is_no_zip_is_refused(data: bytes) -> None:
    assert "zip archive" in refusal(data)


@pytest.mark.parametrize(
    ("encoding", "delimiter"),
    [("utf-8", ","), ("utf-8-sig", ";"), ("cp1251", ";"), ("utf-16", "\t")],
)
def test_tables_of_every_spreadsheet_are_read(encoding: str, delimiter: str) -> None:
    heading = ("Название", "Проект", "Фото", "Видео", "Заметка")
    data = table(
        [("Бабушка", "Альбом", "one.jpg", "a.mp4 | b.mp4", "-"), ("", "", "", "", "")],
        heading=heading,
        delimiter=delimiter,
        encoding=encoding,
    )
    [row] = read_table(data)
    assert (row.number, row.title, row.project) == (2, "Бабушка", "Альбом")
    assert (row.picture, row.videos) == ("one.jpg", ("a.mp4", "b.mp4"))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "title, picture"),
        (b"title,project\nA,B", "picture"),
        (b"title,picture\n", "no rows"),
        (b'title,picture\n"A,b.jpg', "quotation"),
        (b"title,picture\nA,b.jpg\0", "not text"),
        (b"\xff\xfeA", "not text"),
        (b"title,picture\n" + b"a,b\n" * 2001, "2000 rows"),
    ],
)
def test_tables_that_cannot_be_meant_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ArchiveRejected, match=reason):
        read_table(data)


def test_an_archive_has_exactly_one_table() -> None:
    with pytest.raises(ArchiveRejected, match="no CSV"):
        opened(packed({"a.jpg": b"1"})).table()
    with pytest.raises(ArchiveRejected, match="several"):
        opened(packed({"a.csv": b"1", "b.CSV": b"2"})).table()
