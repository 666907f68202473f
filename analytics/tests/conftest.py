import json
import uuid
from typing import Any, Protocol

import pytest
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
