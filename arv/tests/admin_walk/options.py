"""What is wrong with the options of an admin class that `manage.py check` lets pass."""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import unfold
from django.conf import settings
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.http import HttpRequest

if TYPE_CHECKING:
    from django.contrib.admin.options import BaseModelAdmin

APPS = ("arv", "companies", "content", "analytics")
ACTIONS = ("actions", "actions_list", "actions_row", "actions_detail", "actions_submit_line")
PATHS = ("search_fields", "list_filter", "autocomplete_fields", "list_select_related")


def problems(admin: "BaseModelAdmin[Any]", request: HttpRequest) -> Iterator[str]:
    """Everything wrong with an admin or an inline, its bases of ours included."""
    name = type(admin).__name__
    for attribute in unknown_attributes(admin, request):
        yield f"{name}.{attribute} is nobody's option, and nobody uses it"
    for option in ACTIONS:
        for action in _names(getattr(admin, option, None) or ()):
            yield from _problems_of_action(admin, f"{name}.{option}", action)
    for option in PATHS:
        for path in _names(_listed(getattr(admin, option, ()))):
            if not leads_to_field(admin.model, path):
                yield f"{name}.{option}: {path} does not exist"


def unknown_attributes(admin: "BaseModelAdmin[Any]", request: HttpRequest) -> list[str]:
    """What our classes define and neither the bases know nor our own code or its options use."""
    ours = [one for one in type(admin).__mro__ if one.__module__.split(".")[0] in APPS]
    known = {name for one in type(admin).__mro__ if one not in ours for name in vars(one)}
    known |= {"Media", *used_attributes(), *named(admin, request)}
    return sorted(
        {name for one in ours for name in vars(one) if name not in known and name[:2] != "__"}
    )


def named(admin: "BaseModelAdmin[Any]", request: HttpRequest) -> set[str]:
    """Methods that the options name: columns, read-only fields, actions."""
    options: list[Any] = [getattr(admin, option, None) or () for option in ACTIONS]
    options += [getattr(admin, "list_display", ()), getattr(admin, "list_display_links", ()) or ()]
    for row in (None, admin.model._default_manager.first()):
        options.append(admin.get_readonly_fields(request, row))
    return {name for option in options for name in _names(option)}


def leads_to_field(model: type[models.Model], path: str) -> bool:
    """Whether a look-up such as `project__name` starts at the model; what follows may be a word."""
    current: type[models.Model] | None = model
    for step in path.lstrip("^=@").split("__"):
        if step == "pk" or current is None:
            continue
        try:
            field = current._meta.get_field(step)
        except FieldDoesNotExist:
            return False
        current = field.related_model if field.is_relation else None
    return True


def _problems_of_action(admin: Any, option: str, name: str) -> Iterator[str]:
    method = getattr(admin, name, None) or dict(admin.admin_site.actions).get(name)
    if method is None:
        yield f"{option}: {name} does not exist"
    elif not getattr(method, "short_description", None):
        yield f"{option}: {name} has no description"


def _listed(option: Any) -> Iterable[Any]:
    return option if isinstance(option, (list, tuple)) else ()


def _names(option: Iterable[Any]) -> Iterator[str]:
    """The names in an option: of (name, filter), of a menu of actions, or itself."""
    for one in option:
        if isinstance(one, dict):
            yield from _names(one.get("items", ()))
        elif isinstance(one, (list, tuple)):
            yield str(one[0])
        elif isinstance(one, str):
            yield one


@cache
def used_attributes() -> frozenset[str]:
    """The names after a dot anywhere in our code and in the templates of the theme and ours.

    A call of super()'s own method is no use.
    """
    found = set()
    for folder in (Path(settings.BASE_DIR) / "templates", Path(unfold.__file__).parent):
        for file in folder.rglob("*.html"):
            found |= set(re.findall(r"\.(\w+)", file.read_text()))
    for app in APPS:
        for file in (Path(settings.BASE_DIR) / app).rglob("*.py"):
            if not {"tests", "migrations"} & set(file.parts):
                found |= set(_attributes(ast.parse(file.read_text())))
    return frozenset(found)


def _attributes(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            of = node.value
            is_super = isinstance(of, ast.Call) and getattr(of.func, "id", "") == "super"
            if not is_super:
                yield node.attr
