"""The tables of a report: as lists for programs, and as CSV for spreadsheets."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, Literal, NamedTuple

from analytics import reports
from analytics.models import StatDimension
from analytics.reports import Figures, Scope
from analytics.windows import Period, Window, last_days

# Of a breakdown or a top list in a file.
MOST_LINES = 10_000
MOST_LISTED = 10
# What a spreadsheet takes for a formula where a cell begins; it may begin one after any of these
# separators, whatever the quotes say.
FORMULA = re.compile(r"(^|[;,|\t\r\n])(?=\s*[=+\-@＝＋－＠])")
BLANK = ("\t", "\r", "\n")

DIMENSIONS = {
    "devices": StatDimension.DEVICE,
    "browsers": StatDimension.BROWSER,
    "operating_systems": StatDimension.OS,
    "countries": StatDimension.COUNTRY,
    "cities": StatDimension.CITY,
    "tracking_quality": StatDimension.QUALITY,
    "camera": StatDimension.CAMERA,
}
KINDS: dict[str, Literal["company", "project", "content"]] = {
    "top_companies": "company",
    "top_projects": "project",
    "top_contents": "content",
}
TABLES = ("days", "hours", *DIMENSIONS, *KINDS)


class Table(NamedTuple):
    heading: tuple[str, ...]
    rows: list[tuple[Any, ...]]


class Asked(NamedTuple):
    """Whose visits, and when: whole days, or the last 30 days to the second where none are given.

    Series of days are then those of today and the 29 days before.
    """

    scope: Scope
    period: Period | None
    now: datetime

    @property
    def when(self) -> Window | Period:
        return self.period or reports.last_30_days(self.now)

    @property
    def days(self) -> Period:
        today = reports.today(self.scope, now=self.now)
        return self.period or last_days(reports.WINDOW.days, today=today)


def figures_of(asked: Asked) -> Figures:
    return reports.figures(asked.scope, asked.when, now=asked.now)


def table(name: str, asked: Asked, *, most: int = MOST_LINES) -> Table:
    """One of TABLES.

    Breakdowns hold the largest `most`, and what is left as a value None; top lists hold the
    largest `most` alone.
    """
    scope, now = asked.scope, asked.now
    if name == "days":
        days = reports.by_day(scope, asked.days, now=now)
        return Table(("day", "views", "unique_sessions"), list(map(tuple, days)))
    if name == "hours":
        week = reports.by_hour(scope, asked.days, now=now)
        return Table(
            ("weekday", "hour", "views"),
            [
                (weekday, hour, views)
                for weekday, hours in enumerate(week, start=1)
                for hour, views in enumerate(hours)
            ],
        )
    if name in DIMENSIONS:
        shares = reports.shares(scope, asked.when, DIMENSIONS[name], now=now, most=most)
        return Table(("value", "views", "unique_sessions"), list(map(tuple, shares)))
    found = reports.top(scope, asked.when, KINDS[name], now=now, most=most)
    return Table(("id", "name", "views", "unique_sessions"), list(map(tuple, found)))


def listed(name: str, asked: Asked) -> list[dict[str, Any]]:
    """The first rows of a table, by column."""
    heading, rows = table(name, asked, most=MOST_LISTED)
    return [dict(zip(heading, row, strict=True)) for row in rows]


def csv_lines(table: Table) -> Iterator[str]:
    """The table as text that a spreadsheet opens, and takes for nothing but text."""
    line = _Line()
    writer = csv.writer(line, quoting=csv.QUOTE_NONNUMERIC)
    write: Callable[[Iterable[Any]], Any] = writer.writerow
    write(table.heading)
    yield f"\ufeff{line.text}"
    for row in table.rows:
        write([guarded(cell) for cell in row])
        yield line.text


def guarded(cell: Any) -> Any:
    """A cell that is no formula. Of what is not named, "(other)"."""
    if cell is None:
        return "(other)"
    if not isinstance(cell, str):
        return cell
    safe = FORMULA.sub(r"\1'", cell)
    return f"'{safe}" if safe.startswith(BLANK) else safe


class _Line:
    """What a CSV writer writes into; it holds the last line."""

    text = ""

    def write(self, text: str) -> None:
        self.text = text
