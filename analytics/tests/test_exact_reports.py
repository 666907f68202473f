"""Every figure of every report equals a count of the visits one by one, whatever is rolled up."""

import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics import reports, rollups
from analytics.models import ARViewSession, StatDimension
from analytics.reports import Scope, Share
from analytics.windows import Period, Window, midnight
from companies.models import Company, Project
from companies.tests.factories import CompanyFactory, ProjectFactory
from content.models import ARContent
from content.tests.factories import ARContentFactory

pytestmark = pytest.mark.django_db

# A day without a midnight on 29 March, one of 23 hours on 8 March, and half an hour.
ZONES = ("Asia/Beirut", "America/New_York", "Asia/Kolkata")
BEGINS = datetime(2026, 3, 5, tzinfo=UTC)
ENDS = datetime(2026, 4, 1, tzinfo=UTC)
SECONDS = int((ENDS - BEGINS).total_seconds())
HOUR = timedelta(hours=1)
MEASURES = (
    "ended",
    "duration_seconds",
    "started",
    "camera_allowed",
    "camera_denied",
    "found",
    "found_ms",
    "played",
)


@dataclass
class World:
    companies: list[Company]
    projects: list[Project]
    contents: list[ARContent]
    zones: dict[int, ZoneInfo]


@pytest.fixture
def world(company: Company, stranger_company: Company) -> World:
    """Three companies of two projects each; a content of each project, and one that has moved."""
    third = CompanyFactory.create(name="Third", storage_connection=company.storage_connection)
    companies = [company, stranger_company, third]
    projects, contents = [], []
    for one, zone in zip(companies, ZONES, strict=True):
        Company.objects.filter(pk=one.pk).update(time_zone=zone)
        own = [ProjectFactory.create(company=one, name=name) for name in ("A", "B")]
        made = [ARContentFactory.create(project=project) for project in (*own, own[0])]
        made[2].project = own[1]
        made[2].save()
        projects += own
        contents += made
    zones = {one.pk: ZoneInfo(zone) for one, zone in zip(companies, ZONES, strict=True)}
    return World(companies, projects, contents, zones)


moments = st.integers(0, SECONDS).map(lambda number: BEGINS + timedelta(seconds=number))
visits = st.lists(
    st.fixed_dictionaries(
        {
            "content": st.integers(0, 8),
            "session_id": st.integers(0, 12).map(lambda number: uuid.UUID(int=number)),
            "created_at": moments,
            "project": st.booleans(),
            "is_bot": st.integers(0, 5).map(lambda number: number == 0),
            "device_type": st.sampled_from(["mobile", "tablet", "unknown"]),
            "browser": st.sampled_from(
                ["Mobile Safari 17", "Mobile Safari 4", "Chrome", "IE 9", ""]
            ),
            "country": st.sampled_from(["DE", "RU", "IN", ""]),
            "duration_seconds": st.one_of(st.none(), st.integers(0, 900)),
            "tracking_quality": st.sampled_from(["", "good", "poor"]),
            "started": st.booleans(),
            "camera": st.sampled_from(["", "allowed", "denied"]),
            "found_ms": st.one_of(st.none(), st.integers(0, 20_000)),
            "video_played": st.booleans(),
        }
    ),
    min_size=20,
    max_size=60,
    unique_by=lambda visit: (visit["session_id"], visit["content"]),
)


