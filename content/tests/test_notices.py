"""A notice's e-mail: what the letter says, who has it sent again, and what a refusal leaves."""

import contextlib
import socketserver
import threading
from collections.abc import Callable, Iterator
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from django.utils import timezone, translation
from pytest_django import DjangoCaptureOnCommitCallbacks
from pytest_django.fixtures import Settings

from companies.models import Company, Membership, Role, User
from companies.tests.conftest import PostOffice, post_office_at
from content import notifications, tasks
from content.models import Notification
from content.tests.test_content_screens import NOTICES, add_notice, body

pytestmark = pytest.mark.django_db

ADDRESS = "office@example.org"
BUTTON = "send-again/"


@pytest.fixture
def notice(company: Company) -> Notification:
    Company.objects.filter(pk=company.pk).update(contact_email=ADDRESS)
    return add_notice(company, subject="Ends soon", message="First line\nsecond <b>")


@pytest.fixture
def office() -> Iterator[PostOffice]:
    with post_office_at("memory://") as office:
        yield office


def deliver(notice: Notification) -> bool:
    sent = notifications.send_email(notice.pk, now=timezone.now())
    notice.refresh_from_db()
    return sent


class Answers(socketserver.StreamRequestHandler):
    """A mail server that takes everything, but answers each recipient from its script."""

    def handle(self) -> None:
        server: Any = self.server
        self.say("220 ready")
        for line in self.rfile:
            command = line[:4].upper()
            if command == b"DATA":
                self.say("354 go on")
                server.letters.append(b"".join(iter(self.rfile.readline, b".\r\n")))
            elif command == b"QUIT":
                self.say("221 bye")
                return
            self.say(server.script.pop(0) if command == b"RCPT" and server.script else "250 ok")

    def say(self, answer: str) -> None:
        self.wfile.write(answer.encode() + b"\r\n")


@contextlib.contextmanager
def mail_server(*script: str) -> Iterator[Any]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answers) as server:
        server.script, server.letters = list(script), []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def over_smtp(settings: Settings) -> Callable[[Any], None]:
    def use(server: Any) -> None:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False

    return use


def test_a_letter_holds_the_notice_as_stored_and_goes_once(notice: Notification) -> None:
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


def test_a_subject_of_two_lines_makes_no_header_of_its_own(notice: Notification) -> None:
    Notification.objects.update(subject="Ends\r\nBcc: all@example.org")
    assert deliver(notice)
    assert mail.outbox[0].recipients() == [ADDRESS]


def test_a_company_without_an_address_is_told_so_in_the_readers_language(
    notice: Notification,
) -> None:
    Company.objects.update(contact_email="")
    assert not deliver(notice)
    assert notice.email_error == notifications.NO_ADDRESS
    with translation.override("en"):
        assert notice.email_reason == "The company has no contact e-mail address."
    assert mail.outbox == []


def test_a_refused_recipient_is_final_and_no_secret_is_kept(
    notice: Notification, over_smtp: Callable[[Any], None], settings: Settings
) -> None:
    with mail_server("550 5.1.1 no such user, hunter2 <b>\x00") as server:
        over_smtp(server)
        settings.EMAIL_HOST_PASSWORD = "hunter2"  # not used: there is no user
        assert tasks.send_notice_email.apply(args=(notice.pk,)).get() is False
    notice.refresh_from_db()
    assert not notice.email_sent
    assert notice.email_error == "550 5.1.1 no such user, ••• <b>"


def test_a_recipient_who_is_put_off_is_tried_again_and_the_error_goes(
    notice: Notification, over_smtp: Callable[[Any], None]
) -> None:
    with mail_server("450 mailbox busy", "450 mailbox busy") as server:
        over_smtp(server)
        with pytest.raises(SMTPRecipientsRefused):
            deliver(notice)
        notice.refresh_from_db()
        assert notice.email_error == "450 mailbox busy"
        # Without a worker the retries follow each other at once.
        assert tasks.send_notice_email.apply(args=(notice.pk,)).get() is True
        assert len(server.letters) == 1
    notice.refresh_from_db()
    assert (notice.email_sent, notice.email_error) == (True, "")


def test_a_mail_server_that_is_away_is_no_words_for_a_company(
    notice: Notification, over_smtp: Callable[[Any], None]
) -> None:
    with mail_server() as server:
        over_smtp(server)
    with pytest.raises(ConnectionRefusedError):
        deliver(notice)
    notice.refresh_from_db()
    assert notice.email_error == notifications.NOT_TAKEN


@pytest.mark.parametrize("way", ["action", "button"])
def test_an_editor_has_it_sent_again(
    client: Client,
    editor: User,
    notice: Notification,
    office: PostOffice,
    way: str,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
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


def test_a_broker_that_is_away_leaves_a_reason(
    notice: Notification,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with (
        post_office_at("redis://127.0.0.1:1/0"),
        django_capture_on_commit_callbacks(execute=True),
    ):
        tasks.request_notice_email(notice)
    notice.refresh_from_db()
    assert notice.email_error == notifications.NOT_HANDED_OVER


def test_the_front_page_offers_what_helps(
    client: Client, owner: User, editor: User, notice: Notification
) -> None:
    def fix() -> Any:
        groups = {group.key: group for group in client.get("/admin/").context["groups"]}
        return groups["notices"].problems[0].fix

    client.force_login(editor)
    assert fix().post == {"action": "send_again", "_selected_action": notice.pk}
    Company.objects.update(contact_email="")
    assert fix() is None
    client.force_login(owner)
    assert fix().url == f"/admin/companies/company/{notice.company_id}/change/"
