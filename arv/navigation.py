"""The admin's sidebar, and the label that says which environment this is."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

# Icons of Material Symbols by the label of a model, in the order of a working day.
GROUPS: list[tuple[Any, dict[str, str]]] = [
    (
        _("Contents"),
        {
            "content.arcontent": "view_in_ar",
            "content.portrait": "portrait",
            "content.video": "movie",
            "content.videorotationschedule": "event_repeat",
            "content.bulkimport": "drive_folder_upload",
        },
    ),
    (
        _("Company"),
        {
            "companies.company": "apartment",
            "companies.project": "folder_open",
            "companies.membership": "group",
            "companies.apitoken": "key",
            "companies.storageconnection": "cloud",
            "companies.storagefolder": "database",
        },
    ),
    (
        _("Insight"),
        {
            "analytics.arviewsession": "visibility",
            "content.notification": "notifications",
        },
    ),
    (
        _("Platform"),
        {
            "companies.user": "person",
            "django_celery_beat.periodictask": "schedule",
            "django_celery_beat.intervalschedule": "timer",
            "django_celery_beat.crontabschedule": "calendar_month",
        },
    ),
]


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """The lists that the caller may open, in groups; the one that is open is marked."""
    registered = {model._meta.label_lower: model for model in admin.site._registry}
    groups: list[dict[str, Any]] = [
        {"items": [item(gettext("Front page"), "dashboard", reverse("admin:index"))]}
    ]
    for title, icons in GROUPS:
        items = []
        if "analytics.arviewsession" in icons:
            dashboard = reverse("admin:analytics_dashboard")
            items.append(item(gettext("Analytics"), "monitoring", dashboard))
        for label, icon in icons.items():
            model = registered[label]
            if admin.site.get_model_admin(model).has_view_permission(request):
                link = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
                items.append(item(capfirst(str(model._meta.verbose_name_plural)), icon, link))
            if label == "companies.storagefolder" and items:
                items.append(
                    item(gettext("Who changed what"), "history", reverse("admin:companies_audit"))
                )
        groups.append({"title": title, "items": items})
    everything = [one for group in groups for one in group["items"]]
    within = [one for one in everything if request.path.startswith(one["link"])]
    if within:
        max(within, key=lambda one: len(one["link"]))["active"] = True
    return groups


def item(title: str, icon: str, link: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": link, "active": False}


def environment(request: HttpRequest) -> list[str] | None:
    """A label for those who could take a trial for the real thing; production has none."""
    labels = {
        "demo": [gettext("Demo"), "info"],
        "development": [gettext("Development"), "warning"],
        "test": [gettext("Test"), "danger"],
    }
    return labels.get(settings.ENVIRONMENT)
