"""The front page: exact figures of the reader's companies alone, each a click from its rows."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.template.defaultfilters import filesizeformat
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from analytics import reports
from analytics.models import ARViewSession
from analytics.tests.furnish import DAY, furnish, visit
from companies.models import (
    Company,
    Project,
    ProjectStatus,
    StorageConnection,
    StorageTestStatus,
    User,
)
from companies.provisioning import provision
from companies.tests.factories import (
    CompanyFactory,
    MembershipFactory,
    ProjectFactory,
)
from content.models import ARContent, MarkerStatus, Notification, Portrait, VideoStatus
from content.tests.factories import ARContentFactory

pytestmark = [pytest.mark.django_db, pytest.mark.orm, pytest.mark.usefixtures("calm")]

INDEX = "/admin/"
ROLES = ["owner", "editor", "viewer", "superuser", "stranger"]


def companies_of(user: User) -> list[Company]:
    return [
        company
        for company in Company.objects.all()
        if user.is_superuser or user.memberships.filter(company=company).exists()
    ]


def rows_behind(user: User) -> dict[str, set[int]]:
    """The rows of each figure, counted by hand: one by one, in Python."""
    now = timezone.now()
    soon = now + 30 * DAY
    ours = {company.pk for company in companies_of(user)}
    contents = [content for content in ARContent.objects.all() if content.company_id in ours]
    projects = [project for project in Project.objects.all() if project.company_id in ours]
    notices = [notice for notice in Notification.objects.all() if notice.company_id in ours]
    visits = [
        visit
        for visit in ARViewSession.objects.order_by("pk")
        if visit.company_id in ours and visit.created_at >= now - 30 * DAY
    ]
    ends = {
        content.pk: min(
            (end for end in (content.expires_at, content.project.expires_at) if end),
            default=None,
        )
        for content in contents
    }

    def is_over(content: ARContent) -> bool:
        end = ends[content.pk]
        is_dead = content.project.status in {ProjectStatus.ARCHIVED, ProjectStatus.EXPIRED}
        return is_dead or (end is not None and end <= now)

    seen = [content for content in contents if content.is_active and not is_over(content)]
    owned = {
        pk for pk in ours if user.is_superuser or user.memberships.get(company=pk).role == "owner"
    }
    found = {
        "views": visits,
        "sessions": {visit.session_id: visit for visit in reversed(visits)}.values(),
        "active": [content for content in contents if content.is_active],
        "projects_ending": [
            project
            for project in projects
            if project.status == ProjectStatus.ACTIVE
            and project.expires_at
            and now < project.expires_at <= soon
        ],
        "contents_ending": [
            content for content in seen if (end := ends[content.pk]) and end <= soon
        ],
        "failures": [
            content
            for content in contents
            if not is_over(content)
            and (
                content.target.marker_status == MarkerStatus.FAILED
                or any(
                    video.status == VideoStatus.FAILED
                    and (video.schedule_end is None or video.schedule_end > now)
                    for video in content.videos.all()
                )
            )
        ],
        "portraits": [
            portrait
            for portrait in Portrait.objects.all()
            if portrait.company_id in ours and portrait.marker_status == MarkerStatus.FAILED
        ],
        "videos": [content for content in seen if not content.videos.exclude(video="").exists()],
        "notices": [
            notice
            for notice in notices
            if not (notice.email_sent or notice.telegram_sent)
            or (notice.telegram_error and not notice.telegram_sent)
        ],
    }
    if owned:
        found["connections"] = [
            disk
            for disk in StorageConnection.objects.all()
            if (disk.company_id in owned or user.is_superuser)
            and disk.test_status == StorageTestStatus.FAILED
        ]
    return {key: {row.pk for row in rows} for key, rows in found.items()}


def figures_of(client: Client) -> dict[str, Any]:
    context = client.get(INDEX).context
    return {figure.key: figure for figure in [*context["figures"], *context["attention"]]}


@pytest.mark.usefixtures("furnished")
class TestFigures:
    @pytest.mark.parametrize("role", ROLES)
    def test_each_figure_equals_a_flat_count_and_leads_to_exactly_its_rows(
        self, client: Client, request: pytest.FixtureRequest, role: str
    ) -> None:
        user: User = request.getfixturevalue(role)
        client.force_login(user)
        figures = figures_of(client)
        expected = rows_behind(user)
        storage = figures.pop("storage")
        assert set(figures) == set(expected)
        for key, figure in figures.items():
            assert figure.value == len(expected[key]) > 0, key
            listed = client.get(figure.url)
            assert listed.status_code == 200, key
            assert {row.pk for row in listed.context["cl"].queryset} == expected[key], key
        used = sum(company.storage_used_bytes for company in companies_of(user))
        assert storage.value == filesizeformat(used)
        folders = client.get(storage.url).context["cl"].queryset
        assert sum(folder.total_size_bytes for folder in folders) == used

    def test_the_list_behind_each_kind_of_problem_has_as_many_rows_as_it_says(
        self, client: Client, superuser: User
    ) -> None:
        Company.objects.filter(name="Company").update(
            subscription_expires_at=timezone.now() + DAY,
            storage_used_bytes=10 * 1024**3,
        )
        provision(CompanyFactory.create(name="Without projects"))
        client.force_login(superuser)
        groups = {group.key: group for group in client.get(INDEX).context["groups"]}
        assert set(groups) == {
            "connections",
            "subscriptions",
            "quota",
            "projects_over",
            "markers",
            "portraits",
            "failed_videos",
            "videos",
            "projects_ending",
            "without_projects",
            "contacts",
            "notices",
        }
        for group in groups.values():
            listed = client.get(group.url).context["cl"].queryset.count()
            # Contents that use a failed portrait are in the list, and mended at the portrait.
            assert listed - (3 if group.key == "markers" else 0) == group.total, group.key
            assert len(group.problems) == min(group.total, 5)
            for problem in group.problems:
                assert client.get(problem.url).status_code == 200
                if problem.fix and not problem.fix.post:
                    assert client.get(problem.fix.url).status_code == 200

    def test_the_chart_counts_the_days_of_the_company_and_has_the_table_behind_it(
        self, client: Client, viewer: User, company: Company
    ) -> None:
        Company.objects.filter(pk=company.pk).update(time_zone="Pacific/Kiritimati")
        client.force_login(viewer)
        response = client.get(INDEX)
        zone = ZoneInfo("Pacific/Kiritimati")
        days = [day for _label, day in response.context["days"]]
        today = timezone.now().astimezone(zone).date()
        assert [day.day for day in days] == [today - number * DAY for number in range(29, -1, -1)]
        for day in days:
            visits = [
                visit
                for visit in ARViewSession.objects.filter(company=company)
                if visit.created_at.astimezone(zone).date() == day.day
            ]
            assert day.views == len(visits)
            assert day.sessions == len({visit.session_id for visit in visits})
        assert sum(day.views for day in days) == 3
        html = response.content.decode()
        assert html.count('<th scope="row">') == 30
        assert "Pacific/Kiritimati" in html

    def test_companies_in_several_time_zones_are_counted_in_utc(
        self, client: Client, superuser: User, company: Company
    ) -> None:
        Company.objects.filter(pk=company.pk).update(time_zone="Asia/Tokyo")
        client.force_login(superuser)
        assert client.get(INDEX).context["zone"] == "UTC"


def test_a_visit_around_midnight_belongs_to_the_day_of_the_company(content: ARContent) -> None:
    Company.objects.filter(pk=content.company_id).update(time_zone="Europe/Moscow")
    now = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)
    visit(content, datetime(2026, 3, 30, 21, 30, tzinfo=UTC))
    # The first of the thirty days begins at local midnight, 2 March, and not a second before.
    visit(content, datetime(2026, 3, 1, 21, 0, tzinfo=UTC))
    visit(content, datetime(2026, 3, 1, 20, 59, 59, tzinfo=UTC))
    companies = Company.objects.filter(pk=content.company_id)
    days = reports.visits_by_day(companies, zone=ZoneInfo("Europe/Moscow"), now=now)
    assert {day.day.isoformat(): day.views for day in days if day.views} == {
        "2026-03-02": 1,
        "2026-03-31": 1,
    }


@pytest.mark.usefixtures("furnished")
class TestIsolation:
    @pytest.mark.parametrize("role", ["owner", "editor", "viewer"])
    def test_nothing_of_another_company_is_on_the_page(
        self, client: Client, request: pytest.FixtureRequest, role: str
    ) -> None:
        client.force_login(request.getfixturevalue(role))
        html = client.get(INDEX).content.decode()
        assert "Ours" in html
        assert "Theirs" not in html
        assert "Stranger company" not in html

    def test_a_member_who_left_sees_nothing_any_more(
        self, client: Client, viewer: User, stranger_company: Company
    ) -> None:
        viewer.memberships.all().delete()
        MembershipFactory.create(user=viewer, company=stranger_company)
        client.force_login(viewer)
        html = client.get(INDEX).content.decode()
        assert "Ours" not in html
        assert "Theirs" in html

    def test_nobody_without_a_company_gets_in(self, client: Client) -> None:
        assert client.get(INDEX).status_code == 302
        client.force_login(User.objects.create_user("newcomer"))
        assert client.get(INDEX).status_code == 302


class TestEmpty:
    def test_without_views_the_page_says_what_to_do_first(
        self, client: Client, editor: User, company: Company
    ) -> None:
        client.force_login(editor)
        response = client.get(INDEX)
        steps = response.context["steps"]
        assert [step.done for step in steps] == [False, False, False]
        assert [bool(step.url) for step in steps] == [True, False, False]
        assert client.get(steps[0].url).status_code == 200
        assert b"data-visits-chart" not in response.content
        project = ProjectFactory.create(company=company)
        steps = client.get(INDEX).context["steps"]
        assert [step.done for step in steps] == [True, False, False]
        assert client.get(steps[1].url).status_code == 200
        content = ARContentFactory.create(project=project)
        steps = client.get(INDEX).context["steps"]
        assert [step.done for step in steps] == [True, True, False]
        assert steps[2].url == reverse("admin:content_arcontent_change", args=[content.pk])
        visit(content, timezone.now())
        response = client.get(INDEX)
        assert response.context["steps"] == []
        assert b"data-visits-chart" in response.content

    def test_viewers_read_the_steps_and_cannot_take_them(
        self, client: Client, viewer: User
    ) -> None:
        client.force_login(viewer)
        steps = client.get(INDEX).context["steps"]
        assert steps
        assert not any(step.url for step in steps)

    def test_a_platform_without_a_company_offers_the_first_one(
        self, client: Client, superuser: User
    ) -> None:
        client.force_login(superuser)
        html = client.get(INDEX).content.decode()
        assert reverse("admin:companies_company_add") in html


def test_the_page_costs_the_same_for_one_row_and_for_fifty(
    client: Client, viewer: User, company: Company, superuser: User
) -> None:
    def count() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get(INDEX)
        return len(queries)

    client.force_login(viewer)
    furnish(company, name="Ours")
    client.get(INDEX)
    few = count()
    for number in (1, 2):
        other = CompanyFactory.create(name=f"Other {number}")
        provision(other)
        MembershipFactory.create(user=viewer, company=other)
        furnish(other, name=f"Other {number}", times=6)
    furnish(company, name="More", times=6)
    assert ARContent.objects.count() > 50
    assert count() == few
    assert few <= 29
    client.force_login(superuser)
    client.get(INDEX)
    assert count() <= few
