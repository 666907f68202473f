"""A report that meets the tick: it counts what was there when it was asked."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from analytics import reports, rollups
from analytics.figures import fetch
from analytics.models import ARViewSession, RollUp
from analytics.reports import Scope
from analytics.tests.furnish import visit
from analytics.windows import Period
from companies.models import User
from content.models import ARContent

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def meanwhile(step: Callable[[], object]) -> None:
    """As another process does it, with a connection of its own; it is done when this returns."""

    def run() -> None:
        try:
            step()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        threads.submit(run).result()


def tick(now: datetime) -> None:
    rollups.roll_up_due(now=now)


def forget(_now: datetime) -> None:
    rollups.forget_part(RollUp.objects.get())


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("step", "then"),
    [
        (tick, NOW + 2 * HOUR),
        (tick, NOW + 20 * HOUR),
        (forget, NOW),
    ],
)
def test_a_tick_between_two_questions_changes_no_figure(
    content: ARContent,
    monkeypatch: pytest.MonkeyPatch,
    step: Callable[[datetime], None],
    then: datetime,
) -> None:
    for hours in range(1, 30):
        visit(content, NOW - hours * HOUR)
    rollups.roll_up_due(now=NOW)
    met: list[datetime | None] = []

    def fetch_later(query: Any) -> Any:
        if not met:
            met.append(RollUp.objects.get().part_until)
            meanwhile(partial(step, then))
        return fetch(query)

    monkeypatch.setattr("analytics.counting.fetch", fetch_later)
    period = Period(NOW.date() - timedelta(days=3), NOW.date())
    seen = reports.figures(Scope((content.company_id,)), period, now=NOW)
    assert met == [datetime(2026, 3, 20, 6, tzinfo=UTC)]
    assert RollUp.objects.get().part_until != met[0]
    assert (seen.views, seen.sessions) == (29, 29)
    assert ARViewSession.objects.count() == 29


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_reports_of_one_instant_agree_whatever_happens_between_them(content: ARContent) -> None:
    scope, window = Scope((content.company_id,)), reports.last_30_days(NOW)
    visit(content, NOW - 30 * HOUR)

    with reports.of_one_instant():
        assert reports.figures(scope, window, now=NOW).views == 1
        meanwhile(partial(visit, content, NOW - HOUR))
        [top] = reports.top(scope, window, "content", now=NOW)
        assert top.views == 1
    assert reports.figures(scope, window, now=NOW).views == 2


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_an_answer_agrees_with_itself(
    content: ARContent, client: Client, viewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    visit(content, now - HOUR)
    visits_of = reports.visits_of

    def late(*arguments: Any, **named: Any) -> reports.Visits:
        meanwhile(partial(visit, content, now - HOUR))
        return visits_of(*arguments, **named)

    monkeypatch.setattr(reports, "visits_of", late)
    client.force_login(viewer)
    days = {"from": (now - 20 * 24 * HOUR).date().isoformat(), "to": now.date().isoformat()}
    told = client.get(f"/api/analytics/companies/{content.company_id}", days).json()
    assert (told["views"], told["views_30_days"]) == (1, 1)
    assert ARViewSession.objects.count() == 2
