"""Runs the whole platform on this machine: SQLite, a worker with its beat, and a sample to scan.

Everything it writes is under var/demo/ and stays there: a second run goes on where the first one
ended. Remove that folder to start anew.
"""

import argparse
import base64
import contextlib
import errno
import fcntl
import hashlib
import io
import json
import os
import secrets
import shlex
import socket
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from certificates import Certificate, ensure_certificate
from processes import Died, Processes, exit_on_signals, is_orphaned

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var" / "demo"
EVERYWHERE = "0.0.0.0"  # noqa: S104 - the user's own choice, with --host or --https
HEALTH_SECONDS = 60
SAMPLE_SECONDS = 120


class DemoFailed(Exception):
    """The demo cannot run; the message says why and what to do."""


@dataclass(frozen=True)
class Address:
    """Where the server listens and how visitors reach it."""

    host: str
    port: int
    https: bool
    lan: str

    @property
    def public_host(self) -> str:
        return self.lan if self.host == EVERYWHERE else self.host

    @property
    def public_url(self) -> str:
        return f"{'https' if self.https else 'http'}://{self.public_host}:{self.port}"

    @property
    def local_url(self) -> str:
        host = "127.0.0.1" if self.host == EVERYWHERE else self.host
        return f"{'https' if self.https else 'http'}://{host}:{self.port}"

    @property
    def names(self) -> list[str]:
        """Every name under which a browser may ask, the public one first."""
        return list(dict.fromkeys([self.public_host, self.lan, "127.0.0.1", "localhost"]))


def lan_address() -> str:
    """This machine's address on its network; 127.0.0.1 when it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Sends nothing: connecting a datagram socket only asks for the route.
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def ensure_port_is_free(address: Address) -> None:
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((address.host, address.port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                reason = f"Port {address.port} is in use: choose another one with --port."
            elif error.errno == errno.EACCES:
                reason = f"Port {address.port} is reserved: choose one above 1023 with --port."
            else:
                reason = f"{address.host} is not an address of this machine ({error.strerror})."
            raise DemoFailed(reason) from error


@contextlib.contextmanager
def the_only_demo() -> Iterator[None]:
    """Hold var/demo/ alone: two beats on one database would do everything twice."""
    VAR.mkdir(parents=True, exist_ok=True)
    with (VAR / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            pid = lock.read().strip() or "unknown"
            raise DemoFailed(
                f"The demo of this folder is already running (process {pid})."
            ) from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def secret_settings() -> dict[str, str]:
    """The demo's own secrets, made once and kept in a file that only its owner may read."""
    path = VAR / "env"
    if not path.exists():
        lines = [
            f"SECRET_KEY={secrets.token_urlsafe(48)}",
            f"ENCRYPTION_KEYS={base64.urlsafe_b64encode(os.urandom(32)).decode()}",
            f"API_TOKEN_PEPPER={secrets.token_urlsafe(32)}",
        ]
        write_private(path, lines)
    pairs = (line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def write_private(path: Path, lines: Iterable[str]) -> None:
    """Write a file that only its owner may read, all of it or nothing."""
    part = path.with_suffix(".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write("\n".join(lines) + "\n")
    part.rename(path)


def settings(address: Address) -> dict[str, str]:
    """The environment of the demo's processes; script/manage reads what is decided here."""
    temporary = VAR / "tmp"
    temporary.mkdir(exist_ok=True)
    decided = {
        **secret_settings(),
        "DJANGO_SETTINGS_MODULE": "arv.settings",
        "ENVIRONMENT": "demo",
        "DEBUG": "false",
        "SECURE_SSL_REDIRECT": "false",
        "PUBLIC_URL": address.public_url,
        "ALLOWED_HOSTS": ",".join(address.names),
        "CSRF_TRUSTED_ORIGINS": ",".join(
            f"{'https' if address.https else 'http'}://{name}:{address.port}"
            for name in address.names
        ),
        "DATABASE_URL": f"sqlite:///{VAR / 'arv.sqlite3'}",
        "REDIS_URL": "",
        "VAR_DIR": str(VAR),
        "LOCAL_STORAGE_ROOT": str(VAR / "storage"),
        "MEDIA_ACCEL_LOCATION": "",
        "TRUSTED_PROXY_HOPS": "0",
        "TMPDIR": str(temporary),
    }
    lines = (f"export {name}={shlex.quote(value)}" for name, value in decided.items())
    write_private(VAR / "settings.sh", lines)
    # What the demo does not decide itself (LOG_LEVEL, say) is the user's.
    return {**os.environ, **decided}


def collect_static() -> None:
    """Collect the static files again when one of them changed."""
    from django.conf import settings as django_settings
    from django.core.management import call_command

    state = hashlib.sha256((ROOT / "requirements.lock").read_bytes())
    for path in sorted((ROOT / "static").rglob("*")):
        if path.is_file():
            found = path.stat()
            state.update(f"{path}\0{found.st_size}\0{found.st_mtime_ns}\0".encode())
    stamp = Path(django_settings.STATIC_ROOT) / ".stamp"
    if not stamp.exists() or stamp.read_text() != state.hexdigest():
        call_command("collectstatic", interactive=False, clear=True, verbosity=0)
        stamp.write_text(state.hexdigest())


def set_password(*, renew: bool) -> str | None:
    """The admin's new one-time password; None when the admin exists and keeps the old one."""
    from django.contrib.auth import get_user_model

    users = get_user_model()
    admin = users.objects.filter(username="admin").first()
    if admin and not renew:
        return None
    password = secrets.token_urlsafe(12)
    if admin is None:
        users.objects.create_superuser("admin", password=password)
    else:
        admin.set_password(password)
        admin.save(update_fields=["password"])
    return password


def start_servers(
    processes: Processes, address: Address, certificate: Certificate | None, env: dict[str, str]
) -> None:
    web: list[str | Path] = [sys.executable, "-m", "gunicorn", "arv.wsgi"]
    web += ["--bind", f"{address.host}:{address.port}", "--worker-class", "gthread"]
    web += ["--threads", "8", "--no-control-socket", "--timeout", "120", "--keep-alive", "15"]
    if certificate:
        web += ["--certfile", certificate.certificate, "--keyfile", certificate.key]
    processes.start("web", web, env)
    worker: list[str | Path] = [sys.executable, "-m", "celery", "-A", "arv", "worker", "--beat"]
    worker += ["--schedule", VAR / "beat-schedule", "--pool", "threads", "--concurrency", "2"]
    worker += ["--queues", "default,markers,videos", "--without-gossip", "--without-mingle"]
    processes.start("worker", [*worker, "--loglevel", "info"], env)


def wait_until_healthy(
    processes: Processes, address: Address, certificate: Certificate | None
) -> None:
    trusted = ssl.create_default_context(cafile=str(certificate.authority)) if certificate else None
    # Never through a proxy: the server is on this machine.
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusted)
    )
    until = time.monotonic() + HEALTH_SECONDS
    while True:
        processes.check()
        try:
            with opener.open(f"{address.local_url}/api/health/status", timeout=5):
                return
        except urllib.error.HTTPError as error:
            raise DemoFailed(f"The health check answers {error.code}: see {VAR}/log") from error
        except OSError as error:
            if time.monotonic() > until:
                raise DemoFailed(f"No answer from {address.local_url}: {error}") from error
            time.sleep(0.1)


