"""What the application's logging writes, as JSON."""

import json
import logging
from collections.abc import Callable, Iterator
from io import StringIO
from logging.config import dictConfig
from typing import Any

import pytest

from arv.logging import to_console

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    out = StringIO()
    config = to_console("INFO", as_json=True)
    config["handlers"]["console"]["stream"] = out
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    dictConfig(config)
    yield lambda: [json.loads(line) for line in out.getvalue().splitlines()]
    root.handlers[:], root.level = handlers, level
