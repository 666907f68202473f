from django.urls import include, path

from analytics.api import views
from companies.api.routes import READ

urlpatterns = [
    path("", include("analytics.api.event_urls")),
    path("analytics/overview", views.OverviewView.as_view(READ), name="analytics-overview"),
    path(
        "analytics/overview/export.csv",
        views.OverviewTable.as_view(READ),
        name="analytics-overview-table",
    ),
    path(
        "analytics/companies/<int:company_id>",
        views.CompanyReportView.as_view(READ),
        name="analytics-company",
    ),
    path(
        "analytics/companies/<int:company_id>/export.csv",
        views.CompanyTable.as_view(READ),
        name="analytics-company-table",
    ),
    path(
        "analytics/projects/<int:project_id>",
        views.ProjectReportView.as_view(READ),
        name="analytics-project",
    ),
    path(
        "analytics/projects/<int:project_id>/export.csv",
        views.ProjectTable.as_view(READ),
        name="analytics-project-table",
    ),
    path(
        "analytics/ar-content/<int:content_id>",
        views.ContentReportView.as_view(READ),
        name="analytics-ar-content",
    ),
    path(
        "analytics/ar-content/<int:content_id>/export.csv",
        views.ContentTable.as_view(READ),
        name="analytics-ar-content-table",
    ),
]
