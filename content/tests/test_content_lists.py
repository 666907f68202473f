"""The lists of contents, portraits, videos and notices, and how many queries they take."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from companies.models import Company, Membership, Project, Role, User
from companies.tests.factories import ProjectFactory
from content.models import (
    ARContent,
)
from content.tests.factories import ARContentFactory, PortraitFactory, VideoFactory
from content.tests.test_content_screens import (
    CONTENTS,
    NOTICES,
    PORTRAITS,
    VIDEOS,
    add_notice,
    add_visits,
    body,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("calm")]


@pytest.fixture
def staff(client: Client, editor: User) -> Client:
    client.force_login(editor)
    return client


@pytest.fixture
def content(project: Project) -> ARContent:
    content: ARContent = ARContentFactory.create(project=project, title="Grandmother")
    return content


def titles(client: Client, **query: str) -> set[str]:
    answer = client.get(CONTENTS, query)
    return {row.title for row in answer.context["cl"].queryset}


def test_the_list_hides_what_is_over_and_shows_it_in_one_click(
    staff: Client, project: Project, content: ARContent
) -> None:
    past = timezone.now() - timedelta(days=1)
    ARContentFactory.create(project=project, title="Old", expires_at=past)
    ended = ProjectFactory.create(company=project.company, expires_at=past)
    ARContentFactory.create(project=ended, title="Ended")
    assert titles(staff) == {"Grandmother"}
    assert titles(staff, state="all") == {"Grandmother", "Old", "Ended"}
    assert 'href="?state=all"' in body(staff, CONTENTS)
    assert 'href="?q=O&amp;state=all"' in body(staff, CONTENTS, q="O", p="1")


def test_contents_are_found_by_title_project_and_the_address_in_their_code(
    staff: Client, project: Project, content: ARContent
) -> None:
    ARContentFactory.create(project=ProjectFactory.create(company=project.company), title="Other")
    for words in ("grandm", content.ar_url, content.unique_id.hex, project.name):
        assert "Grandmother" in titles(staff, q=words)
    assert titles(staff, q=content.ar_url) == {"Grandmother"}
    assert titles(staff, q=str(uuid.uuid4())) == set()
    assert titles(staff, project__id__exact=str(project.pk)) == {"Grandmother"}


def test_who_works_for_one_company_is_not_told_which_in_every_row(
    staff: Client, superuser: User, editor: User, content: ARContent, stranger_company: Company
) -> None:
    lists = {CONTENTS: "company", PORTRAITS: "company", NOTICES: "company", VIDEOS: "company_name"}
    VideoFactory.create(ar_content=content)

    def shows_company(url: str) -> bool:
        return lists[url] in staff.get(url).context["cl"].list_display

    assert not any(map(shows_company, lists))
    Membership.objects.create(user=editor, company=stranger_company, role=Role.VIEWER)
    assert all(map(shows_company, lists))
    staff.force_login(superuser)
    assert all(map(shows_company, lists))


def add_rows(company: Company, number: int) -> None:
    for _ in range(number):
        project = ProjectFactory.create(company=company)
        portrait = PortraitFactory.create(company=company)
        content = ARContentFactory.create(project=project)
        VideoFactory.create(ar_content=content)
        ARContentFactory.create(project=project, image="", marker="", portrait=portrait)
        add_notice(company, project=project)
        add_visits(content, 1)


@pytest.mark.parametrize("url", [CONTENTS, PORTRAITS, VIDEOS, NOTICES])
@pytest.mark.parametrize("person", ["viewer", "editor", "superuser"])
def test_a_list_of_fifty_asks_no_more_than_a_list_of_one(
    client: Client, request: pytest.FixtureRequest, company: Company, url: str, person: str
) -> None:
    client.force_login(request.getfixturevalue(person))
    add_rows(company, 1)
    client.get(url)
    with CaptureQueriesContext(connection) as one:
        client.get(url)
    add_rows(company, 24)
    with CaptureQueriesContext(connection) as many:
        client.get(url)
    assert len(many) == len(one), [query["sql"] for query in many]


def test_a_content_with_fifty_videos_asks_no_more_than_one_with_one(
    staff: Client, content: ARContent
) -> None:
    url = f"{CONTENTS}{content.pk}/change/"
    VideoFactory.create(ar_content=content)
    staff.get(url)
    with CaptureQueriesContext(connection) as one:
        staff.get(url)
    VideoFactory.create_batch(18, ar_content=content)
    with CaptureQueriesContext(connection) as some:
        staff.get(url)
    assert len(some) == len(one)
    VideoFactory.create_batch(31, ar_content=content)
    with CaptureQueriesContext(connection) as many:
        page = body(staff, url)
    # One more: how many are left out.
    assert len(many) <= len(one) + 1
    assert 'name="videos-19-title"' in page
    assert 'name="videos-20-title"' not in page
    assert "30 more videos are not shown here" in page
