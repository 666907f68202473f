"""What is logged, and how: one line for each event, to the standard error.

Modules log through `logging.getLogger(__name__)`: a fixed message, and its values in `extra`.
structlog makes a line of it: JSON in production, a text for people elsewhere. The ids of the
request or the task that it belongs to are added (`bind`), and secrets are taken out of all of it.
"""

import sys
from typing import Any

import structlog
from structlog.contextvars import bind_contextvars as bind
from structlog.contextvars import clear_contextvars as unbind
from structlog.contextvars import reset_contextvars as unbind_again
from structlog.stdlib import ProcessorFormatter
from structlog.types import EventDict, Processor

from arv.lib.redaction import redacted

__all__ = ["bind", "current", "to_console", "unbind", "unbind_again", "without_secrets"]

# Django's request as an object, and the arguments of Celery's tasks: too much to be looked through.
_LEFT_OUT = ("request", "data")
_PLAIN = (str, int, float, bool, list, tuple, dict, type(None))


def current(name: str) -> str | None:
    """What is bound under a name, such as `request_id`, in this thread."""
    value: str | None = structlog.contextvars.get_contextvars().get(name)
    return value


def without_secrets(logger: Any, name: str, event: EventDict) -> EventDict:
    """A processor for the end of the chain, where the texts of exceptions are there too."""
    return redacted(  # type: ignore[no-any-return]
        {
            key: value if isinstance(value, _PLAIN) else str(value)
            for key, value in event.items()
            if key not in _LEFT_OUT
        }
    )


_BEFORE: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    # As a text that can be looked through, and without the values of local variables.
    structlog.processors.format_exc_info,
]


def to_console(level: str, *, as_json: bool) -> dict[str, Any]:
    """The value of LOGGING for the root logger's `level`, such as INFO."""
    line: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0, pad_level=False)
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": ProcessorFormatter,
                "foreign_pre_chain": _BEFORE,
                "processors": [ProcessorFormatter.remove_processors_meta, without_secrets, line],
            }
        },
        "handlers": {
            "console": {"class": "logging.StreamHandler", "stream": sys.stderr, "formatter": "line"}
        },
        "loggers": {
            # It tells of every table of every font of a printed sheet.
            "fontTools": {"level": "WARNING"},
            # They tell of every request, and Telegram's addresses hold the token of the bot.
            "httpx": {"level": "WARNING"},
            "httpcore": {"level": "WARNING"},
            # Requests are told of by arv.middleware, once each.
            "django.request": {"level": "CRITICAL"},
            # Whoever tries addresses at random asks under any name: 400, as the line above tells.
            "django.security.DisallowedHost": {"level": "CRITICAL"},
        },
        "root": {"handlers": ["console"], "level": level},
    }
