"""Children of the demo never outlive it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from processes import Died, Processes

SCRIPTS = Path(__file__).resolve().parents[1]
SUPERVISOR = """
import signal, sys, time
from pathlib import Path
from processes import Processes, exit_on_signals
# Tests in the background may have been told to ignore these, and would pass that on.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
exit_on_signals()
running = Processes(Path(sys.argv[1]))
try:
    running.start("child", [sys.executable, "-c", "import time; time.sleep(600)"], {})
    print(running.children["child"].pid, flush=True)
    # In short pieces: a signal that comes just before a sleep is seen only after it.
    while True:
        time.sleep(0.1)
finally:
    running.stop()
"""


# Only Linux tells a child that its parent was killed outright.
SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
if sys.platform == "linux":
    SIGNALS.append(signal.SIGKILL)


def is_alive(pid: int) -> bool:
    """Whether the process still runs; one that nobody waits for is a zombie, so dead."""
    try:
        if sys.platform == "linux":
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            return state != "Z"
        os.kill(pid, 0)
    except (FileNotFoundError, ProcessLookupError):
        return False
    return True


@pytest.mark.parametrize("number", SIGNALS)
def test_a_child_ends_with_its_supervisor(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, tmp_path],
        env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as supervisor:
        assert supervisor.stdout is not None
        try:
            child = int(supervisor.stdout.readline())
            assert is_alive(child)
            supervisor.send_signal(number)
            supervisor.wait(20)
        finally:
            supervisor.kill()
    until = time.monotonic() + 10
    while is_alive(child) and time.monotonic() < until:
        time.sleep(0.05)
    assert not is_alive(child)


def test_a_child_that_dies_is_noticed_with_its_last_words(tmp_path: Path) -> None:
    running = Processes(tmp_path)
    running.start("worker", [sys.executable, "-c", "raise SystemExit('no broker')"], {})
    running.children["worker"].wait(20)
    with pytest.raises(Died, match=r"no broker\nThe worker process ended \(1\)"):
        running.check()
    running.stop()
