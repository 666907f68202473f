"""Every URL of the admin and of the account pages, and how to knock there with foreign ids."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.apps import apps
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.test import RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils.http import int_to_base36

from arv.tests.admin_walk.html import form_data
from arv.tests.admin_walk.visitors import Visit, Visitor
from arv.tests.admin_walk.worlds import World
from companies.models import Role, User
from companies.models.ownership import company_path

PREFIXES = ("admin/", "account/")

# Pages of one row beyond Django's own, each with what it takes to do something there.
ROW_PAGES: dict[str, dict[str, Any]] = {
    "companies_project_extend": {"days": "30"},
    "content_arcontent_calendar": {},
    "content_arcontent_features": {},
    "content_arcontent_marker": {},
    "content_arcontent_print_sheet": {},
    "content_arcontent_qr_png": {},
    "content_arcontent_qr_svg": {},
    "content_portrait_features": {},
    "content_notification_send_again": {},
    "content_portrait_marker": {},
    "content_video_activate": {},
    "content_video_state": {},
    "content_bulkimport_errors": {},
    "content_bulkimport_progress": {},
    "content_bulkimport_sheet": {},
    "content_bulkimport_start": {},
    "auth_user_password_change": {"password1": "forged-Pass-1", "password2": "forged-Pass-1"},
}
# Pages without a row; their queries are tried with foreign ids and words.
OTHER_PAGES = {"companies_audit", "content_bulkimport_table", "content_notification_test"}
# What actions ask for on their own pages; posted with every action.
ACTION_DATA = {"days": "30", "post": "yes", "index": "0"}


@dataclass(frozen=True)
class Door:
    """A URL pattern."""

    route: str
    name: str
    arguments: frozenset[str]

    @property
    def model(self) -> type[models.Model] | None:
        """The model whose admin the page belongs to."""
        parts = self.route.split("/")
        try:
            return apps.get_model(parts[1], parts[2]) if parts[0] == "admin" else None
        except (LookupError, IndexError):
            return None

    @property
    def kind(self) -> str:
        """change, delete, … of a model's own pages; else the pattern's name."""
        model = self.model
        if model is None:
            return self.name
        stem = f"{model._meta.app_label}_{model._meta.model_name}_"
        return self.name.removeprefix(stem)

    @property
    def names_row(self) -> bool:
        return self.model is not None and bool(self.arguments)

    @property
    def is_platforms(self) -> bool:
        return self.model is not None and company_path(self.model) is None

    def __str__(self) -> str:
        return f"{self.name or '(no name)'} {self.route}"


def doors() -> Iterator[Door]:
    """All URL patterns below the prefixes, in the order of the resolver."""

    def walk(patterns: Iterable[URLPattern | URLResolver], start: str) -> Iterator[Door]:
        for pattern in patterns:
            route = start + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, route)
            elif route.startswith(PREFIXES):
                arguments = frozenset(pattern.pattern.regex.groupindex)
                yield Door(route, pattern.name or "", arguments)

    return walk(get_resolver().url_patterns, "")


class Knocker:
    """Makes the visits of a door at the rows of a world, as its superuser would see the forms."""

    def __init__(self, foreign: World, superuser: Visitor) -> None:
        self.foreign = foreign
        self.superuser = superuser
        self._forms: dict[str, dict[str, list[str]]] = {}
        self._visits: dict[Door, list[Visit]] = {}

    def visits(self, door: Door) -> list[Visit]:
        """Raises LookupError for a door that nobody has thought of."""
        find = FIXTURES.get((door.kind, door.arguments))
        if find is None and door.name in ROW_PAGES and door.arguments in ({"object_id"}, {"id"}):
            find = row_page
        if find is None and door.name in OTHER_PAGES and not door.arguments:
            find = other_page
        if find is None:
            raise LookupError(f"{door} with {sorted(door.arguments)}")
        if door not in self._visits:
            self._visits[door] = list(find(self, door))
        return self._visits[door]

    def pk(self, model: type[models.Model]) -> int:
        """A row of the foreign world; of the platform's models, any row."""
        if model is User:
            return self.foreign.people[Role.OWNER].pk
        pk = self.foreign.ids.get(model)
        if pk is None:
            row = model._default_manager.first()
            pk = row.pk if row else 1
        return pk

    def address(self, door: Door) -> str:
        assert door.model is not None
        pk = self.pk(door.model)
        if not door.name:
            return f"/{door.route}".replace("<path:object_id>", str(pk))
        return reverse(f"admin:{door.name}", args=[pk] if door.arguments else [])

    def form_of(self, url: str, model: type[models.Model]) -> dict[str, list[str]]:
        """What a superuser's browser would post from that page."""
        if url not in self._forms:
            response = self.superuser.send(Visit(url))
            name = f"{model._meta.model_name}_form"
            self._forms[url] = form_data(response.content.decode(), name)
        return self._forms[url]


def forged(data: dict[str, list[str]], canary: str) -> dict[str, list[str]]:
    """The form with each text of the foreign company changed, so that saving it would show."""
    return {
        name: [f"x{one}" if canary in one and not one.startswith(("[", "{")) else one for one in of]
        for name, of in data.items()
    }


