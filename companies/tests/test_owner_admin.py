"""What owners run themselves: members, tokens, storage, and the face of their company."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.utils import timezone

from companies.models import (
    ApiToken,
    Company,
    Membership,
    Project,
    Role,
    StorageConnection,
    StorageProvider,
    User,
)
from companies.storage.router import TenantStorage, generated_name
from companies.tests.factories import MembershipFactory, ProjectFactory, StorageConnectionFactory

pytestmark = pytest.mark.django_db
MEMBERS = "/admin/companies/membership/"
TOKENS = "/admin/companies/apitoken/"
CONNECTIONS = "/admin/companies/storageconnection/"
PROJECTS = "/admin/companies/project/"


@pytest.fixture
def signed_in(client: Client) -> Callable[[User], Client]:
    def sign_in(user: User) -> Client:
        client.force_login(user)
        return client

    return sign_in


def errors(answer: Any) -> Any:
    assert answer.status_code == 200
    return answer.context["adminform"].form.errors


class TestMembers:
    def test_an_owner_invites_by_address_and_sets_the_role(
        self, signed_in: Callable[[User], Client], company: Company, owner: User
    ) -> None:
        form = {"company": company.pk, "email": "New.Person@example.org", "role": "editor"}
        assert signed_in(owner).post(f"{MEMBERS}add/", form).status_code == 302
        membership = Membership.objects.get(user__email="new.person@example.org")
        assert (membership.company, membership.role) == (company, Role.EDITOR)
        assert not membership.user.has_usable_password()
        change = f"{MEMBERS}{membership.pk}/change/"
        assert signed_in(owner).post(change, {"role": "viewer"}).status_code == 302
        membership.refresh_from_db()
        assert membership.role == Role.VIEWER
        assert "email" in errors(signed_in(owner).post(f"{MEMBERS}add/", form))

    def test_the_answer_does_not_tell_whether_somebody_has_an_account(
        self, signed_in: Callable[[User], Client], company: Company, owner: User, stranger: User
    ) -> None:
        def answer(email: str) -> str:
            form = {"company": company.pk, "email": email, "role": "viewer"}
            page = signed_in(owner).post(f"{MEMBERS}add/", form, follow=True)
            made = Membership.objects.latest("pk")
            shown: str = page.content.decode()
            for own in (made.user.username, made.user.email, f"{made.pk}"):
                shown = shown.replace(own, "…")
            return re.sub(r"csrf\w*\W+value=\S+", "", shown)

        stranger.first_name = "Canary"
        stranger.save()
        assert "Canary" not in answer(stranger.email)
        assert Membership.objects.filter(user=stranger, company=company).exists()

    def test_the_last_owner_stays(
        self, signed_in: Callable[[User], Client], company: Company, owner: User
    ) -> None:
        last = Membership.objects.get(user=owner, company=company)
        page = f"{MEMBERS}{last.pk}"
        chosen = {"action": "delete_selected", "_selected_action": last.pk, "post": "yes"}
        for path, data in (
            (f"{page}/change/", {"role": "viewer"}),
            (f"{page}/delete/", {"post": "yes"}),
            (MEMBERS, chosen),
        ):
            answer = signed_in(owner).post(path, data, follow=True)
            assert answer.status_code == 200
            assert "last owner" in answer.content.decode()
            last.refresh_from_db()
            assert last.role == Role.OWNER
        MembershipFactory.create(company=company, role=Role.OWNER)
        assert signed_in(owner).post(f"{page}/delete/", {"post": "yes"}).status_code == 302
        assert not Membership.objects.filter(pk=last.pk).exists()

    def test_editors_look_and_change_nothing(
        self, signed_in: Callable[[User], Client], company: Company, owner: User, editor: User
    ) -> None:
        row = Membership.objects.get(user=owner, company=company)
        client = signed_in(editor)
        assert client.get(MEMBERS).status_code == 200
        assert client.get(f"{MEMBERS}add/").status_code == 403
        assert client.post(f"{MEMBERS}{row.pk}/change/", {"role": "viewer"}).status_code == 403


class TestTokens:
    def test_an_owners_token_is_its_own_and_of_its_company(
        self, signed_in: Callable[[User], Client], company: Company, owner: User, superuser: User
    ) -> None:
        form = {"name": "Importer", "company": company.pk, "scope": "write", "user": superuser.pk}
        answer = signed_in(owner).post(f"{TOKENS}add/", form, follow=True)
        token = ApiToken.objects.get()
        assert (token.user, token.company) == (owner, company)
        assert f"arv_{token.prefix}_" in answer.content.decode()
        assert "company" in errors(signed_in(owner).post(f"{TOKENS}add/", {**form, "company": ""}))

    def test_revoking_closes_it(
        self, signed_in: Callable[[User], Client], company: Company, owner: User
    ) -> None:
        token, key = ApiToken.issue(user=owner, company=company, name="Importer")
        chosen = {"action": "revoke", "_selected_action": token.pk}
        assert signed_in(owner).post(TOKENS, chosen).status_code == 302
        token.refresh_from_db()
        assert token.revoked_at is not None
        bearer = {"Authorization": f"Bearer {key}"}
        assert Client().get("/api/analytics/overview", headers=bearer).status_code == 401

    def test_a_token_is_neither_prolonged_nor_deleted(
        self, signed_in: Callable[[User], Client], company: Company, owner: User, superuser: User
    ) -> None:
        past = timezone.now() - timedelta(days=1)
        token, _key = ApiToken.issue(user=superuser, company=company, name="Old", expires_at=past)
        client = signed_in(owner)
        change = {"name": "Old", "expires_at_0": "", "expires_at_1": ""}
        assert client.post(f"{TOKENS}{token.pk}/change/", change).status_code == 302
        assert client.post(f"{TOKENS}{token.pk}/delete/", {"post": "yes"}).status_code == 403
        client.post(
            TOKENS, {"action": "delete_selected", "_selected_action": token.pk, "post": "yes"}
        )
        token.refresh_from_db()
        assert token.expires_at == past


class TestConnections:
    def form(self, company: Company, **changes: Any) -> dict[str, Any]:
        return {
            "company": company.pk,
            "name": "Our bucket",
            "provider": "minio",
            "base_path": "",
            "is_active": "on",
            "credential_endpoint_url": "https://s3.example.org",
            "credential_bucket": "pictures",
            "credential_access_key": "access",
            "credential_secret_key": "hidden",
            **changes,
        }

    def test_an_owner_brings_a_bucket_and_uses_it(
        self, signed_in: Callable[[User], Client], company: Company, owner: User
    ) -> None:
        client = signed_in(owner)
        answer = client.post(f"{CONNECTIONS}add/", self.form(company))
        assert answer.status_code == 302, errors(answer)
        own = StorageConnection.objects.get(company=company)
        change = f"/admin/companies/company/{company.pk}/change/"
        page = client.get(change).content.decode()
        assert "Our bucket" in page
        posted = {
            "storage_connection": own.pk,
            "time_zone": "Europe/Moscow",
            "language": "en",
            "session_retention_days": 400,
        }
        assert client.post(change, posted).status_code == 302
        company.refresh_from_db()
        assert company.storage_connection == own
        assert company.time_zone == "Europe/Moscow"

    def test_names_of_others_are_not_given_away(
        self,
        signed_in: Callable[[User], Client],
        company: Company,
        owner: User,
        stranger_company: Company,
    ) -> None:
        StorageConnectionFactory.create(name="Secret project", company=stranger_company)
        posted = self.form(company, name="Secret project")
        assert signed_in(owner).post(f"{CONNECTIONS}add/", posted).status_code == 302
        again = signed_in(owner).post(f"{CONNECTIONS}add/", posted)
        assert "name" in errors(again)

    def test_neither_anothers_bucket_nor_the_platforms_disk_can_be_taken(
        self,
        signed_in: Callable[[User], Client],
        company: Company,
        owner: User,
        stranger_company: Company,
    ) -> None:
        foreign = StorageConnectionFactory.create(company=stranger_company)
        spare = StorageConnectionFactory.create(name="Another disk of the platform")
        client = signed_in(owner)
        change = f"/admin/companies/company/{company.pk}/change/"
        page = client.get(change).content.decode()
        for taken in (foreign, spare):
            assert taken.name not in page
            posted = {"storage_connection": taken.pk, "time_zone": "UTC"}
            assert "storage_connection" in errors(client.post(change, posted))
        disk = {**self.form(company), "provider": StorageProvider.LOCAL_DISK}
        assert "provider" in errors(client.post(f"{CONNECTIONS}add/", disk))
        platforms = {**self.form(company), "company": ""}
        assert "company" in errors(client.post(f"{CONNECTIONS}add/", platforms))

    def test_the_test_says_how_it_went(
        self, signed_in: Callable[[User], Client], company: Company, owner: User, s3_server: Any
    ) -> None:
        credentials = s3_server.credentials(s3_server.make_bucket())
        own = StorageConnection.objects.create(
            name="Ours", company=company, provider="minio", credentials=credentials
        )
        change = f"{CONNECTIONS}{own.pk}/change/"
        posted = {
            "name": "Ours",
            "base_path": "",
            "is_active": "on",
            **{f"credential_{name}": value for name, value in credentials.items()},
            "companies_storageconnection_save_and_test": "",
        }
        answer = signed_in(owner).post(change, posted, follow=True)
        assert "“Ours” works." in answer.content.decode()
        own.refresh_from_db()
        assert own.test_status == "ok"


class TestCompany:
    def test_an_owner_changes_how_it_is_reached_and_not_what_it_may_use(
        self, signed_in: Callable[[User], Client], company: Company, owner: User
    ) -> None:
        change = f"/admin/companies/company/{company.pk}/change/"
        posted = {
            "contact_email": "studio@example.org",
            "language": "ru",
            "time_zone": "Asia/Omsk",
            "session_retention_days": 90,
            "storage_connection": company.storage_connection_id,
            "name": "Taken over",
            "storage_quota_gb": "9999",
            "projects_limit": "9999",
            "subscription_tier": "premium",
            "notes": "changed",
        }
        assert signed_in(owner).post(change, posted).status_code == 302
        after = Company.objects.get(pk=company.pk)
        assert (after.contact_email, after.time_zone) == ("studio@example.org", "Asia/Omsk")
        assert after.language == "ru"
        for kept in ("name", "storage_quota_gb", "projects_limit", "subscription_tier", "notes"):
            assert getattr(after, kept) == getattr(company, kept)

    def test_the_platforms_notes_are_not_the_members_to_read(
        self, signed_in: Callable[[User], Client], company: Company, owner: User, superuser: User
    ) -> None:
        company.notes = "Pays late."
        company.save()
        for path in (f"{company.pk}/change/", "", f"{company.pk}/history/"):
            url = f"/admin/companies/company/{path}"
            assert "Pays late." not in signed_in(owner).get(url).content.decode()
        answer = signed_in(owner).get("/admin/companies/company/?notes__startswith=P")
        assert answer.status_code == 400
        page = signed_in(superuser).get(f"/admin/companies/company/{company.pk}/change/")
        assert "Pays late." in page.content.decode()

    def test_the_page_tells_what_is_used(
        self, signed_in: Callable[[User], Client], company: Company, viewer: User
    ) -> None:
        TenantStorage().save(generated_name(company, "videos", "a.mp4"), ContentFile(bytes(2048)))
        company.subscription_expires_at = timezone.now() + timedelta(days=9, hours=1)
        company.save()
        page = signed_in(viewer).get(f"/admin/companies/company/{company.pk}/change/")
        assert "2.0\xa0KB of 10.0\xa0GB" in page.content.decode()
        assert "Projects: 0 of 50" in page.content.decode()
        assert "ends in 9 days" in page.content.decode()


class TestExtending:
    def test_from_the_page_and_from_the_list(
        self, signed_in: Callable[[User], Client], company: Company, editor: User
    ) -> None:
        end = timezone.now() + timedelta(days=3)
        project = ProjectFactory.create(company=company, expires_at=end)
        client = signed_in(editor)
        page = f"{PROJECTS}{project.pk}/extend/"
        assert 'name="days"' in client.get(page).content.decode()
        assert client.post(page, {"days": "30"}).status_code == 302
        project.refresh_from_db()
        assert project.expires_at == end + timedelta(days=30)
        chosen = {"action": "extend_chosen", "_selected_action": project.pk}
        assert 'name="days"' in client.post(PROJECTS, chosen).content.decode()
        assert client.post(PROJECTS, {**chosen, "days": "5"}).status_code == 302
        project.refresh_from_db()
        assert project.expires_at == end + timedelta(days=35)

    def test_an_expired_one_runs_again_from_now(
        self, signed_in: Callable[[User], Client], company: Company, editor: User
    ) -> None:
        past = timezone.now() - timedelta(days=100)
        project = ProjectFactory.create(company=company, expires_at=past, status="expired")
        before = timezone.now()
        signed_in(editor).post(f"{PROJECTS}{project.pk}/extend/", {"days": "10"})
        project.refresh_from_db()
        assert project.status == "active"
        assert project.expires_at is not None
        assert project.expires_at >= before + timedelta(days=10)

    @pytest.mark.parametrize("days", ["0", "-5", "4000", "many", ""])
    def test_odd_numbers_are_refused(
        self, signed_in: Callable[[User], Client], company: Company, editor: User, days: str
    ) -> None:
        end = timezone.now() + timedelta(days=3)
        project = ProjectFactory.create(company=company, expires_at=end)
        answer = signed_in(editor).post(f"{PROJECTS}{project.pk}/extend/", {"days": days})
        assert answer.status_code == 200
        assert 'role="alert"' in answer.content.decode()
        project.refresh_from_db()
        assert project.expires_at == end

    def test_what_never_expires_is_left_alone_and_said_so(
        self, signed_in: Callable[[User], Client], company: Company, editor: User
    ) -> None:
        project = ProjectFactory.create(company=company)
        answer = signed_in(editor).post(
            f"{PROJECTS}{project.pk}/extend/", {"days": "5"}, follow=True
        )
        assert "never expires" in answer.content.decode()

    def test_viewers_do_not_extend(
        self, signed_in: Callable[[User], Client], company: Company, viewer: User
    ) -> None:
        project = ProjectFactory.create(company=company, expires_at=timezone.now())
        page = f"{PROJECTS}{project.pk}/extend/"
        assert signed_in(viewer).post(page, {"days": "5"}).status_code == 403


class TestLimits:
    def form(self, company: Company) -> dict[str, Any]:
        return {
            "company": company.pk,
            "name": "One more",
            "slug": "",
            "project_type": "portrait",
            "status": "active",
            "subscription_type": "monthly",
            "notify_before_expiry_days": "7",
        }

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"projects_limit": 1}, "may have 1 projects and has them all"),
            ({"subscription_expires_at": timezone.now()}, "has run out"),
            ({"is_active": False}, "is switched off"),
        ],
    )
    def test_a_project_too_many_is_a_form_error(
        self,
        signed_in: Callable[[User], Client],
        company: Company,
        editor: User,
        changes: dict[str, Any],
        reason: str,
    ) -> None:
        ProjectFactory.create(company=company)
        Company.objects.filter(pk=company.pk).update(**changes)
        answer = signed_in(editor).post(f"{PROJECTS}add/", self.form(company))
        assert reason in str(errors(answer)["company"])
        assert Project.objects.filter(company=company).count() == 1
