"""The four reports: for members of the company, superusers and API tokens."""

from django.shortcuts import get_object_or_404
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analytics import reports
from companies.api.authentication import visible_companies
from companies.models import Project
from content.models import ARContent


class OverviewView(APIView):
    def get(self, request: Request) -> Response:
        return Response(reports.overview(visible_companies(request), now=timezone.now()))


class CompanyViewsView(APIView):
    def get(self, request: Request, company_id: int) -> Response:
        company = get_object_or_404(visible_companies(request), pk=company_id)
        views = reports.company_views(company.pk, now=timezone.now())
        return Response({"company_id": company.pk, "views_30_days": views})


class ProjectViewsView(APIView):
    def get(self, request: Request, project_id: int) -> Response:
        projects = Project.objects.filter(company__in=visible_companies(request))
        project = get_object_or_404(projects, pk=project_id)
        views = reports.project_views(project.pk, now=timezone.now())
        return Response({"project_id": project.pk, "views_30_days": views})


class ContentViewsView(APIView):
    def get(self, request: Request, content_id: int) -> Response:
        contents = ARContent.objects.filter(company__in=visible_companies(request))
        content = get_object_or_404(contents, pk=content_id)
        views = reports.content_views(content.pk, now=timezone.now())
        return Response({"ar_content_id": content.pk, "views_30_days": views})
