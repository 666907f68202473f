"""Reads the figures out for Prometheus: what the processes counted, and what stands in the rows.

The rows are asked at most once in KEPT_SECONDS, and all questions together have MOST_SECONDS: a
group of figures that fails, or for which no time is left, is left out, `arv_figures_known` is 0
for it, and the log says why.
"""

import hmac
import logging
import math
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection, models, transaction
from django.db.models import Count, Min, OuterRef, Subquery, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector

from analytics.models import ARViewSession, RollUp
from arv import health, metrics
from companies.models import Company
from content.models import ARContent, Delivery, DeliveryState, Portrait, Video

logger = logging.getLogger(__name__)

KEPT_SECONDS = 10.0
# Less than scrape_timeout of deploy/prometheus/prometheus.yml.
MOST_SECONDS = 6.0

Figures = Iterator[GaugeMetricFamily]


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=labels)


def _by_state(rows: models.QuerySet[Any], status: str) -> dict[str, int]:
    states = {str(value): 0 for value, _ in rows.model._meta.get_field(status).choices or ()}
    counted = rows.order_by().values_list(status).annotate(count=Count("pk"))
    return states | dict(counted)


def jobs(now: datetime) -> Figures:
    """Markers and videos by state, and of those that wait how long the oldest has."""
    states = _gauge("arv_jobs", "Markers and videos by state.", "queue", "state")
    waiting = _gauge("arv_queue_waiting", "Rows that wait for a worker.", "queue")
    oldest = _gauge(
        "arv_queue_oldest_seconds", "How long the oldest row has waited; 0: none.", "queue"
    )
    markers = [model._default_manager.exclude(image="") for model in (ARContent, Portrait)]
    queues: tuple[tuple[str, str, list[models.QuerySet[Any]]], ...] = (
        ("markers", "marker_status", markers),
        ("videos", "status", [Video.objects.exclude(original="")]),
    )
    for queue, status, tables in queues:
        counted: dict[str, int] = {}
        since = []
        for rows in tables:
            for state, count in _by_state(rows, status).items():
                counted[state] = counted.get(state, 0) + count
            first = rows.filter(**{status: "pending"}).aggregate(first=Min("updated_at"))["first"]
            since += [first] if first else []
        for state, count in counted.items():
            states.add_metric([queue, state], count)
        waiting.add_metric([queue], counted["pending"])
        oldest.add_metric([queue], _age(min(since, default=None), now))
    due = Delivery.objects.filter(state=DeliveryState.WAITING, due_at__lte=now).aggregate(
        first=Min("due_at"), count=Count("pk")
    )
    waiting.add_metric(["deliveries"], due["count"])
    oldest.add_metric(["deliveries"], _age(due["first"], now))
    yield from (states, waiting, oldest)


def _age(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0


def deliveries(now: datetime) -> Figures:
    found = _gauge("arv_deliveries", "Deliveries of notices by state.", "state")
    for state, count in _by_state(Delivery.objects.all(), "state").items():
        found.add_metric([state], count)
    yield found


def roll_ups(now: datetime) -> Figures:
    """0 where yesterday is rolled up; 1 is usual until a day is complete, in every zone."""
    late = _gauge(
        "arv_roll_ups_late_days", "Days before today whose visits are not rolled up, at most."
    )
    first = (
        ARViewSession.objects.filter(company=OuterRef("pk"))
        .order_by("created_at")
        .values("created_at")[:1]
    )
    never = Company.objects.filter(roll_up__isnull=True).aggregate(first=Min(Subquery(first)))
    built = RollUp.objects.aggregate(built=Min("built_until"))["built"]
    today = timezone.localdate(now)
    days = [(today - built).days] if built else []
    if never["first"]:
        days.append((today - timezone.localdate(never["first"])).days)
    late.add_metric([], max(0, *days, 0))
    yield late


def storage(now: datetime) -> Figures:
    companies = Company.objects.aggregate(used=Sum("storage_used_bytes"), count=Count("pk"))
    yield GaugeMetricFamily("arv_companies", "Companies.", value=companies["count"])
    yield GaugeMetricFamily(
        "arv_storage_used_bytes", "Stored files of all companies.", value=companies["used"] or 0
    )
    yield GaugeMetricFamily(
        "arv_companies_nearly_full",
        "Companies that use nine tenths of their storage quota, or more.",
        value=Company.objects.nearly_full().count(),
    )


def disk(now: datetime) -> Figures:
    """The file system of the files on local disk, and of everything else written here."""
    size = _gauge("arv_disk_size_bytes", "Size of the file system.", "of")
    free = _gauge("arv_disk_free_bytes", "What is free of it.", "of")
    for name, folder in (("storage", settings.LOCAL_STORAGE_ROOT), ("var", settings.VAR_DIR)):
        if Path(folder).exists():
            usage = shutil.disk_usage(folder)
            size.add_metric([name], usage.total)
            free.add_metric([name], usage.free)
    yield from (size, free)


def broker(now: datetime) -> Figures:
    """Messages that no worker has taken yet."""
    found = _gauge("arv_broker_messages", "Messages that wait in the broker.", "queue")
    queues = {settings.CELERY_TASK_DEFAULT_QUEUE} | {
        route["queue"] for route in settings.CELERY_TASK_ROUTES.values()
    }
    if settings.REDIS_URL:
        client = redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1, retry=None
        )
        try:
            for queue in sorted(queues):
                found.add_metric([queue], int(client.llen(queue)))
        finally:
            client.close()
    else:
        folder = Path(settings.CELERY_BROKER_TRANSPORT_OPTIONS["data_folder_out"])
        for queue in sorted(queues):
            found.add_metric([queue], sum(1 for _ in folder.glob(f"*.{queue}.msg")))
    yield found


