"""A visit is recorded from what the page sends and what the request shows."""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from analytics.models import ARViewSession
from analytics.tests.conftest import START, Post, StatementsTold
from companies.models import Company, Project, User
from companies.tests.factories import ProjectFactory
from content.models import ARContent
from content.tests.factories import ARContentFactory, PortraitFactory

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
)

pytestmark = pytest.mark.django_db


def test_every_documented_field_is_stored(post: Post, content: ARContent) -> None:
    session_id = str(uuid.uuid4())
    response = post(
        {
            "portrait_id": str(content.unique_id),
            "ar_content_unique_id": str(content.unique_id),
            "ar_content_id": content.pk,
            "session_id": session_id,
            "user_agent": "Some Agent/1",
            "device_type": "tablet",
            "browser": "Some Browser 1",
            "os": "Some OS",
            "tracking_quality": "good",
            "video_played": True,
            "a_field_of_tomorrow": {"is": "ignored"},
        },
        REMOTE_ADDR="203.0.113.77",
    )
    assert response.status_code == 200
    assert json.loads(response.content) == {"status": "tracked"}
    row = ARViewSession.objects.get()
    assert str(row.session_id) == session_id
    assert (row.ar_content, row.project, row.company) == (content, content.project, content.company)
    assert (row.user_agent, row.device_type) == ("Some Agent/1", "tablet")
    assert (row.browser, row.os) == ("Some Browser 1", "Some OS")
    assert (row.tracking_quality, row.video_played) == ("good", True)
    assert (row.ip_address, row.country, row.city) == ("203.0.113.0", "", "")
    assert row.duration_seconds is None
    assert timezone.now() - row.created_at < timedelta(seconds=30)


def test_what_the_page_leaves_out_comes_from_the_user_agent(
    post: Post, start: dict[str, Any]
) -> None:
    post(start | {"browser": None, "os": ""}, headers={"User-Agent": IPHONE})
    row = ARViewSession.objects.get()
    assert row.user_agent == IPHONE
    assert (row.browser, row.os, row.device_type) == ("Mobile Safari 17", "iOS", "mobile")


def test_the_given_user_agent_wins_over_the_header(post: Post, start: dict[str, Any]) -> None:
    post(start | {"user_agent": IPHONE}, headers={"User-Agent": "proxy/1"})
    assert ARViewSession.objects.get().os == "iOS"


def test_a_strange_user_agent_is_kept_as_far_as_it_fits(post: Post, start: dict[str, Any]) -> None:
    assert post(start | {"user_agent": "a\x00\ud800b" + "x" * 900}).status_code == 200
    assert ARViewSession.objects.get().user_agent == "ab" + "x" * 498


@pytest.mark.parametrize("field", ["portrait_id", "ar_content_unique_id"])
def test_the_unique_id_of_a_content_is_taken_in_either_field(
    post: Post, content: ARContent, field: str
) -> None:
    assert post({"session_id": str(uuid.uuid4()), field: str(content.unique_id)}).status_code == 200
    assert ARViewSession.objects.get().ar_content == content


def test_a_portrait_means_its_newest_published_content(
    post: Post, company: Company, project: Project
) -> None:
    portrait = PortraitFactory.create(company=company)
    ARContentFactory.create(project=project, portrait=portrait, image="")
    newest = ARContentFactory.create(project=project, portrait=portrait, image="")
    ARContentFactory.create(project=project, portrait=portrait, image="", is_active=False)
    event = {"session_id": str(uuid.uuid4()), "portrait_id": str(portrait.unique_id)}
    assert post(event).status_code == 200
    assert ARViewSession.objects.get().ar_content == newest


def test_a_retry_by_portrait_stays_with_its_content_when_a_newer_one_appears(
    post: Post, company: Company, project: Project
) -> None:
    portrait = PortraitFactory.create(company=company)
    first = ARContentFactory.create(project=project, portrait=portrait, image="")
    event = {"session_id": str(uuid.uuid4()), "portrait_id": str(portrait.unique_id)}
    post(event)
    ARContentFactory.create(project=project, portrait=portrait, image="")
    assert post(event).status_code == 200
    assert ARViewSession.objects.get().ar_content == first


def test_the_number_of_a_content_is_enough(post: Post, content: ARContent) -> None:
    event = {"session_id": str(uuid.uuid4()), "ar_content_id": content.pk}
    assert post(event).status_code == 200
    assert ARViewSession.objects.get().company == content.company


