"""The dashboard's address: who may ask for what, and what is wrong with the rest."""

import uuid
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from analytics.admin.dashboard_filter import OFFERED
from analytics.tests.dashboard_visits import CHOICES, PAGE, card_values
from analytics.tests.furnish import DAY, visit
from analytics.windows import Period
from companies.models import Company, User
from content.models import ARContent
from content.tests.factories import ARContentFactory

pytestmark = [pytest.mark.django_db, pytest.mark.orm, pytest.mark.usefixtures("calm")]


class TestPeriod:
    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ("from=2026-05-05&to=2026-05-01", "The first day is after the last one."),
            ("period=custom", "Choose a day."),
            ("from=2026-05-05", "Choose a day."),
            ("to=2026-05-05", "Choose a day."),
            ("from=2026-02-30&to=2026-05-01", "Enter a day, like 2026-05-31."),
            ("from=<script>&to=2026-05-01", "Enter a day, like 2026-05-31."),
            ("from=0001-01-01&to=0001-01-02", "since the year 2000"),
            ("from=9999-12-30&to=9999-12-31", "The first day is yet to come."),
            ("from=2020-01-01&to=2023-01-05", "At most 1100 days"),
            ("period=8", "Choose 7, 30 or 90 days"),
        ],
    )
    def test_what_is_wrong_with_it_is_told(
        self, client: Client, viewer: User, query: str, message: str
    ) -> None:
        client.force_login(viewer)
        response = client.get(f"{PAGE}?{query}")
        html = response.content.decode()
        assert response.status_code == 200
        assert message in html
        assert "<script>&" not in html
        assert "cards" not in response.context

    def test_its_bounds_are_looked_at(self, client: Client, viewer: User) -> None:
        client.force_login(viewer)
        longest = client.get(f"{PAGE}?from=2020-01-01&to=2023-01-04").context["period"]
        assert (longest.last - longest.first).days + 1 == 1100
        today = timezone.now().date()
        until = client.get(f"{PAGE}?from={today}&to={today + 9 * DAY}").context["period"]
        assert until == Period(today, today)
        assert client.get(PAGE).context["period"] == Period(today - 29 * DAY, today)


class TestAccess:
    @pytest.mark.parametrize("role", ["viewer", "editor", "owner", "superuser"])
    def test_every_member_opens_it(
        self, client: Client, request: pytest.FixtureRequest, role: str, ours: list[ARContent]
    ) -> None:
        client.force_login(request.getfixturevalue(role))
        visit(ours[0], timezone.now())
        for query in ("", f"?company={ours[0].company_id}", f"?content={ours[0].pk}"):
            assert card_values(client.get(PAGE + query).context)["views"] == "1"
        assert client.post(PAGE).status_code == 405
        assert client.head(PAGE).status_code == 200
        pages = [
            f"/admin/companies/company/{ours[0].company_id}/change/",
            f"/admin/companies/project/{ours[0].project_id}/change/",
            f"/admin/content/arcontent/{ours[0].pk}/change/",
            "/admin/",
        ]
        for page, query in zip(
            pages,
            (
                f"?company={ours[0].company_id}",
                f"?project={ours[0].project_id}",
                f"?content={ours[0].pk}",
                "",
            ),
            strict=True,
        ):
            assert f'href="{PAGE}{query}"' in client.get(page).content.decode(), page

    def test_a_platform_without_a_company_has_nothing_to_show(
        self, client: Client, superuser: User
    ) -> None:
        client.force_login(superuser)
        assert card_values(client.get(PAGE).context)["views"] == "0"
        assert client.get(CHOICES).json()["results"] == []

    def test_nobody_without_a_company_gets_in(self, client: Client, theirs: ARContent) -> None:
        for url in (PAGE, CHOICES):
            assert client.get(url).status_code == 302
        client.force_login(User.objects.create_user("newcomer"))
        for url in (PAGE, CHOICES):
            assert client.get(url).status_code == 302

    @pytest.mark.parametrize("url", [PAGE, CHOICES])
    @pytest.mark.parametrize("role", ["viewer", "owner"])
    def test_rows_of_another_company_are_not_there(
        self, client: Client, request: pytest.FixtureRequest, role: str, url: str, theirs: ARContent
    ) -> None:
        visit(theirs, timezone.now())
        client.force_login(request.getfixturevalue(role))
        foreign = {
            "company": theirs.company_id,
            "project": theirs.project_id,
            "content": theirs.pk,
        }
        asked: list[tuple[str, object]] = [
            *foreign.items(),
            *((name, value) for name in foreign for value in (999999, "x", "-1", "1" * 40, "٣")),
        ]
        for name, value in asked:
            response = client.get(url, {name: str(value)})
            assert response.status_code == 404, (name, value)
            assert "canary" not in response.content.decode()
        for query in ("", "?of=company", "?of=project", "?of=content&q=canary"):
            html = client.get(url + query).content.decode()
            assert "Theirs-canary" not in html
            assert "Stranger" not in html

    def test_names_are_only_names(
        self, client: Client, viewer: User, company: Company, ours: list[ARContent]
    ) -> None:
        evil = "</script><script>alert(1)</script>"
        Company.objects.filter(pk=company.pk).update(name=evil)
        ours[0].project.name = ours[0].title = evil
        ours[0].project.save(update_fields=["name"])
        ours[0].save(update_fields=["title"])
        visit(ours[0], timezone.now(), country=evil[:60], city=evil, browser=evil, os=evil)
        client.force_login(viewer)
        for query in ("", f"?content={ours[0].pk}"):
            html = client.get(PAGE + query).content.decode()
            assert "alert(1)" in html
            assert "<script>alert" not in html


