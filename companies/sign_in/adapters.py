"""What the platform decides for django-allauth."""

import logging
import math
import time
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.internal import ratelimit
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from redis.exceptions import RedisError

from arv.lib import encryption
from arv.lib.client_ip import client_ip
from companies.accounts import accounts_named
from companies.models import User
from companies.sign_in import second_factor

logger = logging.getLogger(__name__)

APP, FAILURES = "allauth.account", "login_failed"


class AccountAdapter(DefaultAccountAdapter):
    """No sign-up; failures are counted for each account, whichever of its names was typed."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": _("This username and password do not belong together."),
        "email_password_mismatch": _("This e-mail address and password do not belong together."),
        "sign_in_unavailable": _("Nobody can sign in at the moment. Try again in a minute."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def is_safe_url(self, url: str) -> bool:
        """Only a path of this site: a link to the login must not lead elsewhere."""
        return url_has_allowed_host_and_scheme(url, allowed_hosts=None)

    def is_ajax(self, request: HttpRequest) -> bool:
        """Nobody but browsers signs in here; programs have tokens."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_ip(request) or "unknown"

    def set_password(self, user: User, password: str) -> None:
        user.set_password(password)
        user.save(update_fields=["password"])
        self.forget_failures(user)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        try:
            super().pre_authenticate(request, **credentials)
        except (RedisError, OSError) as error:
            # Closed, not open: without the counters every password could be tried.
            logger.exception("sign-in refused: the cache does not answer")
            raise self.validation_error("sign_in_unavailable") from error
        except ValidationError:
            name = self._get_login_attempts_cache_key(request, **credentials)
            logger.warning("sign-in refused: too many failures of %s", self._who(request, name))
            raise

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        # Never the typed name of nobody's account: people type their password there.
        name = self._get_login_attempts_cache_key(request, **credentials)
        logger.warning("sign-in failed: wrong password for %s", self._who(request, name))

    def validation_error(self, code: str, *args: Any) -> ValidationError:
        if code not in {"too_many_login_attempts", "rate_limited"}:
            error: ValidationError = super().validation_error(code, *args)
            return error
        minutes = math.ceil(self._seconds_to_wait() / 60)
        text = ngettext(
            "Too many failed attempts. Try again in %(minutes)d minute.",
            "Too many failed attempts. Try again in %(minutes)d minutes.",
            minutes,
        )
        return ValidationError(text % {"minutes": minutes}, code=code)

    def forget_failures(self, user: User) -> None:
        """Whoever has just set the password need not wait for the cool-off."""
        for rate in _failure_rates():
            if rate.per == "key":
                cache.delete(_counter(self.request, rate, f"user {user.pk}"))

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        name = credentials.get("username") or credentials.get("email") or ""
        accounts = accounts_named(name)
        # One of an account's names must not open a second row of attempts.
        key = f"user {accounts[0].pk}" if accounts else f"nobody {name.strip().lower()}"
        self._attempts_of = key
        return key

    def _who(self, request: HttpRequest, key: str) -> str:
        account = key if key.startswith("user ") else "an unknown account"
        return f"{account} from {self.get_client_ip(request)}"

    def _seconds_to_wait(self) -> float:
        """Until the oldest failure no longer counts; the whole cool-off when that is not known."""
        rates = _failure_rates()
        key = getattr(self, "_attempts_of", None)
        waits = [
            attempts[-1] + rate.duration - time.time()
            for rate in rates
            if key is not None or rate.per == "ip"
            for attempts in [cache.get(_counter(self.request, rate, key), [])]
            if len(attempts) >= rate.amount
        ]
        cool_off = max((rate.duration for rate in rates if rate.per == "key"), default=60)
        return max(waits, default=cool_off)


def _failure_rates() -> list[ratelimit.Rate]:
    rates: list[ratelimit.Rate] = ratelimit.get_rates(app=APP, action=FAILURES)
    return rates


def _counter(request: HttpRequest, rate: ratelimit.Rate, key: str | None) -> str:
    name: str = ratelimit.get_cache_key(request, app=APP, action=FAILURES, rate=rate, key=key)
    return name


class SecondStepAdapter(DefaultMFAAdapter):
    """The authenticator's secrets are stored encrypted."""

    def encrypt(self, text: str) -> str:
        return encryption.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return encryption.decrypt(encrypted_text)

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        return not second_factor.is_required_of(authenticator.user)
