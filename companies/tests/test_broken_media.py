"""A storage that fails while a file is sent: 503 as long as that can be said, else a hang-up."""

import errno
import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest
from django.core.files.base import ContentFile
from django.db import connection as database
from django.test import Client

from companies.models import Company, StorageConnection
from companies.quota import charge
from companies.storage.router import TenantStorage, generated_name, media_path

CONTENT = bytes(range(256)) * 2000
ROOT = Path(__file__).resolve().parents[2]
Breaks = Callable[[int], str]


class BreakingBucket(BaseHTTPRequestHandler):
    """Promises all of CONTENT, sends the first `sends` bytes, and hangs up."""

    sends = 0

    def do_GET(self) -> None:
        self.send_response(206)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[: self.sends])

    def log_message(self, *args: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def disk_that_breaks(company: Company, local_storage_root: Path) -> Breaks:
    def store(sends: int) -> str:
        name = generated_name(company, "videos", "film.mp4")
        TenantStorage().save(name, ContentFile(CONTENT))
        os.truncate(local_storage_root / name, sends)
        return name

    return store


@pytest.fixture
def bucket_that_breaks(
    company: Company, s3_connection: StorageConnection, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Breaks]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), BreakingBucket)
    Thread(target=server.serve_forever, daemon=True).start()
    s3_connection.credentials["endpoint_url"] = f"http://127.0.0.1:{server.server_port}"
    s3_connection.save()
    company.storage_connection = s3_connection
    company.save()

    def store(sends: int) -> str:
        monkeypatch.setattr(BreakingBucket, "sends", sends)
        name = generated_name(company, "videos", "film.mp4")
        charge(
            company,
            name=name,
            connection_id=s3_connection.pk,
            kind="videos",
            size=len(CONTENT),
        )
        return name

    yield store
    server.shutdown()
    server.server_close()


@pytest.fixture(params=["disk_that_breaks", "bucket_that_breaks"])
def breaks_after(request: pytest.FixtureRequest) -> Breaks:
    """Stores a file of which so many bytes can be read, and gives its name."""
    breaks: Breaks = request.getfixturevalue(request.param)
    return breaks


@pytest.mark.django_db
def test_before_the_first_byte_it_is_a_503(client: Client, breaks_after: Breaks) -> None:
    answer = client.get(media_path(breaks_after(0)))
    assert answer.status_code == 503
    assert answer["Retry-After"] == "30"
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.django_db
def test_after_it_the_connection_is_reset_with_a_warning(
    client: Client, breaks_after: Breaks, caplog: pytest.LogCaptureFixture
) -> None:
    name = breaks_after(200_000)
    answer = client.get(media_path(name), headers={"Range": "bytes=0-"})
    assert answer.status_code == 206
    received: list[bytes] = []
    with pytest.raises(ConnectionResetError) as reset:
        received.extend(answer.streaming_content)  # type: ignore[attr-defined]
    assert reset.value.errno == errno.ECONNRESET
    answer.close()
    (record,) = [record for record in caplog.records if record.msg == "media_broken_off"]
    assert record.levelname == "WARNING"
    assert record.stored == name  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_a_file_that_may_not_be_read_is_a_503(
    client: Client, disk_that_breaks: Breaks, local_storage_root: Path
) -> None:
    name = disk_that_breaks(len(CONTENT))
    (local_storage_root / name).unlink()
    (local_storage_root / name).mkdir()
    assert client.get(media_path(name)).status_code == 503


def database_url() -> str:
    """Of the tests' database, for another process."""
    settings = database.settings_dict
    if database.vendor == "sqlite":
        return f"sqlite:///{settings['NAME']}"
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{settings['NAME']}").geturl()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def web_server(folder: Path, storage: Path) -> Iterator[int]:
    """The product's own web server on the tests' database; gives its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    variables = {"DATABASE_URL": database_url(), "LOCAL_STORAGE_ROOT": str(storage)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "gunicorn", "arv.wsgi", "--bind", f"127.0.0.1:{port}"),
                *("--worker-class", "gthread", "--threads", "2", "--no-control-socket"),
            ],
            cwd=ROOT,
            env={**os.environ, **variables},
            stdout=log,
            stderr=log,
        )
        try:
            until = time.monotonic() + 60
            while not listens(port):
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < until
                time.sleep(0.1)
            yield port
        finally:
            process.terminate()
            process.wait(30)


@pytest.mark.django_db(transaction=True)
def test_the_web_server_hangs_up_without_a_traceback(
    company: Company, disk_that_breaks: Breaks, local_storage_root: Path, tmp_path: Path
) -> None:
    broken, whole = disk_that_breaks(300_000), disk_that_breaks(len(CONTENT))
    with web_server(tmp_path, local_storage_root) as port:
        visitor = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        visitor.request("GET", media_path(broken), headers={"Range": "bytes=0-"})
        answer = visitor.getresponse()
        assert answer.status == 206
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            answer.read()
        visitor.close()
        visitor.request("GET", media_path(whole))
        assert visitor.getresponse().read() == CONTENT
        visitor.close()
    log = (tmp_path / "log").read_text()
    assert "[warning] media_broken_off [companies.media]" in log
    assert "Traceback" not in log
