"""The page of all people: what superusers cannot undo by accident."""

import pytest
from django.test import Client

from companies.models import ApiToken, Company, Membership, Role, User
from companies.tests.factories import MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db
USERS = "/admin/companies/user/"


@pytest.fixture
def staff(client: Client, superuser: User) -> Client:
    client.force_login(superuser)
    return client


def test_nobody_locks_oneself_out(staff: Client, superuser: User) -> None:
    page = f"{USERS}{superuser.pk}/change/"
    form = {
        "username": "superuser",
        "email": "s@example.org",
        "memberships-TOTAL_FORMS": "0",
        "memberships-INITIAL_FORMS": "0",
    }
    assert staff.post(page, form).status_code == 302
    superuser.refresh_from_db()
    assert superuser.is_active
    assert superuser.is_superuser
    assert staff.post(f"{USERS}{superuser.pk}/delete/", {"post": "yes"}).status_code == 403
    own = {"_selected_action": superuser.pk}
    staff.post(USERS, {**own, "action": "delete_selected", "post": "yes"})
    staff.post(USERS, {**own, "action": "switch_off"})
    superuser.refresh_from_db()
    assert superuser.is_active


def test_a_company_keeps_an_owner_who_can_sign_in(
    staff: Client, company: Company, owner: User
) -> None:
    invited = UserFactory.create()
    invited.set_unusable_password()
    invited.save()
    MembershipFactory.create(user=invited, company=company, role=Role.OWNER)
    page = f"{USERS}{owner.pk}/delete/"
    answer = staff.post(page, {"post": "yes"}, follow=True)
    assert "last owner" in answer.content.decode()
    assert User.objects.filter(pk=owner.pk).exists()
    MembershipFactory.create(company=company, role=Role.OWNER)
    assert staff.post(page, {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=owner.pk).exists()
    assert not Membership.objects.filter(user_id=owner.pk).exists()


def test_switching_off_ends_the_tokens_for_good(staff: Client, editor: User) -> None:
    _token, key = ApiToken.issue(user=editor, name="Importer")
    bearer = {"Authorization": f"Bearer {key}"}
    client = Client()
    assert client.get("/api/analytics/overview", headers=bearer).status_code == 200
    for action in ("switch_off", "switch_on"):
        staff.post(USERS, {"action": action, "_selected_action": editor.pk})
    assert User.objects.get(pk=editor.pk).is_active
    assert client.get("/api/analytics/overview", headers=bearer).status_code == 401


def test_a_user_goes_with_the_tokens(staff: Client, editor: User) -> None:
    ApiToken.issue(user=editor, name="Importer")
    assert staff.post(f"{USERS}{editor.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=editor.pk).exists()
