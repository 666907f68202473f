"""The way into the admin: who gets in, where it leads, and how often somebody may try."""

import time
from typing import Any

import pytest
from django.test import Client
from django.urls import Resolver404, resolve
from pytest_django.fixtures import Settings

from companies import people
from companies.models import User
from companies.tests.factories import PASSWORD, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_failures")]

LOGIN = "/account/login/"
INSIDE = "/admin/companies/project/"


def sign_in(client: Client, login: str, password: str = PASSWORD, **more: Any) -> Any:
    return client.post(LOGIN, {"login": login, "password": password}, **more)


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_the_admin_leads_the_unknown_to_the_sign_in_and_back(client: Client, owner: User) -> None:
    asked = client.get(f"{INSIDE}?q=a%26b", follow=True)
    [*_way, (last, _status)] = asked.redirect_chain
    assert last.startswith(f"{LOGIN}?next=")
    form = {"login": owner.username, "password": PASSWORD, "next": f"{INSIDE}?q=a%26b"}
    assert f'value="{INSIDE}?q=a%26b"' in asked.content.decode()
    assert client.post(LOGIN, form).headers["Location"] == f"{INSIDE}?q=a%26b"
    assert client.get(INSIDE).status_code == 200


@pytest.mark.parametrize(
    "name", ["owner-of-company", "OWNER-of-company", "Owner-Of-Company@Example.com"]
)
def test_username_and_address_both_open_in_any_case(client: Client, owner: User, name: str) -> None:
    owner.email = "Owner-of-company@EXAMPLE.com"
    owner.save()
    assert sign_in(client, name).headers["Location"] == "/admin/"
    assert is_signed_in(client)


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example.net/",
        "//evil.example.net/",
        "/\\evil.example.net",
        "javascript:alert(1)",
        "http:///evil.example.net",
        # A trusted origin is another site all the same.
        "https://partner.example.org/",
    ],
)
def test_the_sign_in_leads_nowhere_else(
    client: Client, owner: User, elsewhere: str, settings: Settings
) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://partner.example.org"]
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "partner.example.org"]
    form = {"login": owner.username, "password": PASSWORD, "next": elsewhere}
    assert client.post(LOGIN, form).headers["Location"] == "/admin/"
    # Signed in already: both pages lead on at once.
    assert client.get(LOGIN, {"next": elsewhere}).headers["Location"] == "/admin/"
    assert client.get("/admin/login/", {"next": elsewhere}).headers["Location"] == "/admin/"


def test_somebody_without_a_company_is_told_so_and_can_log_out(client: Client, db: None) -> None:
    sign_in(client, UserFactory.create(is_staff=True).username)
    response = client.get(INSIDE, follow=True)
    page = response.content.decode()
    assert response.status_code == 403
    assert 'action="/account/logout/"' in page
    assert client.post("/account/logout/").headers["Location"] == LOGIN
    assert not is_signed_in(client)


def test_the_admins_own_pages_for_passwords_and_leaving_lead_here(
    client: Client, owner: User
) -> None:
    client.force_login(owner)
    changed = client.get("/admin/password_change/")
    assert changed.headers["Location"] == "/account/password/change/"
    assert client.post("/admin/logout/").headers["Location"] == LOGIN


@pytest.mark.parametrize(
    "path",
    ["signup", "email", "confirm-email", "confirm-email/a:b:c", "login/code", "3rdparty", ""],
)
def test_nobody_signs_up_or_keeps_addresses_here(client: Client, path: str) -> None:
    with pytest.raises(Resolver404):
        resolve(f"/account/{path}/")
    assert client.post(f"/account/{path}/").status_code == 404


def test_a_wrong_password_says_the_same_of_everybody(client: Client, owner: User) -> None:
    known = sign_in(client, owner.username, "wrong")
    unknown = sign_in(client, "somebody else", "wrong")
    assert known.status_code == unknown.status_code == 200
    assert known.context["form"].errors == unknown.context["form"].errors
    assert 'role="alert"' in known.content.decode()


def test_failures_are_logged_without_what_was_typed(
    client: Client, owner: User, caplog: pytest.LogCaptureFixture
) -> None:
    sign_in(client, owner.username, "a secret", REMOTE_ADDR="192.0.2.7")
    # The password in the wrong field.
    sign_in(client, "another secret", "x")
    assert f"user {owner.pk} from 192.0.2.7" in caplog.text
    assert "an unknown account" in caplog.text
    assert "secret" not in caplog.text


