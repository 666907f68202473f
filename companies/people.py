"""Who belongs to a company, and who may sign in at all."""

import functools
import hashlib

from django.conf import settings
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from companies import tasks
from companies.accounts import accounts_named, accounts_with_email
from companies.limits import LimitReached
from companies.models import Company, Membership, Role, User
from companies.tokens import revoke_token

HOUR = 3600
LETTERS_PER_HOUR = {"company": 100, "address": 5}


class LastOwner(ValidationError):
    """The company would be left without anybody who can manage it."""


class AlreadyMember(ValidationError):
    """Somebody who works for the company is not invited to it."""


@transaction.atomic
def invite(
    *,
    email: str,
    company: Company,
    role: Role,
    invited_by: User | None,
    request: HttpRequest | None = None,
) -> Membership:
    """Make whoever has this address a member of the company, and tell them by e-mail.

    An address without an account gets one, with a link to set its password. What the caller sees
    is the same in both cases: nobody learns here who has an account. Raises ValidationError for
    what is no e-mail address, AlreadyMember, whose role stays what it is, and LimitReached for
    too many invitations.
    """
    email = email.strip()
    validate_email(email)
    Role(role)
    _lock(company)
    user = _account_for(email)
    if Membership.objects.filter(company=company, user=user).exists():
        raise AlreadyMember(
            _("This person is a member of the company already."), code="already_member"
        )
    membership = Membership(company=company, user=user, role=role)
    _by(membership, invited_by).save()
    resend_invitation(membership, request=request)
    return membership


def resend_invitation(membership: Membership, *, request: HttpRequest | None = None) -> None:
    """Send the invitation once the surrounding transaction is committed.

    Its language is the one of the request, or else of the thread. A broker that is away is a
    warning in the log: the membership stands, and the invitation can be sent again. Raises
    LimitReached for too many: else owners could have letters sent to anybody without end.
    """
    _count_letter("company", str(membership.company_id))
    _count_letter("address", membership.user.email.lower())
    language = (
        translation.get_language_from_request(request) if request else translation.get_language()
    )
    send = functools.partial(
        tasks.hand_over, tasks.send_invitation, membership.pk, language or settings.LANGUAGE_CODE
    )
    transaction.on_commit(send, robust=True)


def _count_letter(what: str, of: str) -> None:
    digest = hashlib.sha256(of.encode()).hexdigest()
    counter = f"invitations:{what}:{digest}"
    cache.add(counter, 0, HOUR)
    if cache.incr(counter) > LETTERS_PER_HOUR[what]:
        raise LimitReached(
            _("Too many invitations were sent within an hour. Try again later."),
            code="too_many_invitations",
        )


@transaction.atomic
def change_role(
    membership: Membership, role: Role, *, changed_by: User | None = None
) -> Membership:
    """Give the member another role; the same role changes nothing.

    Raises LastOwner, and ValidationError when somebody has removed the member meanwhile.
    """
    role = Role(role)
    _lock(membership.company)
    current = Membership.objects.select_related("user", "company").filter(pk=membership.pk).first()
    if current is None:
        raise ValidationError(_("This person is not a member any more."), code="gone")
    if current.role != role:
        if role != Role.OWNER:
            _keep_an_owner(current)
        current.role = role
        _by(current, changed_by).save(update_fields=["role"])
    membership.role = role
    return current


@transaction.atomic
def remove_member(membership: Membership, *, removed_by: User | None = None) -> None:
    """End the membership; one that has ended already stays so. Raises LastOwner."""
    _lock(membership.company)
    current = Membership.objects.select_related("user", "company").filter(pk=membership.pk).first()
    if current is None:
        return
    _keep_an_owner(current)
    _by(current, removed_by).delete()


def disable(user: User) -> None:
    """Switch the account off: its sessions and tokens end, and enabling it revives none."""
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(is_active=False)
        user.log_out_everywhere()
        for token in user.api_tokens.filter(revoked_at__isnull=True):
            revoke_token(token, now=timezone.now())
    user.is_active = False


@transaction.atomic
def delete_user(user: User) -> None:
    """Remove the account. Raises LastOwner, and ValidationError for the last superuser."""
    superusers = User.objects.select_for_update().filter(is_superuser=True, is_active=True)
    if user.is_superuser and not superusers.exclude(pk=user.pk).exists():
        raise ValidationError(_("This is the platform's last superuser."), code="last_superuser")
    for membership in user.memberships.select_related("company", "user"):
        _lock(membership.company)
        _keep_an_owner(membership)
    user.delete()


def enable(user: User) -> None:
    """Let the user sign in again, with a new session."""
    User.objects.filter(pk=user.pk).update(is_active=True)
    user.is_active = True


def _by(membership: Membership, user: User | None) -> Membership:
    """Name who makes the next change; without one, the history names the request's user."""
    if user is not None:
        membership._history_user = user  # type: ignore[attr-defined]
    return membership


def _lock(company: Company) -> None:
    """One change of a company's people at a time, until the transaction ends."""
    Company.objects.select_for_update(no_key=True).get(pk=company.pk)


def _keep_an_owner(membership: Membership) -> None:
    if membership.role != Role.OWNER:
        return
    others = Membership.objects.filter(
        company=membership.company_id, role=Role.OWNER, user__is_active=True
    ).exclude(pk=membership.pk)
    # Whoever has not taken up the invitation yet cannot manage anything.
    others = others.exclude(user__password__startswith=UNUSABLE_PASSWORD_PREFIX)
    if not others.exists():
        raise LastOwner(
            _("%(user)s is the last owner of %(company)s. Make somebody else an owner first."),
            code="last_owner",
            params={
                "user": membership.user.email or membership.user,
                "company": membership.company,
            },
        )


def _account_for(email: str) -> User:
    found = accounts_with_email(email) or accounts_named(email)
    if found:
        # Of several with one address, whoever can sign in.
        return next((user for user in found if user.is_active), found[0])
    address = email.lower()
    defaults = {"email": address, "is_staff": True, "password": ""}
    user, created = User.objects.get_or_create(username=_username_for(address), defaults=defaults)
    if created:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    return user


def _username_for(address: str) -> str:
    field = User._meta.get_field("username")
    try:
        field.run_validators(address)
    except ValidationError:
        # An address may be longer than a username, and have signs that one may not have.
        return f"user-{hashlib.sha256(address.encode()).hexdigest()[:16]}"
    return address
