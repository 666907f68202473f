"""Companies, and what they have stored."""

from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from companies.api.base import TenantViewSet
from companies.api.fields import RowId, RowSerializer
from companies.api.lists import MomentFilter, Ordering, SearchFilter, YesNoFilter
from companies.models import Company, Role, StorageConnection, StorageFolder, SubscriptionTier
from companies.provisioning import add_company
from companies.storage.connections import offered_to


class ConnectionId(RowId):
    """A connection that the company may store its files in."""

    def get_queryset(self) -> Any:
        root = self.root
        company = getattr(root, "instance", None)
        is_staff = isinstance(root, CompanySerializer) and root.access.manages_platform
        return offered_to(company if isinstance(company, Company) else None, platform=is_staff)


class CompanySerializer(RowSerializer[Company]):
    stays: ClassVar = {"slug": _("Stored names carry the slug: it stays what it was.")}
    storage_connection_id = ConnectionId(
        source="storage_connection", queryset=StorageConnection.objects.all()
    )

    class Meta:
        model = Company
        fields = (
            "id",
            "name",
            "slug",
            "contact_email",
            "contact_phone",
            "telegram_chat_id",
            "storage_connection_id",
            "storage_path",
            "subscription_tier",
            "storage_quota_gb",
            "storage_used_bytes",
            "projects_limit",
            "time_zone",
            "session_retention_days",
            "is_active",
            "is_default",
            "subscription_expires_at",
            "notes",
            "metadata",
            "created_at",
            "updated_at",
            "created_by",
        )

    def validate(self, attrs: Any) -> Any:
        if not self.access.manages_platform and (
            others := set(attrs).difference(Company.owner_fields)
        ):
            raise PermissionDenied(
                _("Only the platform's staff change: %s.") % ", ".join(sorted(others))
            )
        return super().validate(attrs)

    def to_representation(self, instance: Company) -> Any:
        shown = super().to_representation(instance)
        if not self.access.manages_platform:
            for name in Company.platform_fields:
                shown.pop(name)
        return shown


class CompanyFilters(filters.FilterSet):
    search = SearchFilter("name", "slug")
    is_active = YesNoFilter("is_active")
    subscription_tier = filters.ChoiceFilter(choices=SubscriptionTier.choices)
    expires_before = MomentFilter("subscription_expires_at", "lt")
    ordering = Ordering(
        "id",
        "name",
        "created_at",
        "subscription_expires_at",
        "storage_used_bytes",
        default="name",
    )


class CompanyViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, TenantViewSet[Company]):
    """Companies of the caller. Only the platform's staff create and delete them."""

    queryset = Company.objects.all()
    serializer_class = CompanySerializer
    filterset_class = CompanyFilters
    role_to_view = Role.VIEWER
    role_to_change = Role.OWNER
    platform_actions = frozenset({"create", "destroy"})

    def add(self, serializer: Any) -> Company:
        return serializer.written(
            Company(), lambda company: add_company(company, created_by=self.access.user)
        )

    def change(self, row: Company, serializer: Any) -> Company:
        return serializer.written(row)


class FolderSerializer(serializers.ModelSerializer[StorageFolder]):
    class Meta:
        model = StorageFolder
        fields = (
            "id",
            "company_id",
            "name",
            "path",
            "folder_type",
            "files_count",
            "total_size_bytes",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class CompanyStorageSerializer(serializers.ModelSerializer[Company]):
    company_id = serializers.IntegerField(source="pk", read_only=True)
    storage_quota_bytes = serializers.IntegerField(read_only=True)
    folders = FolderSerializer(source="storage_folders", many=True, read_only=True)

    class Meta:
        model = Company
        fields = (
            "company_id",
            "storage_connection_id",
            "storage_path",
            "storage_quota_gb",
            "storage_quota_bytes",
            "storage_used_bytes",
            "folders",
        )
        read_only_fields = fields


class CompanyStorageView(TenantViewSet[Company]):
    """What a company has stored, by kind of file, and how much it may store."""

    queryset = Company.objects.prefetch_related("storage_folders")
    serializer_class = CompanyStorageSerializer
    role_to_view = Role.VIEWER
    role_to_change = Role.OWNER

    @extend_schema(responses=CompanyStorageSerializer)
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        return Response(self.shown(self.get_object()))
