"""Who may act: users, their membership of companies, and the tokens of API clients."""

import hashlib
import hmac
import secrets
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from arv.lib.schema import one_of
from companies.models.ownership import audited

if TYPE_CHECKING:
    from companies.models.company import Company


class Role(models.TextChoices):
    OWNER = "owner", _("owner")
    EDITOR = "editor", _("editor")
    VIEWER = "viewer", _("viewer")

    @property
    def rank(self) -> int:
        """A higher role may do all that a lower one may."""
        return [Role.VIEWER, Role.EDITOR, Role.OWNER].index(self)


class User(AbstractUser):
    """A person. Superusers see every company; everyone else only those they are a member of."""

    session_epoch = models.PositiveIntegerField(default=0, editable=False)

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        # Django checks it with every request: another epoch ends every session of the user.
        salt = f"companies.models.User.session.{self.session_epoch}"
        return salted_hmac(salt, self.password, secret=secret, algorithm="sha256").hexdigest()

    def log_out_everywhere(self) -> None:
        """End every session of the user, in every browser."""
        User.objects.filter(pk=self.pk).update(session_epoch=models.F("session_epoch") + 1)
        self.refresh_from_db(fields=["session_epoch"])


class MembershipQuerySet(models.QuerySet["Membership"]):
    def of_email(self, company: "Company", email: str) -> "MembershipQuerySet":
        """The membership of whoever signs in with that address."""
        person = models.Q(user__email__iexact=email) | models.Q(user__username__iexact=email)
        return self.filter(person, company=company)


class Membership(models.Model):
    company_path: ClassVar = "company"

    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="memberships", verbose_name=_("user")
    )
    company = models.ForeignKey(
        "companies.Company",
        on_delete=models.CASCADE,
        related_name="memberships",
        verbose_name=_("company"),
    )
    role = models.CharField(_("role"), max_length=10, choices=Role, default=Role.VIEWER)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = MembershipQuerySet.as_manager()
    history = audited()

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["user", "company"],
                name="%(app_label)s_%(class)s_unique_user_company",
                violation_error_message=_("This user is already a member of the company."),
            ),
            one_of("role", Role),
        ]

    def __str__(self) -> str:
        # Not the name they sign in with: that is between them and the platform.
        person = self.user.email or self.user.username
        return f"{person} · {self.company} · {self.get_role_display()}"


class TokenScope(models.TextChoices):
    """The most that a token may do, whatever its user may."""

    READ = "read", _("read")
    WRITE = "write", _("work on contents")
    MANAGE = "manage", _("manage companies, members and storage")


HIGHEST_ROLES = {
    TokenScope.READ: Role.VIEWER,
    TokenScope.WRITE: Role.EDITOR,
    TokenScope.MANAGE: Role.OWNER,
}


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def usable(self, now: datetime) -> "ApiTokenQuerySet":
        """Tokens that still open the API at `now`."""
        return self.filter(
            models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=now),
            revoked_at__isnull=True,
            user__is_active=True,
        )

    def matching(self, key: str) -> "ApiTokenQuerySet":
        return self.filter(digest=ApiToken.digest_of(key))


class ApiToken(models.Model):
    """A key of an API client. It acts as its user, within one company when `company` is set.

    The key is `arv_<prefix>_<secret>` with 32 random bytes; only its HMAC-SHA256 under
    `API_TOKEN_PEPPER` is stored, so a stolen database opens nothing.
    """

    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="api_tokens", verbose_name=_("user")
    )
    company = models.ForeignKey(
        "companies.Company",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="api_tokens",
        verbose_name=_("company"),
        help_text=_("Limits the token to one company; empty: every company of the user."),
    )
    name = models.CharField(_("name"), max_length=100)
    scope = models.CharField(
        _("scope"), max_length=10, choices=TokenScope, default=TokenScope.WRITE
    )
    prefix = models.CharField(_("prefix"), max_length=8, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used at"), null=True, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    company_path: ClassVar = "company"
    objects = ApiTokenQuerySet.as_manager()
    history = audited("digest", "last_used_at")

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        constraints: ClassVar[list[models.BaseConstraint]] = [one_of("scope", TokenScope)]

    def __str__(self) -> str:
        return f"{self.name} (arv_{self.prefix}_…)"

    @property
    def highest_role(self) -> Role:
        return HIGHEST_ROLES[TokenScope(self.scope)]

    @staticmethod
    def digest_of(key: str) -> str:
        return hmac.new(
            settings.API_TOKEN_PEPPER.encode(), key.encode(), hashlib.sha256
        ).hexdigest()

    def renew_key(self) -> str:
        """Give the token a new key and return it: the only time that it can be seen."""
        self.prefix = secrets.token_hex(4)
        key = f"arv_{self.prefix}_{secrets.token_urlsafe(32)}"
        self.digest = self.digest_of(key)
        return key

    @classmethod
    def issue(cls, **fields: Any) -> tuple["ApiToken", str]:
        """Create a token; returns it with its key."""
        token = cls(**fields)
        key = token.renew_key()
        token.save()
        return token, key
