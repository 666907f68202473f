"""The API describes itself: exactly, and on a page that loads nothing from elsewhere."""

import re
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import Client

from arv.tests.api_walk.routes import LISTS, OPEN, ROWS

# Not in the description: what the operations' tools use, and itself.
UNDESCRIBED = {
    # The other name of the visitor's events.
    "api/v/visit",
    "api/v/visit/<str:session_id>",
    "api/v/visit/<str:session_id>/end",
    "api/health/readiness",
    "api/health/status",
    "api/docs",
}


@pytest.fixture
def described(client: Client, db: None) -> Any:
    return client.get("/api/schema?format=json").json()


def test_the_description_is_valid_and_without_a_warning(tmp_path: Any) -> None:
    # Raises for the first warning.
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "api.yaml"))


def test_every_address_is_described(described: Any) -> None:
    written = {
        f"/{re.sub(r'<[a-z]+:', '{', route).replace('>', '}')}"
        for route in {*ROWS, *LISTS, *(OPEN - UNDESCRIBED)}
    }
    assert set(described["paths"]) == written


def test_secrets_are_in_no_answer_that_is_described(described: Any) -> None:
    answers = {
        name: set(schema.get("properties", {}))
        for name, schema in described["components"]["schemas"].items()
        if not name.endswith("Request")
    }
    secret = {"password", "digest", "secret_key", "access_key", "key"}
    assert {name for name, fields in answers.items() if fields & secret} == {"IssuedToken"}


def test_the_page_loads_its_interface_from_here_alone(client: Client, db: None) -> None:
    page = client.get("/api/docs")
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    html = page.content.decode()
    assert "<style" not in html
    for address in re.findall(r'(?:src|href)="([^"]+)"', html):
        assert address.startswith("/")
        if address.startswith("/static/"):
            assert finders.find(address.removeprefix("/static/"))
    script = client.get("/api/docs?script=")
    assert script.headers["Content-Type"].startswith("application/javascript")
    assert "unsafe" not in client.get("/api/health/status").headers["Content-Security-Policy"]
