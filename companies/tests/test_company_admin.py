"""Companies and projects in the admin: what cannot be is a form error, never a crash."""

from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client

from companies.models import Company, Project, StorageFolder, User
from companies.storage.router import TenantStorage, generated_name
from companies.tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client, superuser: User) -> Client:
    client.force_login(superuser)
    return client


def project_form(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Weddings",
        "slug": "weddings",
        "project_type": "portrait",
        "tags": "",
        "status": "active",
        "subscription_type": "monthly",
        "notify_before_expiry_days": "7",
        **changes,
    }


def errors(answer: Any) -> Any:
    assert answer.status_code == 200
    return answer.context["adminform"].form.errors


def test_a_project_does_not_take_the_slug_of_a_sibling(
    staff: Client, company: Company, stranger_company: Company
) -> None:
    ProjectFactory.create(company=company, slug="taken")
    ProjectFactory.create(company=stranger_company, slug="elsewhere")
    project = ProjectFactory.create(company=company, slug="mine")
    change = f"/admin/companies/project/{project.pk}/change/"
    add = "/admin/companies/project/add/"
    assert errors(staff.post(change, project_form(slug="taken"))).keys() == {"slug"}
    new = project_form(slug="taken", company=company.pk)
    assert errors(staff.post(add, new)).keys() == {"slug"}
    for slug in ("elsewhere", "mine"):
        assert staff.post(change, project_form(slug=slug)).status_code == 302
        project.refresh_from_db()
        assert project.slug == slug


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("", []), (" , ,", []), ("свадьба, 2025,свадьба", ["свадьба", "2025"]), ("[1]", ["[1]"])],
)
def test_tags_are_typed_between_commas(
    staff: Client, company: Company, typed: str, kept: list[str]
) -> None:
    project = ProjectFactory.create(company=company, tags=["old", "older"])
    change = f"/admin/companies/project/{project.pk}/change/"
    assert 'value="old, older"' in staff.get(change).content.decode()
    assert staff.post(change, project_form(tags=typed)).status_code == 302
    project.refresh_from_db()
    assert project.tags == kept


def test_a_tag_holds_no_control_characters(staff: Client, company: Company) -> None:
    project = ProjectFactory.create(company=company)
    change = f"/admin/companies/project/{project.pk}/change/"
    assert errors(staff.post(change, project_form(tags="a\0b"))).keys() == {"tags"}


def test_a_company_does_not_take_the_name_of_another(
    staff: Client, company: Company, stranger_company: Company
) -> None:
    form = {
        "name": stranger_company.name,
        "slug": stranger_company.slug,
        "time_zone": "UTC",
        "storage_connection": company.storage_connection_id,
        "storage_quota_gb": "10",
        "subscription_tier": "basic",
        "projects_limit": "5",
    }
    change = f"/admin/companies/company/{company.pk}/change/"
    assert errors(staff.post(change, form)).keys() == {"name"}
    assert errors(staff.post("/admin/companies/company/add/", form)).keys() == {"name", "slug"}


class TestDeleting:
    @pytest.fixture
    def page(self, company: Company) -> str:
        return f"/admin/companies/company/{company.pk}/delete/"

    def test_an_empty_company_goes_with_its_folders(
        self, staff: Client, company: Company, page: str
    ) -> None:
        assert "Are you sure" in staff.get(page).content.decode()
        assert staff.post(page, {"post": "yes"}).status_code == 302
        assert not Company.objects.filter(pk=company.pk).exists()
        assert not StorageFolder.objects.filter(company=company.pk).exists()

    @pytest.mark.parametrize("kept", ["project", "file"])
    def test_a_company_with_something_in_it_stays(
        self, staff: Client, company: Company, page: str, kept: str
    ) -> None:
        if kept == "project":
            ProjectFactory.create(company=company, name="Still needed")
            shown = "Still needed"
        else:
            shown = generated_name(company, "portraits", "a.png")
            TenantStorage().save(shown, ContentFile(b"x"))
        chosen = {"action": "delete_selected", "_selected_action": company.pk, "post": "yes"}
        for path, data in ((page, {"post": "yes"}), ("/admin/companies/company/", chosen)):
            answer = staff.post(path, data)
            assert answer.status_code == 200
            assert shown in answer.content.decode()
        assert Company.objects.filter(pk=company.pk).exists()
        assert Project.objects.filter(company=company).exists() == (kept == "project")

    def test_a_folder_alone_is_never_deleted(self, staff: Client, company: Company) -> None:
        folder = company.storage_folders.get(folder_type="videos")
        folders = "/admin/companies/storagefolder/"
        assert staff.post(f"{folders}{folder.pk}/delete/", {"post": "yes"}).status_code == 403
        chosen = {"action": "delete_selected", "_selected_action": folder.pk, "post": "yes"}
        staff.post(folders, chosen)
        assert StorageFolder.objects.filter(pk=folder.pk).exists()
