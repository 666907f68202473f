"""What time does to projects, contents and subscriptions: written down, told, and asked about.

Visitors get what the clock says, whether or not any of this has run: see `published` and `gone` of
ARContent. The ticks only write it down for everybody else; they may come late, twice or at once.

What a company has that is switched off, or whose subscription has run out, is left as it is:
nobody sees it meanwhile, and with a new subscription it goes on as if it had never stopped.
"""

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import (
    DateTimeField,
    DurationField,
    ExpressionWrapper,
    F,
    IntegerField,
    Q,
    QuerySet,
    Value,
)
from django.db.models.functions import Cast
from django.utils import translation
from django.utils.translation import gettext

from companies.limits import DEFAULT_LENGTH, original_lengths, renewed_end
from companies.models import Company, Project, ProjectStatus, SubscriptionType
from companies.models.ownership import record_changes
from content.models import ARContent, Notification, NotificationType
from content.models.content import ARContentQuerySet
from content.notifications import announce

logger = logging.getLogger(__name__)

BATCH = 500
# A company is told that long before that its subscription runs out.
SUBSCRIPTION_WARNING = timedelta(days=7)
MOST_CONTACTS = 20


@dataclass(frozen=True)
class Outcome:
    """How many rows a tick has written."""

    renewed: int
    expired: int
    stopped: int
    resumed: int


def expire_due(*, now: datetime) -> Outcome:
    """Write down what has run out by `now`, and what runs again.

    An active project past its end is renewed when it renews itself; else it expires and its
    company is told. Contents that are over, by their own end or with their project, are stopped;
    those that were stopped and are over no longer come back. What staff switched off stays off.
    """
    return Outcome(
        renewed=_in_batches(lambda: _renew_projects(now)),
        expired=_in_batches(lambda: _expire_projects(now)),
        stopped=_in_batches(lambda: _switch(_overdue_contents(now), on=False, now=now)),
        resumed=_in_batches(lambda: _switch(_waiting_contents(now), on=True, now=now)),
    )


def _in_batches(step: Callable[[], int]) -> int:
    """Repeat a step, a transaction of its own each time, until it finds nothing more."""
    total = 0
    while found := step():
        total += found
    return total


def _ended_projects(now: datetime) -> QuerySet[Project]:
    """Locked, and without those that another tick or a person has in hand just now."""
    return (
        Project.objects.select_for_update(of=("self",), skip_locked=True)
        .filter(
            status=ProjectStatus.ACTIVE,
            expires_at__lte=now,
            company__in=Company.objects.active(now),
        )
        .select_related("company")
        .order_by("pk")
    )


@transaction.atomic
def _renew_projects(now: datetime) -> int:
    projects = list(_ended_projects(now).filter(auto_renew=True)[:BATCH])
    custom = [one for one in projects if one.subscription_type == SubscriptionType.CUSTOM]
    lengths = original_lengths(custom) if custom else {}
    renewed = []
    for project in projects:
        length = lengths.get(project.pk, DEFAULT_LENGTH)
        try:
            project.expires_at = renewed_end(project, length=length, now=now)
        except (ArithmeticError, ValueError):
            # A date at the end of the calendar keeps nobody else from being renewed.
            logger.exception("project_not_renewed", extra={"project": project.pk})
            continue
        project.updated_at = now
        renewed.append(project)
    Project.objects.bulk_update(renewed, ["expires_at", "updated_at"])
    record_changes(renewed, now=now)
    return len(renewed)


@transaction.atomic
def _expire_projects(now: datetime) -> int:
    projects = list(_ended_projects(now).filter(auto_renew=False)[:BATCH])
    Project.objects.filter(pk__in=[project.pk for project in projects]).update(
        status=ProjectStatus.EXPIRED, updated_at=now
    )
    for project in projects:
        project.status = ProjectStatus.EXPIRED
        _tell(
            NotificationType.PROJECT_EXPIRED,
            company=project.company,
            project=project,
            key=_day(project.expires_at),
        )
    record_changes(projects, now=now)
    return len(projects)


def _overdue_contents(now: datetime) -> ARContentQuerySet:
    return ARContent.objects.filter(
        Q(expires_at__lte=now) | Q(project__in=Project.objects.over(now)), is_active=True
    )


def _waiting_contents(now: datetime) -> ARContentQuerySet:
    running = Project.objects.not_over(now).exclude(status=ProjectStatus.ARCHIVED)
    return ARContent.objects.filter(
        Q(expires_at__isnull=True) | Q(expires_at__gt=now), is_stopped=True, project__in=running
    )


@transaction.atomic
def _switch(contents: ARContentQuerySet, *, on: bool, now: datetime) -> int:
    """Stop the first of these contents, or let them come back; how many."""
    rows = list(
        contents.filter(company__in=Company.objects.active(now))
        .select_for_update(of=("self",), skip_locked=True, no_key=True)
        .order_by("pk")[:BATCH]
    )
    ARContent.objects.filter(pk__in=[row.pk for row in rows]).update(
        is_active=on, is_stopped=not on, updated_at=now
    )
    for row in rows:
        row.is_active = on
    record_changes(rows, now=now)
    return len(rows)


