"""Notices on their way through mail servers and Telegram that do what servers do."""

import logging
import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from companies.models import Company, User
from content import notifications, transports
from content.models import Delivery, Notification, NotificationType
from content.notifications import GAVE_UP, LEASE, MAX_ATTEMPTS, NO_BOT, WAITS, announce
from content.tests.outside import DROP, HANG, TOKEN, Outside, mail_server, refused, telegram
from content.tests.test_content_screens import NOTICES, body
from content.transports import BOT_REFUSED, MAIL_AWAY, TELEGRAM_AWAY

pytestmark = pytest.mark.django_db

ADDRESS, CHAT = "office@example.org", "-1001234"
FAST = 0.3


@pytest.fixture(autouse=True)
def fast(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.EMAIL_TIMEOUT == transports.TELEGRAM_TIMEOUT == 10
    settings.EMAIL_TIMEOUT = FAST
    settings.TELEGRAM_BOT_TOKEN = TOKEN
    monkeypatch.setattr(transports, "TELEGRAM_TIMEOUT", FAST)


@pytest.fixture
def by_mail(company: Company) -> Delivery:
    return announced(company, contact_email=ADDRESS)


@pytest.fixture
def by_telegram(company: Company) -> Delivery:
    return announced(company, telegram_chat_id=CHAT)


def announced(company: Company, **addresses: str) -> Delivery:
    Company.objects.filter(pk=company.pk).update(**addresses)
    company.refresh_from_db()
    notice = announce(NotificationType.TEST, company=company)
    assert notice
    return notice.deliveries.get()


def use(settings: Settings, outside: Outside) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = outside.address
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.TELEGRAM_API_URL = outside.url


def attempt(delivery: Delivery, now: datetime) -> tuple[str, int, timedelta | None]:
    """(state, attempts, time until the next attempt) after one more."""
    notifications.deliver(delivery.pk, now=now)
    delivery.refresh_from_db()
    delivery.notification.refresh_from_db()
    assert delivery.claimed_at is None
    waits = delivery.state == "waiting"
    return delivery.state, delivery.attempts, delivery.due_at - now if waits else None


def later(delivery: Delivery) -> datetime:
    return max(timezone.now(), delivery.due_at)


def about(wait: timedelta | None, seconds: float) -> bool:
    """The wait, counted from an answer that came within the time limit."""
    return wait is not None and seconds <= wait.total_seconds() < seconds + 3


@pytest.mark.parametrize(
    ("script", "error", "letters"),
    [
        ([("CONNECT", HANG)], MAIL_AWAY, 0),
        ([("CONNECT", DROP)], MAIL_AWAY, 0),
        ([("CONNECT", "554 not you")], MAIL_AWAY, 0),
        ([("MAIL", "550 not this sender")], MAIL_AWAY, 0),
        ([("RCPT", "450 mailbox busy")], "450 mailbox busy", 0),
        ([("DATA", "451 try later")], "451 try later", 0),
        ([("END", "452 full")], "452 full", 1),
        ([("END", HANG)], MAIL_AWAY, 1),
        ([("END", DROP)], MAIL_AWAY, 1),
    ],
)
def test_what_may_pass_at_a_mail_server_is_tried_again_as_the_same_letter(
    by_mail: Delivery, settings: Settings, script: Any, error: str, letters: int
) -> None:
    with mail_server(*script) as server:
        use(settings, server)
        state, attempts, wait = attempt(by_mail, timezone.now())
        assert (state, attempts) == ("waiting", 1)
        assert about(wait, 60)
        assert by_mail.notification.email_error == error
        assert len(server.letters) == letters
        assert notifications.deliver(by_mail.pk, now=timezone.now()) is False, "not due yet"
        assert attempt(by_mail, later(by_mail)) == ("sent", 2, None)
        assert len(server.letters) == letters + 1
        assert len(set(server.message_ids)) == 1
    notice = by_mail.notification
    assert (notice.email_sent, notice.email_error) == (True, "")
    assert notice.email_sent_at == later(by_mail)
    assert Company.objects.get(pk=notice.company_id).email_problem == ""


@pytest.mark.parametrize("stage", ["RCPT", "DATA", "END"])
def test_what_a_mail_server_refuses_stops_and_marks_the_address(
    by_mail: Delivery, settings: Settings, stage: str
) -> None:
    settings.EMAIL_HOST_PASSWORD = "hunter2"  # not used: there is no user
    with mail_server((stage, "550 5.1.1 no such user, hunter2 <b>\x00")) as server:
        use(settings, server)
        assert attempt(by_mail, timezone.now()) == ("failed", 1, None)
        company = Company.objects.get(pk=by_mail.notification.company_id)
        words = "550 5.1.1 no such user, ••• <b>"
        assert by_mail.notification.email_error == company.email_problem == words
        assert company.history.count() == 1
        assert notifications.deliver(by_mail.pk, now=timezone.now()) is False
        assert notifications.deliver_due(now=timezone.now() + timedelta(days=2)) == 0
        # The address was right after all.
        assert notifications.resend(by_mail.notification, now=timezone.now()) == 1
        again = by_mail.notification.deliveries.get()
        assert attempt(again, timezone.now()) == ("sent", 1, None)
        assert len(set(server.message_ids)) == len(server.letters)
    company.refresh_from_db()
    assert company.email_problem == ""


@pytest.mark.parametrize(
    ("answer", "error", "wait"),
    [
        (HANG, TELEGRAM_AWAY, 60),
        (DROP, TELEGRAM_AWAY, 60),
        ((500, refused("Internal"), {}), TELEGRAM_AWAY, 60),
        ((502, b"<html>bad gateway", {}), TELEGRAM_AWAY, 60),
        ((200, b"<html>sign in to this network", {}), TELEGRAM_AWAY, 60),
        ((302, b"", {"Location": f"/bot{TOKEN}/getMe"}), TELEGRAM_AWAY, 60),
        ((401, refused("Unauthorized"), {}), BOT_REFUSED, 60),
        ((404, refused("Not Found"), {}), BOT_REFUSED, 60),
        ((429, refused("Too Many Requests", retry_after=7), {}), "429 Too Many Requests", 7),
        ((429, b"slow down", {"Retry-After": "90"}), "429", 90),
        ((429, refused("-", retry_after=-1), {}), "429 -", 60),
        ((429, refused("-", retry_after="9" * 40), {}), "429 -", 24 * 3600),
    ],
)
def test_what_may_pass_at_telegram_is_tried_again_when_it_says(
    by_telegram: Delivery, settings: Settings, answer: Any, error: str, wait: float
) -> None:
    with telegram(answer) as server:
        use(settings, server)
        state, attempts, waited = attempt(by_telegram, timezone.now())
        assert (state, attempts) == ("waiting", 1)
        assert about(waited, wait)
        assert by_telegram.notification.telegram_error == error
        assert len(server.calls) == 1
        early = by_telegram.due_at - timedelta(milliseconds=1)
        assert notifications.deliver(by_telegram.pk, now=early) is False
        assert attempt(by_telegram, later(by_telegram)) == ("sent", 2, None)
        assert len(server.calls) == 2
    notice = by_telegram.notification
    assert (notice.telegram_sent, notice.telegram_error) == (True, "")
    assert Company.objects.get(pk=notice.company_id).telegram_problem == ""
    [path, sent] = server.calls[1]
    assert path == f"/bot{TOKEN}/sendMessage"
    assert sent["chat_id"] == CHAT
    link = f"{settings.PUBLIC_URL}/admin/companies/company/{notice.company_id}/change/"
    assert sent["text"] == f"{notice.subject}\n\n{notice.message}\n\n{link}"


@pytest.mark.parametrize(
    ("status", "description", "is_the_chats"),
    [
        (403, "Forbidden: bot was blocked by the user", True),
        (400, "Bad Request: chat not found", True),
        (400, "Bad Request: group chat was upgraded to a supergroup chat", True),
        (400, "Bad Request: message text is empty", False),
    ],
)
def test_what_telegram_refuses_stops_and_marks_the_chat(
    by_telegram: Delivery, settings: Settings, status: int, description: str, is_the_chats: bool
) -> None:
    with telegram((status, refused(f"{description} {TOKEN}"), {})) as server:
        use(settings, server)
        assert attempt(by_telegram, timezone.now()) == ("failed", 1, None)
        assert len(server.calls) == 1
    words = f"{status} {description} •••"
    company = Company.objects.get(pk=by_telegram.notification.company_id)
    assert by_telegram.notification.telegram_error == words
    assert company.telegram_problem == (words if is_the_chats else "")
    assert company.email_problem == ""


def test_a_day_of_failures_is_eight_attempts(by_telegram: Delivery, settings: Settings) -> None:
    with telegram(*[(503, b"", {})] * 9) as server:
        use(settings, server)
        start = now = later(by_telegram)
        for attempts in range(1, MAX_ATTEMPTS):
            assert attempt(by_telegram, now)[:2] == ("waiting", attempts)
            assert about(by_telegram.due_at - now, WAITS[attempts - 1].total_seconds())
            now = by_telegram.due_at
        assert attempt(by_telegram, now) == ("failed", 8, None)
        assert len(server.calls) == 8
        assert timedelta(hours=20) < now - start < timedelta(hours=24)
    assert by_telegram.notification.telegram_error == TELEGRAM_AWAY
    assert list(Notification.objects.undelivered()) == [by_telegram.notification]


def test_a_long_text_keeps_its_link_and_fits(by_telegram: Delivery, settings: Settings) -> None:
    Notification.objects.update(subject="С" * 255, message="😀<b>" * 3000)
    with telegram() as server:
        use(settings, server)
        assert attempt(by_telegram, timezone.now())[0] == "sent"
    [(_path, sent)] = server.calls
    assert len(sent["text"].encode("utf-16-le")) <= 2 * 4096
    assert sent["text"].endswith("/change/")
    assert "parse_mode" not in sent


def test_a_server_that_is_away_and_a_bot_that_is_gone_are_not_the_contacts(
    by_mail: Delivery, settings: Settings
) -> None:
    with mail_server() as server:
        use(settings, server)
    assert attempt(by_mail, timezone.now())[:2] == ("waiting", 1)
    assert by_mail.notification.email_error == MAIL_AWAY
    by_telegram = announced(by_mail.notification.company, telegram_chat_id=CHAT, contact_email="")
    settings.TELEGRAM_BOT_TOKEN = ""
    assert attempt(by_telegram, timezone.now())[:2] == ("waiting", 1)
    assert by_telegram.notification.telegram_error == NO_BOT


def test_the_channels_go_their_own_ways(company: Company, settings: Settings) -> None:
    announced(company, contact_email=ADDRESS)
    Company.objects.update(telegram_chat_id=CHAT)
    company.refresh_from_db()
    notice = announce(NotificationType.TEST, company=company)
    assert notice
    ways = {way.channel: way for way in notice.deliveries.all()}
    with mail_server() as mails, telegram((403, refused("blocked"), {})) as chats:
        use(settings, mails)
        settings.TELEGRAM_API_URL = chats.url
        assert attempt(ways["telegram"], timezone.now())[0] == "failed"
        assert attempt(ways["email"], timezone.now())[0] == "sent"
    notice.refresh_from_db()
    assert (notice.email_sent, notice.telegram_sent) == (True, False)
    assert (notice.email_error, notice.telegram_error) == ("", "403 blocked")
    assert notice in Notification.objects.undelivered()


def test_no_log_line_error_or_page_has_the_token(
    by_telegram: Delivery,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    client: Client,
    superuser: User,
) -> None:
    secret = TOKEN.partition(":")[2]
    for name in ("", "httpx", "httpcore", "httpcore.http11", "httpcore.connection"):
        caplog.set_level(logging.DEBUG, logger=name)
    answers = [
        HANG,
        DROP,
        (500, refused(TOKEN), {}),
        (401, refused(f"bad token {TOKEN}"), {}),
        (429, refused(f"/bot{TOKEN}/sendMessage", retry_after=7), {}),
        (403, refused(f"{secret} is blocked"), {}),
    ]
    with telegram(*answers) as server:
        use(settings, server)
        client.force_login(superuser)
        for _answer in answers:
            attempt(by_telegram, later(by_telegram))
            notice = by_telegram.notification
            assert secret not in notice.telegram_error
            assert secret not in Company.objects.get(pk=notice.company_id).telegram_problem
            for page in ("/admin/", NOTICES, f"{NOTICES}{notice.pk}/change/"):
                assert secret not in body(client, page)
        assert len(server.calls) == len(answers)
        assert all(TOKEN in path for path, _call in server.calls)
    assert "HTTP Request: POST http://127.0.0.1" in caplog.text
    assert "httpcore" in caplog.text
    assert secret not in caplog.text


def test_the_tick_wakes_what_is_due_or_was_left_by_the_dead(
    by_mail: Delivery, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[int] = []
    monkeypatch.setattr(notifications, "_wake", lambda pks, **options: woken.extend(pks))
    row = Delivery.objects.filter(pk=by_mail.pk)
    now = by_mail.due_at

    def tick(after: float, **columns: Any) -> int:
        woken.clear()
        row.update(**columns)
        count = notifications.deliver_due(now=now + timedelta(seconds=after))
        assert woken == [by_mail.pk] * count
        return count

    assert tick(1) == 0, "its message is on its way"
    assert tick(31) == 1
    assert tick(1, attempts=1, due_at=now + timedelta(seconds=7)) == 0
    assert tick(7) == 1
    assert tick(8, claimed_at=now) == 0
    assert tick(LEASE.total_seconds()) == 1
    assert tick(LEASE.total_seconds(), attempts=MAX_ATTEMPTS) == 0
    by_mail.refresh_from_db()
    by_mail.notification.refresh_from_db()
    assert (by_mail.state, by_mail.notification.email_error) == ("failed", GAVE_UP)


@pytest.mark.django_db(transaction=True)
def test_of_eight_workers_at_once_one_sends(by_mail: Delivery, settings: Settings) -> None:
    together = threading.Barrier(8)
    sent: list[bool] = []

    def work() -> None:
        together.wait()
        sent.append(notifications.deliver(by_mail.pk, now=timezone.now()))
        connections.close_all()

    with mail_server() as server:
        use(settings, server)
        workers = [threading.Thread(target=work) for _number in range(8)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert len(server.letters) == 1
    assert sorted(sent) == [False] * 7 + [True]
    by_mail.refresh_from_db()
    assert (by_mail.state, by_mail.attempts) == ("sent", 1)
