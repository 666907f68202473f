"""The four reports and their tables: for members of the company, superusers and API tokens."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from typing import Any, ClassVar

from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response

from analytics import exports, reports
from analytics.api.report_fields import (
    CompanyReportSerializer,
    ContentReportSerializer,
    OverviewSerializer,
    ProjectReportSerializer,
)
from analytics.exports import TABLES, Asked
from analytics.reports import Scope
from analytics.windows import Period
from companies.api.base import TenantViewSet
from companies.api.schema import Error
from companies.models import Company, Project, Role
from content.models import ARContent

MOST_DAYS = 1100
FIRST_YEAR, LAST_YEAR = 2000, 2999
USUAL_DAYS = 30
LISTED = ("days", *exports.KINDS, *exports.DIMENSIONS)

FROM = OpenApiParameter(
    "from",
    OpenApiTypes.DATE,
    description=_(
        "The first day, as the company's clock counts days. Without `from` and `to`: the last 30"
        " days to the second."
    ),
)
TO = OpenApiParameter(
    "to", OpenApiTypes.DATE, description=_("The last day, which is included; 1100 days at most.")
)
TABLE = OpenApiParameter(
    "table", OpenApiTypes.STR, enum=TABLES, description=_("Which table; the days by default.")
)
ALL_TABLES = "all"
LISTS = OpenApiParameter(
    "tables",
    OpenApiTypes.STR,
    many=True,
    style="form",
    explode=False,
    enum=[ALL_TABLES, *LISTED],
    description=_("Which tables to add, with commas between them; none by default."),
)
TIMES = [FROM, TO]
CSV = {(200, "text/csv"): OpenApiTypes.STR, 400: Error}


def asked_period(params: Any, today: Callable[[], date]) -> Period | None:
    """The days that `from` and `to` name; None without them. Raises ValidationError."""
    first, last = _day(params, "from"), _day(params, "to")
    if first is None and last is None:
        return None
    last = last or max(today(), first or date.min)
    first = first or last - timedelta(days=USUAL_DAYS - 1)
    if first > last:
        raise ValidationError({"to": [_("The last day is before the first one.")]})
    if (last - first).days >= MOST_DAYS:
        raise ValidationError({"from": [_("Ask for %(most)d days at most.") % {"most": MOST_DAYS}]})
    return Period(first, last)


def _day(params: Any, name: str) -> date | None:
    text = params.get(name)
    if text is None:
        return None
    try:
        day = date.fromisoformat(text) if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else None
    except ValueError:
        day = None
    if day is None or not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValidationError(
            {name: [_("Write a day like 2026-01-31, from the year 2000 to 2999.")]}
        )
    return day


class AnyAccept(BaseContentNegotiation):
    """A table is CSV and an error is JSON, whatever the caller would rather have."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return next(iter(parsers), None)

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> Any:
        return renderers[0], renderers[0].media_type


class ReportView(TenantViewSet[Any]):
    role_to_view = role_to_change = Role.VIEWER
    known_params: ClassVar = frozenset({"from", "to", "tables"})

    def scope(self) -> Scope:
        """Whose visits the address names. Raises Http404 for those of others."""
        raise NotImplementedError

    def asked(self, request: Request) -> Asked:
        scope, now = self.scope(), timezone.now()
        if unknown := set(request.query_params) - self.known_params:
            raise ValidationError({name: [_("Not known here.")] for name in sorted(unknown)})
        period = asked_period(request.query_params, partial(reports.today, scope, now=now))
        return Asked(scope, period, now)

    def tables(self) -> list[str]:
        """Which of LISTED the answer shall hold. Raises ValidationError."""
        text = self.request.query_params.get("tables")
        if text is None:
            return []
        names = set(text.split(","))
        if not names <= {ALL_TABLES, *LISTED}:
            known = ", ".join([ALL_TABLES, *LISTED])
            raise ValidationError({"tables": [_("Choose one of: %s.") % known]})
        return [name for name in LISTED if names & {ALL_TABLES, name}]

    @reports.of_one_instant()
    def report(self, asked: Asked) -> dict[str, Any]:
        tables = self.tables()
        figures = exports.figures_of(asked)
        return {
            "from_day": asked.period and asked.period.first,
            "to_day": asked.period and asked.period.last,
            "views": figures.views,
            "unique_sessions": figures.sessions,
            "mean_duration_seconds": figures.mean_duration,
            "played_share": figures.played_share,
            "funnel": {
                "opened": figures.views,
                "started": figures.started,
                "camera_allowed": figures.camera_allowed,
                "camera_denied": figures.camera_denied,
                "found": figures.found,
                "mean_found_ms": figures.mean_found_ms,
                "played": figures.played,
                "ended": figures.ended,
            },
            **{name: exports.listed(name, asked) for name in tables},
        }

    def report_of_row(self, request: Request, **named: int) -> Response:
        """The report, with the row's id and the views of the last 30 days, whatever was asked."""
        asked = self.asked(request)
        with reports.of_one_instant():
            report = self.report(asked)
            views = report["views"]
            if asked.period is not None:
                views = reports.visits_of(asked.scope, now=asked.now).views
        return Response({**named, "views_30_days": views, **report})


