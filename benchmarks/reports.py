"""Reports on PostgreSQL at size: ours and the flat query of each, interleaved in one run.

    python -m benchmarks.reports [--visits 10000000] [--rounds 5]

Makes a PostgreSQL of its own, which is gone afterwards, and fills it in SQL: visits of 120 days,
100 companies in several time zones, 500 projects and 2,000 contents, a few of them with most of
the visits. Then builds the roll-ups, and compares time and outcome: of each report and chart, and
of the whole answers of the API, which a superuser asks for in this process.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.season import DAYS, NOW, fill

ROOT = Path(__file__).resolve().parent.parent
COMPARED = 50
TARGET_RATIO, TARGET_MS = 20, 100


def main() -> None:
    parser = argparse.ArgumentParser(description="Reports on PostgreSQL at size")
    parser.add_argument("--visits", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        import django

        django.setup()
        run(options.visits, options.rounds)
        return
    sys.path.insert(0, str(ROOT / "script"))
    from processes import exit_on_signals
    from throwaway_servers import postgresql

    exit_on_signals()
    with postgresql() as url:
        database = {
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "arv.settings",
            "ENVIRONMENT": "test",
            "LOG_LEVEL": "WARNING",
        }
        command = [sys.executable, "-m", "benchmarks.reports", "--child"]
        command += ["--visits", str(options.visits), "--rounds", str(options.rounds)]
        sys.exit(subprocess.run(command, cwd=ROOT, env={**os.environ, **database}).returncode)


def run(visits: int, rounds: int) -> None:
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
    began = time.perf_counter()
    fill(visits)
    print(f"{visits:,} visits written in {time.perf_counter() - began:.0f} s", flush=True)
    build()
    missed = measure(rounds)
    compare()
    if missed:
        sys.exit(f"Targets missed: {', '.join(missed)}")


def build() -> None:
    from django.db import connection

    from analytics import rollups
    from analytics.models import DailyStat

    began, ticks, days = time.perf_counter(), 0, 0
    while built := rollups.roll_up_due(now=NOW):
        ticks, days = ticks + 1, days + built
    seconds = time.perf_counter() - began
    print(f"{days:,} days of companies rolled up in {ticks} ticks, {seconds:.0f} s", flush=True)
    began = time.perf_counter()
    rollups.roll_up_due(now=NOW)
    print(f"  a tick with nothing left to build: {time.perf_counter() - began:.2f} s")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute(
            "SELECT pg_size_pretty(sum(pg_total_relation_size(oid))) FROM pg_class"
            " WHERE relname LIKE 'analytics_arviewsession%' AND relkind = 'r'"
        )
        [visits] = cursor.fetchone()
        cursor.execute("SELECT pg_size_pretty(pg_total_relation_size('analytics_dailystat'))")
        [stats] = cursor.fetchone()
        cursor.execute("SELECT count(*) FROM analytics_arviewsession WHERE is_shared")
        [shared] = cursor.fetchone()
    print(f"  visits {visits}, {shared:,} of them share a session; {DailyStat.objects.count():,}")
    print(f"  daily figures {stats}", flush=True)


class Flat:
    """The same reports, as one query each over the visits."""

    def __init__(self, scope: Any, when: Any) -> None:
        from analytics.windows import Window

        self.scope, self.when = scope, when
        companies = ", ".join(map(str, scope.companies))
        self.where = f"s.company_id IN ({companies}) AND NOT s.is_bot AND s.created_at <= '{NOW}'"
        if scope.content is not None:
            self.where += f" AND s.ar_content_id = {scope.content}"
        elif scope.project is not None:
            self.where += f" AND s.project_id = {scope.project}"
        if isinstance(when, Window):
            self.where += f" AND s.created_at >= '{when.begins}' AND s.created_at < '{when.ends}'"
        else:
            # The first two bounds are for the partitions.
            day = timedelta(days=1)
            self.where += (
                f" AND s.created_at >= '{when.first - day}'"
                f" AND s.created_at < '{when.last + 2 * day}'"
                f" AND {self.day} BETWEEN '{when.first}' AND '{when.last}'"
            )

    day = "(s.created_at AT TIME ZONE c.time_zone)::date"
    both = "count(*), count(DISTINCT s.session_id)"
    tables = "analytics_arviewsession AS s JOIN companies_company AS c ON c.id = s.company_id"

    def fetch(self, columns: str, end: str = "", condition: str = "") -> list[tuple[Any, ...]]:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {columns} FROM {self.tables} WHERE {self.where}{condition} {end}"  # noqa: S608
            )
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows

    def visits(self) -> Any:
        return self.fetch(self.both)[0]

    def figures(self) -> Any:
        return self.fetch(
            f"{self.both}, count(s.duration_seconds), coalesce(sum(s.duration_seconds), 0),"
            " count(*) FILTER (WHERE s.started), count(*) FILTER (WHERE s.camera = 'allowed'),"
            " count(*) FILTER (WHERE s.camera = 'denied'), count(s.found_ms),"
            " coalesce(sum(s.found_ms), 0), count(*) FILTER (WHERE s.video_played)"
        )[0]

    def by_day(self) -> Any:
        return sorted(self.fetch(f"{self.day}, {self.both}", "GROUP BY 1"))

    def by_hour(self) -> Any:
        clock = "s.created_at AT TIME ZONE c.time_zone"
        columns = f"extract(isodow FROM {clock})::int, extract(hour FROM {clock})::int, count(*)"
        return sorted(self.fetch(columns, "GROUP BY 1, 2"))

    def shares(self, value: str) -> Any:
        found = self.fetch(f"{value}, {self.both}", "GROUP BY 1")
        return sorted(found, key=lambda row: (-row[1], row[0]))

    def top(self, column: str) -> Any:
        return self.fetch(
            f"{column}, {self.both}",
            "GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10",
            f" AND {column} IS NOT NULL",
        )


VALUES = {
    "device": "s.device_type",
    "browser": "regexp_replace(s.browser, ' [0-9]+$', '')",
    "os": "s.os",
    "country": "s.country",
    "city": "s.city",
    "quality": "s.tracking_quality",
    "camera": "CASE WHEN s.camera = 'denied' THEN 'denied/refused' ELSE s.camera END",
}
KINDS = {"company": "s.company_id", "project": "s.project_id", "content": "s.ar_content_id"}


@dataclass(frozen=True)
class Case:
    """A report, ours and flat; `same` brings ours into the shape of the flat one."""

    name: str
    ours: Callable[[], Any]
    flat: Callable[[], Any]
    same: Callable[[Any], Any]


def charts(name: str, scope: Any, when: Any, *, most: int = 10) -> list[Case]:
    from dataclasses import astuple

    from analytics import reports
    from analytics.models import StatDimension
    from analytics.windows import Period

    flat = Flat(scope, when)
    cases = [
        Case(
            f"{name}: figures",
            lambda: reports.figures(scope, when, now=NOW),
            flat.figures,
            lambda found: astuple(found),
        )
    ]
    if isinstance(when, Period):
        cases += [
            Case(
                f"{name}: by day",
                lambda: reports.by_day(scope, when, now=NOW),
                flat.by_day,
                lambda found: [tuple(day) for day in found if day.views],
            ),
            Case(
                f"{name}: by hour",
                lambda: reports.by_hour(scope, when, now=NOW),
                flat.by_hour,
                lambda found: [
                    (weekday, hour, views)
                    for weekday, hours in enumerate(found, start=1)
                    for hour, views in enumerate(hours)
                    if views
                ],
            ),
        ]
    for value, column in VALUES.items():
        dimension = StatDimension(value)
        cases.append(
            Case(
                f"{name}: {value}",
                partial(reports.shares, scope, when, dimension, now=NOW, most=most),
                partial(flat.shares, column),
                lambda found: [tuple(share) for share in found if share.value is not None],
            )
        )
    top: Any = reports.top
    for kind, column in KINDS.items():
        cases.append(
            Case(
                f"{name}: top {kind}",
                partial(top, scope, when, kind, now=NOW),
                partial(flat.top, column),
                lambda found: [(row.id, row.views, row.sessions) for row in found],
            )
        )
    return cases


def scopes() -> dict[str, Any]:
    """All companies, and the largest company, project and content."""
    from django.db import connection

    from analytics.reports import Scope
    from companies.models import Company

    largest = {}
    with connection.cursor() as cursor:
        for name, column in KINDS.items():
            cursor.execute(
                f"SELECT {column}, min(company_id) FROM analytics_arviewsession AS s"  # noqa: S608
                " GROUP BY 1 ORDER BY count(*) DESC LIMIT 1"
            )
            largest[name] = cursor.fetchone()
    return {
        "overview": Scope(tuple(Company.objects.values_list("pk", flat=True))),
        "company": Scope((largest["company"][0],)),
        "project": Scope((largest["project"][1],), project=largest["project"][0]),
        "content": Scope((largest["content"][1],), content=largest["content"][0]),
    }


def measure(rounds: int) -> list[str]:
    """Print the median of each report and of its flat query; returns what missed a target."""
    from analytics import reports
    from analytics.windows import last_days

    window, period = reports.last_30_days(NOW), last_days(30, today=NOW.date())
    cases = []
    for name, scope in scopes().items():
        cases.append(
            Case(
                f"{name}: views, 30 days to the second",
                partial(reports.visits_of, scope, now=NOW),
                Flat(scope, window).visits,
                tuple,
            )
        )
        cases += charts(name, scope, period)
        cases.append(answer(name, scope))
    print(f"{'':34}{'ours, ms':>10}{'flat, ms':>10}{'ratio':>8}")
    missed = []
    for case in cases:
        ours, flat = [], []
        for _round in range(rounds):
            ours.append(milliseconds(case.ours))
            flat.append(milliseconds(case.flat))
        mine, theirs = statistics.median(ours), statistics.median(flat)
        is_met = mine <= TARGET_MS and (theirs >= TARGET_RATIO * mine)
        if not is_met:
            missed.append(case.name)
        mark = "" if is_met else "  missed"
        print(f"{case.name:34}{mine:10.1f}{theirs:10.1f}{theirs / mine:8.0f}{mark}", flush=True)
    return missed


def answer(name: str, scope: Any) -> Case:
    """The API's whole answer, and the same with the flat query behind it."""
    from django.test import Client

    from analytics import reports
    from companies.models import User

    client = Client(SERVER_NAME="localhost")
    reader, _made = User.objects.get_or_create(username="reader", is_superuser=True)
    client.force_login(reader)
    paths = {
        "overview": "overview",
        "company": f"companies/{scope.companies[0]}",
        "project": f"projects/{scope.project}",
        "content": f"ar-content/{scope.content}",
    }

    def ask() -> Any:
        with patch("django.utils.timezone.now", return_value=NOW):
            return client.get(f"/api/analytics/{paths[name]}").json()

    flat = Flat(scope, reports.last_30_days(NOW))

    def ask_flat() -> Any:
        found = reports.Figures(*flat.figures())
        with patch.object(reports, "figures", lambda *_scope, **_now: found):
            return ask()

    if ask() != ask_flat():
        sys.exit(f"{name}: the API's answer is wrong")
    return Case(f"{name}: GET, the whole answer", ask, ask_flat, lambda told: told)


