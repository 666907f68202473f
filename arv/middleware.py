"""The outermost middleware: each request gets an id, is counted and is told of in the log.

The events: `http_request_started` (method, path, and the client's network unless the client sends
`DNT: 1` or `Sec-GPC: 1`), `http_request_completed` (method, path, view, status_code, duration_ms)
and, for an exception that nobody caught, `http_request_failed` with its traceback; each with the
`request_id`. Of QUIET paths only the answers from 400 on are told of: there are thousands of the
others, and /metrics counts them all.
"""

import logging
import random
import re
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.signals import got_request_exception
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from arv import metrics
from arv.lib.client_ip import client_ip, cut, wants_privacy
from arv.logging import bind, unbind_again

logger = logging.getLogger(__name__)

QUIET = (
    "/api/analytics/ar-session",
    "/api/v/",
    "/api/health/",
    "/metrics",
    settings.MEDIA_URL,
    settings.STATIC_URL,
)
# Asked by machines that know the process by its address alone; visitors' names mean nothing here.
ADDRESSED_TO_THE_PROCESS = ("/api/health/", "/metrics")
_WELL_FORMED = re.compile(r"[A-Za-z0-9_-]{8,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _level(status_code: int, *, quiet: bool) -> int:
    if status_code >= 500:
        return logging.ERROR
    if status_code >= 400:
        return logging.WARNING
    return logging.DEBUG if quiet else logging.INFO


def _view_name(request: HttpRequest) -> str:
    match = request.resolver_match
    if match is not None:
        return match.view_name or "unnamed"
    # WhiteNoise answers before any URL is looked up.
    return "static" if request.path_info.startswith(settings.STATIC_URL) else "none"


class RequestMiddleware:
    """Accepts an X-Request-ID of 8 to 64 letters, digits, `-` and `_`, makes one otherwise, and
    sends it back."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        got_request_exception.connect(_tell_of_exception)
        # structlog makes the variable at its first use: not in two threads at once.
        unbind_again(**bind(request_id=""))

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        path = request.path_info
        quiet = path.startswith(QUIET)
        if quiet and path.startswith(ADDRESSED_TO_THE_PROCESS):
            request.META["HTTP_HOST"] = settings.ALLOWED_HOSTS[0].lstrip(".*") or "localhost"
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        # No secret, so without the system's own randomness, which would cost a call to it.
        request_id = given if _WELL_FORMED.fullmatch(given) else f"{random.getrandbits(128):032x}"
        bound = bind(request_id=request_id)
        if not quiet:
            logger.info(
                "http_request_started",
                extra={**_about(request), **_client(request)},
            )
        try:
            response = self.get_response(request)
            seconds = time.perf_counter() - started
            view = _view_name(request)
            metrics.request_answered(view, response.status_code, seconds)
            level = _level(response.status_code, quiet=quiet)
            if logger.isEnabledFor(level):
                logger.log(
                    level,
                    "http_request_completed",
                    extra={
                        **_about(request),
                        "view": view,
                        "status_code": response.status_code,
                        "duration_ms": round(seconds * 1000, 1),
                    },
                )
        finally:
            unbind_again(**bound)
        response.headers["X-Request-ID"] = request_id
        return response


def _about(request: HttpRequest) -> dict[str, Any]:
    method = request.method if request.method in _METHODS else "OTHER"
    return {"method": method, "path": request.path_info}


def _client(request: HttpRequest) -> dict[str, str]:
    if wants_privacy(request):
        return {}
    return {"client": cut(client_ip(request)) or "unknown"}


def _tell_of_exception(sender: Any, request: HttpRequest | None = None, **_more: Any) -> None:
    about = _about(request) if request is not None else {}
    logger.error("http_request_failed", extra=about, exc_info=True)