def warn_due(*, now: datetime) -> int:
    """Tell companies what ends soon, and that their subscription has ended; how many notices.

    A project's end is told once, its `notify_before_expiry_days` ahead, and again when it has been
    moved to another day; not at all when the project will renew itself.
    """
    switched_on = Company.objects.filter(is_active=True)
    ending = switched_on.filter(
        subscription_expires_at__gt=now, subscription_expires_at__lte=now + SUBSCRIPTION_WARNING
    )
    over = switched_on.filter(subscription_expires_at__lte=now)
    return (
        _tell_projects(now)
        + _tell_companies(NotificationType.SUBSCRIPTION_EXPIRING, ending)
        + _tell_companies(NotificationType.SUBSCRIPTION_EXPIRED, over)
    )


def _ending_projects(now: datetime) -> QuerySet[Project]:
    days = Cast("notify_before_expiry_days", IntegerField())
    ahead = ExpressionWrapper(
        days * Value(timedelta(days=1), DurationField()), output_field=DurationField()
    )
    outlasted = Q(company__subscription_expires_at__isnull=True) | Q(
        company__subscription_expires_at__gt=F("expires_at")
    )
    return (
        Project.objects.filter(
            status=ProjectStatus.ACTIVE,
            expires_at__gt=now,
            company__in=Company.objects.active(now),
        )
        .alias(due_at=ExpressionWrapper(F("expires_at") - ahead, output_field=DateTimeField()))
        .filter(due_at__lte=now)
        .exclude(outlasted, auto_renew=True)
        .select_related("company")
        .order_by("pk")
    )


def _tell_projects(now: datetime) -> int:
    kind, told, last = NotificationType.PROJECT_EXPIRING, 0, 0
    while True:
        with transaction.atomic():
            # Locked: an end that is being moved is told as it will be, by the next tick.
            rows = _ending_projects(now).filter(pk__gt=last)
            projects = list(rows.select_for_update(of=("self",), skip_locked=True)[:BATCH])
            known = _days_told(kind, "project", projects)
            new = [
                project.pk
                for project in projects
                if (project.pk, day := _day(project.expires_at)) not in known
                and _tell(kind, company=project.company, project=project, key=day)
            ]
            Project.objects.filter(pk__in=new).update(last_notification_sent_at=now)
        told += len(new)
        if len(projects) < BATCH:
            return told
        last = projects[-1].pk


def _tell_companies(kind: NotificationType, due: QuerySet[Company]) -> int:
    told, last = 0, 0
    while True:
        with transaction.atomic():
            companies = list(due.filter(pk__gt=last).order_by("pk")[:BATCH])
            known = _days_told(kind, "company", companies)
            for company in companies:
                day = _day(company.subscription_expires_at)
                if (company.pk, day) not in known and _tell(kind, company=company, key=day):
                    told += 1
        if len(companies) < BATCH:
            return told
        last = companies[-1].pk


def _tell(kind: NotificationType, **about: Any) -> Notification | None:
    """As `announce`; a row that cannot be told of keeps no other from being told of."""
    try:
        with transaction.atomic():
            return announce(kind, **about)
    except (ArithmeticError, ValueError):
        logger.exception("notice_not_written", extra={"kind": kind, "key": about["key"]})
        return None


def _day(moment: datetime | None) -> str:
    """What a notice about that moment has as its key."""
    return f"{moment:%Y-%m-%d}" if moment else ""


def _days_told(kind: NotificationType, field: str, rows: list[Any]) -> set[tuple[int, str]]:
    """(id, day) of the notices of a kind that there are about these rows already."""
    notices = Notification.objects.filter(notification_type=kind, **{f"{field}__in": rows})
    keys = notices.values_list(f"{field}_id", "key")
    return {(pk, key.rpartition(":")[2]) for pk, key in keys}


def find_gone(public_id: str | uuid.UUID, now: datetime) -> ARContent | None:
    """The content that `public_id` would open at `now`, had its time not run out.

    As with `find_published`, a portrait's id opens the newest content that uses it. None when it
    is no id, unknown, switched off, paused, or not published yet.
    """
    try:
        unique_id = uuid.UUID(str(public_id))
    except ValueError:
        return None
    rows = ARContent.objects.gone(now).with_public_id(unique_id)
    return rows.select_related("company", "project").first()


@transaction.atomic
def request_renewal(content: ARContent, *, contact: str = "", now: datetime) -> Notification:
    """Pass a visitor's wish to see `content` again on to its company.

    There is one notice for each content and day, by the company's clock. Whoever asks after that
    is counted in its metadata, `requests`, and the first 20 who say how they can be reached are
    added to its message.
    """
    company, kind = content.company, NotificationType.RENEWAL_REQUESTED
    day = _day(now.astimezone(ZoneInfo(company.time_zone)))
    notice = announce(
        kind,
        company=company,
        project=content.project,
        content=content,
        key=day,
        context={"contact": contact},
    )
    is_first = notice is not None
    rows = Notification.objects.select_for_update().filter(notification_type=kind)
    notice = rows.get(ar_content=content, key__endswith=f":{day}")
    contacts = notice.metadata.get("contacts", [])
    if contact and contact not in contacts and len(contacts) < MOST_CONTACTS:
        contacts = [*contacts, contact]
        if not is_first:
            with translation.override(company.language):
                text = gettext("Another visitor can be reached: %(contact)s")
            notice.message += "\n\n" + text % {"contact": contact}
    requests = notice.metadata.get("requests", 0) + 1
    notice.metadata = {**notice.metadata, "requests": requests, "contacts": contacts}
    notice.save(update_fields=["message", "metadata"])
    return notice