class TableView(ReportView):
    known_params = frozenset({"from", "to", "table"})
    content_negotiation_class = AnyAccept

    def table(self, request: Request) -> StreamingHttpResponse:
        asked = self.asked(request)
        name = request.query_params.get("table", "days")
        if name not in TABLES:
            raise ValidationError({"table": [_("Choose one of: %s.") % ", ".join(TABLES)]})
        found = exports.table(name, asked)
        return StreamingHttpResponse(
            exports.csv_lines(found),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
        )


class OfPlatform(ReportView):
    queryset = Company.objects.all()

    def scope(self) -> Scope:
        return reports.scope_of(self.access.companies())


class OfCompany(ReportView):
    queryset = Company.objects.only("pk")
    lookup_url_kwarg = "company_id"

    def scope(self) -> Scope:
        return Scope((self.get_object().pk,))


class OfProject(ReportView):
    queryset = Project.objects.only("company")
    lookup_url_kwarg = "project_id"

    def scope(self) -> Scope:
        project: Project = self.get_object()
        return Scope((project.company_id,), project=project.pk)


class OfContent(ReportView):
    queryset = ARContent.objects.only("company")
    lookup_url_kwarg = "content_id"

    def scope(self) -> Scope:
        content: ARContent = self.get_object()
        return Scope((content.company_id,), content=content.pk)


class OverviewView(OfPlatform):
    @extend_schema(parameters=[*TIMES, LISTS], responses={200: OverviewSerializer, 400: Error})
    def retrieve(self, request: Request) -> Response:
        """All companies of the caller."""
        asked = self.asked(request)
        report = self.report(asked)
        holdings = reports.holdings(self.access.companies())
        return Response({"total_views": report["views"], **holdings, **report})


class OverviewTable(OfPlatform, TableView):
    @extend_schema(parameters=[*TIMES, TABLE], responses=CSV)
    def retrieve(self, request: Request) -> StreamingHttpResponse:
        """A table of the report on all companies of the caller, as CSV."""
        return self.table(request)


class CompanyReportView(OfCompany):
    @extend_schema(parameters=[*TIMES, LISTS], responses={200: CompanyReportSerializer, 400: Error})
    def retrieve(self, request: Request, company_id: int) -> Response:
        """The visits of a company."""
        return self.report_of_row(request, company_id=company_id)


class CompanyTable(OfCompany, TableView):
    @extend_schema(parameters=[*TIMES, TABLE], responses=CSV)
    def retrieve(self, request: Request, company_id: int) -> StreamingHttpResponse:
        """A table of the report on a company, as CSV."""
        return self.table(request)


class ProjectReportView(OfProject):
    @extend_schema(parameters=[*TIMES, LISTS], responses={200: ProjectReportSerializer, 400: Error})
    def retrieve(self, request: Request, project_id: int) -> Response:
        """The visits of a project."""
        return self.report_of_row(request, project_id=project_id)


class ProjectTable(OfProject, TableView):
    @extend_schema(parameters=[*TIMES, TABLE], responses=CSV)
    def retrieve(self, request: Request, project_id: int) -> StreamingHttpResponse:
        """A table of the report on a project, as CSV."""
        return self.table(request)


class ContentReportView(OfContent):
    @extend_schema(parameters=[*TIMES, LISTS], responses={200: ContentReportSerializer, 400: Error})
    def retrieve(self, request: Request, content_id: int) -> Response:
        """The visits of a content."""
        return self.report_of_row(request, ar_content_id=content_id)


class ContentTable(OfContent, TableView):
    @extend_schema(parameters=[*TIMES, TABLE], responses=CSV)
    def retrieve(self, request: Request, content_id: int) -> StreamingHttpResponse:
        """A table of the report on a content, as CSV."""
        return self.table(request)
