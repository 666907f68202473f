"""The end beacon: sent each time the page is hidden, in any order; the longest is kept."""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from analytics.models import ARViewSession
from analytics.recording import UnknownSession, record_end
from analytics.tests.conftest import START, Post
from companies.models import Project
from content.models import ARContent
from content.tests.factories import ARContentFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def visit(content: ARContent) -> ARViewSession:
    """A visit that began ten minutes ago."""
    return ARViewSession.objects.create(
        session_id=uuid.uuid4(),
        ar_content=content,
        project=content.project,
        company=content.company,
        created_at=timezone.now() - timedelta(minutes=10),
    )


def url(session_id: object) -> str:
    return f"{START}/{session_id}/end"


def test_the_beacon_stores_the_duration(post: Post, visit: ARViewSession) -> None:
    response = post({"duration_seconds": 42}, url(visit.session_id), content_type="text/plain")
    assert (response.status_code, json.loads(response.content)) == (200, {"status": "tracked"})
    visit.refresh_from_db()
    assert visit.duration_seconds == 42


def test_the_longest_duration_is_kept_in_any_order(post: Post, visit: ARViewSession) -> None:
    for seconds in (5, 42, 42, 0, 17):
        assert post({"duration_seconds": seconds}, url(visit.session_id)).status_code == 200
    visit.refresh_from_db()
    assert visit.duration_seconds == 42


def test_zero_seconds_is_a_duration(post: Post, visit: ARViewSession) -> None:
    post({"duration_seconds": 0}, url(visit.session_id))
    visit.refresh_from_db()
    assert visit.duration_seconds == 0


@pytest.mark.parametrize(
    ("age_seconds", "sent", "kept"),
    [
        (600, 660, 660),
        (600, 661, None),
        (0, 60, 60),
        (0, 61, None),
        (600, 2**63 - 1, None),
        (5 * 3600, 4 * 3600 + 1, 4 * 3600),
        (5 * 3600, 5 * 3600, 4 * 3600),
        (5 * 3600, 5 * 3600 + 61, None),
    ],
)
def test_a_duration_cannot_exceed_the_age_of_the_visit_by_more_than_a_minute_nor_four_hours(
    visit: ARViewSession, age_seconds: int, sent: int, kept: int | None
) -> None:
    now = visit.created_at + timedelta(seconds=age_seconds)
    record_end(visit.session_id, duration_seconds=sent, public_id=None, now=now)
    visit.refresh_from_db()
    assert visit.duration_seconds == kept


def test_an_impossible_duration_is_answered_and_leaves_the_earlier_one(
    post: Post, visit: ARViewSession
) -> None:
    post({"duration_seconds": 10}, url(visit.session_id))
    assert post({"duration_seconds": 10**9}, url(visit.session_id)).status_code == 200
    visit.refresh_from_db()
    assert visit.duration_seconds == 10


def test_of_several_contents_the_newest_or_the_named_one_ends(
    post: Post, visit: ARViewSession, content: ARContent, project: Project
) -> None:
    newer = ARViewSession.objects.create(
        session_id=visit.session_id,
        ar_content=ARContentFactory.create(project=project),
        project=project,
        company=project.company,
    )
    post({"duration_seconds": 7}, url(visit.session_id))
    named = {"duration_seconds": 9, "ar_content_unique_id": str(content.unique_id)}
    post(named, url(visit.session_id))
    visit.refresh_from_db()
    newer.refresh_from_db()
    assert (visit.duration_seconds, newer.duration_seconds) == (9, 7)


def test_an_unknown_session_is_404(post: Post, visit: ARViewSession) -> None:
    response = post({"duration_seconds": 1}, url(uuid.uuid4()))
    assert (response.status_code, json.loads(response.content)["code"]) == (404, "not_found")
    with pytest.raises(UnknownSession):
        record_end(visit.session_id, duration_seconds=1, public_id=uuid.uuid4(), now=timezone.now())


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({}, "duration_seconds"),
        ({"duration_seconds": None}, "duration_seconds"),
        ({"duration_seconds": -1}, "duration_seconds"),
        ({"duration_seconds": 1.5}, "duration_seconds"),
        ({"duration_seconds": "3"}, "duration_seconds"),
        ({"duration_seconds": True}, "duration_seconds"),
        ({"duration_seconds": 2**63}, "duration_seconds"),
        ({"duration_seconds": 1, "ar_content_unique_id": "x"}, "ar_content_unique_id"),
    ],
)
def test_a_wrong_end_names_the_field(
    post: Post, visit: ARViewSession, payload: dict[str, Any], field: str
) -> None:
    response = post(payload, url(visit.session_id))
    assert response.status_code == 400
    assert list(json.loads(response.content)["fields"]) == [field]
    visit.refresh_from_db()
    assert visit.duration_seconds is None


def test_a_session_id_in_the_path_that_is_no_uuid_is_named(post: Post) -> None:
    response = post({"duration_seconds": 1}, url("not-a-uuid"))
    assert response.status_code == 400
    assert list(json.loads(response.content)["fields"]) == ["session_id"]
