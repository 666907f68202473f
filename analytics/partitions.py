"""The table of visits on PostgreSQL: a partition for each month of UTC, and one for the rest.

A month is dropped in no time, whatever it holds. A visit whose month has no partition goes to the
default one and is counted like any other, so nothing is lost while no tick makes new months.
On SQLite the table is one, and nothing here does anything.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable, QueryCanceled

logger = logging.getLogger(__name__)

TABLE = "analytics_arviewsession"
DEFAULT = f"{TABLE}_default"
# Besides the current month.
MONTHS_AHEAD = 3
# So long may visits and reports wait behind a change of the table.
LOCK_SECONDS = 2
# More visits of a month in the default partition stay there: moving them would stop the others.
MOST_MOVED = 200_000
# Any number that nothing else in the database locks.
ADVISORY_LOCK = 0x41525650


@dataclass(frozen=True, order=True)
class Month:
    """A month of UTC."""

    year: int
    month: int

    @classmethod
    def of(cls, moment: datetime) -> "Month":
        moment = moment.astimezone(UTC)
        return cls(moment.year, moment.month)

    @property
    def begins(self) -> datetime:
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def ends(self) -> datetime:
        """The first instant of the next one."""
        return self.after(1).begins

    @property
    def table(self) -> str:
        return f"{TABLE}_{self.year:04}_{self.month:02}"

    def after(self, months: int) -> "Month":
        years, month = divmod(self.month - 1 + months, 12)
        return Month(self.year + years, month + 1)


def is_partitioned() -> bool:
    return connection.vendor == "postgresql"


def months() -> list[Month]:
    """The months that have a partition, oldest first; none on SQLite."""
    if not is_partitioned():
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid"
            " WHERE inhparent = %s::regclass AND relname <> %s",
            [TABLE, DEFAULT],
        )
        names = [name.rsplit("_", 2) for (name,) in cursor.fetchall()]
    return sorted(Month(int(year), int(month)) for _table, year, month in names)


def visits_about(month: Month) -> int:
    """How many visits the partition of a month holds, as PostgreSQL estimates; 0: not known."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", [month.table])
        return max(0, int(cursor.fetchone()[0]))


def make_partitions(*, now: datetime) -> None:
    """Make what is missing of this month, the next ones, and those that the default one has.

    Their visits move out of the default partition. May run twice at once, and again. What does not
    get its lock at once is left to the next call.
    """
    if not is_partitioned():
        return
    last = Month.of(now).after(MONTHS_AHEAD)
    wanted = {Month.of(now).after(number) for number in range(MONTHS_AHEAD + 1)}
    waiting = _months_in_default()
    for month, visits in waiting.items():
        if visits > MOST_MOVED:
            logger.warning("visits_stay_in_default", extra={"month": month.table, "visits": visits})
        elif month <= last:
            wanted.add(month)
    crowded = {month for month, visits in waiting.items() if visits > MOST_MOVED}
    for month in sorted(wanted - crowded - set(months())):
        with _alone("partition_not_made", month) as cursor:
            if cursor is not None:
                add_partition(cursor, month)


def drop(month: Month) -> bool:
    """Remove a month with all its visits; False, with nothing changed, when it is in use."""
    with _alone("partition_not_dropped", month) as cursor:
        if cursor is None:
            return False
        # Without DETACH, which would also lock the tables that visits refer to.
        cursor.execute(f"DROP TABLE IF EXISTS {month.table}")
        return True
    return False


@contextmanager
def _alone(failure: str, month: Month) -> Iterator[Any]:
    """A transaction for a change of the table, with its cursor; None while another one is on.

    What takes too long, or gets no lock soon, is undone: all others wait behind it.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [ADVISORY_LOCK])
            yield cursor if cursor.fetchone()[0] else None
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable | QueryCanceled):
            raise
        logger.warning(failure, extra={"month": month.table})


def add_partition(cursor: Any, month: Month) -> None:
    """Make the partition of a month, with the visits of it that the default one has.

    Attached when it is whole: visits of other months come in meanwhile.
    """
    cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [month.table])
    if cursor.fetchone()[0]:
        return
    span = [month.begins, month.ends]
    cursor.execute(
        f"CREATE TABLE {month.table} (LIKE {TABLE} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"
    )
    cursor.execute(f"LOCK TABLE {DEFAULT} IN ACCESS EXCLUSIVE MODE")
    cursor.execute(
        f"WITH moved AS (DELETE FROM {DEFAULT} WHERE created_at >= %s AND created_at < %s"  # noqa: S608
        f" RETURNING *) INSERT INTO {month.table} SELECT * FROM moved",
        span,
    )
    add_unique_index(cursor, month.table)
    begins, ends = (moment.isoformat() for moment in span)
    cursor.execute(
        f"ALTER TABLE {TABLE} ATTACH PARTITION {month.table}"
        f" FOR VALUES FROM ('{begins}') TO ('{ends}')"
    )


def add_unique_index(cursor: Any, table: str) -> None:
    """Count a visit once. An index of the partition alone: the parent's would need created_at."""
    cursor.execute(f"CREATE UNIQUE INDEX {table}_once ON {table} (session_id, ar_content_id)")


def _months_in_default() -> dict[Month, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT date_trunc('month', created_at, 'UTC'), count(*) FROM {DEFAULT} GROUP BY 1"  # noqa: S608
        )
        return {Month.of(moment): visits for moment, visits in cursor.fetchall()}
