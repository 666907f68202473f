"""Celery tasks: thin wrappers, one call."""

from dataclasses import asdict

from celery import shared_task
from django.utils import timezone

from companies import orphans


@shared_task
def sweep_orphans() -> dict[str, int]:
    """Remove what crashes left in the storages; the numbers go to the log."""
    return asdict(orphans.sweep(timezone.now()))
