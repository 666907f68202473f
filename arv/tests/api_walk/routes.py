"""Every address below /api, and what to ask for there. One that is not listed fails the walk."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from arv.tests.api_walk.world import World

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
Body = Callable[[World], dict[str, Any]]


@dataclass(frozen=True)
class Route:
    """`ids`: what makes an address of the pattern, out of a company's rows. `bodies`: what is
    sent with a method, naming only that company's rows. `query`: what makes an answer tell all."""

    ids: Callable[[World], dict[str, Any]] = field(default=lambda world: {})
    bodies: dict[str, Body] = field(default_factory=dict)
    form: bool = False
    query: str = ""

    def body(self, method: str, world: World) -> dict[str, Any]:
        made = self.bodies.get(method)
        return made(world) if made else {}


def _one(name: str) -> Callable[[World], dict[str, Any]]:
    return lambda world: {"id": getattr(world, name).pk}


def _named(**names: str) -> Callable[[World], dict[str, Any]]:
    return lambda world: {
        placeholder: getattr(world, name).pk for placeholder, name in names.items()
    }


def _sequence(world: World) -> dict[str, Any]:
    return {"video_sequence": [world.video.pk], "rotation_id": world.schedule.pk}


# Whoever may call these need not be a member of anything. Their own tests say what they show.
OPEN = {
    "api/ar/<str:unique_id>/active-video",
    "api/ar/<str:unique_id>/content",
    "api/portraits/by-unique/<str:unique_id>",
    "api/portraits/by-unique/<str:unique_id>/active-video",
    "api/analytics/ar-session",
    "api/analytics/ar-session/<str:session_id>",
    "api/analytics/ar-session/<str:session_id>/end",
    "api/v/visit",
    "api/v/visit/<str:session_id>",
    "api/v/visit/<str:session_id>/end",
    "api/health/readiness",
    "api/health/status",
    "api/schema",
    "api/docs",
}

ROWS = {
    "api/companies/<int:id>": Route(
        _one("company"), {"PATCH": lambda world: {"contact_phone": "1"}}
    ),
    "api/companies/<int:id>/projects": Route(_one("company")),
    "api/companies/<int:id>/storage": Route(_one("company")),
    "api/companies/<int:id>/members": Route(
        _one("company"), {"POST": lambda world: {"email": "intruder@example.com", "role": "owner"}}
    ),
    "api/members/<int:id>": Route(_one("member"), {"PATCH": lambda world: {"role": "viewer"}}),
    "api/tokens/<int:id>": Route(_one("token")),
    "api/projects/<int:id>": Route(_one("project"), {"PATCH": lambda world: {"name": "Changed"}}),
    "api/projects/<int:id>/extend": Route(_one("project"), {"POST": lambda world: {"days": 5}}),
    "api/projects/<int:id>/ar-content": Route(_one("project")),
    "api/storage/connections/<int:id>": Route(
        _one("connection"), {"PATCH": lambda world: {"name": "Changed"}}
    ),
    "api/storage/connections/<int:id>/test": Route(_one("connection")),
    "api/ar-content/<int:id>": Route(
        _one("content"), {"PATCH": lambda world: {"title": "Changed"}}
    ),
    "api/ar-content/<int:id>/generate-marker": Route(_one("content")),
    "api/ar-content/by-unique/<uuid:unique_id>": Route(
        lambda world: {"unique_id": world.content.unique_id}
    ),
    # There is no file in the request.
    "api/ar-content/<int:id>/videos": Route(
        _one("content"), {"POST": lambda world: {"title": "New"}}, form=True
    ),
    "api/videos/<int:id>": Route(_one("video"), {"PATCH": lambda world: {"title": "Changed"}}),
    "api/videos/<int:id>/activate": Route(_one("video")),
    "api/videos/<int:id>/retry": Route(_one("video")),
    "api/ar-content/<int:id>/rotation": Route(
        _one("content"),
        {
            "POST": lambda world: {
                "rotation_type": "weekly",
                "video_sequence": [world.video.pk],
            }
        },
    ),
    "api/ar-content/<int:id>/rotation/sequence": Route(
        _one("content"), {"PUT": _sequence, "POST": _sequence}
    ),
    "api/ar-content/<int:id>/rotation/calendar": Route(_one("content")),
    "api/rotation/<int:id>": Route(
        _one("schedule"), {"PATCH": lambda world: {"time_of_day": "09:30"}}
    ),
    "api/notifications/<int:id>": Route(_one("notice")),
    "api/notifications/<int:id>/resend": Route(_one("notice")),
    "api/portraits/<int:id>": Route(
        _one("portrait"), {"PATCH": lambda world: {"title": "Changed"}}
    ),
    "api/analytics/companies/<int:company_id>": Route(
        _named(company_id="company"), query="?tables=all"
    ),
    "api/analytics/companies/<int:company_id>/export.csv": Route(_named(company_id="company")),
    "api/analytics/projects/<int:project_id>": Route(
        _named(project_id="project"), query="?tables=all"
    ),
    "api/analytics/projects/<int:project_id>/export.csv": Route(_named(project_id="project")),
    "api/analytics/ar-content/<int:content_id>": Route(
        _named(content_id="content"), query="?tables=all"
    ),
    "api/analytics/ar-content/<int:content_id>/export.csv": Route(_named(content_id="content")),
}

