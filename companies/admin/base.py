"""What every admin page of the platform shares: whose rows it shows, and how it saves."""

import logging
import re
from typing import Any, TypeVar

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import BaseModelAdmin
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext

from companies.admin.audit import render_history
from companies.admin.deletion import Deleted, losses
from companies.admin.filters import ScopedRelatedFilter
from companies.admin.zones import CompanyTimes
from companies.limits import check_year
from companies.models import Role
from companies.models.ownership import company_path
from companies.storage.backend import StorageUnavailable
from companies.storage.uploads import stored_files
from companies.tenancy import access_of

logger = logging.getLogger(__name__)

M = TypeVar("M", bound=models.Model)


KEY = re.compile(r"[0-9]{1,18}")


def is_key(text: str) -> bool:
    """Whether a text can be the key of a row: digits, and not more than a database holds."""
    return KEY.fullmatch(text) is not None


class TolerantAutocomplete(AutocompleteSelect):
    """Shows a form again whose posted id is no number; Django's own widget fails on that."""

    def optgroups(self, name: str, value: Any, attr: dict[str, Any] | None = None) -> Any:
        return super().optgroups(name, [pk for pk in value if is_key(str(pk))], attr)


class RowChoiceField(forms.ModelChoiceField[Any]):
    """A key that no row can have is an unknown choice, whatever the database makes of it."""

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and value not in self.empty_values and not is_key(value):
            raise ValidationError(self.error_messages["invalid_choice"], code="invalid_choice")
        return super().to_python(value)


