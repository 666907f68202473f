"""The tick that builds the daily figures: once, of every company, and what it leaves alone."""

import logging
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command

from analytics import reports, rollups
from analytics.days import build_days
from analytics.models import ARViewSession, DailyStat, RollUp, StatDimension
from analytics.reports import Scope
from analytics.tests.furnish import DAY, visit
from analytics.windows import Period
from companies.models import Company
from companies.tests.factories import ProjectFactory
from content.models import ARContent

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def days_of(company: Company) -> dict[date, int]:
    built = RollUp.objects.values_list("built_until", flat=True).get(company=company)
    totals = DailyStat.objects.filter(company=company, project=None, ar_content=None, day__lt=built)
    return dict(totals.values_list("day", "views"))


def rows() -> list[Any]:
    return list(DailyStat.objects.order_by("day", "pk").values())


def views_in_all(company: Company, now: datetime = NOW) -> int:
    whole = Period(date(2026, 1, 1), date(2026, 12, 31))
    return reports.figures(Scope((company.pk,)), whole, now=now).views


class TestTick:
    def test_a_day_is_built_once_no_event_can_change_it(self, content: ARContent) -> None:
        visit(content, datetime(2026, 3, 19, 23, 59, tzinfo=UTC))
        # And two minutes, for clocks that differ and changes that are committed late.
        rollups.roll_up_due(now=datetime(2026, 3, 20, 5, 1, tzinfo=UTC))
        assert days_of(content.company) == {}
        assert rollups.roll_up_due(now=datetime(2026, 3, 20, 5, 2, tzinfo=UTC)) == 1
        assert days_of(content.company) == {date(2026, 3, 19): 1}
        built = rows()
        assert rollups.roll_up_due(now=datetime(2026, 3, 20, 5, 3, tzinfo=UTC)) == 0
        assert rows() == built

    def test_a_day_that_goes_on_is_built_hour_by_hour(self, content: ARContent) -> None:
        begins = datetime(2026, 3, 20, tzinfo=UTC)
        for minutes in (30, 90, 150):
            visit(content, begins + timedelta(minutes=minutes))
        counted = DailyStat.objects.filter(ar_content=content).values_list("views", flat=True)
        for minute, views, until in ((1, [], 0), (2, [1], 1), (59, [1], 1), (62, [2], 2)):
            now = begins + 6 * HOUR + timedelta(minutes=minute)
            visit(content, now)
            assert rollups.roll_up_due(now=now) == 0
            assert list(counted.all()) == views
            roll_up = RollUp.objects.get(company=content.company)
            assert roll_up.part_until == begins + until * HOUR
            today = Period(begins.date(), begins.date())
            [company] = reports.top(Scope((content.company_id,)), today, "company", now=now)
            assert company.views == ARViewSession.objects.count()
            assert roll_up.built_until == begins.date()
        assert views_in_all(content.company) == 7
        # An hour is built, too, when nobody has looked since.
        assert rollups.roll_up_due(now=NOW + 3 * HOUR) == 0
        assert list(counted.all()) == [7]
        assert rollups.roll_up_due(now=NOW + DAY) == 1
        assert list(counted.all()) == [7]
        assert views_in_all(content.company, NOW + DAY) == 7

    def test_the_day_ends_by_the_clock_of_the_company(self, content: ARContent) -> None:
        Company.objects.update(time_zone="Asia/Kolkata")
        visit(content, datetime(2026, 3, 19, 18, 29, 59, tzinfo=UTC))
        visit(content, datetime(2026, 3, 19, 18, 30, tzinfo=UTC))
        rollups.roll_up_due(now=datetime(2026, 3, 20, 18, tzinfo=UTC))
        assert days_of(content.company) == {date(2026, 3, 19): 1}

    def test_robots_are_in_no_figure(self, content: ARContent) -> None:
        visit(content, NOW - 3 * DAY, is_bot=True)
        rollups.roll_up_due(now=NOW)
        assert not DailyStat.objects.exists()
        assert views_in_all(content.company) == 0

    def test_a_backlog_is_built_in_steps_that_a_tick_bounds(self, content: ARContent) -> None:
        for number in range(60):
            visit(content, NOW - (number + 1) * DAY)
        assert rollups.roll_up_due(now=NOW, most=20) == 28
        assert views_in_all(content.company) == 60
        assert rollups.roll_up_due(now=NOW) == 32
        assert len(days_of(content.company)) == 60

    def test_what_fails_for_one_company_does_not_stop_the_others(
        self,
        content: ARContent,
        foreign_content: ARContent,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        visit(content, NOW - 2 * DAY)
        visit(foreign_content, NOW - 2 * DAY)

        def fail(company: int, period: Period, zone: ZoneInfo, **options: Any) -> None:
            build_days(company, period, zone, **options)
            if company == content.company_id:
                raise ValueError("broken")

        monkeypatch.setattr("analytics.rollups.build_days", fail)
        with caplog.at_level(logging.ERROR):
            rollups.roll_up_due(now=NOW)
        assert days_of(content.company) == {}
        assert len(days_of(foreign_content.company)) == 1
        assert "roll_up_failed" in caplog.text
        monkeypatch.undo()
        rollups.roll_up_due(now=NOW)
        assert days_of(content.company) == days_of(foreign_content.company)

    def test_visits_that_share_their_session_are_marked_in_every_company(
        self, content: ARContent, foreign_content: ARContent
    ) -> None:
        shared = uuid.uuid4()
        rollups.roll_up_due(now=NOW)
        first = visit(content, NOW - HOUR, session_id=shared)
        rollups.roll_up_due(now=NOW)
        assert not ARViewSession.objects.filter(is_shared=True).exists()
        other = visit(foreign_content, NOW + HOUR, session_id=shared)
        visit(content, NOW + HOUR)
        rollups.roll_up_due(now=NOW + 2 * HOUR)
        marked = ARViewSession.objects.filter(is_shared=True)
        assert set(marked.values_list("pk", flat=True)) == {first.pk, other.pk}


class TestZone:
    def test_another_time_zone_of_the_company_cuts_its_days_anew(self, content: ARContent) -> None:
        visit(content, datetime(2026, 3, 10, 23, 0, tzinfo=UTC))
        visit(content, datetime(2026, 3, 12, 1, 0, tzinfo=UTC))
        rollups.roll_up_due(now=NOW)
        assert set(days_of(content.company)) == {date(2026, 3, 10), date(2026, 3, 12)}
        Company.objects.update(time_zone="Asia/Tokyo")
        rollups.roll_up_due(now=NOW)
        assert days_of(content.company) == {date(2026, 3, 11): 1, date(2026, 3, 12): 1}
        Company.objects.update(time_zone="America/New_York")
        rollups.roll_up_due(now=NOW)
        assert days_of(content.company) == {date(2026, 3, 10): 1, date(2026, 3, 11): 1}
        assert views_in_all(content.company) == 2

    def test_days_whose_visits_are_gone_stay_as_they_were_cut(self, content: ARContent) -> None:
        visit(content, datetime(2026, 3, 5, 12, 0, tzinfo=UTC))
        visit(content, datetime(2026, 3, 12, 12, 0, tzinfo=UTC))
        rollups.roll_up_due(now=NOW)
        forget(content, before=date(2026, 3, 10))
        Company.objects.update(time_zone="Asia/Tokyo")
        rollups.roll_up_due(now=NOW)
        assert days_of(content.company) == {date(2026, 3, 5): 1, date(2026, 3, 12): 1}

    @pytest.mark.parametrize("keeps_a_month_that_waits", [False, True])
    @pytest.mark.parametrize(
        "zones",
        [
            ["America/New_York"],
            ["Pacific/Pago_Pago", "Pacific/Kiritimati"],
            ["Asia/Tokyo", "America/Los_Angeles", "UTC", "Asia/Kolkata", "America/New_York"],
        ],
    )
    def test_no_visit_is_lost_or_counted_twice_where_earlier_ones_are_gone(
        self, content: ARContent, zones: list[str], keeps_a_month_that_waits: bool
    ) -> None:
        begins = datetime(2026, 3, 5, 0, 30, tzinfo=UTC)
        hours = 10 * 24
        for number in range(hours):
            visit(content, begins + number * HOUR, city=f"{number % 3}")
        rollups.roll_up_due(now=NOW)
        forget(content, before=date(2026, 3, 10), and_visits=not keeps_a_month_that_waits)
        company = content.company
        for zone in zones:
            Company.objects.update(time_zone=zone)
            rollups.roll_up_due(now=NOW)
            for _twice in range(2):
                whole = Period(date(2026, 1, 1), date(2026, 12, 31))
                for scope in (
                    Scope((company.pk,)),
                    Scope((company.pk,), project=content.project_id),
                    Scope((company.pk,), content=content.pk),
                ):
                    assert reports.figures(scope, whole, now=NOW).views == hours
                    cities = reports.shares(scope, whole, StatDimension.CITY, now=NOW)
                    assert [share.views for share in cities] == [hours // 3] * 3
                content.refresh_from_db()
                assert content.views_count == hours
                rollups.rebuild(company, date(2026, 3, 10), date(2026, 3, 20), now=NOW)


def forget(content: ARContent, *, before: date, and_visits: bool = True) -> None:
    """As the removal of old visits does."""
    begins = datetime.combine(before, datetime.min.time(), tzinfo=UTC)
    if and_visits:
        ARViewSession.objects.filter(company=content.company, created_at__lt=begins).delete()
    RollUp.objects.filter(company=content.company).update(kept_since=before)


class TestRemovedVisits:
    def test_figures_stay_and_sessions_are_unique_within_their_day(
        self, content: ARContent, foreign_content: ARContent
    ) -> None:
        shared = uuid.uuid4()
        ARContent.objects.filter(pk=foreign_content.pk).update(company=content.company)
        foreign_content.refresh_from_db()
        visit(content, datetime(2026, 3, 5, 12, tzinfo=UTC), session_id=shared)
        visit(foreign_content, datetime(2026, 3, 5, 13, tzinfo=UTC), session_id=shared)
        visit(content, datetime(2026, 3, 12, tzinfo=UTC))
        rollups.roll_up_due(now=NOW)
        period = Period(date(2026, 3, 1), date(2026, 3, 31))
        scope = Scope((content.company_id,))
        before = reports.figures(scope, period, now=NOW)
        assert (before.views, before.sessions) == (3, 2)
        devices = reports.shares(scope, period, StatDimension.DEVICE, now=NOW)
        assert devices == [("unknown", 3, 2)]
        forget(content, before=date(2026, 3, 10))
        assert reports.figures(scope, period, now=NOW) == before
        assert reports.shares(scope, period, StatDimension.DEVICE, now=NOW) == devices
        rollups.roll_up_due(now=NOW + HOUR)
        content.refresh_from_db()
        assert content.views_count == 2


class TestViewsOfContents:
    def test_they_follow_from_the_days_and_what_is_live(self, content: ARContent) -> None:
        for at in (NOW - 40 * DAY, NOW - 3 * DAY, NOW - HOUR):
            visit(content, at)
        visit(content, NOW - HOUR, is_bot=True)
        rollups.roll_up_due(now=NOW)
        content.refresh_from_db()
        assert (content.views_count, content.last_viewed_at) == (3, NOW - HOUR)
        visit(content, NOW + HOUR)
        rollups.roll_up_due(now=NOW + 2 * HOUR)
        content.refresh_from_db()
        assert (content.views_count, content.last_viewed_at) == (4, NOW + HOUR)

    @pytest.mark.parametrize("hours", [1, 23, 30, 49, 72, 95, 97, 120])
    @pytest.mark.parametrize("has_old_neighbour", [False, True])
    def test_the_first_tick_of_a_company_counts_all_that_was_before_it(
        self,
        content: ARContent,
        foreign_content: ARContent,
        hours: int,
        has_old_neighbour: bool,
    ) -> None:
        if has_old_neighbour:
            visit(content, NOW - 50 * DAY)
            assert content.company_id < foreign_content.company_id
        visit(foreign_content, NOW - hours * HOUR)
        visit(foreign_content, NOW - HOUR / 2)
        rollups.roll_up_due(now=NOW)
        foreign_content.refresh_from_db()
        seen = (foreign_content.views_count, foreign_content.last_viewed_at)
        assert seen == (2, NOW - HOUR / 2)

    def test_a_tick_with_nothing_new_writes_no_content(
        self, content: ARContent, django_assert_max_num_queries: Any
    ) -> None:
        visit(content, NOW - DAY)
        rollups.roll_up_due(now=NOW)
        with django_assert_max_num_queries(4):
            rollups.roll_up_due(now=NOW + timedelta(minutes=5))


class TestRebuild:
    def test_days_are_counted_anew_and_the_contents_with_them(self, content: ARContent) -> None:
        gone = visit(content, NOW - 5 * DAY)
        visit(content, NOW - 4 * DAY)
        rollups.roll_up_due(now=NOW)
        gone.delete()
        visit(content, NOW - 30 * DAY)
        company = content.company
        assert rollups.rebuild(company, date(1990, 1, 1), date(2990, 1, 1), now=NOW) == 30
        assert days_of(company) == {date(2026, 2, 18): 1, date(2026, 3, 16): 1}
        content.refresh_from_db()
        assert content.views_count == 2
        assert views_in_all(company) == 2

    def test_days_whose_visits_are_gone_are_refused(self, content: ARContent) -> None:
        visit(content, NOW - 10 * DAY)
        rollups.roll_up_due(now=NOW)
        forget(content, before=date(2026, 3, 15))
        built = rows()
        with pytest.raises(rollups.VisitsRemoved):
            rollups.rebuild(content.company, date(2026, 3, 14), date(2026, 3, 16), now=NOW)
        assert rows() == built

    def test_the_command_rebuilds_what_it_is_told(
        self, content: ARContent, capsys: pytest.CaptureFixture[str]
    ) -> None:
        visit(content, NOW - 10 * DAY)
        rollups.roll_up_due(now=NOW)
        DailyStat.objects.update(views=99)
        days = {"from": date(2026, 3, 1), "to": date(2026, 3, 31)}
        call_command("rebuild_stats", **days, company=content.company.slug)
        assert days_of(content.company) == {date(2026, 3, 10): 1}
        assert content.company.name in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (["--from", "2026-03-09", "--to", "2026-03-01"], "before"),
            (["--from", "2026-02-30", "--to", "2026-03-01"], "2026-02-30"),
            (["--from", "2026-03-01", "--to", "2026-03-02", "--company", "nobody"], "nobody"),
            (["--from", "2026-03-01", "--to", "2026-03-31"], "2026-03-15"),
        ],
    )
    def test_the_command_says_what_it_cannot_do(
        self, content: ARContent, arguments: list[str], says: str
    ) -> None:
        visit(content, NOW - 10 * DAY)
        rollups.roll_up_due(now=NOW)
        forget(content, before=date(2026, 3, 15))
        with pytest.raises(CommandError, match=says):
            call_command("rebuild_stats", *arguments)


def test_a_content_that_moved_is_counted_in_the_project_in_which_it_was_seen(
    content: ARContent,
) -> None:
    former, other = content.project, ProjectFactory.create(company=content.company)
    visit(content, NOW - 10 * DAY)
    content.project = other
    content.save()
    visit(content, NOW - 5 * DAY)
    visit(content, NOW - 4 * DAY)
    rollups.roll_up_due(now=NOW)
    for project, views in ((former, 1), (other, 2)):
        scope = Scope((content.company_id,), project=project.pk)
        [found] = reports.top(scope, reports.last_30_days(NOW), "content", now=NOW)
        assert (found.id, found.views) == (content.pk, views)
