"""What every admin page of the platform shares."""

import logging
from typing import Any, TypeVar

from django.contrib import messages
from django.contrib.admin.widgets import AutocompleteSelect
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext
from unfold.admin import ModelAdmin

from companies.quota import QuotaExceeded
from companies.storage.backend import StorageUnavailable
from companies.storage.uploads import stored_files

logger = logging.getLogger(__name__)

M = TypeVar("M", bound=models.Model)


class TolerantAutocomplete(AutocompleteSelect):
    """Shows a form again whose posted id is no number; Django's own widget fails on that."""

    def optgroups(self, name: str, value: Any, attr: dict[str, Any] | None = None) -> Any:
        return super().optgroups(name, [pk for pk in value if str(pk).isdecimal()], attr)


class ArvModelAdmin(ModelAdmin[M]):
    """Saving is all or nothing: rows roll back, and files stored on the way are removed."""

    list_per_page = 50
    show_full_result_count = False
    warn_unsaved_form = True
    compressed_fields = True

    def formfield_for_foreignkey(
        self, db_field: "models.ForeignKey[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name in self.autocomplete_fields:
            kwargs["widget"] = TolerantAutocomplete(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        try:
            with stored_files():
                response: HttpResponse = super().changeform_view(
                    request, object_id, form_url, extra_context
                )
                return response
        except QuotaExceeded as error:
            # Another upload took the room between the form's check and this one.
            problem = " ".join(error.messages)
        except StorageUnavailable as error:
            logger.warning("storage_unavailable", exc_info=True)
            problem = gettext("The storage does not answer, so nothing was saved: %(reason)s") % {
                "reason": error
            }
        self.message_user(request, problem, messages.ERROR)
        return HttpResponseRedirect(request.get_full_path())
