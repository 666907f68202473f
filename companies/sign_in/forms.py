"""The forms of the sign-in pages."""

import hashlib
import logging
from collections.abc import Callable
from typing import Any

from allauth.account import forms as account_forms
from allauth.mfa import app_settings as mfa_settings
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import forms as mfa_forms
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from companies import tasks

logger = logging.getLogger(__name__)


class LoginForm(account_forms.LoginForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        login, password = self.fields["login"], self.fields["password"]
        login.label = _("Username or e-mail address")
        login.widget.attrs = {
            "autocomplete": "username",
            "autocapitalize": "none",
            "spellcheck": "false",
            "autofocus": True,
        }
        password.widget.attrs.pop("placeholder")
        password.help_text = ""


class NoLetters(Exception):
    """Nothing can be sent at the moment."""


class PasswordLinkForm(account_forms.ResetPasswordForm):
    """Asks for a link by e-mail. The worker looks for the account, so that neither the answer nor
    the time it takes tells whether there is one.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = _("E-mail address")
        self.fields["email"].widget.attrs.pop("placeholder")

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        return email

    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        """Raises NoLetters when the broker is away."""
        email: str = self.cleaned_data["email"]
        if not tasks.hand_over(tasks.send_password_links, email, translation.get_language()):
            raise NoLetters
        return email


class CodeForm(mfa_forms.AuthenticateForm):
    def clean_code(self) -> str:
        return _good_once(self, super().clean_code)


class ConfirmCodeForm(mfa_forms.ReauthenticateForm):
    def clean_code(self) -> str:
        return _good_once(self, super().clean_code)


def _good_once(form: Any, clean: Callable[[], str]) -> str:
    """The code that `clean` accepts, unless it has been used before; a wrong one is logged."""
    try:
        code = clean()
        if form.authenticator.type == Authenticator.Type.TOTP and _is_used_up(form.user.pk, code):
            raise get_adapter().validation_error("incorrect_code")
    except ValidationError:
        logger.warning("sign-in failed: wrong code for user %s", form.user.pk)
        raise
    return code


def _is_used_up(user_pk: int, code: str) -> bool:
    # allauth forgets a used code after one period, while it accepts the neighbouring ones too.
    seconds = mfa_settings.TOTP_PERIOD * (2 * mfa_settings.TOTP_TOLERANCE + 1)
    digits = "".join(filter(str.isdigit, code))
    digest = hashlib.sha256(digits.encode()).hexdigest()
    return not cache.add(f"used-code:{user_pk}:{digest}", 1, timeout=seconds)
