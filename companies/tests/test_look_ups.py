"""The address bar of a list asks what its filters ask, and nothing else."""

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client

from companies.models import Company, User
from companies.tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db
# Where the number of rows found would tell what is in a column, letter by letter.
PROBES = (
    "notes__startswith",
    "created_by__password__regex",
    "memberships__user__password__startswith",
    "storage_connection__companies__name__startswith",
    "storage_connection__credentials__startswith",
    "api_tokens__digest__startswith",
    "ar_contents__unique_id__startswith",
    "name__startswith",
    "id__gt",
    "pk",
)


def relation_filters() -> list[tuple[str, str]]:
    """(list address, filter) of each filter by a relation in the whole admin."""
    found = []
    for model, model_admin in admin.site._registry.items():
        for one in model_admin.list_filter:
            name = one[0] if isinstance(one, tuple) else one
            if not isinstance(name, str):
                continue
            field: Any = None
            inside: Any = model
            for step in name.split("__"):
                field = inside._meta.get_field(step)
                inside = field.related_model
            if field.is_relation:
                opts = model._meta
                found.append((f"/admin/{opts.app_label}/{opts.model_name}/", name))
    return found


@pytest.mark.parametrize(("address", "name"), relation_filters())
def test_a_relation_is_asked_for_by_its_key_alone(
    client: Client, owner: User, superuser: User, company: Company, address: str, name: str
) -> None:
    for user in (owner, superuser):
        client.force_login(user)
        assert client.get(address, {f"{name}__id__exact": company.pk}).status_code == 200
        for probe in (*PROBES, "id__exact__gt"):
            assert client.get(address, {f"{name}__{probe}": "1"}).status_code == 400, probe
        for odd in ("²", "9" * 23, "1.0", "("):
            assert client.get(address, {f"{name}__id__exact": odd}).status_code == 400, odd


def test_there_are_such_filters() -> None:
    assert len(relation_filters()) >= 8


@pytest.mark.parametrize("key", ["²", "1.0", "9" * 23, "-1", "", "None"])
def test_a_forged_key_is_an_unknown_row(
    client: Client, owner: User, company: Company, key: str
) -> None:
    project = ProjectFactory.create(company=company)
    client.force_login(owner)
    projects = "/admin/companies/project/"
    for action in ("extend_chosen", "delete_selected"):
        chosen = {"action": action, "_selected_action": [key], "days": "5", "post": "yes"}
        assert client.post(projects, chosen).status_code in {200, 302}
    form = {"company": key, "name": "One", "project_type": "portrait"}
    answer = client.post(f"{projects}add/", form)
    assert answer.status_code == 200
    assert "company" in answer.context["adminform"].form.errors
    assert client.get(f"{projects}add/", {"company": key}).status_code == 200
    assert list(company.projects.all()) == [project]
