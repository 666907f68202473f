"""How gunicorn serves arv.wsgi; the address and more workers come from its command line and
WEB_CONCURRENCY.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

worker_class = "gthread"
threads = 8
timeout = 120
keepalive = 75
control_socket_disable = True
if Path("/dev/shm").is_dir():  # noqa: S108 - gunicorn makes files with names of its own in it
    worker_tmp_dir = "/dev/shm"  # noqa: S108

# The counters of one process are not those of the next: in files, each can answer for all.
_folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")


def on_starting(server: Any) -> None:
    """Counters begin at nothing, as those of a process do; files of former workers go."""
    if _folder:
        for file in Path(_folder).glob("*.db"):
            file.unlink(missing_ok=True)
    elif server.cfg.workers > 1:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="arv-metrics-")


def child_exit(server: Any, worker: Any) -> None:
    if folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        # Here: with its own import at the top it would look for the folder before there is one.
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(worker.pid, folder)  # type: ignore[no-untyped-call]


def on_exit(server: Any) -> None:
    if not _folder and (made := os.environ.get("PROMETHEUS_MULTIPROC_DIR")):
        shutil.rmtree(made, ignore_errors=True)
