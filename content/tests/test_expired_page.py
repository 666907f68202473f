"""What a visitor meets when the time of a picture has run out, and how they ask for more."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from companies.limits import extend_project
from companies.models import Company, Project
from content.models import ARContent, Notification
from content.tests.factories import ARContentFactory, PortraitFactory, VideoFactory

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def nobody_has_asked_yet() -> None:
    cache.clear()


@pytest.fixture(autouse=True)
def published_company(company: Company) -> Company:
    company.contact_email, company.contact_phone = "studio@example.com", "+49 (30) 1234-56"
    company.name = "Studio <Nord>"
    company.save()
    return company


@pytest.fixture
def content(project: Project) -> ARContent:
    """Over, with its project."""
    project.expires_at = timezone.now() - SECOND
    project.save()
    content: ARContent = ARContentFactory.create(project=project, title="Grandmother")
    VideoFactory.create(ar_content=content)
    return content


def ask(client: Client, content: ARContent, contact: str = "", **headers: str) -> Any:
    """As a browser sends the form."""
    return client.post(
        f"/ar/{content.unique_id}/renewal",
        urlencode({"contact": contact}),
        content_type="application/x-www-form-urlencoded",
        **headers,  # type: ignore[arg-type]
    )


def _content_over(content: ARContent) -> None:
    Project.objects.update(expires_at=None)
    ARContent.objects.update(expires_at=timezone.now() - SECOND)


def _status_expired(content: ARContent) -> None:
    Project.objects.update(expires_at=None, status="expired")


def _stopped_by_the_tick(content: ARContent) -> None:
    ARContent.objects.update(is_active=False, is_stopped=True)


def _subscription_over(content: ARContent) -> None:
    Project.objects.update(expires_at=None)
    Company.objects.update(subscription_expires_at=timezone.now() - SECOND)


def _nothing_more(content: ARContent) -> None:
    """The project's end is past already."""


@pytest.mark.parametrize(
    "happens",
    [_nothing_more, _content_over, _status_expired, _stopped_by_the_tick, _subscription_over],
)
def test_what_is_over_says_so_and_names_whom_to_ask(
    client: Client, content: ARContent, happens: Any
) -> None:
    happens(content)
    answer = client.get(f"/ar/{content.unique_id}")
    page = answer.content.decode()
    assert answer.status_code == 410
    assert "Studio &lt;Nord&gt;" in page
    assert 'href="mailto:studio@example.com?subject=http' in page
    assert 'href="tel:+49301234' in page
    assert f'action="/ar/{content.unique_id}/renewal"' in page
    assert "Grandmother" not in page
    assert content.image.url not in page
    for kind in ("active-video", "content"):
        assert client.get(f"/api/ar/{content.unique_id}/{kind}").status_code == 404


def _switched_off(content: ARContent) -> None:
    ARContent.objects.update(is_active=False)


def _not_published_yet(content: ARContent) -> None:
    ARContent.objects.update(published_at=timezone.now() + timedelta(days=1))


def _paused(content: ARContent) -> None:
    Project.objects.update(status="paused", expires_at=None)
    Company.objects.update(subscription_expires_at=timezone.now() - SECOND)


def _company_switched_off(content: ARContent) -> None:
    Company.objects.update(is_active=False)


@pytest.mark.parametrize(
    "happens", [_switched_off, _not_published_yet, _paused, _company_switched_off]
)
def test_what_staff_hide_looks_like_what_never_was(
    client: Client, content: ARContent, happens: Any
) -> None:
    happens(content)
    never = f"/ar/{uuid.UUID(int=7)}"
    for path in ("", "/renewal"):
        method = client.post if path else client.get
        hidden = method(f"/ar/{content.unique_id}{path}")
        assert hidden.status_code == 404
        assert hidden.content == method(f"{never}{path}").content
    assert not Notification.objects.exists()


