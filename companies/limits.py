"""What a company may still do: its subscription, and how many projects it may have."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from companies.models import Company, Project, ProjectStatus

MOST_DAYS = 3650


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

    To run again or longer it needs a running subscription, as `extend_project` does. Raises
    LimitReached, and ValidationError for an end too far away.
    """
    columns = set(changed)
    rows = Project.objects.select_for_update(of=("self",)).select_related("company")
    before = rows.get(pk=project.pk)
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
