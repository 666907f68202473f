"""What a form's relation fields offer, and what they take when the post is forged."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
from django import forms
from django.contrib.admin.widgets import AutocompleteMixin
from django.db import models
from django.forms import ModelChoiceField
from django.urls import reverse

from arv.tests.admin_walk.html import form_data
from arv.tests.admin_walk.visitors import Visit, Visitor, leaks
from arv.tests.admin_walk.worlds import World, changed, fingerprint, registered_models, undone
from companies.admin.base import TenantOptions
from companies.models import Role, User
from companies.models.ownership import company_path
from companies.tests.factories import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.once]

Worlds = tuple[World, ...]


@dataclass(frozen=True)
class Relation:
    """A field of a form on a page, and what it would post there."""

    page: str
    # The name of the control, and the formset's prefix when it is in one.
    control: str
    prefix: str
    form: forms.BaseForm
    name: str
    data: dict[str, list[str]]

    @property
    def field(self) -> "ModelChoiceField[Any]":
        field: ModelChoiceField[Any] = self.form.fields[self.name]  # type: ignore[assignment]
        return field

    @property
    def related(self) -> type[models.Model]:
        assert self.field.queryset is not None
        return self.field.queryset.model

    @property
    def is_key(self) -> bool:
        """The hidden id of an inline's row, which Django lets be any: what counts is the saving."""
        return bool(self.prefix) and self.name == self.related._meta.pk.name

    def __str__(self) -> str:
        return f"{self.page} {self.control}"


def relations(who: Visitor, home: World) -> Iterator[Relation]:
    """The relation fields of all forms that open for somebody, to add and to change a row."""
    for model in registered_models():
        stem = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        pages = [reverse(f"{stem}_add")]
        if model is User:
            pages.append(reverse(f"{stem}_change", args=[home.people[Role.EDITOR].pk]))
        elif model in home.ids:
            pages.append(reverse(f"{stem}_change", args=[home.ids[model]]))
        for page in pages:
            response = who.send(Visit(page))
            if response.status_code == 200:
                yield from _relations(page, response, f"{model._meta.model_name}_form")


def _relations(page: str, response: Any, form_id: str) -> Iterator[Relation]:
    data = form_data(response.content.decode(), form_id)
    main = response.context["adminform"].form
    for name in _relation_names(main):
        yield Relation(page, main.add_prefix(name), "", main, name, data)
    for inline in response.context["inline_admin_formsets"]:
        prefix, count = inline.formset.prefix, inline.formset.total_form_count()
        may_add = inline.has_add_permission and inline.formset.max_num > count
        for form in [*inline.formset.forms, *([inline.formset.empty_form] if may_add else [])]:
            fields = {form.add_prefix(name): "" for name in form.fields}
            new = {
                name.replace("__prefix__", str(count)): [value]
                for name, value in fields.items()
                if "__prefix__" in name
            }
            posted = {**data, **new}
            if new:
                posted[f"{prefix}-TOTAL_FORMS"] = [str(count + 1)]
            for name in _relation_names(form):
                control = form.add_prefix(name).replace("__prefix__", str(count))
                yield Relation(page, control, prefix, form, name, posted)


def _relation_names(form: forms.BaseForm) -> list[str]:
    return [
        name
        for name, field in form.fields.items()
        if isinstance(field, ModelChoiceField) and not field.disabled
    ]


def foreign_pk(relation: Relation, away: World) -> int | None:
    """A row of the other company that the field could name."""
    if relation.related is User:
        return away.people[Role.OWNER].pk
    return away.ids.get(relation.related)


def problems_of_choices(who: Visitor, relation: Relation, foreign: int, away: World) -> list[str]:
    """What the field shows of the other company: its rows, their labels, or what it would take."""
    found = []
    assert relation.field.queryset is not None
    if relation.field.queryset.filter(pk=foreign).exists():
        found.append(f"{relation} takes {foreign}")
    html = str(relation.form[relation.name])
    if away.canary in html:
        found.append(f"{relation} is drawn with {html}")
    widget = getattr(relation.field.widget, "widget", relation.field.widget)
    if isinstance(widget, AutocompleteMixin):
        opts = widget.field.model._meta
        where = {"app_label": opts.app_label, "model_name": opts.model_name}
        query = {**where, "field_name": widget.field.name, "term": ""}
        answer = who.send(Visit(f"{widget.get_url()}?{urlencode(query)}"))
        results = json.loads(answer.content)["results"]
        if str(foreign) in [one["id"] for one in results] or leaks(answer, away):
            found.append(f"{relation} completes to {results}")
        if not results and relation.field.queryset.exists():
            found.append(f"{relation} completes to nothing")
    return found


