"""How far a visitor has come: told bit by bit, in any order, any number of times."""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from analytics.models import ARViewSession
from analytics.recording import CHANGES_FOR
from analytics.tests.conftest import START, Post, StatementsTold
from arv import metrics
from companies.models import Project
from content.models import ARContent
from content.tests.factories import ARContentFactory

pytestmark = pytest.mark.django_db

FUNNEL = ("started", "camera", "camera_reason", "found_ms", "video_played", "tracking_quality")


@pytest.fixture
def visit(content: ARContent) -> ARViewSession:
    return ARViewSession.objects.create(
        session_id=uuid.uuid4(),
        ar_content=content,
        project=content.project,
        company=content.company,
    )


def tell(post: Post, visit: ARViewSession, **fields: Any) -> Any:
    return post(fields, f"{START}/{visit.session_id}")


def funnel(visit: ARViewSession) -> tuple[Any, ...]:
    visit.refresh_from_db()
    return tuple(getattr(visit, name) for name in FUNNEL)


def test_each_step_is_kept_and_a_repeated_one_changes_nothing(
    post: Post, visit: ARViewSession
) -> None:
    steps: list[dict[str, Any]] = [
        {"started": True},
        {"camera": "allowed"},
        {"found_ms": 2300, "tracking_quality": "good"},
        {"video_played": True},
    ]
    for step in [*steps, *reversed(steps)]:
        response = tell(post, visit, **step)
        assert (response.status_code, response.content) == (200, b'{"status": "tracked"}')
    assert funnel(visit) == (True, "allowed", "", 2300, True, "good")


def test_nothing_that_has_happened_is_taken_back(post: Post, visit: ARViewSession) -> None:
    tell(post, visit, started=True, video_played=True, found_ms=0)
    tell(post, visit, started=False, video_played=False, found_ms=900, tracking_quality="fair")
    tell(post, visit, started=None, camera="", tracking_quality="poor")
    assert funnel(visit) == (True, "", "", 0, True, "poor")


@pytest.mark.parametrize(
    ("answers", "kept"),
    [
        ([("denied", "refused"), ("denied", "in_use")], ("denied", "refused")),
        ([("denied", "no_camera"), ("allowed", None)], ("allowed", "")),
        ([("allowed", None), ("denied", "refused")], ("allowed", "")),
        ([("denied", None)], ("denied", "other")),
    ],
)
def test_the_first_answer_about_the_camera_counts_unless_it_is_allowed_later(
    post: Post,
    visit: ARViewSession,
    answers: list[tuple[str, str | None]],
    kept: tuple[str, str],
) -> None:
    for camera, reason in answers:
        assert tell(post, visit, camera=camera, camera_reason=reason).status_code == 200
    visit.refresh_from_db()
    assert (visit.camera, visit.camera_reason) == kept


def test_events_are_not_sent_elsewhere_for_https(
    client: Client, visit: ARViewSession, settings: Settings
) -> None:
    """The browser would ask again with a GET, and the event be lost."""
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/privacy").status_code == 301
    path = f"/api/v/visit/{visit.session_id}"
    response = client.post(path, b'{"started": true}', content_type="text/plain")
    assert response.status_code == 200
    visit.refresh_from_db()
    assert visit.started


@pytest.mark.parametrize("path", ["/api/analytics/ar-session", "/api/v/visit"])
def test_patch_means_the_same_at_both_addresses(
    client: Client, visit: ARViewSession, path: str
) -> None:
    body = json.dumps({"started": True})
    response = client.patch(f"{path}/{visit.session_id}", body, content_type="application/json")
    assert response.status_code == 200
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    visit.refresh_from_db()
    assert visit.started
    refused = client.get(f"{path}/{visit.session_id}")
    assert (refused.status_code, refused.headers["Allow"]) == (405, "PATCH, POST")


