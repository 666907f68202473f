"""Two people give the same name at the same moment: both rows are made, or one is told why not."""

from functools import partial
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection as database
from django.db import transaction
from django.test import Client

from companies import limits
from companies.models import Company, Project, User, slugs
from companies.models import company as rows
from companies.tests.parallel import in_parallel, meeting_once

pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 6


def new_project(company: Company, number: int = 0) -> Project:
    project = Project(company=company, name="Weddings")
    project.save()
    return project


def new_company(like: Company, number: int) -> Company:
    # Different names, one slug.
    company = Company(name="Café" + "!" * number, storage_connection=like.storage_connection)
    company.save()
    return company


@pytest.mark.parametrize("kind", ["company", "project"])
def test_whoever_finds_the_slug_taken_gets_the_next_one(
    company: Company, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    look, everybody_looked = slugs.free_slug, meeting_once(THREADS)

    def look_together(*args: Any, **kwargs: Any) -> str:
        slug = look(*args, **kwargs)
        everybody_looked()
        return slug

    monkeypatch.setattr(slugs, "free_slug", look_together)
    make, stem = (new_company, "cafe") if kind == "company" else (new_project, "weddings")
    made = in_parallel([partial(make, company, number) for number in range(THREADS)])
    expected = {stem, *(f"{stem}-{number}" for number in range(2, THREADS + 1))}
    assert {getattr(row, "slug", row) for row in made} == expected
    for row in made:
        row.refresh_from_db()
        path = row.storage_path if kind == "company" else row.folder_path.rpartition("/")[2]
        assert path == row.slug
        assert row.history.count() == 1


def test_in_a_transaction_a_taken_slug_costs_nothing_else(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_project(company)
    free = iter(["weddings", "weddings-2"])
    monkeypatch.setattr(slugs, "free_slug", lambda *args, **kwargs: next(free))
    with transaction.atomic():
        company.notes = "written before"
        company.save()
        assert new_project(company).slug == "weddings-2"
    company.refresh_from_db()
    assert company.notes == "written before"


def test_what_somebody_chose_is_never_replaced(company: Company) -> None:
    Project.objects.create(company=company, name="One", slug="mine")
    with pytest.raises(ValidationError, match="slug already"):
        Project.objects.create(company=company, name="Other", slug="mine")
    connection = company.storage_connection
    with pytest.raises(ValidationError) as refusal:
        Company.objects.create(name=company.name, storage_connection=connection)
    assert refusal.value.message_dict.keys() == {"name"}
    with pytest.raises(ValidationError) as refusal:
        Company.objects.create(name="Other", slug=company.slug, storage_connection=connection)
    assert refusal.value.message_dict.keys() == {"slug"}


def company_form(company: Company) -> dict[str, Any]:
    return {
        "name": "Weddings",
        "slug": "weddings",
        "is_active": "on",
        "time_zone": "UTC",
        "session_retention_days": 400,
        "language": "en",
        "storage_connection": company.storage_connection_id,
        "storage_quota_gb": "10",
        "subscription_tier": "basic",
        "projects_limit": "5",
    }


def project_form(company: Company) -> dict[str, Any]:
    return {
        "company": company.pk,
        "name": "Weddings",
        "slug": "weddings",
        "project_type": "portrait",
        "tags": "[]",
        "status": "active",
        "subscription_type": "monthly",
        "notify_before_expiry_days": "7",
    }


@pytest.mark.parametrize("kind", ["company", "project"])
def test_two_forms_with_one_slug_make_one_row_and_one_form_error(
    company: Company, superuser: User, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    form = company_form(company) if kind == "company" else project_form(company)
    # On SQLite one form waits for the other to be saved before it looks at anything.
    threads = 2 if database.vendor == "postgresql" else 1
    everybody_checked = meeting_once(threads)
    module, name = (rows, "save_with_slug") if kind == "company" else (limits, "add_project")
    save = getattr(module, name)

    def save_together(*args: Any, **kwargs: Any) -> Any:
        everybody_checked()
        return save(*args, **kwargs)

    monkeypatch.setattr(module, name, save_together)
    clients = [Client(), Client()]
    for client in clients:
        client.force_login(superuser)
    add = f"/admin/companies/{kind}/add/"
    pages = in_parallel([partial(client.post, add, form) for client in clients])
    assert sorted(getattr(page, "status_code", page) for page in pages) == [200, 302]
    (refused,) = [page for page in pages if page.status_code == 200]
    assert "slug" in refused.context["adminform"].form.errors
    assert 'value="Weddings"' in refused.content.decode(), "what was typed is still there"
    model = Company if kind == "company" else Project
    assert model.objects.filter(slug="weddings").count() == 1
