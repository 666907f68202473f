"""What the ticks write down when time runs out, and that visitors never depend on them."""

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from companies.limits import change_project, extend_project, renewed_end
from companies.models import Company, Project, ProjectStatus
from companies.tests.factories import CompanyFactory, ProjectFactory
from companies.tests.parallel import in_parallel
from content import expiry, notifications
from content.changes import change_content, switch_content
from content.expiry import Outcome, expire_due, find_gone
from content.models import ARContent, Notification
from content.publishing import Visibility, find_published, visibility
from content.tests.factories import ARContentFactory

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def project(company: Company) -> Project:
    project: Project = ProjectFactory.create(
        company=company, starts_at=NOW - 30 * DAY, expires_at=NOW
    )
    return project


def switches(content: ARContent) -> tuple[bool, bool]:
    content.refresh_from_db()
    return content.is_active, content.is_stopped


def status_of(project: Project) -> str:
    project.refresh_from_db()
    return project.status


def sees(content: ARContent, now: datetime) -> str:
    """What a visitor is given, by every place that decides about it."""
    content = ARContent.objects.select_related("project", "company").get(pk=content.pk)
    is_published = find_published(content.unique_id, now) is not None
    assert is_published == ARContent.objects.published(now).filter(pk=content.pk).exists()
    assert is_published == (visibility(content, now) == Visibility.VISIBLE)
    is_gone = find_gone(content.unique_id, now) is not None
    assert not (is_gone and is_published)
    return "shown" if is_published else "gone" if is_gone else "unknown"


