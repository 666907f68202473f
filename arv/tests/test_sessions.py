"""How long staff stay signed in, what ends it, and that visitors are never followed."""

import time
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from arv.sessions import SessionStore
from companies import people
from companies.models import Company, User
from companies.tests.factories import PASSWORD, ProjectFactory
from content.models import ARContent
from content.playback import choose
from content.tests.factories import ARContentFactory, VideoFactory

pytestmark = pytest.mark.django_db

INSIDE = "/admin/companies/project/"


def sign_in(client: Client, user: User) -> None:
    form = {"login": user.username, "password": PASSWORD}
    assert client.post("/account/login/", form).status_code == 302


def expiry() -> float:
    """In how many seconds the one session ends."""
    return (Session.objects.get().expire_date - timezone.now()).total_seconds()


def leave_alone(client: Client, *, seconds: int) -> None:
    """As if nobody had used the session for a while."""
    store = SessionStore(session_key=client.session.session_key)
    row = Session.objects.get()
    data = {**row.get_decoded(), "saved_at": int(time.time()) - seconds}
    row.session_data = store.encode(data)
    row.expire_date -= timedelta(seconds=seconds)
    row.save()


def test_a_session_lasts_from_its_last_use(client: Client, owner: User, settings: Settings) -> None:
    sign_in(client, owner)
    leave_alone(client, seconds=11 * 3600)
    assert expiry() < 3601
    response = client.get(INSIDE)
    assert response.status_code == 200
    assert settings.SESSION_COOKIE_AGE == 12 * 3600
    assert expiry() > 12 * 3600 - 10
    assert response.cookies["sessionid"]["max-age"] == 12 * 3600


def test_a_session_that_nobody_used_for_long_enough_is_over(client: Client, owner: User) -> None:
    sign_in(client, owner)
    leave_alone(client, seconds=12 * 3600 + 1)
    assert client.get(INSIDE).status_code == 302


def test_pages_in_quick_succession_do_not_write_each_time(client: Client, owner: User) -> None:
    sign_in(client, owner)
    client.get(INSIDE)
    with CaptureQueriesContext(connection) as queries:
        response = client.get(INSIDE)
    assert not any("UPDATE" in one["sql"] for one in queries)
    assert "sessionid" not in response.cookies


@pytest.fixture
def content(company: Company) -> ARContent:
    content: ARContent = ARContentFactory.create(project=ProjectFactory.create(company=company))
    choose(VideoFactory.create(ar_content=content), now=timezone.now())
    content.refresh_from_db()
    return content


@pytest.mark.parametrize("cookie", ["staff", "made up", "none"])
def test_public_pages_read_no_session_and_set_no_cookie(
    client: Client, owner: User, content: ARContent, cookie: str
) -> None:
    if cookie == "staff":
        sign_in(client, owner)
        leave_alone(client, seconds=3600)
    elif cookie == "made up":
        client.cookies["sessionid"] = "a" * 32
    before = list(Session.objects.values_list())
    visit = {"ar_content_unique_id": str(content.unique_id), "session_id": "s" * 16}
    with CaptureQueriesContext(connection) as queries:
        answers = [
            client.get(f"/ar/{content.unique_id}"),
            client.get(f"/ar/{content.pk}"),
            client.post(f"/ar/{content.unique_id}/renewal"),
            client.get(f"/api/ar/{content.unique_id}/active-video"),
            client.get(f"/api/ar/{content.unique_id}/content"),
            client.post("/api/analytics/ar-session", visit, content_type="application/json"),
            client.get(content.image.url),
            client.get("/media/nothing"),
            client.get("/api/health/status"),
        ]
    for answer in answers:
        assert not answer.cookies, answer.request["PATH_INFO"]
        assert "Cookie" not in answer.headers.get("Vary", ""), answer.request["PATH_INFO"]
    assert not any('session"' in one["sql"] and "django" in one["sql"] for one in queries)
    assert list(Session.objects.values_list()) == before


def test_switching_somebody_off_ends_every_session_at_once_and_for_good(
    client: Client, owner: User
) -> None:
    other = Client()
    for one in (client, other):
        sign_in(one, owner)
        assert one.get(INSIDE).status_code == 200
    people.disable(owner)
    for one in (client, other):
        away = one.get(INSIDE, follow=True)
        assert away.request["PATH_INFO"] == "/account/login/"
        assert one.get("/api/analytics/overview").status_code in {401, 403}
    people.enable(owner)
    assert client.get(INSIDE).status_code == 302
    sign_in(client, owner)
    assert client.get(INSIDE).status_code == 200


def test_the_user_page_of_the_admin_switches_off_with_the_same_effect(
    client: Client, owner: User, superuser: User
) -> None:
    sign_in(client, owner)
    staff = Client()
    staff.force_login(superuser)
    page = staff.get(f"/admin/companies/user/{owner.pk}/change/")
    form = page.context["adminform"].form
    fields = {
        name: form[name].value() or ""
        for name in form.fields
        if name not in {"is_active", "password"}
    }
    fields |= {
        f"{formset.formset.prefix}-{name}": value
        for formset in page.context["inline_admin_formsets"]
        for name, value in {"TOTAL_FORMS": 0, "INITIAL_FORMS": 0}.items()
    }
    fields.pop("is_superuser", None)
    saved = staff.post(f"/admin/companies/user/{owner.pk}/change/", fields)
    assert saved.status_code == 302
    owner.refresh_from_db()
    assert not owner.is_active
    assert client.get(INSIDE).status_code == 302
    people.enable(owner)
    assert client.get(INSIDE).status_code == 302


def test_logging_out_everywhere_ends_the_other_browsers(client: Client, owner: User) -> None:
    sign_in(client, owner)
    owner.log_out_everywhere()
    assert client.get(INSIDE).status_code == 302