class TenantOptions(BaseModelAdmin):  # type: ignore[type-arg]
    """Closes every door of an admin page, or of an inline, to other companies' rows.

    A row is seen, changed and deleted by the role it asks for in the company it belongs to;
    superusers see all. A model without a company is the superusers' alone.
    """

    role_to_view: Role = Role.VIEWER
    role_to_change: Role = Role.EDITOR
    role_to_delete: Role = Role.EDITOR
    # The redirect by content type and id is closed: arv/admin_site.py.
    view_on_site = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return access_of(request).rows(super().get_queryset(request), self.role_to_view)

    def _may(self, request: HttpRequest, obj: models.Model | int | str | None, role: Role) -> bool:
        access = access_of(request)
        if company_path(self.model) is None:
            return access.manages_platform
        if isinstance(obj, (int, str)):
            # The theme's buttons name a row by its key.
            row: models.Model | None = self.get_object(request, str(obj))  # type: ignore[attr-defined]
            return row is not None and access.may(row, role)
        return access.may_somewhere(role) if obj is None else access.may(obj, role)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._may(request, None, self.role_to_view)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, obj, self.role_to_view)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, obj, self.role_to_change)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, obj, self.role_to_change)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, obj, self.role_to_delete)

    def choices_for(self, db_field: Any, request: HttpRequest) -> QuerySet[Any]:
        """The rows that a relation field of this form offers and accepts."""
        related = db_field.related_model._default_manager.all()
        return access_of(request).rows(related, self.role_to_change)

    def formfield_for_dbfield(
        self, db_field: "models.Field[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field and isinstance(db_field, models.DateTimeField):
            field.validators.append(check_year)
        return field

    def formfield_for_foreignkey(
        self, db_field: "models.ForeignKey[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> Any:
        kwargs["queryset"] = self.choices_for(db_field, request)
        kwargs.setdefault("form_class", RowChoiceField)
        if db_field.name in self.autocomplete_fields:
            kwargs["widget"] = TolerantAutocomplete(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(
        self, db_field: "models.ManyToManyField[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> Any:
        kwargs["queryset"] = self.choices_for(db_field, request)
        return super().formfield_for_manytomany(db_field, request, **kwargs)


def on_own_pages(model_admin: Any, request: HttpRequest) -> bool:
    """Whether the request is for a page of that model, not for one that deletes what holds it."""
    opts, page = model_admin.opts, request.resolver_match
    own = f"{opts.app_label}_{opts.model_name}_"
    return page is None or (page.url_name or "").startswith(own)


class ArvModelAdmin(TenantOptions, CompanyTimes[M]):
    """Saving is all or nothing: rows roll back, and files stored on the way are removed."""

    list_per_page = 50
    show_full_result_count = False
    warn_unsaved_form = True
    compressed_fields = True
    list_filter_submit = True
    # Actions that wait for somebody else's server: no transaction is open meanwhile.
    slow_actions: tuple[str, ...] = ()

    def get_ordering(self, request: HttpRequest) -> Any:
        # A query that counts drops the model's own ordering, and its pages would mix up.
        return super().get_ordering(request) or self.opts.ordering or ("-pk",)

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        return [self._scoped_filter(one) for one in super().get_list_filter(request)]

    def _scoped_filter(self, one: Any) -> Any:
        if not isinstance(one, str):
            return one
        field: Any = None
        model: Any = self.model
        for step in one.split("__"):
            field = model._meta.get_field(step)
            model = field.related_model
        return (one, ScopedRelatedFilter) if field.is_relation else one

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Only what the filters themselves ask.

        With any other look-up the number of rows tells, letter by letter, what any column holds
        that can be reached from here: another company's notes, or the hash of a password.
        """
        for one in self.get_list_filter(request):
            if not isinstance(one, (str, tuple)):
                if lookup == one.parameter_name:
                    return True
                continue
            name = one if isinstance(one, str) else one[0]
            if lookup in {f"{name}__id__exact", f"{name}__exact"}:
                # Empty: every row, as the filter is sent when nothing is chosen.
                return not lookup.endswith("__id__exact") or value == "" or is_key(str(value))
        return False

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Who changed what, with the values before and after."""
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        return render_history(request, self, row)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Deleted:
        return losses(self, objs, request)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except ValidationError as error:
            return self.refused(request, error)
        except PermissionDenied:
            self.hide_unseen(request, object_id)
            raise

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if request.method != "POST":
            return super().changelist_view(request, extra_context)
        posted = request.POST.copy()
        chosen = posted.getlist(ACTION_CHECKBOX_NAME)
        posted.setlist(ACTION_CHECKBOX_NAME, [pk for pk in chosen if is_key(pk)])
        request.POST = posted  # type: ignore[assignment]
        if posted.get("action") in self.slow_actions:
            return super().changelist_view(request, extra_context)
        try:
            # An action changes all of the chosen rows, or none.
            with stored_files():
                return super().changelist_view(request, extra_context)
        except ValidationError as error:
            return self.refused(request, error)

    def hide_unseen(self, request: HttpRequest, object_id: str | None) -> None:
        """Another company's row is not there, not even for somebody who may do nothing here."""
        if object_id is not None and self.get_object(request, object_id) is None:
            raise Http404

    def refused(self, request: HttpRequest, error: ValidationError) -> HttpResponse:
        """Say what a workflow does not allow; nothing was changed."""
        self.message_user(request, " ".join(error.messages), messages.ERROR)
        return HttpResponseRedirect(request.get_full_path())

    def response_action(self, request: HttpRequest, queryset: QuerySet[M]) -> Any:
        """An action that changes rows gets those that the caller may change, and no others."""
        chosen = self.get_actions(request).get(request.POST.get("action", ""))
        needed = getattr(chosen[0], "allowed_permissions", ()) if chosen else ()
        if "change" in needed:
            queryset = access_of(request).rows(queryset, self.role_to_change)
        return super().response_action(request, queryset)

    def before_saving(self, request: HttpRequest, object_id: str | None) -> None:
        """What takes long and needs no transaction, of a form that is not checked yet."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        try:
            if request.method != "POST":
                # No transaction: on SQLite that would be the lock of everybody who writes.
                return super().changeform_view(request, object_id, form_url, extra_context)
            self.before_saving(request, object_id)
            with stored_files():
                return super().changeform_view(request, object_id, form_url, extra_context)
        except PermissionDenied:
            self.hide_unseen(request, object_id)
            raise
        except ValidationError as error:
            if hasattr(error, "error_dict"):
                # Another request took the name since the form's check, which sees it by now.
                with stored_files():
                    return super().changeform_view(request, object_id, form_url, extra_context)
            # Another request took the room since then, or the workflow that saves knows better.
            problem = " ".join(error.messages)
        except StorageUnavailable as error:
            logger.warning("storage_unavailable", exc_info=True)
            problem = gettext("The storage does not answer, so nothing was saved: %(reason)s") % {
                "reason": error
            }
        self.message_user(request, problem, messages.ERROR)
        return HttpResponseRedirect(request.get_full_path())
