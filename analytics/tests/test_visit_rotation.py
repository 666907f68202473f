"""Where each view is given the next video, a view is a visit: new, and counted once."""

import uuid

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from analytics.tests.conftest import Post
from content import playback
from content.models import ARContent, RotationType, VideoRotationSchedule
from content.tests.factories import ARContentFactory, VideoFactory

pytestmark = pytest.mark.django_db


def rotate(content: ARContent, kind: RotationType) -> list[str]:
    """The addresses of the content's videos, in their order."""
    videos = VideoFactory.create_batch(3, ar_content=content)
    schedule = VideoRotationSchedule(ar_content=content, rotation_type=kind)
    playback.save_schedule(schedule, sequence=[], now=timezone.now())
    return [video.video.url for video in videos]


def begin(post: Post, content: ARContent) -> int:
    """A visit begins; how many statements that took."""
    payload = {"session_id": str(uuid.uuid4()), "ar_content_unique_id": str(content.unique_id)}
    with CaptureQueriesContext(connection) as queries:
        answers = [post(payload) for _again in range(2)]
    assert {(one.status_code, one.content) for one in answers} == {(200, b'{"status": "tracked"}')}
    return len(queries)


def test_each_new_visit_takes_the_next_video_and_a_repeated_event_does_not(
    client: Client, post: Post, content: ARContent
) -> None:
    urls = rotate(content, RotationType.SEQUENCE)
    shown = []
    for _visitor in range(5):
        answer = client.get(f"/api/ar/{content.unique_id}/active-video")
        assert answer["Cache-Control"] == "no-store"
        shown.append(answer.json()["video_url"])
        begin(post, content)
    assert shown == [*urls, *urls[:2]]


def test_a_visit_of_any_other_content_costs_no_statement_more(
    post: Post, content: ARContent
) -> None:
    without = begin(post, content)
    rotate(content, RotationType.DAILY)
    other = ARContentFactory.create(project=content.project)
    rotate(other, RotationType.SEQUENCE)
    before = list(VideoRotationSchedule.objects.order_by("pk").values())
    assert begin(post, content) == without
    assert list(VideoRotationSchedule.objects.order_by("pk").values()) == before
    assert begin(post, other) == without + 1
