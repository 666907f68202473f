"""`/media/<name>` over both kinds of storage: ranges, caching, and nothing but stored files."""

import gzip
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from companies.media import accepts_gzip, parse_range
from companies.models import Company, StorageConnection, StoredFile
from companies.storage.router import TenantStorage, generated_name, media_path

CONTENT = bytes(range(256)) * 1000
SIZE = len(CONTENT)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-1", (0, 2)),
        ("bytes=0-0", (0, 1)),
        ("bytes=99-", (99, 1)),
        ("bytes=0-", (0, 100)),
        ("bytes=90-500", (90, 10)),
        ("bytes=-10", (90, 10)),
        ("bytes=-500", (0, 100)),
        ("Bytes= 5-6 ", (5, 2)),
        ("bytes=0-" + "9" * 18, (0, 100)),
        ("bytes=-", None),
        ("bytes=6-5", None),
        ("bytes=0-1,4-5", None),
        ("bytes=a-b", None),
        ("bytes=1", None),
        ("bytes=٠-١", None),
        ("bytes=0-" + "9" * 5000, None),
        ("items=0-1", None),
        ("", None),
    ],
)
def test_a_range_is_read_as_the_standard_says(
    header: str, expected: tuple[int, int] | None
) -> None:
    assert parse_range(header, 100) == expected


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_outside_the_file_cannot_be_had(header: str) -> None:
    with pytest.raises(ValueError, match="outside"):
        parse_range(header, 100)


@pytest.mark.parametrize("header", ["bytes=0-0", "bytes=0-", "bytes=-1"])
def test_an_empty_file_has_no_ranges(header: str) -> None:
    with pytest.raises(ValueError, match="outside"):
        parse_range(header, 0)


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip ; q=0.00", False),
        ("gzip;q=0.01", True),
        ("x-gzip, br", False),
        ("", False),
    ],
)
def test_gzip_is_sent_to_those_who_take_it(header: str, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted


def body(response: Any) -> bytes:
    """All bytes of an answer, streamed or not."""
    content: bytes = response.getvalue()
    return content


def store(company: Company, kind: str, filename: str, content: bytes = CONTENT) -> str:
    return TenantStorage().save(generated_name(company, kind, filename), ContentFile(content))


@pytest.mark.django_db
class TestOverBothStorages:
    @pytest.fixture
    def url(self, tenant: Company) -> str:
        return media_path(store(tenant, "videos", "film.mp4"))

    def test_the_whole_file(self, client: Client, url: str) -> None:
        response = client.get(url)
        assert response.status_code == 200
        assert body(response) == CONTENT
        assert response["Content-Length"] == str(SIZE)
        assert response["Content-Type"] == "video/mp4"
        assert response["Accept-Ranges"] == "bytes"
        assert response["Cache-Control"] == "public, max-age=31536000, immutable"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in response["Content-Security-Policy"]
        assert "Vary" not in response
        assert not response.cookies

    @pytest.mark.parametrize(
        ("header", "start", "length"),
        [
            ("bytes=0-1", 0, 2),
            ("bytes=1000-", 1000, SIZE - 1000),
            ("bytes=-7", SIZE - 7, 7),
            (f"bytes={SIZE - 1}-{SIZE + 50}", SIZE - 1, 1),
            ("bytes=60000-200000", 60000, 140001),
        ],
    )
    def test_one_range(
        self, client: Client, url: str, header: str, start: int, length: int
    ) -> None:
        response = client.get(url, headers={"Range": header})
        assert response.status_code == 206
        assert body(response) == CONTENT[start : start + length]
        assert response["Content-Length"] == str(length)
        assert response["Content-Range"] == f"bytes {start}-{start + length - 1}/{SIZE}"

    def test_several_ranges_are_answered_by_the_whole_file(self, client: Client, url: str) -> None:
        response = client.get(url, headers={"Range": "bytes=0-1,5-6"})
        assert response.status_code == 200
        assert body(response) == CONTENT

    def test_a_range_outside_is_refused_with_the_size(self, client: Client, url: str) -> None:
        response = client.get(url, headers={"Range": f"bytes={SIZE}-"})
        assert response.status_code == 416
        assert response["Content-Range"] == f"bytes */{SIZE}"
        assert "immutable" not in response["Cache-Control"]

    def test_if_range_with_another_tag_gives_the_whole_file(self, client: Client, url: str) -> None:
        first = client.get(url)
        for condition in (first["ETag"], first["Last-Modified"]):
            headers = {"Range": "bytes=0-1", "If-Range": condition}
            assert client.get(url, headers=headers).status_code == 206
        for condition in ('"another"', "W/" + first["ETag"], "Mon, 01 Jan 2001 00:00:00 GMT"):
            headers = {"Range": "bytes=0-1", "If-Range": condition}
            assert client.get(url, headers=headers).status_code == 200

    def test_what_a_browser_has_it_need_not_fetch(self, client: Client, url: str) -> None:
        tag = client.get(url)["ETag"]
        assert tag.startswith('"')
        headers = {"If-None-Match": f'"x", {tag}', "Range": "bytes=0-1"}
        response = client.get(url, headers=headers)
        assert response.status_code == 304
        assert response["ETag"] == tag
        assert body(response) == b""

    def test_head_gives_the_headers_alone(self, client: Client, url: str) -> None:
        response = client.head(url, headers={"Range": "bytes=0-1"})
        assert response.status_code == 200
        assert response["Content-Length"] == str(SIZE)
        assert body(response) == b""

    def test_a_row_without_its_file_is_not_found(self, client: Client, tenant: Company) -> None:
        name = generated_name(tenant, "videos", "a.mp4")
        StoredFile.objects.create(
            name=name,
            company=tenant,
            connection=tenant.storage_connection,
            kind="videos",
            size_bytes=5,
        )
        assert client.get(media_path(name)).status_code == 404

    def test_a_file_without_its_row_is_not_found(self, client: Client, url: str) -> None:
        StoredFile.objects.all().delete()
        assert client.get(url).status_code == 404

    def test_a_marker_travels_compressed_and_whole(self, client: Client, tenant: Company) -> None:
        url = media_path(store(tenant, "markers", "marker.mind"))
        plain = client.get(url)
        zipped = client.get(url, headers={"Accept-Encoding": "gzip, br"})
        assert body(plain) == CONTENT
        assert "Content-Encoding" not in plain
        assert zipped["Content-Encoding"] == "gzip"
        assert gzip.decompress(body(zipped)) == CONTENT
        assert int(zipped["Content-Length"]) == len(body(zipped)) < SIZE
        assert plain["Content-Type"] == zipped["Content-Type"] == "application/octet-stream"
        assert plain["Vary"] == zipped["Vary"] == "Accept-Encoding"
        assert plain["ETag"] != zipped["ETag"]
        headers = {"Accept-Encoding": "gzip", "If-None-Match": zipped["ETag"]}
        assert client.get(url, headers=headers).status_code == 304
        headers = {"Accept-Encoding": "gzip", "Range": "bytes=0-9"}
        part = client.get(url, headers=headers)
        assert (part.status_code, body(part)) == (206, CONTENT[:10])


@pytest.mark.django_db
def test_an_answer_costs_one_query(
    client: Client, company: Company, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    url = media_path(store(company, "videos", "film.mp4"))
    with django_assert_num_queries(1):
        client.get(url, headers={"Range": "bytes=0-1"})


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("filename", "content_type"),
    [
        ("a.webm", "video/webm"),
        ("a.webp", "image/webp"),
        ("a.jpg", "image/jpeg"),
        ("a.png", "image/png"),
        ("a.svg", "image/svg+xml"),
    ],
)
def test_each_kind_of_file_has_its_type(
    client: Client, company: Company, filename: str, content_type: str
) -> None:
    response = client.get(media_path(store(company, "portraits", filename)))
    assert response["Content-Type"] == content_type
    assert "script-src" not in response["Content-Security-Policy"]
    assert "default-src 'none'" in response["Content-Security-Policy"]


@pytest.mark.django_db
def test_a_file_of_an_unknown_kind_is_only_downloaded(client: Client, company: Company) -> None:
    response = client.get(media_path(store(company, "portraits", "page.html")))
    assert response["Content-Type"] == "application/octet-stream"
    assert response["Content-Disposition"] == "attachment"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name",
    [
        "",
        "../settings.py",
        "..%2f..%2fetc/passwd",
        "%2e%2e/%2e%2e/etc/passwd",
        "/etc/passwd",
        "1/company/videos/" + "0" * 32 + ".mp4",
        "1/company/videos/../videos/" + "0" * 32 + ".mp4",
        "1/company/videos/" + "0" * 32 + ".mp4%00.png",
        "1/company/videos/" + "0" * 32 + ".mp4%0a",
        "99999999999999999999999/company/videos/" + "0" * 32 + ".mp4",
        quote("1/компания/videos/" + "0" * 32 + ".mp4"),
    ],
)
def test_a_hostile_or_unknown_name_is_not_found(
    client: Client, company: Company, local_storage_root: Path, name: str
) -> None:
    store(company, "videos", "film.mp4")
    assert client.get("/media/" + name).status_code == 404


