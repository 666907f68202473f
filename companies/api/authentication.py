"""Who calls the API: an API token, or a person with a session."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from rest_framework import authentication
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from companies.models import ApiToken, User
from companies.sign_in import second_factor

LAST_USED_EVERY = timedelta(minutes=1)


class ApiTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer arv_…`; `request.auth` becomes the token.

    An unknown, expired or revoked key and an inactive user all get the same 401.
    """

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        now = timezone.now()
        token = (
            ApiToken.objects.usable(now)
            .matching(key.strip())
            .select_related("user", "company")
            .first()
        )
        if token is None:
            raise AuthenticationFailed("The API token is not valid.")
        note_use(token, now)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class SessionAuthentication(authentication.SessionAuthentication):
    """The session of the admin, once its user has the second step that is asked of them."""

    def authenticate(self, request: Request) -> Any:
        found = super().authenticate(request)
        if found and second_factor.is_missing(found[0]):
            raise PermissionDenied(
                gettext("Set up the second step of signing in first."),
                code="second_factor_required",
            )
        return found


def note_use(token: ApiToken, now: datetime) -> None:
    """Remember that the token was used, at most once a minute: not a write for each request."""
    if token.last_used_at is None or token.last_used_at < now - LAST_USED_EVERY:
        ApiToken.objects.filter(
            Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - LAST_USED_EVERY), pk=token.pk
        ).update(last_used_at=now)