class TestChoosing:
    def test_a_wider_choice_undoes_a_narrower_one_that_is_not_in_it(
        self, client: Client, superuser: User, ours: list[ARContent], theirs: ARContent
    ) -> None:
        client.force_login(superuser)
        content, other = ours[0], ours[-1]
        query = f"company={theirs.company_id}&project={content.project_id}&content={content.pk}"
        chosen = client.get(f"{PAGE}?{query}").context["chosen"]
        assert (chosen.company, chosen.project, chosen.content) == (theirs.company, None, None)
        query = f"project={other.project_id}&content={content.pk}"
        chosen = client.get(f"{PAGE}?{query}").context["chosen"]
        assert (chosen.company, chosen.project, chosen.content) == (
            other.company,
            other.project,
            None,
        )

    def test_projects_and_contents_are_found_by_a_part_of_their_names(
        self, client: Client, viewer: User, ours: list[ARContent]
    ) -> None:
        client.force_login(viewer)
        project = ours[0].project

        def found(**query: Any) -> list[str]:
            results = client.get(CHOICES, query).json()["results"]
            return [one["text"] for one in results]

        assert found(of="project", q="oURS") == ["Ours 1", "Ours 2"]
        assert found(of="content", project=project.pk) == [one.title for one in ours[:2]]
        assert found(of="content", q="nothing like it") == found(of="project", q="\0no") == []
        for number in range(35):
            ARContentFactory.create(project=project, title=f"Page {number:02}")
        first = client.get(CHOICES, {"of": "content", "q": "page"}).json()
        second = client.get(CHOICES, {"of": "content", "q": "page", "page": "2"}).json()
        assert first["pagination"]["more"]
        assert not second["pagination"]["more"]
        shown = [one["text"] for one in first["results"] + second["results"]]
        assert shown == [f"Page {number:02}" for number in range(35)]
        assert client.get(CHOICES, {"page": "-1"}).status_code == 200

    def test_companies_are_offered_and_found_as_their_projects_are(
        self, client: Client, superuser: User, viewer: User, ours: list[ARContent]
    ) -> None:
        names = [f"Another {number:03}" for number in range(OFFERED + 1)]
        disk = ours[0].company.storage_connection
        Company.objects.bulk_create(
            Company(name=name, slug=f"another-{number}", storage_connection=disk)
            for number, name in enumerate(names)
        )
        last = Company.objects.get(name=names[-1])
        client.force_login(superuser)
        html = client.get(f"{PAGE}?company={last.pk}").content.decode()
        assert f'<option value="{last.pk}" selected>' in html
        assert html.count('<option value="') <= OFFERED + 20
        found = client.get(CHOICES, {"of": "company", "q": "another 200"}).json()["results"]
        assert found == [{"id": last.pk, "text": last.name}]
        client.force_login(viewer)
        assert client.get(CHOICES, {"of": "company", "q": "another"}).json()["results"] == []

    def test_the_page_itself_offers_some_and_always_the_chosen_one(
        self, client: Client, viewer: User, ours: list[ARContent]
    ) -> None:
        template = ARContent.objects.get(pk=ours[0].pk)
        copies = []
        for number in range(OFFERED + 1):
            template.pk, template.unique_id = None, uuid.uuid4()
            template.title = f"Copy {number:03}"
            copies.append(ARContent(**vars_of(template)))
        ARContent.objects.bulk_create(copies)
        client.force_login(viewer)
        html = client.get(f"{PAGE}?content={ours[0].pk}").content.decode()
        assert f'<option value="{ours[0].pk}" selected>' in html
        assert html.count('<option value="') <= OFFERED + 10


def vars_of(row: ARContent) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
