"""A pytest plugin: each parallel test process has its own folder and its own Redis database.

Loaded with `-p own_room`, so before the settings are read.
"""

import os
from pathlib import Path

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")

if WORKER:
    # Workers are gw0, gw1, …; database 0 is left to the process that started them.
    number = int(WORKER.removeprefix("gw")) + 1
    if os.environ.get("REDIS_URL"):
        server, _, _ = os.environ["REDIS_URL"].rpartition("/")
        os.environ["REDIS_URL"] = f"{server}/{number}"
    if os.environ.get("VAR_DIR"):
        os.environ["VAR_DIR"] = str(Path(os.environ["VAR_DIR"]) / WORKER)
