"""What a company may not do any more: clearly said, and counted right under parallel requests."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from companies import limits
from companies.limits import LimitReached, add_project, check_subscription, extend_project
from companies.models import Company, Project, User
from companies.tests.factories import ProjectFactory
from companies.tests.parallel import in_parallel, meeting_point

# Long past for the forms, which look at the clock.
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ADD = "/admin/companies/project/add/"


def form(company: Company, name: str = "One more") -> dict[str, Any]:
    return {
        "company": company.pk,
        "name": name,
        "slug": "",
        "project_type": "portrait",
        "tags": "[]",
        "status": "active",
        "subscription_type": "monthly",
        "notify_before_expiry_days": "7",
    }


def one_more(company: Company, name: str = "One more") -> Project:
    return add_project(Project(company=company, name=name), now=NOW)


@pytest.mark.django_db
class TestOneAfterTheOther:
    def test_the_last_project_that_fits_is_made_and_no_further_one(self, company: Company) -> None:
        company.projects_limit = 2
        company.save()
        one_more(company)
        one_more(company)
        with pytest.raises(LimitReached) as refusal:
            one_more(company)
        assert refusal.value.messages == ["Company may have 2 projects and has them all."]
        assert refusal.value.code == "projects_limit"
        assert company.projects.count() == 2

    def test_projects_of_others_do_not_count(
        self, company: Company, stranger_company: Company
    ) -> None:
        Company.objects.update(projects_limit=1)
        ProjectFactory.create(company=stranger_company)
        assert one_more(company).pk

    def test_a_limit_made_smaller_takes_nothing_away(self, company: Company) -> None:
        ProjectFactory.create_batch(3, company=company)
        Company.objects.update(projects_limit=1)
        with pytest.raises(LimitReached):
            one_more(company)
        assert company.projects.count() == 3

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            (
                {"subscription_expires_at": NOW},
                "The subscription of Company has run out. Renew it to go on.",
            ),
            (
                {"is_active": False},
                "Company is switched off. Ask the platform's staff to switch it on.",
            ),
        ],
    )
    def test_without_a_subscription_nothing_new_is_made(
        self, company: Company, changes: dict[str, Any], message: str
    ) -> None:
        project = ProjectFactory.create(company=company, expires_at=NOW)
        Company.objects.update(**changes)
        company.refresh_from_db()
        for work in (
            lambda: check_subscription(company, NOW),
            lambda: one_more(company),
            lambda: extend_project(project, days=30, now=NOW),
        ):
            with pytest.raises(LimitReached) as refusal:
                work()
            assert refusal.value.messages == [message]
        assert company.projects.count() == 1

    def test_a_subscription_holds_to_its_last_moment(self, company: Company) -> None:
        company.subscription_expires_at = NOW + timedelta(microseconds=1)
        company.save()
        assert one_more(company).pk

    def test_the_limit_that_counts_is_the_one_of_now(self, company: Company) -> None:
        """A row that was read a minute ago knows neither the limit nor the subscription."""
        project = Project(company=company, name="One more")
        Company.objects.update(projects_limit=0)
        with pytest.raises(LimitReached):
            add_project(project, now=NOW)

    @pytest.mark.parametrize("days", [0, -1, limits.MOST_DAYS + 1])
    def test_an_extension_is_of_a_sensible_number_of_days(
        self, company: Company, days: int
    ) -> None:
        project = ProjectFactory.create(company=company, expires_at=NOW)
        with pytest.raises(ValidationError, match="Extend by 1 to 3650 days"):
            extend_project(project, days=days, now=NOW)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"projects_limit": 0}, "Company may have 0 projects and has them all."),
            ({"subscription_expires_at": NOW}, "The subscription of Company has run out."),
            ({"is_active": False}, "Company is switched off."),
        ],
    )
    def test_the_form_says_it(
        self, client: Client, company: Company, editor: User, changes: dict[str, Any], message: str
    ) -> None:
        client.force_login(editor)
        Company.objects.update(**changes)
        page = client.post(ADD, form(company))
        assert page.status_code == 200
        assert message in page.content.decode()
        assert not Project.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestInParallel:
    @pytest.fixture
    def company(self, company: Company) -> Company:
        """With room for three more projects."""
        ProjectFactory.create_batch(2, company=company)
        company.projects_limit = 5
        company.save()
        return company

    def test_of_16_new_projects_three_are_made(self, company: Company) -> None:
        results = in_parallel([lambda: one_more(company)] * 16)
        made = [result for result in results if isinstance(result, Project)]
        refused = [result for result in results if isinstance(result, LimitReached)]
        assert (len(made), len(refused)) == (3, 13), results
        assert company.projects.count() == 5
        assert len({project.slug for project in made}) == 3

    def test_of_16_forms_three_are_accepted(self, company: Company, editor: User) -> None:
        clients = [Client() for _ in range(16)]
        for client in clients:
            client.force_login(editor)
        pages = in_parallel([partial(client.post, ADD, form(company)) for client in clients])
        codes = {getattr(page, "status_code", page) for page in pages}
        assert codes <= {200, 302}
        assert company.projects.count() == 5

    def test_without_the_lock_there_would_be_too_many(
        self, company: Company, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The negative control. The transaction is SQLite's lock, so it goes too."""
        everybody_counted = meeting_point(16)
        check = limits.check_projects

        def check_and_wait(company: Company) -> None:
            check(company)
            everybody_counted.wait()

        monkeypatch.setattr(limits, "check_projects", check_and_wait)
        unlocked = Company.objects.all()
        monkeypatch.setattr(Company.objects, "select_for_update", lambda **how: unlocked.all())
        careless: Any = add_project.__wrapped__  # type: ignore[attr-defined]
        results = in_parallel(
            [lambda: careless(Project(company=company, name="One more"), now=NOW)] * 16
        )
        assert not [result for result in results if not isinstance(result, Project)]
        assert company.projects.count() == 18
