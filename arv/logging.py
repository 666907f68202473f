"""What is logged, and where: one line for each event, to the standard error."""

import sys
from typing import Any


def to_console(level: str) -> dict[str, Any]:
    """The value of LOGGING for the root logger's `level`, such as INFO."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
        "handlers": {
            "console": {"class": "logging.StreamHandler", "stream": sys.stderr, "formatter": "line"}
        },
        "loggers": {
            # It tells of every table of every font of a printed sheet.
            "fontTools": {"level": "WARNING"},
            # They tell of every request, and Telegram's addresses hold the token of the bot.
            "httpx": {"level": "WARNING"},
            "httpcore": {"level": "WARNING"},
        },
        "root": {"handlers": ["console"], "level": level},
    }
