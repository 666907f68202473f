"""API tokens: who may issue which, and taking them back."""

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from companies.models import ApiToken, Role, TokenScope, User
from companies.tenancy import Access


def issue_token(
    *, access: Access, issuer: ApiToken | None, user: User, scope: str, **fields: Any
) -> tuple[ApiToken, str]:
    """A token for `user`, and its key: the only time that it can be seen.

    Only the platform's staff issue tokens for others, or beyond a single company; anyone else for
    a company of which they are an owner. A token that issues one (`issuer`) never issues a wider
    or a longer one than itself. Raises ValidationError.
    """
    company, expires_at = fields.get("company"), fields.get("expires_at")
    if not access.manages_platform:
        if user != access.user:
            raise ValidationError({"user": _("Issue tokens for yourself.")})
        if company is None:
            raise ValidationError({"company": _("Choose one of your companies.")})
        if not access.may(company, Role.OWNER):
            raise ValidationError({"company": _("Only its owners issue tokens for a company.")})
    if issuer is not None:
        if ApiToken(scope=scope).highest_role.rank > issuer.highest_role.rank:
            raise ValidationError({"scope": _("A token cannot issue one that may do more.")})
        if issuer.expires_at is not None:
            if expires_at is not None and expires_at > issuer.expires_at:
                raise ValidationError({"expires_at": _("A token cannot issue one that lasts.")})
            fields["expires_at"] = expires_at or issuer.expires_at
    return ApiToken.issue(user=user, scope=TokenScope(scope), **fields)


def revoke_token(token: ApiToken, *, now: datetime) -> None:
    """End a token for good. Its row stays, for the record."""
    if token.revoked_at is None:
        token.revoked_at = now
        token.save(update_fields=["revoked_at"])
