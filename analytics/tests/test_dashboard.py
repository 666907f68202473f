"""The dashboard: exact figures of the reader's companies, over the days that are asked for."""

import csv
import html
import re
from collections import Counter
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from analytics.admin.dashboard_charts import compared, duration, percent, whole
from analytics.admin.dashboard_filter import Filter
from analytics.models import ARViewSession
from analytics.tests.dashboard_visits import (
    PAGE,
    ZONE,
    card_values,
    views_of,
    weeks_of_visits,
)
from analytics.tests.furnish import DAY, visit
from analytics.windows import Period, Window
from companies.models import User
from companies.tenancy import Access
from content.models import ARContent
from content.tests.factories import ARContentFactory

pytestmark = [pytest.mark.django_db, pytest.mark.orm, pytest.mark.usefixtures("calm")]


class TestNumbers:
    @pytest.mark.parametrize("days", [7, 30, 90])
    def test_each_number_is_that_of_a_flat_count(
        self, client: Client, viewer: User, ours: list[ARContent], theirs: ARContent, days: int
    ) -> None:
        now = timezone.now()
        weeks_of_visits([*ours, theirs], now)
        client.force_login(viewer)
        context = client.get(f"{PAGE}?period={days}").context
        first = now.astimezone(ZONE).date() - (days - 1) * DAY
        rows = [
            row
            for row in ARViewSession.objects.select_related("ar_content", "project")
            if row.company_id == ours[0].company_id
            and not row.is_bot
            and row.created_at.astimezone(ZONE).date() >= first
        ]
        assert rows
        cards = card_values(context)
        assert cards["views"] == str(len(rows))
        assert cards["sessions"] == str(len({row.session_id for row in rows}))
        ended = [row.duration_seconds for row in rows if row.duration_seconds is not None]
        assert cards["duration"] == duration(sum(ended) / len(ended))
        found = [row.found_ms for row in rows if row.found_ms is not None]
        assert cards["found"] == duration(sum(found) / len(found) / 1000)
        played = sum(row.video_played for row in rows)
        assert cards["played"] == percent(played, len(rows))
        assert [step.count for step in context["funnel"]] == [
            str(number)
            for number in (
                len(rows),
                sum(row.started for row in rows),
                sum(row.camera == "allowed" for row in rows),
                len(found),
                played,
            )
        ]
        refused = Counter(row.get_camera_reason_display() for row in rows if row.camera_reason)
        assert {name.lower(): int(count) for name, count in context["refusals"]} == {
            name.lower(): count for name, count in refused.items()
        }
        by_day: dict[date, list[Any]] = {first + number * DAY: [] for number in range(days)}
        hours = [[0] * 24 for _weekday in range(7)]
        for row in rows:
            local = row.created_at.astimezone(ZONE)
            by_day[local.date()].append(row.session_id)
            hours[local.weekday()][local.hour] += 1
        assert context["data"]["days"] == [day.isoformat() for day in by_day]
        assert context["data"]["views"] == [len(seen) for seen in by_day.values()]
        assert context["data"]["sessions"] == [len(set(seen)) for seen in by_day.values()]
        assert [[int(cell.views) for cell in cells] for _day, cells in context["hours"]] == hours
        tops = {table.key: views_of(table) for table in context["tops"]}
        assert tops == {
            "project": Counter(row.project.name for row in rows if row.project),
            "content": Counter(row.ar_content.title for row in rows if row.ar_content),
        }
        shares = {table.key: views_of(table) for table in context["doughnuts"]}
        assert shares["browser"] == Counter(
            row.browser.rstrip("0123456789 ") or "Not known" for row in rows
        )
        assert shares["os"] == Counter(row.os for row in rows)
        assert sum(shares["device"].values()) == len(rows)
        assert shares["quality"] == Counter(
            row.get_tracking_quality_display().capitalize() for row in rows if row.tracking_quality
        )
        places = {table.key: table for table in context["places"]}
        assert views_of(places["country"]) == Counter(row.country or "Not known" for row in rows)
        assert {row.country for row in places["country"].rows} == {"DE", "FR", ""}

    def test_a_project_and_a_content_have_figures_of_their_own(
        self, client: Client, viewer: User, ours: list[ARContent]
    ) -> None:
        weeks_of_visits(ours, timezone.now())
        client.force_login(viewer)
        content = ours[0]
        whole = client.get(f"{PAGE}?period=90").context
        counted = views_of(next(table for table in whole["tops"] if table.key == "content"))
        for table in whole["tops"]:
            for row in table.rows:
                assert f">{row.label}</a>" in client.get(PAGE + "?period=90").content.decode()
                narrowed = client.get(f"{PAGE}{row.url}").context
                assert card_values(narrowed)["views"] == str(row.views)
        context = client.get(f"{PAGE}?content={content.pk}&period=90").context
        assert card_values(context)["views"] == str(counted[content.title])
        assert (context["chosen"].project, context["chosen"].company) == (
            content.project,
            content.company,
        )
        assert context["tops"] == []

    def test_companies_are_told_apart_for_whoever_has_several(
        self, client: Client, superuser: User, ours: list[ARContent], theirs: ARContent
    ) -> None:
        for content in (ours[0], ours[1], theirs):
            visit(content, timezone.now())
        client.force_login(superuser)
        response = client.get(PAGE)
        top = next(table for table in response.context["tops"] if table.key == "company")
        assert views_of(top) == {"Company": 2, "Stranger company": 1}
        assert b"own time zone" in response.content
        narrowed = client.get(f"{PAGE}?company={theirs.company_id}").context
        assert card_values(narrowed)["views"] == "1"
        assert [table.key for table in narrowed["tops"]] == ["project", "content"]

    def test_each_chart_comes_as_csv_with_the_same_figures(
        self, client: Client, viewer: User, ours: list[ARContent]
    ) -> None:
        weeks_of_visits(ours, timezone.now())
        client.force_login(viewer)
        for narrowed in ("", f"&project={ours[0].project_id}", f"&content={ours[0].pk}"):
            response = client.get(f"{PAGE}?period=90{narrowed}")
            links = re.findall(r'href="(/api/[^"]*)"', response.content.decode())
            assert len(links) == 8 + len(response.context["tops"])
            for link in links:
                export: Any = client.get(html.unescape(link))
                assert export.status_code == 200, link
                lines = b"".join(export.streaming_content).decode("utf-8-sig").splitlines()
                rows = list(csv.DictReader(lines))
                views = sum(int(row["views"]) for row in rows)
                assert whole(views) == card_values(response.context)["views"], link


