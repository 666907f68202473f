"""Our own web server in processes of its own, as the container starts it."""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import throwaway_servers
from django.db import connections

# A machine with much else to do takes long to load three processes.
PATIENCE_SECONDS = 90
ROOT = Path(__file__).resolve().parents[2]


def url_of_test_database() -> str:
    database = connections["default"].settings_dict
    if "sqlite3" in database["ENGINE"]:
        return f"sqlite:///{database['NAME']}"
    return (
        f"postgresql://{database['USER']}:{database['PASSWORD']}@{database['HOST']}"
        f":{database['PORT']}/{database['NAME']}"
    )


@contextmanager
def web_server(folder: Path, *, key: str, **env: str) -> Iterator[str]:
    """Its address. Without a DATABASE_URL in `env` its database is empty."""
    port, log = throwaway_servers.free_port(), folder / "web.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "gunicorn", "arv.wsgi"),
                *("--config", "deploy/gunicorn_config.py", "--bind", f"127.0.0.1:{port}"),
            ],
            cwd=ROOT,
            env={
                **os.environ,
                "METRICS_KEY": key,
                "VAR_DIR": str(folder),
                "DATABASE_URL": f"sqlite:///{folder}/empty.sqlite3",
                "TMPDIR": str(folder),
                **env,
            },
            stdout=output,
            stderr=output,
        )
    try:
        throwaway_servers.wait_for_port(port, server, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(PATIENCE_SECONDS)


def fetch(url: str, *, key: str = "") -> str:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - it is our own address
    # Never through a proxy: the server is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=PATIENCE_SECONDS) as response:
        return str(response.read().decode())
