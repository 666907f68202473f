"""Old visits go and the figures of their days stay; a session can be erased at a wish."""

import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command

from analytics import partitions, reports, retention, rollups
from analytics.models import ARViewSession, DailyStat, RollUp
from analytics.partitions import Month
from analytics.retention import Removed, erase_session, remove_expired
from analytics.tests.furnish import visit
from companies.models import Company
from content.models import ARContent

pytestmark = pytest.mark.django_db

# Before the months that the database of the tests was made with.
NOW = datetime(2021, 7, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def visits_of(content: ARContent, *moments: datetime) -> list[uuid.UUID]:
    ids = [uuid.uuid4() for _moment in moments]
    for session_id, moment in zip(ids, moments, strict=True):
        visit(content, moment, session_id=session_id)
    return ids


def left_of(content: ARContent) -> list[datetime]:
    visits = ARViewSession.objects.filter(ar_content=content).order_by("created_at")
    return list(visits.values_list("created_at", flat=True))


def figures() -> list[dict[str, Any]]:
    columns = [field.attname for field in DailyStat._meta.fields if not field.primary_key]
    return list(DailyStat.objects.order_by(*columns).values(*columns))


def overview() -> tuple[reports.Visits, reports.Holdings]:
    companies = Company.objects.all()
    return reports.visits(companies, now=NOW), reports.holdings(companies)


def views_on(content: ARContent, day: date) -> int:
    total = DailyStat.objects.filter(company=content.company, day=day)
    return sum(total.filter(project=None, ar_content=None).values_list("views", flat=True))


def retain(company: Company, days: int, zone: str = "UTC") -> None:
    company.session_retention_days, company.time_zone = days, zone
    company.save()


def test_visits_older_than_their_company_keeps_them_go_and_the_figures_stay(
    content: ARContent, foreign_content: ARContent
) -> None:
    retain(content.company, 40)
    ages = [500, 400, 399, 42, 41, 40, 39, 1]
    for one in (content, foreign_content):
        visits_of(one, *(NOW - age * DAY for age in ages))
    rollups.roll_up_due(now=NOW)
    before = figures()
    assert remove_expired(now=NOW) == Removed(visits=6, months=0)
    assert [(NOW - moment).days for moment in left_of(content)] == [40, 39, 1]
    assert [(NOW - moment).days for moment in left_of(foreign_content)] == ages[1:]
    assert figures() == before
    roll_up = RollUp.objects.get(company=content.company)
    assert roll_up.kept_since == (NOW - 40 * DAY).date()
    with pytest.raises(rollups.VisitsRemoved):
        rollups.rebuild(content.company, date(2021, 5, 1), date(2021, 7, 1), now=NOW)
    rollups.rebuild(content.company, roll_up.kept_since, date(2021, 7, 1), now=NOW)
    rollups.roll_up_due(now=NOW + HOUR)
    assert figures() == before
    assert remove_expired(now=NOW) == Removed(visits=0, months=0)


def test_the_last_thirty_days_count_the_same_before_and_after(content: ARContent) -> None:
    retain(content.company, 31)
    edge = NOW - 30 * DAY
    visits_of(content, NOW - 29 * DAY, edge - HOUR, edge + HOUR, edge - DAY, NOW - 60 * DAY)
    rollups.roll_up_due(now=NOW)
    before = overview()
    remove_expired(now=NOW)
    assert overview() == before


def test_a_company_that_keeps_everything_has_nothing_noted(content: ARContent) -> None:
    visits_of(content, NOW - 10 * DAY)
    rollups.roll_up_due(now=NOW)
    remove_expired(now=NOW)
    assert RollUp.objects.get(company=content.company).kept_since is None


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Los_Angeles", "Africa/Cairo"])
def test_a_day_begins_by_the_companys_clock(content: ARContent, zone: str) -> None:
    retain(content.company, 50, zone)
    first = (NOW.astimezone(ZoneInfo(zone)) - 50 * DAY).date()
    begins = datetime(first.year, first.month, first.day, tzinfo=ZoneInfo(zone))
    visits_of(content, begins - timedelta(seconds=1), begins)
    rollups.roll_up_due(now=NOW)
    remove_expired(now=NOW)
    assert left_of(content) == [begins]


def test_what_is_not_rolled_up_stays_however_old(content: ARContent) -> None:
    visits_of(content, NOW - 500 * DAY, NOW - 450 * DAY)
    assert remove_expired(now=NOW).visits == 0
    RollUp.objects.create(
        company=content.company,
        time_zone="UTC",
        built_until=(NOW - 460 * DAY).date(),
        shared_until=NOW,
    )
    assert remove_expired(now=NOW).visits == 1
    RollUp.objects.update(built_until=NOW.date())
    Company.objects.update(time_zone="Europe/Moscow")
    assert remove_expired(now=NOW).visits == 0
    assert len(left_of(content)) == 1


def test_a_backlog_goes_in_batches_and_an_interrupted_tick_goes_on(
    content: ARContent, foreign_content: ARContent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    for one in (content, foreign_content):
        # Some at the same instant.
        visits_of(one, *(NOW - (500 - number // 2) * DAY for number in range(10)))
    rollups.roll_up_due(now=NOW)
    assert remove_expired(now=NOW, seconds=0).visits == 0
    batch, calls = retention._remove_batch, iter([True, True, True, False])

    def killed(*arguments: Any, **named: Any) -> Any:
        if not next(calls):
            raise KeyboardInterrupt
        return batch(*arguments, **named)

    monkeypatch.setattr(retention, "_remove_batch", killed)
    with pytest.raises(KeyboardInterrupt):
        remove_expired(now=NOW)
    gone = 20 - ARViewSession.objects.count()
    assert 9 <= gone < 20
    monkeypatch.setattr(retention, "_remove_batch", batch)
    assert remove_expired(now=NOW).visits == 20 - gone
    assert not ARViewSession.objects.exists()


@pytest.fixture
def spring() -> Iterator[list[Month]]:
    """January to April of 2021, with partitions."""
    partitions.make_partitions(now=datetime(2021, 1, 5, tzinfo=UTC))
    months = [Month(2021, number) for number in (1, 2, 3, 4)]
    yield months
    for month in months:
        assert partitions.drop(month)


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres
class TestMonths:
    def test_a_month_that_nobody_keeps_is_dropped(
        self, content: ARContent, foreign_content: ARContent, spring: list[Month]
    ) -> None:
        for one in (content, foreign_content):
            visits_of(one, *(month.begins + 25 * DAY for month in spring))
        retain(content.company, 40)
        retain(foreign_content.company, 100)
        rollups.roll_up_due(now=NOW)
        before = figures()
        # The other company keeps what is younger than 24 March.
        assert remove_expired(now=NOW) == Removed(visits=2, months=2)
        assert [month in partitions.months() for month in spring] == [False, False, True, True]
        assert left_of(content) == []
        assert left_of(foreign_content) == [month.begins + 25 * DAY for month in spring[2:]]
        assert figures() == before
        kept = dict(RollUp.objects.values_list("company", "kept_since"))
        assert kept[foreign_content.company_id] == date(2021, 3, 1)
        assert kept[content.company_id] == (NOW - 40 * DAY).date()

    def test_a_month_with_a_day_that_is_not_rolled_up_stays(
        self, content: ARContent, spring: list[Month]
    ) -> None:
        visits_of(content, *(month.begins + 3 * DAY for month in spring))
        retain(content.company, 31)
        rollups.roll_up_due(now=NOW)
        RollUp.objects.update(built_until=date(2021, 2, 28))
        assert remove_expired(now=NOW) == Removed(visits=1, months=1)
        assert len(left_of(content)) == 2

    def test_a_large_month_waits_to_be_dropped_instead_of_being_deleted(
        self,
        content: ARContent,
        foreign_content: ARContent,
        spring: list[Month],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(partitions, "visits_about", lambda month: retention.LARGE_MONTH)
        for one in (content, foreign_content):
            visits_of(one, *(month.begins + 3 * DAY for month in spring))
        retain(content.company, 80)
        retain(foreign_content.company, 80)
        rollups.roll_up_due(now=NOW)
        # Until 13 April, which is in the month that goes next: by the end of it.
        assert remove_expired(now=NOW) == Removed(visits=0, months=3)
        assert len(left_of(content)) == 1
        assert remove_expired(now=NOW + 17 * DAY) == Removed(visits=0, months=0)
        rollups.roll_up_due(now=NOW + 18 * DAY)
        assert remove_expired(now=NOW + 18 * DAY) == Removed(visits=0, months=1)
        assert not ARViewSession.objects.exists()

    def test_a_large_month_that_another_company_keeps_for_long_is_deleted_from(
        self,
        content: ARContent,
        foreign_content: ARContent,
        spring: list[Month],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(partitions, "visits_about", lambda month: retention.LARGE_MONTH)
        for one in (content, foreign_content):
            visits_of(one, spring[3].begins + 3 * DAY)
        retain(content.company, 80)
        rollups.roll_up_due(now=NOW)
        assert remove_expired(now=NOW) == Removed(visits=1, months=3)
        assert (len(left_of(content)), len(left_of(foreign_content))) == (0, 1)

    def test_a_month_in_use_is_dropped_by_a_later_tick(
        self, content: ARContent, spring: list[Month], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        visits_of(content, spring[0].begins)
        retain(content.company, 31)
        rollups.roll_up_due(now=NOW)
        drop = partitions.drop
        monkeypatch.setattr(partitions, "drop", lambda month: False)
        monkeypatch.setattr(retention, "_remove_batch", lambda *arguments, **named: (0, None))
        assert remove_expired(now=NOW) == Removed(visits=0, months=0)
        assert RollUp.objects.get(company=content.company).kept_since is None
        monkeypatch.setattr(partitions, "drop", drop)
        assert remove_expired(now=NOW).months == 4
        assert not ARViewSession.objects.exists()


class TestErasing:
    def test_the_figures_of_its_days_are_counted_without_it(
        self, content: ARContent, foreign_content: ARContent
    ) -> None:
        mine, other = visits_of(content, NOW - 5 * DAY, NOW - 5 * DAY)
        visit(foreign_content, NOW - 3 * DAY, session_id=mine)
        visits_of(foreign_content, NOW - 3 * DAY)
        rollups.roll_up_due(now=NOW)
        out = StringIO()
        call_command("erase_session", str(mine), stdout=out)
        assert set(ARViewSession.objects.values_list("ar_content", flat=True)) == {
            content.pk,
            foreign_content.pk,
        }
        assert not ARViewSession.objects.filter(session_id=mine).exists()
        assert ARViewSession.objects.filter(session_id=other).exists()
        assert "visits removed: 2" in out.getvalue()
        for one, age in ((content, 5), (foreign_content, 3)):
            day = (NOW - age * DAY).date()
            assert views_on(one, day) == 1
            assert f"{one.company}: the figures of {day} are counted without" in out.getvalue()
            one.refresh_from_db()
            assert one.views_count == 1

    def test_a_day_whose_other_visits_are_gone_says_so_and_keeps_its_figures(
        self, content: ARContent
    ) -> None:
        [mine] = visits_of(content, NOW - 5 * DAY)
        rollups.roll_up_due(now=NOW)
        RollUp.objects.update(kept_since=NOW.date())
        erased = erase_session(mine, now=NOW)
        day = (NOW - 5 * DAY).date()
        assert (erased.visits, erased.rebuilt) == (1, ())
        assert erased.unchanged == ((content.company, day),)
        assert views_on(content, day) == 1
        assert not ARViewSession.objects.exists()

    def test_a_content_was_seen_last_when_its_latest_other_visit_was(
        self, content: ARContent
    ) -> None:
        first, second, third = visits_of(content, NOW - 50 * DAY, NOW - 5 * DAY, NOW - HOUR)
        visits_of(content, NOW - 40 * DAY)
        rollups.roll_up_due(now=NOW)

        def seen_after_erasing(session_id: uuid.UUID) -> tuple[int, datetime | None]:
            erase_session(session_id, now=NOW)
            content.refresh_from_db()
            return content.views_count, content.last_viewed_at

        assert seen_after_erasing(first) == (3, NOW - HOUR)
        assert seen_after_erasing(third) == (2, NOW - 5 * DAY)
        retain(content.company, 31)
        remove_expired(now=NOW)
        # Of the other day, no more is known than that there was a visit.
        assert seen_after_erasing(second) == (1, (NOW - 40 * DAY).replace(hour=0))

    def test_a_visit_of_today_and_one_of_a_robot_need_no_counting(self, content: ARContent) -> None:
        early, late, robot = visits_of(content, NOW - 7 * HOUR, NOW - HOUR, NOW - 5 * DAY)
        ARViewSession.objects.filter(session_id=robot).update(is_bot=True)
        rollups.roll_up_due(now=NOW)
        assert views_on(content, NOW.date()) == 1
        for session_id in (early, late, robot):
            erased = erase_session(session_id, now=NOW)
            assert (erased.visits, erased.rebuilt, erased.unchanged) == (1, (), ())
        content.refresh_from_db()
        assert (content.views_count, content.last_viewed_at) == (0, None)
        rollups.roll_up_due(now=NOW + 2 * DAY)
        assert not DailyStat.objects.exists()

    @pytest.mark.parametrize(
        ("session_id", "says"),
        [(str(uuid.UUID(int=7)), "There is no visit"), ("nonsense", "is not the id of a session")],
    )
    def test_an_unknown_id_is_an_error(self, session_id: str, says: str) -> None:
        with pytest.raises(CommandError, match=says) as caught:
            call_command("erase_session", session_id)
        assert caught.value.returncode == 1