class TestComparison:
    def test_it_is_with_the_same_number_of_days_before(
        self, client: Client, viewer: User, ours: list[ARContent]
    ) -> None:
        for at, times in (("2026-03-10", 3), ("2026-03-05", 2), ("2026-02-28", 9)):
            for _number in range(times):
                visit(ours[0], datetime.fromisoformat(f"{at}T12:00:00+09:00"))
        client.force_login(viewer)
        context = client.get(f"{PAGE}?from=2026-03-08&to=2026-03-14").context
        views = context["cards"][0]
        assert (views.value, views.before, views.change, views.tone) == ("3", "2", "+50%", "good")
        earlier = client.get(f"{PAGE}?from=2026-02-25&to=2026-03-03").context["cards"][0]
        assert (earlier.value, earlier.change) == ("9", "")

    def test_a_day_that_is_not_over_is_compared_up_to_the_same_time(
        self, viewer: User, ours: list[ARContent]
    ) -> None:
        now = datetime(2026, 3, 14, 3, 30, tzinfo=UTC)
        asked = Filter(Access(viewer), {"period": "7"}, now=now)  # type: ignore[arg-type]
        period = asked.period
        assert period == Period(date(2026, 3, 8), date(2026, 3, 14))
        assert asked.before(period) == Window(
            datetime(2026, 3, 1, tzinfo=ZONE), datetime(2026, 3, 7, 12, 30, tzinfo=ZONE)
        )
        over = Period(date(2026, 3, 2), date(2026, 3, 3))
        assert asked.before(over) == Period(date(2026, 2, 28), date(2026, 3, 1))

    def test_a_change_says_what_it_means(self) -> None:
        assert compared(3, 2, more_is_better=True) == ("+50%", "▲", "good")
        assert compared(3, 2, more_is_better=False) == ("+50%", "▲", "bad")
        assert compared(1, 2, more_is_better=False) == ("−50%", "▼", "good")
        assert compared(2, 2, more_is_better=True) == ("0%", "", "")
        assert compared(1000, 2, more_is_better=True) == ("+> 999%", "▲", "good")
        assert compared(5, 0, more_is_better=True) == compared(None, 5, more_is_better=True)
        assert (percent(742, 2874), percent(1, 30), percent(0, 5)) == ("26%", "3.3%", "0%")
        assert (duration(59.4), duration(59.9), duration(2.04)) == ("59 s", "1 min 00 s", "2.0 s")


class TestEmpty:
    def test_without_a_visit_the_page_says_what_to_do(
        self, client: Client, viewer: User, ours: list[ARContent]
    ) -> None:
        visit(ours[0], timezone.now(), is_bot=True)
        visit(ours[1], timezone.now() - 40 * DAY)
        client.force_login(viewer)
        response = client.get(PAGE)
        html = response.content.decode()
        assert "No visits in this period yet" in html
        assert "<canvas" not in html
        assert card_values(response.context) == {
            "views": "0",
            "sessions": "0",
            "duration": "—",
            "played": "—",
            "found": "—",
        }
        assert "/admin/content/arcontent/" in html
        assert f"/admin/content/arcontent/{ours[0].pk}/change/" in (
            client.get(f"{PAGE}?content={ours[0].pk}").content.decode()
        )
        assert "<canvas" in client.get(f"{PAGE}?period=90").content.decode()

    def test_what_is_not_known_is_told_in_words(
        self, client: Client, viewer: User, ours: list[ARContent]
    ) -> None:
        visit(ours[0], timezone.now())
        client.force_login(viewer)
        html = client.get(PAGE).content.decode()
        assert "Where visitors are is not known" in html
        assert "Nothing is known about it in this period." in html


def test_the_page_costs_the_same_for_one_content_and_for_fifty(
    client: Client, viewer: User, ours: list[ARContent]
) -> None:
    def count(query: str = "?period=90") -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(PAGE + query).status_code == 200
        return len(queries)

    client.force_login(viewer)
    visit(ours[0], timezone.now())
    count()
    few, few_of_one = count(), count(f"?content={ours[0].pk}")
    project = ours[0].project
    weeks_of_visits(
        [ARContentFactory.create(project=project) for _number in range(50)], timezone.now()
    )
    assert count() == few
    assert count(f"?content={ours[0].pk}") == few_of_one
    assert few <= 60
