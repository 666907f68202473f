"""Companies: what they use and may use, for their owners and for the platform's staff."""

from typing import Any, cast

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from companies.admin import audit
from companies.admin.base import ArvModelAdmin
from companies.admin.filters import CompanyAttention, CompanyState
from companies.admin.forms import CarefulForm
from companies.admin.zones import zone_of
from companies.models import Company, Role
from companies.provisioning import add_company
from companies.storage.connections import offered_to
from companies.tenancy import access_of

PROBLEMS = tuple(Company.PROBLEMS.values())


@admin.register(Company)
class CompanyAdmin(ArvModelAdmin[Company]):
    form = CarefulForm
    role_to_change = Role.OWNER
    list_display = ("name", "projects", "storage_used", "subscription_label", "active_label")
    list_filter = (CompanyState, CompanyAttention, "subscription_tier")
    list_select_related = ("storage_connection",)
    times_by_row = True
    search_fields = ("name", "slug", "contact_email")
    autocomplete_fields = ()
    prepopulated_fields = {"slug": ("name",)}
    readonly_fields = (
        "usage",
        "email_problem_label",
        "telegram_problem_label",
        "created_at",
        "updated_at",
    )

    def get_fieldsets(self, request: HttpRequest, obj: Company | None = None) -> Any:
        notes = ("notes",) if access_of(request).manages_platform else ()
        usage = ((_("Usage"), {"fields": ("usage",)}),) if obj else ()
        contact = ("contact_email", "contact_phone", "telegram_chat_id", "language")
        problems = [f"{name}_label" for name in PROBLEMS if obj and getattr(obj, name)]
        return (
            *usage,
            (
                None,
                {"fields": ("name", "slug", "is_active", "time_zone", "session_retention_days")},
            ),
            (_("Contact"), {"fields": (*contact, *problems)}),
            (_("Storage"), {"fields": ("storage_connection", "storage_quota_gb")}),
            (
                _("Subscription"),
                {"fields": ("subscription_tier", "subscription_expires_at", "projects_limit")},
            ),
            (_("Details"), {"fields": (*notes, "created_at", "updated_at")}),
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Company]:
        return super().get_queryset(request).annotate(projects_count=Count("projects"))

    def get_readonly_fields(self, request: HttpRequest, obj: Company | None = None) -> Any:
        if not access_of(request).manages_platform:
            names = (field.name for field in Company._meta.fields)
            kept = (name for name in names if name not in Company.owner_fields)
            return (*self.readonly_fields, *kept)
        # Stored names carry the slug: it stays what it was.
        return (*self.readonly_fields, "slug") if obj else self.readonly_fields

    def get_prepopulated_fields(self, request: HttpRequest, obj: Company | None = None) -> Any:
        return {} if obj else self.prepopulated_fields

    def choices_for(self, db_field: Any, request: HttpRequest) -> QuerySet[Any]:
        choices = super().choices_for(db_field, request)
        if db_field.name != "storage_connection":
            return choices
        pk = request.resolver_match.kwargs.get("object_id", "") if request.resolver_match else ""
        company = self.get_object(request, pk) if pk else None
        return offered_to(company, platform=access_of(request).manages_platform)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access_of(request).manages_platform

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access_of(request).manages_platform

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                "audit/",
                self.admin_site.admin_view(audit.company_audit(self)),
                name="companies_audit",
            )
        ]
        return own + super().get_urls()

    def save_model(
        self, request: HttpRequest, obj: Company, form: ModelForm[Company], change: bool
    ) -> None:
        if change:
            obj.save(update_fields=cast("CarefulForm", form).changed_columns())
        else:
            add_company(obj, created_by=access_of(request).user)

    @display(description=_("projects"), ordering="projects_count")
    def projects(self, company: Company) -> str:
        return f"{company.projects_count} / {company.projects_limit}"  # type: ignore[attr-defined]

    @display(description=_("storage used"), ordering="storage_used_bytes")
    def storage_used(self, company: Company) -> str:
        used, quota = company.storage_used_bytes, company.storage_quota_bytes
        return f"{filesizeformat(used)} / {filesizeformat(quota)}"

    @display(
        description=_("subscription"),
        label={"open": "info", "running": "success", "over": "danger"},
        ordering="subscription_expires_at",
    )
    def subscription_label(self, company: Company) -> tuple[str, Any]:
        expires_at = company.subscription_expires_at
        if expires_at is None:
            return "open", _("without end")
        day = timezone.localtime(expires_at, zone_of(company)).date().isoformat()
        if expires_at <= timezone.now():
            return "over", _("over since %(day)s") % {"day": day}
        return "running", _("until %(day)s") % {"day": day}

    @display(description=_("state"), label={"on": "success", "off": "danger"}, ordering="is_active")
    def active_label(self, company: Company) -> tuple[str, Any]:
        return ("on", _("active")) if company.is_active else ("off", _("switched off"))

    @display(description=_("e-mail problem"))
    def email_problem_label(self, company: Company) -> SafeString:
        return warning(company.email_problem)

    @display(description=_("Telegram problem"))
    def telegram_problem_label(self, company: Company) -> SafeString:
        return warning(company.telegram_problem)

    @display(description=_("Usage"))
    def usage(self, company: Company) -> SafeString:
        now = timezone.now()
        expires_at = company.subscription_expires_at
        return render_to_string(
            "admin/companies/usage.html",
            {
                "company": company,
                "projects_count": company.projects.count(),
                "members_count": company.memberships.count(),
                "contents_count": company.ar_contents.count(),
                "is_over": expires_at is not None and expires_at <= now,
                "days_left": (expires_at - now).days if expires_at else None,
            },
        )


def warning(problem: str) -> SafeString:
    """Why an address does not work, in the reader's language."""
    return format_html(
        '<strong class="arv-warning">{}</strong>', gettext(problem) if problem else "—"
    )
