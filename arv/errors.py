"""Exceptions that nobody caught, and errors in the log, go to Sentry where a DSN is set."""

import logging
from typing import Any

from django.conf import settings
from django.core.signals import got_request_exception
from django.http import HttpRequest

from arv.lib.redaction import redacted
from arv.logging import current

# Told of by the exception itself, with its request or its task.
_TOLD_OTHERWISE = ("arv.middleware", "django.request", "django.security.DisallowedHost")


def without_secrets(event: Any, hint: dict[str, Any]) -> Any:
    """Sentry's `before_send`: `redacted`, all of it."""
    event.pop("user", None)
    return redacted(event)


def report_to(dsn: str, *, environment: str, release: str) -> None:
    # Imported where it is wanted: it takes a quarter of a second.
    import sentry_sdk
    from sentry_sdk.integrations.atexit import AtexitIntegration
    from sentry_sdk.integrations.celery import CeleryIntegration
    from sentry_sdk.integrations.dedupe import DedupeIntegration
    from sentry_sdk.integrations.excepthook import ExcepthookIntegration
    from sentry_sdk.integrations.logging import LoggingIntegration, ignore_logger

    sentry_sdk.init(
        dsn=dsn,
        environment=environment,
        release=release,
        send_default_pii=False,
        include_local_variables=False,
        before_send=without_secrets,
        traces_sample_rate=None,
        auto_session_tracking=False,
        # The rest would note the addresses of every outgoing request.
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[
            AtexitIntegration(),
            CeleryIntegration(propagate_traces=False),
            DedupeIntegration(),
            ExcepthookIntegration(),
            LoggingIntegration(level=None, event_level=logging.ERROR),
        ],
    )
    for name in _TOLD_OTHERWISE:
        ignore_logger(name)
    # Sentry's own way with Django would make every request dearer, not only those that fail.
    got_request_exception.connect(_tell)


def _tell(request: HttpRequest | None = None, **_signal: Any) -> None:
    import sentry_sdk

    with sentry_sdk.new_scope() as scope:
        if request is not None:
            found = request.resolver_match
            scope.set_transaction_name(f"/{found.route}" if found else request.path)
            scope.set_tag("request_id", current("request_id"))
            scope.add_event_processor(lambda event, _hint: {**event, "request": _told(request)})
        sentry_sdk.capture_exception()


def _told(request: HttpRequest) -> dict[str, Any]:
    names = ("User-Agent", "Referer", "Content-Type")
    return {
        "method": request.method,
        "url": f"{settings.PUBLIC_URL}{request.path}",
        "query_string": request.META.get("QUERY_STRING", ""),
        "headers": {name: request.headers[name] for name in names if name in request.headers},
    }
