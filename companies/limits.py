"""What a company may still do: its subscription, how many projects, and how long they run."""

import calendar
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from companies.models import Company, Project, ProjectStatus, SubscriptionType

MOST_DAYS = 3650
# By how many months a project renews itself; one of a custom subscription by its own length.
MONTHS = {SubscriptionType.MONTHLY: 1, SubscriptionType.YEARLY: 12}
# A custom length that nobody has set, and the least that one is renewed by.
DEFAULT_LENGTH, LEAST_LENGTH = timedelta(days=30), timedelta(days=1)


class LimitReached(ValidationError):
    """The company may not do this now; the message says why and what helps."""


def check_subscription(company: Company, now: datetime) -> None:
    """Raises LimitReached when the company is switched off or its subscription has run out.

    It keeps what it has, and its people can still look at it and delete; it makes nothing new.
    """
    if not company.is_active:
        raise LimitReached(
            _("%(company)s is switched off. Ask the platform's staff to switch it on."),
            code="company_inactive",
            params={"company": company},
        )
    expires_at = company.subscription_expires_at
    if expires_at is not None and expires_at <= now:
        raise LimitReached(
            _("The subscription of %(company)s has run out. Renew it to go on."),
            code="subscription_expired",
            params={"company": company},
        )


def check_projects(company: Company) -> None:
    """Raises LimitReached when one more project would be too many."""
    limit = company.projects_limit
    if company.projects.count() >= limit:
        raise LimitReached(
            _("%(company)s may have %(limit)d projects and has them all."),
            code="projects_limit",
            params={"company": company, "limit": limit},
        )


def check_end(expires_at: datetime | None, now: datetime) -> None:
    """Raises ValidationError when a project would end later than an extension can take it."""
    if expires_at is not None and expires_at > now + timedelta(days=MOST_DAYS):
        raise ValidationError(
            _("Choose an end within %(most)d days from now, or none."),
            code="too_late",
            params={"most": MOST_DAYS},
        )


def check_year(moment: datetime) -> None:
    """Raises ValidationError for years outside 1900 to 2999: what is added to one stays a date."""
    if not 1900 <= moment.year <= 2999:
        raise ValidationError(_("Choose a year from 1900 to 2999."), code="year")


def is_later(moment: datetime | None, *, than: datetime | None) -> bool:
    """Of two ends; None is the end that never comes."""
    return than is not None and (moment is None or moment > than)


def prolonged(before: Project, *, expires_at: datetime | None, status: str) -> list[str]:
    """The fields that would let a project run again or longer than `before`."""
    prolonging = {
        "expires_at": is_later(expires_at, than=before.expires_at),
        "status": status == ProjectStatus.ACTIVE != before.status,
    }
    return [field for field, is_so in prolonging.items() if is_so]


@transaction.atomic
def add_project(project: Project, *, now: datetime) -> Project:
    """Save a new project if its company may have one more.

    Raises LimitReached, and ValidationError for an end too far away.
    """
    # Locked: of two requests for the last place, the second one counts after the first.
    company = Company.objects.select_for_update().get(pk=project.company_id)
    check_subscription(company, now)
    check_projects(company)
    _check_end_of(project, now)
    project.save()
    return project


@transaction.atomic
def change_project(project: Project, *, changed: Iterable[str], now: datetime) -> Project:
    """Save the `changed` fields of a project; the others become what they are by now.

    To run again or longer it needs a running subscription, as `extend_project` does. An expired
    one becomes active with an end that lies ahead, unless its status is changed as well. Raises
    LimitReached, and ValidationError for an end too far away.
    """
    columns = set(changed)
    rows = Project.objects.select_for_update(of=("self",)).select_related("company")
    before = rows.get(pk=project.pk)
    end_alone = columns.intersection({"expires_at", "status"}) == {"expires_at"}
    lies_ahead = project.expires_at is None or project.expires_at > now
    if before.status == ProjectStatus.EXPIRED and end_alone and lies_ahead:
        project.status = ProjectStatus.ACTIVE
        columns.add("status")
    longer = prolonged(before, expires_at=project.expires_at, status=project.status)
    if columns.intersection(longer):
        check_subscription(before.company, now)
    if "expires_at" in columns.intersection(longer):
        _check_end_of(project, now)
    for field in Project._meta.concrete_fields:
        if field.name not in columns:
            setattr(project, field.attname, getattr(before, field.attname))
    project.save(update_fields={*columns, "updated_at"})
    return project


def _check_end_of(project: Project, now: datetime) -> None:
    try:
        check_end(project.expires_at, now)
    except ValidationError as error:
        raise ValidationError({"expires_at": error}) from error


@transaction.atomic
def extend_project(project: Project, *, days: int, now: datetime) -> Project:
    """Let a project run `days` longer, from its end or, when that is past, from `now`.

    An expired project becomes active again. Raises ValidationError for a project that never
    expires and for days outside 1 to 3650, LimitReached when the subscription has run out.
    """
    if not 1 <= days <= MOST_DAYS:
        raise ValidationError(
            _("Extend by 1 to %(most)d days."), code="days", params={"most": MOST_DAYS}
        )
    project = Project.objects.select_for_update().select_related("company").get(pk=project.pk)
    check_subscription(project.company, now)
    if project.expires_at is None:
        raise ValidationError(
            _("%(project)s never expires."), code="never_expires", params={"project": project}
        )
    try:
        project.expires_at = max(project.expires_at, now) + timedelta(days=days)
    except OverflowError as error:
        raise ValidationError(_("No calendar goes that far."), code="days") from error
    if project.status == ProjectStatus.EXPIRED:
        project.status = ProjectStatus.ACTIVE
    project.save(update_fields=["expires_at", "status", "updated_at"])
    return project


def renewed_end(project: Project, *, length: timedelta, now: datetime) -> datetime:
    """When a project that renews itself ends next, of one whose end is past: after `now`.

    Periods that were missed are made up for one by one, so it does not matter how late this is
    asked. A month later is the same day by the company's clock, or the last of a shorter month;
    `length` is the period of a custom subscription.
    """
    zone, end = ZoneInfo(project.company.time_zone), project.expires_at or now
    months = MONTHS.get(SubscriptionType(project.subscription_type))
    while end <= now:
        local = _on_the_clock(end, zone)
        later = _months_later(local, months) if months else local + max(length, LEAST_LENGTH)
        end = later.replace(tzinfo=zone).astimezone(UTC)
    return end


def original_lengths(projects: Iterable[Project]) -> dict[int, timedelta]:
    """By project, how long it was to run when it was first given a start and an end.

    Times that no clock of the project's zone shows do not count.
    """
    zones = {project.pk: ZoneInfo(project.company.time_zone) for project in projects}
    history = Project.history.model
    records = (
        history.objects.filter(id__in=zones, starts_at__isnull=False, expires_at__isnull=False)
        .order_by("history_id")
        .values_list("id", "starts_at", "expires_at")
    )
    lengths: dict[int, timedelta] = {}
    for pk, starts_at, expires_at in records:
        zone = zones[pk]
        try:
            length = _on_the_clock(expires_at, zone) - _on_the_clock(starts_at, zone)
        except OverflowError:
            continue
        lengths.setdefault(pk, length)
    return lengths


def _on_the_clock(moment: datetime, zone: ZoneInfo) -> datetime:
    """What a clock of the zone shows: days between two of these have 24 hours."""
    return moment.astimezone(zone).replace(tzinfo=None)


def _months_later(day: datetime, months: int) -> datetime:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return day.replace(year=year, month=month + 1, day=min(day.day, last))
