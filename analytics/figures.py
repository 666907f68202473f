"""What reports and roll-ups count, and the SQL of it: each figure is written down once.

All counting is SQL over two tables, under the aliases `t` (DailyStat) and `s` (ARViewSession).
Names come from the models and ids are integers; every other value is a parameter.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connection

from analytics.models import ARViewSession, DailyStat, StatDimension
from analytics.windows import Piece, Window

STATS = DailyStat._meta.db_table
VISITS = ARViewSession._meta.db_table

# The columns of DailyStat besides views and sessions, as they are counted over visits.
MEASURES = {
    "ended": "count(s.duration_seconds)",
    "duration_seconds": "coalesce(sum(s.duration_seconds), 0)",
    "started": "count(*) FILTER (WHERE s.started)",
    "camera_allowed": "count(*) FILTER (WHERE s.camera = 'allowed')",
    "camera_denied": "count(*) FILTER (WHERE s.camera = 'denied')",
    "found": "count(s.found_ms)",
    "found_ms": "coalesce(sum(s.found_ms), 0)",
    "played": "count(*) FILTER (WHERE s.video_played)",
}


@dataclass(frozen=True)
class Figures:
    """Sums over visits. Robots are in none of them."""

    views: int = 0
    sessions: int = 0
    ended: int = 0
    duration_seconds: int = 0
    started: int = 0
    camera_allowed: int = 0
    camera_denied: int = 0
    found: int = 0
    found_ms: int = 0
    played: int = 0

    @property
    def mean_duration(self) -> float | None:
        """Seconds of those visits that told how long they lasted; None without any."""
        return self.duration_seconds / self.ended if self.ended else None

    @property
    def mean_found_ms(self) -> float | None:
        """Milliseconds from the start to the picture, where it was found; None without any."""
        return self.found_ms / self.found if self.found else None

    @property
    def played_share(self) -> float | None:
        """Which part of the views saw a video, 0 to 1; None without a view."""
        return self.played / self.views if self.views else None


class Sql(NamedTuple):
    text: str
    parameters: list[Any]


def fetch(query: Sql) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query.text, query.parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def ids(numbers: Iterable[int]) -> str:
    """What stands in `IN (…)`; of no number at all, what nothing is in."""
    return ", ".join(str(int(number)) for number in numbers) or "NULL"


def moment(value: Any) -> Any:
    """An instant as the database compares it."""
    return connection.ops.adapt_datetimefield_value(value)


def day(value: Any) -> Any:
    return connection.ops.adapt_datefield_value(value)


class Entries(NamedTuple):
    """A JSON column `{key: number}` as a table to join with, and the columns of that."""

    join: str
    key: str
    number: str


def entries(column: str) -> Entries:
    if connection.vendor == "postgresql":
        return Entries(f"CROSS JOIN jsonb_each({column}) AS v", "v.key", "v.value::bigint")
    return Entries(f"CROSS JOIN json_each({column}) AS v", "v.key", "v.value")


def collected(key: str, number: str, condition: str) -> str:
    """The aggregate that makes such a column; `{}` of no row."""
    collect = "jsonb_object_agg" if connection.vendor == "postgresql" else "json_group_object"
    return f"coalesce({collect}({key}, {number}) FILTER (WHERE {condition}), '{{}}')"


def within(window: Window, alias: str = "s") -> Sql:
    return Sql(
        f"{alias}.created_at >= %s AND {alias}.created_at < %s",
        [moment(window.begins), moment(window.ends)],
    )


class Span(NamedTuple):
    """When visits of a company count, and for which day, where days are counted apart."""

    company: int
    window: Window
    piece: Piece | None = None


def spans_table(spans: Sequence[Span]) -> Sql:
    """A table `d` to join visits with: company, beginning, end, and the day with its midnight."""
    parameters: list[Any] = []
    for span in spans:
        parameters += [span.company, moment(span.window.begins), moment(span.window.ends)]
        if span.piece is not None:
            parameters += [day(span.piece.day), moment(span.piece.midnight)]
    row = ", ".join(["%s"] * (len(parameters) // len(spans)))
    rows = ", ".join([f"({row})"] * len(spans))
    return Sql(
        f"(VALUES {rows}) AS d ON d.column1 = s.company_id"
        " AND s.created_at >= d.column2 AND s.created_at < d.column3",
        parameters,
    )


def value_of(dimension: StatDimension) -> str:
    """A visit's value of the dimension. That of `hour` wants the visits joined with their days."""
    return _hour() if dimension == StatDimension.HOUR else _VALUES[dimension]


_LETTERS = "rtrim(s.browser, '0123456789')"
_VALUES: dict[StatDimension, str] = {
    StatDimension.DEVICE: "s.device_type",
    # "Mobile Safari 17" is of the family "Mobile Safari".
    StatDimension.BROWSER: (
        f"CASE WHEN {_LETTERS} LIKE '%% ' THEN rtrim({_LETTERS}, ' ') ELSE s.browser END"
    ),
    StatDimension.OS: "s.os",
    StatDimension.COUNTRY: "s.country",
    StatDimension.CITY: "s.city",
    StatDimension.QUALITY: "s.tracking_quality",
    StatDimension.CAMERA: (
        "CASE WHEN s.camera = 'denied' AND s.camera_reason <> ''"
        " THEN 'denied/' || s.camera_reason ELSE s.camera END"
    ),
}


def _hour() -> str:
    """How many whole hours after midnight, as two digits."""
    if connection.vendor == "postgresql":
        return "to_char(floor(extract(epoch FROM s.created_at - d.column5) / 3600), 'FM00')"
    # Without the fraction, which SQLite would round up.
    seen, midnight = (
        f"CAST(strftime('%%s', substr({one}, 1, 19)) AS INTEGER)"
        for one in ("s.created_at", "d.column5")
    )
    return f"printf('%%02d', ({seen} - {midnight}) / 3600)"