def milliseconds(ask: Callable[[], Any]) -> float:
    began = time.perf_counter()
    ask()
    return (time.perf_counter() - began) * 1000


def compare() -> None:
    """Random scopes and times: every report is what the flat query says."""
    from analytics.reports import Scope
    from analytics.windows import DAY, Period, Window
    from companies.models import Company
    from content.models import ARContent

    chance = random.Random(1)  # noqa: S311
    companies = list(Company.objects.values_list("pk", flat=True))
    contents = list(ARContent.objects.order_by("pk").values_list("pk", "project_id", "company_id"))
    wrong, compared = [], 0
    for number in range(COMPARED):
        content, project, company = contents[int(len(contents) * chance.random() ** 3)]
        scope = chance.choice(
            [
                Scope(tuple(chance.sample(companies, chance.randint(1, 10)))),
                Scope((company,)),
                Scope((company,), project=project),
                Scope((company,), content=content),
            ]
        )
        seconds = sorted(chance.uniform(0, DAYS * 86_400) for _edge in range(2))
        begins, ends = (NOW - timedelta(days=DAYS, seconds=-number) for number in seconds)
        when: Any = Window(begins, chance.choice([ends, NOW]))
        if number % 2:
            when = Period(begins.date(), chance.choice([ends.date(), NOW.date() + DAY]))
        for case in charts(f"{scope} {when}", scope, when, most=10_000):
            compared += 1
            ours, flat = case.same(case.ours()), case.flat()
            if ours not in (flat, [*flat]):
                wrong.append(case.name)
    print(f"{COMPARED} random scopes and times, {compared} reports: {len(wrong)} differ")
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
