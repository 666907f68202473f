"""What visits are counted by, and how days that are rolled up are added up by it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from analytics.figures import STATS, Sql, day, entries, value_of
from analytics.models import StatDimension
from analytics.windows import Period


@dataclass(frozen=True)
class Key:
    """What is counted apart: an expression over DailyStat `t`, and the same over visits `s`.

    `level` is whose rows of DailyStat are added up: company, project or content. Of a dimension,
    `{value}` stands for its value.
    """

    stat: str = "0"
    visit: str = "0"
    dimension: StatDimension | None = None
    level: str = "company"
    by_days: bool = False
    condition: str = ""
    has_sessions: bool = True


ALL = Key()
DAYS = Key("t.day", "d.column4", by_days=True)
# Such as "2026-03-29 07".
HOURS = Key(
    "t.day || ' ' || {value}",
    f"d.column4 || ' ' || {value_of(StatDimension.HOUR)}",
    dimension=StatDimension.HOUR,
    by_days=True,
    has_sessions=False,
)
KINDS = {
    "company": Key("t.company_id", "s.company_id"),
    "project": Key(
        "t.project_id", "s.project_id", level="project", condition="s.project_id IS NOT NULL"
    ),
    "content": Key(
        "t.ar_content_id",
        "s.ar_content_id",
        level="content",
        condition="s.ar_content_id IS NOT NULL",
    ),
}


def of_values(dimension: StatDimension) -> Key:
    return Key("{value}", value_of(dimension), dimension=dimension)


def of_days(
    key: Key, measures: Sequence[str], whose: str, sealed: Period, kept: date | None
) -> list[Sql]:
    """Sums of the rows `whose` on these days; before `kept` their visits have been removed."""
    if key.dimension is None:
        return [_totals(key, measures, whose, sealed, kept)]
    selects = [_values(key, key.dimension, whose, sealed)]
    if kept and key.has_sessions:
        selects.append(_repeated(key, key.dimension, whose, sealed.first, kept))
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


def _values(key: Key, dimension: StatDimension, whose: str, sealed: Period) -> Sql:
    table, value, count = entries(f"t.{dimension.value}")
    return Sql(
        f"SELECT {key.stat.format(value=value)} AS key, sum({count}) AS views,"  # noqa: S608
        f" sum({count}) AS sessions FROM {STATS} AS t {table}"
        f" WHERE {whose} AND t.day >= %s AND t.day <= %s GROUP BY 1",
        [day(sealed.first), day(sealed.last)],
    )


def _repeated(key: Key, dimension: StatDimension, whose: str, first: date, kept: date) -> Sql:
    """What the days whose visits have been removed have less of sessions than of views."""
    table, path, count = entries("t.repeated")
    begins = len(dimension.value) + 2
    value = key.stat.format(value=f"substr({path}, {begins})")
    return Sql(
        f"SELECT {value} AS key, 0 AS views, -sum({count}) AS sessions FROM {STATS} AS t {table}"  # noqa: S608
        f" WHERE {whose} AND t.day >= %s AND t.day < %s"
        f" AND substr({path}, 1, {begins - 1}) = '{dimension.value}/' GROUP BY 1",
        [day(first), day(kept)],
    )
