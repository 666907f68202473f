"""What the dashboard is asked for: a period, and a company, project or content of the reader's."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import Http404, QueryDict
from django.utils.translation import gettext_lazy as _

from analytics.reports import Scope
from analytics.windows import DAY, Period, Window, last_days, midnight
from companies.admin.base import is_key
from companies.models import Company, Project
from companies.tenancy import Access
from content.models import ARContent

M = TypeVar("M", bound=Model)

PRESETS = {"7": 7, "30": 30, "90": 90}
CUSTOM = "custom"
MOST_DAYS = 1100
# Before any visit, and far enough from the calendar's ends to look at the period before it.
EARLIEST = date(2000, 1, 1)
# Rows that a select holds; others are found by typing.
OFFERED = 200
# A day that is not over weighs something in so many days.
FEW_DAYS = 31


class PeriodForm(forms.Form):
    """`period`: a number of days up to today, or custom from the day `from` to the day `to`."""

    period = forms.ChoiceField(
        label=_("Period"),
        choices=[
            ("7", _("7 days")),
            ("30", _("30 days")),
            ("90", _("90 days")),
            (CUSTOM, _("Other dates")),
        ],
        widget=forms.RadioSelect,
        error_messages={"invalid_choice": _("Choose 7, 30 or 90 days, or other dates.")},
    )

    def __init__(self, asked: QueryDict, *, today: date) -> None:
        given = {name: asked[name] for name in ("period", "from", "to") if asked.get(name)}
        if "period" not in given:
            given["period"] = CUSTOM if {"from", "to"} & given.keys() else "30"
        super().__init__(given)
        self.today = today
        self.fields["from"] = day_field(_("First day"))
        self.fields["to"] = day_field(_("Last day"))

    @property
    def days(self) -> list[forms.BoundField]:
        return [self["from"], self["to"]]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        preset = PRESETS.get(cleaned.get("period", ""))
        if preset:
            cleaned["when"] = last_days(preset, today=self.today)
        elif cleaned.get("period") == CUSTOM:
            for name in ("from", "to"):
                if cleaned.get(name) is None and name not in self.errors:
                    self.add_error(name, ValidationError(_("Choose a day.")))
            if not self.errors:
                cleaned["when"] = self.between(cleaned["from"], cleaned["to"])
        return cleaned

    def between(self, first: date, last: date) -> Period | None:
        problem: Any = None
        if first > last:
            problem = _("The first day is after the last one.")
        elif first > self.today:
            problem = _("The first day is yet to come.")
        elif first < EARLIEST:
            problem = _("Choose a first day since the year 2000.")
        elif (last - first).days >= MOST_DAYS:
            problem = _("At most %(days)d days can be looked at together.") % {"days": MOST_DAYS}
        if problem is None:
            return Period(first, min(last, self.today))
        self.add_error("from", ValidationError(problem))
        return None


def day_field(label: Any) -> forms.DateField:
    return forms.DateField(
        label=label,
        required=False,
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"invalid": _("Enter a day, like 2026-05-31.")},
    )


@dataclass(frozen=True)
class Chosen:
    """The rows that narrow the figures, each within the one before it."""

    company: Company | None
    project: Project | None
    content: ARContent | None

    @property
    def query(self) -> dict[str, int]:
        """The narrowest of them; the others follow from it."""
        if self.content:
            return {"content": self.content.pk}
        if self.project:
            return {"project": self.project.pk}
        return {"company": self.company.pk} if self.company else {}


def own_row(access: Access, rows: QuerySet[M], key: str) -> M | None:
    """The row of the reader's with that key; None for no key. Http404 for any other."""
    if not key:
        return None
    row = access.rows(rows).filter(pk=key).first() if is_key(key) else None
    if row is None:
        raise Http404
    return row


def chosen_rows(access: Access, asked: QueryDict) -> Chosen:
    """The rows that the address names. Http404 for another company's, or where there is none.

    A row that does not lie within the wider one is left out: that one has been chosen anew.
    """
    company = own_row(access, Company.objects.all(), asked.get("company", ""))
    projects = Project.objects.select_related("company")
    project = own_row(access, projects, asked.get("project", ""))
    contents = ARContent.objects.select_related("project", "company")
    content = own_row(access, contents, asked.get("content", ""))
    if project and company and project.company_id != company.pk:
        project = None
    if content and project and content.project_id != project.pk:
        content = None
    if content and company and content.company_id != company.pk:
        content = None
    project = content.project if content else project
    company = content.company if content else project.company if project else company
    return Chosen(company, project, content)


