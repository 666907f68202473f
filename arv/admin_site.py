"""The admin site: unfold's, open to superusers and to the members of companies."""

from collections.abc import Callable
from typing import Any

from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from unfold.sites import UnfoldAdminSite

from arv import admin_search
from companies.sign_in import second_factor
from companies.sign_in.views import no_company
from companies.tenancy import access_of

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
    """What somebody finds inside is decided by each page, by the roles in the companies."""

    def has_permission(self, request: HttpRequest) -> bool:
        return access_of(request).may_somewhere() and not second_factor.is_missing(request.user)

    def get_urls(self) -> list[URLPattern]:
        # Django's redirect by content type and id answers for every row of the platform, and
        # tells the secret address of a content.
        urls = super().get_urls()
        return [one for one in urls if getattr(one, "name", "") != "view_on_site"]

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        guarded: Callable[..., Any] = csp_replace(ADMIN_CSP)(super().admin_view(view, cacheable))
        return guarded

    @method_decorator(csp_replace(ADMIN_CSP))
    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """No page of its own: leads to the sign-in, or to where somebody signed in belongs."""
        asked = request.GET.get(REDIRECT_FIELD_NAME, "")
        if not url_has_allowed_host_and_scheme(asked, allowed_hosts=None):
            asked = reverse("admin:index", current_app=self.name)
        if not request.user.is_authenticated:
            return redirect_to_login(asked)
        if not access_of(request).may_somewhere():
            return no_company(request)
        if second_factor.is_missing(request.user):
            return redirect("mfa_activate_totp")
        return redirect(asked)

    def search(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return admin_search.search(self, request)

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page with the limit on attempts."""
        return redirect("account_change_password")
