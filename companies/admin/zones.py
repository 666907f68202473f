"""Times in the back office: read and shown in the time zone of the company they belong to."""

from datetime import tzinfo
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from django.contrib.admin.utils import unquote
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import SimpleTemplateResponse
from django.utils import timezone
from unfold.admin import ModelAdmin

from companies.models import Company
from companies.models.ownership import company_id_of, company_path
from companies.tenancy import access_of

M = TypeVar("M", bound=Model)


def only_company(request: HttpRequest) -> Company | None:
    """The company of somebody who has just one."""
    companies = list(access_of(request).companies()[:2])
    return companies[0] if len(companies) == 1 else None


def company_of(row: Model) -> Company | None:
    """The company that a row belongs to; None for what is the platform's."""
    company_id = company_id_of(row)
    return None if company_id is None else Company.objects.filter(pk=company_id).first()


def zone_of(company: Company | None) -> tzinfo:
    """The zone in which forms are read and times are shown; without a company, the server's."""
    return ZoneInfo(company.time_zone) if company else timezone.get_default_timezone()


class CompanyTimes(ModelAdmin[M]):
    """Pages of one row have its company's time zone, lists and new rows that of the only company.

    Each page says which it is.
    """

    change_form_before_template: str | None = "admin/companies/zone_note.html"
    list_after_template: str | None = "admin/companies/zone_note.html"
    # Whether the columns of the list are in the zone of each row's company.
    times_by_row = False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        company = only_company(request)
        context = {**(extra_context or {}), "times_by_row": self.times_by_row and company is None}
        with timezone.override(zone_of(company)):
            return _rendered(super().changelist_view(request, context))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        with timezone.override(zone_of(self._company(request, object_id))):
            return _rendered(super().changeform_view(request, object_id, form_url, extra_context))

    def _company(self, request: HttpRequest, object_id: str | None) -> Company | None:
        if object_id is None:
            # A new company has no time zone yet.
            return None if company_path(self.model) == "pk" else only_company(request)
        row = self.get_object(request, unquote(object_id))
        if row is None or isinstance(row, Company):
            return row
        return company_of(row)


def _rendered(response: Any) -> Any:
    """Rendered while the time zone is still set; Django would do so after the view."""
    return response.render() if isinstance(response, SimpleTemplateResponse) else response
