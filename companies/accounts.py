"""Finding the account that a person means, and the links that let them set its password."""

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.db.models import Q
from django.urls import reverse
from django.utils.http import int_to_base36

from companies.models import User


def accounts_with_email(email: str) -> list[User]:
    """The users with this e-mail address, whatever its case; oldest first."""
    email = email.strip()
    if not email:
        return []
    # Compared here again: a database may hold letters for equal that lead to another mailbox.
    return [
        user
        for user in User.objects.filter(email__iexact=email).order_by("pk")
        if user.email.lower() == email.lower()
    ]


def accounts_named(name: str) -> list[User]:
    """The users who may sign in with `name`, their username or e-mail address; oldest first."""
    name = name.strip()
    if not name:
        return []
    return [
        user
        for user in User.objects.filter(Q(email__iexact=name) | Q(username__iexact=name)).order_by(
            "pk"
        )
        if name.lower() in {user.email.lower(), user.username.lower()}
    ]


class PasswordTokens(PasswordResetTokenGenerator):
    """Tokens that a log-out everywhere and a switched-off account make worthless."""

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        known = super()._make_hash_value(user, timestamp)
        return f"{known}{user.session_epoch}{user.is_active}"

    def check_token(self, user: User | None, token: str | None) -> bool:
        return user is not None and user.is_active and super().check_token(user, token)


def password_url(user: User) -> str:
    """Where the user may set a new password, once and for `PASSWORD_RESET_TIMEOUT` seconds.

    On the platform's own address: what a request calls its host proves nothing.
    """
    path = reverse(
        "account_reset_password_from_key",
        kwargs={"uidb36": int_to_base36(user.pk), "key": PasswordTokens().make_token(user)},
    )
    return f"{settings.PUBLIC_URL}{path}"


def sign_in_url() -> str:
    return f"{settings.PUBLIC_URL}{reverse(settings.LOGIN_URL)}"
