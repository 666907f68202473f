"""The sidebar and the search: what the caller may open, and nothing of other companies."""

import pytest
from django.contrib import admin
from django.test import Client

from arv import navigation
from companies.models import Company, Role, User
from companies.tests.factories import MembershipFactory, ProjectFactory
from content.tests.factories import ARContentFactory, PortraitFactory

pytestmark = pytest.mark.django_db

SEARCH = "/admin/search/"
# Reached from the pages of others, so not in the sidebar.
ELSEWHERE: set[str] = set()


@pytest.fixture
def filled(company: Company, stranger_company: Company) -> None:
    for owner, word in ((company, "Falcon"), (stranger_company, "Falcon-canary")):
        project = ProjectFactory.create(company=owner, name=f"{word} project")
        ARContentFactory.create(project=project, title=f"{word} content")
        PortraitFactory.create(company=owner, title=f"{word} portrait")


def links(client: Client) -> set[str]:
    groups = client.get("/admin/").context["sidebar_navigation"]
    return {item["link"] for group in groups for item in group["items"]}


class TestSidebar:
    def test_every_registered_list_is_in_the_sidebar(self) -> None:
        labels = {label for _title, icons in navigation.GROUPS for label in icons}
        registered = {model._meta.label_lower for model in admin.site._registry}
        assert registered - labels == ELSEWHERE
        assert labels <= registered

    @pytest.mark.parametrize("role", ["viewer", "editor", "owner", "superuser"])
    def test_every_item_can_be_opened_and_no_list_that_can_be_opened_is_missing(
        self, client: Client, request: pytest.FixtureRequest, role: str, company: Company
    ) -> None:
        client.force_login(request.getfixturevalue(role))
        shown = links(client)
        for link in shown:
            assert client.get(link).status_code == 200, link
        for model in admin.site._registry:
            link = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
            assert (client.get(link).status_code == 200) == (link in shown), link

    def test_members_do_not_see_the_platforms_lists(self, client: Client, owner: User) -> None:
        client.force_login(owner)
        shown = links(client)
        assert "/admin/content/arcontent/" in shown
        assert "/admin/companies/user/" not in shown
        assert not any("celery" in link for link in shown)

    def test_one_item_is_marked_as_open(self, client: Client, owner: User) -> None:
        client.force_login(owner)
        for url in ("/admin/", "/admin/companies/company/", "/admin/companies/company/audit/"):
            groups = client.get(url).context["sidebar_navigation"]
            marked = [item["link"] for g in groups for item in g["items"] if item["active"]]
            assert marked == [url]


@pytest.mark.usefixtures("filled")
class TestSearch:
    @pytest.mark.parametrize("extended", ["", "&extended=1"])
    def test_a_member_finds_rows_of_the_own_company_alone(
        self, client: Client, viewer: User, extended: str
    ) -> None:
        client.force_login(viewer)
        html = client.get(f"{SEARCH}?s=falcon{extended}").content.decode()
        for kind in ("content", "project", "portrait"):
            assert f"Falcon {kind}" in html
        assert "canary" not in html

    def test_one_readers_results_are_not_shown_to_the_next(
        self, client: Client, superuser: User, viewer: User, stranger: User
    ) -> None:
        client.force_login(superuser)
        assert "Falcon-canary content" in client.get(f"{SEARCH}?s=falcon").content.decode()
        client.force_login(viewer)
        assert "canary" not in client.get(f"{SEARCH}?s=falcon").content.decode()
        client.force_login(stranger)
        html = client.get(f"{SEARCH}?s=falcon").content.decode()
        assert "Falcon-canary content" in html
        assert "Falcon content" not in html

    def test_results_end_with_the_membership(
        self, client: Client, viewer: User, stranger_company: Company
    ) -> None:
        client.force_login(viewer)
        assert "Falcon content" in client.get(f"{SEARCH}?s=falcon").content.decode()
        viewer.memberships.all().delete()
        MembershipFactory.create(user=viewer, company=stranger_company, role=Role.VIEWER)
        html = client.get(f"{SEARCH}?s=falcon").content.decode()
        assert "Falcon content" not in html
        assert "canary" in html

    def test_lists_are_found_by_their_name_if_they_can_be_opened(
        self, client: Client, editor: User
    ) -> None:
        client.force_login(editor)
        assert "/admin/content/portrait/" in client.get(f"{SEARCH}?s=portr").content.decode()
        assert b"/admin/companies/user/" not in client.get(f"{SEARCH}?s=user").content

    @pytest.mark.parametrize("query", ["", "s=", "s=%00", "s=%25", "s=x&page=x", "s='&extended"])
    def test_odd_input_is_answered(self, client: Client, editor: User, query: str) -> None:
        client.force_login(editor)
        assert client.get(f"{SEARCH}?{query}").status_code == 200

    def test_nobody_searches_without_signing_in(self, client: Client) -> None:
        assert client.get(f"{SEARCH}?s=falcon").status_code == 302
