"""Companies, projects and members through the API."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from companies.models import (
    ApiToken,
    Company,
    Membership,
    Project,
    Role,
    StorageConnection,
    TokenScope,
    User,
)
from companies.tests.factories import ProjectFactory

JSON = "application/json"


def post(client: Client, url: str, body: Any) -> Any:
    return client.post(f"/api/{url}", body, content_type=JSON)


def patch(client: Client, url: str, body: Any) -> Any:
    return client.patch(f"/api/{url}", body, content_type=JSON)


@pytest.fixture
def owners(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


@pytest.fixture
def staff(client: Client, superuser: User) -> Client:
    client.force_login(superuser)
    return client


def test_the_platforms_staff_make_a_company_with_its_folders(
    staff: Client, local_connection: StorageConnection, superuser: User
) -> None:
    body = {"name": "Новая", "storage_connection_id": local_connection.pk, "projects_limit": 3}
    made = post(staff, "companies", body).json()
    company = Company.objects.get(pk=made["id"])
    assert (made["slug"], made["created_by"]) == (company.slug, superuser.pk)
    assert company.storage_folders.exists()
    taken = post(staff, "companies", body)
    assert taken.status_code == 400
    assert "name" in taken.json()["fields"]


def test_an_owner_changes_how_the_company_is_reached_and_nothing_else(
    owners: Client, company: Company
) -> None:
    url = f"companies/{company.pk}"
    changed = patch(owners, url, {"contact_phone": "+7", "time_zone": "Europe/Moscow"})
    assert changed.json()["time_zone"] == "Europe/Moscow"
    assert patch(owners, url, {"time_zone": "Mars/Olympus"}).status_code == 400
    for field, value in {"storage_quota_gb": 99, "name": "X", "is_active": True}.items():
        refused = patch(owners, url, {field: value})
        assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
        assert field in refused.json()["detail"]
    company.refresh_from_db()
    assert (company.contact_phone, company.storage_quota_gb) == ("+7", 10)


def test_what_staff_note_about_a_company_is_for_staff(
    client: Client, owner: User, superuser: User, company: Company
) -> None:
    Company.objects.update(notes="Pays late.", metadata={"debt": 7})
    client.force_login(owner)
    shown = client.get(f"/api/companies/{company.pk}").json()
    assert not {"notes", "metadata"} & shown.keys()
    client.force_login(superuser)
    shown = client.get(f"/api/companies/{company.pk}").json()
    assert (shown["notes"], shown["metadata"]) == ("Pays late.", {"debt": 7})


def test_the_storage_of_a_company_is_its_folders_and_its_quota(
    owners: Client, company: Company
) -> None:
    shown = owners.get(f"/api/companies/{company.pk}/storage").json()
    assert (shown["storage_quota_gb"], shown["storage_used_bytes"]) == (10, 0)
    assert {folder["folder_type"] for folder in shown["folders"]} >= {"portraits", "videos"}


def test_a_project_is_made_changed_and_deleted_and_the_record_names_who_did_it(
    client: Client, company: Company, editor: User
) -> None:
    _, key = ApiToken.issue(user=editor, name="Token", scope=TokenScope.WRITE)
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    body = {"name": "Wedding", "company_id": company.pk, "tags": ["gold"], "metadata": {"a": [1]}}
    made = post(client, "projects", body)
    assert made.status_code == 201
    shown = made.json()
    assert (shown["slug"], shown["tags"], shown["metadata"]) == ("wedding", ["gold"], {"a": [1]})
    assert shown["status"] == "active"
    url = f"projects/{shown['id']}"
    assert patch(client, url, {"name": "Silver wedding"}).json()["name"] == "Silver wedding"
    assert patch(client, url, {}).status_code == 200
    assert client.delete(f"/api/{url}").status_code == 204
    record = Project.history.filter(id=shown["id"]).order_by("history_id")
    assert list(record.values_list("history_type", "history_user")) == [
        ("+", editor.pk),
        ("~", editor.pk),
        ("-", editor.pk),
    ]


def test_a_project_stays_with_its_company(
    client: Client, company: Company, stranger_company: Company, owner: User
) -> None:
    Membership.objects.create(user=owner, company=stranger_company, role=Role.OWNER)
    project = ProjectFactory.create(company=company)
    client.force_login(owner)
    refused = patch(client, f"projects/{project.pk}", {"company_id": stranger_company.pk})
    assert refused.status_code == 400
    assert "company_id" in refused.json()["fields"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": 5}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"tags": "gold"}, "tags"),
        ({"tags": [5]}, "tags"),
        ({"tags": ["a\nb"]}, "tags"),
        ({"metadata": []}, "metadata"),
        ({"metadata": {"a": "\0"}}, "metadata"),
        ({"metadata": {"a": "x" * 20_000}}, "metadata"),
        ({"auto_renew": "yes"}, "auto_renew"),
        ({"notify_before_expiry_days": "7"}, "notify_before_expiry_days"),
        ({"notify_before_expiry_days": 10**30}, "notify_before_expiry_days"),
        ({"status": "gone"}, "status"),
        ({"slug": "taken"}, "slug"),
        ({"slug": "Not a slug"}, "slug"),
        ({"starts_at": "2026-05-01T00:00:00Z", "expires_at": "2026-04-01T00:00:00Z"}, ""),
        ({"expires_at": "9999-12-31T00:00:00Z"}, "expires_at"),
        ({"expires_at": "0001-01-01T00:00:00+14:00"}, "expires_at"),
    ],
)
def test_a_project_that_cannot_be_is_refused_by_field(
    owners: Client, company: Company, body: dict[str, Any], field: str
) -> None:
    ProjectFactory.create(company=company, slug="taken")
    project = ProjectFactory.create(company=company)
    for response in (
        post(owners, "projects", {"name": "P", "company_id": company.pk, **body}),
        patch(owners, f"projects/{project.pk}", body),
    ):
        assert response.status_code == 400
        assert response.json()["code"] == "invalid"
        if field:
            assert field in response.json()["fields"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"a"', b'{"name": NaN}', b"[" * 100_000, b"\xff"]
)
def test_a_body_that_is_no_object_is_refused(owners: Client, db: None, body: bytes) -> None:
    response = owners.generic("POST", "/api/projects", body, content_type=JSON)
    assert response.status_code == 400


def test_a_body_is_bounded_and_is_json(owners: Client, db: None) -> None:
    large = b'{"name": "' + b"x" * 1_100_000 + b'"}'
    response = owners.generic("POST", "/api/projects", large, content_type=JSON)
    assert (response.status_code, response.json()["code"]) == (413, "too_large")
    form = owners.post("/api/projects", {"name": "A form"})
    assert (form.status_code, form.json()["code"]) == (415, "unsupported_media_type")


def test_limits_answer_with_their_own_code(owners: Client, company: Company) -> None:
    body = {"name": "P", "company_id": company.pk}
    Company.objects.update(projects_limit=1)
    assert post(owners, "projects", body).status_code == 201
    over = post(owners, "projects", body)
    assert (over.status_code, over.json()["code"]) == (409, "projects_limit")
    Company.objects.update(projects_limit=9, subscription_expires_at=timezone.now())
    late = post(owners, "projects", body)
    assert (late.status_code, late.json()["code"]) == (409, "subscription_expired")
    assert Project.objects.count() == 1


def test_a_project_is_extended_from_its_end(owners: Client, company: Company) -> None:
    ends = datetime(2099, 1, 1, tzinfo=UTC)
    project = ProjectFactory.create(company=company, expires_at=ends)
    url = f"projects/{project.pk}/extend"
    shown = post(owners, url, {"days": 30}).json()
    assert shown["expires_at"] == (ends + timedelta(days=30)).isoformat().replace("+00:00", "Z")
    for days in (0, 3651, "30", None, 1.5, True):
        assert post(owners, url, {"days": days}).status_code == 400
    Project.objects.update(expires_at=datetime(9999, 12, 30, tzinfo=UTC))
    assert post(owners, url, {"days": 3650}).status_code == 400
    Project.objects.update(expires_at=None)
    refused = post(owners, url, {"days": 30})
    assert (refused.status_code, refused.json()["code"]) == (400, "never_expires")


def test_without_a_subscription_no_project_runs_again_or_longer(
    client: Client, company: Company, editor: User
) -> None:
    client.force_login(editor)
    now = timezone.now()
    project = ProjectFactory.create(
        company=company, expires_at=now + timedelta(days=3), status="paused"
    )
    Company.objects.update(subscription_expires_at=now)
    url = f"projects/{project.pk}"
    for body in (
        {"status": "active"},
        {"expires_at": None},
        {"expires_at": (now + timedelta(days=4)).isoformat()},
    ):
        refused = patch(client, url, body)
        assert (refused.status_code, refused.json()["code"]) == (409, "subscription_expired")
    sooner = {"name": "Kept", "expires_at": (now + timedelta(days=2)).isoformat()}
    assert patch(client, url, {**sooner, "status": "archived"}).status_code == 200
    Company.objects.update(subscription_expires_at=None)
    later = {"expires_at": (now + timedelta(days=4)).isoformat(), "status": "active"}
    assert patch(client, url, later).json()["status"] == "active"


def test_a_project_ends_as_late_as_an_extension_takes_it_and_no_later(
    owners: Client, company: Company
) -> None:
    project = ProjectFactory.create(company=company, expires_at=timezone.now())
    body = {"expires_at": "2999-01-01T00:00:00Z"}
    for refused in (
        patch(owners, f"projects/{project.pk}", body),
        post(owners, "projects", {"name": "P", "company_id": company.pk, **body}),
    ):
        assert (refused.status_code, list(refused.json()["fields"])) == (400, ["expires_at"])


def test_every_member_sees_who_works_for_the_company(
    client: Client, company: Company, owner: User, viewer: User
) -> None:
    client.force_login(viewer)
    rows = client.get(f"/api/companies/{company.pk}/members").json()["results"]
    assert {(row["email"], row["role"]) for row in rows} == {
        (owner.email, "owner"),
        (viewer.email, "viewer"),
    }
    assert patch(client, f"members/{rows[0]['id']}", {"role": "owner"}).status_code == 403


def test_a_member_is_not_invited_again(
    owners: Client, company: Company, owner: User, editor: User
) -> None:
    url = f"companies/{company.pk}/members"
    refused = post(owners, url, {"email": editor.email.upper(), "role": "viewer"})
    assert (refused.status_code, refused.json()["code"]) == (409, "already_member")
    assert Membership.objects.get(user=editor).role == Role.EDITOR


def test_members_are_added_changed_and_removed_but_the_last_owner_stays(
    owners: Client, company: Company, owner: User
) -> None:
    url = f"companies/{company.pk}/members"
    added = post(owners, url, {"email": "New@Example.com", "role": "editor"})
    assert added.status_code == 201
    member = added.json()
    assert member["role"] == "editor"
    assert "user_id" not in member
    assert patch(owners, f"members/{member['id']}", {"role": "viewer"}).json()["role"] == "viewer"
    mine = Membership.objects.get(user=owner, company=company)
    for refused in (
        patch(owners, f"members/{mine.pk}", {"role": "viewer"}),
        owners.delete(f"/api/members/{mine.pk}"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, "last_owner")
    assert owners.delete(f"/api/members/{member['id']}").status_code == 204
    assert not Membership.objects.filter(pk=member["id"]).exists()
    record = Membership.history.filter(id=member["id"]).values_list("history_type", "history_user")
    assert sorted(record) == [("+", owner.pk), ("-", owner.pk), ("~", owner.pk)]
    for body in ({"email": "no address"}, {}, {"email": "a@b.cd", "role": "god"}):
        assert post(owners, url, body).status_code == 400


def test_lists_come_in_pages_in_the_order_asked_for(owners: Client, company: Company) -> None:
    for name in ("b", "a", "c"):
        ProjectFactory.create(company=company, name=name)
    first = owners.get("/api/projects?ordering=name&page_size=2").json()
    assert (first["count"], first["previous"]) == (3, None)
    assert [row["name"] for row in first["results"]] == ["a", "b"]
    second = owners.get(first["next"]).json()
    assert [row["name"] for row in second["results"]] == ["c"]
    assert second["next"] is None
    backwards = owners.get("/api/projects?ordering=-name").json()
    assert [row["name"] for row in backwards["results"]] == ["c", "b", "a"]
    assert owners.get("/api/projects?page=3&page_size=2").status_code == 404


def test_filters_are_typed_and_a_misspelt_one_is_refused(owners: Client, company: Company) -> None:
    soon = timezone.now() + timedelta(days=2)
    ProjectFactory.create(company=company, name="Soon", expires_at=soon)
    ProjectFactory.create(company=company, name="Paused", status="paused")

    def names(query: str) -> list[str]:
        return [row["name"] for row in owners.get(f"/api/projects?{query}").json()["results"]]

    assert names("status=paused") == ["Paused"]
    assert names("search=soo") == ["Soon"]
    assert names("expires_before=2999-01-01T00:00:00Z") == ["Soon"]
    assert names(f"company_id={company.pk}&ordering=id") == ["Soon", "Paused"]
    for query in (
        "stauts=paused",
        "status=gone",
        "status=",
        "expires_before=",
        "ordering=",
        "company_id=x",
        "company_id=0",
        "ordering=company__notes",
        "ordering=notes",
        "page=0",
        "page=last",
        "page_size=101",
        "page_size=-1",
        "page_size=x",
        "expires_before=soon",
        "expires_before=0001-01-01T00:00:00%2B14:00",
        "search=%00",
        "search=" + "x" * 101,
    ):
        refused = owners.get(f"/api/projects?{query}")
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid"), query
        assert query.partition("=")[0] in refused.json()["fields"]


@pytest.mark.parametrize("route", ["companies", "projects", "members", "tokens"])
def test_a_list_costs_the_same_for_one_row_and_for_many(
    client: Client,
    company: Company,
    owner: User,
    django_assert_num_queries: DjangoAssertNumQueries,
    route: str,
) -> None:
    _, key = ApiToken.issue(user=owner, company=company, name="List", scope=TokenScope.MANAGE)
    headers = {"authorization": f"Bearer {key}"}
    client.get(f"/api/{route}", headers=headers)
    for more in (1, 20):
        for number in range(more):
            ProjectFactory.create(company=company)
            user = User.objects.create(username=f"{more}-{number}")
            Membership.objects.create(user=user, company=company)
            ApiToken.issue(user=user, company=company, name="x")
        # The token, the roles, the count, the rows; companies need no roles of their own.
        with django_assert_num_queries(4):
            assert client.get(f"/api/{route}", headers=headers).status_code == 200


def test_each_client_has_its_own_limit(
    client: Client,
    company: Company,
    owner: User,
    editor: User,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.API_REQUESTS_PER_MINUTE = 2
    # A minute of its own.
    monkeypatch.setattr("arv.api.time.time", lambda: 1_900_000_000.0)
    keys = [ApiToken.issue(user=owner, name=name)[1] for name in ("one", "two")]

    def ask(key: str) -> Any:
        return client.get("/api/projects", headers={"authorization": f"Bearer {key}"})

    assert [ask(keys[0]).status_code for _ in range(3)] == [200, 200, 429]
    refused = ask(keys[0])
    assert refused.json()["code"] == "throttled"
    assert int(refused.headers["Retry-After"]) >= 1
    assert ask(keys[1]).status_code == 200
    client.force_login(editor)
    assert client.get("/api/projects").status_code == 200