def problems_of_post(who: Visitor, relation: Relation, foreign: int, worlds: Worlds) -> list[str]:
    """A forged post is an error of that very field, and writes nothing."""
    data: dict[str, Any] = {**relation.data, relation.control: str(foreign), "_save": "Save"}
    if relation.is_key:
        # As if the foreign row had been on the page.
        data[f"{relation.prefix}-INITIAL_FORMS"] = data[f"{relation.prefix}-TOTAL_FORMS"]
    before = [fingerprint(world) for world in worlds]
    with undone():
        response = who.send(Visit(relation.page, data))
        after = [fingerprint(world) for world in worlds]
        tables = [changed(*pair) for pair in zip(before, after, strict=True)]
        if any(tables):
            return [f"{relation} = {foreign} changes {tables}"]
        if response.status_code != 200:
            return [f"{relation} = {foreign} answers {response.status_code}"]
        if relation.control not in errors_of(response) and not relation.is_key:
            return [f"{relation} = {foreign} is no error, but {errors_of(response)}"]
    return []


def errors_of(response: Any) -> dict[str, Any]:
    """The errors of a page's forms, by control."""
    all_forms = [response.context["adminform"].form]
    for inline in response.context["inline_admin_formsets"]:
        all_forms += inline.formset.forms
    return {
        form.add_prefix(name): list(of) for form in all_forms for name, of in form.errors.items()
    }


def check(who: Visitor, home: World, away: World) -> tuple[set[str], list[str]]:
    """The relation fields of all forms, and everything that is wrong with them."""
    checked, found = set(), []
    for relation in relations(who, home):
        foreign = foreign_pk(relation, away)
        assert foreign is not None, f"{relation} leads to rows of the platform"
        checked.add(f"{relation.related._meta.model_name} {relation.name}")
        if not relation.is_key:
            found += problems_of_choices(who, relation, foreign, away)
        found += problems_of_post(who, relation, foreign, (home, away))
    return checked, found


@pytest.mark.parametrize("role", [Role.EDITOR, Role.OWNER])
def test_a_relation_field_offers_and_takes_rows_of_the_own_company_alone(
    role: Role, home: World, away: World
) -> None:
    checked, found = check(Visitor(role.value, home.people[role]), home, away)
    assert not found, "\n".join(found)
    assert {
        "company company",
        "project project",
        "portrait portrait",
        "video playing",
        "arcontent ar_content",
        "video sequence",
    } <= checked


def test_fields_without_their_scope_are_found(
    home: World, away: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: the fields then take foreign rows, and saving some writes them."""
    everything = lambda self, field, request: field.related_model._default_manager.all()  # noqa: E731
    monkeypatch.setattr(TenantOptions, "choices_for", everything)
    _checked, found = check(Visitor("editor", home.people[Role.EDITOR]), home, away)
    assert any("project takes" in problem for problem in found)
    assert any("is no error" in problem or "changes" in problem for problem in found)


def test_superusers_cannot_mix_the_rows_of_two_companies_either(home: World, away: World) -> None:
    """They see all; but what belongs to a company stays with rows of that company."""
    superuser = UserFactory.create(username="superuser", is_staff=True, is_superuser=True)
    who = Visitor("superuser", superuser)
    found, checked = [], 0
    for relation in relations(who, home):
        foreign = foreign_pk(relation, away)
        is_change = relation.page.endswith("/change/")
        owned = company_path(type(relation.form.instance)) is not None  # type: ignore[attr-defined]
        if foreign is not None and is_change and owned and relation.prefix != "memberships":
            checked += 1
            found += problems_of_post(who, relation, foreign, (home, away))
    assert not found, "\n".join(found)
    assert checked > 3
