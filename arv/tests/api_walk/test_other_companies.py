"""Nobody gets at another company's rows: every address, every method, every role."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from arv.tests.api_walk.routes import LISTS, METHODS, OPEN, ROWS, address, patterns
from arv.tests.api_walk.world import World, populated, rows_of
from companies.api.fields import RowId, RowSerializer
from companies.models import Company, User
from companies.tenancy import Access
from companies.tests.factories import PASSWORD

ROLES = ("anonymous", "viewer", "editor", "owner", "stranger")


@pytest.fixture
def ours(company: Company, owner: User) -> World:
    return populated(company, owner, "OURS-8d1f")


@pytest.fixture
def theirs(stranger_company: Company, stranger: User) -> World:
    return populated(stranger_company, stranger, "THEIRS-77ab")


def send(client: Client, method: str, url: str, body: dict[str, Any], *, form: bool = False) -> Any:
    if method in {"GET", "DELETE"}:
        return client.generic(method, url)
    if form:
        return client.post(url, body)
    return client.generic(method, url, json.dumps(body), content_type="application/json")


def visit(client: Client, role: str, other: World) -> list[str]:
    """Try every address and method at the rows of another company; returns what was wrong."""
    wrong: list[str] = []
    before = rows_of(other.company)

    def check(what: str, response: Any, allowed: set[int]) -> None:
        if response.status_code not in allowed:
            wrong.append(f"{what}: {response.status_code}")
        # Of a streamed answer too.
        content = response.getvalue()
        wrong.extend(
            f"{what} shows {secret}" for secret in other.secrets() if secret.encode() in content
        )

    for pattern in patterns():
        if pattern.route in OPEN:
            continue
        plan = ROWS.get(pattern.route) or LISTS[pattern.route]
        url = address(pattern.route, plan.ids(other)) + plan.query
        for method in METHODS:
            body = plan.body(method, other)
            response = send(client, method, url, body, form=plan.form and method == "POST")
            what = f"{role} {method} {pattern.route}"
            if role == "anonymous":
                check(what, response, {401})
            elif method not in pattern.methods:
                check(what, response, {405})
            elif pattern.route in ROWS:
                check(what, response, {404})
            else:
                # Lists are the caller's own; new rows of another company are refused.
                check(what, response, {200, 403} if method == "GET" else {400, 403})
    if rows_of(other.company) != before:
        wrong.append(f"{role} changed rows")
    return wrong


@pytest.fixture
def visitor(
    request: pytest.FixtureRequest, ours: World, theirs: World
) -> Callable[[str], tuple[Client, World]]:
    def come(role: str) -> tuple[Client, World]:
        client = Client()
        if role != "anonymous":
            client.force_login(request.getfixturevalue(role))
        return client, (ours if role == "stranger" else theirs)

    return come


Come = Callable[[str], tuple[Client, World]]


@pytest.mark.parametrize("role", ROLES)
def test_another_companys_rows_are_not_there(visitor: Come, role: str) -> None:
    client, other = visitor(role)
    assert visit(client, role, other) == []


def test_the_walk_finds_the_leaks_when_the_scope_is_taken_away(
    visitor: Come, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Access, "rows", lambda self, queryset, at_least=None: queryset)
    client, other = visitor("owner")
    wrong = "\n".join(visit(client, "owner", other))
    assert "owner GET api/projects shows THEIRS" in wrong
    assert "owner GET api/projects/<int:id>: 403" in wrong
    assert "owner changed rows" in wrong


def test_every_address_has_its_place_in_the_walk() -> None:
    found = {pattern.route for pattern in patterns()}
    assert found == OPEN | set(ROWS) | set(LISTS)


def test_what_is_hashed_has_a_row_of_everything_that_the_api_changes(ours: World) -> None:
    filled = {name for name, rows in rows_of(ours.company).items() if rows}
    changed = {
        pattern.callback.cls.queryset.model.__name__
        for pattern in patterns()
        if pattern.methods & {"POST", "PATCH", "DELETE"} and hasattr(pattern.callback, "cls")
    }
    assert changed
    assert changed | {"Video", "StorageFolder", "HistoricalProject", "User"} <= filled


@pytest.mark.parametrize("role", ["viewer", "editor", "owner"])
def test_a_filter_by_another_companys_id_finds_nothing(visitor: Come, role: str) -> None:
    client, other = visitor(role)
    for route, name, row in (
        ("projects", "company_id", other.company),
        ("ar-content", "company_id", other.company),
        ("ar-content", "project_id", other.project),
        ("ar-content", "portrait_id", other.portrait),
        ("portraits", "company_id", other.company),
        ("notifications", "company_id", other.company),
        ("notifications", "project_id", other.project),
        ("notifications", "ar_content_id", other.content),
    ):
        answer = client.get(f"/api/{route}?{name}={row.pk}").json()
        assert (answer["count"], answer["results"]) == (0, [])
    for route in ("companies", "projects", "ar-content", "portraits", "notifications"):
        assert client.get(f"/api/{route}?search={other.mark}").json()["count"] == 0


def row_fields() -> set[tuple[str, str]]:
    """Every field of a request that names a row."""
    found = set()
    pending: list[Any] = [RowSerializer]
    while pending:
        serializer = pending.pop()
        pending.extend(serializer.__subclasses__())
        found |= {
            (serializer.__name__, name)
            for name, field in serializer._declared_fields.items()
            if isinstance(field, RowId) and not field.read_only
        }
    return found


NAMED_IN_BODIES = {
    ("CompanySerializer", "storage_connection_id"): ("PATCH", "companies", "company", "connection"),
    ("ProjectSerializer", "company_id"): ("POST", "projects", None, "company"),
    ("ConnectionSerializer", "company_id"): ("POST", "storage/connections", None, "company"),
    ("TokenSerializer", "company_id"): ("POST", "tokens", None, "company"),
    ("IssuedTokenSerializer", "company_id"): ("POST", "tokens", None, "company"),
    ("TokenSerializer", "user_id"): ("POST", "tokens", None, "owner"),
    ("IssuedTokenSerializer", "user_id"): ("POST", "tokens", None, "owner"),
    ("ContentSerializer", "project_id"): ("PATCH", "ar-content", "content", "project"),
    ("ContentSerializer", "portrait_id"): ("PATCH", "ar-content", "content", "portrait"),
    ("ContentUpload", "project_id"): ("FORM", "ar-content", None, "project"),
    ("ContentUpload", "portrait_id"): ("FORM", "ar-content", None, "portrait"),
    ("PortraitUpload", "company_id"): ("FORM", "portraits", None, "company"),
}


def test_every_field_that_names_a_row_is_tried() -> None:
    assert row_fields() == set(NAMED_IN_BODIES)


@pytest.mark.parametrize("field", sorted(NAMED_IN_BODIES))
def test_a_foreign_id_in_a_body_is_the_same_error_as_an_unknown_one(
    client: Client, ours: World, theirs: World, owner: User, field: tuple[str, str]
) -> None:
    client.force_login(owner)
    method, path, at, named = NAMED_IN_BODIES[field]
    url = f"/api/{path}" + (f"/{getattr(ours, at).pk}" if at else "")
    foreign, unknown = getattr(theirs, named).pk, 987_654_321
    before = rows_of(theirs.company)
    said = []
    for pk in (foreign, unknown):
        form = method == "FORM"
        response = send(client, "POST" if form else method, url, {field[1]: pk}, form=form)
        assert response.status_code == 400
        said.append(json.dumps(response.json()["fields"][field[1]]).replace(str(pk), "N"))
    assert said[0] == said[1]
    assert rows_of(theirs.company) == before


def test_a_session_without_membership_sees_empty_lists(client: Client, ours: World) -> None:
    nobody = User.objects.create_user("nobody", password=PASSWORD)
    client.force_login(nobody)
    for route in ("companies", "projects", "ar-content", "portraits", "notifications"):
        assert client.get(f"/api/{route}").json()["count"] == 0
    assert client.get(f"/api/companies/{ours.company.pk}").status_code == 404
    assert client.post("/api/projects", {}).status_code == 403
