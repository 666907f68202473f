"""Passes the tests: on SQLite, on PostgreSQL with Valkey, in a real browser, and the JavaScript.

Without a choice of database: SQLite and the browser. Anything else is handed to pytest.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import chromium
from prepare import node_folder
from processes import exit_on_signals
from throwaway_servers import servers

ROOT = Path(__file__).resolve().parent.parent
NOTHING_COLLECTED = 5
# A whole visit: what a second database can change; how well the picture is tracked is not.
BROWSER_ON_POSTGRES = ["content/tests/browser/test_real_time.py"]
JAVASCRIPT_TESTS = "static/viewer/tests/**/*.test.mjs"


@dataclass
class Run:
    """The parts that have been run, each with its outcome and its seconds."""

    results: list[tuple[str, bool, float]] = field(default_factory=list)

    def part(self, title: str, command: list[str], env: Mapping[str, str]) -> int:
        print(f"\n=== {title}", flush=True)
        started = time.monotonic()
        code = subprocess.run(command, env=env, cwd=ROOT, check=False).returncode
        self.results.append((title, code == 0, time.monotonic() - started))
        return code

    def forgive_last(self) -> None:
        """A selection of tests may have none for one of the parts."""
        self.results.pop()

    def summary(self) -> str:
        parts = ", ".join(
            f"{title} {'passed' if passed else 'FAILED'} ({seconds:.0f} s)"
            for title, passed, seconds in self.results
        )
        return f"script/test: {'passed' if self.passed else 'FAILED'}: {parts}"

    @property
    def passed(self) -> bool:
        return bool(self.results) and all(passed for _, passed, _ in self.results)


def base_environment(var: str) -> dict[str, str]:
    """As on a clean machine: nothing of the product's own settings may lead the tests astray."""
    return {
        **os.environ,
        "ENVIRONMENT": "test",
        "VAR_DIR": var,
        "DATABASE_URL": f"sqlite:///{var}/arv.sqlite3",
        "REDIS_URL": "",
        "PUBLIC_URL": "http://127.0.0.1:8000",
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "MEDIA_ACCEL_LOCATION": "",
        "TRUSTED_PROXY_HOPS": "0",
        "METRICS_KEY": "",
        "PROMETHEUS_MULTIPROC_DIR": "",
        "SENTRY_DSN": "",
        "PATH": f"{node_folder() / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONPATH": str(ROOT / "script"),
    }


def pytest_parts(
    run: Run,
    database: str,
    selection: list[str],
    env: Mapping[str, str],
    *,
    browser: bool,
    leave_out: list[str],
) -> None:
    command = [sys.executable, "-m", "pytest", "-p", "own_room", "--durations=8"]
    # A selection is small: starting parallel processes would cost more than it saves.
    # By stealing: the longest files shall not leave a process idle at the end.
    parallel = [] if selection else ["-n", str(min(4, os.cpu_count() or 1)), "--dist", "worksteal"]
    without = "".join(f" and not {marker}" for marker in leave_out)
    if database == "SQLite":
        without += " and not postgres"
    parts = [(f"tests on {database}", [*parallel, "-m", f"not browser{without}"])]
    if browser:
        # One browser at a time: these tests measure time.
        which = [] if selection or database == "SQLite" else BROWSER_ON_POSTGRES
        parts.append((f"browser tests on {database}", ["-m", f"browser{without}", *which]))
    for title, options in parts:
        code = run.part(title, [*command, *options, *selection], env)
        if code == NOTHING_COLLECTED and selection:
            run.forgive_last()


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="script/test", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--sqlite", action="store_true", help="on SQLite (when nothing is said)")
    which.add_argument("--postgres", action="store_true", help="on PostgreSQL with Valkey")
    which.add_argument(
        "--all",
        action="store_true",
        help="on both, each test where it tells something: most on PostgreSQL alone",
    )
    parser.add_argument("--no-browser", action="store_true", help="leave out the browser tests")
    parser.add_argument(
        "--thorough", action="store_true", help="every case also of the tests that take long"
    )
    chosen, selection = parser.parse_known_args()

    exit_on_signals()
    run = Run()
    with tempfile.TemporaryDirectory(prefix="arv-tests-") as var:
        env = base_environment(var)
        if not chosen.no_browser:
            try:
                env["CHROMIUM"] = chromium.ensure()
            except chromium.NoChromium as error:
                sys.exit(f"test: {error}")
        if not selection:
            node = str(node_folder() / "bin" / "node")
            run.part("JavaScript tests", [node, "--test", JAVASCRIPT_TESTS], env)
        browser = not chosen.no_browser
        leave_out = [] if chosen.thorough else ["thorough"]
        shares = chosen.all and not selection
        if not chosen.postgres:
            here = [*leave_out, "orm"] if shares else leave_out
            pytest_parts(run, "SQLite", selection, env, browser=browser, leave_out=here)
        if chosen.postgres or chosen.all:
            with servers() as variables:
                if shares:
                    # What no database can change has passed above.
                    leave_out = [*leave_out, "pure", "once"]
                pytest_parts(
                    run,
                    "PostgreSQL",
                    selection,
                    {**env, **variables},
                    browser=browser,
                    leave_out=leave_out,
                )
    print(f"\n{run.summary()}", flush=True)
    return 0 if run.passed else 1


if __name__ == "__main__":
    sys.exit(main())
