"""What serializers are made of: strict types, relations within reach, files as path and URL."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, TypeVar

from django.core.exceptions import ValidationError as ModelRefused
from django.db import models
from django.db.models import Model, QuerySet
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import empty

from companies.limits import check_year
from companies.models import Role
from companies.tenancy import Access, access_of

M = TypeVar("M", bound=Model)
LARGEST_METADATA = 16 * 1024


def is_form(field: serializers.Field[Any, Any, Any, Any]) -> bool:
    """Whether the body is multipart, where everything is text."""
    return isinstance(getattr(field.root, "initial_data", None), QueryDict)


class Text(serializers.CharField):
    """Text, and no number that would be turned into one."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Email(Text, serializers.EmailField):
    pass


class Slug(Text, serializers.SlugField):
    pass


class WholeNumber(serializers.IntegerField):
    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, str) and not is_form(self):
            self.fail("invalid")
        return super().to_internal_value(data)


class TrueOrFalse(serializers.BooleanField):
    # Left out of a form means the default here; to a browser's checkbox it would mean false.
    default_empty_html = empty

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool) and not is_form(self):
            self.fail("invalid", input=data)
        return bool(super().to_internal_value(data))


class Moment(serializers.DateTimeField):
    """Years 1900 to 2999: whatever is added to one stays a date."""

    def to_internal_value(self, value: Any) -> Any:
        moment = super().to_internal_value(value)
        check_year(moment)
        return moment


@extend_schema_field({"type": "object", "additionalProperties": {}})
class Metadata(serializers.DictField):
    """A JSON object for the client's own use."""

    def __init__(self, *, encoder: Any = None, decoder: Any = None, **kwargs: Any) -> None:
        # What a model's field says of its encoder is of no use here.
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Any:
        found = super().to_internal_value(data)
        try:
            # What PostgreSQL's jsonb would refuse: NaN, NUL, halves of surrogate pairs.
            text = json.dumps(found, allow_nan=False, ensure_ascii=False)
            size = len(text.encode())
        except ValueError as error:
            raise serializers.ValidationError(_("This cannot be stored as JSON.")) from error
        if "\\u0000" in text:
            raise serializers.ValidationError(_("Null characters are not allowed."))
        if size > LARGEST_METADATA:
            raise serializers.ValidationError(_("At most 16 KB of JSON."))
        return found


class RowId(serializers.PrimaryKeyRelatedField[Any]):
    """The id of a row in whose company the caller has `role`; any other does not exist."""

    def __init__(self, *, role: Role = Role.EDITOR, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.role = role

    def get_queryset(self) -> QuerySet[Any]:
        rows: Any = super().get_queryset()
        return access_of(self.context["request"]).rows(rows, self.role)

    def to_internal_value(self, data: Any) -> Any:
        is_number = isinstance(data, int) and not isinstance(data, bool)
        is_digits = isinstance(data, str) and data.isascii() and data.isdigit() and len(data) < 20
        is_whole = isinstance(data, float) and data.is_integer()
        if not (is_number or is_whole or (is_form(self) and is_digits)):
            self.fail("incorrect_type", data_type=type(data).__name__)
        return super().to_internal_value(int(data))


class RowSerializer(serializers.ModelSerializer[M]):
    """A row's own rules decide, as in the admin: its `full_clean`, and constraints.

    `stays` are fields that only a new row may be given.
    """

    stays: ClassVar[Mapping[str, Any]] = {}
    serializer_field_mapping: ClassVar[Any] = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.CharField: Text,
        models.TextField: Text,
        models.EmailField: Email,
        models.SlugField: Slug,
        models.BooleanField: TrueOrFalse,
        models.PositiveIntegerField: WholeNumber,
        models.PositiveSmallIntegerField: WholeNumber,
        models.DateTimeField: Moment,
        models.JSONField: Metadata,
    }

    @property
    def access(self) -> Access:
        return access_of(self.context["request"])

    def get_unique_together_validators(self) -> list[Any]:
        # These would make each of a constraint's fields required.
        return []

    def validate(self, attrs: Any) -> Any:
        if self.instance is not None:
            for name, message in self.stays.items():
                source = self.fields[name].source or name
                if source in attrs and attrs[source] != getattr(self.instance, source):
                    raise serializers.ValidationError({name: message})
        return attrs

    def written(
        self,
        row: M,
        save: Callable[[M], Any] | None = None,
        *,
        change: Callable[[M, list[str]], Any] | None = None,
    ) -> M:
        """`row` with the values of this request, valid and saved: by `save` when it is new, by
        `change`, which gets the names of the changed fields too, when that takes more."""
        changed = []
        for source, value in self.validated_data.items():
            if save is not None or getattr(row, source) != value:
                setattr(row, source, value)
                changed.append(source)
        if save is None and not changed:
            return row
        with self.explaining():
            row.full_clean()
        if save is not None:
            save(row)
        elif change is not None:
            change(row, changed)
        else:
            row.save(update_fields=[*changed, "updated_at"])
        return row

    @contextmanager
    def explaining(self) -> Iterator[None]:
        """Give what a model refuses under the names that the API has for its fields."""
        try:
            yield
        except ModelRefused as refused:
            if not hasattr(refused, "error_dict"):
                raise
            names = {field.source: name for name, field in self.fields.items()}
            detail = serializers.as_serializer_error(refused)
            raise serializers.ValidationError(
                {names.get(field, field): messages for field, messages in detail.items()}
            ) from refused
