"""Rows as jobs: a worker holds a row for a lease, and renews it for as long as it lives.

What is to be done stands in the row; a message only wakes a worker. Whoever takes a row counts
one attempt more, and writes to it only while that count is still its own: a worker that comes
back from the dead writes nothing, and a message that arrives twice does nothing.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import Error as DatabaseError
from django.db import connection, models, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import override

logger = logging.getLogger(__name__)

# A dead worker's row is free after the lease, and found by the next sweep, a minute later.
LEASE = timedelta(seconds=45)
HEARTBEAT = timedelta(seconds=15)
MAX_ATTEMPTS = 5
# A message normally arrives within a second; a row that waits longer has lost its own.
PATIENCE = timedelta(seconds=30)
SWEEP_BATCH = 100

PENDING, PROCESSING, FAILED = "pending", "processing", "failed"


class LeaseLost(Exception):
    """The row is another worker's now, or has been given other work, or is gone."""


@dataclass(frozen=True)
class Jobs:
    """Which columns make a row a job: `…status`, `…claimed_at`, `…attempts`, `…progress` in
    percent, `…error` in English, with this prefix; and `updated_at`, without."""

    prefix: str = ""

    def columns(self, **values: Any) -> dict[str, Any]:
        return {f"{self.prefix}{name}": value for name, value in values.items()}

    def where(self, **values: Any) -> Q:
        return Q(**self.columns(**values))

    def anew(self) -> dict[str, Any]:
        """The columns of a row whose work is due, for the first time or again."""
        return self.columns(status=PENDING, progress=0, attempts=0, claimed_at=None, error="")

    def due(self, now: datetime) -> Q:
        """Rows that a worker may take: waiting, or held by a worker that is dead."""
        return self.where(attempts__lt=MAX_ATTEMPTS) & (
            self.where(status=PENDING) | self._abandoned(now)
        )

    def overdue(self, now: datetime) -> Q:
        """As above, but waiting rows only after a patience that doubles with each attempt."""
        waited = Q()
        for attempts in range(MAX_ATTEMPTS):
            since = now - PATIENCE * 2**attempts
            waited |= self.where(attempts=attempts) & Q(updated_at__lt=since)
        return self.due(now) & (~self.where(status=PENDING) | waited)

    def hopeless(self, now: datetime) -> Q:
        """Rows whose worker died in the last attempt."""
        return self._abandoned(now) & self.where(attempts__gte=MAX_ATTEMPTS)

    def _abandoned(self, now: datetime) -> Q:
        return self.where(status=PROCESSING, claimed_at__lt=now - LEASE)

    def claim(self, rows: "models.QuerySet[Any]", now: datetime) -> "Lease | None":
        """Take the one row of `rows`; None when it is not due, so another worker has it."""
        claimed = rows.filter(self.due(now)).update(
            **self.columns(status=PROCESSING, claimed_at=now, progress=0),
            **{f"{self.prefix}attempts": F(f"{self.prefix}attempts") + 1},
        )
        mine = rows.filter(self.where(status=PROCESSING, claimed_at=now))
        attempts = mine.values_list(f"{self.prefix}attempts", flat=True).first()
        if claimed != 1 or attempts is None:
            return None
        return Lease(self, rows.filter(self.where(status=PROCESSING, attempts=attempts)), attempts)

    def sweep(
        self,
        rows: "models.QuerySet[Any]",
        now: datetime,
        give_up: "Callable[[models.QuerySet[Any], Any], None]",
    ) -> list[int]:
        """Ids whose message was lost or whose worker died, a bounded batch.

        `give_up(mine, row)` is to fail each row whose worker died in the last attempt, as long
        as it is among `mine`.
        """
        hopeless = rows.filter(self.hopeless(now))
        for row in hopeless[:SWEEP_BATCH]:
            # Lost to a sweeper that runs at the same time.
            with suppress(LeaseLost):
                give_up(hopeless.filter(pk=row.pk), row)
        due = rows.filter(self.overdue(now)).order_by("updated_at")
        return list(due.values_list("pk", flat=True)[:SWEEP_BATCH])


