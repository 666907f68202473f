"""Rotation schedules in the admin: the form, whose turn it is, and the month calendar."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from companies.models import Company, Project, User
from content.models import ARContent, RotationType, Video, VideoRotationSchedule
from content.tests.factories import ARContentFactory, VideoFactory
from content.tests.test_content_screens import CONTENTS, body

pytestmark = pytest.mark.django_db

SCHEDULES = "/admin/content/videorotationschedule/"


@pytest.fixture
def staff(client: Client, editor: User) -> Client:
    client.force_login(editor)
    return client


@pytest.fixture
def content(project: Project) -> ARContent:
    Company.objects.update(time_zone="Asia/Tokyo")
    content: ARContent = ARContentFactory.create(project=project, title="Grandmother")
    for name in ("Spring", "Summer", "Autumn"):
        VideoFactory.create(ar_content=content, title=name)
    return content


@pytest.fixture
def foreign(stranger_company: Company) -> Video:
    content = ARContentFactory.create(project__company=stranger_company, title="Theirs")
    video: Video = VideoFactory.create(ar_content=content, title="Their video")
    return video


def posted(content: ARContent, **changes: Any) -> dict[str, Any]:
    return {
        "ar_content": content.pk,
        "rotation_type": "daily",
        "time_of_day": "09:30",
        "is_active": "on",
        "sequence": ["", ""],
        **changes,
    }


def keys(content: ARContent, *titles: str) -> list[str]:
    return [str(content.videos.get(title=title).pk) for title in titles]


def add(staff: Client, content: ARContent, **changes: Any) -> VideoRotationSchedule:
    answer = staff.post(f"{SCHEDULES}add/", posted(content, **changes))
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    return VideoRotationSchedule.objects.latest("pk")


def errors(staff: Client, content: ARContent, **changes: Any) -> dict[str, list[str]]:
    answer = staff.post(f"{SCHEDULES}add/", posted(content, **changes))
    assert answer.status_code == 200
    assert not VideoRotationSchedule.objects.exists()
    return dict(answer.context["adminform"].form.errors)


def test_videos_take_turns_in_the_order_of_the_boxes_empty_ones_left_out(
    staff: Client, content: ARContent
) -> None:
    spring, autumn = keys(content, "Spring", "Autumn")
    schedule = add(staff, content, sequence=[autumn, "", spring, autumn, ""])
    assert [item.video.title for item in schedule.items.all()] == ["Autumn", "Spring", "Autumn"]
    content.refresh_from_db()
    assert (content.video_rotation_enabled, content.video_rotation_type) == (True, "daily")
    page = body(staff, f"{SCHEDULES}{schedule.pk}/change/")
    assert "Its turn now: Autumn (1 of 3)" in page
    changed = posted(content, sequence=[spring, autumn], rotation_type="sequence")
    assert staff.post(f"{SCHEDULES}{schedule.pk}/change/", changed).status_code == 302
    assert [item.video.title for item in schedule.items.all()] == ["Spring", "Autumn"]
    assert staff.post(f"{SCHEDULES}{schedule.pk}/delete/", {"post": "yes"}).status_code == 302
    content.refresh_from_db()
    assert (content.video_rotation_enabled, content.video_rotation_type) == (False, "")


def test_what_a_type_does_not_go_by_is_neither_kept_nor_a_mistake(
    staff: Client, content: ARContent
) -> None:
    odd = {"day_of_month": "77", "cron_expression": "never", "day_of_week": "9"}
    daily = add(staff, content, **odd)
    assert (daily.day_of_month, daily.cron_expression, daily.day_of_week) == (None, "", None)
    assert f"{daily.time_of_day:%H:%M}" == "09:30"
    changed = posted(content, rotation_type="cron", cron_expression="0 9 * * 1-5")
    assert staff.post(f"{SCHEDULES}{daily.pk}/change/", changed).status_code == 302
    daily.refresh_from_db()
    assert (daily.time_of_day, daily.cron_expression) == (None, "0 9 * * 1-5")


def test_a_rule_that_cannot_be_is_an_error_of_its_field(staff: Client, content: ARContent) -> None:
    for cron in ("", "every day", "61 * * * *", "0 0 30 2 *"):
        found = errors(staff, content, rotation_type="cron", cron_expression=cron)
        assert list(found) == ["cron_expression"], cron
        assert found["cron_expression"][0], cron
    monthly = errors(staff, content, rotation_type="monthly", day_of_month="32")
    assert list(monthly) == ["day_of_month"]
    assert list(errors(staff, content, time_of_day="25:00")) == ["time_of_day"]
    assert list(errors(staff, content, rotation_type="yearly")) == ["rotation_type"]


@pytest.mark.parametrize("key", ["foreign", "0", "x", "99999999999999999999", "-1"])
def test_a_turn_of_another_contents_video_is_a_form_error(
    staff: Client, content: ARContent, foreign: Video, key: str
) -> None:
    key = str(foreign.pk) if key == "foreign" else key
    found = errors(staff, content, sequence=[*keys(content, "Spring"), key])
    assert list(found) == ["sequence"]
    sibling = VideoFactory.create(ar_content__project=content.project, title="A sibling's")
    assert list(errors(staff, content, sequence=[str(sibling.pk)])) == ["sequence"]
    page = body(staff, f"{SCHEDULES}add/", ar_content=str(content.pk))
    assert "Spring" in page
    assert "Their video" not in page
    assert "A sibling&#x27;s" not in page
    assert "Their video" not in body(
        staff, f"{SCHEDULES}add/", ar_content=str(foreign.ar_content_id)
    )


def test_the_next_turns_of_an_unsaved_rule_are_told_in_the_companys_time(
    staff: Client, content: ARContent, foreign: Video
) -> None:
    def told(**query: Any) -> str:
        return body(staff, f"{SCHEDULES}turns/", content=str(content.pk), **query)

    weekly = told(rotation_type="weekly", day_of_week="7", time_of_day="18:00")
    assert weekly.count("<li>") == weekly.count("Sunday") == weekly.count("6 p.m.") == 5
    assert "Asia/Tokyo" in weekly
    assert told(rotation_type="cron", cron_expression="5 4 * * *").count("4:05 a.m.") == 5
    assert "no date fits" in told(rotation_type="cron", cron_expression="0 0 30 2 *")
    assert "Each visit is a turn" in told(rotation_type="sequence")
    query = {"rotation_type": "daily", "content": str(foreign.ar_content_id)}
    assert staff.get(f"{SCHEDULES}turns/", query).status_code == 404


def test_a_viewer_reads_the_schedule_and_changes_nothing(
    client: Client, viewer: User, staff: Client, content: ARContent
) -> None:
    schedule = add(staff, content)
    client.force_login(viewer)
    page = body(client, f"{SCHEDULES}{schedule.pk}/change/")
    assert "Each day at 9:30 a.m." in page
    assert "Spring" in page
    assert 'name="sequence"' not in page
    change = f"{SCHEDULES}{schedule.pk}/change/"
    assert client.post(change, posted(content, rotation_type="weekly")).status_code == 403
    assert client.post(f"{SCHEDULES}{schedule.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.get(f"{SCHEDULES}add/").status_code == 403
    assert "Let videos take turns" not in body(client, f"{CONTENTS}{content.pk}/change/")


def test_the_contents_page_leads_to_its_schedules_and_the_strip_shows_the_turns(
    staff: Client, content: ARContent
) -> None:
    page = body(staff, f"{CONTENTS}{content.pk}/change/")
    assert f"{SCHEDULES}add/?ar_content={content.pk}" in page
    schedule = add(staff, content)
    page = body(staff, f"{CONTENTS}{content.pk}/change/")
    assert f"{SCHEDULES}{schedule.pk}/change/" in page
    assert "Each day at 9:30 a.m." in page
    # Fourteen days, one after the other.
    assert page.count("its turn in the rotation") > 10
    listed = body(staff, SCHEDULES, q=str(content.unique_id))
    assert "Grandmother" in listed


def test_a_sequence_too_long_for_the_page_is_left_as_it_is(
    staff: Client, content: ARContent, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = add(staff, content, sequence=keys(content, "Autumn", "Spring"))
    monkeypatch.setattr("content.admin.rotation_form.MOST_OPTIONS", 5)
    change = f"{SCHEDULES}{schedule.pk}/change/"
    assert 'name="sequence"' not in body(staff, change)
    assert staff.post(change, posted(content, rotation_type="weekly")).status_code == 302
    schedule.refresh_from_db()
    assert schedule.rotation_type == RotationType.WEEKLY
    assert [item.video.title for item in schedule.items.all()] == ["Autumn", "Spring"]


def test_one_schedule_too_many_is_refused_with_the_reason(
    staff: Client, content: ARContent
) -> None:
    VideoRotationSchedule.objects.bulk_create(
        VideoRotationSchedule(ar_content=content, rotation_type="daily") for _number in range(20)
    )
    answer = staff.post(f"{SCHEDULES}add/", posted(content), follow=True)
    assert "at most 20 rotation schedules" in answer.content.decode()
    assert content.rotation_schedules.count() == 20


def test_an_error_page_has_no_more_boxes_than_it_can_bear_and_says_so(
    staff: Client, content: ARContent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("content.admin.rotation_form.MOST_OPTIONS", 25)
    wrong = posted(content, time_of_day="x", sequence=keys(content, "Spring") * 9)
    page = staff.post(f"{SCHEDULES}add/", wrong).content.decode()
    # Six lists of three videos and an empty line.
    assert page.count('<select name="sequence"') == 6
    assert page.count("selected>Spring") == 6
    assert "no room for the last 3 turns" in page
    wrong["sequence"] = keys(content, "Spring") * 6
    page = staff.post(f"{SCHEDULES}add/", wrong).content.decode()
    assert page.count("selected>Spring") == 6
    assert "no room" not in page


def month(staff: Client, content: ARContent, **query: str) -> Any:
    answer = staff.get(f"{CONTENTS}{content.pk}/rotation/calendar/", query)
    assert answer.status_code == 200
    return answer


def test_the_month_has_every_day_with_what_plays_and_why(
    staff: Client, content: ARContent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("content.timetable.MOST_MONTHS", 240)
    spring, summer = content.videos.filter(title__in=["Spring", "Summer"])
    content.videos.filter(title="Autumn").update(video="")
    opens = datetime(2040, 2, 10, 3, 0, tzinfo=UTC)  # noon in Tokyo
    content.videos.filter(pk=spring.pk).update(schedule_start=opens)
    content.videos.filter(pk=summer.pk).update(
        schedule_start=opens + timedelta(days=1), schedule_end=opens + timedelta(days=2)
    )
    answer = month(staff, content, month="2040-02")
    page, weeks = answer.content.decode(), answer.context["weeks"]
    assert "Asia/Tokyo" in page
    assert "?month=2040-01" in page
    assert "?month=2040-03" in page
    # 1 February 2040 is a Wednesday, and the year a leap year.
    assert [bool(cell) for cell in weeks[0]] == [False, False, True, True, True, True, True]
    days = {cell.date.day: cell for week in weeks for cell in week if cell}
    assert len(days) == 29
    assert [entry.kind for entry in days[9].entries] == ["arv-nothing"]
    gap, shown = days[10].entries
    assert (gap.kind, gap.span) == ("arv-nothing", "midnight–noon")
    assert (shown.what, shown.why) == ("Spring", "its window is open")
    # Too far away for a preview.
    assert shown.preview == ""
    assert [entry.what for entry in days[11].entries] == ["Spring", "Summer", "Spring + Summer"]
    assert (answer.context["gaps"], answer.context["overlaps"]) == (10, 2)
    assert "more than can be shown" not in page
    VideoFactory.create_batch(
        7, ar_content=content, schedule_start=opens, schedule_end=opens + timedelta(hours=1)
    )
    assert "more than can be shown" in month(staff, content, month="2040-02").content.decode()
    assert "On 10 days there is a time when visitors get nothing." in page


def test_the_months_end_two_years_from_now(staff: Client, content: ARContent) -> None:
    today = timezone.now().astimezone(ZoneInfo("Asia/Tokyo")).date().replace(day=1)
    url = f"{CONTENTS}{content.pk}/rotation/calendar/"
    for way, rel, other in ((1, "next", "prev"), (-1, "prev", "next")):
        last = today.replace(year=today.year + 2 * way)
        page = month(staff, content, month=f"{last:%Y-%m}").content.decode()
        assert f'rel="{other}"' in page
        assert f'rel="{rel}"' not in page
        beyond = last + timedelta(days=32) if way > 0 else last - timedelta(days=1)
        assert staff.get(url, {"month": f"{beyond:%Y-%m}"}).status_code == 302


def test_turns_and_the_end_of_a_content_are_in_the_month(
    staff: Client, editor: User, content: ARContent
) -> None:
    add(staff, content)
    now = timezone.now()
    following = (now + timedelta(days=32)).strftime("%Y-%m")
    page = month(staff, content, month=following).content.decode()
    assert page.count("its turn in the rotation") >= 28
    [preview, *_more] = re.findall(rf"/ar/{content.unique_id}\?at=[^\"]+", page)
    seen = body(staff, preview)
    assert "Grandmother" in seen
    staff.logout()
    assert staff.get(preview).status_code == 404
    staff.force_login(editor)
    ARContent.objects.update(expires_at=now)
    page = month(staff, content, month=following).content.decode()
    assert "visitors do not see the content: expired" in page
    assert "there is a time when visitors do not see the content" in page
    assert "Something plays all the time" not in page


@pytest.mark.parametrize(
    "odd", ["2026-13", "2026-00", "x", "0000-01", "9999-12", "2026-1", "٢٠٢٦-٠١"]
)
def test_an_odd_month_is_told_and_leads_to_the_present_one(
    staff: Client, content: ARContent, odd: str
) -> None:
    url = f"{CONTENTS}{content.pk}/rotation/calendar/"
    answer = staff.get(url, {"month": odd}, follow=True)
    assert answer.redirect_chain == [(url, 302)]
    assert "There is no calendar of that month" in answer.content.decode()