@pytest.mark.django_db
class TestEnd:
    def test_a_project_past_its_end_expires_and_its_contents_stop(self, project: Project) -> None:
        content, off = ARContentFactory.create_batch(2, project=project)
        switch_content(off, on=False, now=NOW)
        assert expire_due(now=NOW - HOUR) == Outcome(0, 0, 0, 0)
        assert expire_due(now=NOW) == Outcome(0, 1, 1, 0)
        assert status_of(project) == ProjectStatus.EXPIRED
        assert switches(content) == (False, True)
        assert switches(off) == (False, False)
        assert expire_due(now=NOW + HOUR) == Outcome(0, 0, 0, 0)

    def test_extended_it_comes_back_at_once_except_what_staff_switched_off(
        self, project: Project
    ) -> None:
        content, off, off_later, on_again = ARContentFactory.create_batch(4, project=project)
        switch_content(off, on=False, now=NOW)
        expire_due(now=NOW)
        switch_content(ARContent.objects.get(pk=off_later.pk), on=False, now=NOW)
        on_again.refresh_from_db()
        on_again.is_active = True
        change_content(on_again, changed=["is_active"], now=NOW)
        assert switches(on_again) == (True, False)
        everything = (content, off, off_later, on_again)
        assert [sees(one, NOW) for one in everything] == ["gone", "unknown", "unknown", "gone"]
        extend_project(project, days=5, now=NOW + HOUR)
        shown = ["shown", "unknown", "unknown", "shown"]
        assert [sees(one, NOW + HOUR) for one in everything] == shown
        assert expire_due(now=NOW + 2 * HOUR) == Outcome(0, 0, 0, 1)
        assert [switches(one) for one in everything] == [
            (True, False),
            (False, False),
            (False, False),
            (True, False),
        ]
        assert [sees(one, NOW + 2 * HOUR) for one in everything] == shown

    def test_a_new_end_written_in_the_form_brings_it_back_too(self, project: Project) -> None:
        content = ARContentFactory.create(project=project)
        expire_due(now=NOW)
        project.refresh_from_db()
        project.expires_at = NOW - HOUR
        change_project(project, changed=["expires_at"], now=NOW)
        assert status_of(project) == ProjectStatus.EXPIRED
        project.expires_at = NOW + DAY
        change_project(project, changed=["expires_at"], now=NOW)
        assert status_of(project) == ProjectStatus.ACTIVE
        assert sees(content, NOW) == "shown"

    def test_who_chooses_a_status_with_the_end_gets_that_status(self, project: Project) -> None:
        expire_due(now=NOW)
        project.refresh_from_db()
        project.expires_at, project.status = NOW + DAY, ProjectStatus.PAUSED
        change_project(project, changed=["expires_at", "status"], now=NOW)
        assert status_of(project) == ProjectStatus.PAUSED

    def test_a_content_has_an_end_of_its_own(self, company: Company) -> None:
        content = ARContentFactory.create(project__company=company, expires_at=NOW)
        assert expire_due(now=NOW) == Outcome(0, 0, 1, 0)
        assert sees(content, NOW) == "gone"
        content.refresh_from_db()
        content.expires_at = NOW + DAY
        change_content(content, changed=["expires_at"], now=NOW)
        assert sees(content, NOW) == "shown"
        assert expire_due(now=NOW) == Outcome(0, 0, 0, 1)
        assert switches(content) == (True, False)

    @pytest.mark.parametrize("status", [ProjectStatus.PAUSED, ProjectStatus.ARCHIVED])
    def test_a_project_that_staff_took_away_keeps_its_status(
        self, project: Project, status: str
    ) -> None:
        Project.objects.update(status=status)
        expire_due(now=NOW + DAY)
        assert status_of(project) == status

    def test_the_history_has_it_by_nobody(self, project: Project) -> None:
        content = ARContentFactory.create(project=project)
        expire_due(now=NOW)
        for row, field, value in ((project, "status", "expired"), (content, "is_active", False)):
            record = row.history.latest("history_id")
            assert getattr(record, field) == value
            assert (record.history_user_id, record.history_type) == (None, "~")
            assert (record.history_date, record.history_company_id, record.history_label) == (
                NOW,
                project.company_id,
                str(row),
            )

    def test_the_company_is_told_once(self, project: Project) -> None:
        for hours in (0, 1, 24):
            expire_due(now=NOW + hours * HOUR)
        notice = Notification.objects.get()
        assert (notice.notification_type, notice.project) == ("project_expired", project)

    @pytest.mark.parametrize(
        "changes", [{"is_active": False}, {"subscription_expires_at": NOW - HOUR}]
    )
    def test_what_a_company_without_subscription_has_waits_as_it_is(
        self, company: Company, changes: dict[str, Any]
    ) -> None:
        over = ProjectFactory.create(company=company, expires_at=NOW)
        renewing = ProjectFactory.create(company=company, expires_at=NOW, auto_renew=True)
        content = ARContentFactory.create(project=renewing)
        Company.objects.update(**changes)
        assert expire_due(now=NOW) == Outcome(0, 0, 0, 0)
        assert sees(content, NOW) == ("unknown" if "is_active" in changes else "gone")
        Company.objects.update(is_active=True, subscription_expires_at=None)
        assert sees(content, NOW) == "shown"
        assert expire_due(now=NOW) == Outcome(1, 1, 0, 0)
        assert status_of(over) == ProjectStatus.EXPIRED
        assert sees(content, NOW) == "shown"


