"""Finds a Chromium for the browser tests, or installs one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import packages

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
PACKAGES = {"apt-get": "chromium", "dnf": "chromium", "apk": "chromium"}


class NoChromium(Exception):
    """There is no browser and none could be installed; the message says what to do."""


def _works(path: str) -> bool:
    """Whether it starts: Ubuntu's `chromium-browser` may be a note that asks for snap."""
    try:
        version = subprocess.run([path, "--version"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return version.returncode == 0


def find() -> str | None:
    """The browser named by CHROMIUM, or the first one on the machine that works.

    Raises NoChromium when CHROMIUM names something that does not start.
    """
    named = os.environ.get("CHROMIUM")
    if named:
        if not _works(named):
            raise NoChromium(f"CHROMIUM is {named}, which does not start.")
        return named
    candidates = [shutil.which(name) for name in NAMES]
    if MAC.exists():
        candidates.append(str(MAC))
    return next((path for path in candidates if path and _works(path)), None)


def _install_playwrights() -> str | None:
    print("test: downloading Playwright's Chromium", flush=True)
    playwright = [sys.executable, "-m", "playwright"]
    env = {**os.environ, "NODE_USE_SYSTEM_CA": "1"}
    dependencies = ["--with-deps"] if os.geteuid() == 0 else []
    if subprocess.run(
        [*playwright, "install", *dependencies, "chromium"], env=env, check=False
    ).returncode:
        return None
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        path = started.chromium.executable_path
    return path if _works(path) else None


def ensure() -> str:
    """A Chromium that works, installed when there is none.

    Raises NoChromium.
    """
    path = find()
    if path is None:
        packages.install("Chromium", PACKAGES)
        path = find() or _install_playwrights()
    if path is None:
        raise NoChromium(
            "The browser tests need Chromium, and none could be installed. Install chromium or "
            "google-chrome, or name one with CHROMIUM=/path, or leave them out: "
            "script/test --no-browser"
        )
    return path
