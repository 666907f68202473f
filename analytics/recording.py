"""Visits as they come in: one row for each session and content, whatever is sent twice.

An event may arrive late, again, or twice at once: a phone retries, a beacon overtakes a request.
The unique constraint on (session, content) decides, never a read before a write.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Q

from analytics.models import ARViewSession
from content import playback
from content.models import ARContent, RotationType, VideoRotationSchedule
from content.models.content import ARContentQuerySet

LONGEST_VISIT = timedelta(hours=4)
# The visit's first event may take that long to arrive, while the phone's clock runs already.
CLOCK_TOLERANCE = timedelta(seconds=60)


class UnknownContent(LookupError):
    """No content that is published now has the given ids."""


class UnknownSession(LookupError):
    """No visit with that session id was recorded."""


@dataclass(frozen=True)
class Visit:
    """A start event. `public_ids` are unique ids of the content or of its portrait.

    Every id that is given must fit the content. `ip_address` is already cut to its network.
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


def record_visit(visit: Visit, *, now: datetime) -> None:
    """Count a new visit, or add to a known one what a later event of it tells.

    A known visit takes the tracking quality when one is given, and `video_played` only from
    False to True. Raises UnknownContent, with nothing stored, unless the visit is known or its
    content is published at `now`.
    """
    contents = _contents(visit.public_ids, visit.content_id)
    if _upgrade(visit, contents):
        return
    with transaction.atomic():
        inserted = _insert(visit, contents.published(now), now)
        if inserted is not None:
            content_id, rotates = inserted
            ARContent.objects.filter(pk=content_id).update(
                views_count=F("views_count") + 1, last_viewed_at=now
            )
            if rotates:
                playback.count_view(content_id, now=now)
            return
    # Nothing inserted: either the same event won a race a moment ago, or there is no such content.
    if not _upgrade(visit, contents):
        raise UnknownContent


def record_end(
    session_id: UUID, *, duration_seconds: int, public_id: UUID | None, now: datetime
) -> None:
    """Keep the longest plausible duration of a visit; of several, the newest one's.

    Longer than the visit has existed (plus a minute) is impossible and ignored; anything else
    counts up to four hours. Raises UnknownSession.
    """
    visits = ARViewSession.objects.filter(session_id=session_id)
    if public_id is not None:
        visits = visits.filter(ar_content__in=_contents((public_id,), None))
    visit = visits.only("created_at").order_by("-created_at", "-pk").first()
    if visit is None:
        raise UnknownSession
    if duration_seconds > (now - visit.created_at + CLOCK_TOLERANCE).total_seconds():
        return
    kept = min(duration_seconds, int(LONGEST_VISIT.total_seconds()))
    ARViewSession.objects.filter(
        Q(duration_seconds__isnull=True) | Q(duration_seconds__lt=kept), pk=visit.pk
    ).update(duration_seconds=kept)


def _contents(public_ids: tuple[UUID, ...], content_id: int | None) -> ARContentQuerySet:
    contents = ARContent.objects.all()
    for public_id in public_ids:
        contents = contents.with_public_id(public_id)
    return contents if content_id is None else contents.filter(pk=content_id)


def _upgrade(visit: Visit, contents: ARContentQuerySet) -> bool:
    """Write what a later event adds; False when the visit is not known."""
    known = ARViewSession.objects.filter(session_id=visit.session_id, ar_content__in=contents)
    news: dict[str, Any] = {}
    if visit.tracking_quality:
        news["tracking_quality"] = visit.tracking_quality
    if visit.video_played:
        news["video_played"] = True
    return known.update(**news) > 0 if news else known.exists()


def _insert(visit: Visit, contents: ARContentQuerySet, now: datetime) -> tuple[int, bool] | None:
    """Resolve the content and insert its visit in one statement.

    Returns the content's id, and whether each view takes its next video; None when there is no
    content or the visit is there already.
    """
    given = {
        "session_id": visit.session_id,
        "user_agent": visit.user_agent,
        "device_type": visit.device_type,
        "browser": visit.browser,
        "os": visit.os,
        "ip_address": visit.ip_address,
        "country": "",
        "city": "",
        "tracking_quality": visit.tracking_quality,
        "video_played": visit.video_played,
        "created_at": now,
    }
    fields = {field.name: field for field in ARViewSession._meta.concrete_fields}
    quote = connection.ops.quote_name
    columns = ", ".join(
        quote(str(fields[name].column)) for name in ("ar_content", "project", "company", *given)
    )
    select, parameters = contents.values_list("pk", "project_id", "company_id")[
        :1
    ].query.sql_with_params()
    values = [fields[name].get_db_prep_save(value, connection) for name, value in given.items()]
    sessions, schedules = (
        quote(model._meta.db_table) for model in (ARViewSession, VideoRotationSchedule)
    )
    with connection.cursor() as cursor:
        # Names come from the models, every value is a parameter. WHERE true: without it SQLite
        # reads ON CONFLICT as a join's ON. EXISTS is VideoRotationSchedule.objects.by_view().
        cursor.execute(
            f"INSERT INTO {sessions} ({columns})"  # noqa: S608
            f" SELECT content.*{', %s' * len(values)} FROM ({select}) AS content WHERE true"
            f" ON CONFLICT DO NOTHING RETURNING {quote('ar_content_id')},"
            f" EXISTS (SELECT 1 FROM {schedules} AS schedule WHERE schedule.is_active"
            f" AND schedule.ar_content_id = {sessions}.ar_content_id"
            " AND schedule.rotation_type = %s)",
            [*values, *parameters, RotationType.SEQUENCE],
        )
        rows = cursor.fetchall()
    return (rows[0][0], bool(rows[0][1])) if rows else None
