"""The letters to people: invitations, and links to set a password."""

import logging
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from companies.accounts import accounts_with_email, password_url, sign_in_url
from companies.models import Membership, User

logger = logging.getLogger(__name__)


def send_invitation(membership_id: int, *, language: str) -> bool:
    """Tell a member about the company; whoever has no password yet gets a link to set one.

    Returns whether a letter was sent: a membership that is gone, an account that is switched off
    and one without an address get none.
    """
    membership = (
        Membership.objects.select_related("user", "company").filter(pk=membership_id).first()
    )
    if membership is None or not membership.user.is_active:
        return False
    user = membership.user
    with translation.override(language):
        details = {"company": membership.company.name, "role": membership.get_role_display()}
        subject = _("You are now with %(company)s on ARV") % details
        if user.has_usable_password():
            return _send(user, subject, "notice", url=sign_in_url(), **details)
        return _send(user, subject, "invitation", url=password_url(user), **details)


def send_password_links(email: str, *, language: str) -> int:
    """Send every active account with this address a link to set a new password; how many."""
    with translation.override(language):
        return sum(
            _send(user, _("A new password for ARV"), "password_link", url=password_url(user))
            for user in accounts_with_email(email)
            if user.is_active
        )


def _send(user: User, subject: str, template: str, **context: Any) -> bool:
    if not user.email:
        logger.warning("user %s has no e-mail address: no letter was sent", user.pk)
        return False
    context |= {
        "username": user.username,
        "subject": " ".join(subject.split()),
        "days": settings.PASSWORD_RESET_TIMEOUT // (24 * 3600),
    }
    letter = EmailMultiAlternatives(
        context["subject"],
        render_to_string(f"companies/email/{template}.txt", context),
        # To the address of the account: what somebody typed may only look like it.
        to=[user.email],
    )
    letter.attach_alternative(
        render_to_string(f"companies/email/{template}.html", context), "text/html"
    )
    letter.send()
    return True
