"""Who changed what: recorded for each change by a person, read by that company's people."""

import json
from collections.abc import Callable

import pytest
from django.apps import apps
from django.test import Client

from companies.models import ApiToken, Company, Project, Role, StorageConnection, User
from companies.models.ownership import CompanyHistory
from companies.tests.factories import MembershipFactory, ProjectFactory

pytestmark = pytest.mark.django_db
AUDIT = "/admin/companies/company/audit/"


@pytest.fixture
def signed_in(client: Client) -> Callable[[User], Client]:
    def sign_in(user: User) -> Client:
        client.force_login(user)
        return client

    return sign_in


def change(project: Project, **changes: str) -> dict[str, str]:
    return {
        "name": project.name,
        "slug": project.slug,
        "project_type": project.project_type,
        "status": project.status,
        "subscription_type": project.subscription_type,
        "notify_before_expiry_days": "7",
        **changes,
    }


def test_a_change_is_shown_with_its_author_and_both_values(
    signed_in: Callable[[User], Client], company: Company, editor: User, viewer: User
) -> None:
    project = ProjectFactory.create(company=company, name="Weddings of June")
    page = f"/admin/companies/project/{project.pk}"
    posted = change(project, name="Weddings of July", status="paused")
    assert signed_in(editor).post(f"{page}/change/", posted).status_code == 302
    record = project.history.first()
    assert record.history_user == editor
    assert record.history_company_id == company.pk
    shown = signed_in(viewer).get(f"{page}/history/").content.decode()
    assert "<del>Weddings of June</del> → <ins>Weddings of July</ins>" in shown
    assert "<del>active</del> → <ins>paused</ins>" in shown
    assert editor.username in shown


def test_the_audit_of_a_company_keeps_what_was_deleted_and_shows_no_other(
    signed_in: Callable[[User], Client],
    company: Company,
    stranger_company: Company,
    owner: User,
    stranger: User,
    superuser: User,
) -> None:
    gone = ProjectFactory.create(company=company, name="Gone for good")
    ProjectFactory.create(company=stranger_company, name="None of your business")
    gone.delete()
    mine = signed_in(owner).get(AUDIT).content.decode()
    assert mine.count("Gone for good") == 2
    assert "None of your business" not in mine
    assert stranger_company.name not in mine
    assert signed_in(owner).get(f"{AUDIT}?company={stranger_company.pk}").status_code == 404
    assert "Gone for good" not in signed_in(stranger).get(AUDIT).content.decode()
    everything = signed_in(superuser).get(AUDIT).content.decode()
    assert "Gone for good" in everything
    assert "None of your business" in everything
    narrowed = signed_in(superuser).get(f"{AUDIT}?company={company.pk}").content.decode()
    assert "None of your business" not in narrowed


def test_it_is_filtered_by_kind_and_turned_by_pages(
    signed_in: Callable[[User], Client], company: Company, owner: User
) -> None:
    for number in range(60):
        ProjectFactory.create(company=company, name=f"Project number {number}.")
    first = signed_in(owner).get(f"{AUDIT}?model=companies.project").content.decode()
    assert "Project number 59." in first
    assert "Project number 5." not in first
    second = signed_in(owner).get(f"{AUDIT}?model=companies.project&p=2").content.decode()
    assert "Project number 5." in second
    assert (
        "Project number"
        not in signed_in(owner).get(f"{AUDIT}?model=content.video").content.decode()
    )
    assert signed_in(owner).get(f"{AUDIT}?model=companies.user").status_code == 404


def test_viewers_do_not_read_of_what_they_cannot_open(
    signed_in: Callable[[User], Client], company: Company, owner: User, viewer: User
) -> None:
    ApiToken.issue(user=owner, company=company, name="Importer of the night")
    StorageConnection.objects.create(name="Vault", provider="minio", company=company)
    for user, seen in ((owner, True), (viewer, False)):
        shown = signed_in(user).get(AUDIT).content.decode()
        assert ("Importer of the night" in shown) is seen
        assert ("Vault" in shown) is seen


def test_a_change_of_the_platforms_notes_leaves_no_trace_for_members(
    signed_in: Callable[[User], Client], company: Company, owner: User
) -> None:
    company.notes = "Pays late."
    company.save()
    page = f"/admin/companies/company/{company.pk}/history/"
    shown = signed_in(owner).get(page).content.decode()
    assert "<td>changed" not in shown
    assert "<td>created" in shown


def test_related_rows_are_named_where_the_reader_may_see_them(
    signed_in: Callable[[User], Client], company: Company, owner: User
) -> None:
    own = StorageConnection.objects.create(name="Our bucket", provider="minio", company=company)
    before = company.storage_connection
    company.storage_connection = own
    company.save()
    shown = signed_in(owner).get(f"/admin/companies/company/{company.pk}/history/").content.decode()
    assert "<ins>Our bucket</ins>" in shown
    # The platform's connection is not the owner's to see.
    assert f"<del>#{before.pk}</del>" in shown


def test_no_secret_is_in_any_history(company: Company, owner: User) -> None:
    secret = "a-secret-that-nobody-may-read"
    connection = StorageConnection.objects.create(
        name="Bucket", provider="minio", company=company, credentials={"secret_key": secret}
    )
    connection.credentials = {"secret_key": secret + "2"}
    connection.save()
    token, key = ApiToken.issue(user=owner, company=company, name="Importer")
    histories = [one for one in apps.get_models() if issubclass(one, CompanyHistory)]
    assert len(histories) >= 9
    for history in histories:
        stored = json.dumps(list(history._default_manager.values()), default=str)
        assert secret not in stored
        assert token.digest not in stored
        assert key not in stored


def test_members_and_their_roles_are_recorded(company: Company, owner: User) -> None:
    membership = MembershipFactory.create(company=company, role=Role.VIEWER)
    membership.role = Role.OWNER
    membership.save()
    kinds = [(one.history_type, one.role) for one in membership.history.all()]
    assert kinds == [("~", "owner"), ("+", "viewer")]
