"""The four reports: exact figures, for those who may see them, and nobody else."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from analytics import reports
from analytics.reports import Scope
from analytics.tests.furnish import visit
from companies.models import ApiToken, Company, Project, User
from companies.tests.factories import ProjectFactory
from content.models import ARContent
from content.tests.factories import ARContentFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 31, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def visits(content: ARContent, project: Project, foreign_content: ARContent) -> None:
    """Of the company: 4 views in 3 sessions of 2 contents, one older than 30 days; 2 foreign."""
    sibling = ARContentFactory.create(project=project, is_active=False)
    shared = uuid.uuid4()
    visit(content, session_id=shared)
    visit(sibling, session_id=shared)
    visit(content)
    visit(content, at=timezone.now() - timedelta(days=29, hours=23))
    visit(content, at=timezone.now() - timedelta(days=30, seconds=1))
    visit(foreign_content)
    visit(foreign_content)


def paths(content: ARContent) -> dict[str, str]:
    return {
        "company_id": f"/api/analytics/companies/{content.company_id}",
        "project_id": f"/api/analytics/projects/{content.project_id}",
        "ar_content_id": f"/api/analytics/ar-content/{content.pk}",
    }


@pytest.mark.usefixtures("visits")
class TestFigures:
    @pytest.mark.parametrize("role", ["owner", "editor", "viewer"])
    def test_a_member_sees_the_figures_of_the_company(
        self, client: Client, request: pytest.FixtureRequest, role: str, company: Company
    ) -> None:
        Company.objects.filter(pk=company.pk).update(storage_used_bytes=1_610_612_736)
        client.force_login(request.getfixturevalue(role))
        response = client.get("/api/analytics/overview")
        assert response.status_code == 200
        assert (
            response.json().items()
            >= {
                "total_views": 4,
                "unique_sessions": 3,
                "active_content": 1,
                "storage_used_gb": 1.5,
            }.items()
        )

    def test_a_member_sees_the_views_of_company_project_and_content(
        self, client: Client, viewer: User, content: ARContent
    ) -> None:
        client.force_login(viewer)
        figures = {"company_id": 4, "project_id": 4, "ar_content_id": 3}
        ids = {
            "company_id": content.company_id,
            "project_id": content.project_id,
            "ar_content_id": content.pk,
        }
        for name, path in paths(content).items():
            told = client.get(path).json()
            assert (told[name], told["views_30_days"]) == (ids[name], figures[name])

    def test_a_superuser_sees_everything(
        self, client: Client, superuser: User, foreign_content: ARContent
    ) -> None:
        Company.objects.update(storage_used_bytes=2**29)
        client.force_login(superuser)
        overview = client.get("/api/analytics/overview").json()
        assert (overview["total_views"], overview["unique_sessions"]) == (6, 5)
        assert overview["active_content"] == ARContent.objects.filter(is_active=True).count()
        assert overview["storage_used_gb"] == round(Company.objects.count() * 0.5, 3)
        company = client.get(paths(foreign_content)["company_id"]).json()
        assert company["views_30_days"] == 2

    def test_a_member_of_two_companies_sees_their_sum(
        self, client: Client, viewer: User, stranger_company: Company
    ) -> None:
        viewer.memberships.create(company=stranger_company)
        client.force_login(viewer)
        assert client.get("/api/analytics/overview").json()["total_views"] == 6

    def test_a_user_without_a_company_sees_zeros(self, client: Client) -> None:
        client.force_login(User.objects.create_user("newcomer"))
        assert (
            client.get("/api/analytics/overview").json().items()
            >= {
                "total_views": 0,
                "unique_sessions": 0,
                "active_content": 0,
                "storage_used_gb": 0.0,
            }.items()
        )

    def test_a_token_of_a_superuser_sees_only_its_company(
        self, client: Client, superuser: User, company: Company, foreign_content: ARContent
    ) -> None:
        _, key = ApiToken.issue(user=superuser, company=company, name="limited")
        headers = {"Authorization": f"Bearer {key}"}
        overview = client.get("/api/analytics/overview", headers=headers).json()
        assert overview["total_views"] == 4
        for path in paths(foreign_content).values():
            assert client.get(path, headers=headers).status_code == 404

    def test_a_token_is_worth_nothing_after_its_user_left_the_company(
        self, client: Client, viewer: User, company: Company, content: ARContent
    ) -> None:
        _, key = ApiToken.issue(user=viewer, company=company, name="left behind")
        viewer.memberships.all().delete()
        headers = {"Authorization": f"Bearer {key}"}
        for path in paths(content).values():
            assert client.get(path, headers=headers).status_code == 404


class TestAccess:
    def test_nobody_sees_anything_without_signing_in(
        self, client: Client, content: ARContent
    ) -> None:
        for path in ["/api/analytics/overview", *paths(content).values()]:
            response = client.get(path)
            assert response.status_code == 401
            assert response.headers["WWW-Authenticate"].startswith("Bearer")
            assert response.json()["code"] == "not_authenticated"

    def test_a_stranger_gets_the_same_404_as_for_an_unknown_id(
        self, client: Client, stranger: User, content: ARContent
    ) -> None:
        client.force_login(stranger)
        for path in paths(content).values():
            foreign = client.get(path)
            unknown = client.get(path.rpartition("/")[0] + "/987654321")
            assert foreign.status_code == unknown.status_code == 404
            assert foreign.json() == unknown.json()

    @pytest.mark.parametrize("number", ["0", "99999999999999999999999999", "-1", "x", "1.5"])
    def test_an_impossible_id_is_404(self, client: Client, superuser: User, number: str) -> None:
        client.force_login(superuser)
        for kind in ("companies", "projects", "ar-content"):
            assert client.get(f"/api/analytics/{kind}/{number}").status_code == 404

    def test_reports_are_only_read(self, client: Client, superuser: User) -> None:
        client.force_login(superuser)
        response = client.post("/api/analytics/overview")
        assert response.status_code in {403, 405}
        assert "code" in response.json()


class TestWindow:
    def test_the_window_is_thirty_days_to_the_second(self, content: ARContent) -> None:
        edge = NOW - timedelta(days=30)
        visit(content, at=edge)
        visit(content, at=edge - timedelta(seconds=1))
        visit(content, at=edge + timedelta(seconds=1))
        own = (content.company_id,)
        of_content = Scope(own, content=content.pk)
        assert reports.visits(Company.objects.all(), now=NOW).views == 2
        assert reports.visits_of(Scope(own), now=NOW).views == 2
        assert reports.visits_of(Scope(own, project=content.project_id), now=NOW).views == 2
        assert reports.visits_of(of_content, now=NOW).views == 2
        assert reports.visits_of(of_content, now=NOW + timedelta(seconds=1)).views == 1

    def test_projects_of_one_company_do_not_mix(self, content: ARContent, company: Company) -> None:
        other = ARContentFactory.create(project=ProjectFactory.create(company=company))
        visit(content, at=NOW)
        visit(other, at=NOW)
        of_project = Scope((company.pk,), project=other.project_id)
        assert reports.visits_of(of_project, now=NOW).views == 1
        assert reports.visits_of(Scope((company.pk,)), now=NOW).views == 2


def test_a_report_costs_the_same_for_one_visit_and_for_many(
    content: ARContent, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    companies = Company.objects.filter(pk=content.company_id)
    for visits in (1, 20):
        for _ in range(visits):
            visit(content)
        # The companies and how far they are rolled up; sessions seen twice lately; the figures;
        # the contents and the storage.
        with django_assert_num_queries(6):
            reports.visits(companies, now=timezone.now())
            reports.holdings(companies)
