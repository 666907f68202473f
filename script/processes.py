"""Child processes that never outlive the command that started them."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

PR_SET_PDEATHSIG = 1
STOP_SECONDS = 12


class Died(Exception):
    """A process ended that should have stayed."""


def _end_with_parent() -> None:
    """Linux's kernel sends TERM to the child when this process is killed outright."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def exit_on_signals() -> None:
    """Make TERM and a closed terminal end this process as Ctrl-C does: through `finally`."""

    def leave(number: int, frame: FrameType | None) -> NoReturn:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    # Started with nohup, the terminal's end is none of our business.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, leave)


class Processes:
    """Starts children, each with a log file, and stops them by their own ids."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        logs.mkdir(parents=True, exist_ok=True)

    def start(self, name: str, command: Sequence[str | Path], env: Mapping[str, str]) -> None:
        with (self.logs / f"{name}.log").open("wb") as log:
            self.children[name] = subprocess.Popen(
                command,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A group of its own: Ctrl-C reaches this process alone, which then stops it.
                start_new_session=True,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )

    def check(self) -> None:
        """Raise Died, with the end of its log, when a child is gone."""
        for name, child in self.children.items():
            if child.poll() is not None:
                log = self.logs / f"{name}.log"
                tail = "\n".join(log.read_text(errors="replace").splitlines()[-25:])
                raise Died(f"{tail}\nThe {name} process ended ({child.returncode}); see {log}")

    def stop(self) -> None:
        """TERM to each, KILL to whatever is still there after a while."""
        for child in self.children.values():
            if child.poll() is None:
                child.terminate()
        until = time.monotonic() + STOP_SECONDS
        for child in self.children.values():
            try:
                child.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def is_orphaned(parent: int) -> bool:
    """Whether the process that started this one, `parent`, is gone."""
    return os.getppid() != parent
