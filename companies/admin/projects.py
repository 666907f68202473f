"""Projects: their contents, their days left, and more days."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from companies import limits
from companies.admin.base import ArvModelAdmin
from companies.admin.filters import ExpiresSoon, ProjectState
from companies.admin.forms import CarefulForm
from companies.admin.zones import zone_of
from companies.models import Company, Project, ProjectStatus
from companies.tenancy import access_of

CONTENTS_SHOWN = 20


class ProjectForm(CarefulForm):
    """Checks what the model's own validation leaves out or the database alone would refuse."""

    watched = ("status", "expires_at")
    tags = forms.CharField(
        label=_("Tags"),
        required=False,
        max_length=1000,
        help_text=_("Separated by commas."),
        widget=UnfoldAdminTextInputWidget,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["tags"] = ", ".join(self.instance.tags)

    def clean_tags(self) -> list[str]:
        tags = (tag.strip() for tag in self.cleaned_data["tags"].split(","))
        return list(dict.fromkeys(tag for tag in tags if tag))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        # The company of a saved project is no field, so its unique constraint is not looked at.
        company = cleaned.get("company") or (self.instance.company if self.instance.pk else None)
        slug = cleaned.get("slug")
        if company and slug:
            siblings = Project.objects.filter(company=company).exclude(pk=self.instance.pk)
            if siblings.filter(slug=slug).exists():
                self.add_error("slug", _("The company has a project with this slug already."))
        if company:
            self.check_limits(company, cleaned)
        return cleaned

    def check_limits(self, company: Company, cleaned: dict[str, Any]) -> None:
        """What the workflow that saves refuses is told beside the field."""
        now = timezone.now()
        project: Project = self.instance
        wanted = {name: cleaned.get(name, getattr(project, name)) for name in self.watched}
        longer = limits.prolonged(project, **wanted) if project.pk else []
        try:
            if longer or not project.pk:
                limits.check_subscription(company, now)
            if not project.pk:
                limits.check_projects(company)
        except limits.LimitReached as error:
            self.add_error(longer[0] if longer else "company", error)
        try:
            if "expires_at" in longer or not project.pk:
                limits.check_end(wanted["expires_at"], now)
        except ValidationError as error:
            self.add_error("expires_at", error)


def local_end(project: Project, form: str) -> str:
    """When a project ends by its company's clock; empty when it never does."""
    if project.expires_at is None:
        return ""
    return date_format(timezone.localtime(project.expires_at, zone_of(project.company)), form)


class ExtendForm(forms.Form):
    days = forms.IntegerField(
        label=_("Days"),
        min_value=1,
        max_value=limits.MOST_DAYS,
        initial=30,
        widget=UnfoldAdminIntegerFieldWidget(attrs={"autofocus": True}),
    )


@admin.register(Project)
class ProjectAdmin(ArvModelAdmin[Project]):
    form = ProjectForm
    list_display = ("name", "company", "contents", "end", "days_left", "status_label")
    list_filter = (ProjectState, ExpiresSoon, "project_type", "company")
    list_select_related = ("company",)
    times_by_row = True
    search_fields = ("name", "slug", "company__name")
    autocomplete_fields = ("company",)
    readonly_fields = (
        "days_left",
        "contents_panel",
        "folder_path",
        "last_notification_sent_at",
        "created_at",
        "updated_at",
    )
    actions = ("extend_chosen",)
    change_form_outer_before_template = "admin/companies/project_links.html"

    def get_fieldsets(self, request: HttpRequest, obj: Project | None = None) -> Any:
        now = ("days_left",) if obj else ()
        contents = ((_("AR contents"), {"fields": ("contents_panel",)}),) if obj else ()
        return (
            (None, {"fields": ("company", "name", "slug", "project_type", "description", "tags")}),
            (
                _("Subscription"),
                {
                    "fields": (
                        "status",
                        "subscription_type",
                        "starts_at",
                        "expires_at",
                        *now,
                        "auto_renew",
                        "notify_before_expiry_days",
                    )
                },
            ),
            *contents,
            (
                _("Details"),
                {
                    "classes": ("collapse",),
                    "fields": (
                        "folder_path",
                        "last_notification_sent_at",
                        "created_at",
                        "updated_at",
                    ),
                },
            ),
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Project]:
        return super().get_queryset(request).annotate(contents_count=Count("ar_contents"))

    def get_readonly_fields(self, request: HttpRequest, obj: Project | None = None) -> Any:
        # Contents and files of a project belong to its company for good.
        return (*self.readonly_fields, "company") if obj else self.readonly_fields

    def get_changeform_initial_data(self, request: HttpRequest) -> Any:
        initial = super().get_changeform_initial_data(request)
        companies = list(access_of(request).companies(self.role_to_change)[:2])
        if len(companies) == 1:
            initial.setdefault("company", str(companies[0].pk))
        return initial

    def save_model(
        self, request: HttpRequest, obj: Project, form: ModelForm[Project], change: bool
    ) -> None:
        if change:
            columns = cast("ProjectForm", form).changed_columns()
            limits.change_project(obj, changed=columns, now=timezone.now())
        else:
            limits.add_project(obj, now=timezone.now())

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                "<path:object_id>/extend/",
                self.admin_site.admin_view(self.extend_view),
                name="companies_project_extend",
            )
        ]
        return own + super().get_urls()

    def extend_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        project = self.get_object(request, object_id)
        if project is None:
            raise Http404
        if not self.has_change_permission(request, project):
            raise PermissionDenied
        form = ExtendForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            self.extend(request, [project], form.cleaned_data["days"])
            return HttpResponseRedirect(reverse("admin:companies_project_change", args=[object_id]))
        return self.ask_for_days(request, form, [project])

    @admin.action(description=_("Extend by a number of days"), permissions=["change"])
    def extend_chosen(
        self, request: HttpRequest, queryset: QuerySet[Project]
    ) -> HttpResponse | None:
        form = ExtendForm(request.POST if "days" in request.POST else None)
        if form.is_valid():
            self.extend(request, list(queryset), form.cleaned_data["days"])
            return None
        return self.ask_for_days(request, form, list(queryset))

    def ask_for_days(
        self, request: HttpRequest, form: ExtendForm, projects: list[Project]
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": _("Extend projects"),
            "opts": self.opts,
            "form": form,
            "projects": [(project, local_end(project, "DATE_FORMAT")) for project in projects],
            "from_list": "action" in request.POST,
        }
        return render(request, "admin/companies/extend.html", context)

    def extend(self, request: HttpRequest, projects: list[Project], days: int) -> None:
        extended: list[Project] = []
        for project in projects:
            try:
                extended.append(limits.extend_project(project, days=days, now=timezone.now()))
            except ValidationError as error:
                self.message_user(request, " ".join(error.messages), messages.ERROR)
        if not extended:
            return
        text = ngettext(
            "%(count)d project was extended, to %(last)s.",
            "%(count)d projects were extended, the last one to %(last)s.",
            len(extended),
        )
        ends = [(project.expires_at, project) for project in extended if project.expires_at]
        _end, last = max(ends, key=lambda end: end[0])
        details = {"count": len(extended), "last": local_end(last, "DATE_FORMAT")}
        self.message_user(request, text % details, messages.SUCCESS)

    @display(description=_("contents"), ordering="contents_count")
    def contents(self, project: Project) -> int:
        return cast("int", project.contents_count)  # type: ignore[attr-defined]

    @display(description=_("expires at"), ordering="expires_at")
    def end(self, project: Project) -> str:
        return local_end(project, "DATETIME_FORMAT") or "—"

    @display(description=_("days left"), ordering="expires_at")
    def days_left(self, project: Project) -> str:
        if project.expires_at is None:
            return gettext("without end")
        left = (project.expires_at - timezone.now()).days
        return gettext("over") if left < 0 else str(left)

    @display(description=_("AR contents"))
    def contents_panel(self, project: Project) -> SafeString:
        contents = project.ar_contents.order_by("-created_at")
        shown = list(contents.select_related("portrait")[:CONTENTS_SHOWN])
        context = {"project": project, "contents": shown, "count": contents.count()}
        return render_to_string("admin/companies/project_contents.html", context)

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
        # What visitors meet, whether or not the expiry tick has written it down yet.
        is_over = project.is_over(timezone.now())
        status = ProjectStatus.EXPIRED if is_over else ProjectStatus(project.status)
        return status.value, str(status.label)
