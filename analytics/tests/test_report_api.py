"""What a report tells besides the figures of the spec, for which days, and its tables as CSV."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from analytics import rollups
from analytics.api.views import LISTED
from analytics.exports import Table, csv_lines, guarded
from analytics.tests.furnish import visit
from companies.models import Company, User
from companies.tests.factories import ProjectFactory
from content.models import ARContent
from content.tests.factories import ARContentFactory

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def path(content: ARContent) -> str:
    return f"/api/analytics/companies/{content.company_id}"


@pytest.fixture
def seen(content: ARContent, client: Client, viewer: User) -> datetime:
    """Two visits of yesterday, one of 60 days ago, and the reader is signed in."""
    now = timezone.now()
    way = {"started": True, "camera": "allowed", "found_ms": 1500, "video_played": True}
    visit(content, now - DAY, **way, duration_seconds=30, country="Germany", browser="Firefox 130")
    visit(content, now - DAY, camera="denied", camera_reason="refused", browser="Firefox 128")
    visit(content, now - 60 * DAY, country="=1+1", is_bot=False)
    visit(content, now - DAY, is_bot=True)
    client.force_login(viewer)
    return now


def day(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()


def rows(response: Any) -> list[list[str]]:
    text = response.getvalue().decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


class TestReport:
    def test_it_tells_how_far_the_visitors_came(
        self, client: Client, path: str, seen: datetime, content: ARContent
    ) -> None:
        told = client.get(path, {"tables": "all"}).json()
        assert (told["from_day"], told["to_day"]) == (None, None)
        assert (told["views"], told["unique_sessions"], told["views_30_days"]) == (2, 2, 2)
        assert (told["mean_duration_seconds"], told["played_share"]) == (30, 0.5)
        assert told["funnel"] == {
            "opened": 2,
            "started": 1,
            "camera_allowed": 1,
            "camera_denied": 1,
            "found": 1,
            "mean_found_ms": 1500,
            "played": 1,
            "ended": 1,
        }
        assert [one["day"] for one in told["days"]] == [
            day(seen - number * DAY) for number in range(29, -1, -1)
        ]
        assert told["days"][-2] == {"day": day(seen - DAY), "views": 2, "unique_sessions": 2}
        assert told["browsers"] == [{"value": "Firefox", "views": 2, "unique_sessions": 2}]
        assert [one["value"] for one in told["countries"]] == ["", "Germany"]
        expected = {"id": content.pk, "name": content.title, "views": 2, "unique_sessions": 2}
        assert told["top_contents"] == [expected]

    @pytest.mark.parametrize(
        ("asked", "told"),
        [
            ({}, set()),
            ({"tables": "days"}, {"days"}),
            ({"tables": "cities,top_contents"}, {"cities", "top_contents"}),
            ({"tables": "camera,camera"}, {"camera"}),
            ({"tables": "all,camera"}, set(LISTED)),
        ],
    )
    def test_tables_are_there_that_are_asked_for(
        self, client: Client, path: str, seen: datetime, asked: dict[str, str], told: set[str]
    ) -> None:
        whole = client.get(path, {"tables": "all"}).json()
        some = client.get(path, asked).json()
        assert set(whole) - set(some) == set(LISTED) - told
        assert some == {name: value for name, value in whole.items() if name in some}

    @pytest.mark.parametrize("asked", ["", "days,", "hours", "days;cities", "Days", "none"])
    def test_a_table_that_is_not_known_is_refused(
        self, client: Client, path: str, seen: datetime, asked: str
    ) -> None:
        response = client.get(path, {"tables": asked})
        assert response.status_code == 400
        assert "top_contents" in str(response.json()["fields"]["tables"])

    def test_the_days_asked_for_change_all_but_the_last_thirty_days(
        self, client: Client, path: str, seen: datetime
    ) -> None:
        rollups.roll_up_due(now=seen)
        first, last = day(seen - 70 * DAY), day(seen - 50 * DAY)
        told = client.get(f"{path}?from={first}&to={last}&tables=days").json()
        assert (told["views"], told["views_30_days"]) == (1, 2)
        assert (told["from_day"], told["to_day"], len(told["days"])) == (first, last, 21)
        whole = client.get(f"/api/analytics/overview?from={first}").json()
        assert (whole["total_views"], whole["views"]) == (3, 3)

    def test_nothing_seen_is_no_mean_and_no_share(
        self, client: Client, viewer: User, path: str
    ) -> None:
        client.force_login(viewer)
        told = client.get(path, {"tables": "all"}).json()
        assert (told["views"], told["mean_duration_seconds"], told["played_share"]) == (
            0,
            None,
            None,
        )
        assert told["funnel"]["mean_found_ms"] is None
        assert told["top_contents"] == told["devices"] == []

    @pytest.mark.parametrize(
        "query",
        [
            "from=2026-03-02&to=2026-03-01",
            "from=2020-01-01&to=2026-01-01",
            "from=2026-02-30",
            "from=20260301",
            "to=",
            "to=1999-12-31",
            "to=9999-12-31",
            "from=2026-03-01T00:00:00",
            "since=2026-03-01",
            "table=days",
        ],
    )
    def test_a_time_that_makes_no_sense_is_refused(
        self, client: Client, seen: datetime, path: str, query: str
    ) -> None:
        response = client.get(f"{path}?{query}")
        assert response.status_code == 400
        assert set(response.json()["fields"]) <= {"from", "to", "since", "table"}

    def test_days_to_come_are_empty(self, client: Client, seen: datetime, path: str) -> None:
        told = client.get(f"{path}?from=2990-01-01&to=2990-01-03&tables=days").json()
        assert (told["views"], [one["views"] for one in told["days"]]) == (0, [0, 0, 0])


class TestTables:
    def test_each_table_has_its_lines(
        self, client: Client, seen: datetime, path: str, content: ARContent
    ) -> None:
        response = client.get(f"{path}/export.csv?from={day(seen - DAY)}&to={day(seen)}")
        assert response.streaming
        assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert rows(response) == [
            ["day", "views", "unique_sessions"],
            [day(seen - DAY), "2", "2"],
            [day(seen), "0", "0"],
        ]
        found = {
            name: rows(client.get(f"{path}/export.csv?table={name}"))
            for name in ("camera", "top_contents", "hours", "devices")
        }
        assert found["camera"][1:] == [["allowed", "1", "1"], ["denied/refused", "1", "1"]]
        assert found["top_contents"][1] == [str(content.pk), content.title, "2", "2"]
        assert len(found["hours"]) == 1 + 7 * 24
        assert found["devices"][1:] == [["unknown", "2", "2"]]

    def test_a_cell_is_never_a_formula(self, client: Client, seen: datetime, path: str) -> None:
        lines = rows(client.get(f"{path}/export.csv?table=countries&from={day(seen - 70 * DAY)}"))
        assert ["'=1+1", "1", "1"] in lines
        for text in ("=1", "+1", "-1", "@SUM(A1)", " =1", "\tx", "\rx"):
            assert guarded(text) == f"'{text}"
        assert guarded("\t=1") == "'\t'=1"
        harmless = ("Germany", 7, "", "Tromsø; Nord-Norge", "a=b")
        assert tuple(guarded(cell) for cell in harmless) == harmless

    @pytest.mark.parametrize("separator", [";", ",", "\t", "|", "\n", "\r"])
    def test_no_cell_begins_within_another_one(self, separator: str) -> None:
        for formula in ("=1+1", "  =1+1", "@SUM(A1)", "＝1"):
            assert guarded(f"x{separator}{formula}") == f"x{separator}'{formula}"
        [_heading, line] = csv_lines(Table(("value", "views"), [(f'x"{separator}y', 3)]))
        assert line == f'"x""{separator}y",3\r\n'

    def test_a_title_cannot_break_out_of_its_cell(
        self, client: Client, company: Company, viewer: User
    ) -> None:
        content = ARContentFactory.create(
            project=ProjectFactory.create(company=company), title='=cmd|"/c calc"!A1,\n"x"'
        )
        visit(content, timezone.now())
        client.force_login(viewer)
        path = f"/api/analytics/projects/{content.project_id}/export.csv?table=top_contents"
        assert rows(client.get(path))[1][1] == f"'{content.title}"

    def test_errors_are_json_whatever_is_accepted(
        self, client: Client, seen: datetime, path: str
    ) -> None:
        headers = {"Accept": "text/csv"}
        assert client.get(f"{path}/export.csv", headers=headers).status_code == 200
        wrong = client.get(f"{path}/export.csv?table=secrets", headers=headers)
        assert wrong.status_code == 400
        assert "days" in wrong.json()["fields"]["table"][0]

    def test_another_companys_tables_are_not_there(
        self, client: Client, seen: datetime, foreign_content: ARContent
    ) -> None:
        for kind, pk in (
            ("companies", foreign_content.company_id),
            ("projects", foreign_content.project_id),
            ("ar-content", foreign_content.pk),
        ):
            assert client.get(f"/api/analytics/{kind}/{pk}/export.csv").status_code == 404
