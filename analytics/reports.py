"""The figures of the last 30 days, for whoever may see `companies`."""

from datetime import date, datetime, time, timedelta
from typing import NamedTuple, TypedDict
from zoneinfo import ZoneInfo

from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import TruncDate

from analytics.models import ARViewSession
from companies.models import Company
from companies.models.company import GIGABYTE
from content.models import ARContent

WINDOW = timedelta(days=30)


class Overview(TypedDict):
    total_views: int
    unique_sessions: int
    active_content: int
    storage_used_gb: float


class Visits(NamedTuple):
    views: int
    sessions: int


class DayOfVisits(NamedTuple):
    day: date
    views: int
    sessions: int


def overview(companies: QuerySet[Company], *, now: datetime) -> Overview:
    """Views and sessions since `now` minus 30 days, active contents, and the storage in use."""
    seen = visits(companies, now=now)
    used = companies.aggregate(used=Sum("storage_used_bytes"))["used"] or 0
    return {
        "total_views": seen.views,
        "unique_sessions": seen.sessions,
        "active_content": ARContent.objects.filter(company__in=companies, is_active=True).count(),
        "storage_used_gb": round(used / GIGABYTE, 3),
    }


def visits(companies: QuerySet[Company], *, now: datetime) -> Visits:
    """Views and unique sessions since `now` minus 30 days."""
    return Visits(
        **_recent(now)
        .filter(company__in=companies)
        .aggregate(views=Count("pk"), sessions=Count("session_id", distinct=True))
    )


def visits_by_day(
    companies: QuerySet[Company], *, zone: ZoneInfo, now: datetime
) -> list[DayOfVisits]:
    """Today and the 29 days before it, as `zone` counts days; days without a visit are zeros."""
    today = now.astimezone(zone).date()
    first = today - WINDOW + timedelta(days=1)
    counted = (
        ARViewSession.objects.filter(
            company__in=companies,
            created_at__gte=datetime.combine(first, time.min, tzinfo=zone),
        )
        .annotate(day=TruncDate("created_at", tzinfo=zone))
        .values("day")
        .annotate(views=Count("pk"), sessions=Count("session_id", distinct=True))
        .order_by()
    )
    days = {row["day"]: DayOfVisits(**row) for row in counted}
    calendar = (first + timedelta(days=number) for number in range(WINDOW.days))
    return [days.get(day, DayOfVisits(day, 0, 0)) for day in calendar]


def company_views(company_id: int, *, now: datetime) -> int:
    return _recent(now).filter(company=company_id).count()


def project_views(project_id: int, *, now: datetime) -> int:
    return _recent(now).filter(project=project_id).count()


def content_views(content_id: int, *, now: datetime) -> int:
    return _recent(now).filter(ar_content=content_id).count()


def _recent(now: datetime) -> QuerySet[ARViewSession]:
    return ARViewSession.objects.filter(created_at__gte=now - WINDOW)
