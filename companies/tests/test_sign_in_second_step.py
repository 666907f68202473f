"""The second step: set up with a real authenticator's arithmetic, asked for, and recovered."""

import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.test import Client
from pytest_django.fixtures import Settings

from companies.models import ApiToken, User
from companies.tests.authenticator import code_of
from companies.tests.factories import PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_failures")]

LOGIN, CODE = "/account/login/", "/account/2fa/authenticate/"
ACTIVATE, DEACTIVATE = "/account/2fa/totp/activate/", "/account/2fa/totp/deactivate/"
CODES = "/account/2fa/recovery-codes/"


def sign_in(client: Client, user: User, **more: str) -> Any:
    return client.post(LOGIN, {"login": user.username, "password": PASSWORD, **more})


def set_up(client: Client, user: User) -> str:
    """The whole way through the pages; returns the secret that the phone keeps."""
    sign_in(client, user)
    confirm = client.get(ACTIVATE)
    assert confirm.headers["Location"].startswith("/account/reauthenticate/")
    page = client.post(confirm.headers["Location"], {"password": PASSWORD}, follow=True)
    [secret] = re.findall(r"<code[^>]*>([A-Z2-7]{32})</code>", page.content.decode())
    done = client.post(ACTIVATE, {"code": code_of(secret)}, follow=True)
    assert done.request["PATH_INFO"] == CODES
    return str(secret)


def recovery_codes(client: Client) -> list[str]:
    return re.findall(r"<code>(\d{8})</code>", client.get(CODES).content.decode())


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_with_a_second_step_the_password_is_not_enough(client: Client, viewer: User) -> None:
    secret = set_up(client, viewer)
    other = Client()
    assert sign_in(other, viewer, next="/admin/content/arcontent/").headers["Location"] == CODE
    assert not is_signed_in(other)
    assert other.get("/admin/", follow=True).request["PATH_INFO"] == CODE
    wrong = other.post(CODE, {"code": "000000"})
    assert 'role="alert"' in wrong.content.decode()
    done = other.post(CODE, {"code": code_of(secret)})
    assert done.headers["Location"] == "/admin/content/arcontent/"
    assert is_signed_in(other)


def test_a_code_opens_once_even_while_a_late_clock_would_allow_it(
    client: Client, viewer: User
) -> None:
    secret = set_up(client, viewer)
    code = code_of(secret, periods=1)
    for number, opens in enumerate([True, False]):
        other = Client()
        sign_in(other, viewer)
        other.post(CODE, {"code": f"{code[:3]} {code[3:]}" if number else code})
        assert is_signed_in(other) is opens
        # What allauth itself remembers is gone after one period.
        cache.delete(f"allauth.mfa.totp.used?user={viewer.pk}&code={code}")


def test_a_recovery_code_opens_once(client: Client, viewer: User) -> None:
    set_up(client, viewer)
    first, *rest = recovery_codes(client)
    assert len(rest) == 9
    for opens in (True, False):
        other = Client()
        sign_in(other, viewer)
        other.post(CODE, {"code": first})
        assert is_signed_in(other) is opens
    assert recovery_codes(client) == rest


def test_wrong_codes_cool_off_and_are_logged(
    client: Client, viewer: User, caplog: pytest.LogCaptureFixture
) -> None:
    secret = set_up(client, viewer)
    other = Client()
    sign_in(other, viewer)
    for _attempt in range(5):
        other.post(CODE, {"code": "000000"})
    refused = other.post(CODE, {"code": code_of(secret)})
    assert "Try again in 5 minutes." in refused.content.decode()
    assert not is_signed_in(other)
    assert f"wrong code for user {viewer.pk}" in caplog.text


def test_secrets_are_stored_encrypted(client: Client, viewer: User) -> None:
    secret = set_up(client, viewer)
    assert secret not in str(list(Authenticator.objects.values_list("data", flat=True)))
    for kept in Authenticator.objects.all():
        assert str(kept.data.get("secret", kept.data.get("seed"))).startswith("gAAAA")


def test_changing_the_second_step_asks_who_it_is(client: Client, viewer: User) -> None:
    secret = set_up(client, viewer)
    other = Client()
    sign_in(other, viewer)
    other.post(CODE, {"code": code_of(secret)})
    for path in (DEACTIVATE, f"{CODES}generate/"):
        asked = other.post(path)
        assert asked.status_code == 302
        assert "reauthenticate" in asked.headers["Location"]
    assert Authenticator.objects.filter(user=viewer).count() == 2
    # The one who set it up a moment ago may.
    client.post(DEACTIVATE)
    assert not Authenticator.objects.filter(user=viewer).exists()


def test_only_the_page_with_the_qr_code_may_show_data_images(client: Client, viewer: User) -> None:
    sign_in(client, viewer)
    confirm = client.get(ACTIVATE).headers["Location"]
    page = client.post(confirm, {"password": PASSWORD}, follow=True)
    assert "img-src 'self' data:;" in f"{page.headers['Content-Security-Policy']};"
    assert 'src="data:image/svg+xml;base64,' in page.content.decode()
    assert "data:" not in client.get("/account/2fa/").headers["Content-Security-Policy"]


@pytest.fixture
def required(settings: Settings) -> None:
    settings.MFA_REQUIRED_FOR_SUPERUSERS = True


@pytest.mark.usefixtures("required")
def test_a_superuser_without_it_reaches_nothing_until_it_is_set_up(
    client: Client, superuser: User
) -> None:
    sign_in(client, superuser)
    for path in ("/admin/", "/admin/companies/company/", "/admin/jsi18n/", "/admin/autocomplete/"):
        way = client.get(path, follow=True).redirect_chain
        assert any(step == ACTIVATE for step, _status in way), path
    api = "/api/analytics/overview"
    assert client.get(api).status_code == 403
    assert client.get(api).json()["code"] == "second_factor_required"
    other = Client()
    set_up(other, superuser)
    assert other.get("/admin/companies/company/").status_code == 200
    assert other.get(api).status_code == 200
    # And it stays on.
    other.post(DEACTIVATE)
    assert Authenticator.objects.filter(user=superuser, type="totp").exists()


@pytest.mark.usefixtures("required")
def test_it_is_asked_of_superusers_sessions_alone(
    client: Client, owner: User, superuser: User
) -> None:
    sign_in(client, owner)
    assert client.get("/admin/companies/project/").status_code == 200
    assert client.get("/api/analytics/overview").status_code == 200
    _token, key = ApiToken.issue(user=superuser, name="import")
    answer = Client().get("/api/analytics/overview", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200


def test_without_the_setting_superusers_choose(client: Client, superuser: User) -> None:
    sign_in(client, superuser)
    assert client.get("/admin/companies/company/").status_code == 200
