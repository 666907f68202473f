"""What a company is told: once per event, in its language and its time, by the ways it has."""

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connections, transaction
from django.utils import translation
from pytest_django import DjangoCaptureOnCommitCallbacks
from pytest_django.fixtures import Settings

from companies.models import Company, Project
from companies.tests.conftest import post_office_at
from companies.tests.factories import ProjectFactory
from content import notifications
from content.models import ARContent, Delivery, Notification, NotificationType
from content.notice_texts import WORDS
from content.notifications import announce
from content.tests.factories import ARContentFactory

pytestmark = pytest.mark.django_db
END = datetime(2026, 12, 31, 21, 30, tzinfo=UTC)
KINDS = list(NotificationType)
Kind = NotificationType


@pytest.fixture
def project(company: Company, settings: Settings) -> Project:
    settings.TELEGRAM_BOT_TOKEN = "1:token"
    company.contact_email, company.telegram_chat_id = "office@example.org", "-1"
    company.time_zone = "Europe/Moscow"
    company.save()
    return ProjectFactory.create(company=company, name="Spring", expires_at=END)


def test_words_are_in_the_companys_language_and_its_time(project: Project) -> None:
    company = project.company
    with translation.override("ru"):
        notice = announce(Kind.PROJECT_EXPIRING, company=company, project=project)
    assert notice
    assert notice.subject == "Project “Spring” ends on Jan. 1, 2027"
    first = "The project “Spring” ends on Jan. 1, 2027, 12:30 a.m. (Europe/Moscow)."
    assert notice.message.startswith(first)
    assert notice.metadata == {"url": f"/admin/companies/project/{project.pk}/change/"}
    company.language = "ru"
    russian = announce(Kind.PROJECT_EXPIRING, company=company, project=project)
    assert russian
    assert "1 января 2027 г. 0:30 (Europe/Moscow)" in russian.message


@pytest.mark.parametrize("language", ["en", "ru"])
def test_every_kind_has_words_and_no_hole(project: Project, language: str) -> None:
    project.company.language = language
    content = ARContentFactory.create(project=project, title="Cover\r\nBcc: all@example.org")
    assert set(WORDS) == set(KINDS)
    about = {"video": "film.mov", "reason": "The file is empty.", "contact": "a@b.example"}
    for kind in KINDS:
        notice = announce(
            kind, company=project.company, project=project, content=content, context=about
        )
        assert notice
        assert "%(" not in notice.subject + notice.message
        assert notice.subject.strip()
        assert "\n" not in notice.subject
        assert "“”" not in notice.subject + notice.message
        assert len(notice.message) > 40


def test_a_visitors_words_are_kept_within_bounds(project: Project) -> None:
    content = ARContentFactory.create(project=project, title="C" * 255)
    said = {"name": "", "contact": "a\x00b\ud800\r\nc", "message": "м" * 100_000}
    notice = announce(
        Kind.RENEWAL_REQUESTED, company=project.company, content=content, context=said
    )
    assert notice
    notice.refresh_from_db()
    assert len(notice.subject) == 255
    assert "Name:" not in notice.message
    assert "How to reach the visitor: a b c\n" in notice.message
    assert len(notice.message) < 4096
    assert notice.project == project


def test_there_is_one_notice_for_a_key_of_a_kind_and_an_object(project: Project) -> None:
    company = project.company
    other = ProjectFactory.create(company=company, expires_at=END)

    def tell(kind: NotificationType, of: Project, key: str = "2027-01-01") -> bool:
        return announce(kind, company=company, project=of, key=key) is not None

    assert tell(Kind.PROJECT_EXPIRING, project)
    assert not tell(Kind.PROJECT_EXPIRING, project)
    assert tell(Kind.PROJECT_EXPIRED, project)
    assert tell(Kind.PROJECT_EXPIRING, other)
    assert tell(Kind.PROJECT_EXPIRING, project, key="2028-01-01")
    assert [tell(Kind.TEST, project, key="") for _twice in range(2)] == [True, True]
    assert Notification.objects.count() == 6
    assert Delivery.objects.count() == 12


@pytest.mark.django_db(transaction=True)
def test_of_callers_at_the_same_time_one_writes(project: Project) -> None:
    together = threading.Barrier(6)
    written: list[Any] = []

    def call() -> None:
        together.wait()
        with transaction.atomic():
            # Whoever comes second goes on with its own transaction.
            written.append(
                announce(Kind.PROJECT_EXPIRED, company=project.company, project=project, key="1")
            )
            Project.objects.filter(pk=project.pk).update(description="still alive")
        connections.close_all()

    callers = [threading.Thread(target=call) for _number in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(written) == 6
    assert len([notice for notice in written if notice]) == 1
    assert Notification.objects.count() == 1
    assert Delivery.objects.count() == 2


@pytest.mark.parametrize(
    ("email", "chat", "token", "channels"),
    [
        ("office@example.org", "-1", "1:token", {"email", "telegram"}),
        ("office@example.org", "-1", "", {"email"}),
        ("", "-1", "1:token", {"telegram"}),
        ("", "", "1:token", set()),
    ],
)
def test_a_notice_goes_where_the_company_has_an_address(
    project: Project, settings: Settings, email: str, chat: str, token: str, channels: set[str]
) -> None:
    settings.TELEGRAM_BOT_TOKEN = token
    company = project.company
    company.contact_email, company.telegram_chat_id = email, chat
    notice = announce(Kind.TEST, company=company)
    assert notice
    assert set(notice.deliveries.values_list("channel", flat=True)) == channels
    assert Notification.objects.undelivered().count() == (0 if channels else 1)
    assert notifications.send_test(company) == len(channels)
    assert Notification.objects.count() == (2 if channels else 1)


def test_a_worker_wakes_once_the_transaction_is_committed(
    project: Project,
    mailoutbox: list[Any],
    settings: Settings,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    settings.TELEGRAM_BOT_TOKEN = ""
    with post_office_at("memory://") as office:
        with django_capture_on_commit_callbacks(execute=True):
            announce(Kind.PROJECT_EXPIRED, company=project.company, project=project)
            assert office.deliver() == 0
        assert office.deliver() == 1
    [letter] = mailoutbox
    assert letter.to == ["office@example.org"]
    link = f"{settings.PUBLIC_URL}/admin/companies/project/{project.pk}/change/"
    assert link in letter.body
    assert f'href="{link}"' in letter.alternatives[0][0]


def test_a_broker_that_is_away_costs_nothing_but_time(
    project: Project,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with (
        post_office_at("redis://127.0.0.1:1/0"),
        django_capture_on_commit_callbacks(execute=True),
    ):
        announce(Kind.PROJECT_EXPIRED, company=project.company, project=project)
    assert Delivery.objects.filter(state="waiting").count() == 2


def test_a_notice_of_a_content_leads_to_it(project: Project) -> None:
    content = ARContentFactory.create(project=project)
    reason = {"reason": "out of room", "url": ""}
    notice = announce(Kind.MARKER_FAILED, company=project.company, content=content, context=reason)
    assert notice
    assert isinstance(notice.ar_content, ARContent)
    assert notice.metadata["url"] == f"/admin/content/arcontent/{content.pk}/change/"
