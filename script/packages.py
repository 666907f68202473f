"""Installs a package of the system for the tests, where that can be done without asking."""

import os
import shutil
import subprocess
from collections.abc import Mapping

MANAGERS = {
    "apt-get": (
        ("apt-get", "update", "-qq"),
        ("apt-get", "install", "-qq", "-y", "--no-install-recommends"),
    ),
    "dnf": (("dnf", "install", "-q", "-y"),),
    "apk": (("apk", "add", "--quiet"),),
}


def install(title: str, names: Mapping[str, str]) -> None:
    """Try to install a package by its name for the machine's manager; whether it is there now is
    for the caller to see."""
    manager = next((name for name in MANAGERS if shutil.which(name)), None)
    if manager is None:
        return
    prefix: tuple[str, ...] = ()
    if os.geteuid() != 0:
        asked = shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], check=False)
        if not asked or asked.returncode:
            return
        prefix = ("sudo", "-n")
    print(f"test: installing {title} with {manager}", flush=True)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    *before, last = MANAGERS[manager]
    for command in (*before, (*last, names[manager])):
        if subprocess.run([*prefix, *command], env=env, check=False).returncode:
            return
