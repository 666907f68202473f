"""The visitor's events: open to anyone, so small, limited, and free of sessions and cookies.

Plain views: the authority is the unguessable id, and DRF would cost more than the work itself.
"""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, JsonResponse, UnreadablePostError
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from analytics.api.payloads import (
    InvalidPayload,
    duration_from,
    parse_json,
    parse_uuid,
    visit_from,
)
from analytics.recording import UnknownContent, UnknownSession, record_end, record_visit
from arv.api import error_body, seconds_to_wait
from arv.lib.client_ip import client_ip, cut

LARGEST_BODY = 4096
# Beacons are text/plain: any other type would make the browser ask for permission first.
CONTENT_TYPES = frozenset({"application/json", "text/plain", ""})


def _error(
    status: int,
    code: str,
    detail: str,
    *,
    fields: dict[str, list[str]] | None = None,
    headers: dict[str, str] | None = None,
) -> JsonResponse:
    return JsonResponse(error_body(code, detail, fields), status=status, headers=headers)


def _event(handle: Callable[..., None]) -> Callable[..., JsonResponse]:
    """A view that reads a JSON event and calls `handle(request, payload, …)`."""

    def view(request: HttpRequest, **arguments: str) -> JsonResponse:
        if request.method != "POST":
            return _error(
                405, "method_not_allowed", "Only POST is allowed.", headers={"Allow": "POST"}
            )
        if waiting := seconds_to_wait(request, scope="event"):
            headers = {"Retry-After": str(waiting)}
            return _error(429, "throttled", "Too many events; try again.", headers=headers)
        if request.content_type not in CONTENT_TYPES:
            return _error(
                415, "unsupported_media_type", "Send JSON as application/json or text/plain."
            )
        try:
            body = request.read(LARGEST_BODY + 1)
        except UnreadablePostError:
            return _error(400, "unreadable", "The body broke off.")
        if len(body) > LARGEST_BODY:
            return _error(413, "too_large", f"The body may have {LARGEST_BODY} bytes.")
        try:
            handle(request, parse_json(body), **arguments)
        except InvalidPayload as error:
            fields = {error.field: [str(error)]} if error.field else None
            return _error(400, "invalid", str(error), fields=fields)
        except UnknownContent:
            return _error(404, "not_found", "No such content is published.")
        except UnknownSession:
            return _error(404, "not_found", "There is no such session.")
        return JsonResponse({"status": "tracked"})

    return csrf_exempt(view)


@_event
def start(request: HttpRequest, payload: dict[str, Any]) -> None:
    visit = visit_from(
        payload,
        user_agent=request.headers.get("User-Agent", ""),
        ip_address=cut(client_ip(request)),
    )
    record_visit(visit, now=timezone.now())


@_event
def end(request: HttpRequest, payload: dict[str, Any], session_id: str) -> None:
    session = parse_uuid({"session_id": session_id}, "session_id")
    if session is None:
        raise InvalidPayload("session_id", "This is not a UUID.")
    record_end(
        session,
        duration_seconds=duration_from(payload),
        public_id=parse_uuid(payload, "ar_content_unique_id"),
        now=timezone.now(),
    )