def sample() -> dict[str, Any]:
    """The sample content as `manage.py create_sample` describes it; made when it is missing."""
    from django.core.management import call_command

    out = io.StringIO()
    call_command("create_sample", stdout=out)
    described: dict[str, Any] = json.loads(out.getvalue())
    return described


def wait_for_workers(processes: Processes) -> dict[str, Any]:
    """The sample once it can be scanned: its marker is compiled, and its video plays on phones."""
    until = time.monotonic() + SAMPLE_SECONDS
    while True:
        content = sample()
        made = [content["marker_status"], content["video_status"]]
        if made == ["ready", "ready"]:
            return content
        processes.check()
        if "failed" in made or time.monotonic() > until:
            raise DemoFailed(f"The sample was not made ready: see {VAR}/log/worker.log")
        time.sleep(0.2)


def announce(
    address: Address,
    content: dict[str, Any],
    password: str | None,
    certificate: Certificate | None,
) -> None:
    from content.qrcodes import terminal

    known = password or "set on the first run; --new-password makes a new one"
    print(f"\n{terminal(content['ar_url'])}")
    print(f"AR page: {content['ar_url']}")
    print(f"Admin: {address.public_url}/admin/ (user admin, password {known})")
    print(f"The sample picture has {content['stars']} of 5 stars.")
    if certificate:
        print(
            "A phone on this network may open it after its warning. To have no warning, install\n"
            f"{certificate.authority} on the phone and trust it."
        )
    elif address.public_host in {"127.0.0.1", "localhost"}:
        print("For a phone on your network: script/demo --https")
    else:
        print("Phones open the camera over HTTPS only: use --https.")
    print(f"Logs: {VAR / 'log'}. Ctrl-C stops it; the data stays.", flush=True)


def run(arguments: argparse.Namespace, parent: int) -> None:
    host = arguments.host or (EVERYWHERE if arguments.https else "127.0.0.1")
    address = Address(host, arguments.port, arguments.https, lan_address())
    ensure_port_is_free(address)
    env = settings(address)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))

    print("demo: preparing the database and the static files", flush=True)
    import django
    from django.core.management import call_command
    from django.db import connections

    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    call_command("seed_defaults", verbosity=0, stdout=io.StringIO())
    collect_static()
    certificate = ensure_certificate(VAR / "tls", address.names) if address.https else None

    processes = Processes(VAR / "log")
    try:
        print("demo: starting the web server and the worker", flush=True)
        start_servers(processes, address, certificate, env)
        sample()
        wait_until_healthy(processes, address, certificate)
        content = wait_for_workers(processes)
        password = set_password(renew=arguments.new_password)
        connections.close_all()
        announce(address, content, password, certificate)
        while not arguments.check:
            time.sleep(0.5)
            processes.check()
            if arguments.with_parent and is_orphaned(parent):
                break
    finally:
        processes.stop()


def main() -> None:
    parent = os.getppid()
    parser = argparse.ArgumentParser(
        prog="script/demo", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--host", help="address to listen on (127.0.0.1; 0.0.0.0 with --https)")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument(
        "--https", action="store_true", help="own certificate, so that phones open the camera"
    )
    parser.add_argument("--new-password", action="store_true", help="for the user admin")
    parser.add_argument("--check", action="store_true", help="stop as soon as everything runs")
    parser.add_argument(
        "--with-parent", action="store_true", help="stop when the process that started it ends"
    )
    arguments = parser.parse_args()
    exit_on_signals()
    try:
        with the_only_demo():
            run(arguments, parent)
    except KeyboardInterrupt:
        sys.exit(130)
    except (DemoFailed, Died) as error:
        sys.exit(f"demo: {error}")


if __name__ == "__main__":
    main()
