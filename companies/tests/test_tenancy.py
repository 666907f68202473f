"""Roles, tokens and superusers: who reaches which rows."""

import pytest
from django.contrib.auth.models import AnonymousUser

from companies.models import (
    ApiToken,
    Company,
    Membership,
    Project,
    Role,
    StorageFolder,
    TokenScope,
    User,
)
from companies.models.ownership import company_id_of
from companies.tenancy import Access
from companies.tests.factories import MembershipFactory, ProjectFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def projects(company: Company, stranger_company: Company) -> tuple[Project, Project]:
    mine = ProjectFactory.create(company=company)
    return mine, ProjectFactory.create(company=stranger_company)


@pytest.mark.parametrize("role", list(Role))
def test_a_role_opens_what_lower_roles_do_and_no_more(
    role: Role, company: Company, projects: tuple[Project, Project], request: pytest.FixtureRequest
) -> None:
    mine, foreign = projects
    access = Access(request.getfixturevalue(role.value))
    for asked in Role:
        opens = role.rank >= asked.rank
        assert access.may(mine, asked) is opens
        assert access.may_somewhere(asked) is opens
        assert list(access.rows(Project.objects.all(), asked)) == ([mine] if opens else [])
        assert not access.may(foreign, asked)
    assert list(access.companies()) == [company]
    assert not access.manages_platform


def test_a_person_has_a_role_of_its_own_in_each_company(
    editor: User, stranger_company: Company, projects: tuple[Project, Project]
) -> None:
    MembershipFactory.create(user=editor, company=stranger_company, role=Role.VIEWER)
    mine, other = projects
    access = Access(editor)
    assert set(access.rows(Project.objects.all())) == {mine, other}
    assert list(access.rows(Project.objects.all(), Role.EDITOR)) == [mine]
    assert not access.may(other, Role.EDITOR)


def test_what_has_no_company_is_the_platforms(owner: User, superuser: User) -> None:
    assert not Access(owner).rows(User.objects.all()).exists()
    assert Access(superuser).rows(User.objects.all()).exists()
    assert not Access(owner).may(owner, Role.VIEWER)


def test_nobody_and_the_switched_off_reach_nothing(
    owner: User, superuser: User, projects: tuple[Project, Project]
) -> None:
    for user in (owner, superuser):
        user.is_active = False
    for access in (Access(AnonymousUser()), Access(owner), Access(superuser)):
        assert not access.rows(Project.objects.all()).exists()
        assert not access.may_somewhere()
        assert not access.manages_platform


class TestTokens:
    @pytest.mark.parametrize(
        ("scope", "highest"),
        [
            (TokenScope.READ, Role.VIEWER),
            (TokenScope.WRITE, Role.EDITOR),
            (TokenScope.MANAGE, Role.OWNER),
        ],
    )
    @pytest.mark.parametrize("who", ["owner", "superuser"])
    def test_the_scope_caps_the_role(
        self,
        scope: TokenScope,
        highest: Role,
        who: str,
        projects: tuple[Project, Project],
        request: pytest.FixtureRequest,
    ) -> None:
        user = request.getfixturevalue(who)
        access = Access(user, ApiToken(user=user, scope=scope))
        for asked in Role:
            assert access.may(projects[0], asked) is (highest.rank >= asked.rank)
            assert access.rows(Project.objects.all(), asked).exists() is access.may_somewhere(asked)
        assert access.manages_platform is (user.is_superuser and scope == TokenScope.MANAGE)

    @pytest.mark.parametrize("who", ["editor", "superuser"])
    def test_a_company_narrows_it(
        self,
        who: str,
        company: Company,
        stranger_company: Company,
        projects: tuple[Project, Project],
        request: pytest.FixtureRequest,
    ) -> None:
        user = request.getfixturevalue(who)
        if who == "editor":
            MembershipFactory.create(user=user, company=stranger_company, role=Role.OWNER)
        token = ApiToken(user=user, company=company, scope=TokenScope.MANAGE)
        access = Access(user, token)
        assert list(access.companies()) == [company]
        assert list(access.rows(Project.objects.all(), Role.EDITOR)) == [projects[0]]
        assert not access.may(projects[1], Role.VIEWER)
        assert not access.rows(User.objects.all()).exists()
        assert not access.manages_platform


def test_a_row_knows_its_company(
    company: Company, owner: User, projects: tuple[Project, Project]
) -> None:
    assert company_id_of(company) == company.pk
    assert company_id_of(projects[0]) == company.pk
    assert company_id_of(StorageFolder.objects.filter(company=company)[0]) == company.pk
    assert company_id_of(Membership.objects.get(user=owner)) == company.pk
    assert company_id_of(owner) is None
