"""An exception arrives at the address that SENTRY_DSN names, and no secret with it."""

import gzip
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECRET = "s3cr3tValue-0123456789"
# Of its own, because Sentry's SDK stays in a process for good.
PROGRAM = """
import logging, os
from arv.wsgi import application
from django.test import RequestFactory
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from arv import urls

def fail(request):
    password = os.environ["THE_SECRET"]
    logging.getLogger("arv.before").warning("it is token=" + password)
    raise ValueError("https://api.telegram.org/bot1:" + password)

urls.urlpatterns.append(path("api/fail", csrf_exempt(fail)))
secret = os.environ["THE_SECRET"]
request = RequestFactory().post(
    f"/api/fail?token={secret}&of=7",
    {"password": secret},
    headers={"Authorization": f"Bearer {secret}", "User-Agent": "A browser"},
    REMOTE_ADDR="203.0.113.77",
    HTTP_COOKIE=f"sessionid={secret}",
    HTTP_X_FORWARDED_FOR="203.0.113.77",
)
# As a web server does.
statuses = []
list(application(request.environ, lambda status, headers: statuses.append(status)))
assert statuses == ["500 Internal Server Error"], statuses
logging.getLogger("arv.after").error("later: secret_key=" + secret)
import sentry_sdk
sentry_sdk.flush(10)
"""


@pytest.fixture
def received() -> Iterator[tuple[int, list[str]]]:
    """The port of a server that takes whatever is posted, and what that was."""
    bodies: list[str] = []

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            bodies.append(body.decode())
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_message: object) -> None:
            """Not to the tests' output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taker)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port, bodies
    server.shutdown()
    server.server_close()


def test_an_error_arrives_without_secrets(received: tuple[int, list[str]], tmp_path: Path) -> None:
    port, bodies = received
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "arv.settings",
            "VAR_DIR": str(tmp_path),
            "DATABASE_URL": f"sqlite:///{tmp_path}/unused.sqlite3",
            "SENTRY_DSN": f"http://key@127.0.0.1:{port}/1",
            "ALLOWED_HOSTS": "testserver",
            "THE_SECRET": SECRET,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    whole = "\n".join(bodies).replace(r"\u2022", "•")
    assert whole.count('"type":"event"') == 2
    assert "ValueError" in whole
    assert '"transaction":"/api/fail"' in whole
    assert '"environment":"test"' in whole
    assert "A browser" in whole
    assert "later: secret_key=•••" in whole
    assert SECRET not in whole
    assert "203.0.113.77" not in whole
    assert SECRET not in done.stderr
