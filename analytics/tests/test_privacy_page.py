"""What visitors are told of what is kept of them: true to the settings, and with whom to ask."""

import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from companies.models import Company
from companies.provisioning import seed_defaults
from content.models import ARContent

pytestmark = [pytest.mark.django_db, pytest.mark.orm]


@pytest.fixture(autouse=True)
def studio(company: Company) -> Company:
    company.name, company.contact_email = "Studio <Nord>", "studio@example.com"
    company.contact_phone, company.session_retention_days = "+49 (30) 1234-56", 77
    company.save()
    return company


def page_of(client: Client, content: ARContent | None, query: str = "") -> str:
    address = f"/ar/{content.unique_id}/privacy" if content else "/privacy"
    answer = client.get(address + query, headers={"Accept-Language": "en"})
    assert answer.status_code == 200
    assert not answer.cookies
    return " ".join(answer.content.decode().split())


def test_a_contents_page_names_its_company_and_how_long_it_keeps_visits(
    client: Client, content: ARContent
) -> None:
    page = page_of(client, content)
    assert "Studio &lt;Nord&gt; shows you this picture and is responsible" in page
    assert 'href="mailto:studio@example.com?subject=http' in page
    assert 'href="tel:+49301234' in page
    assert "removed after 77 days, at the latest a month later" in page


@pytest.mark.parametrize(
    ("country", "city", "says"),
    [
        ("", "", None),
        ("country.mmdb", "", "the country of that network"),
        ("country.mmdb", "city.mmdb", "the country and the city of that network"),
        ("", "city.mmdb", "the country and the city of that network"),
    ],
)
def test_places_are_told_of_as_far_as_a_file_knows_them(
    client: Client,
    content: ARContent,
    settings: Settings,
    country: str,
    city: str,
    says: str | None,
) -> None:
    settings.GEOIP_COUNTRY_FILE, settings.GEOIP_CITY_FILE = country, city
    page = page_of(client, content)
    assert ("nobody else is asked" in page) is (says is not None)
    assert says is None or says in page
    assert "your address without its last part" in page


def test_the_number_of_the_visit_is_shown_and_goes_into_the_mail(
    client: Client, content: ARContent
) -> None:
    number = str(uuid.uuid4())
    page = page_of(client, content, f"?visit={number}")
    assert f'<code translate="no">{number}</code>' in page
    assert page.count(number) == 2
    for nonsense in ("<script>", "7", "%00", "x" * 3000):
        page = page_of(client, content, f"?visit={nonsense}")
        assert "<code" not in page
        assert "Open this page from the page of the picture" in page


def test_it_is_linked_from_every_page_that_a_visitor_may_meet(
    client: Client, content: ARContent
) -> None:
    own = f'href="/ar/{content.unique_id}/privacy"'
    assert own in client.get(f"/ar/{content.unique_id}").content.decode()
    content.expires_at = timezone.now() - timedelta(days=1)
    content.save()
    assert own in client.get(f"/ar/{content.unique_id}").content.decode()
    assert "Studio" in page_of(client, content)
    unknown = client.get(f"/ar/{uuid.UUID(int=7)}")
    assert 'href="/privacy"' in unknown.content.decode()


def test_what_staff_hide_has_no_page(client: Client, content: ARContent) -> None:
    ARContent.objects.update(is_active=False)
    hidden = client.get(f"/ar/{content.unique_id}/privacy")
    never = client.get(f"/ar/{uuid.UUID(int=7)}/privacy")
    assert (hidden.status_code, hidden.content) == (404, never.content)
    assert client.get("/ar/nonsense/privacy").status_code == 404


def test_the_platforms_page_names_nobodys_company(client: Client, content: ARContent) -> None:
    page = page_of(client, None)
    assert "Studio" not in page
    assert "Whoever shows you a picture is responsible" in page
    assert "77" not in page
    default = seed_defaults()
    default.contact_email = "platform@example.com"
    default.save()
    page = page_of(client, None)
    assert "This site is run by Vertex AR" in page
    assert 'href="mailto:platform@example.com"' in page


def test_the_policy_is_as_strict_as_of_every_page(client: Client, content: ARContent) -> None:
    for address in ("/privacy", f"/ar/{content.unique_id}/privacy"):
        answer = client.get(address)
        policy = answer["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "form-action 'none'" in policy
        assert "unsafe" not in policy
        page = answer.content.decode()
        assert "<script" not in page
        assert " style=" not in page
        assert client.post(address).status_code == 405
