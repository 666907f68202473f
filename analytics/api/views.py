"""The four reports: for members of the company, superusers and API tokens."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analytics import reports
from companies.api.base import TenantViewSet
from companies.models import Company, Project, Role
from content.models import ARContent


class OverviewSerializer(serializers.Serializer[Any]):
    total_views = serializers.IntegerField()
    unique_sessions = serializers.IntegerField()
    active_content = serializers.IntegerField()
    storage_used_gb = serializers.FloatField()


class CompanyViewsSerializer(serializers.Serializer[Any]):
    company_id = serializers.IntegerField()
    views_30_days = serializers.IntegerField()


class ProjectViewsSerializer(serializers.Serializer[Any]):
    project_id = serializers.IntegerField()
    views_30_days = serializers.IntegerField()


class ContentViewsSerializer(serializers.Serializer[Any]):
    ar_content_id = serializers.IntegerField()
    views_30_days = serializers.IntegerField()


class OverviewView(TenantViewSet[Company]):
    queryset = Company.objects.all()
    role_to_view = role_to_change = Role.VIEWER

    @extend_schema(responses=OverviewSerializer)
    def retrieve(self, request: Request) -> Response:
        """The last 30 days of all companies of the caller."""
        return Response(reports.overview(self.access.companies(), now=timezone.now()))


class CompanyViewsView(TenantViewSet[Company]):
    queryset = Company.objects.all()
    role_to_view = role_to_change = Role.VIEWER
    lookup_url_kwarg = "company_id"

    @extend_schema(responses=CompanyViewsSerializer)
    def retrieve(self, request: Request, company_id: int) -> Response:
        company = self.get_object()
        views = reports.company_views(company.pk, now=timezone.now())
        return Response({"company_id": company.pk, "views_30_days": views})


class ProjectViewsView(TenantViewSet[Project]):
    queryset = Project.objects.all()
    role_to_view = role_to_change = Role.VIEWER
    lookup_url_kwarg = "project_id"

    @extend_schema(responses=ProjectViewsSerializer)
    def retrieve(self, request: Request, project_id: int) -> Response:
        project = self.get_object()
        views = reports.project_views(project.pk, now=timezone.now())
        return Response({"project_id": project.pk, "views_30_days": views})


class ContentViewsView(TenantViewSet[ARContent]):
    queryset = ARContent.objects.all()
    role_to_view = role_to_change = Role.VIEWER
    lookup_url_kwarg = "content_id"

    @extend_schema(responses=ContentViewsSerializer)
    def retrieve(self, request: Request, content_id: int) -> Response:
        content = self.get_object()
        views = reports.content_views(content.pk, now=timezone.now())
        return Response({"ar_content_id": content.pk, "views_30_days": views})
