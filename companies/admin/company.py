"""Companies and their projects."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from companies.admin.base import ArvModelAdmin
from companies.models import Company, Project, ProjectStatus
from companies.provisioning import provision


@admin.register(Company)
class CompanyAdmin(ArvModelAdmin[Company]):
    list_display = ("name", "projects", "storage_used", "subscription_expires_at", "active_label")
    list_filter = ("is_active", "subscription_tier", "storage_connection")
    list_select_related = ("storage_connection",)
    search_fields = ("name", "slug", "contact_email")
    prepopulated_fields = {"slug": ("name",)}
    readonly_fields = ("storage_used", "created_at", "updated_at")
    fieldsets = (
        (None, {"fields": ("name", "slug", "is_active", "time_zone")}),
        (_("Contact"), {"fields": ("contact_email", "contact_phone", "telegram_chat_id")}),
        (
            _("Storage"),
            {"fields": ("storage_connection", "storage_quota_gb", "storage_used")},
        ),
        (
            _("Subscription"),
            {"fields": ("subscription_tier", "subscription_expires_at", "projects_limit")},
        ),
        (_("Notes"), {"fields": ("notes", "created_at", "updated_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Company]:
        return super().get_queryset(request).annotate(projects_count=Count("projects"))

    def get_readonly_fields(self, request: HttpRequest, obj: Company | None = None) -> Any:
        # Stored names carry the slug: it stays what it was.
        return (*self.readonly_fields, "slug") if obj else self.readonly_fields

    def get_prepopulated_fields(self, request: HttpRequest, obj: Company | None = None) -> Any:
        return {} if obj else self.prepopulated_fields

    def save_model(
        self, request: HttpRequest, obj: Company, form: ModelForm[Company], change: bool
    ) -> None:
        if not change and request.user.is_authenticated:
            obj.created_by = request.user
        super().save_model(request, obj, form, change)
        provision(obj)

    @display(description=_("projects"), ordering="projects_count")
    def projects(self, company: Company) -> str:
        return f"{company.projects_count} / {company.projects_limit}"  # type: ignore[attr-defined]

    @display(description=_("storage used"), ordering="storage_used_bytes")
    def storage_used(self, company: Company) -> str:
        used, quota = company.storage_used_bytes, company.storage_quota_bytes
        return f"{filesizeformat(used)} / {filesizeformat(quota)}"

    @display(description=_("state"), label={"on": "success", "off": "danger"}, ordering="is_active")
    def active_label(self, company: Company) -> tuple[str, Any]:
        return ("on", _("active")) if company.is_active else ("off", _("switched off"))


class ProjectForm(forms.ModelForm[Project]):
    """Checks what the model's own validation leaves out or the database alone would refuse."""

    def clean_tags(self) -> list[str]:
        tags = self.cleaned_data["tags"]
        if tags is None:
            return []
        if not isinstance(tags, list) or not all(
            isinstance(tag, str) and tag.isprintable() for tag in tags
        ):
            raise ValidationError(_('Write a list of texts, for example ["wedding", "2025"].'))
        return tags

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        # The company of a saved project is no field, so its unique constraint is not looked at.
        company = cleaned.get("company") or (self.instance.company if self.instance.pk else None)
        slug = cleaned.get("slug")
        if company and slug:
            siblings = Project.objects.filter(company=company).exclude(pk=self.instance.pk)
            if siblings.filter(slug=slug).exists():
                self.add_error("slug", _("The company has a project with this slug already."))
        return cleaned


@admin.register(Project)
class ProjectAdmin(ArvModelAdmin[Project]):
    form = ProjectForm
    list_display = ("name", "company", "contents", "expires_at", "status_label")
    list_filter = ("status", "project_type", "company")
    list_select_related = ("company",)
    search_fields = ("name", "slug", "company__name")
    autocomplete_fields = ("company",)
    readonly_fields = ("folder_path", "last_notification_sent_at", "created_at", "updated_at")
    fieldsets = (
        (None, {"fields": ("company", "name", "slug", "project_type", "description", "tags")}),
        (
            _("Subscription"),
            {
                "fields": (
                    "status",
                    "subscription_type",
                    "starts_at",
                    "expires_at",
                    "auto_renew",
                    "notify_before_expiry_days",
                )
            },
        ),
        (
            _("Details"),
            {
                "classes": ("collapse",),
                "fields": ("folder_path", "last_notification_sent_at", "created_at", "updated_at"),
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Project]:
        return super().get_queryset(request).annotate(contents_count=Count("ar_contents"))

    def get_readonly_fields(self, request: HttpRequest, obj: Project | None = None) -> Any:
        # Contents and files of a project belong to its company for good.
        return (*self.readonly_fields, "company") if obj else self.readonly_fields

    @display(description=_("contents"), ordering="contents_count")
    def contents(self, project: Project) -> int:
        count: int = project.contents_count  # type: ignore[attr-defined]
        return count

    @display(
        description=_("status"),
        label={
            ProjectStatus.ACTIVE: "success",
            ProjectStatus.PAUSED: "warning",
            ProjectStatus.EXPIRED: "danger",
            ProjectStatus.ARCHIVED: "info",
        },
        ordering="status",
    )
    def status_label(self, project: Project) -> tuple[str, str]:
        return project.status, project.get_status_display()
