"""What must exist before work can begin: the defaults, and the folders of each company."""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from companies.models import (
    Company,
    FileKind,
    StorageConnection,
    StorageFolder,
    StorageProvider,
    User,
)

CONNECTION_NAME = "Local disk"
COMPANY_NAME = "Vertex AR"
COMPANY_SLUG = "vertex-ar"


@dataclass(frozen=True)
class Periodic:
    """A task for beat: frequent, because rows decide what is due."""

    name: str
    task: str
    seconds: int


# Tasks by name: what is due in the apps above is not imported from here.
PERIODIC = (
    Periodic("Sweep markers", "content.tasks.sweep_markers", seconds=60),
    Periodic("Rotate videos", "content.tasks.rotate_videos", seconds=60),
    Periodic("Deliver notices", "content.tasks.deliver_due", seconds=60),
    Periodic("Sweep videos", "content.tasks.sweep_videos", seconds=60),
    Periodic("Sweep bulk imports", "content.tasks.sweep_bulk_imports", seconds=60),
    Periodic("Write down what has expired", "content.tasks.expire_due", seconds=300),
    Periodic("Warn of what expires soon", "content.tasks.warn_due", seconds=300),
    Periodic("Roll up visits", "analytics.tasks.roll_up_visits", seconds=60),
    Periodic(
        "Make months for visits and remove old visits",
        "analytics.tasks.keep_partitions_and_retention",
        seconds=3600,
    ),
    Periodic("Clear expired sessions", "companies.tasks.clear_sessions", seconds=24 * 3600),
    Periodic("Sweep orphan files", "companies.tasks.sweep_orphans", seconds=6 * 3600),
)


def provision(company: Company) -> None:
    """Give a company the folders of its storage, one for each kind of file. Idempotent."""
    StorageFolder.objects.bulk_create(
        [
            StorageFolder(
                company=company,
                name=kind.value,
                path=f"{company.storage_path}/{kind.value}",
                folder_type=kind.value,
            )
            for kind in FileKind
        ],
        ignore_conflicts=True,
    )


@transaction.atomic
def add_company(company: Company, *, created_by: User | None) -> Company:
    """Save a new company, with the folders of its storage."""
    company.created_by = created_by
    company.save()
    provision(company)
    return company


@transaction.atomic
def seed_defaults() -> Company:
    """Make what is missing of the default connection, company and periodic tasks.

    Returns the default company. What exists is left alone, whatever staff made of it.
    """
    connection = StorageConnection.objects.filter(is_default=True).first()
    if connection is None:
        connection, _created = StorageConnection.objects.get_or_create(
            name=CONNECTION_NAME,
            defaults={"provider": StorageProvider.LOCAL_DISK, "is_default": True},
        )
    company = Company.objects.filter(is_default=True).first()
    if company is None:
        company = Company.objects.filter(Q(slug=COMPANY_SLUG) | Q(name=COMPANY_NAME)).first()
    if company is None:
        company = Company.objects.create(
            name=COMPANY_NAME, slug=COMPANY_SLUG, is_default=True, storage_connection=connection
        )
    provision(company)
    for periodic in PERIODIC:
        schedule = IntervalSchedule.objects.filter(
            every=periodic.seconds, period=IntervalSchedule.SECONDS
        ).first() or IntervalSchedule.objects.create(
            every=periodic.seconds, period=IntervalSchedule.SECONDS
        )
        PeriodicTask.objects.get_or_create(
            name=periodic.name, defaults={"task": periodic.task, "interval": schedule}
        )
    return company
