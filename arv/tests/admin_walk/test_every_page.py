"""Every page of every admin opens for whom it is meant, and costs the same with many rows."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.templatetags.admin_list import result_headers
from django.contrib.auth.models import AnonymousUser
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models
from django.http import HttpRequest
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import resolve, reverse

from arv.tests.admin_walk.options import problems
from arv.tests.admin_walk.visitors import Visit, Visitor, leaks
from arv.tests.admin_walk.worlds import World, grow_platform, registered_models
from companies.admin.base import ArvModelAdmin
from companies.models import Project, Role, User
from companies.storage.connections import forget_backends
from companies.tests.factories import UserFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.once,
    pytest.mark.filterwarnings("error::django.core.paginator.UnorderedObjectListWarning"),
]

MANY = 50
VALUES = re.compile(r"'[^']*'|\b\d+\b(, \d+)*|\"s\d+_x\d+\"")
# Not for this role; not there for it, said with a page or with the way back.
REFUSED = {403, 404, 302}


@dataclass(frozen=True)
class Page:
    """A page of an admin, and whether it is meant for its visitor."""

    url: str
    is_allowed: bool


def request_of(user: User | AnonymousUser) -> HttpRequest:
    request = RequestFactory().get("/admin/")
    request.user = user
    return request


def row_of(model: type[models.Model], home: World) -> Any:
    """A row of the own company; of the platform's models, any row."""
    rows = home.rows.get(model._meta.label_lower)
    return rows[0] if rows else model._default_manager.earliest("pk")


def address(model: type[models.Model], page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def pages(model: type[models.Model], home: World, user: User) -> Iterator[Page]:
    """The standard pages of an admin."""
    model_admin, request = admin.site._registry[model], request_of(user)
    row = row_of(model, home)
    may_see = model_admin.has_view_or_change_permission(request)
    yield Page(address(model, "changelist"), may_see)
    yield Page(address(model, "changelist") + f"?q={home.hint}", may_see)
    yield Page(address(model, "add"), model_admin.has_add_permission(request))
    may_see_row = model_admin.has_view_or_change_permission(request, row)
    yield Page(address(model, "change", row.pk), may_see_row)
    yield Page(address(model, "history", row.pk), may_see_row)
    yield Page(address(model, "delete", row.pk), may_delete(model_admin, request, row))


def may_delete(model_admin: Any, request: HttpRequest, row: Any) -> bool:
    # As the page asks: some rows go with their company alone.
    request.resolver_match = resolve(address(type(row), "delete", row.pk))
    return bool(model_admin.has_delete_permission(request, row))


def lists(model: type[models.Model], changelist: Any) -> Iterator[str]:
    """The list by each value of each filter, and by each column that sorts it."""
    url = address(model, "changelist")
    for spec in changelist.filter_specs:
        for choice in spec.choices(changelist):
            if "query_string" in choice:
                yield url + choice["query_string"]
            elif "form" in choice:
                for name, field in choice["form"].fields.items():
                    for value, _label in getattr(field, "choices", ()):
                        yield f"{url}?{name}={value}"
    for header in result_headers(changelist):
        if header["sortable"]:
            yield f"{url}{header['url_primary']}"


@pytest.fixture(scope="module")
def superuser(database: None) -> User:
    return UserFactory.create(username="superuser", is_staff=True, is_superuser=True)


def person(role: str, home: World, superuser: User) -> User:
    return superuser if role == "superuser" else home.people[Role(role)]


@pytest.mark.parametrize("role", ["viewer", "editor", "owner", "superuser"])
def test_every_page_opens_for_whom_it_is_meant(
    role: str, home: World, away: World, superuser: User
) -> None:
    user = person(role, home, superuser)
    who, found, opened = Visitor(role, user), [], 0
    for model in registered_models():
        for page in pages(model, home, user):
            response = who.send(Visit(page.url))
            opened += response.status_code == 200
            if response.status_code not in ({200} if page.is_allowed else REFUSED):
                found.append(f"{page} answers {response.status_code} {response.exc_info}")
        response = who.send(Visit(address(model, "changelist")))
        if response.status_code == 200:
            for url in lists(model, response.context["cl"]):
                answer = who.send(Visit(url))
                if answer.status_code != 200:
                    found.append(f"{url} answers {answer.status_code}")
                if role != "superuser":
                    found += [f"{url} shows {leak}" for leak in leaks(answer, away)]
    assert not found, "\n".join(found)
    assert opened > 30


def count_queries(who: Visitor, urls: list[str]) -> dict[str, list[str]]:
    counted = {}
    for url in urls:
        forget_backends()
        with CaptureQueriesContext(connection) as queries:
            response = who.send(Visit(url))
        if response.status_code == 200:
            # Without the values, so that what is asked for each row can be told.
            counted[url] = [VALUES.sub("?", query["sql"]) for query in queries]
    return counted


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize("role", [pytest.param("owner", marks=pytest.mark.thorough), "superuser"])
def test_a_page_asks_as_many_queries_for_fifty_rows_as_for_one(
    role: str, home: World, superuser: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A slow machine asks no storage twice within a page, and renews no session.
    monkeypatch.setattr("companies.storage.connections.TRUSTED_SECONDS", 3600)
    monkeypatch.setattr("arv.sessions.RENEW_SECONDS", 3600)
    user = person(role, home, superuser)
    who = Visitor(role, user)
    # Who has one company alone is not asked for it, and does not see its name in every row.
    with home.grown(2, "companies.company"):
        urls = [page.url for model in registered_models() for page in pages(model, home, user)]
        urls += ["/admin/", reverse("admin:companies_audit"), f"/admin/search/?s={home.hint}"]
        ContentType.objects.get_for_models(*apps.get_models())  # looked up once by a process
        few = count_queries(who, urls)
        with home.grown(MANY):
            grow_platform(MANY)
            many = count_queries(who, urls)
    differ = [
        f"{url}: {len(few[url])} queries, {len(many[url])} with {MANY} rows: "
        f"{(Counter(many[url]) - Counter(few[url])) or (Counter(few[url]) - Counter(many[url]))}"
        for url in few
        if len(few[url]) != len(many[url])
    ]
    assert not differ, "\n".join(differ)
    assert few.keys() == many.keys()


def test_no_admin_has_an_option_that_means_nothing(home: World, superuser: User) -> None:
    request = request_of(superuser)
    found = []
    for model_admin in admin.site._registry.values():
        found += list(map(str, model_admin.check()))
        for one in [model_admin, *model_admin.get_inline_instances(request)]:
            found += problems(one, request)
    assert not found, "\n".join(sorted(set(found)))


class MisspeltAdmin(ArvModelAdmin[Project]):
    list_dispaly = ("name",)
    search_fields = ("company__nmae",)
    list_filter = ("statsu",)
    list_select_related = ("compnay",)
    actions = ("vanish", "silent")

    def get_quryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request)

    def silent(self, request: HttpRequest, queryset: Any) -> None:
        """An action without a description."""


def test_a_misspelt_option_is_found(home: World, superuser: User) -> None:
    misspelt: Any = MisspeltAdmin
    found = "\n".join(problems(misspelt(Project, admin.site), request_of(superuser)))
    for wrong in ("list_dispaly", "get_quryset", "vanish does not exist", "silent has no desc"):
        assert wrong in found
    for option, path in (
        ("search_fields", "company__nmae"),
        ("list_filter", "statsu"),
        ("list_select_related", "compnay"),
    ):
        assert f"{option}: {path} does not exist" in found
    assert len(found.splitlines()) == 7
