"""Companies and projects in the admin: what cannot be is a form error, never a crash."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.utils import timezone

from companies.admin.forms import CarefulForm
from companies.admin.projects import ProjectForm
from companies.limits import extend_project
from companies.models import Company, Project, StorageConnection, StorageFolder, User
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
        "language": "en",
        "time_zone": "UTC",
        "session_retention_days": 400,
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


class TestProjectsThatRunLonger:
    """`expires_at` and `status` are remembered by the page that shows them."""

    NOW = timezone.now().replace(microsecond=0)

    @pytest.fixture
    def project(self, company: Company) -> Project:
        ends = self.NOW + timedelta(days=2)
        project: Project = ProjectFactory.create(company=company, expires_at=ends)
        return project

    def page(self, staff: Client, project: Project) -> dict[str, str]:
        """What a browser would post of the page."""
        html = staff.get(f"/admin/companies/project/{project.pk}/change/").content.decode()
        names = ["expires_at_0", "expires_at_1", "initial-status"]
        names += ["initial-expires_at_0", "initial-expires_at_1"]
        fields = {}
        for name in names:
            [tag] = re.findall(rf'<input[^>]* name="{name}"[^>]*>', html)
            fields[name] = re.findall(r'value="([^"]*)"', tag)[0]
        return fields

    def save(self, staff: Client, project: Project, **fields: Any) -> Any:
        page = f"/admin/companies/project/{project.pk}/change/"
        answer = staff.post(page, project_form(slug=project.slug, **fields))
        project.refresh_from_db()
        return answer

    def test_a_stale_page_takes_back_no_extension(self, staff: Client, project: Project) -> None:
        shown = self.page(staff, project)
        extended = extend_project(project, days=30, now=self.NOW).expires_at
        assert self.save(staff, project, **{**shown, "name": "Renamed"}).status_code == 302
        assert (project.name, project.expires_at) == ("Renamed", extended)
        assert project.history.latest().expires_at == extended

    def test_what_others_write_during_the_save_stays(
        self, staff: Client, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = ProjectForm.is_valid

        def somebody_comes_in_between(form: ProjectForm) -> bool:
            Project.objects.update(last_notification_sent_at=self.NOW, status="expired")
            return real(form)

        shown = self.page(staff, project)
        monkeypatch.setattr(ProjectForm, "is_valid", somebody_comes_in_between)
        assert self.save(staff, project, **{**shown, "name": "Renamed"}).status_code == 302
        assert (project.name, project.status) == ("Renamed", "expired")
        assert project.last_notification_sent_at == self.NOW
        assert project.history.latest().status == "expired"

    def test_a_page_shown_again_with_an_error_still_knows_what_it_showed(
        self, staff: Client, project: Project
    ) -> None:
        shown = self.page(staff, project)
        day = (self.NOW + timedelta(days=9)).date().isoformat()
        wrong = {**shown, "name": "", "expires_at_0": day}
        html = self.save(staff, project, **wrong).content.decode()
        for name in ("initial-expires_at_0", "initial-expires_at_1"):
            [tag] = re.findall(rf'<input[^>]* name="{name}"[^>]*>', html)
            assert f'value="{shown[name]}"' in tag
        self.save(staff, project, **{**wrong, "name": "Right"})
        assert project.expires_at
        assert project.expires_at.date().isoformat() == day

    def test_without_a_subscription_the_form_says_no_beside_the_field(
        self, staff: Client, company: Company, project: Project
    ) -> None:
        Project.objects.update(status="paused")
        Company.objects.update(subscription_expires_at=self.NOW)
        shown = {**self.page(staff, project), "status": "paused"}
        day = (self.NOW + timedelta(days=9)).date().isoformat()
        later = errors(self.save(staff, project, **{**shown, "expires_at_0": day}))
        assert later.keys() == {"expires_at"}
        assert errors(self.save(staff, project, **{**shown, "status": "active"})).keys() == {
            "status"
        }
        assert self.save(staff, project, **{**shown, "name": "Renamed"}).status_code == 302
        assert (project.name, project.status) == ("Renamed", "paused")

    def test_no_end_is_too_far_away(
        self, staff: Client, company: Company, project: Project
    ) -> None:
        far = {"expires_at_0": "2999-01-01", "expires_at_1": "00:00:00"}
        answer = self.save(staff, project, **{**self.page(staff, project), **far})
        assert errors(answer).keys() == {"expires_at"}
        new = project_form(company=company.pk, slug="", **far)
        assert errors(staff.post("/admin/companies/project/add/", new)).keys() == {"expires_at"}


def test_a_new_company_is_made_as_everywhere_and_a_change_writes_no_more_than_it_says(
    staff: Client,
    superuser: User,
    local_connection: StorageConnection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    form = {
        "name": "Fresh",
        "slug": "",
        "language": "en",
        "time_zone": "UTC",
        "session_retention_days": 400,
        "is_active": "on",
        "storage_connection": local_connection.pk,
        "storage_quota_gb": "10",
        "subscription_tier": "basic",
        "projects_limit": "5",
    }
    assert staff.post("/admin/companies/company/add/", form).status_code == 302
    company = Company.objects.get(name="Fresh")
    assert company.created_by == superuser
    assert company.storage_folders.exists()
    real = CarefulForm.is_valid

    def somebody_comes_in_between(form: CarefulForm) -> bool:
        Company.objects.update(contact_phone="+7", projects_limit=9)
        return real(form)

    monkeypatch.setattr(CarefulForm, "is_valid", somebody_comes_in_between)
    change = f"/admin/companies/company/{company.pk}/change/"
    assert staff.post(change, {**form, "name": "Renamed"}).status_code == 302
    company.refresh_from_db()
    assert (company.name, company.contact_phone, company.projects_limit) == ("Renamed", "+7", 9)


def test_another_address_starts_without_what_was_wrong_with_the_former(company: Company) -> None:
    wrong = {"email_problem": "550 no such user", "telegram_problem": "403 blocked"}
    stale = Company.objects.get(pk=company.pk)
    Company.objects.update(**wrong)
    stale.notes = "Called them."
    stale.save()
    assert Company.objects.values(*wrong).get(pk=company.pk) == wrong
    company.contact_email = "new@example.org"
    company.save()
    fresh = Company.objects.get(pk=company.pk)
    assert (fresh.email_problem, fresh.telegram_problem) == ("", wrong["telegram_problem"])
