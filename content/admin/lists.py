"""What the lists share: one-click views, the company's column, and tables too long to count."""

import re
import uuid
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse

from companies.admin.base import ArvModelAdmin, on_own_pages
from companies.admin.zones import only_company
from companies.tenancy import access_of

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

M = TypeVar("M", bound=Model)

# (what the list is called, its query)
Shortcut = tuple["StrOrPromise", Mapping[str, str]]

_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
COMPANY_COLUMNS = {"company", "company_name"}


def id_in(text: str) -> uuid.UUID | None:
    """The unique id in what somebody typed or pasted: the id itself, or an address with it."""
    found = _UUID.search(text)
    return uuid.UUID(found[0]) if found else None


class ListAdmin(ArvModelAdmin[M]):
    """A list with its usual views one click away.

    Who works for one company alone is not told which one it is in every row.
    """

    shortcuts: Sequence[Shortcut] = ()
    list_before_template = "admin/content/shortcuts.html"

    def get_list_display(self, request: HttpRequest) -> Any:
        columns = super().get_list_display(request)
        if only_company(request) is None:
            return columns
        return [column for column in columns if column not in COMPANY_COLUMNS]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {**(extra_context or {}), "shortcuts": self._shortcuts(request)}
        return super().changelist_view(request, context)

    def _shortcuts(self, request: HttpRequest) -> list[dict[str, Any]]:
        names = {name for _title, query in self.shortcuts for name in query}
        present = {name: request.GET[name] for name in names if request.GET.get(name)}
        links = []
        for title, query in self.shortcuts:
            kept = request.GET.copy()
            for name in (*names, "p", "e"):
                kept.pop(name, None)
            kept.update(dict(query))
            url = f"?{kept.urlencode()}"
            links.append({"title": title, "url": url, "is_current": present == dict(query)})
        return links


class NewestRowsPaginator(Paginator[M]):
    """Counts up to a bound: counting millions of rows takes longer than reading the page."""

    bound = 5_000

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        return rows[: self.bound].count() if isinstance(rows, QuerySet) else len(rows)


class LogAdmin(ListAdmin[M]):
    """Rows that the platform writes and people read."""

    paginator = NewestRowsPaginator
    sortable_by = ()
    actions: Any = None

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Newest first, by the index that serves it: a company's rows, or all by their key."""
        everything = access_of(request).manages_platform
        if everything and not request.GET.get("company__id__exact"):
            return ("-pk",)
        return ("-created_at", "-pk")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not here; but a page that deletes what the rows belong to asks too, and takes them."""
        return not on_own_pages(self, request) and super().has_delete_permission(request, obj)
