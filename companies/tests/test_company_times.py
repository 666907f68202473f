"""Times in the back office are those of the company they belong to, and each page says so."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from companies.models import ApiToken, Company, Role, User
from companies.tests.factories import CompanyFactory, MembershipFactory, ProjectFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("calm")]

YEAR = timezone.now().year + 1
EVENING = datetime(YEAR, 12, 1, 20, 30, tzinfo=UTC)
ZONE = "Asia/Vladivostok"
# There the first of December is over by then: it is half past six in the morning.
SAID = f"Times are those of {ZONE}."
BY_ROW = "Times of each row are those of its company."
PROJECTS = "/admin/companies/project/"


@pytest.fixture
def company(company: Company) -> Company:
    company.time_zone = ZONE
    company.subscription_expires_at = EVENING
    company.save()
    return company


@pytest.fixture
def page(client: Client) -> Callable[[User, str], str]:
    def page(user: User, address: str) -> str:
        client.force_login(user)
        answer = client.get(address)
        assert answer.status_code == 200
        return answer.content.decode()

    return page


@pytest.fixture
def owner_of_two(owner: User, stranger_company: Company) -> User:
    MembershipFactory.create(user=owner, company=stranger_company, role=Role.OWNER)
    return owner


def test_a_project_is_read_and_shown_by_its_company_s_clock(
    client: Client, page: Callable[[User, str], str], company: Company, owner_of_two: User
) -> None:
    project = ProjectFactory.create(company=company, expires_at=EVENING)
    change = f"{PROJECTS}{project.pk}/change/"
    form = page(owner_of_two, change)
    assert f'value="{YEAR}-12-02"' in form
    assert 'value="06:30:00"' in form
    assert SAID in form
    answer = client.post(
        change,
        {
            "name": project.name,
            "slug": project.slug,
            "project_type": project.project_type,
            "status": project.status,
            "subscription_type": project.subscription_type,
            "notify_before_expiry_days": "7",
            "expires_at_0": f"{YEAR}-12-03",
            "expires_at_1": "06:30:00",
        },
    )
    assert answer.status_code == 302
    project.refresh_from_db()
    assert project.expires_at == EVENING.replace(day=2)


@pytest.mark.parametrize("year", ["0001", "1899", "3000", "9999"])
def test_staff_type_no_year_that_nothing_can_be_added_to(
    client: Client, company: Company, owner_of_two: User, superuser: User, year: str
) -> None:
    end = {"expires_at_0": f"{year}-01-01", "expires_at_1": "00:00:00"}
    project = ProjectFactory.create(company=company, expires_at=EVENING)
    token = {"name": "T", "company": company.pk, "scope": "read", **end}
    for address, posted in (
        (f"{PROJECTS}{project.pk}/change/", {"name": "N", **end}),
        ("/admin/companies/apitoken/add/", token),
    ):
        client.force_login(owner_of_two)
        errors = client.post(address, posted).context["adminform"].form.errors
        assert "1900" in str(errors["expires_at"])


def test_a_new_row_is_read_by_the_only_company_s_clock_or_the_server_s(
    page: Callable[[User, str], str], company: Company, owner: User, superuser: User
) -> None:
    assert SAID in page(owner, f"{PROJECTS}add/")
    # A company that is not there yet has no clock either, even where there is one company alone.
    assert "Times are those of UTC." in page(superuser, "/admin/companies/company/add/")
    CompanyFactory.create()
    assert SAID in page(owner, f"{PROJECTS}add/")
    assert "Times are those of UTC." in page(superuser, f"{PROJECTS}add/")


def test_lists_show_each_row_by_its_company_s_clock(
    page: Callable[[User, str], str],
    company: Company,
    stranger_company: Company,
    owner: User,
    superuser: User,
) -> None:
    for one in (company, stranger_company):
        ProjectFactory.create(company=one, expires_at=EVENING)
    mine = page(owner, PROJECTS)
    assert f"Dec. 2, {YEAR}, 6:30 a.m." in mine
    assert SAID in mine
    everybodys = page(superuser, PROJECTS)
    assert f"Dec. 2, {YEAR}, 6:30 a.m." in everybodys
    assert f"Dec. 1, {YEAR}, 8:30 p.m." in everybodys
    assert BY_ROW in everybodys
    assert f"until {YEAR}-12-02" in page(superuser, "/admin/companies/company/")


def test_more_days_are_said_by_the_company_s_clock(
    client: Client, page: Callable[[User, str], str], company: Company, owner_of_two: User
) -> None:
    project = ProjectFactory.create(company=company, expires_at=EVENING)
    extend = f"{PROJECTS}{project.pk}/extend/"
    assert f"expires Dec. 2, {YEAR}" in page(owner_of_two, extend)
    answer = client.post(extend, {"days": "3"}, follow=True).content.decode()
    assert f"extended, to Dec. 5, {YEAR}" in answer


def test_a_token_and_a_subscription_end_by_the_company_s_clock(
    page: Callable[[User, str], str], company: Company, owner_of_two: User
) -> None:
    token, _key = ApiToken.issue(
        user=owner_of_two, company=company, name="For the shop", expires_at=EVENING
    )
    form = page(owner_of_two, f"/admin/companies/apitoken/{token.pk}/change/")
    assert f"Dec. 2, {YEAR}, 6:30 a.m." in form
    assert SAID in form
    shown = page(owner_of_two, f"/admin/companies/company/{company.pk}/change/")
    assert f"Dec. 2, {YEAR}, 6:30 a.m." in shown
    assert SAID in shown


def test_what_was_changed_is_told_by_the_clock_of_one_company_or_the_server_s(
    page: Callable[[User, str], str], company: Company, owner_of_two: User, superuser: User
) -> None:
    project = ProjectFactory.create(company=company, expires_at=EVENING)
    project.expires_at = EVENING.replace(day=2)
    project.save()
    project.history.update(history_date=EVENING)
    history = page(owner_of_two, f"{PROJECTS}{project.pk}/history/")
    assert f"12/02/{YEAR} 6:30 a.m." in history
    assert f"<del>Dec. 2, {YEAR}, 6:30 a.m.</del> → <ins>Dec. 3, {YEAR}, 6:30 a.m.</ins>" in history
    assert SAID in history
    audit = "/admin/companies/company/audit/"
    of_all = page(owner_of_two, audit)
    assert f"12/01/{YEAR} 8:30 p.m." in of_all
    assert "Times are those of UTC." in of_all
    of_one = page(superuser, f"{audit}?company={company.pk}")
    assert f"12/02/{YEAR} 6:30 a.m." in of_one
    assert SAID in of_one


def test_filters_offer_the_newest_rows_of_a_long_table_and_the_chosen(
    page: Callable[[User, str], str], company: Company, superuser: User
) -> None:
    CompanyFactory.create_batch(101)
    unfiltered = page(superuser, PROJECTS)
    assert "company (the newest)" in unfiltered
    assert unfiltered.count("<option") < 110
    option = f'<option value="{company.pk}" selected>'
    assert option not in unfiltered
    assert option in page(superuser, f"{PROJECTS}?company__id__exact={company.pk}")


def test_the_audit_says_when_it_does_not_name_every_company(
    page: Callable[[User, str], str], company: Company, superuser: User
) -> None:
    CompanyFactory.create_batch(200)
    last = Company.objects.last()
    assert last is not None
    audit = "/admin/companies/company/audit/"
    assert "The first 200 companies." in page(superuser, audit)
    assert f'<option value="{last.pk}" selected>' in page(superuser, f"{audit}?company={last.pk}")


def test_a_list_of_many_companies_asks_no_more_of_the_database(
    client: Client,
    page: Callable[[User, str], str],
    company: Company,
    superuser: User,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    ProjectFactory.create(company=company, expires_at=EVENING)
    ProjectFactory.create(expires_at=EVENING)
    page(superuser, PROJECTS)
    with django_assert_max_num_queries(30) as few:
        page(superuser, PROJECTS)
    ProjectFactory.create_batch(10, expires_at=EVENING)
    with django_assert_max_num_queries(len(few)):
        page(superuser, PROJECTS)
