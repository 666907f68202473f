"""Is the process up (status), and can the platform do its work (readiness)?

Both are public, so they give neither names of hosts nor paths: those are in the log.
"""

import logging
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import redis
from django.conf import settings
from django.core.files.base import ContentFile
from django.db import Error as DatabaseError
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Max
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_celery_beat.models import PeriodicTask

from companies.models import StorageConnection
from companies.storage.connections import backend_of

logger = logging.getLogger(__name__)

# The parts are looked at side by side; one that is silent for so long has failed.
PATIENCE_SECONDS = 3.0
# However often somebody asks, the parts are looked at once in this time…
KEPT_SECONDS = 2.0
# …and whoever asks meanwhile gets the answer before, unless it is older than this.
FORMER_SECONDS = 20.0
# The most frequent periodic tasks are sent every minute.
BEAT_SILENCE = timedelta(minutes=5)


class NotReady(Exception):
    """A part does not work; the message is public."""


@dataclass(frozen=True)
class Finding:
    """What is known of one part. `reason` is empty when it works."""

    reason: str
    seconds: float

    @property
    def is_ok(self) -> bool:
        return not self.reason


@dataclass(frozen=True)
class Report:
    made_at: datetime
    findings: Mapping[str, Finding]
    clock: float = field(default_factory=time.monotonic)

    @property
    def failing(self) -> list[str]:
        return [part for part, finding in self.findings.items() if not finding.is_ok]


def check_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()


def check_broker() -> None:
    if settings.REDIS_URL:
        client = redis.Redis.from_url(
            settings.REDIS_URL,
            socket_timeout=PATIENCE_SECONDS - 0.5,
            socket_connect_timeout=PATIENCE_SECONDS - 0.5,
            retry=None,
        )
        try:
            client.ping()
        except redis.RedisError as error:
            raise NotReady("the broker does not answer") from error
        finally:
            client.close()
        return
    folder = settings.CELERY_BROKER_TRANSPORT_OPTIONS["data_folder_out"]
    try:
        # Its name ends like no queue's message.
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".readiness-") as file:
            file.write(b"readiness")
            file.flush()
    except OSError as error:
        raise NotReady("the broker's folder cannot be written to") from error


def check_storage() -> None:
    """Write, read back and delete a few bytes in the storage that new companies get."""
    default = StorageConnection.objects.filter(is_default=True).first()
    if default is None:
        raise NotReady("there is no default storage connection")
    # A stored name: what is left behind here, the orphan sweeper finds.
    name = f"{default.pk}/readiness/thumbnails/{uuid.uuid4().hex}.bin"
    content = uuid.uuid4().bytes
    try:
        backend = backend_of(default)
        backend.write(name, ContentFile(content))
        try:
            with backend.open(name) as stored:
                same = stored.read() == content
        finally:
            backend.delete(name)
    except OSError as error:
        raise NotReady(
            "a file could not be written, read back and deleted in the default storage"
        ) from error
    if not same:
        raise NotReady("the default storage gives back other bytes than it was given")


def check_migrations() -> None:
    executor = MigrationExecutor(connection)
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if pending:
        raise NotReady(f"{len(pending)} migrations are pending")


def check_beat() -> None:
    """Beat notes each task that it sends (CELERY_BEAT_SYNC_EVERY), the frequent ones each minute.

    A new platform is given the same time to send its first one.
    """
    enabled = PeriodicTask.objects.filter(enabled=True)
    newest = enabled.aggregate(sent=Max("last_run_at"), made=Max("date_changed"))
    last = newest["sent"] or newest["made"]
    if last is None:
        raise NotReady("there are no periodic tasks")
    if timezone.now() - last > BEAT_SILENCE:
        minutes = BEAT_SILENCE.total_seconds() / 60
        raise NotReady(f"beat has sent no periodic task for more than {minutes:g} minutes")


PARTS: dict[str, Callable[[], None]] = {
    "database": check_database,
    "broker": check_broker,
    "storage": check_storage,
    "migrations": check_migrations,
    "beat": check_beat,
}


def _look_at(part: str) -> str:
    """Why the part does not work; "" when it does. Never raises."""
    try:
        PARTS[part]()
    except NotReady as error:
        why = error.__cause__
        logger.warning("not_ready", extra={"part": part, "reason": str(error)}, exc_info=why)
        return str(error)
    except DatabaseError:
        logger.warning("not_ready", extra={"part": part}, exc_info=True)
        return "the database does not answer"
    except Exception:
        logger.exception("not_ready", extra={"part": part})
        return "it could not be looked at: see the log"
    finally:
        # A connection belongs to its thread.
        connections.close_all()
    return ""


class Looks:
    """Looks at all parts in threads, one at a time for each part.

    A thread that hangs is left to its own time-outs, and its part has failed until it comes back.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._threads: dict[str, threading.Thread] = {}
        self._last: Report | None = None

    def report(self) -> Report:
        """Not older than KEPT_SECONDS; while another thread looks, not than FORMER_SECONDS."""
        if last := self._not_older_than(KEPT_SECONDS):
            return last
        if not self._turn.acquire(blocking=False):
            if last := self._not_older_than(FORMER_SECONDS):
                return last
            self._turn.acquire()
        try:
            last = self._not_older_than(KEPT_SECONDS)
            if last is None:
                last = self._last = self._look()
            return last
        finally:
            self._turn.release()

    def forget(self) -> None:
        self._last = None

    def _not_older_than(self, seconds: float) -> Report | None:
        last = self._last
        return last if last and time.monotonic() - last.clock < seconds else None

    def _look(self) -> Report:
        started = time.monotonic()
        findings: dict[str, Finding] = {}

        def look(part: str) -> None:
            reason = _look_at(part)
            findings[part] = Finding(reason, time.monotonic() - started)

        for part in PARTS:
            former = self._threads.get(part)
            if former is None or not former.is_alive():
                # A daemon: no process waits for it when it ends.
                thread = threading.Thread(
                    target=look, args=[part], daemon=True, name=f"readiness-{part}"
                )
                self._threads[part] = thread
                thread.start()
        for thread in self._threads.values():
            thread.join(max(0.0, started + PATIENCE_SECONDS - time.monotonic()))
        silent = Finding(f"no answer within {PATIENCE_SECONDS:g} s", PATIENCE_SECONDS)
        known = dict(findings)
        for part in PARTS.keys() - known.keys():
            logger.warning("not_ready", extra={"part": part, "reason": silent.reason})
        return Report(timezone.now(), {part: known.get(part, silent) for part in PARTS})


looks = Looks()


@never_cache
@require_safe
def status(request: HttpRequest) -> JsonResponse:
    """Answers without the database, so that a probe tells the two apart."""
    return JsonResponse(
        {
            "status": "healthy",
            "timestamp": timezone.now().isoformat(),
            "environment": settings.ENVIRONMENT,
            "version": settings.VERSION,
        }
    )


@never_cache
@require_safe
def readiness(request: HttpRequest) -> JsonResponse:
    """200, or 503 with the names of what does not work in `failing`."""
    report = looks.report()
    body: dict[str, object] = {
        "status": "not ready" if report.failing else "ready",
        "timestamp": report.made_at.isoformat(),
        "checks": {
            part: {
                "status": "ok" if finding.is_ok else "failed",
                "duration_ms": round(finding.seconds * 1000, 1),
                **({} if finding.is_ok else {"reason": finding.reason}),
            }
            for part, finding in report.findings.items()
        },
    }
    if report.failing:
        body["failing"] = report.failing
    return JsonResponse(body, status=503 if report.failing else 200)
