"""Checks passwords: by username, and by an e-mail address in any case."""

from allauth.account.auth_backends import AuthenticationBackend

from companies.accounts import accounts_with_email
from companies.models import User


class PasswordBackend(AuthenticationBackend):
    def _authenticate_by_email(self, email: str, password: str) -> User | None:
        # allauth's own look-up finds lower-case addresses only.
        for user in accounts_with_email(email):
            if self._check_password(user, password):
                return user
        return None
