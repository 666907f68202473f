"""Finds a Prometheus for the tests of the monitoring, or installs one."""

import shutil
from pathlib import Path

import packages

PACKAGES = {"apt-get": "prometheus", "dnf": "golang-github-prometheus", "apk": "prometheus"}


class NoPrometheus(Exception):
    """There is none and none could be installed; the message says what to do."""


def ensure() -> tuple[Path, Path]:
    """The programs `prometheus` and `promtool`, installed when they are missing.

    Raises NoPrometheus.
    """
    for attempt in range(2):
        server, tool = shutil.which("prometheus"), shutil.which("promtool")
        if server and tool:
            return Path(server), Path(tool)
        if attempt == 0:
            packages.install("Prometheus", PACKAGES)
    raise NoPrometheus(
        "The tests of the monitoring need Prometheus and its promtool, and they could not be "
        "installed: put both on the PATH."
    )