ROWS: dict[str, Callable[[datetime], Figures]] = {
    "jobs": jobs,
    "deliveries": deliveries,
    "roll_ups": roll_ups,
    "storage": storage,
}
REST: dict[str, Callable[[datetime], Figures]] = {"disk": disk, "broker": broker}


class RowFigures:
    """What stands in the rows, as prometheus_client asks for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: list[GaugeMetricFamily] = []
        self._kept_at = -KEPT_SECONDS

    def collect(self) -> Iterable[GaugeMetricFamily]:
        with self._lock:
            if time.monotonic() - self._kept_at >= KEPT_SECONDS:
                self._kept = list(self._ask())
                self._kept_at = time.monotonic()
            return self._kept

    def forget(self) -> None:
        self._kept_at = -KEPT_SECONDS

    def _ask(self) -> Figures:
        deadline = time.monotonic() + MOST_SECONDS
        report = health.looks.report()
        ready = _gauge(
            "arv_ready", "Whether the part works, as /api/health/readiness says.", "part"
        )
        took = _gauge("arv_ready_seconds", "How long the part took to answer.", "part")
        for part, finding in report.findings.items():
            ready.add_metric([part], finding.is_ok)
            took.add_metric([part], finding.seconds)
        info = _gauge("arv_info", "What runs here.", "version", "environment")
        info.add_metric([settings.VERSION, settings.ENVIRONMENT], 1)
        yield from (ready, took, info)
        known = _gauge("arv_figures_known", "Whether the figures below could be asked for.", "of")
        now = timezone.now()
        for name, ask in (ROWS | REST).items():
            # One failing part is enough to wait for.
            found = (
                None
                if name in ROWS and "database" in report.failing
                else _asked(ask, now, deadline)
            )
            known.add_metric([name], found is not None)
            yield from found or []
        yield known


class _Until:
    """Around each statement: gives it what time is left, in PostgreSQL, or refuses it."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline

    def left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("No time is left for these figures.")
        return left

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        milliseconds = math.ceil(self.left() * 1000)
        if connection.vendor == "postgresql":
            # The driver's own cursor: this is no statement that would ask for time again.
            context["cursor"].cursor.execute(f"SET LOCAL statement_timeout = {milliseconds:d}")
        return execute(sql, params, many, context)


def _asked(
    ask: Callable[[datetime], Figures], now: datetime, deadline: float
) -> list[GaugeMetricFamily] | None:
    until = _Until(deadline)
    try:
        until.left()
        if ask not in ROWS.values():
            return list(ask(now))
        with transaction.atomic(), connection.execute_wrapper(until):
            return list(ask(now))
    except (DatabaseError, redis.RedisError, OSError):
        logger.warning("figures_not_known", extra={"of": ask.__name__}, exc_info=True)
        return None


rows = RowFigures()


def _is_known(key: str) -> bool:
    return hmac.compare_digest(key.encode(), settings.METRICS_KEY.encode())


@never_cache
@require_safe
def prometheus(request: HttpRequest) -> HttpResponse:
    """For whoever sends METRICS_KEY as a bearer token. 404 while there is no such key."""
    if not settings.METRICS_KEY:
        raise Http404
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not _is_known(key.strip()):
        return HttpResponse(
            "The key is not right.\n",
            status=401,
            content_type="text/plain",
            headers={"WWW-Authenticate": "Bearer"},
        )
    counted = metrics.REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        counted = CollectorRegistry()
        MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    asked = CollectorRegistry(auto_describe=False)
    asked.register(rows)
    return HttpResponse(
        generate_latest(counted) + generate_latest(asked), content_type=CONTENT_TYPE_LATEST
    )
