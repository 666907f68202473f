"""The admin's front page: the figures of the caller's companies, and what to do about them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, Max, Min, Sum
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from analytics import reports
from analytics.admin.problems import Finder, Group, can_open, list_url, rows_of
from analytics.models import ARViewSession
from companies.models import Project, Role, StorageConnection, StorageFolder
from companies.models.company import GIGABYTE
from companies.tenancy import access_of
from content.models import ARContent, MarkerStatus


@dataclass(frozen=True)
class Figure:
    """A number that leads to the list of exactly the rows behind it."""

    key: str
    title: str
    value: int | str
    url: str
    note: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Step:
    title: str
    text: str
    done: bool
    url: str = ""


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the theme calls for the front page's context."""
    return {**context, **front_page(request, now=timezone.now())}


def front_page(request: HttpRequest, *, now: datetime) -> dict[str, Any]:
    access = access_of(request)
    companies = access.companies()
    whole = companies.aggregate(
        count=Count("pk"),
        used=Sum("storage_used_bytes", default=0),
        quota=Sum("storage_quota_gb", default=0),
        first_zone=Min("time_zone"),
        last_zone=Max("time_zone"),
    )
    # Companies that count their days alike are shown as they do.
    is_one_zone = whole["first_zone"] == whole["last_zone"]
    zone = ZoneInfo((is_one_zone and whole["first_zone"]) or "UTC")
    days = reports.visits_by_day(companies, zone=zone, now=now)
    seen = reports.visits(companies, now=now)
    groups = Finder(request, now).groups()
    return {
        "title": _("Front page"),
        "companies_count": whole["count"],
        "figures": main_figures(request, seen, used=whole["used"], quota_gb=whole["quota"]),
        "attention": attention_figures(request, groups, now),
        "groups": [group for group in groups if group.total],
        "days": [(date_format(day.day), day) for day in days],
        "chart": {
            "days": [day.day.isoformat() for day in days],
            "views": [day.views for day in days],
            "sessions": [day.sessions for day in days],
        },
        "zone": zone.key,
        "steps": [] if seen.views else first_steps(request),
        "may_add_company": access.manages_platform,
    }


def main_figures(
    request: HttpRequest, seen: reports.Visits, *, used: int, quota_gb: int
) -> list[Figure]:
    sessions = list_url(ARViewSession, period="30-sessions")
    return [
        Figure("views", _("Views in 30 days"), seen.views, list_url(ARViewSession, period="30")),
        Figure("sessions", _("Unique sessions in 30 days"), seen.sessions, sessions),
        Figure(
            "active",
            _("Active contents"),
            rows_of(request, ARContent).filter(is_active=True).count(),
            list_url(ARContent, state="active"),
        ),
        Figure(
            "storage",
            _("Storage used"),
            filesizeformat(used),
            list_url(StorageFolder),
            note=_("of %(quota)s") % {"quota": filesizeformat(quota_gb * GIGABYTE)},
        ),
    ]


def attention_figures(request: HttpRequest, groups: list[Group], now: datetime) -> list[Figure]:
    """Counts that shall be zero, or be looked at."""
    found = {group.key: group for group in groups}
    contents = rows_of(request, ARContent)
    ending = contents.ending(now).count()
    failed = contents.not_over(now).with_failure(now).count()

    def of(key: str, title: str) -> Figure:
        group = found[key]
        return Figure(key, title, group.total, group.url, tone=group.tone)

    figures = [
        of("projects_ending", _("Projects expiring within 30 days")),
        Figure(
            "contents_ending",
            _("Contents expiring within 30 days"),
            ending,
            list_url(ARContent, expires="30"),
            tone="warning",
        ),
        # Those that use a portrait are counted too, whose marker is mended at the portrait.
        Figure(
            "failures",
            _("Contents with a failed marker or video"),
            failed,
            list_url(ARContent, failed="any"),
            tone="alarm",
        ),
        of("portraits", _("Portraits with a failed marker")),
        of("videos", _("Visible contents without a video")),
        of("notices", _("Undelivered notices")),
    ]
    if can_open(request, StorageConnection):
        figures.append(of("connections", _("Unreachable storage")))
    return figures


def first_steps(request: HttpRequest) -> list[Step]:
    """The way from nothing to the first view, as far as the caller may go it."""
    may_work = access_of(request).may_somewhere(Role.EDITOR)
    has_project = rows_of(request, Project).exists()
    contents = rows_of(request, ARContent)
    ready = contents.with_marker(MarkerStatus.READY).order_by("-created_at")
    first_ready = ready.values_list("pk", flat=True).first()

    def link(name: str, *args: Any) -> str:
        return reverse(f"admin:{name}", args=args) if may_work else ""

    return [
        Step(
            _("Create a project"),
            _("It groups contents and says how long visitors may see them."),
            has_project,
            link("companies_project_add"),
        ),
        Step(
            _("Add a content"),
            _("A picture and the video that shall play on it. Its marker makes itself."),
            contents.exists(),
            link("content_arcontent_add") if has_project else "",
        ),
        Step(
            _("Print its QR code"),
            _("Put it beside the picture: a phone's camera opens the page, nothing to install."),
            False,
            link("content_arcontent_change", first_ready) if first_ready else "",
        ),
    ]
