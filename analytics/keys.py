"""What visits are counted by, and how days that are rolled up are added up by it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from analytics.figures import STATS, Sql, day, day_of, entries, value_of
from analytics.models import StatDimension
from analytics.windows import Period
from companies.models import Project
from content.models import ARContent


@dataclass(frozen=True)
class Key:
    """What is counted apart: an expression over DailyStat `t`, and the same over visits `s`.

    With `column`, one of the JSON columns of DailyStat, `{value}` stands for its value.
    `condition` is on visits, `is_known` on values: an id may be that of a row that is gone.
    """

    stat: str = "0"
    visit: str = "0"
    column: str = ""
    by_days: bool = False
    condition: str = ""
    is_known: str = "TRUE"
    has_sessions: bool = True


def of_values(dimension: StatDimension) -> Key:
    return Key("{value}", value_of(dimension), dimension.value)


def _of_rows(table: str, visit: str, column: str) -> Key:
    pk = "CAST({value} AS bigint)"
    known = f"{pk} IN (SELECT id FROM {table})"  # noqa: S608
    return Key(pk, visit, column, condition=f"{visit} IS NOT NULL", is_known=known)


ALL = Key()
DAYS = Key("t.day", day_of(), by_days=True)
# Such as "2026-03-29 07".
HOURS = Key(
    "t.day || ' ' || {value}",
    f"{day_of()} || ' ' || {value_of(StatDimension.HOUR)}",
    StatDimension.HOUR.value,
    by_days=True,
    has_sessions=False,
)
KINDS = {
    "company": Key("t.company_id", "s.company_id"),
    "project": _of_rows(Project._meta.db_table, "s.project_id", "by_project"),
    "content": _of_rows(ARContent._meta.db_table, "s.ar_content_id", "by_content"),
}


def of_days(
    key: Key, measures: Sequence[str], whose: str, sealed: Period, kept: date | None
) -> list[Sql]:
    """Sums of the rows `whose` on these days; before `kept` their visits have been removed."""
    if not key.column:
        return [_totals(key, measures, whose, sealed, kept)]
    selects = [_values(key, whose, sealed)]
    if kept and key.has_sessions:
        selects.append(_repeated(key, whose, sealed.first, kept))
    return selects


def _totals(
    key: Key, measures: Sequence[str], whose: str, sealed: Period, kept: date | None
) -> Sql:
    # Where visits have been removed, sessions are unique within their day.
    base = "CASE WHEN t.day < %s THEN t.sessions ELSE t.views END" if kept else "t.views"
    sums = "".join(f", sum(t.{name}) AS {name}" for name in measures)
    return Sql(
        f"SELECT {key.stat} AS key, sum(t.views) AS views, sum({base}) AS sessions{sums}"  # noqa: S608
        f" FROM {STATS} AS t WHERE {whose} AND t.day >= %s AND t.day <= %s GROUP BY 1",
        [*([day(kept)] if kept else []), day(sealed.first), day(sealed.last)],
    )


def _values(key: Key, whose: str, sealed: Period) -> Sql:
    join, value, count = entries(f"t.{key.column}")
    return Sql(
        f"SELECT {key.stat.format(value=value)} AS key, sum({count}) AS views,"  # noqa: S608
        f" sum({count}) AS sessions FROM {STATS} AS t {join}"
        f" WHERE {whose} AND t.day >= %s AND t.day <= %s"
        f" AND {key.is_known.format(value=value)} GROUP BY 1",
        [day(sealed.first), day(sealed.last)],
    )


def _repeated(key: Key, whose: str, first: date, kept: date) -> Sql:
    """What the days whose visits have been removed have less of sessions than of views."""
    join, path, count = entries("t.repeated")
    begins = len(key.column) + 2
    is_own = f"substr({path}, 1, {begins - 1}) = '{key.column}/'"
    # Also where the database asks for an id before it knows whether this is one.
    value = f"CASE WHEN {is_own} THEN substr({path}, {begins}) END"
    return Sql(
        f"SELECT {key.stat.format(value=value)} AS key, 0 AS views,"  # noqa: S608
        f" -sum({count}) AS sessions FROM {STATS} AS t {join}"
        f" WHERE {whose} AND t.day >= %s AND t.day < %s AND {is_own}"
        f" AND {key.is_known.format(value=value)} GROUP BY 1",
        [day(first), day(kept)],
    )
