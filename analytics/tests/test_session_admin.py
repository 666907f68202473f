"""Staff look at visits; nobody writes them by hand."""

import uuid
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.utils import get_deleted_objects
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import resolve

from analytics.models import ARViewSession
from companies.models import User
from content.admin.lists import NewestRowsPaginator
from content.models import ARContent

pytestmark = [pytest.mark.django_db, pytest.mark.orm, pytest.mark.usefixtures("calm")]

LIST = "/admin/analytics/arviewsession/"


@pytest.fixture
def session(content: ARContent) -> ARViewSession:
    return add_visits(content, 1)[0]


def add_visits(content: ARContent, number: int) -> list[ARViewSession]:
    return ARViewSession.objects.bulk_create(
        ARViewSession(
            session_id=uuid.uuid4(),
            ar_content=content,
            project=content.project,
            company=content.company,
            tracking_quality="good",
        )
        for _ in range(number)
    )


def test_the_list_shows_and_finds_visits(
    client: Client, superuser: User, session: ARViewSession, content: ARContent
) -> None:
    client.force_login(superuser)
    assert content.title in client.get(LIST).content.decode()
    for words in (session.session_id, content.unique_id):
        assert content.title in client.get(LIST, {"q": str(words)}).content.decode()
    assert content.title not in client.get(LIST, {"q": str(uuid.uuid4())}).content.decode()
    assert content.title not in client.get(LIST, {"q": "no uuid"}).content.decode()


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({}, "Page opened"),
        ({"started": True}, "Started"),
        ({"started": True, "camera": "allowed"}, "Camera allowed"),
        ({"camera": "denied", "camera_reason": "in_use"}, "Camera denied"),
        ({"camera": "allowed", "found_ms": 0}, "Picture found"),
        ({"found_ms": 900, "video_played": True}, "Video played"),
        ({"video_played": True, "is_bot": True}, "Robot"),
    ],
)
def test_the_list_tells_how_far_a_visitor_came(
    client: Client, superuser: User, session: ARViewSession, columns: dict[str, Any], says: str
) -> None:
    ARViewSession.objects.update(**columns)
    client.force_login(superuser)
    row = client.get(LIST).content.decode().partition("<tbody")[2].partition("</tbody>")[0]
    assert says.lower() in row.lower()


def test_robots_are_one_click_away_and_none_of_the_last_thirty_days(
    client: Client, superuser: User, content: ARContent
) -> None:
    robot, person = add_visits(content, 2)
    ARViewSession.objects.filter(pk=robot.pk).update(is_bot=True)
    client.force_login(superuser)
    for query, shown in (("is_bot__exact=1", [robot]), ("period=30", [person])):
        assert f"?{query}" in client.get(LIST).content.decode()
        assert list(client.get(f"{LIST}?{query}").context["cl"].result_list) == shown


def test_a_visit_outlives_its_content(
    client: Client, superuser: User, session: ARViewSession, content: ARContent
) -> None:
    content.delete()
    client.force_login(superuser)
    assert client.get(f"{LIST}{session.pk}/change/").status_code == 200
    assert str(session.pk) in client.get(LIST).content.decode()


def test_a_visit_can_be_opened_and_not_changed(
    client: Client, superuser: User, session: ARViewSession
) -> None:
    client.force_login(superuser)
    page = f"{LIST}{session.pk}/"
    assert client.get(f"{page}change/").status_code == 200
    assert client.post(f"{page}change/", {"browser": "Other"}).status_code == 403
    assert client.post(f"{page}delete/", {"post": "yes"}).status_code == 403
    assert client.get(f"{LIST}add/").status_code == 403
    assert client.get(f"{page}history/").status_code == 200
    session.refresh_from_db()
    assert session.browser == ""


@pytest.mark.parametrize("person", ["owner", "editor", "viewer"])
def test_members_see_the_visits_of_their_company_alone(
    client: Client,
    request: pytest.FixtureRequest,
    person: str,
    session: ARViewSession,
    content: ARContent,
    foreign_content: ARContent,
) -> None:
    client.force_login(request.getfixturevalue(person))
    [foreign] = add_visits(foreign_content, 1)
    for query in ({}, {"q": str(session.session_id)}, {"q": f"https://x/ar/{content.unique_id}"}):
        page = client.get(LIST, query).content.decode()
        assert content.title in page
        assert foreign_content.title not in page
    for words in (foreign.session_id, foreign_content.unique_id):
        page = client.get(LIST, {"q": str(words)}).content.decode()
        assert content.title not in page
        assert foreign_content.title not in page
    assert client.get(f"{LIST}{session.pk}/change/").status_code == 200
    assert client.get(f"{LIST}{foreign.pk}/change/").status_code == 302
    assert client.post(f"{LIST}{session.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_companys_visits_are_read_by_the_index_of_company_and_time(
    client: Client, owner: User, superuser: User, session: ARViewSession
) -> None:
    orders = {}
    for person in (owner, superuser):
        client.force_login(person)
        orders[person] = client.get(LIST).context["cl"].queryset.query.order_by[0]
    assert orders == {owner: "-created_at", superuser: "-pk"}


def test_the_list_never_counts_the_whole_table(
    client: Client,
    superuser: User,
    content: ARContent,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(NewestRowsPaginator, "bound", 10)
    add_visits(content, 30)
    client.force_login(superuser)
    with CaptureQueriesContext(connection) as queries:
        client.get(LIST)
    table = ARViewSession._meta.db_table
    count, _page = [query["sql"] for query in queries if f'FROM "{table}"' in query["sql"]]
    assert "COUNT(" in count
    assert "LIMIT 10" in count


def test_visits_do_not_stand_in_the_way_of_deleting_their_content(
    rf: RequestFactory, superuser: User, session: ARViewSession
) -> None:
    request = rf.get("/admin/content/arcontent/1/delete/")
    request.resolver_match = resolve(request.path)
    request.user = superuser
    *_, forbidden, _protected = get_deleted_objects([session], request, admin.site)
    assert not forbidden
