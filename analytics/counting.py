"""Counts the visits of a scope: sealed days from DailyStat, the rest from the visits themselves.

Days and edges are branches of one UNION ALL, with literal bounds: PostgreSQL then plans each over
the few partitions and index ranges that it needs.
"""

from collections import defaultdict
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from analytics.figures import (
    MEASURES,
    VISITS,
    Span,
    Sql,
    fetch,
    ids,
    spans_table,
    within,
)
from analytics.keys import KINDS, Key, of_days
from analytics.windows import (
    DAY,
    INSTANT,
    Cut,
    Period,
    Window,
    cut,
    instants,
    midnight,
    pieces,
)
from companies.models import Company, Project
from content.models import ARContent

CONTENTS = ARContent._meta.db_table
PROJECTS = Project._meta.db_table
# Companies are looked at together when they were marked within such a while.
MARKED_TOGETHER = timedelta(minutes=5)
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Scope:
    """The visits of these companies; of one project or content of theirs, when one is given.

    With a content, the project is not asked for: a content may have moved.
    """

    companies: tuple[int, ...]
    project: int | None = None
    content: int | None = None


@dataclass(frozen=True)
class Calendar:
    """Companies whose days are cut and rolled up alike, and how the asked time is cut for them."""

    companies: tuple[int, ...]
    zone: ZoneInfo
    built_until: date | None
    kept_since: date | None
    cut: Cut


