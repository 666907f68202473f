"""How the admin's theme is set up: its names, its colours, and who fills its parts."""

from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "ARV",
    "SITE_HEADER": "ARV",
    "SITE_SYMBOL": "view_in_ar",
    # The address itself leads back to the admin.
    "SITE_URL": None,
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda _request: static("viewer/icon.svg"),
        }
    ],
    "SHOW_LANGUAGES": True,
    "ENVIRONMENT": "arv.navigation.environment",
    "DASHBOARD_CALLBACK": "analytics.admin.front_page.dashboard",
    "SIDEBAR": {"show_search": True, "navigation": "arv.navigation.sidebar"},
    "ACCOUNT": {
        "navigation": [
            {"title": _("Two-factor sign-in"), "link": reverse_lazy("mfa_index")},
            {"title": _("Change password"), "link": reverse_lazy("account_change_password")},
        ]
    },
    "STYLES": [
        lambda _request: static("admin/arv.css"),
        lambda _request: static("admin/pages.css"),
    ],
    # Texts of at least 4.5 : 1 on the grounds that the theme puts them on.
    "COLORS": {
        "primary": {
            "50": "#eef1ff",
            "100": "#e0e5ff",
            "200": "#c7d0ff",
            "300": "#a9b6ff",
            "400": "#8da2ff",
            "500": "#8494fb",
            "600": "#4a50e0",
            "700": "#3d3fc4",
            "800": "#34379e",
            "900": "#30367d",
            "950": "#1d1f49",
        },
        "font": {
            "subtle-light": "var(--color-base-600)",
            "subtle-dark": "var(--color-base-300)",
        },
    },
}
