"""Dropping a month of visits against deleting it, on PostgreSQL.

    python -m benchmarks.retention [--visits 2500000] [--rounds 3]

Makes a PostgreSQL of its own, which is gone afterwards, with so many visits in each month. In turn,
one month is dropped and one deleted by one statement; the medians of the rounds are compared. Then
one month is removed as the tick removes it where it must delete, in batches. Time and write-ahead
log of each, in one run, with PostgreSQL's own settings: what is committed is on the disk. As an old
month is in nobody's memory, the system is told before each step to forget the files, and what
earlier steps have left to the disk is done first: none pays for another.

Deleted rows keep their space until a vacuum: its time is shown beside.
"""

import argparse
import os
import statistics
import sys
import time
import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analytics.partitions import Month
    from content.models import ARContent

ROOT = Path(__file__).resolve().parent.parent
# The last month is kept, the others are removed.
LAST = 2031, 6
NOW = datetime(2031, 7, 2, 12, tzinfo=UTC)
TIMES_FASTER, TIMES_LESS_LOG = 10, 50
SETTLE_SECONDS = 5
MEGABYTE = 2**20


@dataclass(frozen=True)
class Cost:
    seconds: float
    log_bytes: float

    @classmethod
    def median(cls, costs: "list[Cost]") -> "Cost":
        return cls(
            statistics.median(one.seconds for one in costs),
            statistics.median(one.log_bytes for one in costs),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="Dropping a month of visits against deleting it")
    parser.add_argument("--visits", type=int, default=2_500_000, help="of each month")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT / "script"))
    from processes import exit_on_signals
    from throwaway_servers import postgresql

    exit_on_signals()
    with postgresql(options=["max_wal_size=4GB"]) as url:
        os.environ |= {
            "DATABASE_URL": f"{url}?options=-c%20statement_timeout%3D0",
            "DJANGO_SETTINGS_MODULE": "arv.settings",
            "ENVIRONMENT": "test",
        }
        import django

        django.setup()
        measure(options.visits, options.rounds)


