"""The admin site: unfold's, open to platform superusers."""

from collections.abc import Callable
from typing import Any

from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.contrib.admin.apps import AdminConfig
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from unfold.sites import UnfoldAdminSite

# The theme runs Alpine, which compiles expressions and sets inline styles.
ADMIN_CSP: dict[str, Any] = {
    "default-src": [SELF],
    "script-src": [SELF, UNSAFE_EVAL, UNSAFE_INLINE],
    "style-src": [SELF, UNSAFE_INLINE],
    # A tenant's bucket may be anywhere.
    "img-src": [SELF, "data:", "blob:", "https:", "http:"],
    "media-src": [SELF, "https:", "http:"],
    "object-src": [NONE],
    "base-uri": [SELF],
    "form-action": [SELF],
    "frame-ancestors": [NONE],
}


class ArvAdminSite(UnfoldAdminSite):
    """Only superusers may enter: nobody of one company can reach the rows of another."""

    def has_permission(self, request: HttpRequest) -> bool:
        return request.user.is_active and request.user.is_superuser

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        guarded: Callable[..., Any] = csp_replace(ADMIN_CSP)(super().admin_view(view, cacheable))
        return guarded

    @method_decorator(csp_replace(ADMIN_CSP))
    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        response: HttpResponse = super().login(request, extra_context)
        return response


class ArvAdminConfig(AdminConfig):
    default_site = "arv.admin_site.ArvAdminSite"