class Filter:
    """The address of a dashboard, read; `form` tells what is wrong with its period."""

    def __init__(self, access: Access, asked: QueryDict, *, now: datetime) -> None:
        self.access = access
        self.now = now
        self.chosen = chosen_rows(access, asked)
        self.companies = list(company_choices(access).only("name", "time_zone"))
        self.form = PeriodForm(asked, today=self.today)

    @cached_property
    def scope(self) -> Scope:
        content, project = self.chosen.content, self.chosen.project
        if content:
            return Scope((content.company_id,), content=content.pk)
        within = [self.chosen.company] if self.chosen.company else self.companies
        return Scope(tuple(one.pk for one in within), project=project.pk if project else None)

    @cached_property
    def zones(self) -> set[ZoneInfo]:
        within = [self.chosen.company] if self.chosen.company else self.companies
        return {ZoneInfo(company.time_zone) for company in within}

    @property
    def zone(self) -> ZoneInfo | None:
        """By which all the companies count their days; None when they differ."""
        return next(iter(self.zones)) if len(self.zones) == 1 else None

    @property
    def today(self) -> date:
        """Of several time zones, the latest: what was seen today is in the figures everywhere."""
        days = (self.now.astimezone(zone).date() for zone in self.zones)
        return max(days, default=self.now.date())

    @property
    def period(self) -> Period | None:
        """None when the form is not valid."""
        when: Period | None = self.form.cleaned_data.get("when") if self.form.is_valid() else None
        return when

    def before(self, period: Period) -> Period | Window:
        """The same number of days before it; no later in its last day than it is today by now."""
        days = (period.last - period.first).days + 1
        earlier = Period(period.first - days * DAY, period.first - DAY)
        if self.zone is None or days > FEW_DAYS or period.last < self.today:
            return earlier
        local = self.now.astimezone(self.zone).replace(tzinfo=None)
        then = (local - days * DAY).replace(tzinfo=self.zone)
        return Window(midnight(earlier.first, self.zone), then)

    @cached_property
    def period_query(self) -> dict[str, str]:
        """The period's part of an address."""
        form = self.form
        given = {name: form.data[name] for name in form.fields if form.data.get(name)}
        return given if given["period"] == CUSTOM else {"period": given["period"]}

    def address(self, **narrowed: int) -> str:
        """The query of the dashboard of a row, over the same period."""
        return f"?{urlencode({**self.period_query, **narrowed})}"

    @property
    def project_address(self) -> str:
        return self.address(project=self.chosen.project.pk) if self.chosen.project else ""

    @property
    def company_address(self) -> str:
        return self.address(company=self.chosen.company.pk) if self.chosen.company else ""

    @property
    def longer_address(self) -> str:
        return f"?{urlencode({'period': '90', **self.chosen.query})}"

    def offered_companies(self) -> list[Company]:
        return offered(self.companies, self.chosen.company)

    def projects(self) -> list[Project]:
        return offered(project_choices(self.access, self.chosen.company), self.chosen.project)

    def contents(self) -> list[ARContent]:
        choices = content_choices(self.access, self.chosen.company, self.chosen.project)
        return offered(choices, self.chosen.content)


def company_choices(access: Access) -> QuerySet[Company]:
    return access.companies().order_by("name", "pk")


def project_choices(access: Access, company: Company | None) -> QuerySet[Project]:
    rows = access.rows(Project.objects.order_by("name", "pk"))
    return rows.filter(company=company) if company else rows


def content_choices(
    access: Access, company: Company | None, project: Project | None
) -> QuerySet[ARContent]:
    rows = access.rows(ARContent.objects.select_related("project").order_by("title", "pk"))
    if project:
        return rows.filter(project=project)
    return rows.filter(company=company) if company else rows


def offered(rows: QuerySet[M] | list[M], chosen: M | None) -> list[M]:
    """The first of the rows, and the chosen one in any case."""
    first = list(rows[:OFFERED])
    return first if chosen is None or chosen in first else [chosen, *first]