@pytest.mark.django_db
class TestRenewal:
    @pytest.mark.parametrize(
        ("kind", "ended", "today", "renewed"),
        [
            ("monthly", "2026-01-31", "2026-01-31", "2026-02-28"),
            ("monthly", "2025-12-15", "2026-03-20", "2026-04-15"),
            ("yearly", "2024-02-29", "2024-03-01", "2025-02-28"),
            ("yearly", "2020-05-01", "2026-05-01", "2027-05-01"),
            ("custom", "2026-01-11", "2026-01-11", "2026-01-21"),
            ("custom", "2026-01-11", "2026-03-01", "2026-03-02"),
        ],
    )
    def test_a_project_renews_itself_by_its_period_to_an_end_that_lies_ahead(
        self, company: Company, kind: str, ended: str, today: str, renewed: str
    ) -> None:
        end, now = (datetime.fromisoformat(f"{day}T09:00:00Z") for day in (ended, today))
        project = ProjectFactory.create(
            company=company,
            subscription_type=kind,
            auto_renew=True,
            starts_at=end - 10 * DAY,
            expires_at=end,
        )
        content = ARContentFactory.create(project=project)
        assert sees(content, now) == "shown", "the tick has not come yet"
        assert expire_due(now=now) == Outcome(1, 0, 0, 0)
        project.refresh_from_db()
        assert project.expires_at == datetime.fromisoformat(f"{renewed}T09:00:00Z")
        assert project.status == ProjectStatus.ACTIVE
        record = project.history.latest("history_id")
        assert (record.expires_at, record.history_user_id) == (project.expires_at, None)
        assert expire_due(now=now) == Outcome(0, 0, 0, 0)
        assert not Notification.objects.exists()

    def test_a_custom_length_stays_the_first_one(self, company: Company) -> None:
        project = ProjectFactory.create(
            company=company,
            subscription_type="custom",
            auto_renew=True,
            starts_at=NOW - 3 * DAY,
            expires_at=NOW,
        )
        without = ProjectFactory.create(
            company=company, subscription_type="custom", auto_renew=True, expires_at=NOW
        )
        for period in range(1, 4):
            expire_due(now=NOW + (period - 1) * 3 * DAY)
            project.refresh_from_db()
            assert project.expires_at == NOW + period * 3 * DAY
        without.refresh_from_db()
        assert without.expires_at == NOW + 30 * DAY

    @given(
        st.sampled_from(["monthly", "yearly", "custom"]),
        st.sampled_from(["UTC", "Europe/Moscow", "Europe/Berlin", "Pacific/Apia", "Asia/Beirut"]),
        st.integers(0, 3 * 365 * 24).map(lambda hours: NOW - hours * HOUR),
        st.integers(1, 1000),
    )
    def test_a_late_tick_lands_where_punctual_ones_would_have(
        self, kind: str, zone: str, end: datetime, late: int
    ) -> None:
        company = Company(time_zone=zone, name="C")
        late_at = end + late * DAY

        def renewed(expires_at: datetime, now: datetime) -> datetime:
            row = Project(company=company, subscription_type=kind, expires_at=expires_at)
            return renewed_end(row, length=10 * DAY, now=now)

        punctual = end
        while punctual <= late_at:
            before, punctual = punctual, renewed(punctual, punctual)
            assert before < punctual
        assert renewed(end, late_at) == punctual > late_at

    def test_days_are_those_of_the_companys_clock(self) -> None:
        company = Company(time_zone="Europe/Moscow", name="C")
        # Midnight of 31 January in Moscow.
        end = datetime(2026, 1, 30, 21, tzinfo=UTC)
        project = Project(company=company, subscription_type="monthly", expires_at=end)
        assert renewed_end(project, length=DAY, now=end) == datetime(2026, 2, 27, 21, tzinfo=UTC)


@pytest.mark.django_db
def test_a_dead_tick_never_shows_the_wrong_thing(company: Company) -> None:
    """Whatever the state of a content, a tick before the visitor comes changes nothing."""
    dates = (None, NOW, NOW + DAY)
    company_of = {
        date: CompanyFactory.create(
            storage_connection=company.storage_connection, subscription_expires_at=date
        )
        for date in dates
    }
    projects: list[Project] = []
    contents: list[ARContent] = []
    for own, ends, status, subscription, auto_renew, (is_active, is_stopped) in product(
        (None, NOW - HOUR, NOW + HOUR),
        dates,
        ProjectStatus.values,
        dates,
        (True, False),
        ((True, False), (False, True), (False, False)),
    ):
        project = ProjectFactory.build(
            company=company_of[subscription],
            slug=f"project-{len(projects)}",
            expires_at=ends,
            status=status,
            auto_renew=auto_renew,
        )
        content = ARContentFactory.build(
            project=project,
            company=project.company,
            expires_at=own,
            is_active=is_active,
            is_stopped=is_stopped,
        )
        projects.append(project)
        contents.append(content)
    Project.objects.bulk_create(projects)
    ARContent.objects.bulk_create(contents)
    before = everything_seen(NOW)
    assert set(before.values()) == {"shown", "gone", "unknown"}
    outcome = expire_due(now=NOW)
    assert min(outcome.renewed, outcome.expired, outcome.stopped, outcome.resumed) > 0
    assert everything_seen(NOW) == before
    assert expire_due(now=NOW) == Outcome(0, 0, 0, 0)
    for content in ARContent.objects.select_related("company", "project"):
        if not content.company.runs(NOW) or content.project.status == ProjectStatus.ARCHIVED:
            continue
        if before[content.pk] == "shown":
            assert (content.is_active, content.is_stopped) == (True, False)
        elif before[content.pk] == "gone":
            assert (content.is_active, content.is_stopped) == (False, True)


