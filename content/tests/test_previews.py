"""`?at=`: staff look ahead, visitors cannot; and how long an answer may be kept."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from companies.models import ApiToken, Company, Project, TokenScope, User
from content import playback
from content.models import ARContent, Video, VideoRotationSchedule
from content.tests.factories import ARContentFactory, PortraitFactory, VideoFactory

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def content(project: Project) -> ARContent:
    """Its second video opens in an hour."""
    portrait = PortraitFactory.create(company=project.company)
    content: ARContent = ARContentFactory.create(project=project, portrait=portrait, image="")
    VideoFactory.create(ar_content=content)
    VideoFactory.create(ar_content=content, schedule_start=timezone.now() + HOUR)
    playback.settle(content, now=timezone.now())
    return content


def doors(content: ARContent) -> list[str]:
    assert content.portrait
    portrait = f"/api/portraits/by-unique/{content.portrait.unique_id}"
    public = f"/api/ar/{content.unique_id}"
    return [
        f"/ar/{content.unique_id}",
        f"{public}/active-video",
        f"{public}/content",
        portrait,
        f"{portrait}/active-video",
    ]


def later(content: ARContent, hours: float = 2) -> dict[str, str]:
    return {"at": (timezone.now() + hours * HOUR).isoformat()}


@pytest.mark.parametrize("who", ["viewer", "superuser", "token"])
def test_staff_see_what_visitors_will_get_and_nothing_is_kept_or_counted(
    client: Client, request: pytest.FixtureRequest, content: ARContent, who: str
) -> None:
    first, second = content.videos.all()
    if who == "token":
        user: User = request.getfixturevalue("viewer")
        _, key = ApiToken.issue(user=user, name="Reader", scope=TokenScope.READ)
        client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    else:
        client.force_login(request.getfixturevalue(who))
    for door in doors(content):
        now, then = client.get(door), client.get(door, later(content))
        assert (now.status_code, then.status_code) == (200, 200), door
        if not door.endswith(str(content.portrait and content.portrait.unique_id)):
            assert first.video.url in now.content.decode()
            assert second.video.url in then.content.decode()
        assert "no-store" in then["Cache-Control"]
    page = client.get(doors(content)[0], later(content)).content.decode()
    assert '"sessionUrl": null' in page
    assert '"aliasUrl": null' in page
    assert "/api/analytics/ar-session" not in page


@pytest.mark.parametrize("who", ["anonymous", "stranger", "stranger's token", "made-up token"])
def test_nobody_else_can_look_ahead(
    client: Client, stranger: User, content: ARContent, who: str
) -> None:
    if "token" in who:
        _, key = ApiToken.issue(user=stranger, name="Reader", scope=TokenScope.READ)
        key = key if who.startswith("stranger") else key[:-1]
        client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    elif who == "stranger":
        client.force_login(stranger)
    for door in doors(content):
        for at in (later(content), later(content, 0), {"at": "nonsense"}, {"at": ""}):
            answer = client.get(door, at)
            assert answer.status_code == 404, door
            assert (
                answer.headers["Cache-Control"].endswith("no-store")
                or "private" in answer["Cache-Control"]
            )
        assert client.get(door).status_code == 200


@pytest.mark.parametrize("at", ["nonsense", "", "2026-13-01", "9999-12-31T23:59:59Z", "0001-01-01"])
def test_what_is_no_time_is_an_error_with_a_reason(
    client: Client, viewer: User, content: ARContent, at: str
) -> None:
    client.force_login(viewer)
    for door in doors(content):
        answer = client.get(door, {"at": at})
        assert answer.status_code == 400, door
        assert "Write a time" in answer.content.decode()
    assert client.get("/ar/nonsense", {"at": at}).status_code == 404


def test_a_time_without_an_offset_is_by_the_companys_clock(
    client: Client, viewer: User, company: Company, content: ARContent
) -> None:
    Company.objects.filter(pk=company.pk).update(time_zone="Asia/Tokyo")
    client.force_login(viewer)
    first, second = content.videos.all()
    opens = second.schedule_start
    assert opens is not None
    door = doors(content)[1]
    tokyo = (opens + 9 * HOUR).replace(tzinfo=None)
    asked: list[tuple[datetime, Video]] = [
        (tokyo - timedelta(minutes=1), first),
        (tokyo + timedelta(minutes=1), second),
    ]
    for at, video in asked:
        assert client.get(door, {"at": at.isoformat()}).json()["video_url"] == video.video.url
    # With a plus sign that nobody encoded.
    plus = f"{door}?at={(opens + 11 * HOUR).strftime('%Y-%m-%dT%H:%M:%S')}+10:00"
    assert client.get(plus).json()["video_url"] == second.video.url


def test_a_preview_shows_what_is_not_published_yet_and_what_will_be_over(
    client: Client, viewer: User, content: ARContent
) -> None:
    now = timezone.now()
    ARContent.objects.update(published_at=now + HOUR, expires_at=now + 3 * HOUR)
    client.force_login(viewer)
    door = doors(content)[1]
    assert client.get(door).status_code == 404
    assert client.get(door, later(content)).status_code == 200
    assert client.get(door, later(content, 4)).status_code == 404


def kept(client: Client, content: ARContent) -> str:
    return str(client.get(doors(content)[1])["Cache-Control"])


def test_an_answer_is_kept_no_longer_than_it_holds(
    client: Client, content: ARContent, company: Company
) -> None:
    assert kept(client, content) == "public, max-age=300"
    now = timezone.now()
    changes: list[tuple[Any, dict[str, Any]]] = [
        (Video, {"schedule_end": now + timedelta(seconds=200)}),
        (ARContent, {"expires_at": now + timedelta(seconds=150)}),
        (Project, {"expires_at": now + timedelta(seconds=100)}),
        (Company, {"subscription_expires_at": now + timedelta(seconds=50)}),
    ]
    ages = []
    for model, change in changes:
        rows = model.objects.filter(pk=company.pk) if model is Company else model.objects.all()
        rows.update(**{"schedule_start": None} if model is Video else {}, **change)
        ages.append(int(kept(client, content).removeprefix("public, max-age=")))
    limits = [200, 150, 100, 50]
    assert all(limit - 25 < age < limit for age, limit in zip(ages, limits, strict=True))
    Company.objects.update(subscription_expires_at=now + timedelta(days=1))


def test_a_second_before_the_change_nothing_is_kept_any_more(
    client: Client, content: ARContent, monkeypatch: pytest.MonkeyPatch
) -> None:
    opens = content.videos.all()[1].schedule_start
    assert opens is not None
    for before, expected in (
        (0.9, "no-store"),
        (1.9, "public, max-age=1"),
        (-1, "public, max-age=300"),
    ):
        moment = opens - timedelta(seconds=before)
        monkeypatch.setattr(timezone, "now", lambda moment=moment: moment)
        assert kept(client, content) == expected


def test_what_changes_with_each_view_is_never_kept(client: Client, content: ARContent) -> None:
    schedule = VideoRotationSchedule(ar_content=content, rotation_type="sequence")
    playback.save_schedule(schedule, sequence=[], now=timezone.now())
    assert kept(client, content) == "no-store"