def measure(each: int, rounds: int) -> None:
    from django.db import connection

    from analytics import partitions, retention
    from analytics.models import ARViewSession, RollUp
    from analytics.partitions import Month
    from companies.models import Company
    from content.tests.factories import ARContentFactory

    began = time.perf_counter()
    months = [Month(*LAST).after(number) for number in range(-2 * rounds - 1, 1)]
    *pairs, batched, kept = months
    content = fill(months, each)
    other = ARContentFactory.create()
    RollUp.objects.bulk_create(
        RollUp(company=one.company, time_zone="UTC", built_until=NOW.date(), shared_until=NOW)
        for one in (content, other)
    )
    ARViewSession.objects.create(
        session_id=uuid.uuid4(),
        ar_content=other,
        company=other.company,
        created_at=batched.begins,
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_size_pretty(pg_total_relation_size(%s))", [kept.table])
        [size] = cursor.fetchone()
    seconds = time.perf_counter() - began
    print(f"{each:,} visits in each of {len(months)} months, {size} each: {seconds:.0f} s")

    def delete(month: Month) -> int:
        rows = ARViewSession.objects.filter(created_at__gte=month.begins, created_at__lt=month.ends)
        return rows.delete()[0]

    def drop(month: Month) -> int:
        return each if partitions.drop(month) else 0

    def remove() -> int:
        # Another company keeps a visit of the month, so it cannot be dropped.
        Company.objects.filter(pk=content.company.pk).update(session_retention_days=31)
        return retention.remove_expired(now=NOW, seconds=3600).visits

    costs: dict[str, list[Cost]] = defaultdict(list)

    def step(name: str, removal: Callable[[], int]) -> None:
        removed, one = cost(removal)
        if removed != each:
            sys.exit(f"{name}: {removed:,} visits are gone, not {each:,}")
        costs[name].append(one)
        print(f"  {name:10} {one.seconds:9.3f} s {one.log_bytes / MEGABYTE:10.3f} MB of log")

    for number in range(rounds):
        first, second = pairs[2 * number : 2 * number + 2]
        step("dropped", partial(drop, first))
        step("deleted", partial(delete, second))
        step("vacuumed", partial(vacuum, second.table, each))
    step("in batches", remove)
    left = ARViewSession.objects.count()
    print(f"  {left:,} visits are left")
    medians = {name: Cost.median(those) for name, those in costs.items()}
    deleted, dropped = medians["deleted"], medians["dropped"]
    faster = deleted.seconds / dropped.seconds
    with_vacuum = (deleted.seconds + medians["vacuumed"].seconds) / dropped.seconds
    less = deleted.log_bytes / dropped.log_bytes
    print(
        f"  dropping is {faster:,.0f} times faster than deleting ({with_vacuum:,.0f} times with the"
        f" vacuum), with {less:,.0f} times less log"
    )
    is_met = faster >= TIMES_FASTER and less >= TIMES_LESS_LOG and left == each + 1
    print(
        f"  target: {TIMES_FASTER} times faster, {TIMES_LESS_LOG} times less:"
        f" {'met' if is_met else 'MISSED'}"
    )
    if not is_met:
        sys.exit(1)


def cost(step: Callable[[], int]) -> tuple[int, Cost]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
        # Also what the system puts off, such as giving free the blocks of files that are gone.
        os.sync()
        time.sleep(SETTLE_SECONDS)
        cursor.execute("SHOW data_directory")
        for file in Path(cursor.fetchone()[0], "base").glob("*/*"):
            forget(file)
        cursor.execute("SELECT pg_current_wal_insert_lsn()")
        [before] = cursor.fetchone()
        began = time.perf_counter()
        removed = step()
        seconds = time.perf_counter() - began
        cursor.execute("SELECT pg_current_wal_insert_lsn() - %s::pg_lsn", [before])
        return removed, Cost(seconds, int(cursor.fetchone()[0]))


def forget(file: Path) -> None:
    """Only what is written down already; where the system cannot, nothing."""
    if hasattr(os, "posix_fadvise"):
        descriptor = os.open(file, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def vacuum(table: str, rows: int) -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM {table}")
    return rows


def fill(months: "list[Month]", each: int) -> "ARContent":
    """Visits of one content like those of phones, evenly over each month; returns the content."""
    from django.core.management import call_command
    from django.db import connection

    from analytics.models import ARViewSession
    from analytics.partitions import add_unique_index, make_partitions
    from companies.provisioning import seed_defaults
    from companies.tests.factories import ProjectFactory
    from content.tests.factories import ARContentFactory

    call_command("migrate", verbosity=0)
    content = ARContentFactory.create(project=ProjectFactory.create(company=seed_defaults()))
    for month in months:
        make_partitions(now=month.begins)
    pattern = ARViewSession.objects.create(
        session_id=uuid.uuid4(),
        ar_content=content,
        project=content.project,
        company=content.company,
        user_agent="Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15"
        " (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
        device_type="mobile",
        browser="Mobile Safari 17",
        os="iOS",
        ip_address="203.0.113.0",
        country="DE",
        duration_seconds=30,
        tracking_quality="good",
        started=True,
        camera="allowed",
        found_ms=2500,
        video_played=True,
    )
    columns = [
        str(field.column)
        for field in ARViewSession._meta.concrete_fields
        if field.name not in {"id", "session_id", "created_at"}
    ]
    names = ", ".join(columns)
    with connection.cursor() as cursor:
        # Foreign keys need no check here, and the checks of millions of rows no memory.
        cursor.execute("SET session_replication_role = replica")
        for month in months:
            # Made when the rows are there: one by one, random ids take most of the time.
            cursor.execute(f"DROP INDEX {month.table}_once")
            pause = (month.ends - month.begins) / each / timedelta(microseconds=1)
            cursor.execute(
                f"INSERT INTO analytics_arviewsession (session_id, created_at, {names})"  # noqa: S608
                f" SELECT gen_random_uuid(), %s + n * %s * interval '1 microsecond', {names}"
                " FROM generate_series(0, %s) AS n, analytics_arviewsession WHERE id = %s",
                [month.begins, pause, each - 1, pattern.pk],
            )
            add_unique_index(cursor, month.table)
        cursor.execute("SET session_replication_role = DEFAULT")
        pattern.delete()
        cursor.execute("VACUUM ANALYZE analytics_arviewsession")
    return content


if __name__ == "__main__":
    main()
