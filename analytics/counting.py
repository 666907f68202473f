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
    spans_join,
    within,
)
from analytics.keys import Key, of_days
from analytics.windows import (
    DAY,
    INSTANT,
    Cut,
    Period,
    Window,
    cut,
    midnight,
    runs,
)
from companies.models import Company

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
    part_until: datetime | None
    kept_since: date | None
    cut: Cut


class Count:
    """The visits of a scope in a window or period, up to `now`; asked for any number of keys."""

    def __init__(self, scope: Scope, when: Window | Period, *, now: datetime) -> None:
        self.scope = scope
        self.calendars: list[Calendar] = []
        # Since when visits may share their session id without being marked: companies.
        self.unmarked: dict[datetime, list[int]] = defaultdict(list)
        alike: dict[tuple[Any, ...], list[int]] = defaultdict(list)
        companies = Company.objects.filter(pk__in=scope.companies).order_by("pk")
        if scope.content is not None:
            companies = companies.filter(ar_contents=scope.content)
        elif scope.project is not None:
            companies = companies.filter(projects=scope.project)
        for pk, name, built_by, shared_until, *roll_up in companies.values_list(
            "pk",
            "time_zone",
            "roll_up__time_zone",
            "roll_up__shared_until",
            "roll_up__built_until",
            "roll_up__part_until",
            "roll_up__kept_since",
        ):
            # Of a company that moved to another zone, the days are those that are built.
            alike[built_by or name, *roll_up].append(pk)
            self.unmarked[_rounded(shared_until)].append(pk)
        for (name, built, part, kept), members in alike.items():
            zone = ZoneInfo(name)
            parts = cut(when, zone, built, until=now + INSTANT, part_until=part, kept_since=kept)
            self.calendars.append(Calendar(tuple(members), zone, built, part, kept, parts))

    def of(self, calendar: Calendar, day: date) -> "Count":
        """The same of one day of the companies of that calendar."""
        part = copy(self)
        parts = cut(
            Period(day, day),
            calendar.zone,
            calendar.built_until,
            until=calendar.cut.whole.ends,
            part_until=calendar.part_until,
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
        selects = [*self._sealed(key, measures), *self._live(key, measures)]
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

    def _sealed(self, key: Key, measures: Sequence[str]) -> list[Sql]:
        alike: dict[tuple[Period, date | None], list[int]] = defaultdict(list)
        for calendar in self.calendars:
            if (sealed := calendar.cut.sealed) is not None:
                kept = calendar.kept_since
                # Only a day within the period makes a difference.
                kept = min(kept, sealed.last + DAY) if kept and kept > sealed.first else None
                alike[sealed, kept].extend(calendar.companies)
        selects = []
        for (sealed, kept), companies in alike.items():
            selects += of_days(key, measures, self._level(companies), sealed, kept)
        return selects

    def _level(self, companies: list[int]) -> str:
        """Which rows of DailyStat: in words that fit the index of their level."""
        if self.scope.content is not None:
            return f"t.ar_content_id = {int(self.scope.content)}"
        if self.scope.project is not None:
            return f"t.project_id = {int(self.scope.project)}"
        whose = f"t.company_id IN ({ids(companies)})"
        return f"{whose} AND t.project_id IS NULL AND t.ar_content_id IS NULL"

    def _live(self, key: Key, measures: Sequence[str]) -> list[Sql]:
        # Edges of the same side lie close together: one pass over the visits for all zones.
        sides: dict[tuple[str, str], list[tuple[Calendar, Window]]] = defaultdict(list)
        for calendar in self.calendars:
            sealed, less = calendar.cut.sealed, calendar.cut.less
            for window in calendar.cut.live:
                side = "all" if sealed is None else "upper"
                if sealed is not None and window.ends <= midnight(sealed.first, calendar.zone):
                    side = "lower"
                sides[side, ""].append((calendar, window))
            if less is not None:
                sides["lower", "-"].append((calendar, less))
        selects = []
        for (_side, sign), parts in sides.items():
            counts = "".join(f", {sign}{MEASURES[name]} AS {name}" for name in measures)
            columns = (
                f"{key.visit} AS key, {sign}count(*) AS views, {sign}count(*) AS sessions{counts}"
            )
            selects.append(self._select(columns, key, parts, "", "GROUP BY 1"))
        return selects

    def _select(
        self,
        columns: str,
        key: Key,
        parts: Sequence[tuple[Calendar, Window]],
        condition: str,
        end: str = "",
    ) -> Sql:
        """Of visits, in each calendar's window."""
        windows = {window for _calendar, window in parts}
        spans = []
        if key.by_days or len(windows) > 1:
            spans = [
                Span(calendar.companies, window, runs(window, calendar.zone) if key.by_days else ())
                for calendar, window in parts
            ]
        join = spans_join(spans) if spans else Sql("", [])
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
            f"SELECT {columns} FROM {VISITS} AS s {join.text}"  # noqa: S608
            f" WHERE {' AND '.join(conditions)} {end}",
            [*join.parameters, *between.parameters],
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


def _joined(
    before: str, selects: Sequence[Sql], after: str, *, between: str = " UNION ALL "
) -> Sql:
    text = between.join(select.text for select in selects)
    return Sql(
        f"{before}{text}{after}", [value for select in selects for value in select.parameters]
    )


def _rounded(moment: datetime | None) -> datetime:
    if moment is None:
        return NEVER
    return moment - (moment - NEVER) % MARKED_TOGETHER
