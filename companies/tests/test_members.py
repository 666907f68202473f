"""Who joins and leaves a company, what they are told, and how an account is switched off."""

import re
import threading
from collections.abc import Callable

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.test import Client
from django.utils import translation
from pytest_django import DjangoCaptureOnCommitCallbacks
from pytest_django.fixtures import Settings

from companies import people
from companies.limits import LimitReached
from companies.models import Company, Membership, Role, User
from companies.tests.conftest import PostOffice
from companies.tests.factories import PASSWORD, MembershipFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_failures")]
Invite = Callable[..., Membership]

NEW = "New.Person@example.com"


@pytest.fixture
def invite(
    company: Company,
    owner: User,
    post_office: PostOffice,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> Invite:
    def invite(email: str, role: Role = Role.EDITOR, language: str = "en") -> Membership:
        with (
            translation.override(language),
            django_capture_on_commit_callbacks(execute=True),
        ):
            made = people.invite(email=email, company=company, role=role, invited_by=owner)
        post_office.deliver()
        return made

    return invite


def link_in(letter: mail.EmailMessage) -> str:
    found = re.search(r"https?://\S+", str(letter.body))
    assert found, letter.body
    return found[0]


def test_somebody_new_gets_an_account_and_a_link_to_set_a_password(
    invite: Invite, company: Company, owner: User, settings: Settings
) -> None:
    settings.PUBLIC_URL = "https://ar.example.org"
    made = invite(NEW)
    assert (made.user.username, made.user.email) == ("new.person@example.com",) * 2
    assert not made.user.has_usable_password()
    assert made.user.is_staff
    assert not made.user.is_superuser
    assert (made.company, made.role) == (company, Role.EDITOR)
    assert made.history.get().history_user == owner
    [letter] = mail.outbox
    assert isinstance(letter, mail.EmailMultiAlternatives)
    assert letter.to == ["new.person@example.com"]
    assert company.name in letter.subject
    assert link_in(letter).startswith("https://ar.example.org/account/password/reset/key/")
    [(html, kind)] = letter.alternatives
    assert kind == "text/html"
    assert link_in(letter) in str(html)


def test_the_invited_set_a_password_and_sign_in_with_it(invite: Invite, settings: Settings) -> None:
    invite(NEW)
    client = Client()
    form = client.get(link_in(mail.outbox[0]).removeprefix(settings.PUBLIC_URL), follow=True)
    assert form.status_code == 200
    chosen = {"password1": "a rather long password", "password2": "a rather long password"}
    done = client.post(form.request["PATH_INFO"], chosen, follow=True)
    assert done.status_code == 200
    login = {"login": NEW, "password": "a rather long password"}
    assert client.post("/account/login/", login).headers["Location"] == "/admin/"
    assert "_auth_user_id" in client.session
    again = Client().get(link_in(mail.outbox[0]).removeprefix(settings.PUBLIC_URL), follow=True)
    assert "password1" not in again.content.decode()


def test_somebody_known_gets_a_notice_and_keeps_the_account(invite: Invite, stranger: User) -> None:
    made = invite(stranger.email.upper())
    assert made.user == stranger
    assert made.user.check_password(PASSWORD)
    [letter] = mail.outbox
    assert letter.to == [stranger.email]
    assert link_in(letter).endswith("/account/login/")
    assert User.objects.count() == 2


def test_a_username_that_is_the_address_counts_too(invite: Invite) -> None:
    known = UserFactory.create(username="new.person@example.com", email="other@example.com")
    assert invite(NEW).user == known
    assert mail.outbox[0].to == ["other@example.com"]


def test_an_address_that_only_looks_the_same_is_somebody_else(invite: Invite) -> None:
    mike = UserFactory.create(username="mike", email="mike@example.com")
    # Upper case makes the dotless ı an I, which some databases take for the same.
    made = invite("m\u0131ke@example.com")
    assert made.user != mike


def test_the_letter_speaks_the_inviters_language(invite: Invite) -> None:
    invite(NEW, language="ru")
    assert '<html lang="ru">' in mail.outbox[0].message().as_string()


def test_a_member_is_not_invited_again_and_keeps_the_role(invite: Invite) -> None:
    first = invite(NEW, Role.VIEWER)
    with pytest.raises(people.AlreadyMember):
        invite(NEW.lower(), Role.OWNER)
    assert Membership.objects.get(pk=first.pk).role == Role.VIEWER
    assert User.objects.filter(email__iexact=NEW).count() == 1
    assert len(mail.outbox) == 1


@pytest.mark.parametrize("email", ["", "nobody", "a@b", "a b@example.com"])
def test_only_an_address_can_be_invited(invite: Invite, email: str) -> None:
    with pytest.raises(ValidationError):
        invite(email)
    assert mail.outbox == []


def test_a_long_address_gets_another_username(invite: Invite) -> None:
    email = f"{'a' * 60}@{'b' * 60}.{'c' * 60}.example.com"
    made = invite(email)
    assert made.user.email == email
    assert len(made.user.username) <= 150
    with pytest.raises(people.AlreadyMember):
        invite(email)


def test_a_switched_off_account_is_told_nothing_and_stays_off(
    invite: Invite, stranger: User
) -> None:
    people.disable(stranger)
    made = invite(stranger.email)
    assert not User.objects.get(pk=made.user_id).is_active
    assert mail.outbox == []


def test_without_a_broker_the_member_stands_and_can_be_invited_again(
    company: Company,
    owner: User,
    closed_post_office: PostOffice,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        made = people.invite(email=NEW, company=company, role=Role.VIEWER, invited_by=owner)
    assert Membership.objects.filter(pk=made.pk).exists()
    [record] = [one for one in caplog.records if one.name == "companies.tasks"]
    assert record.levelname == "WARNING"


def test_an_invitation_can_be_sent_again(
    invite: Invite,
    post_office: PostOffice,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    made = invite(NEW)
    with django_capture_on_commit_callbacks(execute=True):
        people.resend_invitation(made)
    post_office.deliver()
    assert [letter.to for letter in mail.outbox] == [[made.user.email]] * 2


def test_nobody_is_buried_in_invitations(invite: Invite, company: Company, owner: User) -> None:
    made = invite(NEW)
    for _letter in range(people.LETTERS_PER_HOUR["address"] - 1):
        people.resend_invitation(made)
    # Out and in again is no way around it.
    people.remove_member(made)
    with pytest.raises(LimitReached):
        invite(NEW.upper())
    assert Membership.objects.filter(company=company).count() == 1
    assert invite("somebody.else@example.com").company == company


def test_the_last_owner_stays_owner(company: Company, owner: User, editor: User) -> None:
    membership = Membership.objects.get(user=owner)
    for attempt in (
        lambda: people.change_role(membership, Role.VIEWER),
        lambda: people.remove_member(membership),
    ):
        with pytest.raises(people.LastOwner):
            attempt()
    assert Membership.objects.get(user=owner).role == Role.OWNER


def test_an_owner_who_cannot_sign_in_does_not_count(company: Company, owner: User) -> None:
    other = MembershipFactory.create(company=company, role=Role.OWNER)
    people.disable(other.user)
    with pytest.raises(people.LastOwner):
        people.remove_member(Membership.objects.get(user=owner))
    people.enable(other.user)
    people.remove_member(Membership.objects.get(user=owner))


def test_changing_and_removing_may_be_repeated(company: Company, owner: User, editor: User) -> None:
    membership = Membership.objects.get(user=editor)
    for _attempt in range(2):
        people.change_role(membership, Role.VIEWER, changed_by=owner)
    assert membership.history.count() == 2  # made, changed
    assert membership.history.latest().history_user == owner
    for _attempt in range(2):
        people.remove_member(membership)
    assert not company.memberships.filter(user=editor).exists()
    with pytest.raises(ValidationError):
        people.change_role(membership, Role.EDITOR)


@pytest.mark.django_db(transaction=True)
def test_of_two_owners_who_leave_at_once_one_stays(company: Company) -> None:
    first, second = MembershipFactory.create_batch(2, company=company, role=Role.OWNER)
    refused: list[people.LastOwner] = []

    def leave_too() -> None:
        try:
            people.remove_member(second)
        except people.LastOwner as error:
            refused.append(error)
        finally:
            connection.close()

    other = threading.Thread(target=leave_too)
    with transaction.atomic():
        people.remove_member(first)
        other.start()
        # Time enough to look for other owners, and to find the one who is about to be gone.
        other.join(timeout=0.5)
    other.join()
    assert len(refused) == 1
    assert list(company.memberships.filter(role=Role.OWNER)) == [second]
