import pytest
from django.test import Client

from companies.models import ApiToken, Company, Project, TokenScope, User
from companies.tests.factories import ProjectFactory


@pytest.fixture
def project(company: Company, local_storage_root: object) -> Project:
    project: Project = ProjectFactory.create(company=company)
    return project


@pytest.fixture
def editors(client: Client, editor: User) -> Client:
    """A program with an editor's token."""
    _, key = ApiToken.issue(user=editor, name="Publisher", scope=TokenScope.WRITE)
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    return client
