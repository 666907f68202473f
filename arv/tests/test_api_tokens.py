"""API clients come with a key: who gets in, as whom, and what stays of the key."""

import logging
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from companies.api.authentication import LAST_USED_EVERY
from companies.models import ApiToken, Company, User

pytestmark = pytest.mark.django_db

ADDRESS = "/api/analytics/overview"


@pytest.fixture
def token(viewer: User) -> tuple[ApiToken, str]:
    return ApiToken.issue(user=viewer, name="dashboard")


def get(client: Client, key: str, scheme: str = "Bearer") -> int:
    return client.get(ADDRESS, headers={"Authorization": f"{scheme} {key}"}).status_code


def test_a_key_opens_the_api_as_its_user(
    client: Client, token: tuple[ApiToken, str], company: Company
) -> None:
    _, key = token
    assert key.startswith("arv_")
    assert get(client, key) == 200
    assert get(client, key, scheme="bearer") == 200
    company_page = f"/api/analytics/companies/{company.pk}"
    response = client.get(company_page, headers={"Authorization": f"Bearer {key}"})
    assert response.json()["company_id"] == company.pk


def test_a_key_does_not_open_the_company_of_a_stranger(
    client: Client, token: tuple[ApiToken, str], stranger_company: Company
) -> None:
    page = f"/api/analytics/companies/{stranger_company.pk}"
    response = client.get(page, headers={"Authorization": f"Bearer {token[1]}"})
    assert response.status_code == 404


@pytest.mark.parametrize("key", ["", "arv_", "arv_00000000_nothing", "ключ", "a b c", "x" * 5000])
def test_a_wrong_key_is_401_with_a_challenge(client: Client, db: None, key: str) -> None:
    response = client.get(ADDRESS, headers={"Authorization": f"Bearer {key}"})
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="api"'
    assert response.json()["code"] == "authentication_failed"


def test_another_scheme_is_no_token(client: Client, token: tuple[ApiToken, str]) -> None:
    assert get(client, token[1], scheme="Basic") == 401
    assert get(client, token[1], scheme="Token") == 401


def test_a_wrong_key_is_401_even_beside_a_valid_session(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    assert get(client, "arv_00000000_nothing") == 401


def test_an_expired_or_revoked_token_and_an_inactive_user_are_locked_out(
    client: Client, token: tuple[ApiToken, str], viewer: User
) -> None:
    row, key = token
    now = timezone.now()
    tokens = ApiToken.objects.filter(pk=row.pk)
    tokens.update(expires_at=now - timedelta(seconds=1))
    assert get(client, key) == 401
    tokens.update(expires_at=now + timedelta(hours=1))
    assert get(client, key) == 200
    tokens.update(revoked_at=now)
    assert get(client, key) == 401
    tokens.update(revoked_at=None)
    User.objects.filter(pk=viewer.pk).update(is_active=False)
    assert get(client, key) == 401


def test_the_last_use_is_written_at_most_once_a_minute(
    client: Client, token: tuple[ApiToken, str]
) -> None:
    row, key = token
    get(client, key)
    row.refresh_from_db()
    first = row.last_used_at
    assert first is not None
    with CaptureQueriesContext(connection) as queries:
        get(client, key)
    assert not [query["sql"] for query in queries if query["sql"].startswith("UPDATE")]
    row.refresh_from_db()
    assert row.last_used_at == first
    ApiToken.objects.update(last_used_at=first - LAST_USED_EVERY - timedelta(seconds=1))
    get(client, key)
    row.refresh_from_db()
    assert row.last_used_at is not None
    assert row.last_used_at >= first


def test_the_key_is_neither_stored_nor_logged(
    client: Client, token: tuple[ApiToken, str], caplog: pytest.LogCaptureFixture
) -> None:
    row, key = token
    secret = key.rpartition("_")[2]
    with caplog.at_level(logging.DEBUG):
        get(client, key)
        ApiToken.objects.update(revoked_at=timezone.now())
        get(client, key)
    stored = str(ApiToken.objects.filter(pk=row.pk).values().get())
    assert key.removeprefix("arv_") not in stored
    assert secret not in stored
    assert key not in caplog.text
    assert secret not in caplog.text
