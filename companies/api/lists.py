"""Lists: pages, typed filters, and an order by allowed columns; anything else is a 400."""

from collections.abc import Iterable
from datetime import UTC
from typing import Any

from django import forms
from django.db.models import Model, Q, QuerySet
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive, make_aware
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.views import APIView

LARGEST_ID = 2**63 - 1


class Pages(PageNumberPagination):
    """`?page=2&page_size=20`; 50 rows a page unless asked, at most 100."""

    page_size = 50
    max_page_size = 100
    page_query_param = "page"
    page_size_query_param = "page_size"
    last_page_strings = ()

    def get_page_size(self, request: Request) -> int:
        asked = request.query_params.get("page_size")
        return self.page_size if asked is None else whole("page_size", asked, self.max_page_size)

    def get_page_number(self, request: Request, paginator: Any) -> int:
        return whole("page", request.query_params.get("page", "1"), LARGEST_ID)

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        page = {"type": "integer", "minimum": 1, "maximum": LARGEST_ID, "default": 1}
        size = {"type": "integer", "minimum": 1, "maximum": self.max_page_size}
        return [
            {"name": "page", "in": "query", "schema": page, "description": "Number of the page."},
            {
                "name": "page_size",
                "in": "query",
                "schema": {**size, "default": self.page_size},
                "description": "Rows a page.",
            },
        ]


def whole(name: str, text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20 and 1 <= int(text) <= most):
        raise ValidationError({name: [_("Write a whole number from 1 to %d.") % most]})
    return int(text)


class Filters(filters.DjangoFilterBackend):
    """A misspelt or empty filter is refused: ignored, it would list everything."""

    def filter_queryset(self, request: Request, queryset: Any, view: Any) -> Any:
        known = {"page", "page_size"}
        if view.filterset_class is not None:
            known |= set(view.filterset_class.base_filters)
        if unknown := set(request.query_params) - known:
            raise ValidationError({name: [_("There is no such filter.")] for name in unknown})
        empty = {name for name, value in request.query_params.items() if not value} - {"search"}
        if empty:
            raise ValidationError({name: [_("Give a value.")] for name in empty})
        return super().filter_queryset(request, queryset, view)


@extend_schema_field({"type": "integer", "minimum": 1, "maximum": LARGEST_ID})
class IdFilter(filters.Filter):
    """Rows that belong to the row of that id."""

    def __init__(self, field_name: str) -> None:
        super().__init__(field_name, min_value=1, max_value=LARGEST_ID)

    field_class = forms.IntegerField


@extend_schema_field(OpenApiTypes.BOOL)
class YesNoFilter(filters.TypedChoiceFilter):
    """`true` or `false`."""

    def __init__(self, field_name: str) -> None:
        super().__init__(
            field_name=field_name,
            choices=[("true", "true"), ("false", "false")],
            coerce="true".__eq__,
        )


class MomentField(forms.CharField):
    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        try:
            moment = parse_datetime(text)
        except ValueError:
            moment = None
        # A day of room at both ends, for the offset.
        if moment is None or not 1 < moment.year < 9999:
            raise forms.ValidationError(_("Write a date and time like 2026-01-31T12:00:00Z."))
        # In UTC: PostgreSQL does not know every offset that Python does.
        return (make_aware(moment) if is_naive(moment) else moment).astimezone(UTC)


@extend_schema_field(OpenApiTypes.DATETIME)
class MomentFilter(filters.Filter):
    """Rows before (`lt`) or from (`gte`) a moment."""

    def __init__(self, field_name: str, lookup_expr: str) -> None:
        super().__init__(field_name, lookup_expr)

    field_class = MomentField


class SearchFilter(filters.CharFilter):
    """Rows that contain the text in one of the columns."""

    def __init__(self, *columns: str) -> None:
        super().__init__(method=self.search, max_length=100, label="Part of a text.")
        self.columns = columns

    def search(self, rows: QuerySet[Model], name: str, value: str) -> QuerySet[Model]:
        found = Q()
        for column in self.columns:
            found |= Q(**{f"{column}__icontains": value})
        return rows.filter(found)


class Ordering(filters.OrderingFilter):
    """By the columns named and then by id, so that pages never overlap."""

    def __init__(self, *columns: str, default: str) -> None:
        super().__init__(fields=[(column, column) for column in columns])
        self.default = default

    def filter(self, qs: QuerySet[Any], value: Iterable[str] | None) -> QuerySet[Any]:
        asked = [one for one in value or () if one]
        names = [self.get_ordering_value(one) for one in asked or [self.default]]
        return qs.order_by(*names, "pk")
