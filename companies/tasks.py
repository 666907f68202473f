"""Celery tasks: thin wrappers, one call."""

import logging
from dataclasses import asdict
from typing import Any

from celery import Task, shared_task
from django.core.management import call_command
from django.utils import timezone
from kombu.exceptions import KombuError

from companies import letters, orphans

logger = logging.getLogger(__name__)

# A mail server that is away is asked again after 1, 2, 4, … minutes; SMTPException is an OSError.
AWAY = (OSError,)


@shared_task
def sweep_orphans() -> dict[str, int]:
    """Remove what crashes left in the storages; the numbers go to the log."""
    return asdict(orphans.sweep(timezone.now()))


@shared_task
def clear_sessions() -> None:
    """Remove the sessions that nobody can use any more."""
    call_command("clearsessions")


@shared_task(autoretry_for=AWAY, retry_backoff=60, max_retries=5)
def send_invitation(membership_id: int, language: str) -> bool:
    return letters.send_invitation(membership_id, language=language)


@shared_task(autoretry_for=AWAY, retry_backoff=60, max_retries=5)
def send_password_links(email: str, language: str) -> int:
    return letters.send_password_links(email, language=language)


def hand_over(task: Task[..., Any], *arguments: Any) -> bool:
    """Give a letter to the worker; False, with a warning in the log, when the broker is away."""
    try:
        task.delay(*arguments)
    except (KombuError, OSError):
        logger.warning("%s was not handed over: the broker does not answer", task.name)
        return False
    return True
