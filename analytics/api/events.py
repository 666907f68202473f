"""The visitor's events: open to anyone, so small, limited, and free of sessions and cookies.

Plain views: the authority is the unguessable id, and DRF would cost more than the work itself.
"""

import logging
import time
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from analytics import geo
from analytics.api import payloads
from analytics.api.payloads import Client, InvalidPayload, parse_json, parse_uuid
from analytics.recording import (
    UnknownContent,
    UnknownSession,
    record_end,
    record_progress,
    record_visit,
)
from arv import metrics
from arv.api import error_body
from arv.lib.client_ip import client_ip, cut, wants_privacy
from arv.lib.rate_limit import Limit, LooseLimits

logger = logging.getLogger(__name__)

LARGEST_BODY = 4096
# Beacons are text/plain: any other type would make the browser ask for permission first.
CONTENT_TYPES = frozenset({"application/json", "text/plain", ""})
TRACKED = b'{"status": "tracked"}'
# With its length, the web server need not send it in chunks.
TRACKED_HEADERS = {"Content-Type": "application/json", "Content-Length": str(len(TRACKED))}
# A database that restarts is back in a few seconds.
RETRY_AFTER = 5

_limits = LooseLimits()


class Refused(Exception):
    """An answer that is no success."""

    def __init__(
        self, status: int, code: str, detail: str, *, field: str = "", **headers: str
    ) -> None:
        super().__init__(detail)
        fields = {field: [detail]} if field else None
        self.response = JsonResponse(
            error_body(code, detail, fields),
            status=status,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )


class Event(NamedTuple):
    """What a request says: `content` names the content for counting, "" when it names none."""

    content: str
    record: Callable[[Client, datetime], None]


def _start(payload: dict[str, Any]) -> Event:
    ids = payloads.ids_from(payload)

    def record(client: Client, now: datetime) -> None:
        visit = payloads.visit_from(payload, ids, client)
        outcome = record_visit(visit, now=now)
        metrics.visit_recorded("bot" if visit.is_bot else outcome)

    return Event(ids.content, record)


def _progress(payload: dict[str, Any], session_id: str) -> Event:
    session, public_id = _session_and_content(payload, session_id)
    progress = payloads.progress_from(payload)

    def record(client: Client, now: datetime) -> None:
        is_first = record_progress(session, progress, public_id=public_id, now=now)
        if is_first and progress.found_ms is not None:
            metrics.first_found(progress.found_ms)

    return Event(str(public_id or ""), record)


def _end(payload: dict[str, Any], session_id: str) -> Event:
    session, public_id = _session_and_content(payload, session_id)
    duration = payloads.duration_from(payload)

    def record(client: Client, now: datetime) -> None:
        record_end(session, duration_seconds=duration, public_id=public_id, now=now)

    return Event(str(public_id or ""), record)


def _session_and_content(payload: dict[str, Any], session_id: str) -> tuple[UUID, UUID | None]:
    session = parse_uuid({"session_id": session_id}, "session_id")
    if session is None:
        raise InvalidPayload("session_id", "This is not a UUID.")
    return session, parse_uuid(payload, "ar_content_unique_id")


def _view(read_event: Callable[..., Event], *methods: str) -> Callable[..., HttpResponse]:
    """A view that stores the event that `read_event(payload, …)` makes of the body."""

    def view(request: HttpRequest, **arguments: str) -> HttpResponse:
        try:
            _handle(request, methods, lambda payload: read_event(payload, **arguments))
        except _PROBLEMS as problem:
            if read_event is _start:
                metrics.visit_recorded("refused")
            return _answer_to(problem)
        return HttpResponse(TRACKED, headers=TRACKED_HEADERS)

    return csrf_exempt(view)


_PROBLEMS = (
    Refused,
    InvalidPayload,
    UnknownContent,
    UnknownSession,
    OperationalError,
    InterfaceError,
)


def _answer_to(problem: Exception) -> HttpResponse:
    match problem:
        case Refused():
            return problem.response
        case InvalidPayload():
            return Refused(400, "invalid", str(problem), field=problem.field).response
        case UnknownContent():
            return Refused(404, "not_found", "No such content is published.").response
        case UnknownSession():
            return Refused(404, "not_found", "There is no such session.").response
        case _:
            # The database is away, or its wait was too long.
            logger.warning("event_not_stored", extra={"error": str(problem).strip()})
            detail = "The event cannot be stored now; try again."
            return Refused(503, "unavailable", detail, Retry_After=str(RETRY_AFTER)).response


def _handle(
    request: HttpRequest, methods: Collection[str], read_event: Callable[[dict[str, Any]], Event]
) -> None:
    if request.method not in methods:
        allowed = ", ".join(methods)
        raise Refused(405, "method_not_allowed", f"Only {allowed} is allowed.", Allow=allowed)
    network = cut(client_ip(request))
    try:
        event = read_event(parse_json(_body(request)))
    except (InvalidPayload, Refused):
        _count(network, "")
        raise
    _count(network, event.content)
    client, now = _client(request, network), timezone.now()
    try:
        event.record(client, now)
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block or connection.connection is None or connection.is_usable():
            raise
        connection.close()
        event.record(client, now)


def _body(request: HttpRequest) -> bytes:
    if request.content_type not in CONTENT_TYPES:
        detail = "Send JSON as application/json or text/plain."
        raise Refused(415, "unsupported_media_type", detail)
    try:
        body: bytes = request.read(LARGEST_BODY + 1)
    except UnreadablePostError as error:
        raise Refused(400, "unreadable", "The body broke off.") from error
    if len(body) > LARGEST_BODY:
        raise Refused(413, "too_large", f"The body may have {LARGEST_BODY} bytes.")
    return body


def _count(network: str | None, content: str) -> None:
    """Count an event of this client, and of its content when it names one; or refuse it.

    What is over the client's own limit does not count for the content: one client alone cannot
    shut it to the others.
    """
    limits = [Limit(f"event:{network or 'unknown'}", settings.PUBLIC_REQUESTS_PER_MINUTE)]
    if content:
        limits.append(Limit(f"content:{content}", settings.EVENTS_PER_CONTENT_PER_MINUTE))
    if waiting := _limits.seconds_to_wait(limits, now=time.time()):
        raise Refused(429, "throttled", "Too many events; try again.", Retry_After=str(waiting))


def _client(request: HttpRequest, network: str | None) -> Client:
    agent = request.META.get("HTTP_USER_AGENT", "")
    if wants_privacy(request):
        return Client(agent, None, wants_privacy=True)
    place = geo.NOWHERE
    if network:
        place = geo.locate(
            network,
            country_file=settings.GEOIP_COUNTRY_FILE,
            city_file=settings.GEOIP_CITY_FILE,
        )
    return Client(agent, network, place)


start = _view(_start, "POST")
progress = _view(_progress, "PATCH", "POST")
end = _view(_end, "POST")
