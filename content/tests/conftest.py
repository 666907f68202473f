import pytest

from companies.models import Company, Project
from companies.tests.factories import ProjectFactory


@pytest.fixture
def project(company: Company, local_storage_root: object) -> Project:
    project: Project = ProjectFactory.create(company=company)
    return project
