"""Only the pages in use: sign-up and the management of e-mail addresses do not exist."""

from collections.abc import Callable
from typing import Any

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from csp.constants import SELF
from csp.decorators import csp_replace
from django.http import HttpResponseBase
from django.urls import URLPattern, path, register_converter
from django.urls.converters import StringConverter
from django.views.decorators.cache import never_cache
from django.views.generic import RedirectView
from django.views.i18n import set_language

from companies.sign_in.views import PasswordLinkView, SetUpSecondStepView


class Base36(StringConverter):
    regex = "[0-9a-z]+"


register_converter(Base36, "base36")


def page(
    route: str, view: Callable[..., HttpResponseBase], name: str, **sources: list[str]
) -> URLPattern:
    """A page that nobody keeps a copy of, whose forms lead here alone."""
    policy: dict[str, Any] = {"form-action": [SELF], **sources}
    return path(route, csp_replace(policy)(never_cache(view)), name=name)


urlpatterns = [
    page("login/", account.login, "account_login"),
    page("logout/", account.logout, "account_logout"),
    page("inactive/", account.account_inactive, "account_inactive"),
    page("reauthenticate/", account.reauthenticate, "account_reauthenticate"),
    page("password/change/", account.password_change, "account_change_password"),
    # Whoever has no password gets one by e-mail.
    path(
        "password/set/",
        RedirectView.as_view(pattern_name="account_reset_password"),
        name="account_set_password",
    ),
    page("password/reset/", PasswordLinkView.as_view(), "account_reset_password"),
    page("password/reset/done/", account.password_reset_done, "account_reset_password_done"),
    page(
        "password/reset/key/done/",
        account.password_reset_from_key_done,
        "account_reset_password_from_key_done",
    ),
    page(
        "password/reset/key/<base36:uidb36>-<str:key>/",
        account.password_reset_from_key,
        "account_reset_password_from_key",
    ),
    page("2fa/", mfa.index, "mfa_index"),
    page("2fa/authenticate/", mfa.authenticate, "mfa_authenticate"),
    page("2fa/reauthenticate/", mfa.reauthenticate, "mfa_reauthenticate"),
    page(
        "2fa/totp/activate/",
        SetUpSecondStepView.as_view(),
        "mfa_activate_totp",
        # The QR code with the secret never leaves the page.
        **{"img-src": [SELF, "data:"]},
    ),
    page("2fa/totp/deactivate/", totp.deactivate_totp, "mfa_deactivate_totp"),
    page("2fa/recovery-codes/", recovery_codes.view_recovery_codes, "mfa_view_recovery_codes"),
    page(
        "2fa/recovery-codes/generate/",
        recovery_codes.generate_recovery_codes,
        "mfa_generate_recovery_codes",
    ),
    page(
        "2fa/recovery-codes/download/",
        recovery_codes.download_recovery_codes,
        "mfa_download_recovery_codes",
    ),
    path("language/", set_language, name="set_language"),
]
