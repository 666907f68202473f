"""Rotation through the API: schedules, their sequences, and the calendar of a month."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from companies.models import Company, Project
from content.models import ARContent, Video, VideoRotationSchedule
from content.tests.factories import ARContentFactory, VideoFactory

JSON = "application/json"
ZONE = ZoneInfo("Asia/Kamchatka")


@pytest.fixture
def content(project: Project) -> ARContent:
    Company.objects.filter(pk=project.company_id).update(time_zone=ZONE.key)
    content: ARContent = ARContentFactory.create(project=project)
    VideoFactory.create_batch(3, ar_content=content)
    return content


@pytest.fixture
def clips(content: ARContent) -> list[int]:
    return list(content.videos.order_by("pk").values_list("pk", flat=True))


def made(client: Client, content: ARContent, **rule: Any) -> Any:
    return client.post(f"/api/ar-content/{content.pk}/rotation", rule, content_type=JSON)


def test_a_schedule_is_made_changed_and_deleted(
    editors: Client, content: ARContent, clips: list[int]
) -> None:
    first, second, third = clips
    answer = made(
        editors,
        content,
        rotation_type="weekly",
        time_of_day="09:30",
        day_of_week=3,
        video_sequence=[second, first, second],
    )
    assert answer.status_code == 201
    shown = answer.json()
    assert (shown["ar_content_id"], shown["rotation_type"]) == (content.pk, "weekly")
    assert (shown["time_of_day"], shown["day_of_week"]) == ("09:30:00", 3)
    assert shown["video_sequence"] == [second, first, second]
    assert (shown["current_index"], shown["is_active"]) == (0, True)
    turn = datetime.fromisoformat(shown["next_rotation_at"]).astimezone(ZONE)
    assert (turn.isoweekday(), turn.hour, turn.minute) == (3, 9, 30)
    assert timedelta() < turn - timezone.now() <= timedelta(days=7)
    content.refresh_from_db()
    assert (content.video_rotation_enabled, content.video_rotation_type) == (True, "weekly")
    assert content.active_video_id == second

    url = f"/api/rotation/{shown['id']}"
    # The day of the week was the former type's.
    changed = editors.patch(url, {"rotation_type": "monthly"}, content_type=JSON).json()
    assert (changed["day_of_week"], changed["time_of_day"]) == (None, "09:30:00")
    assert datetime.fromisoformat(changed["next_rotation_at"]).astimezone(ZONE).day == 1
    fewer = editors.patch(url, {"video_sequence": [third]}, content_type=JSON).json()
    assert (fewer["video_sequence"], fewer["day_of_week"]) == ([third], None)
    off = editors.patch(url, {"is_active": False}, content_type=JSON).json()
    assert (off["is_active"], off["next_rotation_at"]) == (False, None)
    assert editors.get(url).json() == off

    assert editors.delete(url).status_code == 204
    content.refresh_from_db()
    assert not content.video_rotation_enabled
    assert editors.get(url).status_code == 404
    assert editors.get(f"/api/ar-content/{content.pk}/rotation").json()["count"] == 0


@pytest.mark.parametrize(
    ("rule", "field", "reason"),
    [
        ({}, "rotation_type", "required"),
        ({"rotation_type": "hourly"}, "rotation_type", "not a valid choice"),
        ({"rotation_type": None}, "rotation_type", "null"),
        ({"rotation_type": "daily", "time_of_day": "25:00"}, "time_of_day", "like 09:30"),
        ({"rotation_type": "daily", "time_of_day": "09:30Z"}, "time_of_day", "like 09:30"),
        ({"rotation_type": "daily", "time_of_day": 930}, "time_of_day", "like 09:30"),
        ({"rotation_type": "daily", "day_of_week": 1}, "day_of_week", "does not go by it"),
        ({"rotation_type": "weekly", "day_of_month": 1}, "day_of_month", "does not go by it"),
        ({"rotation_type": "weekly", "day_of_week": 0}, "day_of_week", "greater than"),
        ({"rotation_type": "weekly", "day_of_week": 8}, "day_of_week", "less than"),
        ({"rotation_type": "weekly", "day_of_week": "1"}, "day_of_week", "integer"),
        ({"rotation_type": "monthly", "day_of_month": 32}, "day_of_month", "less than"),
        ({"rotation_type": "cron"}, "cron_expression", "five fields"),
        ({"rotation_type": "cron", "cron_expression": ""}, "cron_expression", "five fields"),
        ({"rotation_type": "cron", "cron_expression": "x"}, "cron_expression", "five fields"),
        ({"rotation_type": "cron", "cron_expression": "61 * * * *"}, "cron_expression", "read"),
        ({"rotation_type": "cron", "cron_expression": "0 0 30 2 *"}, "cron_expression", "never"),
        ({"rotation_type": "random", "cron_expression": "x"}, "cron_expression", "five fields"),
        ({"rotation_type": "daily", "cron_expression": "0 0 * * *"}, "cron_expression", "go by it"),
        ({"rotation_type": "sequence", "time_of_day": "09:30"}, "time_of_day", "go by it"),
        ({"rotation_type": "daily", "is_active": "yes"}, "is_active", "boolean"),
        ({"rotation_type": "daily", "video_sequence": 1}, "video_sequence", "list"),
        ({"rotation_type": "daily", "video_sequence": ["x"]}, "video_sequence", "integer"),
        ({"rotation_type": "daily", "video_sequence": [0]}, "video_sequence", "greater than"),
        ({"rotation_type": "daily", "video_sequence": [10**30]}, "video_sequence", "less than"),
        ({"rotation_type": "daily", "video_sequence": [1] * 90_000}, "video_sequence", "500"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_by_field(
    editors: Client, content: ARContent, rule: dict[str, Any], field: str, reason: str
) -> None:
    refused = made(editors, content, **rule)
    assert (refused.status_code, list(refused.json()["fields"])) == (400, [field])
    assert reason in " ".join(refused.json()["fields"][field])
    assert not VideoRotationSchedule.objects.exists()
    content.refresh_from_db()
    assert not content.video_rotation_enabled


def test_a_change_that_cannot_be_leaves_the_schedule_as_it_was(
    editors: Client, content: ARContent, clips: list[int]
) -> None:
    made(editors, content, rotation_type="daily", video_sequence=clips)
    schedule = VideoRotationSchedule.objects.get()
    url = f"/api/rotation/{schedule.pk}"
    before = editors.get(url).json()
    for wrong, field in (
        ({"rotation_type": "cron"}, "cron_expression"),
        ({"day_of_week": 3}, "day_of_week"),
        ({"video_sequence": [clips[0], 987_654_321]}, "video_sequence"),
        ({"rotation_type": "weekly", "video_sequence": [987_654_321]}, "video_sequence"),
    ):
        refused = editors.patch(url, wrong, content_type=JSON)
        assert (refused.status_code, list(refused.json()["fields"])) == (400, [field])
    assert editors.get(url).json() == before


def test_a_sequence_takes_videos_of_this_content_alone(
    editors: Client, content: ARContent, clips: list[int], stranger_company: Company
) -> None:
    sibling = VideoFactory.create(ar_content__project=content.project)
    foreign = VideoFactory.create(ar_content__project__company=stranger_company)
    said = []
    for pk in (sibling.pk, foreign.pk, 987_654_321):
        for answer in (
            made(editors, content, rotation_type="daily", video_sequence=[clips[0], pk]),
            editors.put(
                f"/api/ar-content/{content.pk}/rotation/sequence",
                {"video_sequence": [pk]},
                content_type=JSON,
            ),
        ):
            assert answer.status_code == 400
            [message] = answer.json()["fields"]["video_sequence"]
            said.append(message.replace(str(pk), "N"))
    assert len(set(said)) == 1


def test_the_sequence_is_replaced_and_the_video_in_turn_stays(
    editors: Client, content: ARContent, clips: list[int]
) -> None:
    first, second, third = clips
    url = f"/api/ar-content/{content.pk}/rotation/sequence"
    early = editors.put(url, {"video_sequence": clips}, content_type=JSON)
    assert (early.status_code, early.json()["code"]) == (409, "no_schedule")
    only = made(editors, content, rotation_type="daily", video_sequence=[second, first]).json()
    put = editors.put(url, {"video_sequence": [third, second]}, content_type=JSON)
    assert put.status_code == 200
    assert (put.json()["id"], put.json()["video_sequence"]) == (only["id"], [third, second])
    # The second video had its turn, and keeps it.
    assert put.json()["current_index"] == 1
    empty = editors.post(url, {"video_sequence": []}, content_type=JSON)
    assert (empty.status_code, empty.json()["video_sequence"]) == (200, [])

    other = made(editors, content, rotation_type="sequence").json()
    for body in ({"video_sequence": clips}, {"video_sequence": clips, "rotation_id": 987_654_321}):
        which = editors.put(url, body, content_type=JSON)
        assert (which.status_code, list(which.json()["fields"])) == (400, ["rotation_id"])
    named = editors.put(
        url, {"video_sequence": clips, "rotation_id": other["id"]}, content_type=JSON
    )
    assert (named.json()["id"], named.json()["video_sequence"]) == (other["id"], clips)
    missing = editors.put(url, {"rotation_id": other["id"]}, content_type=JSON)
    assert list(missing.json()["fields"]) == ["video_sequence"]


def test_one_schedule_too_many_is_refused_with_the_reason(
    editors: Client, content: ARContent, clips: list[int]
) -> None:
    VideoRotationSchedule.objects.bulk_create(
        VideoRotationSchedule(ar_content=content, rotation_type="daily") for _number in range(20)
    )
    refused = made(editors, content, rotation_type="daily", video_sequence=clips)
    assert refused.status_code == 400
    assert "at most 20 rotation schedules" in refused.content.decode()
    assert content.rotation_schedules.count() == 20


def test_schedules_are_listed_and_filtered_at_the_same_cost_for_many(
    editors: Client,
    content: ARContent,
    clips: list[int],
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    url = f"/api/ar-content/{content.pk}/rotation"
    made(editors, content, rotation_type="daily", video_sequence=clips)
    for _ in range(5):
        made(editors, content, rotation_type="cron", cron_expression="0 9 * * 1-5", is_active=False)
    # The token, the roles, the content, the count, the rows, their items.
    with django_assert_num_queries(6):
        assert editors.get(url).json()["count"] == 6
    assert editors.get(f"{url}?is_active=true").json()["count"] == 1
    assert editors.get(f"{url}?rotation_type=cron").json()["count"] == 5
    assert editors.get(f"{url}?rotation_type=x").status_code == 400


def test_what_was_written_late_does_not_make_the_next_turn_late(
    editors: Client, content: ARContent, clips: list[int]
) -> None:
    made(editors, content, rotation_type="daily", video_sequence=clips)
    VideoRotationSchedule.objects.update(
        next_rotation_at=datetime(2020, 1, 1, tzinfo=UTC), counts_from=timezone.now()
    )
    pk = VideoRotationSchedule.objects.get().pk
    shown = editors.get(f"/api/rotation/{pk}").json()
    assert datetime.fromisoformat(shown["next_rotation_at"]) > timezone.now()
    assert Video.objects.get(is_active=True).pk == clips[0]


def test_the_calendar_tells_what_plays_on_each_day_and_why(
    editors: Client, content: ARContent, clips: list[int]
) -> None:
    first, second, third = clips
    made(
        editors, content, rotation_type="daily", time_of_day="12:00", video_sequence=[first, second]
    )
    month = (timezone.now().astimezone(ZONE).replace(day=1) + timedelta(days=40)).replace(day=1)
    tenth = month.replace(day=10, hour=0, minute=0, second=0, microsecond=0)
    Video.objects.filter(pk=third).update(
        schedule_start=tenth + timedelta(hours=6), schedule_end=tenth + timedelta(hours=18)
    )
    shown = editors.get(
        f"/api/ar-content/{content.pk}/rotation/calendar?month={month:%Y-%m}"
    ).json()
    assert (shown["ar_content_id"], shown["month"]) == (content.pk, f"{month:%Y-%m}")
    assert shown["time_zone"] == ZONE.key
    days = shown["days"]
    assert [day["date"] for day in days[:2]] == [f"{month:%Y-%m}-01", f"{month:%Y-%m}-02"]
    assert (
        days[-1]["date"] == f"{(month + timedelta(days=31)).replace(day=1) - timedelta(days=1):%F}"
    )
    before, after = days[0]["showings"]
    assert (before["reason"], after["reason"]) == ("rotation", "rotation")
    assert {before["video_id"], after["video_id"]} == {first, second}
    assert before["end"] == after["start"]
    noon = datetime.fromisoformat(after["start"]).astimezone(ZONE)
    assert (noon.hour, noon.minute) == (12, 0)
    windowed = days[9]["showings"]
    assert [one["reason"] for one in windowed] == ["rotation", "window", "rotation"]
    assert windowed[1]["video_id"] == third
    assert not any(day["has_gap"] or day["overlaps"] for day in days)
    assert {one["visibility"] for day in days for one in day["showings"]} == {"visible"}


def test_the_calendar_flags_gaps_and_overlaps(
    editors: Client, content: ARContent, clips: list[int]
) -> None:
    now = timezone.now().astimezone(ZONE)
    noon = (now.replace(day=1) + timedelta(days=40)).replace(day=5, hour=12, minute=0, second=0)
    windows = {clips[0]: (0, 2), clips[1]: (1, 3), clips[2]: (30, 31)}
    for pk, (opens, closes) in windows.items():
        Video.objects.filter(pk=pk).update(
            schedule_start=noon + timedelta(hours=opens),
            schedule_end=noon + timedelta(hours=closes),
        )
    url = f"/api/ar-content/{content.pk}/rotation/calendar?month={noon:%Y-%m}"
    day = editors.get(url).json()["days"][4]
    assert day["has_gap"]
    assert [one["video_id"] for one in day["showings"]] == [None, clips[0], clips[1], None]
    [overlap] = day["overlaps"]
    assert (overlap["first_video_id"], overlap["second_video_id"]) == (clips[0], clips[1])
    assert datetime.fromisoformat(overlap["start"]).astimezone(ZONE).hour == 13
    assert not day["has_more_overlaps"]
    VideoFactory.create_batch(
        7, ar_content=content, schedule_start=noon, schedule_end=noon + timedelta(hours=1)
    )
    day = editors.get(url).json()["days"][4]
    assert (len(day["overlaps"]), day["has_more_overlaps"]) == (20, True)
    assert editors.get(url.partition("?")[0]).json()["month"] == f"{now:%Y-%m}"


@pytest.mark.parametrize(
    "query",
    [
        *("month=2026-13", "month=2026-1", "month=x", "month=", "month=2026-02-01"),
        *("month=9999-12", "month=0000-01", "month=２０２６-02", "month=2026-02%00", "day=1"),
    ],
)
def test_a_month_that_is_none_is_refused(editors: Client, content: ARContent, query: str) -> None:
    refused = editors.get(f"/api/ar-content/{content.pk}/rotation/calendar?{query}")
    assert refused.status_code == 400
    assert list(refused.json()["fields"]) == [query.partition("=")[0]]
