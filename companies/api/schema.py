"""The description of the API (OpenAPI), as exact as a test can check."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.authentication import SessionScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.hooks import postprocess_schema_enums
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import get_lib_doc_excludes
from rest_framework import serializers

from companies.api.authentication import ApiTokenAuthentication
from companies.api.base import TenantViewSet
from companies.api.fields import RowSerializer

INTRODUCTION = """
A printed picture comes alive in the phone's browser.

**Who**: send `Authorization: Bearer arv_…`. What belongs to another company answers 404; what asks
for a higher role or scope, 403.

**Lists** come in pages: `page` and `page_size` (50, at most 100) give
`{"count", "next", "previous", "results"}`. Filters and `ordering` are those listed with each
operation; any other is a 400.

**Errors** are `{"code", "detail"}`, with `"fields"` for a payload that is not valid. Limits, such
as the storage quota, answer 409; too many requests 429 with `Retry-After`.
"""


class Error(serializers.Serializer[Any]):
    code = serializers.CharField(help_text=_("What kind of error it is, for programs."))
    detail = serializers.CharField(help_text=_("What is wrong, for people."))
    fields = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text=_("For a payload that is not valid: what is wrong with each field."),
    )


ERRORS = {
    "400": _("The request is not valid."),
    "401": _("No API token and no session, or a wrong one."),
    "403": _("The caller's role or token allows to see this, but not to do it."),
    "404": _("There is nothing here for the caller."),
    "406": _("Answers are JSON."),
    "409": _("A limit, or the state of things, forbids it."),
    "413": _("The body is too large."),
    "415": _("The body has another type than this operation reads."),
    "429": _("Too many requests: wait as long as Retry-After says."),
    "503": _("The company's storage does not answer."),
}


class ArvSchema(AutoSchema):
    def _get_response_bodies(self, direction: Any = "response") -> Any:
        responses = super()._get_response_bodies(direction)
        for code in sorted(self.possible_errors()):
            described = self._get_response_for_code(Error, code, ["application/json"])
            described["description"] = str(ERRORS[code])
            responses.setdefault(code, described)
        return responses

    def possible_errors(self) -> set[str]:
        codes = {"406", "429"}
        if self.view.authentication_classes:
            codes |= {"401", "403"}
        if "{" in self.path:
            codes.add("404")
        if self._is_list_view():
            codes |= {"400", "404"}
        if self.method in {"POST", "PUT", "PATCH"}:
            codes |= {"400", "409", "413", "415", "503"}
        if self.method == "DELETE":
            codes |= {"409", "503"}
        return codes


def introduce(result: dict[str, Any], **others: Any) -> Any:
    """Put before the operations what all of them share."""
    result["info"]["description"] = INTRODUCTION.strip()
    return postprocess_schema_enums(result, **others)


def documented_elsewhere() -> list[type[Any]]:
    """Bases whose docstrings are for whoever writes views, not for whoever calls them."""
    return [*get_lib_doc_excludes(), TenantViewSet, RowSerializer]


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = ApiTokenAuthentication
    name = "apiToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "arv_…"}


class AdminSessionScheme(SessionScheme):
    target_class = "companies.api.authentication.SessionAuthentication"
    name = "adminSession"
    priority = 1