# Lists of whatever the caller may see, and places where new rows are made.
LISTS = {
    "api/companies": Route(
        bodies={"POST": lambda world: {"name": "New", "storage_connection_id": world.connection.pk}}
    ),
    "api/members": Route(),
    "api/tokens": Route(
        bodies={
            "POST": lambda world: {
                "name": "New",
                "company_id": world.company.pk,
                "user_id": world.owner.pk,
            }
        }
    ),
    "api/auth/token": Route(),
    "api/projects": Route(
        bodies={"POST": lambda world: {"name": "New", "company_id": world.company.pk}}
    ),
    "api/storage/connections": Route(
        bodies={
            "POST": lambda world: {
                "name": "New",
                "company_id": world.company.pk,
                "provider": "minio",
            }
        }
    ),
    "api/ar-content": Route(
        bodies={
            "POST": lambda world: {
                "title": "New",
                "project_id": world.project.pk,
                "portrait_id": world.portrait.pk,
            }
        },
        form=True,
    ),
    "api/portraits": Route(
        bodies={"POST": lambda world: {"title": "New", "company_id": world.company.pk}}, form=True
    ),
    "api/notifications": Route(),
    "api/analytics/overview": Route(query="?tables=all"),
    "api/analytics/overview/export.csv": Route(),
}


@dataclass(frozen=True)
class Pattern:
    route: str
    callback: Any

    @property
    def methods(self) -> set[str]:
        """What the view answers; empty for a plain function, which says so itself."""
        actions = getattr(self.callback, "actions", None)
        if actions is None:
            view = getattr(self.callback, "view_class", None)
            actions = [one.lower() for one in METHODS if view and hasattr(view, one.lower())]
        return {one.upper() for one in actions} - {"HEAD"}


def patterns() -> Iterator[Pattern]:
    """Every pattern of the URLconf below /api."""
    yield from _below(get_resolver().url_patterns, "")


def _below(found: list[Any], prefix: str) -> Iterator[Pattern]:
    for one in found:
        route = prefix + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from _below(one.url_patterns, route)
        elif isinstance(one, URLPattern) and route.startswith("api/"):
            yield Pattern(route, one.callback)


def address(route: str, ids: dict[str, Any]) -> str:
    for name, value in ids.items():
        for converter in ("int", "str", "uuid"):
            route = route.replace(f"<{converter}:{name}>", str(value))
    if "<" in route:
        raise AssertionError(f"{route} needs another id")
    return f"/{route}"
