"""Celery tasks: thin wrappers, one call."""

from dataclasses import asdict

from celery import shared_task
from django.utils import timezone

from companies import letters, orphans

# A mail server that is away (SMTPException is an OSError): 1, 2, 4, … minutes, half an hour in all.
PATIENT = {"autoretry_for": (OSError,), "retry_backoff": 60, "max_retries": 5}


@shared_task
def sweep_orphans() -> dict[str, int]:
    """Remove what crashes left in the storages; the numbers go to the log."""
    return asdict(orphans.sweep(timezone.now()))


@shared_task(**PATIENT)
def send_invitation(membership_id: int, language: str) -> bool:
    return letters.send_invitation(membership_id, language=language)


@shared_task(**PATIENT)
def send_password_links(email: str, language: str) -> int:
    return letters.send_password_links(email, language=language)
