"""Who changed what and when: of one row, and of all rows of a company."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.apps import apps
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import CharField, F, Model, QuerySet, Value
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.encoding import force_str
from django.utils.formats import localize
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from companies.admin.zones import company_of, only_company, zone_of
from companies.models import Company, Role, User
from companies.models.ownership import CompanyHistory
from companies.tenancy import Access, access_of

PER_PAGE = 50
OFFERED = 200
KINDS = {"+": _("created"), "~": _("changed"), "-": _("deleted")}


def audited_models() -> dict[str, Any]:
    """The history model of each audited model, by its label."""
    histories: list[Any] = [one for one in apps.get_models() if issubclass(one, CompanyHistory)]
    return {model.instance_type._meta.label_lower: model for model in histories}


def platform_fields(model: Any) -> tuple[str, ...]:
    """The fields of a company's row that its own people are not shown."""
    fields: tuple[str, ...] = getattr(model, "platform_fields", ())
    return fields


def render_history(request: HttpRequest, model_admin: Any, row: Model) -> HttpResponse:
    """The history page of one row: each change with the values before and after."""
    history = audited_models().get(row._meta.label_lower)
    records: QuerySet[Any] | list[Any] = []
    if history is not None:
        newest_first = history.objects.select_related("history_user")
        records = newest_first.filter(**{history.instance_type._meta.pk.attname: row.pk}).order_by(
            "-history_date", "-history_id"
        )
    page = Paginator(records, PER_PAGE).get_page(request.GET.get("p"))
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Who changed what: %(row)s") % {"row": row},
        "opts": row._meta,
        "original": row,
        "page": page,
    }
    with timezone.override(zone_of(company_of(row))):
        context["entries"] = _entries(access_of(request), list(page))
        return render(request, "admin/companies/history.html", context)


def _entries(access: Access, records: list[Any]) -> list[dict[str, Any]]:
    """Each record with what it changed: [(field, before, after)]."""
    entries = []
    for position, record in enumerate(records):
        changes: list[tuple[Any, Any, Any]] = []
        if record.history_type == "~":
            # The page's last one alone has to be looked up.
            is_last = position + 1 == len(records)
            before = record.prev_record if is_last else records[position + 1]
            hidden = () if access.manages_platform else platform_fields(record.instance_type)
            changes = [
                one for one in _changes(record, before or record) if one[0].name not in hidden
            ]
            if not changes:
                continue
        entries.append({"record": record, "kind": KINDS[record.history_type], "changes": changes})
    _name_relations(access, [change for entry in entries for change in entry["changes"]])
    for entry in entries:
        entry["changes"] = [
            (field.verbose_name, _shown(field, old), _shown(field, new))
            for field, old, new in entry["changes"]
        ]
    return entries


def _changes(record: Any, before: Any) -> list[Any]:
    return [
        [field, getattr(before, field.attname), getattr(record, field.attname)]
        for field in record.tracked_fields
        if getattr(before, field.attname) != getattr(record, field.attname)
    ]


def _name_relations(access: Access, changes: Iterable[Any]) -> None:
    """Put the name in place of the id of a related row that the reader may see."""
    wanted: dict[Any, set[Any]] = {}
    for field, old, new in changes:
        if field.is_relation:
            wanted.setdefault(field.related_model, set()).update({old, new} - {None})
    names = {
        model: {row.pk: str(row) for row in access.rows(model._default_manager.filter(pk__in=ids))}
        for model, ids in wanted.items()
    }
    for change in changes:
        field = change[0]
        if field.is_relation:
            change[1:] = [
                pk if pk is None else names[field.related_model].get(pk, f"#{pk}")
                for pk in change[1:]
            ]


def _shown(field: Any, value: Any) -> str:
    if value is None or value == "":
        return "—"
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if field.choices:
        return force_str(dict(field.flatchoices).get(value, value))
    if isinstance(value, datetime):
        value = timezone.localtime(value)
    return force_str(localize(value))[:300]


def company_audit(model_admin: Any) -> Callable[[HttpRequest], HttpResponse]:
    """The view of all changes in the caller's companies, deleted rows included."""

    def view(request: HttpRequest) -> HttpResponse:
        access = access_of(request)
        if not access.may_somewhere():
            raise PermissionDenied
        companies = access.companies()
        chosen = _chosen_company(request, companies)
        first = list(companies[: OFFERED + 1])
        offered = first[:OFFERED]
        if chosen is not None and chosen not in offered:
            offered.append(chosen)
        models = audited_models()
        label = request.GET.get("model", "")
        if label and label not in models:
            raise Http404
        asked = models if not label else {label: models[label]}
        rows = _union(model_admin.admin_site, asked, access, chosen)
        page = Paginator(rows, PER_PAGE).get_page(request.GET.get("p"))
        users = User.objects.in_bulk({row["history_user_id"] for row in page} - {None})
        context = {
            **model_admin.admin_site.each_context(request),
            "title": _("Who changed what"),
            "companies": offered,
            "cut_at": OFFERED if len(first) > OFFERED else None,
            "chosen": chosen,
            "label": label,
            "models": [
                (name, history.instance_type._meta.verbose_name) for name, history in models.items()
            ],
            "page": page,
            "entries": [
                {
                    **row,
                    "who": users.get(row["history_user_id"]),
                    "kind": KINDS[row["history_type"]],
                    "model": models[row["label"]].instance_type._meta.verbose_name,
                    "history_url": f"admin:{row['label'].replace('.', '_')}_history"
                    if row["history_type"] != "-"
                    else "",
                }
                for row in page
            ],
        }
        with timezone.override(zone_of(chosen or only_company(request))):
            return render(request, "admin/companies/audit.html", context)

    return view


def _chosen_company(request: HttpRequest, companies: QuerySet[Company]) -> Company | None:
    asked = request.GET.get("company", "")
    if not asked:
        return None
    company = companies.filter(pk=asked).first() if asked.isdecimal() else None
    if company is None:
        raise Http404
    return company


def role_to_view(site: Any, model: Any) -> Role:
    """What is asked of those who read a model's history: as much as for its rows."""
    if not site.is_registered(model):
        return Role.VIEWER
    role: Role = site.get_model_admin(model).role_to_view
    return role


def _union(site: Any, models: dict[str, Any], access: Access, chosen: Company | None) -> Any:
    parts = []
    for label, history in models.items():
        rows = history.objects.order_by()
        if not access.manages_platform:
            readable = access.companies(role_to_view(site, history.instance_type))
            rows = rows.filter(history_company_id__in=readable.values("pk"))
        if chosen is not None:
            rows = rows.filter(history_company_id=chosen.pk)
        parts.append(
            rows.annotate(
                label=Value(label, output_field=CharField()),
                object_id=F(history.instance_type._meta.pk.attname),
            ).values(
                "history_id",
                "history_date",
                "history_type",
                "history_label",
                "history_user_id",
                "label",
                "object_id",
            )
        )
    first, *others = parts
    return (first.union(*others, all=True) if others else first).order_by("-history_date")
