"""The admin's search: its lists by name, and the rows that the caller may see.

The theme's own keeps what it found for five minutes, which would outlive a lost membership, and
reads every matching row of every table.
"""

from typing import Any

from django.apps import apps
from django.contrib.admin import AdminSite
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.text import capfirst
from unfold.dataclasses import SearchResult

from arv.navigation import sidebar
from companies.models.ownership import company_path

# Labels of models, by what people look for first.
SEARCHED = ["content.ARContent", "companies.Project", "content.Portrait", "companies.Company"]
SHORTEST = 2
ROWS_OF_EACH = 8


def search(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """The results as a fragment for the sidebar or, with `extended`, for the command palette."""
    term = request.GET.get("s", "").replace("\x00", "").strip()
    if not term:
        return HttpResponse()
    found = [*pages(request, term), *rows(site, request, term)]
    paginator = Paginator(found, max(len(found), 1))
    is_palette = "extended" in request.GET
    return TemplateResponse(
        request,
        f"unfold/helpers/{'command' if is_palette else 'search'}_results.html",
        {"page_obj": paginator, "results": paginator.page(1), "page_counter": 0},
        headers={"HX-Trigger": "search"},
    )


def pages(request: HttpRequest, term: str) -> list[SearchResult]:
    return [
        SearchResult(
            title=item["title"],
            description=str(group.get("title", "")),
            link=item["link"],
            icon=item["icon"],
        )
        for group in sidebar(request)
        for item in group["items"]
        if term.casefold() in item["title"].casefold()
    ]


def rows(site: AdminSite, request: HttpRequest, term: str) -> list[SearchResult]:
    if len(term) < SHORTEST:
        return []
    found: list[SearchResult] = []
    for label in SEARCHED:
        model: Any = apps.get_model(label)
        model_admin = site.get_model_admin(model)
        if not model_admin.has_view_permission(request):
            continue
        queryset, has_doubles = model_admin.get_search_results(
            request, model_admin.get_queryset(request), term
        )
        if has_doubles:
            queryset = queryset.distinct()
        has_company = company_path(model) == "company"
        if has_company:
            queryset = queryset.select_related("company")
        for row in queryset[:ROWS_OF_EACH]:
            kind = capfirst(str(model._meta.verbose_name))
            found.append(
                SearchResult(
                    title=str(row),
                    description=f"{kind} · {row.company}" if has_company else kind,
                    link=reverse(
                        f"admin:{model._meta.app_label}_{model._meta.model_name}_change",
                        args=[row.pk],
                    ),
                    icon="arrow_outward",
                )
            )
    return found
