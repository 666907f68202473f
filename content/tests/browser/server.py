"""The platform as visitors and staff meet it: a web server and a worker, each its own process."""

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from throwaway_servers import free_port

from content.tests.browser.database import Database, own_broker, own_database

ROOT = Path(__file__).resolve().parents[3]
ADMIN, PASSWORD = "alice", "correct horse battery staple"
PATIENCE = 60.0  # seconds


@dataclass(frozen=True)
class Platform:
    url: str
    folder: Path
    database: Database

    def logs(self) -> str:
        """The last lines of the processes' output."""
        texts = (path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))
        return "\n".join(text[-3000:] for text in texts)


def wait_until(condition: Any, what: str, *, seconds: float = PATIENCE) -> Any:
    """The first truthy answer of `condition`; TimeoutError when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.1)
    raise TimeoutError(f"waited {seconds:.0f} s for {what}")


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


@contextmanager
def running_platform(folder: Path) -> Iterator[Platform]:
    """gunicorn and a Celery worker on an empty database and broker of their own in `folder`."""
    if not (ROOT / "static/build/viewer.js").is_file():
        raise RuntimeError("The viewer is not built: run npm ci --ignore-scripts; npm run build.")
    with own_database(folder) as database:
        platform = Platform(f"http://127.0.0.1:{free_port()}", folder, database)
        with _processes(platform):
            yield platform


@contextmanager
def _processes(platform: Platform) -> Iterator[None]:
    folder = platform.folder
    # Nothing of the surrounding configuration: the database and the broker must be this run's.
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment = kept | {
        "ENVIRONMENT": "development",
        "DEBUG": "false",
        "VAR_DIR": str(folder),
        "TMPDIR": str(folder),
        "DATABASE_URL": platform.database.url,
        "REDIS_URL": own_broker(),
        "PUBLIC_URL": platform.url,
        "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
        "PYTHONUNBUFFERED": "1",
    }

    def manage(*arguments: str) -> None:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)} failed:\n{done.stderr[-3000:]}")

    manage("migrate", "--verbosity", "0")
    manage("seed_defaults")
    manage(
        *("createsuperuser", "--noinput"),
        *("--username", ADMIN, "--email", f"{ADMIN}@example.org"),
    )
    address = platform.url.removeprefix("http://")
    commands = {
        "web": [
            *("gunicorn", "arv.wsgi", "--bind", address, "--no-control-socket"),
            *("--worker-class", "gthread", "--threads", "4"),
        ],
        "worker": [
            *("celery", "--app", "arv", "worker", "--pool", "threads", "--concurrency", "1"),
            *("--queues", "default,markers,videos", "--loglevel", "INFO"),
        ],
    }
    processes = []
    try:
        for name, command in commands.items():
            with (folder / f"{name}.log").open("wb") as log:
                processes.append(
                    subprocess.Popen(
                        [sys.executable, "-m", *command],
                        cwd=ROOT,
                        env=environment,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                    )
                )
        wait_until(
            lambda: answers(platform.url) or any(process.poll() for process in processes),
            "the web server",
        )
        if any(process.poll() is not None for process in processes):
            raise RuntimeError(platform.logs())
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def chromium() -> str | None:
    """A Chromium of this machine; None leaves the choice to Playwright's own."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), None)