class Count:
    """The visits of a scope in a window or period, up to `now`; asked for any number of keys."""

    def __init__(
        self, scope: Scope, when: Window | Period, *, now: datetime, only_visits: bool = False
    ) -> None:
        self.scope = scope
        self.calendars: list[Calendar] = []
        # Since when visits may share their session id without being marked: companies.
        self.unmarked: dict[datetime, list[int]] = defaultdict(list)
        alike: dict[tuple[str, date | None, date | None], list[int]] = defaultdict(list)
        companies = Company.objects.filter(pk__in=scope.companies).order_by("pk")
        if scope.content is not None:
            companies = companies.filter(ar_contents=scope.content)
        elif scope.project is not None:
            companies = companies.filter(projects=scope.project)
        for pk, zone, built_by, built_until, kept_since, shared_until in companies.values_list(
            "pk",
            "time_zone",
            "roll_up__time_zone",
            "roll_up__built_until",
            "roll_up__kept_since",
            "roll_up__shared_until",
        ):
            # Of a company that moved to another zone, the days are those that are built.
            built = None if only_visits else built_until
            alike[built_by or zone, built, kept_since].append(pk)
            self.unmarked[_rounded(shared_until)].append(pk)
        for (name, built, kept), members in alike.items():
            parts = cut(when, ZoneInfo(name), built, until=now + INSTANT)
            self.calendars.append(Calendar(tuple(members), ZoneInfo(name), built, kept, parts))

    def of(self, calendar: Calendar, day: date) -> "Count":
        """The same of one day of the companies of that calendar."""
        part = copy(self)
        parts = cut(
            Period(day, day),
            calendar.zone,
            calendar.built_until,
            until=calendar.cut.whole.ends,
        )
        part.calendars = [replace(calendar, cut=parts)]
        return part

    def by(
        self, key: Key, *, measures: Sequence[str] = (), most: int | None = None
    ) -> dict[Any, tuple[int, ...]]:
        """By key: views, unique sessions, and the measures asked for, of the largest `most`.

        Every view is a session, but for those that share theirs with another one of their key.
        """
        columns = ("views", "sessions", *measures)
        moved = self.moved_contents if key is KINDS["content"] else ()
        selects = [*self._sealed(key, measures, moved), *self._visits(key, measures, moved)]
        if not selects:
            return {}
        shared = self._shared(key) if key.has_sessions else []
        if shared:
            zeros = ", 0" * len(measures)
            selects.append(
                _joined(
                    f"SELECT key, 0, count(DISTINCT session) - count(*){zeros} FROM (",  # noqa: S608
                    shared,
                    ") AS shared GROUP BY key",
                )
            )
        sums = ", ".join(f"sum({name})" for name in columns)
        query = _joined(
            f"SELECT key, {sums} FROM (",  # noqa: S608
            selects,
            ") AS branches GROUP BY key HAVING sum(views) > 0",
        )
        if most is not None:
            query = Sql(
                f"{query.text} ORDER BY sum(views) DESC, key LIMIT {most}", query.parameters
            )
        return {key: tuple(map(int, found)) for key, *found in fetch(query)}

    def sessions_in_several(self, key: Key, named: Sequence[str]) -> int:
        """How often a session of one value is one of another, too; those `named` left aside."""
        holes = ", ".join(["%s"] * len(named))
        shared = self._shared(replace(key, condition=f"{key.visit} NOT IN ({holes})"), list(named))
        if not shared:
            return 0
        query = _joined(
            "SELECT count(*) - count(DISTINCT session) FROM (SELECT DISTINCT key, session FROM (",
            shared,
            ") AS shared) AS pairs",
        )
        [(again,)] = fetch(query)
        return int(again)

    def _sealed(self, key: Key, measures: Sequence[str], moved: Sequence[int]) -> list[Sql]:
        alike: dict[tuple[Period, date | None], list[int]] = defaultdict(list)
        for calendar in self.calendars:
            if (sealed := calendar.cut.sealed) is not None:
                kept = calendar.kept_since
                # Only a day within the period makes a difference.
                kept = min(kept, sealed.last + DAY) if kept and kept > sealed.first else None
                alike[sealed, kept].extend(calendar.companies)
        selects = []
        for (sealed, kept), companies in alike.items():
            whose = self._level(key, companies, moved)
            selects += of_days(key, measures, whose, sealed, kept)
        return selects

    def _level(self, key: Key, companies: list[int], moved: Sequence[int]) -> str:
        """Which rows of DailyStat: in words that fit the index of their level."""
        project, content = self.scope.project, self.scope.content
        whose = f"company_id IN ({ids(companies)})"
        if content is not None:
            return f"t.ar_content_id = {int(content)}"
        if key.level == "content":
            if project is not None:
                whose = f"project_id = {int(project)}" + _none_of("id", moved)
            rows = f"SELECT id FROM {CONTENTS} WHERE {whose}"  # noqa: S608
            return f"t.ar_content_id IN ({rows})"
        if project is not None:
            return f"t.project_id = {int(project)}"
        if key.level == "project":
            rows = f"SELECT id FROM {PROJECTS} WHERE {whose}"  # noqa: S608
            return f"t.project_id IN ({rows})"
        return f"t.{whose} AND t.project_id IS NULL AND t.ar_content_id IS NULL"

    def _visits(self, key: Key, measures: Sequence[str], moved: Sequence[int]) -> list[Sql]:
        # Edges of the same side lie close together: one pass over the visits for all zones.
        sides: dict[str, list[tuple[Calendar, Window]]] = defaultdict(list)
        for calendar in self.calendars:
            sealed = calendar.cut.sealed
            for window in calendar.cut.live:
                is_lower = sealed is not None and window.begins == calendar.cut.whole.begins
                sides["all" if sealed is None else "lower" if is_lower else "upper"].append(
                    (calendar, window)
                )
            if moved and sealed is not None:
                sides["moved"].append((calendar, instants(sealed, calendar.zone)))
        sums = "".join(f", {MEASURES[name]} AS {name}" for name in measures)
        columns = f"{key.visit} AS key, count(*) AS views, count(*) AS sessions{sums}"
        of_moved = f"s.ar_content_id IN ({ids(moved)})"
        return [
            self._select(columns, key, parts, of_moved if side == "moved" else "", "GROUP BY 1")
            for side, parts in sides.items()
        ]

    def _select(
        self,
        columns: str,
        key: Key,
        parts: Sequence[tuple[Calendar, Window]],
        condition: str,
        end: str = "",
    ) -> Sql:
        """Of visits, in each calendar's window."""
        spans = [
            Span(company, piece.window, piece) if piece else Span(company, window)
            for calendar, window in parts
            for piece in (pieces(window, calendar.zone) if key.by_days else [None])
            for company in calendar.companies
        ]
        windows = {window for _calendar, window in parts}
        needs_join = key.by_days or len(windows) > 1
        table = spans_table(spans) if needs_join else Sql("", [])
        join = f" JOIN {table.text}" if needs_join else ""
        between = within(
            Window(min(one.begins for one in windows), max(one.ends for one in windows))
        )
        companies = [company for calendar, _window in parts for company in calendar.companies]
        conditions = [f"s.company_id IN ({ids(companies)})", between.text, "NOT s.is_bot"]
        if self.scope.content is not None:
            conditions.append(f"s.ar_content_id = {int(self.scope.content)}")
        elif self.scope.project is not None:
            conditions.append(f"s.project_id = {int(self.scope.project)}")
        conditions += [one for one in (key.condition, condition) if one]
        return Sql(
            f"SELECT {columns} FROM {VISITS} AS s{join}"  # noqa: S608
            f" WHERE {' AND '.join(conditions)} {end}",
            [*table.parameters, *between.parameters],
        )

    def _shared(self, key: Key, parameters: Sequence[Any] = ()) -> list[Sql]:
        """The visits that share their session id, each with its key."""
        parts = []
        for calendar in self.calendars:
            window = calendar.cut.whole
            if calendar.kept_since is not None:
                kept = midnight(calendar.kept_since, calendar.zone)
                window = Window(max(kept, window.begins), window.ends)
            if not window.is_empty:
                parts.append((calendar, window))
        if not parts:
            return []
        conditions: list[tuple[str, list[Any]]] = [("s.is_shared", [])]
        if again := self._shared_lately:
            holes = ", ".join(["%s"] * len(again))
            conditions.append((f"NOT s.is_shared AND s.session_id IN ({holes})", again))
        columns = f"{key.visit} AS key, s.session_id AS session"
        selects = []
        for condition, values in conditions:
            text, bounds = self._select(columns, key, parts, condition)
            selects.append(Sql(text, [*bounds, *parameters, *values]))
        return selects

    @cached_property
    def _shared_lately(self) -> list[Any]:
        """Session ids of visits that nobody has looked at yet, and that another visit has too."""
        windows = [calendar.cut.whole for calendar in self.calendars]
        whole = Window(
            min((one.begins for one in windows), default=NEVER),
            max((one.ends for one in windows), default=NEVER),
        )
        selects = []
        for since, companies in self.unmarked.items():
            window = Window(max(since, whole.begins), whole.ends)
            if window.is_empty:
                continue
            fresh, other = within(window), within(whole, "o")
            selects.append(
                Sql(
                    f"SELECT DISTINCT s.session_id FROM {VISITS} AS s"  # noqa: S608
                    f" WHERE s.company_id IN ({ids(companies)}) AND {fresh.text}"
                    f" AND NOT s.is_shared AND EXISTS (SELECT 1 FROM {VISITS} AS o"
                    f" WHERE o.session_id = s.session_id AND o.id <> s.id AND {other.text})",
                    [*fresh.parameters, *other.parameters],
                )
            )
        if not selects:
            return []
        return [session for (session,) in fetch(_joined("", selects, "", between=" UNION "))]

    @cached_property
    def moved_contents(self) -> tuple[int, ...]:
        """Contents that were in the scope's project and in another one, as their history tells.

        DailyStat does not know in which of them they were seen.
        """
        project = self.scope.project
        if project is None or self.scope.content is not None:
            return ()
        history = ARContent.history.model.objects
        here = history.filter(project_id=project).values("id")
        elsewhere = history.filter(id__in=here).exclude(project_id=project)
        return tuple(elsewhere.order_by("id").values_list("id", flat=True).distinct())


def _joined(
    before: str, selects: Sequence[Sql], after: str, *, between: str = " UNION ALL "
) -> Sql:
    text = between.join(select.text for select in selects)
    return Sql(
        f"{before}{text}{after}", [value for select in selects for value in select.parameters]
    )


def _none_of(column: str, numbers: Sequence[int]) -> str:
    return f" AND {column} NOT IN ({ids(numbers)})" if numbers else ""


def _rounded(moment: datetime | None) -> datetime:
    if moment is None:
        return NEVER
    return moment - (moment - NEVER) % MARKED_TOGETHER