def everything_seen(now: datetime) -> dict[int, str]:
    """As `sees`, of every content."""
    shown = set(ARContent.objects.published(now).values_list("pk", flat=True))
    gone = set(ARContent.objects.gone(now).values_list("pk", flat=True))
    assert not shown & gone
    contents = list(ARContent.objects.select_related("project", "company"))
    assert shown == {one.pk for one in contents if visibility(one, now) == Visibility.VISIBLE}
    assert not any(one.pk in shown | gone for one in contents if not one.is_on)
    over = set(Project.objects.over(now).values_list("pk", flat=True))
    projects = Project.objects.select_related("company")
    assert over == {one.pk for one in projects if one.is_over(now)}
    names = dict.fromkeys(shown, "shown") | dict.fromkeys(gone, "gone")
    return {one.pk: names.get(one.pk, "unknown") for one in contents}


def _many(company: Company, count: int) -> None:
    for project in ProjectFactory.create_batch(count, company=company, expires_at=NOW):
        ARContentFactory.create_batch(2, project=project)
    ProjectFactory.create_batch(count, company=company, expires_at=NOW, auto_renew=True)


@pytest.mark.django_db
def test_a_batch_takes_as_many_queries_as_a_row_but_for_the_notices(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "_tell", lambda *arguments, **options: None)
    counts = []
    for count in (1, 9):
        _many(company, count)
        with CaptureQueriesContext(connection) as queries:
            assert expire_due(now=NOW) == Outcome(count, count, 2 * count, 0)
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.django_db
def test_more_than_a_batch_is_done_in_several(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "BATCH", 3)
    _many(company, 4)
    assert expire_due(now=NOW) == Outcome(4, 4, 8, 0)
    assert Notification.objects.count() == 4
    for project in Project.objects.filter(status=ProjectStatus.EXPIRED):
        extend_project(project, days=1, now=NOW)
    assert expire_due(now=NOW) == Outcome(0, 0, 0, 8)


@pytest.mark.django_db(transaction=True)
def test_ticks_at_once_write_and_tell_everything_once(company: Company) -> None:
    _many(company, 20)
    ticks = in_parallel([lambda: expire_due(now=NOW)] * 4)
    # What one has locked another leaves alone, and the next tick finds.
    ticks.append(expire_due(now=NOW))
    assert all(isinstance(one, Outcome) for one in ticks), ticks
    for field, total in (("renewed", 20), ("expired", 20), ("stopped", 40), ("resumed", 0)):
        assert sum(getattr(one, field) for one in ticks) == total
    assert Notification.objects.count() == 20
    assert Project.history.filter(history_type="~").count() == 40
    assert ARContent.history.filter(history_type="~").count() == 40


def test_one_impossible_date_stops_nobody_else(company: Company) -> None:
    first = datetime(1, 1, 1, 0, 0, tzinfo=UTC)
    Company.objects.update(time_zone="America/New_York")
    for name, fields in {"renews": {"auto_renew": True}, "ends": {}}.items():
        ProjectFactory.create(company=company, name=name, expires_at=first, **fields)
    custom = {"auto_renew": True, "subscription_type": "custom", "starts_at": first}
    ProjectFactory.create(company=company, expires_at=NOW - HOUR, **custom)
    other = ProjectFactory.create(company=company, expires_at=NOW - timedelta(days=1))
    assert expire_due(now=NOW) == Outcome(1, 2, 0, 0)
    assert status_of(other) == ProjectStatus.EXPIRED
    assert Notification.objects.filter(project=other).exists()
    assert Notification.objects.filter(project__name="ends").exists()


def test_a_notice_that_cannot_be_written_leaves_nothing_behind_and_the_others_go_on(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd, other = ProjectFactory.create_batch(2, company=company, expires_at=NOW)

    def announce(kind: Any, **about: Any) -> Any:
        notice = notifications.announce(kind, **about)
        if about["project"] == odd:
            raise OverflowError
        return notice

    monkeypatch.setattr(expiry, "announce", announce)
    expire_due(now=NOW)
    assert status_of(odd) == status_of(other) == ProjectStatus.EXPIRED
    assert Notification.objects.get().project == other