def test_company_and_project_cannot_be_chosen_by_the_client(
    post: Post, start: dict[str, Any], content: ARContent, stranger_company: Company
) -> None:
    post(start | {"company_id": stranger_company.pk, "project_id": 1, "country": "Nowhere"})
    row = ARViewSession.objects.get()
    assert (row.company, row.country) == (content.company, "")


def test_ids_of_two_different_contents_store_nothing(
    post: Post, start: dict[str, Any], foreign_content: ARContent
) -> None:
    assert post(start | {"ar_content_id": foreign_content.pk}).status_code == 404
    assert post(start | {"portrait_id": str(foreign_content.unique_id)}).status_code == 404
    assert not ARViewSession.objects.exists()


@pytest.mark.parametrize(
    "ids",
    [
        {"ar_content_unique_id": str(uuid.uuid4())},
        {"portrait_id": str(uuid.uuid4())},
        {"ar_content_id": 0},
        {"ar_content_id": 2**63 - 1},
    ],
)
def test_an_unknown_content_is_404_and_stores_nothing(post: Post, ids: dict[str, Any]) -> None:
    response = post({"session_id": str(uuid.uuid4())} | ids)
    assert response.status_code == 404
    assert json.loads(response.content)["code"] == "not_found"
    assert not ARViewSession.objects.exists()


@pytest.mark.parametrize(
    "unpublished",
    [
        {"is_active": False},
        {"published_at": timezone.now() + timedelta(hours=1)},
        {"expires_at": timezone.now() - timedelta(seconds=1)},
    ],
)
def test_an_unpublished_content_is_not_counted(
    post: Post, project: Project, unpublished: dict[str, Any]
) -> None:
    content = ARContentFactory.create(project=project, **unpublished)
    event = {"session_id": str(uuid.uuid4()), "ar_content_unique_id": str(content.unique_id)}
    assert post(event).status_code == 404
    assert not ARViewSession.objects.exists()


def test_a_content_of_an_expired_project_or_a_closed_company_is_not_counted(
    post: Post, company: Company, start: dict[str, Any]
) -> None:
    expired = ProjectFactory.create(company=company, expires_at=timezone.now())
    content = ARContentFactory.create(project=expired)
    event = {"session_id": str(uuid.uuid4()), "ar_content_id": content.pk}
    assert post(event).status_code == 404
    Company.objects.update(is_active=False)
    assert post(start).status_code == 404
    assert not ARViewSession.objects.exists()


@pytest.mark.parametrize("content_type", ["text/plain;charset=UTF-8", "application/json", ""])
def test_a_beacon_is_understood(post: Post, start: dict[str, Any], content_type: str) -> None:
    assert post(start, content_type=content_type).status_code == 200


def test_the_neutral_path_does_the_same(post: Post, start: dict[str, Any]) -> None:
    assert post(start, "/api/v/visit").status_code == 200
    end = f"/api/v/visit/{start['session_id']}/end"
    assert post({"duration_seconds": 3}, end).status_code == 200
    assert ARViewSession.objects.get().duration_seconds == 3


def test_the_visitor_gets_no_cookie_and_needs_no_csrf_token(
    start: dict[str, Any],
    owner: User,
    statements_told: StatementsTold,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    # The first day of a month asks for more: test_visit_month_edge.py.
    monkeypatch.setattr("analytics.recording._crosses_months", lambda *_: False)
    # Nobody loads a session or a user, and nobody asks before inserting.
    with statements_told() as told:
        response = client.post(START, json.dumps(start), content_type="text/plain")
    assert response.status_code == 200
    assert not response.cookies
    assert [text.split()[0] for text in told] == ["INSERT"]
    end = f"{START}/{start['session_id']}/end"
    with statements_told() as told:
        client.post(end, b'{"duration_seconds": 3}', content_type="text/plain")
    assert [text.split()[0] for text in told] == ["UPDATE"]


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options"])
@pytest.mark.parametrize("path", [START, f"{START}/{uuid.UUID(int=7)}/end", "/api/v/visit"])
def test_only_post_is_allowed(client: Client, path: str, method: str) -> None:
    response = getattr(client, method)(path)
    assert response.status_code == 405
    assert response.headers["Allow"] == "POST"