def test_the_time_to_find_is_measured_once_for_each_person(
    post: Post, visit: ARViewSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[int] = []
    monkeypatch.setattr(metrics, "first_found", measured.append)
    tell(post, visit, started=True)
    assert tell(post, visit, found_ms=0).status_code == 200
    for again in (0, 700):
        assert tell(post, visit, found_ms=again, tracking_quality="good").status_code == 200
    assert (funnel(visit)[3], funnel(visit)[5], measured) == (0, "good", [0])
    ARViewSession.objects.update(found_ms=None, is_bot=True)
    assert tell(post, visit, found_ms=5).status_code == 200
    assert (funnel(visit)[3], measured) == (5, [0])


def test_the_first_find_is_one_statement_like_all_else(
    post: Post, visit: ARViewSession, statements_told: StatementsTold
) -> None:
    tell(post, visit, started=True)
    with statements_told() as texts:
        tell(post, visit, started=True)
        tell(post, visit, found_ms=5, camera="allowed", tracking_quality="good")
    assert len(texts) == 2


def test_of_several_contents_the_newest_or_the_named_one_goes_on(
    post: Post, visit: ARViewSession, content: ARContent, project: Project
) -> None:
    newer = ARViewSession.objects.create(
        session_id=visit.session_id,
        ar_content=ARContentFactory.create(project=project),
        project=project,
        company=project.company,
        created_at=timezone.now() + timedelta(seconds=1),
    )
    tell(post, visit, started=True)
    tell(post, visit, found_ms=7, ar_content_unique_id=str(content.unique_id))
    assert (funnel(visit)[0], funnel(visit)[3]) == (False, 7)
    assert (funnel(newer)[0], funnel(newer)[3]) == (True, None)


def test_a_visit_stands_after_five_hours(post: Post, visit: ARViewSession) -> None:
    ARViewSession.objects.update(created_at=timezone.now() - CHANGES_FOR - timedelta(seconds=1))
    assert tell(post, visit, started=True).status_code == 404
    assert post({"duration_seconds": 9}, f"{START}/{visit.session_id}/end").status_code == 404
    visit.refresh_from_db()
    assert (visit.started, visit.duration_seconds) == (False, None)


def test_an_unknown_session_or_one_of_another_content_is_404(
    post: Post, visit: ARViewSession, foreign_content: ARContent
) -> None:
    assert post({"started": True}, f"{START}/{uuid.uuid4()}").status_code == 404
    named = {"started": True, "ar_content_unique_id": str(foreign_content.unique_id)}
    assert tell(post, visit, **named).status_code == 404
    assert not funnel(visit)[0]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({}, []),
        ({"started": False, "camera": None}, []),
        ({"started": 1}, ["started"]),
        ({"camera": "broken"}, ["camera"]),
        ({"camera": "denied", "camera_reason": "mood"}, ["camera_reason"]),
        ({"camera": "allowed", "camera_reason": "refused"}, ["camera_reason"]),
        ({"camera_reason": "refused"}, ["camera_reason"]),
        ({"found_ms": -1}, ["found_ms"]),
        ({"found_ms": 4 * 3600 * 1000 + 1}, ["found_ms"]),
        ({"found_ms": 1.5}, ["found_ms"]),
        ({"tracking_quality": "great"}, ["tracking_quality"]),
        ({"started": True, "ar_content_unique_id": "x"}, ["ar_content_unique_id"]),
    ],
)
def test_a_wrong_step_is_named_and_changes_nothing(
    post: Post, visit: ARViewSession, fields: dict[str, Any], named: list[str]
) -> None:
    before = funnel(visit)
    response = tell(post, visit, **fields)
    assert response.status_code == 400
    assert list(json.loads(response.content).get("fields", {})) == named
    assert funnel(visit) == before


def test_a_session_id_that_is_no_uuid_is_named(post: Post) -> None:
    response = post({"started": True}, f"{START}/not-a-uuid")
    assert list(json.loads(response.content)["fields"]) == ["session_id"]
