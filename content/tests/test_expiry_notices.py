"""Who is told what of an end that comes near, and how often."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from companies.limits import extend_project
from companies.models import Company, Project
from companies.tests.factories import CompanyFactory, ProjectFactory
from companies.tests.parallel import in_parallel
from content import expiry
from content.expiry import expire_due, warn_due
from content.models import Notification

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def told() -> list[str]:
    notices = Notification.objects.order_by("pk")
    return list(notices.values_list("notification_type", flat=True))


@pytest.fixture
def project(company: Company) -> Project:
    project: Project = ProjectFactory.create(
        company=company, expires_at=NOW + 10 * DAY, notify_before_expiry_days=3
    )
    return project


@pytest.mark.django_db
class TestProjects:
    def test_one_warning_so_many_days_ahead(self, project: Project) -> None:
        opens = NOW + 7 * DAY
        assert warn_due(now=opens - timedelta(seconds=1)) == 0
        assert [warn_due(now=opens + hours * HOUR) for hours in range(72)] == [1] + [0] * 71
        notice = Notification.objects.get()
        assert notice.notification_type == "project_expiring"
        assert (notice.company, notice.project) == (project.company, project)
        assert project.name in notice.subject
        project.refresh_from_db()
        assert project.last_notification_sent_at == opens

    def test_a_late_tick_warns_only_while_there_is_time(self, project: Project) -> None:
        assert warn_due(now=NOW + 10 * DAY) == 0
        assert warn_due(now=NOW + 10 * DAY - HOUR) == 1

    def test_an_extension_is_warned_of_anew_for_its_own_end(self, project: Project) -> None:
        assert warn_due(now=NOW + 9 * DAY) == 1
        extend_project(project, days=2, now=NOW + 9 * DAY)
        assert warn_due(now=NOW + 9 * DAY) == 1
        extend_project(project, days=30, now=NOW + 9 * DAY)
        assert warn_due(now=NOW + 9 * DAY) == 0
        assert warn_due(now=NOW + 40 * DAY) == 1
        assert told() == ["project_expiring"] * 3

    @pytest.mark.parametrize(
        ("changes", "company_changes", "count"),
        [
            ({}, {}, 1),
            ({"status": "paused"}, {}, 0),
            ({"status": "archived"}, {}, 0),
            ({"auto_renew": True}, {}, 0),
            ({"auto_renew": True}, {"subscription_expires_at": NOW + 60 * DAY}, 0),
            # It ends before it could be renewed.
            ({"auto_renew": True}, {"subscription_expires_at": NOW + 9.5 * DAY}, 1),
            ({}, {"is_active": False}, 0),
        ],
    )
    def test_only_of_an_end_that_will_take_something_away(
        self, project: Project, changes: Any, company_changes: Any, count: int
    ) -> None:
        Project.objects.update(**changes)
        Company.objects.update(**company_changes)
        warn_due(now=NOW + 9 * DAY)
        assert told().count("project_expiring") == count

    def test_words_are_in_the_companys_language_and_time(self, project: Project) -> None:
        Company.objects.update(language="ru", time_zone="Europe/Moscow")
        Project.objects.update(expires_at=datetime(2026, 3, 21, 22, tzinfo=UTC))
        warn_due(now=NOW)
        assert "22" in Notification.objects.get().message
        assert "Europe/Moscow" in Notification.objects.get().message


@pytest.mark.django_db
def test_a_subscription_is_told_of_before_and_after_its_end(company: Company) -> None:
    Company.objects.update(subscription_expires_at=NOW + 30 * DAY)
    for days in range(40):
        warn_due(now=NOW + days * DAY)
        warn_due(now=NOW + days * DAY)
        expected = ["subscription_expiring"] * (days >= 23)
        assert told() == expected + ["subscription_expired"] * (days >= 30)
    Company.objects.update(subscription_expires_at=NOW + 50 * DAY)
    warn_due(now=NOW + 45 * DAY)
    assert told()[2:] == ["subscription_expiring"]


@pytest.mark.django_db
def test_many_are_told_in_batches_of_as_many_queries(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "BATCH", 4)
    ProjectFactory.create_batch(9, company=company, expires_at=NOW + DAY)
    CompanyFactory.create_batch(
        9, storage_connection=company.storage_connection, subscription_expires_at=NOW
    )
    assert warn_due(now=NOW) == 18
    assert warn_due(now=NOW) == 0
    monkeypatch.setattr(expiry, "BATCH", 500)
    counts = []
    for _more in range(2):
        with CaptureQueriesContext(connection) as queries:
            warn_due(now=NOW)
        counts.append(len(queries))
        Notification.objects.all().delete()
        ProjectFactory.create_batch(20, company=company, expires_at=NOW + DAY)
        warn_due(now=NOW)
    assert counts[0] == counts[1]


@pytest.mark.django_db(transaction=True)
def test_ticks_at_once_tell_once(company: Company) -> None:
    ProjectFactory.create_batch(10, company=company, expires_at=NOW + DAY)
    ProjectFactory.create_batch(10, company=company, expires_at=NOW)
    Company.objects.update(subscription_expires_at=NOW + 5 * DAY)

    def ticks() -> int:
        expire_due(now=NOW)
        return warn_due(now=NOW)

    counts = in_parallel([ticks] * 4)
    assert all(isinstance(count, int) for count in counts), counts
    ticks()
    kinds = ["project_expired", "project_expiring", "subscription_expiring"]
    assert [told().count(kind) for kind in kinds] == [10, 10, 1]
    assert Project.objects.filter(last_notification_sent_at=NOW).count() == 10