def stored(world: World, drawn: Iterable[dict[str, Any]]) -> None:
    rows = []
    for given_ in drawn:
        visit = dict(given_)
        content = world.contents[visit.pop("content")]
        own = [one.pk for one in world.projects if one.company_id == content.company_id]
        has_moved = content is world.contents[[*world.contents].index(content) // 3 * 3 + 2]
        other = own[visit.pop("project")]
        reason = "refused" if visit["camera"] == "denied" else ""
        rows.append(
            ARViewSession(
                **visit,
                camera_reason=reason,
                ar_content=content,
                project_id=other if has_moved else content.project_id,
                company_id=content.company_id,
            )
        )
    ARViewSession.objects.bulk_create(rows)


class Flat:
    """The visits of a scope, counted one by one."""

    def __init__(self, world: World, scope: Scope) -> None:
        self.zones = world.zones
        self.rows = [
            row
            for row in ARViewSession.objects.filter(is_bot=False)
            if row.company_id in scope.companies
            and (scope.project is None or row.project_id == scope.project)
            and (scope.content is None or row.ar_content_id == scope.content)
        ]

    def day(self, row: ARViewSession) -> date:
        return row.created_at.astimezone(self.zones[row.company_id]).date()

    def within(self, when: Window | Period, now: datetime) -> list[ARViewSession]:
        past = [row for row in self.rows if row.created_at <= now]
        if isinstance(when, Window):
            return [row for row in past if when.begins <= row.created_at < when.ends]
        return [row for row in past if when.first <= self.day(row) <= when.last]


def counted(rows: list[ARViewSession]) -> tuple[int, int]:
    return len(rows), len({row.session_id for row in rows})


def by(rows: list[ARViewSession], key: Callable[[ARViewSession], Any]) -> dict[Any, Any]:
    found: dict[Any, list[ARViewSession]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found


def family(browser: str) -> str:
    name, _space, number = browser.rpartition(" ")
    return name if number.isdigit() else browser


VALUES: dict[StatDimension, Callable[[ARViewSession], str]] = {
    StatDimension.DEVICE: lambda row: row.device_type,
    StatDimension.BROWSER: lambda row: family(row.browser),
    StatDimension.OS: lambda row: row.os,
    StatDimension.COUNTRY: lambda row: row.country,
    StatDimension.CITY: lambda row: row.city,
    StatDimension.QUALITY: lambda row: row.tracking_quality,
    StatDimension.CAMERA: lambda row: (
        f"denied/{row.camera_reason}" if row.camera == "denied" else row.camera
    ),
}


def check_figures(flat: Flat, scope: Scope, when: Window | Period, now: datetime) -> None:
    rows = flat.within(when, now)
    found = reports.figures(scope, when, now=now)
    assert (found.views, found.sessions) == counted(rows)
    assert {name: getattr(found, name) for name in MEASURES} == {
        "ended": sum(row.duration_seconds is not None for row in rows),
        "duration_seconds": sum(row.duration_seconds or 0 for row in rows),
        "started": sum(row.started for row in rows),
        "camera_allowed": sum(row.camera == "allowed" for row in rows),
        "camera_denied": sum(row.camera == "denied" for row in rows),
        "found": sum(row.found_ms is not None for row in rows),
        "found_ms": sum(row.found_ms or 0 for row in rows),
        "played": sum(row.video_played for row in rows),
    }


def check_shares(flat: Flat, scope: Scope, when: Window | Period, now: datetime) -> None:
    rows = flat.within(when, now)
    for dimension, value_of in VALUES.items():
        values = sorted(by(rows, value_of).items(), key=lambda item: (-len(item[1]), item[0]))
        expected = [Share(value, *counted(those)) for value, those in values[:2]]
        if values[2:]:
            expected.append(
                Share(None, *counted([row for _, those in values[2:] for row in those]))
            )
        assert reports.shares(scope, when, dimension, now=now, most=2) == expected, dimension


def check_top(flat: Flat, scope: Scope, when: Window | Period, now: datetime) -> None:
    rows = flat.within(when, now)
    kinds: tuple[Any, ...] = (("company", "company_id"), ("project", "project_id"))
    for kind, column in (*kinds, ("content", "ar_content_id")):
        found = reports.top(scope, when, kind, now=now, most=3)
        values = by(rows, attrgetter(column))
        expected = sorted(values.items(), key=lambda item: (-len(item[1]), item[0]))[:3]
        assert [(row.id, row.views, row.sessions) for row in found] == [
            (pk, *counted(those)) for pk, those in expected
        ], kind
        assert all(row.name for row in found)


def check_calendar(flat: Flat, scope: Scope, period: Period, now: datetime) -> None:
    rows = flat.within(period, now)
    days = by(rows, flat.day)
    assert [tuple(day) for day in reports.by_day(scope, period, now=now)] == [
        (day, *counted(days.get(day, []))) for day in period
    ]
    hours: Counter[tuple[int, int]] = Counter()
    for row in rows:
        zone = flat.zones[row.company_id]
        begins = midnight(flat.day(row), zone)
        whole = (row.created_at - begins) // HOUR
        seen = (begins + whole * HOUR).astimezone(zone)
        hours[seen.weekday(), seen.hour] += 1
    assert reports.by_hour(scope, period, now=now) == [
        [hours[weekday, hour] for hour in range(24)] for weekday in range(7)
    ]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=visits, ticks=st.lists(moments, min_size=1, max_size=3), data=st.data())
def test_reports_equal_a_flat_count(
    world: World, drawn: list[dict[str, Any]], ticks: list[datetime], data: st.DataObject
) -> None:
    edges = [moment.date() for moment in sorted(data.draw(st.tuples(moments, moments)))]
    begins, ends = sorted(data.draw(st.tuples(moments, moments)))
    windows: tuple[Window | Period, ...] = (
        Period(edges[0], edges[1]),
        Window(begins, ends),
        Window(begins, ENDS),
    )
    now = data.draw(st.one_of(moments, st.just(ENDS)))
    companies = tuple(one.pk for one in world.companies)
    content, project = data.draw(st.integers(0, 8)), data.draw(st.integers(0, 5))
    scopes = (
        Scope(companies),
        Scope(companies[: data.draw(st.integers(0, 2))]),
        Scope(companies, project=world.projects[project].pk),
        Scope(companies, content=world.contents[content].pk),
    )
    with transaction.atomic():
        seen: list[dict[str, Any]] = []
        for tick in sorted(ticks):
            new = [one for one in drawn if one["created_at"] <= tick and one not in seen]
            stored(world, new)
            seen += new
            rollups.roll_up_due(now=tick)
        stored(world, [one for one in drawn if one not in seen])
        for scope in scopes:
            flat = Flat(world, scope)
            for when in windows:
                check_figures(flat, scope, when, now)
            check_shares(flat, scope, data.draw(st.sampled_from(windows)), now)
            check_top(flat, scope, data.draw(st.sampled_from(windows)), now)
            check_calendar(flat, scope, Period(edges[0], edges[1]), now)
        transaction.set_rollback(True)
