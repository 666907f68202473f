"""In their own company people do what their role allows, with a session and with a token."""

import json
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from rest_framework.views import APIView

from arv.tests.api_walk.routes import LISTS, OPEN, ROWS, address, patterns
from arv.tests.api_walk.world import World, populated
from companies.api.base import TenantViewSet
from companies.api.permissions import DeclaredRole
from companies.models import ApiToken, Company, Project, Role, StorageConnection, TokenScope, User

PEOPLE = ("viewer", "editor", "owner", "superuser")
READ = (200, 200, 200, 200)
# What viewer, editor, owner and superuser get, for each method and address.
EXPECTED: dict[tuple[str, str], tuple[int, int, int, int]] = {
    ("GET", "api/companies"): READ,
    ("POST", "api/companies"): (403, 403, 403, 201),
    ("GET", "api/companies/<int:id>"): READ,
    ("PATCH", "api/companies/<int:id>"): (403, 403, 200, 200),
    # Its projects are in the way.
    ("DELETE", "api/companies/<int:id>"): (403, 403, 403, 409),
    ("GET", "api/companies/<int:id>/projects"): READ,
    ("GET", "api/companies/<int:id>/storage"): READ,
    ("GET", "api/companies/<int:id>/members"): READ,
    ("POST", "api/companies/<int:id>/members"): (403, 403, 201, 201),
    ("GET", "api/members"): READ,
    ("GET", "api/members/<int:id>"): READ,
    ("PATCH", "api/members/<int:id>"): (403, 403, 200, 200),
    ("DELETE", "api/members/<int:id>"): (403, 403, 204, 204),
    ("GET", "api/tokens"): (403, 403, 200, 200),
    ("POST", "api/tokens"): (403, 403, 201, 201),
    ("GET", "api/tokens/<int:id>"): (403, 403, 200, 200),
    ("DELETE", "api/tokens/<int:id>"): (403, 403, 204, 204),
    ("GET", "api/auth/token"): READ,
    ("GET", "api/projects"): READ,
    ("POST", "api/projects"): (403, 201, 201, 201),
    ("GET", "api/projects/<int:id>"): READ,
    ("PATCH", "api/projects/<int:id>"): (403, 200, 200, 200),
    ("DELETE", "api/projects/<int:id>"): (403, 409, 409, 409),
    ("POST", "api/projects/<int:id>/extend"): (403, 200, 200, 200),
    ("GET", "api/projects/<int:id>/ar-content"): READ,
    ("GET", "api/storage/connections"): (403, 403, 200, 200),
    ("POST", "api/storage/connections"): (403, 403, 201, 201),
    ("GET", "api/storage/connections/<int:id>"): (403, 403, 200, 200),
    ("PATCH", "api/storage/connections/<int:id>"): (403, 403, 200, 200),
    ("DELETE", "api/storage/connections/<int:id>"): (403, 403, 204, 204),
    ("POST", "api/storage/connections/<int:id>/test"): (403, 403, 200, 200),
    ("GET", "api/ar-content"): READ,
    ("POST", "api/ar-content"): (403, 201, 201, 201),
    ("GET", "api/ar-content/<int:id>"): READ,
    ("PATCH", "api/ar-content/<int:id>"): (403, 200, 200, 200),
    ("DELETE", "api/ar-content/<int:id>"): (403, 204, 204, 204),
    ("POST", "api/ar-content/<int:id>/generate-marker"): (403, 202, 202, 202),
    ("GET", "api/ar-content/by-unique/<uuid:unique_id>"): READ,
    ("GET", "api/ar-content/<int:id>/videos"): READ,
    # There is no video in the request.
    ("POST", "api/ar-content/<int:id>/videos"): (403, 400, 400, 400),
    ("GET", "api/videos/<int:id>"): READ,
    ("PATCH", "api/videos/<int:id>"): (403, 200, 200, 200),
    ("DELETE", "api/videos/<int:id>"): (403, 204, 204, 204),
    ("POST", "api/videos/<int:id>/activate"): (403, 200, 200, 200),
    # It has not failed.
    ("POST", "api/videos/<int:id>/retry"): (403, 409, 409, 409),
    ("GET", "api/ar-content/<int:id>/rotation"): READ,
    ("POST", "api/ar-content/<int:id>/rotation"): (403, 201, 201, 201),
    ("PUT", "api/ar-content/<int:id>/rotation/sequence"): (403, 200, 200, 200),
    ("POST", "api/ar-content/<int:id>/rotation/sequence"): (403, 200, 200, 200),
    ("GET", "api/ar-content/<int:id>/rotation/calendar"): READ,
    ("GET", "api/rotation/<int:id>"): READ,
    ("PATCH", "api/rotation/<int:id>"): (403, 200, 200, 200),
    ("DELETE", "api/rotation/<int:id>"): (403, 204, 204, 204),
    ("GET", "api/notifications"): READ,
    ("GET", "api/notifications/<int:id>"): READ,
    ("POST", "api/notifications/<int:id>/resend"): (403, 202, 202, 202),
    ("GET", "api/portraits"): READ,
    # There is no picture in the request.
    ("POST", "api/portraits"): (403, 400, 400, 400),
    ("GET", "api/portraits/<int:id>"): READ,
    ("PATCH", "api/portraits/<int:id>"): (403, 200, 200, 200),
    # A content uses it.
    ("DELETE", "api/portraits/<int:id>"): (403, 409, 409, 409),
    ("GET", "api/analytics/overview"): READ,
    ("GET", "api/analytics/overview/export.csv"): READ,
    ("GET", "api/analytics/companies/<int:company_id>"): READ,
    ("GET", "api/analytics/companies/<int:company_id>/export.csv"): READ,
    ("GET", "api/analytics/projects/<int:project_id>"): READ,
    ("GET", "api/analytics/projects/<int:project_id>/export.csv"): READ,
    ("GET", "api/analytics/ar-content/<int:content_id>"): READ,
    ("GET", "api/analytics/ar-content/<int:content_id>/export.csv"): READ,
}