@dataclass(frozen=True)
class Lease:
    """The right to work on a row. `rows` has the row for as long as that lasts."""

    jobs: Jobs
    rows: "models.QuerySet[Any]"
    attempts: int

    @property
    def is_last(self) -> bool:
        return self.attempts >= MAX_ATTEMPTS

    def only(self, **same: Any) -> "Lease":
        """A lease that is also lost when one of these columns changes."""
        return Lease(self.jobs, self.rows.filter(**same), self.attempts)

    def write(self, **columns: Any) -> None:
        """Raises LeaseLost unless the row is still this worker's."""
        if self.rows.update(**columns) != 1:
            raise LeaseLost

    def settle(self, *, status: str, error: str = "", **columns: Any) -> None:
        """The last write. Raises LeaseLost as `write` does."""
        columns |= self.jobs.columns(status=status, error=error)
        self.write(updated_at=timezone.now(), **columns)

    def report(self, share: float) -> None:
        """How much is done, 0 to 1; renews the lease. Raises LeaseLost as `write` does."""
        progress = min(99, int(share * 100))
        self.write(**self.jobs.columns(progress=progress, claimed_at=timezone.now()))

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Renew the lease meanwhile, from a thread: a storage or a codec may be silent for long."""
        done = threading.Event()
        heart = threading.Thread(target=self._beat, args=[done], name="lease", daemon=True)
        heart.start()
        try:
            yield
        finally:
            done.set()
            heart.join()

    def _beat(self, done: threading.Event) -> None:
        try:
            while not done.wait(HEARTBEAT.total_seconds()):
                try:
                    self.write(**self.jobs.columns(claimed_at=timezone.now()))
                except LeaseLost:
                    # Whoever works on the row finds out at the next write.
                    return
                except DatabaseError:
                    logger.warning("lease_not_renewed", exc_info=True)
                    connection.close()
        finally:
            # A connection belongs to its thread.
            connection.close()


@dataclass(frozen=True)
class Reasons:
    """Why a row waits or failed, in English and marked for translation."""

    trying_again: str
    gave_up: str


def work(
    lease: Lease,
    job: Callable[[], None],
    *,
    refusal: Callable[[Exception], str | None],
    fail: Callable[[str], None],
    reasons: Reasons,
) -> bool:
    """Do the `job` of a row that this worker holds; True when what it wrote stands.

    `refusal(error)` is the reason when trying again is of no use, and None for what may pass:
    that is raised, and the row waits for the next attempt, or fails after the last one.
    `fail(reason)` writes it. Both writers raise LeaseLost when the row is not theirs any more.
    """
    try:
        try:
            with lease.kept():
                job()
        except LeaseLost:
            raise
        except Exception as error:
            reason = refusal(error)
            if reason is not None:
                fail(reason)
            elif lease.is_last:
                fail(reasons.gave_up)
                raise
            else:
                lease.settle(status=PENDING, error=reasons.trying_again)
                raise
    except LeaseLost:
        logger.info("lease_lost", extra={"model": lease.rows.model._meta.label_lower})
        return False
    return True


@contextmanager
def failing(rows: "models.QuerySet[Any]", jobs: Jobs, reason: str, **more: Any) -> Iterator[None]:
    """Fail the one row of `rows`, together with what the body writes about it.

    Raises LeaseLost when `rows` has it no more.
    """
    with transaction.atomic():
        columns = jobs.columns(status=FAILED, error=reason)
        if rows.update(updated_at=timezone.now(), **columns, **more) != 1:
            raise LeaseLost
        yield


def untranslated(error: Exception) -> str:
    """The English message of an error; it is translated when it is shown."""
    with override("en"):
        return str(error.args[0])
