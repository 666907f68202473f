"""Storage connections: secrets go in and never come out; folders are read-only."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from companies.admin.base import ArvModelAdmin, on_own_pages
from companies.models import (
    Role,
    StorageConnection,
    StorageFolder,
    StorageProvider,
    StorageTestStatus,
)
from companies.storage import probe
from companies.storage.backend import Parameter
from companies.storage.connections import check_change
from companies.storage.s3 import S3Backend
from companies.tenancy import access_of

PREFIX = "credential_"
PARAMETERS = S3Backend.parameters
WHERE = {"endpoint_url", "bucket"}


class StorageConnectionForm(forms.ModelForm[StorageConnection]):
    """One field for each parameter of a provider; a saved secret is kept by leaving it empty."""

    class Meta:
        model = StorageConnection
        fields = ("company", "name", "provider", "base_path", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        saved = self.instance.credentials if self.instance.pk else {}
        if "base_path" in self.fields:
            self.fields["base_path"].disabled = self.holds_files()
        for parameter in PARAMETERS:
            field = self.fields[PREFIX + parameter.name]
            if not parameter.sensitive:
                self.initial[PREFIX + parameter.name] = saved.get(parameter.name, "")
                # Where files are already, they would be lost from sight.
                field.disabled = parameter.name in WHERE and self.holds_files()
            elif saved.get(parameter.name):
                field.help_text = _("Saved. Leave it empty to keep it.")

    def holds_files(self) -> bool:
        return bool(self.instance.pk) and self.instance.stored_files.exists()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "provider" in self.fields and "provider" not in cleaned:
            return cleaned  # missing or unknown, and said so: nothing to check the rest against
        provider = cleaned.get("provider") or self.instance.provider
        # The company of a saved connection is no field, so its constraint is not looked at.
        namesakes = StorageConnection.objects.filter(
            company=cleaned.get("company") or self.instance.company, name=cleaned.get("name")
        ).exclude(pk=self.instance.pk)
        if namesakes.exists():
            self.add_error("name", _("There is a connection with this name already."))
        typed = {}
        if provider == StorageProvider.MINIO:
            given = {one: cleaned.get(PREFIX + one.name, "") for one in PARAMETERS}
            # A secret that is left empty stays; anything else that is left empty goes.
            typed = {one.name: text for one, text in given.items() if text or not one.sensitive}
        self.instance.provider = provider
        if "company" in self.fields:
            self.instance.company = cleaned.get("company")
        try:
            self.instance.credentials = check_change(
                self.instance,
                base_path=cleaned.get("base_path", self.instance.base_path),
                credentials=typed,
            )
        except ValidationError as error:
            for name, messages in error.message_dict.items():
                field = name if name in self.fields else PREFIX + name
                self.add_error(field if field in self.fields else None, messages)
        return cleaned


def credential_field(parameter: Parameter) -> forms.CharField:
    attributes = {"autocomplete": "off"}
    widget = UnfoldAdminPasswordWidget if parameter.sensitive else UnfoldAdminTextInputWidget
    return forms.CharField(
        label=cast("str", parameter.label),
        required=False,
        max_length=500,
        help_text=cast("str", parameter.help_text),
        widget=widget(attrs=attributes),
    )


# What the admin subclasses keeps declared fields only.
StorageConnectionForm.declared_fields.update(
    {PREFIX + parameter.name: credential_field(parameter) for parameter in PARAMETERS}
)


@admin.register(StorageConnection)
class StorageConnectionAdmin(ArvModelAdmin[StorageConnection]):
    role_to_view = role_to_change = role_to_delete = Role.OWNER
    form = StorageConnectionForm
    list_display = ("name", "company", "provider", "active_label", "test_label", "last_tested_at")
    list_filter = ("provider", "is_active", "test_status", "company")
    list_select_related = ("company",)
    search_fields = ("name",)
    autocomplete_fields = ("company",)
    actions = slow_actions = ("test_chosen",)
    actions_submit_line = ("save_and_test",)
    readonly_fields = ("is_default", "test_status", "last_tested_at", "test_error", "created_at")
    fieldsets = (
        (
            None,
            {"fields": ("company", "name", "provider", "base_path", "is_active", "is_default")},
        ),
        (_("S3"), {"fields": tuple(PREFIX + parameter.name for parameter in PARAMETERS)}),
        (_("Test"), {"fields": ("test_status", "last_tested_at", "test_error", "created_at")}),
    )

    def get_readonly_fields(
        self, request: HttpRequest, obj: StorageConnection | None = None
    ) -> Any:
        if obj is None:
            return self.readonly_fields
        # Files that are there already are found through the provider, and are its company's.
        fixed = ["company", "provider"]
        if obj.provider == StorageProvider.LOCAL_DISK and not access_of(request).manages_platform:
            fixed.append("base_path")
        return (*self.readonly_fields, *fixed)

    def get_form(
        self,
        request: HttpRequest,
        obj: StorageConnection | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        if obj is None and not access_of(request).manages_platform:
            # A disk of this machine, and what every company may use, are the platform's.
            form.base_fields["company"].required = True
            form.base_fields["provider"].choices = [
                (StorageProvider.MINIO.value, StorageProvider.MINIO.label)
            ]
        return form

    def get_changeform_initial_data(self, request: HttpRequest) -> Any:
        initial = super().get_changeform_initial_data(request)
        access = access_of(request)
        companies = [] if access.is_platform else list(access.companies(Role.OWNER)[:2])
        if len(companies) == 1:
            initial.setdefault("company", str(companies[0].pk))
        return initial

    def save_model(
        self,
        request: HttpRequest,
        obj: StorageConnection,
        form: ModelForm[StorageConnection],
        change: bool,
    ) -> None:
        if not change and request.user.is_authenticated:
            obj.created_by = request.user
        super().save_model(request, obj, form, change)

    @admin.action(description=_("Test the connection"), permissions=("change",))
    def test_chosen(self, request: HttpRequest, queryset: QuerySet[StorageConnection]) -> None:
        for connection in queryset:
            self.test(request, connection)

    @action(description=_("Save and test the connection"), permissions=("change",))
    def save_and_test(self, request: HttpRequest, obj: StorageConnection) -> None:
        # Tested when what was saved is committed: a storage may take its time to answer.
        request._test_connection = obj  # type: ignore[attr-defined]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        response = super().changeform_view(request, object_id, form_url, extra_context)
        saved: StorageConnection | None = getattr(request, "_test_connection", None)
        if saved is not None:
            self.test(request, saved)
        return response

    def test(self, request: HttpRequest, connection: StorageConnection) -> None:
        probe.test_connection(connection)
        if connection.test_status == StorageTestStatus.OK:
            text, level = gettext("“%(name)s” works."), messages.SUCCESS
        else:
            text, level = gettext("“%(name)s” does not work: %(reason)s"), messages.ERROR
        details = {"name": connection.name, "reason": connection.test_error}
        self.message_user(request, text % details, level)

    @display(description=_("state"), label={"on": "success", "off": "danger"}, ordering="is_active")
    def active_label(self, connection: StorageConnection) -> tuple[str, Any]:
        if not connection.is_active:
            return "off", _("switched off")
        return "on", _("active, default") if connection.is_default else _("active")

    @display(
        description=_("test"),
        label={
            StorageTestStatus.OK: "success",
            StorageTestStatus.FAILED: "danger",
            StorageTestStatus.UNTESTED: "info",
        },
    )
    def test_label(self, connection: StorageConnection) -> tuple[str, str]:
        return connection.test_status, connection.get_test_status_display()


@admin.register(StorageFolder)
class StorageFolderAdmin(ArvModelAdmin[StorageFolder]):
    list_display = ("folder_type", "company", "path", "files_count", "weight")
    list_after_template = None
    list_display_links = None
    list_filter = ("folder_type", "company")
    list_select_related = ("company",)
    ordering = ("company", "folder_type")

    @display(description=_("size"), ordering="total_size_bytes")
    def weight(self, folder: StorageFolder) -> str:
        return filesizeformat(folder.total_size_bytes)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: StorageFolder | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: StorageFolder | None = None) -> bool:
        """Not here; but the page that deletes a company asks too, and its folders go with it."""
        return not on_own_pages(self, request) and super().has_delete_permission(request, obj)
