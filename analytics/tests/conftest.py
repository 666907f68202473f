import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import psycopg
import pytest
from django.db import connection
from django.test import Client
from pytest_django.fixtures import Settings

from analytics.tests.furnish import furnish
from companies.models import Company, Project
from companies.tests.factories import ProjectFactory
from content.models import ARContent
from content.tests.factories import ARContentFactory

START = "/api/analytics/ar-session"


@pytest.fixture(autouse=True)
def generous_limit(settings: Settings) -> None:
    """All tests come from one address within a minute; those of the limit set their own."""
    settings.PUBLIC_REQUESTS_PER_MINUTE = 1_000_000


@pytest.fixture
def project(company: Company) -> Project:
    return ProjectFactory.create(company=company)


@pytest.fixture
def content(project: Project) -> ARContent:
    return ARContentFactory.create(project=project)


@pytest.fixture
def foreign_content(stranger_company: Company) -> ARContent:
    return ARContentFactory.create(project=ProjectFactory.create(company=stranger_company))


StatementsTold = Callable[[], AbstractContextManager[list[str]]]


@pytest.fixture
def statements_told(monkeypatch: pytest.MonkeyPatch) -> StatementsTold:
    """A block whose statements are collected: on PostgreSQL the prepared ones, too, which Django
    does not see."""

    @contextmanager
    def told() -> Iterator[list[str]]:
        texts: list[str] = []

        def note(execute: Any, sql: str, *arguments: Any) -> Any:
            texts.append(sql)
            return execute(sql, *arguments)

        def note_prepared(self: Any, sql: str, *arguments: Any, **options: Any) -> Any:
            if options.get("prepare"):
                texts.append(sql)
            return execute_prepared(self, sql, *arguments, **options)

        execute_prepared = psycopg.Cursor.execute
        with monkeypatch.context() as patch, connection.execute_wrapper(note):
            patch.setattr(psycopg.Cursor, "execute", note_prepared)
            yield texts

    return told


class Post(Protocol):
    def __call__(self, payload: Any, url: str = START, **extra: Any) -> Any: ...


@pytest.fixture
def post(client: Client) -> Post:
    """Post a payload as JSON; no cookie and no session, like a visitor's page."""

    def send(payload: Any, url: str = START, **extra: Any) -> Any:
        extra = {"content_type": "application/json", **extra}
        body = payload if isinstance(payload, bytes | str) else json.dumps(payload)
        return client.post(url, data=body, **extra)

    return send


@pytest.fixture
def start(content: ARContent) -> dict[str, Any]:
    """The smallest start event of `content`."""
    return {"session_id": str(uuid.uuid4()), "ar_content_unique_id": str(content.unique_id)}


@pytest.fixture
def furnished(company: Company, stranger_company: Company) -> None:
    furnish(company, name="Ours")
    furnish(stranger_company, name="Theirs", times=2)


@pytest.fixture
def ours(company: Company) -> list[ARContent]:
    Company.objects.filter(pk=company.pk).update(time_zone="Asia/Tokyo")
    company.refresh_from_db()
    projects = [ProjectFactory.create(company=company, name=f"Ours {number}") for number in (1, 2)]
    return [
        ARContentFactory.create(project=project, title=f"Ours {project.pk} {number}")
        for project in projects
        for number in (1, 2)
    ]


@pytest.fixture
def theirs(stranger_company: Company) -> ARContent:
    project = ProjectFactory.create(company=stranger_company, name="Theirs-canary project")
    return ARContentFactory.create(project=project, title="Theirs-canary content")
