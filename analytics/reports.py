"""The figures of the last 30 days, for whoever may see `companies`."""

from datetime import datetime, timedelta
from typing import TypedDict

from django.db.models import Count, QuerySet, Sum

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


def overview(companies: QuerySet[Company], *, now: datetime) -> Overview:
    """Views and sessions since `now` minus 30 days, active contents, and the storage in use."""
    sessions = _recent(now).filter(company__in=companies)
    views = sessions.aggregate(total=Count("pk"), unique=Count("session_id", distinct=True))
    used = companies.aggregate(used=Sum("storage_used_bytes"))["used"] or 0
    return {
        "total_views": views["total"],
        "unique_sessions": views["unique"],
        "active_content": ARContent.objects.filter(company__in=companies, is_active=True).count(),
        "storage_used_gb": round(used / GIGABYTE, 3),
    }


def company_views(company_id: int, *, now: datetime) -> int:
    return _recent(now).filter(company=company_id).count()


def project_views(project_id: int, *, now: datetime) -> int:
    return _recent(now).filter(project=project_id).count()


def content_views(content_id: int, *, now: datetime) -> int:
    return _recent(now).filter(ar_content=content_id).count()


def _recent(now: datetime) -> QuerySet[ARViewSession]:
    return ARViewSession.objects.filter(created_at__gte=now - WINDOW)
