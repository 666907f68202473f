"""Counts the visits of days into DailyStat, in SQL alone."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import connection

from analytics.figures import (
    MEASURES,
    STATS,
    VISITS,
    Span,
    collected,
    day_of,
    spans_join,
    values,
    within,
)
from analytics.models import DailyStat
from analytics.windows import Period, Window, instants, runs

LEVELS = "(VALUES (0), (1), (2)) AS l"
LEVEL = (
    "CASE WHEN l.column1 = 1 THEN {0}.project_id END AS project_id,"
    " CASE WHEN l.column1 = 2 THEN {0}.ar_content_id END AS ar_content_id"
)
HAS_LEVEL = (
    "(l.column1 = 0 OR (l.column1 = 1 AND {0}.project_id IS NOT NULL)"
    " OR (l.column1 = 2 AND {0}.ar_content_id IS NOT NULL))"
)


def build_days(
    company: int, period: Period, zone: ZoneInfo, *, until: datetime | None = None
) -> None:
    """Count the visits of these days, in two statements: what was counted before goes first.

    Counted by content, project, day, dimension and value ("" is the dimension of all); these
    cells are added up for the three levels, and those of a row gathered. Visits that share their
    session id are looked at again, for the sessions of each level. What is at `until` or later is
    not counted.
    """
    DailyStat.objects.filter(company=company, day__gte=period.first, day__lte=period.last).delete()
    window = instants(period, zone)
    if until is not None:
        window = Window(window.begins, until)
    days, bounds = spans_join([Span([company], window, runs(window, zone))]), within(window)
    of_visit = values()
    names = ", ".join(f"('{name}')" for name in ("", *of_visit))
    dimensions = f"(VALUES {names}) AS n"
    cases = " ".join(f"WHEN '{name}' THEN {sql}" for name, sql in of_visit.items())
    value = f"n.column1 AS dimension, CASE n.column1 {cases} ELSE '' END AS value"
    measures = ", ".join(MEASURES)
    zeros = ", ".join(f"0 AS {name}" for name in MEASURES)
    counts = ", ".join(f"{sql} AS {name}" for name, sql in MEASURES.items())
    sums = ", ".join(f"sum({name}) AS {name}" for name in MEASURES)
    visits = (
        f"FROM {VISITS} AS s {days.text} {{joins}}"
        f" WHERE s.company_id = %s AND {bounds.text} AND NOT s.is_bot"
    )
    surplus = "count(*) - count(DISTINCT s.session_id)"
    total = "FILTER (WHERE dimension = '')"
    columns = {
        "views": f"sum(views) {total}",
        "sessions": f"sum(views - surplus) {total}",
        **{name: f"sum({name}) {total}" for name in MEASURES},
        **{
            name: collected("value", "views", f"dimension = '{name}' AND value IS NOT NULL")
            for name in of_visit
        },
        "repeated": collected(
            "dimension || '/' || value",
            "surplus",
            "surplus > 0 AND dimension <> '' AND value IS NOT NULL",
        ),
    }
    cells = (
        f"SELECT {day_of()} AS day, s.project_id, s.ar_content_id, '' AS dimension, '' AS value,"
        f" count(*) AS views, {counts} {visits.format(joins='')} GROUP BY 1, 2, 3"
        f" UNION ALL SELECT {day_of()}, s.project_id, s.ar_content_id, {value}, count(*), {zeros}"
        f" {visits.format(joins=f'CROSS JOIN {dimensions}')} AND n.column1 <> ''"
        " GROUP BY 1, 2, 3, 4, 5"
    )
    repeated = (
        f"SELECT {day_of()}, {LEVEL.format('s')}, {value}, 0, {surplus}, {zeros}"
        f" {visits.format(joins=f'CROSS JOIN {dimensions} CROSS JOIN {LEVELS}')}"
        f" AND s.is_shared AND {HAS_LEVEL.format('s')}"
        f" GROUP BY 1, 2, 3, 4, 5 HAVING {surplus} > 0"
    )
    parameters = [*days.parameters, company, *bounds.parameters]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {STATS} (day, company_id, project_id, ar_content_id,"  # noqa: S608
            f" {', '.join(columns)})"
            f" SELECT day, %s, project_id, ar_content_id, {', '.join(columns.values())} FROM ("
            "SELECT day, project_id, ar_content_id, dimension, value, sum(views) AS views,"
            f" sum(surplus) AS surplus, {sums} FROM ("
            f"SELECT day, {LEVEL.format('c')}, dimension, value, views, 0 AS surplus, {measures}"
            f" FROM ({cells}) AS c CROSS JOIN {LEVELS} WHERE {HAS_LEVEL.format('c')}"
            f" UNION ALL {repeated}) AS parts GROUP BY 1, 2, 3, 4, 5"
            ") AS cells GROUP BY day, project_id, ar_content_id"
            # As reports read them.
            " ORDER BY project_id, ar_content_id, day",
            [company, *parameters, *parameters, *parameters],
        )
