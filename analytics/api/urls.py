from django.urls import path

from analytics.api import events, views
from companies.api.routes import READ

urlpatterns = [
    path("analytics/ar-session", events.start, name="ar-session"),
    path("analytics/ar-session/<str:session_id>/end", events.end, name="ar-session-end"),
    # The same under a name that ad blockers do not know.
    path("v/visit", events.start, name="visit"),
    path("v/visit/<str:session_id>/end", events.end, name="visit-end"),
    path("analytics/overview", views.OverviewView.as_view(READ), name="analytics-overview"),
    path(
        "analytics/companies/<int:company_id>",
        views.CompanyViewsView.as_view(READ),
        name="analytics-company",
    ),
    path(
        "analytics/projects/<int:project_id>",
        views.ProjectViewsView.as_view(READ),
        name="analytics-project",
    ),
    path(
        "analytics/ar-content/<int:content_id>",
        views.ContentViewsView.as_view(READ),
        name="analytics-ar-content",
    ),
]
