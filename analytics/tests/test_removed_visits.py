"""What every report tells stays the same when the visits of earlier days are removed."""

import random
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from analytics import reports, rollups
from analytics.models import ARViewSession, RollUp, StatDimension
from analytics.reports import Scope
from analytics.retention import remove_expired
from analytics.windows import Period, Window
from companies.models import Company
from companies.tests.factories import ProjectFactory
from content.models import ARContent
from content.tests.factories import ARContentFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 4, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
BEGINS = NOW - 60 * DAY
# 20 March, by any clock.
KEPT_DAYS = 31
KEPT = date(2026, 3, 20)
SESSIONS = [uuid.UUID(int=number) for number in range(1, 200)]
ZONES = ("America/New_York", "Asia/Kolkata")
WINDOWS: tuple[Period | Window, ...] = (
    Period(date(2026, 2, 1), date(2026, 4, 20)),
    # Over the day of 23 hours, to a day that is gone.
    Period(date(2026, 3, 3), date(2026, 3, 12)),
    Period(KEPT - 5 * DAY, KEPT + 5 * DAY),
    Window(NOW - 30 * DAY, NOW),
)


def looked_at(content: ARContent, dice: random.Random, begins: datetime, ends: datetime) -> None:
    seconds = int((ends - begins).total_seconds())
    camera = dice.choice(["", "allowed", "denied"])
    # Of several contents, but of each of them once.
    session = dice.choice(SESSIONS) if dice.random() < 0.5 else uuid.uuid4()
    if ARViewSession.objects.filter(session_id=session, ar_content=content).exists():
        session = uuid.uuid4()
    ARViewSession.objects.create(
        session_id=session,
        ar_content=content,
        project=content.project,
        company=content.company,
        created_at=begins + timedelta(seconds=dice.randrange(seconds)),
        device_type=dice.choice(["mobile", "tablet"]),
        browser=dice.choice(["Chrome 131", "Chrome 132", "Firefox", ""]),
        os=dice.choice(["Android", "iOS"]),
        country=dice.choice(["DE", "RU", ""]),
        city=dice.choice(["Berlin", 'Orël "x"', "a/b", ""]),
        tracking_quality=dice.choice(["", "good"]),
        camera=camera,
        camera_reason="refused" if camera == "denied" else "",
        duration_seconds=dice.choice([None, 7]),
        found_ms=dice.choice([None, 900]),
        started=dice.random() < 0.5,
        video_played=dice.random() < 0.5,
        is_bot=dice.random() < 0.1,
    )


@pytest.fixture
def scopes(
    company: Company, stranger_company: Company, request: pytest.FixtureRequest
) -> list[Scope]:
    """Two companies of two projects; one content of each moved while it was visited."""
    dice = random.Random(request.node.name)  # noqa: S311
    scopes = []
    moves = [BEGINS + 20 * DAY, BEGINS + 40 * DAY]
    for one, zone, moved_at in zip((company, stranger_company), ZONES, moves, strict=True):
        one.time_zone, one.session_retention_days = zone, KEPT_DAYS
        one.save()
        projects = [ProjectFactory.create(company=one) for _number in range(2)]
        staying = [ARContentFactory.create(project=project) for project in projects]
        moving = ARContentFactory.create(project=projects[0])
        for number in range(200):
            if number < 70:
                looked_at(moving, dice, BEGINS, moved_at)
            elif number > 130:
                looked_at(dice.choice(staying), dice, BEGINS, NOW)
            else:
                moving.project = projects[1]
                looked_at(moving, dice, moved_at, NOW)
        moving.save()
        scopes.append(Scope((one.pk,)))
        scopes += [Scope((one.pk,), project=project.pk) for project in projects]
        scopes += [Scope((one.pk,), content=content.pk) for content in (*staying, moving)]
    return [Scope((company.pk, stranger_company.pk)), *scopes[:6]]


def views_of(scope: Scope, when: Period | Window) -> dict[str, Any]:
    """All that is reported but sessions over several days."""
    found: dict[str, Any] = {"figures": vars(reports.figures(scope, when, now=NOW)).copy()}
    del found["figures"]["sessions"]
    for most in (2, 99):
        for dimension in set(StatDimension) - {StatDimension.HOUR}:
            rows = reports.shares(scope, when, dimension, now=NOW, most=most)
            found[f"{dimension} {most}"] = [(row.value, row.views) for row in rows]
        kinds: tuple[Any, ...] = ("company", "project", "content")
        for kind in kinds:
            top = reports.top(scope, when, kind, now=NOW, most=most)
            found[f"{kind} {most}"] = [(row.id, row.name, row.views) for row in top]
    if isinstance(when, Period):
        # Within a day, sessions are known as well.
        found["days"] = reports.by_day(scope, when, now=NOW)
        found["hours"] = reports.by_hour(scope, when, now=NOW)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_views_stay_when_the_visits_of_early_days_are_gone(scopes: list[Scope], seed: int) -> None:
    rollups.roll_up_due(now=NOW)
    before = {(scope, when): views_of(scope, when) for scope in scopes for when in WINDOWS}
    contents = list(ARContent.objects.order_by("pk").values("pk", "views_count", "last_viewed_at"))
    removed = remove_expired(now=NOW)
    assert removed.visits > 100
    assert set(RollUp.objects.values_list("kept_since", flat=True)) == {KEPT}
    for (scope, when), told in before.items():
        assert views_of(scope, when) == told, (scope, when)
    rollups.roll_up_due(now=NOW + timedelta(minutes=10))
    after = ARContent.objects.order_by("pk").values("pk", "views_count", "last_viewed_at")
    assert list(after) == contents
    moved = before[scopes[6], WINDOWS[0]]
    assert len(moved["project 99"]) == 2
