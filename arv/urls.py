from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from arv import health, monitoring

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("", include("content.urls")),
    path("", include("companies.urls")),
    path("account/", include("companies.sign_in.urls")),
    path("admin/", admin.site.urls),
    path("api/", include("companies.api.urls")),
    path("api/", include("content.api.urls")),
    path("api/", include("analytics.api.urls")),
    path("api/health/status", health.status, name="health-status"),
    path("api/health/readiness", health.readiness, name="health-readiness"),
    path("metrics", monitoring.prometheus, name="metrics"),
]

handler404 = "arv.api.not_found"
handler500 = "arv.api.server_error"
