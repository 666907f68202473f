"""The dashboard: what visitors did, over a period, in the companies that the reader may see."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from analytics import reports
from analytics.admin import dashboard_charts as charts
from analytics.admin.dashboard_filter import (
    Filter,
    chosen_rows,
    company_choices,
    content_choices,
    project_choices,
)
from analytics.models import StatDimension
from analytics.windows import Period
from companies.tenancy import access_of

LISTED = 10
PLACES = 12
# What a search for a company, project or content answers at once.
FOUND = 30
MOST_PAGES = 100


def page(model_admin: Any) -> Callable[[HttpRequest], HttpResponse]:
    """`?period=7|30|90`, or `?from=…&to=…`; narrowed by `company`, `project` or `content`."""

    @require_safe
    def view(request: HttpRequest) -> HttpResponse:
        now = timezone.now()
        asked = Filter(access_of(request), request.GET, now=now)
        period = asked.period
        context = {
            **model_admin.admin_site.each_context(request),
            "title": _("Analytics"),
            "filter": asked,
            "form": asked.form,
            "chosen": asked.chosen,
            "companies": asked.companies if len(asked.companies) > 1 else [],
            "period": period,
            **(figures(asked, period, now) if period else {}),
        }
        return render(request, "admin/analytics/dashboard.html", context)

    return view


@reports.of_one_instant()
def figures(asked: Filter, period: Period, now: datetime) -> dict[str, Any]:
    """All that is counted; of a period without a visit, the figures alone."""
    scope, earlier = asked.scope, asked.before(period)
    seen = reports.figures(scope, period, now=now)
    cards = charts.cards(seen, reports.figures(scope, earlier, now=now))
    found: dict[str, Any] = {
        "span": span(period),
        "cards": cards,
        "has_changes": any(card.change for card in cards),
        "earlier": span(before_of(earlier)),
        "is_cut_short": not isinstance(earlier, Period),
        "has_views": bool(seen.views),
    }
    if not seen.views:
        return found
    days = reports.by_day(scope, period, now=now)
    shares = {
        dimension: reports.shares(scope, period, dimension, now=now, most=most)
        for dimension, most in {
            StatDimension.DEVICE: charts.SLICES,
            StatDimension.BROWSER: charts.SLICES,
            StatDimension.OS: charts.SLICES,
            StatDimension.QUALITY: charts.SLICES,
            StatDimension.COUNTRY: PLACES,
            StatDimension.CITY: PLACES,
            StatDimension.CAMERA: LISTED,
        }.items()
    }
    rounds = charts.doughnuts(shares)
    return {
        **found,
        "csv": export_address(asked, period),
        "days": charts.day_rows(days),
        "doughnuts": rounds,
        "tops": tops(asked, period, seen.views, now),
        "places": places(shares),
        "hours": charts.hour_table(reports.by_hour(scope, period, now=now)),
        "hour_names": charts.hour_names(),
        "funnel": charts.funnel(seen),
        "denied": seen.camera_denied,
        "shown_denied": charts.whole(seen.camera_denied),
        "refusals": charts.refusals(shares[StatDimension.CAMERA]),
        "data": {
            **charts.days_chart(days),
            "shares": {
                one.key: {
                    "labels": [row.label for row in one.rows],
                    "views": [row.views for row in one.rows],
                }
                for one in rounds
            },
        },
    }


def tops(asked: Filter, period: Period, views: int, now: datetime) -> list[charts.Table]:
    """What can be told apart within what is chosen."""
    chosen, tables = asked.chosen, []

    def add(by: Any, title: str, column: str) -> None:
        rows = reports.top(asked.scope, period, by, now=now, most=LISTED)
        tables.append(
            charts.top_table(by, title, column, rows, views, lambda pk: asked.address(**{by: pk}))
        )

    if len(asked.scope.companies) > 1:
        add("company", _("Top companies"), _("Company"))
    if not (chosen.project or chosen.content):
        add("project", _("Top projects"), _("Project"))
    if not chosen.content:
        add("content", _("Top contents"), _("Content"))
    return tables


def places(shares: dict[StatDimension, list[reports.Share]]) -> list[charts.Table]:
    empty = _(
        "Where visitors are is not known: the platform looks it up in a file of its own, "
        "if it has one."
    )
    return [
        charts.share_table(
            StatDimension.COUNTRY.value,
            _("Countries"),
            _("Country"),
            shares[StatDimension.COUNTRY],
            empty=empty,
        ),
        charts.share_table(
            StatDimension.CITY.value,
            _("Cities"),
            _("City"),
            shares[StatDimension.CITY],
            empty=empty,
        ),
    ]


def export_address(asked: Filter, period: Period) -> str:
    """Of the same figures as CSV; the name of a table is to follow."""
    for name, pk in asked.chosen.query.items():
        kind = "ar-content" if name == "content" else name
        url = reverse(f"analytics-{kind}-table", args=[pk])
        break
    else:
        url = reverse("analytics-overview-table")
    return f"{url}?from={period.first}&to={period.last}&table="


def before_of(earlier: Any) -> Period:
    """The days of the period before, whether or not its last one counts in whole."""
    if isinstance(earlier, Period):
        return earlier
    return Period(earlier.begins.astimezone(earlier.ends.tzinfo).date(), earlier.ends.date())


def span(period: Period) -> str:
    first, last = (date_format(day) for day in (period.first, period.last))
    return first if first == last else f"{first} – {last}"


def choices(model_admin: Any) -> Callable[[HttpRequest], HttpResponse]:
    """Rows by a part of their names: `?of=company|project|content&q=…&page=…`.

    Within the chosen company or project; answers as the admin's other searches do.
    """

    @require_safe
    def view(request: HttpRequest) -> HttpResponse:
        access = access_of(request)
        chosen = chosen_rows(access, request.GET)
        text = request.GET.get("q", "").replace("\0", "")[:200]
        rows: Any
        if request.GET.get("of") == "company":
            rows = company_choices(access).filter(name__icontains=text)
        elif request.GET.get("of") == "project":
            rows = project_choices(access, chosen.company).filter(name__icontains=text)
        else:
            rows = content_choices(access, chosen.company, chosen.project)
            rows = rows.filter(title__icontains=text)
        asked = request.GET.get("page", "1")
        number = min(int(asked), MOST_PAGES) if asked.isdecimal() and len(asked) < 4 else 1
        first = (max(number, 1) - 1) * FOUND
        found = list(rows[first : first + FOUND + 1])
        return JsonResponse(
            {
                "results": [{"id": row.pk, "text": str(row)} for row in found[:FOUND]],
                "pagination": {"more": len(found) > FOUND and number < MOST_PAGES},
            }
        )

    return view
