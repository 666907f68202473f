"""A forgotten password, and a changed one."""

import re
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core import mail
from django.test import Client
from pytest_django.fixtures import Settings

from companies import people
from companies.models import User
from companies.tests.conftest import PostOffice
from companies.tests.factories import PASSWORD, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_failures")]

LOGIN, RESET, CHANGE = "/account/login/", "/account/password/reset/", "/account/password/change/"
FRESH = "another long password"


def ask(client: Client, email: str, **more: Any) -> Any:
    return client.post(RESET, {"email": email}, **more)


def link() -> str:
    [found] = re.findall(r"https?://\S+", str(mail.outbox[-1].body))
    return str(found)


def path_of(url: str) -> str:
    return url.removeprefix(django_settings.PUBLIC_URL)


def choose(client: Client, url: str, password: str = FRESH) -> Any:
    form = client.get(path_of(url), follow=True)
    fields = {"password1": password, "password2": password}
    return client.post(form.request["PATH_INFO"], fields, follow=True)


def test_a_link_sets_a_new_password_once(
    client: Client, owner: User, post_office: PostOffice
) -> None:
    elsewhere = Client()
    elsewhere.force_login(owner)
    ask(client, owner.email.upper())
    assert post_office.deliver() == 1
    assert "Your password is set" in choose(client, link()).content.decode()
    owner.refresh_from_db()
    assert owner.check_password(FRESH)
    # Whoever was signed in with the old one is out.
    assert elsewhere.get("/admin/").status_code == 302
    assert "does not work any more" in choose(Client(), link(), "yet another one").content.decode()


def test_the_answer_is_the_same_for_unknown_addresses(
    client: Client, owner: User, post_office: PostOffice
) -> None:
    answers = []
    for email in (owner.email, "nobody@example.com"):
        answer = ask(client, email)
        page = client.get(answer.headers["Location"]).content.decode()
        answers.append((answer.status_code, answer.headers["Location"], cut_tokens(page)))
    assert answers[0] == answers[1]
    # The same work for the web server; only the worker knows more.
    assert post_office.deliver() == 2
    assert [letter.to for letter in mail.outbox] == [[owner.email]]


def cut_tokens(page: str) -> str:
    return re.sub(r'value="\w{64}"', "", page)


def test_the_link_leads_to_the_platform_whatever_the_request_calls_it(
    client: Client, owner: User, post_office: PostOffice, settings: Settings
) -> None:
    settings.PUBLIC_URL = "https://ar.example.org"
    settings.ALLOWED_HOSTS = ["*"]
    forged = {"Host": "evil.example.net", "X-Forwarded-Host": "evil.example.net"}
    ask(client, owner.email, headers=forged)
    post_office.deliver()
    assert link().startswith("https://ar.example.org/account/password/reset/key/")
    assert "evil" not in str(mail.outbox[0].message())


def test_the_letter_speaks_the_browsers_language(
    client: Client, owner: User, post_office: PostOffice
) -> None:
    for language in ("ru", "en"):
        ask(client, owner.email, headers={"Accept-Language": language})
        post_office.deliver()
        assert f'<html lang="{language}">' in mail.outbox[-1].message().as_string()


def test_a_look_alike_address_gets_no_letter(client: Client, post_office: PostOffice) -> None:
    UserFactory.create(email="mike@example.com")
    # Upper case makes the dotless ı an I, which some databases take for the same.
    ask(client, "m\u0131ke@example.com")
    post_office.deliver()
    assert mail.outbox == []


def test_switching_off_and_on_again_ends_the_links_that_were_sent(
    client: Client, owner: User, post_office: PostOffice
) -> None:
    ask(client, owner.email)
    post_office.deliver()
    people.disable(owner)
    assert "does not work any more" in choose(client, link()).content.decode()
    ask(client, owner.email)
    post_office.deliver()
    assert len(mail.outbox) == 1
    people.enable(owner)
    assert "does not work any more" in choose(client, link()).content.decode()


def test_weak_passwords_are_refused_with_a_reason(
    client: Client, owner: User, post_office: PostOffice
) -> None:
    ask(client, owner.email)
    post_office.deliver()
    page = choose(client, link(), "12345").content.decode()
    assert 'role="alert"' in page
    owner.refresh_from_db()
    assert owner.check_password(PASSWORD)


def test_a_new_password_ends_the_cool_off(
    client: Client, owner: User, post_office: PostOffice
) -> None:
    for _attempt in range(6):
        client.post(LOGIN, {"login": owner.username, "password": "wrong"})
    ask(client, owner.email)
    post_office.deliver()
    choose(client, link())
    client.post(LOGIN, {"login": owner.username, "password": FRESH})
    assert "_auth_user_id" in client.session


def test_letters_to_one_address_are_limited(
    client: Client, owner: User, post_office: PostOffice
) -> None:
    answers = [ask(client, owner.email) for _attempt in range(6)]
    assert [answer.status_code for answer in answers] == [302] * 5 + [429]
    assert "<h1" in answers[-1].content.decode()
    assert post_office.deliver() == 5


@pytest.mark.usefixtures("closed_post_office")
def test_without_a_broker_the_page_says_that_nothing_was_sent(client: Client, owner: User) -> None:
    for email in (owner.email, "nobody@example.com"):
        page = ask(client, email)
        assert page.status_code == 200
        assert "Try again" in page.content.decode()


def test_changing_the_password_keeps_this_browser_and_ends_the_others(
    client: Client, owner: User
) -> None:
    other = Client()
    for one in (client, other):
        one.post(LOGIN, {"login": owner.username, "password": PASSWORD})
    wrong = {"oldpassword": "wrong", "password1": FRESH, "password2": FRESH}
    assert client.post(CHANGE, wrong).status_code == 200
    done = client.post(CHANGE, {**wrong, "oldpassword": PASSWORD})
    assert done.status_code == 302
    assert client.get("/admin/companies/project/").status_code == 200
    assert other.get("/admin/companies/project/").status_code == 302
