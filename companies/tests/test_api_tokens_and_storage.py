"""Keys and secrets through the API: issued once, never shown again."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from companies.models import (
    ApiToken,
    Company,
    Membership,
    Role,
    StorageConnection,
    StoredFile,
    TokenScope,
    User,
)
from conftest import S3Server

JSON = "application/json"


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def issue(client: Client, key: str | None, **body: Any) -> Any:
    headers = bearer(key) if key else {}
    return client.post("/api/tokens", {"name": "T", **body}, content_type=JSON, headers=headers)


def test_a_token_is_issued_shown_once_used_and_revoked(
    client: Client, owner: User, company: Company
) -> None:
    client.force_login(owner)
    issued = issue(client, None, company_id=company.pk, scope="read")
    assert issued.status_code == 201
    key, token = issued.json()["key"], issued.json()["id"]
    assert issued.json()["user_id"] == owner.pk
    for answer in (client.get("/api/tokens"), client.get(f"/api/tokens/{token}")):
        assert key.rpartition("_")[2] not in answer.content.decode()
        assert "digest" not in answer.content.decode()
    other = Client()
    me = other.get("/api/auth/token", headers=bearer(key)).json()
    assert (me["scope"], me["company_id"], me["user"]["id"]) == ("read", company.pk, owner.pk)
    assert me["companies"] == [
        {"company_id": company.pk, "name": company.name, "slug": company.slug, "role": "viewer"}
    ]
    for _ in range(2):
        assert client.delete(f"/api/tokens/{token}").status_code == 204
    assert other.get("/api/auth/token", headers=bearer(key)).status_code == 401
    assert ApiToken.objects.get(pk=token).revoked_at is not None
    record = ApiToken.history.filter(id=token).order_by("history_id")
    assert list(record.values_list("history_type", "history_user")) == [
        ("+", owner.pk),
        ("~", owner.pk),
    ]


def test_a_session_is_told_who_it_is_too(client: Client, viewer: User, superuser: User) -> None:
    client.force_login(viewer)
    me = client.get("/api/auth/token").json()
    assert (me["token_id"], me["scope"], me["companies"][0]["role"]) == (None, None, "viewer")
    client.force_login(superuser)
    me = client.get("/api/auth/token").json()
    assert me["user"]["is_superuser"] is True
    assert {company["role"] for company in me["companies"]} == {"owner"}


def test_people_issue_tokens_for_themselves_in_companies_that_they_own(
    client: Client, owner: User, editor: User, company: Company, stranger_company: Company
) -> None:
    Membership.objects.create(user=owner, company=stranger_company, role=Role.EDITOR)
    client.force_login(owner)
    for body, field in (
        ({"company_id": company.pk, "user_id": editor.pk}, "user_id"),
        ({"company_id": stranger_company.pk}, "company_id"),
        ({"company_id": None}, "company_id"),
        ({}, "company_id"),
        ({"company_id": company.pk, "scope": "all"}, "scope"),
    ):
        refused = issue(client, None, **body)
        assert refused.status_code == 400
        assert list(refused.json()["fields"]) == [field]
    assert not ApiToken.objects.exists()
    client.force_login(editor)
    assert issue(client, None, company_id=company.pk).status_code == 403


def test_the_platforms_staff_issue_tokens_for_anyone(
    client: Client, superuser: User, editor: User
) -> None:
    client.force_login(superuser)
    issued = issue(client, None, user_id=editor.pk)
    assert (issued.status_code, issued.json()["company_id"]) == (201, None)
    assert Client().get("/api/projects", headers=bearer(issued.json()["key"])).status_code == 200


def test_a_token_never_issues_a_wider_or_a_longer_one(
    client: Client, owner: User, superuser: User, company: Company, stranger_company: Company
) -> None:
    Membership.objects.create(user=owner, company=stranger_company, role=Role.OWNER)
    until = timezone.now() + timedelta(days=3)
    narrow = {"company": company, "name": "narrow", "expires_at": until}
    _, key = ApiToken.issue(user=owner, scope=TokenScope.MANAGE, **narrow)
    assert issue(client, key, company_id=stranger_company.pk).status_code == 400
    assert issue(client, key, company_id=None).status_code == 400
    later = (until + timedelta(days=1)).isoformat()
    longer = issue(client, key, company_id=company.pk, expires_at=later)
    assert list(longer.json()["fields"]) == ["expires_at"]
    same = issue(client, key, company_id=company.pk, scope="manage")
    assert same.status_code == 201
    assert ApiToken.objects.get(pk=same.json()["id"]).expires_at == until
    for scope in (TokenScope.READ, TokenScope.WRITE):
        _, low = ApiToken.issue(user=superuser, name="low", scope=scope)
        assert issue(client, low, company_id=company.pk, scope="read").status_code == 403
    _, staffs = ApiToken.issue(user=superuser, company=company, name="one", scope=TokenScope.MANAGE)
    assert issue(client, staffs, company_id=None).status_code == 400
    assert issue(client, staffs, company_id=company.pk, user_id=owner.pk).status_code == 400


@pytest.fixture
def bucket(s3_server: S3Server) -> dict[str, str]:
    return s3_server.credentials(s3_server.make_bucket())


def connect(client: Client, company: Company, bucket: dict[str, str], **more: Any) -> Any:
    body = {
        "name": "Ours",
        "company_id": company.pk,
        "provider": "minio",
        "credentials": bucket,
        **more,
    }
    return client.post("/api/storage/connections", body, content_type=JSON)


def test_a_connection_is_made_tested_changed_and_its_secrets_never_come_out(
    client: Client, owner: User, company: Company, bucket: dict[str, str]
) -> None:
    client.force_login(owner)
    made = connect(client, company, bucket)
    assert made.status_code == 201
    url = f"/api/storage/connections/{made.json()['id']}"
    shown = made.json()["credentials"]
    assert shown == {"endpoint_url": bucket["endpoint_url"], "bucket": bucket["bucket"]}
    tested = client.post(f"{url}/test")
    assert (tested.json()["test_status"], tested.json()["test_error"]) == ("ok", "")
    changed = client.patch(url, {"credentials": {"secret_key": "A-NEW-SECRET"}}, content_type=JSON)
    saved = StorageConnection.objects.get(pk=made.json()["id"])
    assert saved.credentials == {**bucket, "secret_key": "A-NEW-SECRET"}
    chosen = client.patch(
        f"/api/companies/{company.pk}", {"storage_connection_id": saved.pk}, content_type=JSON
    )
    assert chosen.json()["storage_connection_id"] == saved.pk
    answers = (made, tested, changed, client.get(url), client.get("/api/storage/connections"))
    for answer in answers:
        for secret in (bucket["access_key"], bucket["secret_key"], "A-NEW-SECRET"):
            assert secret not in answer.content.decode()
    in_use = client.delete(url)
    assert (in_use.status_code, in_use.json()["code"]) == (409, "in_use")
    assert "SECRET" not in str(list(StorageConnection.history.values()))


def test_a_connection_that_cannot_be_is_refused_by_field(
    client: Client, owner: User, company: Company, bucket: dict[str, str]
) -> None:
    client.force_login(owner)
    for more, field, text in (
        ({"provider": "local_disk"}, "provider", "staff"),
        ({"company_id": None}, "company_id", "company"),
        ({"credentials": {}}, "credentials", "secret_key: "),
        ({"credentials": {**bucket, "endpoint_url": "ftp://x"}}, "credentials", "endpoint_url: "),
        ({"credentials": {**bucket, "endpoint_url": "http://169.254.169.254"}}, "credentials", ""),
        ({"credentials": {**bucket, "debug": "1"}}, "credentials", "debug"),
        ({"credentials": {**bucket, "bucket": 5}}, "credentials", "bucket"),
        ({"base_path": "../.."}, "base_path", ""),
        ({"name": ""}, "name", ""),
    ):
        refused = connect(client, company, bucket, **more)
        assert refused.status_code == 400, more
        assert list(refused.json()["fields"]) == [field]
        assert text in " ".join(refused.json()["fields"][field])
    assert not StorageConnection.objects.filter(company=company).exists()


def test_where_files_are_already_the_place_stays(
    client: Client, owner: User, company: Company, bucket: dict[str, str]
) -> None:
    client.force_login(owner)
    pk = connect(client, company, bucket).json()["id"]
    StoredFile.objects.create(
        name=f"{pk}/company/videos/x.mp4",
        company=company,
        connection_id=pk,
        kind="videos",
        size_bytes=1,
    )
    url = f"/api/storage/connections/{pk}"
    for body in ({"credentials": {"bucket": "another"}}, {"base_path": "elsewhere"}):
        assert client.patch(url, body, content_type=JSON).status_code == 400
    renamed = client.patch(
        url, {"name": "Renamed", "credentials": {"bucket": bucket["bucket"]}}, content_type=JSON
    )
    assert renamed.status_code == 200


def test_an_owner_does_not_move_a_disk_that_the_platform_gave_the_company(
    client: Client, owner: User, superuser: User, company: Company
) -> None:
    disk = StorageConnection.objects.create(
        name="Disk", provider="local_disk", company=company, base_path="here"
    )
    url = f"/api/storage/connections/{disk.pk}"
    page = f"/admin/companies/storageconnection/{disk.pk}/change/"
    body = {"base_path": "of/another"}
    for user, moved in ((owner, False), (superuser, True)):
        client.force_login(user)
        answer = client.patch(url, body, content_type=JSON)
        assert answer.status_code == (200 if moved else 400)
        assert moved or list(answer.json()["fields"]) == ["base_path"]
        renamed = client.patch(url, {"name": f"By {user}"}, content_type=JSON)
        assert renamed.status_code == 200
        form = {"name": f"Form of {user}", "base_path": "a/third", "is_active": "on"}
        assert client.post(page, form).status_code == 302
        disk.refresh_from_db()
        assert disk.name == f"Form of {user}"
        assert disk.base_path == ("a/third" if moved else "here")


def test_an_owner_does_not_choose_what_the_platform_keeps_for_others(
    client: Client, owner: User, superuser: User, company: Company
) -> None:
    spare = StorageConnection.objects.create(name="Spare", provider="local_disk")
    usual = StorageConnection.objects.create(name="Usual", provider="local_disk", is_default=True)
    client.force_login(owner)
    url = f"/api/companies/{company.pk}"
    assert client.get("/api/storage/connections").json()["count"] == 0
    refused = client.patch(url, {"storage_connection_id": spare.pk}, content_type=JSON)
    assert refused.status_code == 400
    allowed = client.patch(url, {"storage_connection_id": usual.pk}, content_type=JSON)
    assert allowed.status_code == 200
    client.force_login(superuser)
    lent = client.patch(url, {"storage_connection_id": spare.pk}, content_type=JSON)
    assert lent.status_code == 200
