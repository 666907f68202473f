"""Who needs a second step to sign in, and has none yet."""

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.auth.models import AnonymousUser

from companies.models import User


def is_required_of(user: User | AnonymousUser) -> bool:
    return bool(settings.MFA_REQUIRED_FOR_SUPERUSERS and user.is_superuser)


def is_missing(user: User | AnonymousUser) -> bool:
    """Whether the user may do nothing here but set up the second step."""
    return is_required_of(user) and not is_mfa_enabled(user, [Authenticator.Type.TOTP])