Fixture = Callable[[Knocker, Door], Iterable[Visit]]


def row_page(knocker: Knocker, door: Door) -> Iterator[Visit]:
    url = knocker.address(door)
    yield Visit(url, names_row=True)
    yield Visit(url, dict(ROW_PAGES[door.name]), names_row=True)


def change(knocker: Knocker, door: Door) -> Iterator[Visit]:
    assert door.model is not None
    url = knocker.address(door)
    yield Visit(url, names_row=True)
    data: dict[str, Any] = forged(knocker.form_of(url, door.model), knocker.foreign.canary)
    yield Visit(url, {**data, "_save": "Save"}, names_row=True)
    # Django takes this one for the page that adds, which repeats what was posted.
    echoed = frozenset({knocker.foreign.canary})
    yield Visit(url, {**data, "_saveasnew": "Save"}, echoed=echoed)


def delete(knocker: Knocker, door: Door) -> Iterator[Visit]:
    url = knocker.address(door)
    yield Visit(url, names_row=True)
    yield Visit(url, {"post": "yes"}, names_row=True)


def row(knocker: Knocker, door: Door) -> Iterator[Visit]:
    url = knocker.address(door)
    yield Visit(url, names_row=True)
    yield Visit(url, {}, names_row=True)


def add(knocker: Knocker, door: Door) -> Iterator[Visit]:
    """The empty form, filled with foreign ids by the address, and posted with them."""
    assert door.model is not None
    url = knocker.address(door)
    yield Visit(url)
    chosen = {}
    for field in door.model._meta.get_fields():
        if isinstance(field, (models.ForeignKey, models.ManyToManyField)):
            chosen[field.name] = str(knocker.pk(field.related_model))
    if chosen:
        yield Visit(f"{url}?{urlencode(chosen)}")
        data: dict[str, Any] = dict(knocker.form_of(url, door.model))
        yield Visit(url, {**data, **chosen, "_save": "Save"})


