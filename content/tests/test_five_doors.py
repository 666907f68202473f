"""Whoever asks what plays gets the same answer: visitors, programs, staff, and the row itself."""

import random
import re
import time as stopwatch
from datetime import UTC, datetime, time, timedelta
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from companies.models import ApiToken, StorageConnection, TokenScope, User
from companies.tests.factories import CompanyFactory, ProjectFactory
from content import playback
from content.admin.calendar import calendar_panel
from content.models import ARContent, RotationType, Video, VideoRotationSchedule
from content.tests.factories import ARContentFactory, VideoFactory

pytestmark = pytest.mark.once

BEGIN = datetime(2026, 2, 1, tzinfo=UTC)
# Long enough for the clock changes of spring.
LENGTH = timedelta(days=75)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Chatham")
CRONS = ("15 6 * * 1-5", "0 */7 * * *", "30 2 L * *", "45 2 * 3 0")
VIDEO_OF_PAGE = re.compile(r'<video id="overlay" class="overlay" src="([^"]+)"')
FIRST_ROW = re.compile(r"<td>now</td>.*?</td>\s*<td>([^<]*)</td>", re.DOTALL)


class Clock:
    """What everything below takes for the present."""

    at = BEGIN

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Clock:
    settings.PUBLIC_REQUESTS_PER_MINUTE = settings.API_REQUESTS_PER_MINUTE = 1_000_000
    clock = Clock()
    monkeypatch.setattr(timezone, "now", clock.now)
    return clock


def random_content(dice: random.Random, project: Any) -> ARContent:
    """With a few videos, windows, choices and rules, all made at the start."""
    content: ARContent = ARContentFactory.create(project=project)

    def moment() -> datetime:
        return BEGIN + LENGTH * dice.random()

    for number in range(dice.randint(2, 4)):
        window: dict[str, Any] = {}
        if dice.random() < 0.3:
            opens, closes = sorted((moment(), moment()))
            ends = dice.choice([(opens, closes), (opens, None), (None, closes)])
            window = dict(zip(("schedule_start", "schedule_end"), ends, strict=True))
        # Of a content with a video that is not prepared yet, the others play.
        file = {"video": ""} if number and dice.random() < 0.1 else {}
        order = dice.randint(0, 2)
        VideoFactory.create(ar_content=content, rotation_order=order, **window, **file)
    videos = list(content.videos.all())
    if dice.random() < 0.4:
        playback.choose(dice.choice(videos), now=BEGIN)
    for _schedule in range(dice.choice([0, 1, 1, 1, 2])):
        schedule = VideoRotationSchedule(
            ar_content=content,
            rotation_type=dice.choice(RotationType.values),
            time_of_day=dice.choice([None, time(2, 30), time(dice.randint(0, 23), 20)]),
            day_of_week=dice.choice([None, dice.randint(1, 7)]),
            day_of_month=dice.choice([None, 31, dice.randint(1, 28)]),
            cron_expression=dice.choice(CRONS),
        )
        sequence = [dice.choice(videos).pk for _item in range(dice.choice([0, 0, 2, 3, 4]))]
        playback.save_schedule(schedule, sequence=sequence, now=BEGIN)
    playback.settle(content, now=BEGIN)
    return content


class Doors:
    """The five ways to ask, each for the id of the video that plays; None for none."""

    def __init__(self, content: ARContent, visitor: Client, staff: Client) -> None:
        self.content = ARContent.objects.get(pk=content.pk)
        self.visitor, self.staff = visitor, staff
        videos = list(content.videos.all())
        self.by_url = {video.video.url: video.pk for video in videos if video.video}
        self.by_title = {video.title: video.pk for video in videos}

    def page(self) -> int | None:
        page = self.visitor.get(f"/ar/{self.content.unique_id}").content.decode()
        assert 'id="viewer"' in page
        found = VIDEO_OF_PAGE.search(page)
        return self.by_url[unescape(found[1])] if found else None

    def active_video(self) -> int | None:
        answer = self.visitor.get(f"/api/ar/{self.content.unique_id}/active-video")
        assert answer.status_code in {200, 404}
        return self.by_url[answer.json()["video_url"]] if answer.status_code == 200 else None

    def calendar(self, now: datetime) -> int | None:
        month = f"{now.astimezone(ZoneInfo(self.content.company.time_zone)):%Y-%m}"
        address = f"/api/ar-content/{self.content.pk}/rotation/calendar?month={month}"
        showings = [
            showing
            for day in self.staff.get(address).json()["days"]
            for showing in day["showings"]
            if datetime.fromisoformat(showing["start"])
            <= now
            < datetime.fromisoformat(showing["end"])
        ]
        [there] = showings
        assert not there["is_cut"]
        video: int | None = there["video_id"]
        return video

    def strip(self, now: datetime) -> int | None:
        found = FIRST_ROW.search(calendar_panel(self.content, now=now))
        assert found
        words = unescape(found[1])
        return next((pk for title, pk in self.by_title.items() if words.startswith(title)), None)

    def row(self) -> int | None:
        fresh = ARContent.objects.get(pk=self.content.pk)
        flagged = Video.objects.filter(ar_content=fresh, is_active=True).values_list("pk")
        assert [pk for (pk,) in flagged] == [pk for pk in [fresh.active_video_id] if pk]
        return fresh.active_video_id


@pytest.mark.django_db
@pytest.mark.parametrize("count", [250, pytest.param(1000, marks=pytest.mark.thorough)])
def test_all_five_doors_name_the_same_video_at_any_time(
    local_connection: StorageConnection, superuser: User, clock: Clock, count: int
) -> None:
    dice = random.Random(4)  # noqa: S311
    _, key = ApiToken.issue(user=superuser, name="Staff", scope=TokenScope.READ)
    visitor, staff = Client(), Client(headers={"Authorization": f"Bearer {key}"})
    projects = [
        ProjectFactory.create(
            company=CompanyFactory.create(storage_connection=local_connection, time_zone=zone)
        )
        for zone in ZONES
    ]
    contents = [random_content(dice, dice.choice(projects)) for _number in range(count // 10)]
    pairs = [
        (BEGIN + LENGTH * dice.random(), contents[number % len(contents)])
        for number in range(count)
    ]
    started, answers, wrong = stopwatch.process_time(), set(), []
    for number, (at, content) in enumerate(sorted(pairs, key=lambda pair: pair[0])):
        clock.at = at
        doors = Doors(content, visitor, staff)
        said = [doors.page(), doors.active_video(), doors.calendar(at), doors.strip(at)]
        # Only now is it written down, by the tick or by whoever changes something.
        if number % 20:
            playback.settle(doors.content, now=at)
        else:
            playback.rotate_all_due(now=at)
        said.append(doors.row())
        answers.add((content.pk, said[0]))
        if len(set(said)) != 1:
            wrong.append((content.pk, at, said))
    print(
        f"{count} pairs, {len(answers)} answers, {stopwatch.process_time() - started:.0f} s of CPU"
    )
    assert not wrong
    # They do not agree because nothing ever changes.
    assert len(answers) > 1.5 * len(contents)
