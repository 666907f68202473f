"""The same promises on local disk and over HTTP on S3."""

import io
import urllib.request
from pathlib import Path

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile, File
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, transaction
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from companies.models import Company, StorageConnection, StoredFile
from companies.provisioning import provision
from companies.storage import uploads
from companies.storage.backend import StorageUnavailable
from companies.storage.connections import backend_of
from companies.storage.router import TenantStorage, generated_name, media_origin, media_path
from companies.storage.uploads import discard, stored_files
from companies.tests.factories import CompanyFactory, StorageConnectionFactory
from conftest import S3Server

pytestmark = pytest.mark.django_db
CONTENT = bytes(range(256)) * 1000
storage = TenantStorage()


def store(company: Company, content: bytes = CONTENT, filename: str = "film.mp4") -> str:
    return storage.save(generated_name(company, "videos", filename), ContentFile(content))


def used(company: Company) -> tuple[int, int, int]:
    """The company's counter and its folder's two."""
    company.refresh_from_db()
    folder = company.storage_folders.get(folder_type="videos")
    return company.storage_used_bytes, folder.files_count, folder.total_size_bytes


def files_in(connection: StorageConnection) -> list[str]:
    return [entry.name for entry in backend_of(connection).walk(str(connection.pk), after="")]


class Interrupted(Exception):
    pass


