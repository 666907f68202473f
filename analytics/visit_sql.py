"""The statements behind a visitor's events, each written once and kept.

Names come from the models, every value is a parameter: `session_id`, `public_0`, `public_1` and
`content_id` as far as they are given, `now`, `since` (no older visit changes), `seen_since` (no
older one is looked for), and the columns.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from uuid import UUID

from analytics import statements
from analytics.models import ARViewSession, CameraAnswer
from analytics.statements import Statement, column, table, text_of
from content.models import ARContent, RotationType, VideoRotationSchedule

FIELDS = statements.fields_of(ARViewSession)
CONTENT_FIELDS = statements.fields_of(ARContent)
# What stands for the values while the ORM writes a statement; no row has any of them.
_NOW = datetime(1901, 2, 3, 4, 5, 6, 789, tzinfo=UTC)
_PUBLIC_IDS = (UUID(int=0xA1A1), UUID(int=0xA2A2))
_CONTENT_ID = 9_007_199_254_740_881

_CHANGES = {
    "started": "{started} OR %(started)s",
    "video_played": "{video_played} OR %(video_played)s",
    "tracking_quality": "%(tracking_quality)s",
    "found_ms": "COALESCE({found_ms}, %(found_ms)s)",
    "camera": "CASE WHEN {camera_counts} THEN %(camera)s ELSE {camera} END",
    "camera_reason": "CASE WHEN {camera_counts} THEN %(camera_reason)s ELSE {camera_reason} END",
    "duration_seconds": "CASE WHEN {created_at} > %(possible_since)s THEN {duration_seconds}"
    " WHEN {duration_seconds} >= %(duration_seconds)s THEN {duration_seconds}"
    " ELSE %(duration_seconds)s END",
}
_CAMERA_COUNTS = (
    f"({{camera}} = '' OR ({{camera}} = '{CameraAnswer.DENIED.value}'"
    f" AND %(camera)s = '{CameraAnswer.ALLOWED.value}'))"
)


def _contents(
    publics: int, has_content_id: bool, *columns: str, published: bool = False, own: bool = False
) -> Statement:
    """The contents that fit the ids; with `published` the newest of them that may be seen now.

    With `own`, no content that is named by its portrait's id alone.
    """
    contents = ARContent.objects.published(_NOW) if published else ARContent.objects.all()
    examples = _PUBLIC_IDS[:publics]
    if own and not has_content_id:
        contents = contents.filter(unique_id__in=examples)
    if not own or publics > 1 or has_content_id:
        for example in examples:
            contents = contents.with_public_id(example)
    if has_content_id:
        contents = contents.filter(pk=_CONTENT_ID)
    chosen = contents.values_list(*columns)
    chosen = chosen[:1] if published else chosen.order_by()
    unique_id = CONTENT_FIELDS["unique_id"]
    names = [
        ("now", CONTENT_FIELDS["expires_at"], _NOW),
        ("content_id", CONTENT_FIELDS["id"], _CONTENT_ID),
        *((f"public_{n}", unique_id, example) for n, example in enumerate(_PUBLIC_IDS)),
    ]
    return text_of(chosen, names)


@cache
def insertion(publics: int, has_content_id: bool, *, own: bool) -> Statement:
    """Resolve the content and insert its visit.

    `own`: not by a portrait's id. That is nearly always enough, and PostgreSQL has half the work.
    """
    content = _contents(
        publics, has_content_id, "pk", "project_id", "company_id", published=True, own=own
    )
    sessions, schedules = table(ARViewSession), table(VideoRotationSchedule)
    given = {
        "session_id": "%(session_id)s",
        "created_at": "%(now)s",
        "started": "%(no)s",
        "camera": "''",
        "camera_reason": "''",
        "is_shared": "%(no)s",
        **{
            name: f"%({name})s"
            for name in (
                "user_agent",
                "device_type",
                "browser",
                "os",
                "ip_address",
                "country",
                "city",
                "tracking_quality",
                "video_played",
                "is_bot",
            )
        },
    }
    columns = _columns(("ar_content", "project", "company", *given))
    # WHERE true: without it SQLite reads ON CONFLICT as a join's ON.
    # EXISTS is VideoRotationSchedule.objects.by_view().
    sql = (
        f"INSERT INTO {sessions} ({columns})"  # noqa: S608
        " SELECT content.pk, content.project_id, content.company_id,"
        f" {', '.join(given.values())} FROM ({content.sql}) AS content"
        f" WHERE true ON CONFLICT DO NOTHING RETURNING {_columns(['ar_content'])},"
        f" EXISTS (SELECT 1 FROM {schedules} AS schedule WHERE schedule.is_active"
        f" AND schedule.ar_content_id = {sessions}.{_columns(['ar_content'])}"
        " AND schedule.rotation_type = %(by_view)s)"
    )
    return Statement(
        sql, {**content.constants, "by_view": RotationType.SEQUENCE.value, "no": False}
    )


@cache
def known(publics: int, has_content_id: bool, *, ever: bool = False) -> Statement:
    """Whether there is a visit of the contents that fit the ids."""
    contents = _contents(publics, has_content_id, "pk")
    lately = "" if ever else f" AND {_columns(['created_at'])} >= %(seen_since)s"
    sql = (
        f"SELECT 1 FROM {table(ARViewSession)}"  # noqa: S608
        f" WHERE {_columns(['session_id'])} = %(session_id)s{lately}"
        f" AND {_columns(['ar_content'])} IN ({contents.sql}) LIMIT 1"
    )
    return Statement(sql, contents.constants)


@cache
def addition(names: tuple[str, ...], publics: int, has_content_id: bool) -> Statement:
    """Change the visit of the contents that fit the ids."""
    contents = _contents(publics, has_content_id, "pk")
    sql = (
        f"UPDATE {table(ARViewSession)} SET {_assignments(names)}"  # noqa: S608
        f" WHERE {_columns(['session_id'])} = %(session_id)s"
        f" AND {_columns(['created_at'])} >= %(since)s"
        f" AND {_columns(['ar_content'])} IN ({contents.sql})"
    )
    return Statement(sql, contents.constants)


@cache
def newest(names: tuple[str, ...], publics: int, *, finds: bool = False) -> Statement:
    """Change the newest visit of the session; with a public id, of the contents that fit it.

    With `finds`, only a person's visit that has not found the picture yet.
    """
    contents = _contents(publics, False, "pk")
    session_id, created_at = _columns(["session_id"]), _columns(["created_at"])
    condition = f"{session_id} = %(session_id)s AND {created_at} >= %(since)s"
    of_content = f" AND {_columns(['ar_content'])} IN ({contents.sql})" if publics else ""
    sessions, key = table(ARViewSession), _columns(["id"])
    unfound = f" AND {_columns(['found_ms'])} IS NULL AND NOT {_columns(['is_bot'])}"
    # The condition stands twice: so PostgreSQL looks into no month but one or two.
    sql = (
        f"UPDATE {sessions} SET {_assignments(names)} WHERE {condition}"  # noqa: S608
        f" AND {key} = (SELECT {key} FROM {sessions} WHERE {condition}{of_content}"
        f" ORDER BY {created_at} DESC, {key} DESC LIMIT 1){unfound if finds else ''}"
    )
    return Statement(sql, contents.constants if publics else {})


def _assignments(names: Iterable[str]) -> str:
    columns = {name: column(field) for name, field in FIELDS.items()}
    columns["camera_counts"] = _CAMERA_COUNTS.format_map(columns)
    return ", ".join(f"{columns[name]} = {_CHANGES[name].format_map(columns)}" for name in names)


def _columns(names: Iterable[str]) -> str:
    return ", ".join(column(FIELDS[name]) for name in names)
