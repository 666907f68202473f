"""Visits as they come in: one row for each session and content, whatever is sent twice.

An event may arrive late, again, or twice at once: a phone retries, a beacon overtakes a request.
The unique key of session and content decides, never a read before a write. Each event is one
statement and a commit of its own, and may be tried again at any time: nothing counts twice.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple
from uuid import UUID

from django.db import connection, transaction

from analytics import statements, visit_sql
from analytics.models import ARViewSession
from analytics.statements import IS_POSTGRESQL, value_for
from content import playback

LONGEST_VISIT = timedelta(hours=4)
# A visit's row changes no more after that: then reports may take it for what it is.
CHANGES_FOR = timedelta(hours=5)
# A start event that comes again so much later is still known in the next month, which on PostgreSQL
# has a unique key of its own: a telephone may sleep over night. In its own month it always is.
REPEATS_FOR = timedelta(days=1)
# The visit's first event may take that long to arrive, while the phone's clock runs already.
CLOCK_TOLERANCE = timedelta(seconds=60)
# The clocks of two servers, and the time between an event's instant and its commit.
CLOCKS_DIFFER = timedelta(minutes=2)

_FIELDS = statements.fields_of(ARViewSession)


class UnknownContent(LookupError):
    """No content that is published now has the given ids."""


class UnknownSession(LookupError):
    """No visit with that session id was recorded in the last `CHANGES_FOR`."""


class Visit(NamedTuple):
    """A start event. `public_ids` are unique ids of the content or of its portrait, two at most.

    Every id that is given must fit the content. `ip_address` is already cut to its network;
    `country` is an ISO 3166 code. A robot's visit is stored, and counts nowhere.
    """

    session_id: UUID
    public_ids: tuple[UUID, ...]
    content_id: int | None
    user_agent: str
    device_type: str
    browser: str
    os: str
    tracking_quality: str
    video_played: bool
    ip_address: str | None
    country: str = ""
    city: str = ""
    is_bot: bool = False


class Progress(NamedTuple):
    """What a visit's page tells later; "", False and None say nothing.

    `camera_reason` goes with a denied camera. `found_ms` is counted from the visitor's start.
    """

    started: bool = False
    camera: str = ""
    camera_reason: str = ""
    found_ms: int | None = None
    video_played: bool = False
    tracking_quality: str = ""


def record_visit(visit: Visit, *, now: datetime) -> Literal["new", "repeated"]:
    """Store a new visit, or add to a known one what a later event of it tells.

    A known visit takes the tracking quality when one is given, and `video_played` only from
    False to True; after `CHANGES_FOR` it takes nothing, and is "repeated" all the same. Raises
    UnknownContent, with nothing stored, unless the visit is known or its content is published at
    `now`.
    """
    if _crosses_months(now, CHANGES_FOR):
        with transaction.atomic():
            _lock(visit.session_id)
            # In statements of their own: they see what the last holder has committed.
            return _stored(visit, now)
    # Nothing of the month before is under way any more: without a lock.
    if _crosses_months(now, REPEATS_FOR) and _added(visit, now):
        return "repeated"
    if _inserted(visit, now, own=True):
        return "new"
    return _stored(visit, now)


def record_progress(
    session_id: UUID, progress: Progress, *, public_id: UUID | None, now: datetime
) -> bool:
    """Add to a visit, of several the newest one, how far the visitor has come.

    What has happened stays so. The first answer about the camera counts, unless a denied one is
    allowed later; so does the first `found_ms`. The newest tracking quality replaces the others.
    Returns whether this was the first `found_ms` of a person's visit. Raises UnknownSession.
    """
    told: dict[str, Any] = {}
    if progress.started:
        told["started"] = True
    if progress.camera:
        told |= {"camera": progress.camera, "camera_reason": progress.camera_reason}
    if progress.found_ms is not None:
        told["found_ms"] = progress.found_ms
    if progress.video_played:
        told["video_played"] = True
    if progress.tracking_quality:
        told["tracking_quality"] = progress.tracking_quality
    # The condition of the change says whether it is the first: asking would be a statement more.
    if "found_ms" in told and _changed(session_id, told, public_id, now, finds=True):
        return True
    if not _changed(session_id, told, public_id, now):
        raise UnknownSession
    return False


def record_end(
    session_id: UUID, *, duration_seconds: int, public_id: UUID | None, now: datetime
) -> None:
    """Keep the longest plausible duration of a visit; of several, the newest one's.

    Longer than the visit has existed (plus a minute) is impossible and ignored; anything else
    counts up to four hours. Raises UnknownSession.
    """
    longest = int(LONGEST_VISIT.total_seconds())
    # No visit that may still change can have lasted longer than twice that.
    earliest = now + CLOCK_TOLERANCE - timedelta(seconds=min(duration_seconds, 2 * longest))
    told = {"duration_seconds": min(duration_seconds, longest)}
    possible_since = value_for(_FIELDS["created_at"], earliest)
    if not _changed(session_id, told, public_id, now, possible_since=possible_since):
        raise UnknownSession


def _stored(visit: Visit, now: datetime) -> Literal["new", "repeated"]:
    """Ask first whether the visit is known: by its portrait's id a newer content must not take
    over a repeated event."""
    if _added(visit, now):
        return "repeated"
    if _inserted(visit, now, own=False):
        return "new"
    # The same event may have won a race a moment ago.
    if _added(visit, now) or _stands(visit, now):
        return "repeated"
    raise UnknownContent


def _inserted(visit: Visit, now: datetime, *, own: bool) -> bool:
    """Whether the visit was new and its content is published; `own` as visit_sql has it."""
    shape = (len(visit.public_ids), visit.content_id is not None)
    rows = visit_sql.insertion(*shape, own=own).rows(
        {
            **_ids(visit.session_id, visit.public_ids, visit.content_id, now),
            "user_agent": visit.user_agent,
            "device_type": visit.device_type,
            "browser": visit.browser,
            "os": visit.os,
            "ip_address": value_for(_FIELDS["ip_address"], visit.ip_address),
            "country": visit.country,
            "city": visit.city,
            "tracking_quality": visit.tracking_quality,
            "video_played": visit.video_played,
            "is_bot": visit.is_bot,
        }
    )
    if not rows:
        return False
    content_id, takes_turns = rows[0]
    if takes_turns and not visit.is_bot:
        playback.count_view(content_id, now=now)
    return True


def _crosses_months(now: datetime, age: timedelta) -> bool:
    """Whether a visit of that age at most could have begun in another month than `now`.

    On PostgreSQL each month has a unique index of its own.
    """
    utc = now.astimezone(UTC)
    if not IS_POSTGRESQL or 2 < utc.day < 28:
        return False
    return (utc - age).month != (utc + CLOCKS_DIFFER).month


def _lock(session_id: UUID) -> None:
    with connection.cursor() as cursor:
        number = int.from_bytes(session_id.bytes[:8], signed=True)
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])


def _added(visit: Visit, now: datetime) -> bool:
    """Write what a repeated event adds; False when the visit is not known."""
    news: dict[str, Any] = {}
    if visit.tracking_quality:
        news["tracking_quality"] = visit.tracking_quality
    if visit.video_played:
        news["video_played"] = True
    shape = (len(visit.public_ids), visit.content_id is not None)
    values = _ids(visit.session_id, visit.public_ids, visit.content_id, now)
    if news and visit_sql.addition(tuple(news), *shape).count(values | news):
        return True
    return bool(visit_sql.known(*shape).rows(values))


def _stands(visit: Visit, now: datetime) -> bool:
    """Whether the visit is known, however old: only then could its key refuse a second row."""
    shape = (len(visit.public_ids), visit.content_id is not None)
    values = _ids(visit.session_id, visit.public_ids, visit.content_id, now)
    return bool(visit_sql.known(*shape, ever=True).rows(values))


def _changed(
    session_id: UUID,
    told: dict[str, Any],
    public_id: UUID | None,
    now: datetime,
    *,
    finds: bool = False,
    **conditions: Any,
) -> bool:
    public_ids = () if public_id is None else (public_id,)
    values = told | conditions | _ids(session_id, public_ids, None, now)
    return bool(visit_sql.newest(tuple(told), len(public_ids), finds=finds).count(values))


def _ids(
    session_id: UUID, public_ids: tuple[UUID, ...], content_id: int | None, now: datetime
) -> dict[str, Any]:
    # The instant goes through the content's field, too: both databases write all times alike.
    created_at, session = _FIELDS["created_at"], _FIELDS["session_id"]
    values: dict[str, Any] = {
        "session_id": value_for(session, session_id),
        "now": value_for(created_at, now),
        "since": value_for(created_at, now - CHANGES_FOR),
        "seen_since": value_for(created_at, now - REPEATS_FOR),
    }
    for number, public_id in enumerate(public_ids):
        values[f"public_{number}"] = value_for(session, public_id)
    if content_id is not None:
        values["content_id"] = content_id
    return values
