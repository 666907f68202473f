"""What reports and roll-ups count, and the SQL of it: each figure is written down once.

All counting is SQL over two tables, under the aliases `t` (DailyStat) and `s` (ARViewSession).
Names come from the models and ids are integers; every other value is a parameter.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connection

from analytics.models import ARViewSession, DailyStat, StatDimension
from analytics.windows import SECOND, Run, Window

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


@contextmanager
def one_snapshot() -> Iterator[None]:
    """What is read in here is as it was at the first question, whatever is written meanwhile.

    Inside of a transaction it is as that transaction sees it.
    """
    if connection.in_atomic_block:
        yield
        return
    how = " ISOLATION LEVEL REPEATABLE READ READ ONLY" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        # Not `atomic`, which would take the lock of writers on SQLite.
        cursor.execute(f"BEGIN{how}")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


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


def _bounds(window: Window) -> list[Any]:
    return [moment(window.begins), moment(window.ends)]


def within(window: Window, alias: str = "s") -> Sql:
    return Sql(f"{alias}.created_at >= %s AND {alias}.created_at < %s", _bounds(window))


class Span(NamedTuple):
    """When visits of these companies count; with `runs`, for which days."""

    companies: Sequence[int]
    window: Window
    runs: Sequence[Run] = ()


def spans_join(spans: Sequence[Span]) -> Sql:
    """Joins visits with a table `d`: beginning, end, first day, its midnight, length of the days.

    An instant is in one row at most.
    """
    rows: list[str] = []
    parameters: list[Any] = []
    for number, span in enumerate(spans):
        for run in span.runs:
            rows.append(f"({number}, %s, %s, %s, %s, {run.length // SECOND})")
            parameters += [*_bounds(run.window), day(run.day), moment(run.midnight)]
        if not span.runs:
            rows.append(f"({number}, %s, %s)")
            parameters += _bounds(span.window)
    join = ""
    whose = "TRUE"
    if len(spans) > 1:
        groups = ", ".join(
            f"({company}, {number})"
            for number, span in enumerate(spans)
            for company in span.companies
        )
        join = f"JOIN (VALUES {groups}) AS g ON g.column1 = s.company_id "
        whose = "d.column1 = g.column2"
    return Sql(
        f"{join}JOIN (VALUES {', '.join(rows)}) AS d ON {whose}"
        " AND s.created_at >= d.column2 AND s.created_at < d.column3",
        parameters,
    )


def _seconds() -> str:
    """Of a visit that is joined with its run: whole seconds since the run's first midnight."""
    if connection.vendor == "postgresql":
        return "floor(extract(epoch FROM s.created_at - d.column5))::bigint"
    # Without the fraction, which SQLite would round up.
    seen, midnight = (
        f"CAST(strftime('%%s', substr({one}, 1, 19)) AS INTEGER)"
        for one in ("s.created_at", "d.column5")
    )
    return f"({seen} - {midnight})"


def day_of() -> str:
    """The day of a visit that is joined with its run."""
    if connection.vendor == "postgresql":
        return f"d.column4 + ({_seconds()} / d.column6)::int"
    return f"date(d.column4, '+' || ({_seconds()} / d.column6) || ' days')"


def value_of(dimension: StatDimension) -> str:
    """A visit's value of the dimension. That of `hour` wants the visits joined with their runs."""
    return _hour() if dimension == StatDimension.HOUR else _VALUES[dimension]


def values() -> dict[str, str]:
    """The JSON columns of DailyStat, with a visit's value of each; NULL where it has none."""
    return {
        **{one.value: value_of(one) for one in StatDimension},
        "by_project": "CAST(s.project_id AS text)",
        "by_content": "CAST(s.ar_content_id AS text)",
    }


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
    hour = f"{_seconds()} %% d.column6 / 3600"
    if connection.vendor == "postgresql":
        return f"to_char({hour}, 'FM00')"
    return f"printf('%%02d', {hour})"
