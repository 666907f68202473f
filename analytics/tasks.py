"""Celery tasks: thin wrappers, one call. Rows decide what is due, so ticks may be lost or late."""

from dataclasses import asdict

from celery import shared_task
from django.utils import timezone

from analytics import partitions, retention, rollups


# A long backlog goes on in the next minute: what is rolled up is committed by the company.
@shared_task(soft_time_limit=240, time_limit=300)
def roll_up_visits() -> int:
    return rollups.roll_up_due(now=timezone.now())


@shared_task(soft_time_limit=240, time_limit=300)
def keep_partitions_and_retention() -> dict[str, int]:
    """Make the partitions of the next months, remove what is kept no longer; the numbers."""
    now = timezone.now()
    partitions.make_partitions(now=now)
    return asdict(retention.remove_expired(now=now))
