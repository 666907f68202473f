"""Celery tasks: thin wrappers, ids in, one call."""

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from companies.tasks import AWAY, hand_over
from content import bulk, notifications, processing
from content.models import ARContent, BulkImport, Notification, Portrait


@shared_task
def generate_marker(label: str, pk: int) -> bool:
    return processing.generate_marker(label, pk, now=timezone.now())


@shared_task
def sweep_markers() -> int:
    """Wake workers for markers whose message was lost; returns how many."""
    overdue = list(processing.overdue_markers(timezone.now()))
    for label, pk in overdue:
        generate_marker.delay(label, pk)
    return len(overdue)


def request_marker(target: ARContent | Portrait) -> None:
    """Wake a worker for the target's marker once the surrounding transaction is committed."""
    label, pk = target._meta.label_lower, target.pk
    # Robust: with the broker away the row is kept all the same, and the sweeper finds it.
    transaction.on_commit(lambda: generate_marker.delay(label, pk), robust=True)


@shared_task
def run_bulk_import(pk: int) -> None:
    """Work on an import for a few minutes; a long one goes on in the next message."""
    if bulk.run(pk, now=timezone.now(), created=request_marker):
        run_bulk_import.delay(pk)


@shared_task
def sweep_bulk_imports() -> int:
    """Wake workers for imports whose message was lost or whose worker died; returns how many."""
    overdue = bulk.overdue_imports(timezone.now())
    for pk in overdue:
        run_bulk_import.delay(pk)
    return len(overdue)


def request_bulk_import(bulk_import: BulkImport) -> None:
    """Wake a worker for a started import once the surrounding transaction is committed."""
    pk = bulk_import.pk
    transaction.on_commit(lambda: run_bulk_import.delay(pk), robust=True)


@shared_task(autoretry_for=AWAY, retry_backoff=60, max_retries=5)
def send_notice_email(pk: int) -> bool:
    return notifications.send_email(pk, now=timezone.now())


def request_notice_email(notice: Notification) -> None:
    """Wake a worker for the notice's e-mail once the surrounding transaction is committed.

    Nobody looks for lost messages, so a broker that is away is recorded at the notice.
    """
    pk = notice.pk

    def send() -> None:
        if not hand_over(send_notice_email, pk):
            notifications.record_email_error(pk, notifications.NOT_HANDED_OVER)

    transaction.on_commit(send, robust=True)
