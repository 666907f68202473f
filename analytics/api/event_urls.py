"""The addresses of the visitor's events: below /api/ as all others, and on a way of their own."""

from django.urls import path

from analytics.api import events

urlpatterns = [
    path("analytics/ar-session", events.start, name="ar-session"),
    path("analytics/ar-session/<str:session_id>", events.progress, name="ar-session-progress"),
    path("analytics/ar-session/<str:session_id>/end", events.end, name="ar-session-end"),
    # The same under a name that ad blockers do not know.
    path("v/visit", events.start, name="visit"),
    path("v/visit/<str:session_id>", events.progress, name="visit-progress"),
    path("v/visit/<str:session_id>/end", events.end, name="visit-end"),
]