@pytest.mark.parametrize("public_id", ["nonsense", "0", "%00", str(uuid.UUID(int=7))])
def test_nobody_can_ask_for_an_unknown_id(client: Client, public_id: str) -> None:
    assert client.post(f"/ar/{public_id}/renewal").status_code == 404
    assert client.get(f"/ar/{public_id}/renewal", follow=True).status_code == 404


def test_a_portraits_id_leads_to_the_newest_content_that_is_over(
    client: Client, project: Project, content: ARContent
) -> None:
    portrait = PortraitFactory.create(company=project.company)
    old, new = ARContentFactory.create_batch(2, project=project, portrait=portrait, image="")
    page = client.get(f"/ar/{portrait.unique_id}")
    assert page.status_code == 410
    assert f"/ar/{new.unique_id}/renewal" in page.content.decode()
    assert str(old.unique_id) not in page.content.decode()


def test_the_policy_allows_the_form_and_nothing_else(client: Client, content: ARContent) -> None:
    answers = [client.get(f"/ar/{content.unique_id}"), ask(client, content)]
    for answer in answers:
        policy = answer["Content-Security-Policy"]
        assert "form-action 'self'" in policy
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert "no-store" in answer["Cache-Control"]
        assert " style=" not in answer.content.decode()
        assert "<script" not in answer.content.decode()
    unknown = client.get(f"/ar/{uuid.UUID(int=7)}")["Content-Security-Policy"]
    assert "form-action 'none'" in unknown


def test_a_wish_becomes_a_notice_to_the_company(client: Client, content: ARContent) -> None:
    answer = ask(client, content, "  anna@example.com\r\n\x07 ")
    assert answer.status_code == 200
    assert "Studio &lt;Nord&gt; has been told" in answer.content.decode()
    assert not answer.cookies
    notice = Notification.objects.get()
    assert notice.notification_type == "renewal_requested"
    assert (notice.company, notice.project, notice.ar_content) == (
        content.company,
        content.project,
        content,
    )
    assert "anna@example.com" in notice.message
    assert "Grandmother" in notice.subject
    assert notice.metadata["requests"] == 1
    assert notice.metadata["contacts"] == ["anna@example.com"]


def test_wishes_of_a_day_are_one_notice_that_counts_them(
    client: Client, content: ARContent
) -> None:
    for number in range(25):
        address = {"REMOTE_ADDR": f"10.0.{number}.1"}
        contact = f"visitor-{number}@example.com"
        assert ask(client, content, contact, **address).status_code == 200
    assert ask(client, content, REMOTE_ADDR="10.1.1.1").status_code == 200
    notice = Notification.objects.get()
    assert notice.metadata["requests"] == 26
    contacts = [f"visitor-{number}@example.com" for number in range(20)]
    assert notice.metadata["contacts"] == contacts
    assert "visitor-19" in notice.message
    assert "visitor-20" not in notice.message


def test_one_network_asks_three_times_a_day_for_one_content(
    client: Client, content: ARContent
) -> None:
    codes = [ask(client, content).status_code for _again in range(4)]
    assert codes == [200, 200, 200, 429]
    refusal = ask(client, content, headers={"Accept-Language": "en"})  # type: ignore[arg-type]
    assert 0 < int(refusal["Retry-After"]) <= 24 * 3600
    assert 'role="alert"' in refusal.content.decode()
    assert "try again tomorrow" in refusal.content.decode()
    assert Notification.objects.get().metadata["requests"] == 3
    other = ARContentFactory.create(project=content.project)
    assert ask(client, other).status_code == 200
    assert ask(client, content, REMOTE_ADDR="192.0.2.1").status_code == 200


def test_one_network_asks_ten_times_a_minute_at_most(client: Client, content: ARContent) -> None:
    contents = ARContentFactory.create_batch(12, project=content.project)
    codes = [ask(client, one).status_code for one in contents]
    assert set(codes) == {200, 429}
    # The minute may end in between.
    assert codes[:10] == [200] * 10


