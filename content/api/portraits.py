"""Portraits: pictures that several contents share."""

from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from companies.api.base import TenantViewSet
from companies.api.fields import RowId, RowSerializer
from companies.api.lists import IdFilter, Ordering, SearchFilter
from companies.models import Company, Role
from content import processing, tasks
from content.api.targets import TARGET_FIELDS, TargetFields
from content.api.uploads import UploadMixin, UploadSerializer
from content.models import MarkerStatus, Portrait


class PortraitSerializer(TargetFields, RowSerializer[Portrait]):
    storage_connection_id = serializers.IntegerField(read_only=True, allow_null=True)
    storage_folder_id = serializers.IntegerField(read_only=True, allow_null=True)

    class Meta:
        model = Portrait
        fields = (
            "id",
            "company_id",
            "unique_id",
            "title",
            *TARGET_FIELDS,
            "storage_connection_id",
            "storage_folder_id",
            "metadata",
            "created_at",
            "updated_at",
        )
        read_only_fields: ClassVar = ("company_id",)


class PortraitUpload(UploadSerializer):
    company_id = RowId(source="company", queryset=Company.objects.all())
    image = serializers.FileField(help_text=_("JPEG, PNG or WebP."))

    class Meta:
        model = Portrait
        fields = ("company_id", "title", "image")

    def validate(self, attrs: Any) -> Any:
        image = attrs.pop("image")
        self.check_may_store(attrs["company"], image)
        attrs["picture"] = self.checked("image", image, processing.read_picture)
        return attrs


class PortraitFilters(filters.FilterSet):
    search = SearchFilter("title")
    company_id = IdFilter("company")
    marker_status = filters.ChoiceFilter(choices=MarkerStatus.choices)
    ordering = Ordering("id", "title", "created_at", default="-created_at")


class PortraitViewSet(
    UploadMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, TenantViewSet[Portrait]
):
    queryset = Portrait.objects.select_related("company")
    serializer_class = PortraitSerializer
    filterset_class = PortraitFilters
    role_to_view = Role.VIEWER
    role_to_change = Role.EDITOR

    def get_serializer_class(self) -> type[BaseSerializer[Portrait]]:
        return PortraitUpload if self.action == "create" else PortraitSerializer

    @extend_schema(request={"multipart/form-data": PortraitUpload}, responses=PortraitSerializer)
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Upload a picture. A worker then compiles its marker: follow it at `marker_status`."""
        return super().create(request, **kwargs)

    def add(self, serializer: Any) -> Portrait:
        with serializer.explaining():
            portrait = processing.create_portrait(**serializer.validated_data)
        tasks.request_marker(portrait)
        return portrait

    def shown(self, row: Portrait) -> Any:
        return PortraitSerializer(row, context=self.get_serializer_context()).data

    def change(self, row: Portrait, serializer: Any) -> Portrait:
        return serializer.written(row)

    def remove(self, row: Portrait) -> None:
        """Delete a portrait that no content uses."""
        processing.delete_portrait(row)
