"""Nobody sees or touches another company's rows through any page of the admin.

The walk knocks at every URL pattern with the ids and words of the other company. It fails for a
pattern that it does not know, and it is shown to find what it looks for: with the scope taken
away, it does.
"""

from collections.abc import Iterator

import pytest
from django.contrib.admin.options import BaseModelAdmin

from arv.tests.admin_walk.doors import Door, Knocker, doors
from arv.tests.admin_walk.visitors import Visitor, leaks, noted_writes, text_of
from arv.tests.admin_walk.worlds import (
    RECIPES,
    World,
    changed,
    company_models,
    fingerprint,
    registered_models,
    undone,
)
from companies.admin.base import TenantOptions
from companies.models import Membership, Role, User
from companies.models.ownership import company_path
from companies.tenancy import Access
from companies.tests.factories import UserFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.once,
    pytest.mark.filterwarnings("error::django.core.paginator.UnorderedObjectListWarning"),
]

Knockers = dict[World, Knocker]

# The page, or the way to it; 405 where only a form may lead.
OPENED = {200, 302, 405}
# What only the platform writes, and what goes with its company or content alone. A token is
# revoked instead: what was done with it stays on record.
NEVER_DELETED = {
    "companies_apitoken_delete",
    "companies_storagefolder_delete",
    "content_notification_delete",
    "analytics_arviewsession_delete",
}
CLOSED_TO_OWNERS = {*NEVER_DELETED, "companies_company_delete"}


@pytest.fixture(scope="module")
def superuser(database: None) -> User:
    return UserFactory.create(username="superuser", is_staff=True, is_superuser=True)


@pytest.fixture(scope="module")
def everything(superuser: User) -> Visitor:
    return Visitor("superuser", superuser)


@pytest.fixture(scope="module")
def knockers(home: World, away: World, everything: Visitor) -> Knockers:
    """At the rows of each world; what is posted there is read from its forms once."""
    return {world: Knocker(world, everything) for world in (home, away)}


def visitor(role: str, home: World, away: World) -> Visitor:
    """Somebody to whom `away` is foreign; the stranger is at home there, and `home` is foreign."""
    if role == "anonymous":
        return Visitor(role, None)
    if role == "stranger":
        return Visitor(role, away.people[Role.OWNER])
    if role == "neighbour":
        # An owner at home who may look at the other company, and no more.
        user = UserFactory.create(username="neighbour", is_staff=True)
        for world, at in ((home, Role.OWNER), (away, Role.VIEWER)):
            Membership.objects.create(user=user, company=world.company, role=at)
        return Visitor(role, user)
    return Visitor(role, home.people[Role(role)])


def walk(who: Visitor, knocker: Knocker, kinds: tuple[str, ...] = ()) -> Iterator[str]:
    """Everything that is wrong at the doors, or at those of some kinds alone.

    Each visit is undone, so the next one finds what this one found.
    """
    foreign = knocker.foreign
    before = fingerprint(foreign)
    for door in doors():
        if kinds and door.kind not in kinds:
            continue
        for visit in knocker.visits(door):
            with undone():
                with noted_writes() as written:
                    yield from who.problems(visit, foreign, may_refuse=door.is_platforms)
                if written and (tables := changed(before, fingerprint(foreign))):
                    yield f"{who.role} {visit.method} {visit.url} {visit.data}: changes {tables}"


def test_every_url_pattern_has_a_fixture(away: World, knockers: Knockers) -> None:
    unknown = []
    for door in doors():
        try:
            assert knockers[away].visits(door), f"{door} is not knocked at"
        except LookupError as error:
            unknown.append(str(error))
    assert not unknown, "\n".join(unknown)
    for name, argument in (("content_arcontent_new", "object_id"), ("content_video_change", "pk")):
        route = f"admin/content/video/<path:{argument}>/"
        with pytest.raises(LookupError, match=name):
            knockers[away].visits(Door(route, name, frozenset({argument})))


def test_every_model_of_a_company_has_rows_full_of_canaries(away: World) -> None:
    assert {model._meta.label_lower for model in company_models()} == set(away.rows)
    assert len(RECIPES) == len(away.rows)
    pages = [model for model in registered_models() if company_path(model) is not None]
    assert len(pages) >= 9
    for label, rows in away.rows.items():
        texts = "".join(repr(value) for value in vars(rows[0]).values())
        assert label == "companies.storagefolder" or away.hint in texts, label


@pytest.mark.parametrize("role", ["anonymous", "viewer", "editor", "owner", "stranger"])
def test_nothing_of_another_company_comes_out_or_changes(
    role: str, home: World, away: World, knockers: Knockers
) -> None:
    foreign = home if role == "stranger" else away
    found = list(walk(visitor(role, home, away), knockers[foreign]))
    assert not found, told(found)


def test_whoever_may_only_look_at_the_other_company_changes_nothing_of_it(
    home: World, away: World, knockers: Knockers
) -> None:
    """An owner here who is a viewer there."""
    neighbour = visitor("neighbour", home, away)
    before = fingerprint(away)
    found = []
    for door in doors():
        for visit in knockers[away].visits(door):
            if visit.data is not None:
                with undone(), noted_writes() as written:
                    status = neighbour.send(visit).status_code
                    if status >= 500 or (written and changed(before, fingerprint(away))):
                        found.append(f"{status} {visit.url} {visit.data}")
    assert not found, told(found)


def test_superusers_open_every_page_of_every_company(
    away: World, everything: Visitor, knockers: Knockers
) -> None:
    found = []
    for door in doors():
        for visit in knockers[away].visits(door):
            if "?" in visit.url and door.kind == "changelist":
                continue  # opened by each of its filters in test_every_page.py
            with undone():
                response = everything.send(visit)
            status = response.status_code
            opens = status in OPENED or visit.data is not None or not door.names_row
            if status >= 500 or not (opens or door.name in NEVER_DELETED):
                found.append(f"{visit.method} {visit.url} {visit.data} answers {status}")
            if away.secret in text_of(response):
                found.append(f"{visit.method} {visit.url} shows a secret")
    assert not found, told(found)


def test_owners_open_the_pages_of_their_own_rows(home: World, knockers: Knockers) -> None:
    """The walk proves nothing unless the doors that it finds closed open for somebody."""
    owner = visitor("owner", home, home)
    own = knockers[home]
    rows = [door for door in doors() if door.names_row and not door.is_platforms]
    opened = {door: owner.send(own.visits(door)[0]) for door in rows}
    closed = {door.name for door, response in opened.items() if response.status_code not in OPENED}
    assert closed == CLOSED_TO_OWNERS, closed
    assert all(leaks(response, home) for door, response in opened.items() if door.kind == "change")


@pytest.mark.parametrize("scope", ["get_queryset", "rows"])
def test_the_walk_finds_what_a_missing_scope_lets_out(
    scope: str, home: World, away: World, knockers: Knockers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: without its scope, the base class shows and changes foreign rows."""
    if scope == "get_queryset":
        monkeypatch.setattr(TenantOptions, scope, BaseModelAdmin.get_queryset)
    else:
        monkeypatch.setattr(Access, "rows", lambda self, rows, at_least=Role.VIEWER: rows)
        monkeypatch.setattr(Access, "may", lambda self, row, at_least: True)
    owner = visitor("owner", home, away)
    found = list(walk(owner, knockers[away], ("change", "changelist", "delete")))
    assert any("shows" in problem for problem in found)
    if scope == "rows":
        assert any("changes" in problem for problem in found)


def told(found: list[str]) -> str:
    return f"{len(found)} problems\n" + "\n".join(found)