def test_after_five_failures_an_account_cools_off_whatever_name_is_typed(
    client: Client, owner: User, editor: User
) -> None:
    for attempt in range(5):
        name = owner.username if attempt % 2 else owner.email.upper()
        sign_in(client, name, "wrong", REMOTE_ADDR=f"192.0.2.{attempt}")
    refused = sign_in(client, owner.username)
    assert refused.status_code == 200
    assert "Try again in 5 minutes." in refused.content.decode()
    assert not is_signed_in(client)
    # Another account from the same address goes on.
    sign_in(client, editor.username)
    assert is_signed_in(client)


def test_the_cool_off_ends(client: Client, owner: User, settings: Settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "100/10m/ip,2/1s/key"}
    for _attempt in range(2):
        sign_in(client, owner.username, "wrong")
    assert "Try again in 1 minute." in sign_in(client, owner.username).content.decode()
    time.sleep(1.1)
    sign_in(client, owner.username)
    assert is_signed_in(client)


def test_an_address_cools_off_whatever_accounts_it_tries(
    client: Client, owner: User, settings: Settings
) -> None:
    settings.TRUSTED_PROXY_HOPS = 1
    for attempt in range(30):
        # What the client wrote itself comes first, and proves nothing.
        forwarded = {"X-Forwarded-For": f"198.51.100.{attempt}, 192.0.2.7"}
        sign_in(client, f"nobody-{attempt}", "wrong", headers=forwarded)
    refused = sign_in(client, owner.username, headers={"X-Forwarded-For": "192.0.2.7"})
    assert "Try again in 10 minutes." in refused.content.decode()
    sign_in(client, owner.username, headers={"X-Forwarded-For": "192.0.2.8"})
    assert is_signed_in(client)


def test_successes_are_not_counted(client: Client, owner: User) -> None:
    for _attempt in range(8):
        sign_in(client, owner.username)
        assert is_signed_in(client)
        client.logout()


def test_without_its_cache_nobody_tries_passwords(
    client: Client, owner: User, settings: Settings, unused_port: int
) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": f"redis://127.0.0.1:{unused_port}/0",
        }
    }
    refused = sign_in(client, owner.username)
    assert refused.status_code == 200
    assert "Try again in a minute." in refused.content.decode()
    assert not is_signed_in(client)


def test_a_switched_off_account_is_named_only_to_who_knows_its_password(
    client: Client, owner: User
) -> None:
    people.disable(owner)
    assert sign_in(client, owner.username).headers["Location"] == "/account/inactive/"
    assert not is_signed_in(client)
    assert sign_in(client, owner.username, "wrong").status_code == 200


def test_the_page_is_strict_and_keeps_its_forms_here(client: Client) -> None:
    response = client.get(LOGIN)
    policy = response.headers["Content-Security-Policy"]
    assert "form-action 'self'" in policy
    assert "unsafe" not in policy
    assert "data:" not in policy
    assert "no-store" in response.headers["Cache-Control"]
    page = response.content.decode()
    assert "<script" not in page
    assert " style=" not in page
    assert "//" not in page.replace("http://www.w3.org", "")


def test_the_language_can_be_chosen_and_is_remembered(client: Client) -> None:
    assert 'lang="en"' in client.get(LOGIN).content.decode()
    by_browser = client.get(LOGIN, headers={"Accept-Language": "ru"}).content.decode()
    assert '<html lang="ru">' in by_browser
    chosen = client.post("/account/language/", {"language": "ru", "next": f"{LOGIN}?next=/admin/"})
    assert chosen.headers["Location"] == f"{LOGIN}?next=/admin/"
    assert '<html lang="ru">' in client.get(LOGIN).content.decode()
    elsewhere = {"language": "en", "next": "https://evil.example.net/"}
    assert client.post("/account/language/", elsewhere).headers["Location"] == "/"


def test_programs_get_pages_too(client: Client, owner: User) -> None:
    response = client.post(
        LOGIN,
        {"login": owner.username, "password": "wrong"},
        headers={"X-Requested-With": "XMLHttpRequest", "Accept": "application/json"},
    )
    assert response.headers["Content-Type"].startswith("text/html")
