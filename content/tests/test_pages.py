"""The AR page and the public endpoints: what a visitor gets, and when they get a friendly no."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from companies.models import Company, Project
from content.models import ARContent
from content.playback import choose
from content.tests.factories import ARContentFactory, PortraitFactory, VideoFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def content(project: Project) -> ARContent:
    content: ARContent = ARContentFactory.create(project=project, title="Grandmother <1931>")
    video = VideoFactory.create(ar_content=content)
    choose(video, now=timezone.now())
    content.refresh_from_db()
    return content


def test_the_page_shows_poster_title_and_start_before_any_script(
    client: Client, content: ARContent
) -> None:
    response = client.get(f"/ar/{content.unique_id}")
    page = response.content.decode()
    assert response.status_code == 200
    assert "Grandmother &lt;1931&gt;" in page
    assert content.image.url in page
    assert 'id="start"' in page
    assert 'id="watch"' in page
    assert "<script>" not in page
    assert " style=" not in page


def test_the_policy_is_strict_and_names_no_other_host(client: Client, content: ARContent) -> None:
    response = client.get(f"/ar/{content.unique_id}")
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert response["Permissions-Policy"].startswith("camera=(self)")
    assert "no-store" in response["Cache-Control"] or "no-cache" in response["Cache-Control"]


def test_the_page_speaks_russian_to_russian_phones(client: Client, content: ARContent) -> None:
    page = client.get(
        f"/ar/{content.unique_id}", headers={"Accept-Language": "ru"}
    ).content.decode()
    assert 'lang="ru"' in page
    assert "Смотреть без камеры" in page


def _switched_off(content: ARContent) -> None:
    content.is_active = False
    content.save()


def _expired(content: ARContent) -> None:
    content.expires_at = timezone.now() - timedelta(seconds=1)
    content.save()


def _not_yet_published(content: ARContent) -> None:
    content.published_at = timezone.now() + timedelta(hours=1)
    content.save()


def _project_expired(content: ARContent) -> None:
    Project.objects.update(expires_at=timezone.now() - timedelta(seconds=1))


def _project_paused(content: ARContent) -> None:
    Project.objects.update(status="paused")


def _company_switched_off(content: ARContent) -> None:
    Company.objects.update(is_active=False)


def _subscription_ran_out(content: ARContent) -> None:
    Company.objects.update(subscription_expires_at=timezone.now() - timedelta(seconds=1))


@pytest.mark.parametrize(
    ("happens", "status"),
    [
        (_switched_off, 404),
        (_expired, 410),
        (_not_yet_published, 404),
        (_project_expired, 410),
        (_project_paused, 404),
        (_company_switched_off, 404),
        (_subscription_ran_out, 410),
    ],
)
def test_what_is_not_published_is_shown_nowhere(
    client: Client, content: ARContent, happens: Any, status: int
) -> None:
    happens(content)
    page = client.get(f"/ar/{content.unique_id}")
    assert page.status_code == status
    assert "Grandmother" not in page.content.decode()
    assert "<h1" in page.content.decode()
    assert client.get(f"/api/ar/{content.unique_id}/active-video").status_code == 404
    assert client.get(f"/api/ar/{content.unique_id}/content").status_code == 404


@pytest.mark.parametrize("public_id", [str(uuid.UUID(int=7)), "nonsense", "0", "%00"])
def test_an_unknown_id_is_a_friendly_404(client: Client, public_id: str) -> None:
    page = client.get(f"/ar/{public_id}")
    assert page.status_code == 404
    assert "<h1" in page.content.decode()


def test_active_video_and_content_say_what_plays(client: Client, content: ARContent) -> None:
    video = content.videos.get()
    found = client.get(f"/api/ar/{content.unique_id}/active-video").json()
    assert found["video_url"] == video.video.url
    assert found["reason"] == "active"
    assert {"title", "duration", "width", "height", "mime_type", "thumbnail_url"} <= found.keys()
    body = client.get(f"/api/ar/{content.unique_id}/content").json()
    assert body["title"] == content.title
    assert body["image_url"] == content.image.url
    assert body["active_video"]["video_url"] == video.video.url
    assert not {"id", "company", "project"} & body.keys()


def test_a_content_without_a_video_still_opens(client: Client, project: Project) -> None:
    content = ARContentFactory.create(project=project)
    assert client.get(f"/ar/{content.unique_id}").status_code == 200
    assert client.get(f"/api/ar/{content.unique_id}/active-video").status_code == 404


def test_a_portraits_id_opens_the_newest_content_made_from_it(
    client: Client, project: Project
) -> None:
    portrait = PortraitFactory.create(company=project.company, title="Face")
    ARContentFactory.create(project=project, portrait=portrait, image="", title="Older")
    ARContentFactory.create(project=project, portrait=portrait, image="", title="Newer")
    page = client.get(f"/ar/{portrait.unique_id}").content.decode()
    assert "Newer" in page
    assert portrait.image.url in page
