"""Notices through the API: read what a company was told, find what did not arrive, send again."""

from typing import Any
from unittest import mock

from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from companies.models import ApiToken, Company, Project, TokenScope, User
from companies.tests.factories import ProjectFactory
from content import notifications
from content.models import Channel, Delivery, DeliveryState, Notification, NotificationType
from content.tests.factories import ARContentFactory


def told(company: Company, kind: NotificationType, **about: Any) -> Notification:
    Company.objects.filter(pk=company.pk).update(contact_email="people@example.com")
    company.refresh_from_db()
    notice = notifications.announce(kind, company=company, **about)
    assert notice is not None
    return notice


def ids(client: Client, query: str) -> list[int]:
    return [row["id"] for row in client.get(f"/api/notifications?{query}").json()["results"]]


def test_a_notice_tells_whom_what_and_whether_it_arrived(editors: Client, project: Project) -> None:
    content = ARContentFactory.create(project=project)
    notice = told(project.company, NotificationType.RENEWAL_REQUESTED, content=content)
    Delivery.objects.update(state=DeliveryState.FAILED, attempts=8)
    Notification.objects.update(email_error="550 no such mailbox")
    shown = editors.get(f"/api/notifications/{notice.pk}").json()
    assert (shown["company_id"], shown["project_id"]) == (project.company_id, project.pk)
    assert (shown["ar_content_id"], shown["notification_type"]) == (content.pk, "renewal_requested")
    assert (shown["subject"], shown["message"]) == (notice.subject, notice.message)
    assert (shown["email_sent"], shown["email_error"]) == (False, "550 no such mailbox")
    [delivery] = shown["deliveries"]
    assert (delivery["channel"], delivery["state"], delivery["attempts"]) == ("email", "failed", 8)
    assert editors.patch(f"/api/notifications/{notice.pk}", {}).status_code == 405


def test_notices_are_found_by_kind_subject_project_day_and_delivery(
    editors: Client, project: Project
) -> None:
    other = ProjectFactory.create(company=project.company, name="Other")
    old = told(project.company, NotificationType.PROJECT_EXPIRED, project=project)
    new = told(project.company, NotificationType.PROJECT_EXPIRING, project=other)
    Notification.objects.filter(pk=old.pk).update(created_at="2026-01-31T10:00:00Z")
    Delivery.objects.filter(notification=old).update(state=DeliveryState.SENT)
    Delivery.objects.create(notification=old, channel=Channel.TELEGRAM, state=DeliveryState.FAILED)
    assert ids(editors, "") == [new.pk, old.pk]
    assert ids(editors, "ordering=created_at") == [old.pk, new.pk]
    assert ids(editors, "notification_type=project_expired") == [old.pk]
    assert ids(editors, f"project_id={other.pk}") == [new.pk]
    assert ids(editors, "created_before=2026-02-01T00:00:00Z") == [old.pk]
    assert ids(editors, "created_after=2026-02-01T00:00:00Z") == [new.pk]
    assert ids(editors, "search=Other") == [new.pk]
    assert ids(editors, "delivery=waiting") == [new.pk]
    assert ids(editors, "delivery=sent") == ids(editors, "delivery=failed") == [old.pk]
    for wrong in ("delivery=lost", "notification_type=x", "created_after=x", "kind=test"):
        assert editors.get(f"/api/notifications?{wrong}").status_code == 400


def test_a_notice_is_sent_again(
    editors: Client,
    project: Project,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    notice = told(project.company, NotificationType.PROJECT_EXPIRED, project=project)
    Delivery.objects.update(state=DeliveryState.FAILED, attempts=8)
    Notification.objects.update(email_error="550 no such mailbox")
    with (
        mock.patch("content.notifications.current_app.send_task") as woken,
        django_capture_on_commit_callbacks(execute=True),
    ):
        answer = editors.post(f"/api/notifications/{notice.pk}/resend")
    assert answer.status_code == 202
    [delivery] = answer.json()["deliveries"]
    assert (delivery["state"], delivery["attempts"]) == ("waiting", 0)
    assert answer.json()["email_error"] == ""
    woken.assert_called_once_with("content.tasks.deliver", (Delivery.objects.get().pk,))


def test_without_an_address_nothing_is_sent_again(editors: Client, project: Project) -> None:
    notice = told(project.company, NotificationType.PROJECT_EXPIRED, project=project)
    Delivery.objects.all().delete()
    Company.objects.update(contact_email="", telegram_chat_id="")
    answer = editors.post(f"/api/notifications/{notice.pk}/resend")
    assert (answer.status_code, answer.json()["code"]) == (409, "no_address")
    assert not Delivery.objects.exists()


def test_the_error_is_told_in_the_readers_language_and_viewers_only_read(
    client: Client, viewer: User, project: Project
) -> None:
    notice = told(project.company, NotificationType.PROJECT_EXPIRED, project=project)
    Notification.objects.update(email_error=notifications.NO_ADDRESS, email_sent_at=timezone.now())
    _, key = ApiToken.issue(user=viewer, name="Reader", scope=TokenScope.READ)
    headers = {"authorization": f"Bearer {key}", "accept-language": "ru"}
    shown = client.get(f"/api/notifications/{notice.pk}", headers=headers).json()
    assert shown["email_error"]
    resent = client.post(f"/api/notifications/{notice.pk}/resend", headers=headers)
    assert resent.status_code == 403
    assert Delivery.objects.get().attempts == 0


def test_a_list_of_notices_costs_the_same_for_one_and_for_many(
    editors: Client, project: Project, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    editors.get("/api/notifications")
    for more in (1, 20):
        for _ in range(more):
            told(project.company, NotificationType.TEST)
        # The token, the roles, the count, the rows, their deliveries.
        with django_assert_num_queries(5):
            assert editors.get("/api/notifications").status_code == 200