@pytest.mark.parametrize(
    ("data", "content_type", "says"),
    [
        (urlencode({"contact": "x" * 201}), "application/x-www-form-urlencoded", "200"),
        ("contact=" + "x" * 5000, "application/x-www-form-urlencoded", "cannot be read"),
        (b"contact=%00", "application/x-www-form-urlencoded", "Null characters"),
        ("--b\r\n", "multipart/form-data; boundary=b", "cannot be read"),
        ("{}", "application/json", "cannot be read"),
    ],
)
def test_a_bad_form_says_why_and_stores_nothing(
    client: Client, content: ARContent, data: Any, content_type: str, says: str
) -> None:
    answer = client.post(f"/ar/{content.unique_id}/renewal", data, content_type=content_type)
    assert answer.status_code == 400
    page = answer.content.decode()
    assert 'role="alert"' in page
    assert says in page
    assert not Notification.objects.exists()


@pytest.mark.parametrize(
    "contact",
    [
        "anna.o'neil+ar@example.com",
        "АННА@example.com",
        "+49 (30) 1234-56",
        "8 800 555-35-35",
        "030/123456",
        "https://evil.example/login",
        "evil.example",
        "Call me: +49 30 123456",
        "anna@example.com https://evil.example",
        '"https://evil.example/"@example.com',
        "evil.example/login@example.com",
        "1234",
        "1" * 16,
        "+49+30+123456",
    ],
)
@pytest.mark.parametrize(("language", "says"), [("en", "phone number"), ("ru", "телефон")])
def test_a_visitor_leaves_an_address_or_a_number_and_no_link(
    client: Client, content: ARContent, contact: str, language: str, says: str
) -> None:
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = language
    answer = ask(client, content, contact)
    fits = contact[0] in "a+80" and contact.count("+") < 2 and "https" not in contact
    assert answer.status_code == (200 if fits else 400)
    assert Notification.objects.count() == fits
    alert = answer.content.decode().partition('role="alert">')[2].partition("</p>")[0]
    assert (says in alert) is not fits


def test_an_end_that_no_clock_shows_keeps_nobody_from_asking(
    client: Client, content: ARContent
) -> None:
    Company.objects.update(time_zone="America/New_York")
    Project.objects.update(expires_at=datetime(1, 1, 1, tzinfo=UTC))
    assert ask(client, content).status_code == 200
    assert Notification.objects.exists()


def test_what_was_typed_stays_and_the_field_tells_what_is_wrong(
    client: Client, content: ARContent
) -> None:
    page = ask(client, content, "<b>" + "x" * 200).content.decode()
    assert 'value="&lt;b&gt;xxx' in page
    assert 'aria-invalid="true"' in page
    assert 'aria-describedby="hint error"' in page


def test_extended_meanwhile_the_wish_leads_to_the_picture(
    client: Client, content: ARContent
) -> None:
    extend_project(content.project, days=5, now=timezone.now())
    answer = ask(client, content)
    assert (answer.status_code, answer["Location"]) == (302, f"/ar/{content.unique_id}")
    assert client.get(answer["Location"]).status_code == 200
    assert not Notification.objects.exists()


def test_the_page_reads_no_session_and_sets_no_cookie(client: Client, content: ARContent) -> None:
    client.cookies["sessionid"] = "a" * 32
    strict = Client(enforce_csrf_checks=True)
    with CaptureQueriesContext(connection) as queries:
        answers = [client.get(f"/ar/{content.unique_id}"), ask(client, content)]
    assert ask(strict, content).status_code == 200
    for answer in answers:
        assert not answer.cookies
        assert "Cookie" not in answer.headers.get("Vary", "")
    assert not any("session" in one["sql"] for one in queries)


def test_a_company_without_an_address_is_named_all_the_same(
    client: Client, content: ARContent
) -> None:
    Company.objects.update(contact_email="", contact_phone="ask for Jo")
    page = client.get(f"/ar/{content.unique_id}").content.decode()
    assert "ask for Jo" in page
    assert "tel:" not in page
    assert "mailto:" not in page