def test_a_file_is_stored_read_charged_and_deleted(
    tenant: Company,
    connection: StorageConnection,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    name = store(tenant)
    assert name.startswith(f"{connection.pk}/{tenant.slug}/videos/")
    assert storage.exists(name)
    assert storage.size(name) == len(CONTENT)
    with storage.open(name) as stored:
        assert stored.read() == CONTENT
        stored.seek(10)
        assert stored.read(5) == CONTENT[10:15]
    assert used(tenant) == (len(CONTENT), 1, len(CONTENT))
    row = StoredFile.objects.get(name=name)
    assert (row.company, row.connection, row.kind) == (tenant, connection, "videos")

    with django_capture_on_commit_callbacks(execute=True):
        storage.delete(name)
        assert used(tenant) == (0, 0, 0)
        assert storage.exists(name), "it must survive until the commit"
    assert not storage.exists(name)
    with django_capture_on_commit_callbacks(execute=True):
        storage.delete(name)
    assert used(tenant) == (0, 0, 0)
    with pytest.raises(FileNotFoundError):
        storage.open(name)


def test_a_missing_file_has_no_bytes_and_no_size(tenant: Company) -> None:
    name = generated_name(tenant, "videos", "a.mp4")
    assert not storage.exists(name)
    with pytest.raises(FileNotFoundError):
        storage.size(name)
    with pytest.raises(FileNotFoundError):
        backend_of(tenant.storage_connection).read(name, start=0, length=1)


def test_a_name_is_never_stored_twice(tenant: Company) -> None:
    name = store(tenant)
    with pytest.raises(FileExistsError):
        storage.save(name, ContentFile(b"other"))
    with storage.open(name) as stored:
        assert stored.read() == CONTENT
    assert used(tenant) == (len(CONTENT), 1, len(CONTENT))


def test_a_part_of_a_file_is_read_in_bounded_chunks(tenant: Company) -> None:
    name = store(tenant)
    stream = backend_of(tenant.storage_connection).read(name, start=100, length=200_000)
    chunks = list(stream)
    stream.close()
    assert b"".join(chunks) == CONTENT[100:200_100]
    assert max(map(len, chunks)) <= 64 * 1024


def test_a_part_beyond_the_end_is_a_broken_stream_not_a_short_one(tenant: Company) -> None:
    name = store(tenant, b"short")
    with pytest.raises(StorageUnavailable):
        list(backend_of(tenant.storage_connection).read(name, start=0, length=6))


def test_a_rollback_leaves_no_file_and_no_charge(
    tenant: Company, connection: StorageConnection
) -> None:
    kept = store(tenant)

    @stored_files()
    def interrupted() -> None:
        store(tenant)
        store(tenant)
        raise Interrupted

    with pytest.raises(Interrupted):
        interrupted()
    assert files_in(connection) == [kept]
    assert used(tenant) == (len(CONTENT), 1, len(CONTENT))


def test_a_database_that_is_gone_does_not_hide_what_happened(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(connection_id: int) -> None:
        raise OperationalError("server closed the connection")

    @stored_files()
    def interrupted() -> None:
        store(company)
        monkeypatch.setattr(uploads, "backend_for", gone)
        raise Interrupted

    with pytest.raises(Interrupted):
        interrupted()


def test_a_rollback_brings_a_discarded_file_back(
    tenant: Company, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    name = store(tenant)

    @stored_files()
    def interrupted() -> None:
        discard(name)
        raise Interrupted

    with django_capture_on_commit_callbacks(execute=True), pytest.raises(Interrupted):
        interrupted()
    assert storage.exists(name)
    assert used(tenant) == (len(CONTENT), 1, len(CONTENT))


def test_an_outer_failure_takes_the_files_of_an_inner_block_along(
    tenant: Company, connection: StorageConnection
) -> None:
    @stored_files()
    def interrupted() -> None:
        with stored_files():
            store(tenant)
        raise Interrupted

    with pytest.raises(Interrupted):
        interrupted()
    assert files_in(connection) == []


def test_an_inner_failure_leaves_the_outer_files(
    tenant: Company, connection: StorageConnection
) -> None:
    @stored_files()
    def interrupted() -> None:
        store(tenant)
        raise Interrupted

    with stored_files():
        outer = store(tenant)
        with pytest.raises(Interrupted):
            interrupted()
    assert files_in(connection) == [outer]
    assert used(tenant) == (len(CONTENT), 1, len(CONTENT))


def test_a_block_marked_for_rollback_leaves_no_file(
    tenant: Company, connection: StorageConnection
) -> None:
    with stored_files():
        store(tenant)
        transaction.set_rollback(True)
    assert files_in(connection) == []
    assert used(tenant) == (0, 0, 0)


class BreaksHalfway(io.BytesIO):
    """A source that fails after its first 64 KiB, as a dropped upload does."""

    given = 0

    def read(self, size: int | None = -1, /) -> bytes:
        if self.given >= 64 * 1024:
            raise Interrupted
        chunk = super().read(min(64 * 1024, size or 0) if size and size > 0 else 64 * 1024)
        self.given += len(chunk)
        return chunk


def test_a_store_that_breaks_halfway_leaves_nothing(
    tenant: Company, connection: StorageConnection, local_storage_root: Path
) -> None:
    with pytest.raises(Interrupted):
        storage.save(generated_name(tenant, "videos", "a.mp4"), File(BreaksHalfway(CONTENT)))
    assert files_in(connection) == []
    assert used(tenant) == (0, 0, 0)
    assert not [path for path in local_storage_root.rglob("*") if path.is_file()]


def test_text_is_refused_because_its_size_in_bytes_is_not_known(tenant: Company) -> None:
    with pytest.raises(TypeError):
        storage.save(generated_name(tenant, "videos", "a.mp4"), ContentFile("текст"))


@pytest.mark.parametrize("name", ["film.mp4", "../film.mp4", "/etc/passwd", "1/a/videos/x.mp4"])
def test_every_operation_refuses_a_name_the_platform_did_not_make(db: None, name: str) -> None:
    operations = (
        storage.exists,
        storage.size,
        storage.url,
        storage.open,
        storage.delete,
        lambda name: storage.save(name, ContentFile(b"x")),
    )
    for operation in operations:
        with pytest.raises(SuspiciousFileOperation):
            operation(name)


def test_two_companies_on_two_kinds_of_storage_never_mix(
    local_connection: StorageConnection,
    s3_connection: StorageConnection,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    on_disk = CompanyFactory.create(storage_connection=local_connection)
    in_bucket = CompanyFactory.create(storage_connection=s3_connection)
    disk_name, bucket_name = store(on_disk, b"disk"), store(in_bucket, b"bucket!")
    assert files_in(local_connection) == [disk_name]
    assert files_in(s3_connection) == [bucket_name]
    assert (used(on_disk), used(in_bucket)) == ((4, 1, 4), (7, 1, 7))
    with django_capture_on_commit_callbacks(execute=True):
        storage.delete(disk_name)
    assert files_in(s3_connection) == [bucket_name]
    assert (used(on_disk), used(in_bucket)) == ((0, 0, 0), (7, 1, 7))


def test_a_company_that_changes_its_connection_keeps_its_old_files(
    company: Company, s3_connection: StorageConnection
) -> None:
    old = store(company, b"old")
    company.storage_connection = s3_connection
    company.save()
    new = store(company, b"new")
    assert new.startswith(f"{s3_connection.pk}/")
    for name, content in ((old, b"old"), (new, b"new")):
        with storage.open(name) as stored:
            assert stored.read() == content
    assert used(company) == (6, 2, 6)


def test_changed_credentials_take_effect_at_once(s3_server: S3Server, db: None) -> None:
    one, other = s3_server.make_bucket(), s3_server.make_bucket()
    connection = StorageConnectionFactory.create(
        provider="minio", credentials=s3_server.credentials(one)
    )
    company = CompanyFactory.create(storage_connection=connection)
    first = store(company)
    connection.credentials = s3_server.credentials(other)
    connection.save()
    assert not storage.exists(first)
    store(company)
    connection.credentials = s3_server.credentials(one)
    connection.save()
    assert files_in(connection) == [first]


def test_a_switched_off_connection_is_read_but_not_written(company: Company) -> None:
    name = store(company)
    StorageConnection.objects.update(is_active=False)
    with storage.open(name) as stored:
        assert stored.read() == CONTENT
    with pytest.raises(StorageUnavailable, match="switched off"):
        store(company)


def test_a_list_of_addresses_costs_one_query(
    tenant: Company, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    names = [generated_name(tenant, "thumbnails", "a.webp") for _ in range(20)]
    with django_assert_num_queries(1):
        for name in names:
            storage.url(name)


def test_a_local_file_is_addressed_at_this_server(company: Company) -> None:
    name = store(company)
    assert storage.url(name) == media_path(name) == f"/media/{name}"
    assert media_origin(name) is None


class TestSignedAddresses:
    @pytest.fixture
    def tenant(self, s3_connection: StorageConnection) -> Company:
        company = CompanyFactory.create(storage_connection=s3_connection)
        provision(company)
        return company

    def test_a_signed_address_answers_ranges_with_the_right_type(
        self, tenant: Company, s3_server: S3Server
    ) -> None:
        hostile = SimpleUploadedFile("film.mp4", CONTENT, content_type="text/html")
        name = storage.save(generated_name(tenant, "videos", "film.mp4"), hostile)
        url = storage.url(name)
        assert "X-Amz-Signature=" in url
        assert "X-Amz-Expires=21600" in url
        assert media_origin(name) == s3_server.endpoint_url
        request = urllib.request.Request(url, headers={"Range": "bytes=0-1"})  # noqa: S310
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            assert answer.status == 206
            assert answer.read() == CONTENT[:2]
            assert answer.headers["Content-Range"] == f"bytes 0-1/{len(CONTENT)}"
            assert answer.headers["Content-Type"] == "video/mp4"
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"

    def test_visitors_get_the_public_endpoint(
        self, tenant: Company, s3_connection: StorageConnection
    ) -> None:
        s3_connection.credentials["public_endpoint_url"] = "https://files.example.com:8443"
        s3_connection.save()
        name = store(tenant)
        assert storage.url(name).startswith("https://files.example.com:8443/bucket-")
        assert media_origin(name) == "https://files.example.com:8443"

    def test_a_server_that_is_away_is_said_to_be_unavailable(
        self, tenant: Company, s3_connection: StorageConnection, unused_port: int
    ) -> None:
        s3_connection.credentials["endpoint_url"] = f"http://127.0.0.1:{unused_port}"
        s3_connection.save()
        with pytest.raises(StorageUnavailable):
            store(tenant)
        assert used(tenant)[0] == 0
