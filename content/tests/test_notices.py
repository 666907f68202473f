"""Notices in the back office: what a letter says, who has one sent again, and who tests the way."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from django.utils import timezone, translation
from pytest_django import DjangoCaptureOnCommitCallbacks
from pytest_django.fixtures import Settings

from companies.models import Company, Membership, Role, User
from companies.tests.conftest import PostOffice, post_office_at
from content import notifications
from content.models import Delivery, Notification
from content.tests.test_content_screens import NOTICES, add_notice, body, last_message

pytestmark = pytest.mark.django_db

ADDRESS = "office@example.org"
BUTTON = "send-again/"
TEST = f"{NOTICES}test/"


@pytest.fixture
def notice(company: Company) -> Notification:
    Company.objects.filter(pk=company.pk).update(contact_email=ADDRESS)
    company.refresh_from_db()
    notice = add_notice(company, subject="Ends soon", message="First line\nsecond <b>")
    Delivery.objects.create(notification=notice, channel="email")
    return notice


@pytest.fixture
def office() -> Iterator[PostOffice]:
    with post_office_at("memory://") as office:
        yield office


def deliver(notice: Notification) -> bool:
    sent = notifications.deliver(notice.deliveries.get().pk, now=timezone.now())
    notice.refresh_from_db()
    return sent


def test_a_letter_holds_the_notice_as_stored_and_goes_once(notice: Notification) -> None:
    Company.objects.update(language="ru")
    assert deliver(notice)
    assert (notice.email_sent, notice.email_error) == (True, "")
    assert notice.email_sent_at is not None
    assert not deliver(notice)
    [letter] = mail.outbox
    assert isinstance(letter, EmailMultiAlternatives)
    assert (letter.to, letter.subject) == ([ADDRESS], "Ends soon")
    assert "First line\nsecond <b>" in str(letter.body)
    html = str(letter.alternatives[0][0])
    assert "First line<br>second &lt;b&gt;" in html
    assert '<html lang="ru">' in html


def test_a_subject_of_two_lines_makes_no_header_of_its_own(notice: Notification) -> None:
    Notification.objects.update(subject="Ends\r\nBcc: all@example.org")
    assert deliver(notice)
    assert mail.outbox[0].recipients() == [ADDRESS]


def test_an_address_that_is_gone_is_a_reason_in_the_readers_language(notice: Notification) -> None:
    Company.objects.update(contact_email="")
    assert not deliver(notice)
    assert notice.email_error == notifications.NO_ADDRESS
    assert notice.deliveries.get().state == "failed"
    with translation.override("en"):
        assert notice.email_reason == "The company has no address for it any more."
    assert mail.outbox == []


@pytest.mark.parametrize("way", ["action", "button"])
def test_an_editor_has_it_sent_again(
    client: Client,
    editor: User,
    notice: Notification,
    office: PostOffice,
    way: str,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    Delivery.objects.update(state="failed", attempts=1)
    Notification.objects.update(email_error="550 no such user")
    client.force_login(editor)
    page = f"{NOTICES}{notice.pk}/"
    assert f'formaction="{page}{BUTTON}"' in body(client, f"{page}change/")
    with django_capture_on_commit_callbacks(execute=True):
        if way == "action":
            client.post(NOTICES, {"action": "send_again", "_selected_action": [notice.pk]})
        else:
            client.post(page + BUTTON)
    notice.refresh_from_db()
    assert (notice.email_sent, notice.email_error) == (False, "")
    assert office.deliver() == 1
    notice.refresh_from_db()
    assert notice.email_sent
    assert len(mail.outbox) == 1


def test_viewers_and_strangers_have_nothing_sent(
    client: Client,
    viewer: User,
    stranger: User,
    editor: User,
    stranger_company: Company,
    notice: Notification,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    Notification.objects.update(email_sent=True, email_error="untouched")
    Membership.objects.create(user=editor, company=stranger_company, role=Role.VIEWER)
    foreign = add_notice(stranger_company, email_error="untouched")
    chosen = {"action": "send_again", "_selected_action": [notice.pk]}
    button = f"{NOTICES}{notice.pk}/{BUTTON}"
    with django_capture_on_commit_callbacks() as messages:
        client.force_login(viewer)
        assert "formaction" not in body(client, f"{NOTICES}{notice.pk}/change/")
        assert client.post(button).status_code == 403
        client.post(NOTICES, chosen)
        client.force_login(stranger)
        assert client.post(button).status_code == 404
        client.post(NOTICES, chosen)
        # An editor here who only reads there.
        client.force_login(editor)
        assert client.post(f"{NOTICES}{foreign.pk}/{BUTTON}").status_code == 403
        client.post(NOTICES, {**chosen, "_selected_action": [foreign.pk]})
        assert client.get(button).status_code == 405
    assert messages == []
    assert set(Notification.objects.values_list("email_error", flat=True)) == {"untouched"}


def test_owners_test_the_way_to_their_own_company(
    client: Client,
    owner: User,
    company: Company,
    stranger_company: Company,
    office: PostOffice,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    client.force_login(owner)
    assert TEST in body(client, NOTICES)
    page = body(client, TEST)
    assert company.name in page
    assert stranger_company.name not in page
    assert "no address" in body_of(client, company.pk)
    Company.objects.update(contact_email=ADDRESS)
    for forged in (stranger_company.pk, "x", 10**30, ""):
        assert client.post(TEST, {"company": forged}).status_code == 200
    assert not Notification.objects.exists()
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post(TEST, {"company": company.pk}).url == NOTICES  # type: ignore[attr-defined]
    assert office.deliver() == 1
    assert mail.outbox[0].to == [ADDRESS]
    assert Notification.objects.get().company == company


def body_of(client: Client, pk: int) -> str:
    return client.post(TEST, {"company": pk}).content.decode()


@pytest.mark.parametrize("person", ["editor", "viewer"])
def test_who_may_not_set_the_address_tests_nothing(
    client: Client, person: str, request: pytest.FixtureRequest
) -> None:
    client.force_login(request.getfixturevalue(person))
    assert TEST not in body(client, NOTICES)
    assert client.get(TEST).status_code == client.post(TEST).status_code == 403


def test_people_have_no_more_than_so_many_sent_in_an_hour(
    client: Client, owner: User, editors: Client, notice: Notification
) -> None:
    notices = [add_notice(notice.company, subject=f"Notice {number}") for number in range(22)]
    client.force_login(owner)
    chosen = [one.pk for one in notices]
    answer = client.post(NOTICES, {"action": "send_again", "_selected_action": chosen})
    said = [str(message) for message in get_messages(answer.wsgi_request)]
    assert len(said) == 2
    assert "20 notices" in said[0]
    assert "20 messages" in said[1]
    assert Delivery.objects.exclude(notification=notice).count() == 20
    refused = client.post(TEST, {"company": notice.company_id})
    assert "20 notices" in last_message(refused)
    conflict = editors.post(f"/api/notifications/{notice.pk}/resend")
    assert (conflict.status_code, conflict.json()["code"]) == (409, "too_many_notices")
    assert Delivery.objects.exclude(notification=notice).count() == 20
    assert Notification.objects.count() == 23


def test_what_waits_is_tried_at_once_and_keeps_its_message_id(
    notice: Notification, settings: Settings
) -> None:
    way = notice.deliveries.get()
    later = timezone.now() + timedelta(hours=5)
    Delivery.objects.update(attempts=3, due_at=later)
    assert notifications.resend(notice, now=timezone.now()) == 1
    assert notice.deliveries.get().pk == way.pk
    assert deliver(notice)
    assert notifications.resend(notice, now=timezone.now()) == 1
    assert deliver(notice)
    first, second = (str(letter.message()["Message-ID"]) for letter in mail.outbox)
    assert first != second
    assert first.startswith(f"<notice.{way.pk}.")


def test_the_front_page_offers_what_helps(
    client: Client, owner: User, editor: User, notice: Notification
) -> None:
    Delivery.objects.update(state="failed")
    Notification.objects.update(email_error="550 no such user")

    def fix() -> Any:
        groups = {group.key: group for group in client.get("/admin/").context["groups"]}
        return groups["notices"].problems[0].fix

    client.force_login(editor)
    assert fix().post == {"action": "send_again", "_selected_action": notice.pk}
    Company.objects.update(contact_email="")
    assert fix() is None
    client.force_login(owner)
    assert fix().url == f"/admin/companies/company/{notice.company_id}/change/"