@pytest.fixture
def world(company: Company, owner: User) -> World:
    Project.objects.all().delete()
    made = populated(company, owner, "OURS")
    Project.objects.update(expires_at="2026-12-01T00:00:00Z")
    return made


def body_for(route: str, method: str, world: World) -> dict[str, Any]:
    plan = ROWS.get(route) or LISTS[route]
    body = plan.body(method, world)
    if (method, route) == ("POST", "api/companies"):
        # The platform's, for a company that is still being made.
        body["storage_connection_id"] = StorageConnection.objects.filter(company=None)[0].pk
    if (method, route) == ("POST", "api/tokens"):
        body.pop("user_id")
    if (method, route) == ("POST", "api/storage/connections"):
        body["credentials"] = {
            "endpoint_url": "http://127.0.0.1:9",
            "bucket": "bucket",
            "access_key": "a",
            "secret_key": "b",
        }
    return body


def ask(client: Client, method: str, route: str, world: World, **headers: str) -> int:
    plan = ROWS.get(route) or LISTS[route]
    url, body = address(route, plan.ids(world)), body_for(route, method, world)
    if plan.form and method == "POST":
        return client.post(url, body, headers=headers).status_code
    data = json.dumps(body) if method in {"POST", "PUT", "PATCH"} else ""
    return client.generic(
        method, url, data, content_type="application/json", headers=headers
    ).status_code


def test_the_table_names_every_operation() -> None:
    operations = {
        (method, pattern.route)
        for pattern in patterns()
        if pattern.route not in OPEN
        for method in pattern.methods
    }
    assert operations == set(EXPECTED)


@pytest.mark.parametrize("operation", sorted(EXPECTED), ids=" ".join)
def test_a_role_may_do_what_is_its_own(
    world: World, operation: tuple[str, str], request: pytest.FixtureRequest
) -> None:
    method, route = operation
    for who, expected in zip(PEOPLE[:3], EXPECTED[operation], strict=False):
        client = Client()
        client.force_login(request.getfixturevalue(who))
        with transaction.atomic():
            assert ask(client, method, route, world) == expected, who
            # The next role finds everything as it was.
            transaction.set_rollback(True)


@pytest.mark.parametrize("operation", sorted(EXPECTED), ids=" ".join)
def test_superusers_may_do_it_everywhere(
    client: Client, world: World, operation: tuple[str, str], superuser: User
) -> None:
    client.force_login(superuser)
    assert ask(client, *operation, world) == EXPECTED[operation][3]


@pytest.mark.parametrize(
    ("scope", "as_who"),
    [(TokenScope.READ, "viewer"), (TokenScope.WRITE, "editor"), (TokenScope.MANAGE, "owner")],
)
def test_a_token_may_do_no_more_than_its_scope(
    client: Client, world: World, owner: User, scope: TokenScope, as_who: str
) -> None:
    _, key = ApiToken.issue(user=owner, company=world.company, name="Scoped", scope=scope)
    column = PEOPLE.index(as_who)
    safe_last = sorted(EXPECTED, key=lambda one: (one[0] == "DELETE", one))
    for method, route in safe_last:
        if method == "DELETE" and EXPECTED[method, route][column] == 204:
            continue
        status = ask(client, method, route, world, authorization=f"Bearer {key}")
        assert status == EXPECTED[method, route][column], (method, route)


def test_a_superusers_token_for_one_company_stays_in_it(
    client: Client, world: World, superuser: User, stranger_company: Company, stranger: User
) -> None:
    other = populated(stranger_company, stranger, "THEIRS")
    _, key = ApiToken.issue(
        user=superuser, company=world.company, name="One", scope=TokenScope.MANAGE
    )
    headers = {"authorization": f"Bearer {key}"}
    assert ask(client, "GET", "api/projects/<int:id>", world, **headers) == 200
    assert ask(client, "POST", "api/companies", world, **headers) == 403
    for route in ROWS:
        if "GET" in next(one for one in patterns() if one.route == route).methods:
            assert ask(client, "GET", route, other, **headers) == 404, route
    for row in client.get("/api/companies", headers=headers).json()["results"]:
        assert row["id"] == world.company.pk


def test_every_view_declares_roles_or_says_that_it_is_open() -> None:
    for pattern in patterns():
        if pattern.route in OPEN:
            continue
        view = pattern.callback.cls
        assert issubclass(view, TenantViewSet), pattern.route
        assert view.permission_classes == (DeclaredRole,)
        assert isinstance(view.role_to_view, Role)


def test_a_view_that_declares_nothing_is_closed(rf: Any, superuser: User) -> None:
    class Forgotten(APIView):
        def get(self, request: Any) -> None:
            raise AssertionError("This must not be reached.")

    request = rf.get("/")
    request.user = superuser
    assert Forgotten.as_view()(request).status_code == 403
    with pytest.raises(Exception, match="declares no role"):
        type("Undeclared", (TenantViewSet,), {})
