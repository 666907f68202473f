"""What the lists share: one-click views, the company's column, and tables too long to count."""

import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

from django.contrib.admin.utils import unquote
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import SimpleTemplateResponse
from django.utils import timezone
from django.utils.translation import gettext

from companies.admin.base import ArvModelAdmin, ScopedRelatedFilter
from companies.models import Company
from companies.models.ownership import company_id_of
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
    """A list with its usual views one click away; its rows' times are those of their company.

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
        with timezone.override(zone_of(only_company(request))):
            return _rendered(super().changelist_view(request, context))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, unquote(object_id)) if object_id else None
        company_id = company_id_of(row) if row else None
        owner = Company.objects.get(pk=company_id) if company_id else only_company(request)
        with timezone.override(zone_of(owner)):
            return _rendered(super().changeform_view(request, object_id, form_url, extra_context))

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


def only_company(request: HttpRequest) -> Company | None:
    """The company of somebody who has just one."""
    companies = list(access_of(request).companies()[:2])
    return companies[0] if len(companies) == 1 else None


def zone_of(company: Company | None) -> tzinfo:
    """The time zone in which forms are read and times are shown."""
    return ZoneInfo(company.time_zone) if company else timezone.get_default_timezone()


def zone_note() -> str:
    return gettext("Times are those of %(zone)s.") % {"zone": timezone.get_current_timezone_name()}


def _rendered(response: Any) -> Any:
    """Rendered while the time zone is still set; Django would do so after the view."""
    return response.render() if isinstance(response, SimpleTemplateResponse) else response


class BoundedRelatedFilter(ScopedRelatedFilter):
    """Offers the newest rows of a long table, and the chosen one."""

    most = 100

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        rows = access_of(request).rows(field.related_model._default_manager.all())
        offered = {row.pk: str(row) for row in rows.order_by("-pk")[: self.most]}
        chosen = request.GET.get(f"{self.field_path}__id__exact", "")
        if chosen.isdecimal() and int(chosen) not in offered:
            offered |= {row.pk: str(row) for row in rows.filter(pk=chosen)}
        return sorted(offered.items(), key=lambda choice: choice[1].lower())


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
    actions = None

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
        page = request.resolver_match
        own_pages = f"{self.opts.app_label}_{self.opts.model_name}_"
        if page is None or (page.url_name or "").startswith(own_pages):
            return False
        return super().has_delete_permission(request, obj)