@pytest.mark.django_db
def test_files_are_only_read(client: Client, company: Company) -> None:
    url = media_path(store(company, "videos", "film.mp4"))
    assert client.post(url).status_code == 405
    assert client.delete(url).status_code == 405


@pytest.mark.django_db
def test_nginx_may_send_local_files_by_itself(
    client: Client, company: Company, settings: Settings, local_storage_root: Path
) -> None:
    StorageConnection.objects.update(base_path="tenants/first floor")
    name = store(company, "videos", "film.mp4")
    settings.MEDIA_ACCEL_LOCATION = "/stored-files/"
    response = client.get(media_path(name), headers={"Range": "bytes=0-1"})
    assert response["X-Accel-Redirect"] == f"/stored-files/tenants/first%20floor/{name}"
    assert (local_storage_root / "tenants/first floor" / name).is_file()
    assert response["Content-Type"] == "video/mp4"
    assert body(response) == b""


@pytest.mark.django_db
def test_a_storage_that_is_away_is_a_503_that_nobody_caches(
    client: Client, s3_connection: StorageConnection, company: Company, unused_port: int
) -> None:
    company.storage_connection = s3_connection
    company.save()
    url = media_path(store(company, "videos", "film.mp4"))
    s3_connection.credentials["endpoint_url"] = f"http://127.0.0.1:{unused_port}"
    s3_connection.save()
    response = client.get(url)
    assert response.status_code == 503
    assert response["Cache-Control"] == "no-store"