def changelist(knocker: Knocker, door: Door) -> Iterator[Visit]:
    assert door.model is not None
    model, foreign = door.model, knocker.foreign
    url = knocker.address(door)
    yield Visit(url)
    for query in list_queries(knocker, model):
        yield Visit(f"{url}?{urlencode(query)}")
    for text in foreign.unique_ids(model):
        yield Visit(f"{url}?{urlencode({'q': text})}", echoed=frozenset({text}))
    pk = knocker.pk(model)
    for action in actions_of(model):
        for across in ("0", "1"):
            chosen = {"action": action, "_selected_action": [str(pk)], "select_across": across}
            yield Visit(url, {**ACTION_DATA, **chosen})
    edited = {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-id": str(pk)}
    yield Visit(url, {**edited, "_save": "Save"})


def list_queries(knocker: Knocker, model: type[models.Model]) -> Iterator[dict[str, str]]:
    """Searches, filters and look-ups at foreign rows."""
    hint = knocker.foreign.hint
    pk, company = str(knocker.pk(model)), str(knocker.foreign.company.pk)
    yield {"id__exact": pk}
    yield {"_popup": "1", "_to_field": "id", "q": hint}
    for one in admin.site._registry[model].list_filter:
        name = one[0] if isinstance(one, (list, tuple)) else one
        # Filters that are no look-ups are tried with each of their values in test_every_page.py.
        if isinstance(name, str) and name.endswith("company"):
            yield {f"{name}__id__exact": company}
            yield {f"{name}__name__startswith": hint}
            yield {f"{name}__id__in": company}
    for field in model._meta.concrete_fields:
        if isinstance(field, models.ForeignKey):
            yield {f"{field.name}__id__exact": str(knocker.pk(field.related_model))}
        elif isinstance(field, (models.CharField, models.TextField)) and not field.choices:
            yield {f"{field.name}__startswith": hint}


def actions_of(model: type[models.Model]) -> list[str]:
    """Every action of the list, whoever may use it."""
    request = RequestFactory().get("/")
    request.user = User(is_superuser=True, is_staff=True)
    return list(admin.site._registry[model].get_actions(request))


def autocomplete(knocker: Knocker, door: Door) -> Iterator[Visit]:
    """Every foreign key of every model that has a page, whether or not a form completes it."""
    for model in admin.site._registry:
        for field in model._meta.get_fields():
            if isinstance(field, (models.ForeignKey, models.ManyToManyField)):
                where = {
                    "app_label": model._meta.app_label,
                    "model_name": str(model._meta.model_name),
                    "field_name": field.name,
                }
                for term in ("", knocker.foreign.hint):
                    yield Visit(f"/{door.route}?{urlencode({**where, 'term': term})}")


def catch_all(knocker: Knocker, door: Door) -> Iterator[Visit]:
    """What is no page, such as Django's redirect to a row by its content type."""
    yield Visit("/admin/content/arcontent", names_row=True)
    for model, pk in knocker.foreign.ids.items():
        kind = ContentType.objects.get_for_model(model)
        yield Visit(f"/admin/r/{kind.pk}/{pk}/", names_row=True)
        yield Visit(f"/admin/r/{kind.pk}/{pk}/", {}, names_row=True)


def search(knocker: Knocker, door: Door) -> Iterator[Visit]:
    for extended in ("", "&extended=1"):
        yield Visit(f"/{door.route}?s={knocker.foreign.hint}{extended}")


def other_page(knocker: Knocker, door: Door) -> Iterator[Visit]:
    url = f"/{door.route}"
    company = knocker.foreign.company.pk
    yield Visit(url)
    for name in ("company", "project", "q", "id", "pk", "ids", "content", "import"):
        yield Visit(f"{url}?{name}={company}")
    yield Visit(f"{url}?q={knocker.foreign.hint}")
    yield Visit(
        url, {"company": company, "project": knocker.pk(apps.get_model("companies.project"))}
    )


def dashboard(knocker: Knocker, door: Door) -> Iterator[Visit]:
    """The figures of another company's rows, and its projects and contents by name."""
    names = ("company", "project", "content")
    company, project, content = (
        knocker.pk(apps.get_model(label))
        for label in ("companies.company", "companies.project", "content.arcontent")
    )
    yield Visit(f"/{door.route}")
    yield Visit(f"/{door.route}?q={knocker.foreign.hint}&of=project")
    yield Visit(f"/{door.route}?q={knocker.foreign.hint}&period=90&from=2025-01-01&to=2025-01-02")
    for name, pk in zip(names, (company, project, content), strict=True):
        for period in ("period=90", "from=2025-01-01&to=2025-01-02"):
            yield Visit(f"/{door.route}?{name}={pk}&{period}", names_row=True)
    yield Visit(f"/{door.route}?company={company}&project={project}&of=content", names_row=True)
    yield Visit(f"/{door.route}?content={content}x", names_row=True)
    yield Visit(f"/{door.route}", {"company": company})


def turns(knocker: Knocker, door: Door) -> Iterator[Visit]:
    """What a rule would do at another company's content."""
    content = knocker.pk(apps.get_model("content.arcontent"))
    yield Visit(f"/{door.route}?rotation_type=daily&content={content}", names_row=True)
    yield Visit(f"/{door.route}?rotation_type=cron&cron_expression=x&content=x", names_row=True)


def plain(knocker: Knocker, door: Door) -> Iterator[Visit]:
    yield Visit(f"/{door.route}")
    yield Visit(f"/{door.route}", {})


def app_list(knocker: Knocker, door: Door) -> Iterator[Visit]:
    for label in sorted({model._meta.app_label for model in admin.site._registry}):
        yield Visit(reverse("admin:app_list", args=[label]))


def reset_key(knocker: Knocker, door: Door) -> Iterator[Visit]:
    """A made-up link to set the password of somebody of the other company."""
    uid = int_to_base36(knocker.foreign.people[Role.OWNER].pk)
    url = reverse(door.name, args=[uid, "0-" + "a" * 32])
    yield Visit(url)
    yield Visit(url, {"password1": "forged-Pass-1", "password2": "forged-Pass-1"})


def account(knocker: Knocker, door: Door) -> Iterator[Visit]:
    """The pages of whoever is signed in, and those that take a name."""
    url = f"/{door.route}"
    person = knocker.foreign.people[Role.OWNER]
    texts = {"login": person.username, "email": person.email, "password": "a wrong password"}
    yield Visit(url)
    yield Visit(url, texts, echoed=frozenset({knocker.foreign.canary}))


ROW = frozenset({"object_id"})
NOTHING: frozenset[str] = frozenset()
# By what the page is and what its address asks for: another pattern needs a fixture of its own.
FIXTURES: dict[tuple[str, frozenset[str]], Fixture] = {
    ("changelist", NOTHING): changelist,
    ("add", NOTHING): add,
    ("change", ROW): change,
    ("delete", ROW): delete,
    ("history", ROW): row,
    ("", ROW): row,
    ("index", NOTHING): plain,
    ("login", NOTHING): plain,
    ("logout", NOTHING): plain,
    ("password_change", NOTHING): plain,
    ("password_change_done", NOTHING): plain,
    ("jsi18n", NOTHING): plain,
    ("search", NOTHING): search,
    ("turns", NOTHING): turns,
    ("autocomplete", NOTHING): autocomplete,
    ("analytics_dashboard", NOTHING): dashboard,
    ("analytics_dashboard_choices", NOTHING): dashboard,
    ("app_list", frozenset({"app_label"})): app_list,
    ("", frozenset({"url"})): catch_all,
    ("account_reset_password_from_key", frozenset({"uidb36", "key"})): reset_key,
    **{
        (name, NOTHING): account
        for name in (
            "account_login",
            "account_logout",
            "account_inactive",
            "account_reauthenticate",
            "account_change_password",
            "account_set_password",
            "account_reset_password",
            "account_reset_password_done",
            "account_reset_password_from_key_done",
            "mfa_index",
            "mfa_authenticate",
            "mfa_reauthenticate",
            "mfa_activate_totp",
            "mfa_deactivate_totp",
            "mfa_view_recovery_codes",
            "mfa_generate_recovery_codes",
            "mfa_download_recovery_codes",
            "set_language",
        )
    },
}
