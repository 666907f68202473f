"""Exceptions that nobody caught, and errors in the log, go to Sentry where a DSN is set."""

from typing import Any

from arv.lib.redaction import redacted

# Told of by the exception itself, with its request or its task.
_TOLD_OTHERWISE = ("arv.middleware", "django.request", "django.security.DisallowedHost")


def without_secrets(event: Any, hint: dict[str, Any]) -> Any:
    """Sentry's `before_send`: `redacted`, all of it; and nothing of the visitor but the browser."""
    event.pop("user", None)
    request = event.get("request")
    if request:
        for name in ("data", "cookies", "env"):
            request.pop(name, None)
    return redacted(event)


def report_to(dsn: str, *, environment: str, release: str) -> None:
    # Imported where it is wanted: it takes a quarter of a second.
    import sentry_sdk
    from sentry_sdk.integrations.celery import CeleryIntegration
    from sentry_sdk.integrations.django import DjangoIntegration
    from sentry_sdk.integrations.logging import ignore_logger

    sentry_sdk.init(
        dsn=dsn,
        environment=environment,
        release=release,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        before_send=without_secrets,
        traces_sample_rate=None,
        auto_session_tracking=False,
        # The rest would note the addresses of every outgoing request.
        auto_enabling_integrations=False,
        integrations=[
            DjangoIntegration(middleware_spans=False, signals_spans=False),
            CeleryIntegration(propagate_traces=False),
        ],
    )
    for name in _TOLD_OTHERWISE:
        ignore_logger(name)
