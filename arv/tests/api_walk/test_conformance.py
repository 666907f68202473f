"""What the API says of itself is true: requests made up from its own description.

On PostgreSQL alone: it refuses values that SQLite takes.
"""

import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.failures import Failure, FailureGroup

from arv.tests.api_walk.routes import LISTS, ROWS
from arv.tests.api_walk.world import World, populated
from arv.wsgi import application
from companies.models import ApiToken, Company, TokenScope, User

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]

EXAMPLES = 50
# Left out: `positive_data_acceptance`, because no schema can say that an id exists, that bytes
# are a picture, or that a project ends after it starts: such requests are rightly refused.
# And the checks that compare several answers, which the walks do with real rows.
CHECKED = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
)
ROUTES = {**ROWS, **LISTS}


@pytest.fixture
def world(company: Company, owner: User) -> World:
    return populated(company, owner, "OURS")


@pytest.fixture(autouse=True)
def one_connection() -> Iterator[None]:
    """Requests stay inside the test's transaction, as those of Django's own client do."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def own_ids(path: str, world: World) -> dict[str, Any]:
    """The ids of the address `path` (as the description writes it) for rows that are there."""
    for route, plan in ROUTES.items():
        ids = plan.ids(world)
        written = f"/{route}"
        for name in ids:
            for converter in ("int", "str", "uuid"):
                written = written.replace(f"<{converter}:{name}>", f"{{{name}}}")
        if written == path:
            return {name: str(value) for name, value in ids.items()}
    public = {"ar": world.content.unique_id, "portraits": world.portrait.unique_id}
    first = path.split("/")[2]
    return {"unique_id": str(public[first])} if "{unique_id}" in path else {}


def requests_for(operation: Any, ids: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Sound and unsound requests, at made-up ids and at those of rows that are there."""
    modes = [GenerationMode.POSITIVE]
    if operation.query or operation.body:
        modes.append(GenerationMode.NEGATIVE)
    found = [operation.as_strategy(generation_mode=mode) for mode in modes]
    if ids:
        found += [
            operation.as_strategy(generation_mode=mode, path_parameters=ids) for mode in modes
        ]
    return st.one_of(found)


def test_every_operation_answers_as_it_is_described(
    world: World, owner: User, stranger: User, caplog: pytest.LogCaptureFixture
) -> None:
    """Each request comes from each of three callers: making it up costs as much as its answer."""
    caplog.set_level(logging.ERROR, logger="arv.middleware")
    callers: dict[str, dict[str, str]] = {"anonymous": {}}
    for name, person in (("owner", owner), ("stranger", stranger)):
        _, key = ApiToken.issue(user=person, name="Token", scope=TokenScope.MANAGE)
        callers[name] = {"Authorization": f"Bearer {key}"}
    load_all_checks()
    checks = CHECKS.get_by_names(CHECKED)
    described = schemathesis.openapi.from_wsgi("/api/schema?format=json", application)
    wrong: dict[str, str] = {}
    asked = 0
    asking = ""
    started = time.monotonic()
    for result in described.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]

        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=requests_for(operation, own_ids(operation.path, world)))
        def ask(case: Any) -> None:
            nonlocal asked, asking
            for who, headers in callers.items():
                asked, asking = asked + 1, who
                with transaction.atomic():
                    response = case.call(headers=headers)
                    case.validate_response(response, checks=checks, headers=headers)
                    transaction.set_rollback(True)

        try:
            ask()
        except (Failure, FailureGroup) as failure:
            wrong[f"{operation.label} ({asking})"] = str(failure)
    print(f"{asked} requests, {time.monotonic() - started:.0f} s")
    assert not wrong, "\n\n".join(f"{label}\n{why}" for label, why in wrong.items())
