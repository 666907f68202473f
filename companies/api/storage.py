"""Storage connections: secrets go in and never come out."""

from typing import Any, ClassVar, cast

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from companies.api.base import TenantViewSet
from companies.api.fields import RowId, RowSerializer, Text
from companies.api.lists import IdFilter, Ordering, SearchFilter, YesNoFilter
from companies.models import (
    Company,
    Role,
    StorageConnection,
    StorageProvider,
    StorageTestStatus,
    User,
)
from companies.storage import probe
from companies.storage.connections import check_change, shown_credentials

CREDENTIALS = {
    "type": "object",
    "description": "Secrets are taken and never shown; leave one out to keep it.",
    "additionalProperties": {"type": "string", "maxLength": 500},
}


@extend_schema_field(CREDENTIALS)
class Credentials(serializers.DictField):
    """Parameters of the provider. What comes out are those that are no secrets."""

    child = Text(max_length=500, allow_blank=True)

    def to_representation(self, value: Any) -> Any:
        connection: StorageConnection = value
        return shown_credentials(connection)

    def get_attribute(self, instance: StorageConnection) -> Any:
        return instance


class ConnectionSerializer(RowSerializer[StorageConnection]):
    stays: ClassVar = {
        "company_id": _("A connection stays with its company."),
        "provider": _("Files are found through the provider: it stays what it was."),
    }
    company_id = RowId(
        source="company",
        queryset=Company.objects.all(),
        role=Role.OWNER,
        allow_null=True,
        required=False,
    )
    credentials = Credentials(required=False)

    class Meta:
        model = StorageConnection
        fields = (
            "id",
            "company_id",
            "name",
            "provider",
            "credentials",
            "base_path",
            "is_default",
            "is_active",
            "last_tested_at",
            "test_status",
            "test_error",
            "metadata",
            "created_at",
            "updated_at",
            "created_by",
        )
        read_only_fields = ("is_default", "last_tested_at", "test_status", "test_error")

    def validate(self, attrs: Any) -> Any:
        attrs = super().validate(attrs)
        saved = self.instance if isinstance(self.instance, StorageConnection) else None
        if saved is None and not self.access.manages_platform:
            # A disk of this machine, and what every company may use, are the platform's.
            if attrs.get("company") is None:
                raise serializers.ValidationError({"company_id": _("Choose your company.")})
            if attrs["provider"] != StorageProvider.MINIO:
                raise serializers.ValidationError(
                    {"provider": _("Only the platform's staff set up this kind.")}
                )
        row = saved or StorageConnection(provider=attrs["provider"], company=attrs.get("company"))
        if (
            row.provider == StorageProvider.LOCAL_DISK
            and not self.access.manages_platform
            and attrs.get("base_path", row.base_path) != row.base_path
        ):
            raise serializers.ValidationError(
                {"base_path": _("Only the platform's staff move files on this machine's disk.")}
            )
        try:
            attrs["credentials"] = check_change(
                row,
                base_path=attrs.get("base_path", row.base_path),
                credentials=attrs.get("credentials", {}),
            )
        except ValidationError as refused:
            raise self.by_field(refused) from refused
        return attrs

    def by_field(self, refused: ValidationError) -> serializers.ValidationError:
        """Parameters are no fields of their own here: their names go before the messages."""
        detail: dict[str, list[str]] = {}
        for name, messages in refused.message_dict.items():
            own = name in self.fields
            field = name if own else "credentials"
            said = messages if own else [f"{name}: {message}" for message in messages]
            detail.setdefault(field, []).extend(said)
        return serializers.ValidationError(detail)


class ConnectionFilters(filters.FilterSet):
    search = SearchFilter("name")
    company_id = IdFilter("company")
    provider = filters.ChoiceFilter(choices=StorageProvider.choices)
    test_status = filters.ChoiceFilter(choices=StorageTestStatus.choices)
    is_active = YesNoFilter("is_active")
    ordering = Ordering("id", "name", "created_at", "last_tested_at", default="name")


class ConnectionViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, TenantViewSet[StorageConnection]
):
    """A company's own storages; for the platform's staff all of them."""

    queryset = StorageConnection.objects.select_related("company")
    serializer_class = ConnectionSerializer
    filterset_class = ConnectionFilters
    role_to_view = role_to_change = Role.OWNER

    def add(self, serializer: Any) -> StorageConnection:
        created_by = cast("User", self.request.user)
        return serializer.written(
            StorageConnection(created_by=created_by), lambda connection: connection.save()
        )

    def change(self, row: StorageConnection, serializer: Any) -> StorageConnection:
        return serializer.written(row)

    @extend_schema(request=None, responses=ConnectionSerializer)
    def test(self, request: Request, **kwargs: Any) -> Response:
        """Write, read and delete a small file; `test_status` and `test_error` say how it went."""
        connection = self.get_object()
        probe.test_connection(connection)
        return Response(self.shown(connection))
