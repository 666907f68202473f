"""Projects, and more days for them."""

from typing import Any, ClassVar

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from companies.api.base import TenantViewSet
from companies.api.fields import RowId, RowSerializer, Text, WholeNumber
from companies.api.lists import IdFilter, MomentFilter, Ordering, SearchFilter
from companies.limits import MOST_DAYS, add_project, change_project, extend_project
from companies.models import Company, Project, ProjectStatus, ProjectType, Role


class Tag(Text):
    def to_internal_value(self, data: Any) -> str:
        tag = super().to_internal_value(data)
        if not tag.isprintable():
            raise serializers.ValidationError(_("This contains characters that cannot be printed."))
        return tag


class ProjectSerializer(RowSerializer[Project]):
    stays: ClassVar = {"company_id": _("A project stays with its company.")}
    company_id = RowId(source="company", queryset=Company.objects.all())
    tags = serializers.ListField(child=Tag(max_length=100), max_length=50, required=False)

    class Meta:
        model = Project
        fields = (
            "id",
            "company_id",
            "name",
            "slug",
            "folder_path",
            "description",
            "project_type",
            "subscription_type",
            "starts_at",
            "expires_at",
            "auto_renew",
            "status",
            "notify_before_expiry_days",
            "last_notification_sent_at",
            "tags",
            "metadata",
            "created_at",
            "updated_at",
        )

    def validate(self, attrs: Any) -> Any:
        attrs = super().validate(attrs)
        saved = self.instance if isinstance(self.instance, Project) else None
        slug, company = attrs.get("slug"), saved.company if saved else attrs["company"]
        siblings = Project.objects.filter(company=company)
        if saved:
            siblings = siblings.exclude(pk=saved.pk)
        if slug and siblings.filter(slug=slug).exists():
            message = _("The company has a project with this slug already.")
            raise serializers.ValidationError({"slug": message})
        return attrs


class ProjectFilters(filters.FilterSet):
    search = SearchFilter("name", "slug")
    company_id = IdFilter("company")
    status = filters.ChoiceFilter(choices=ProjectStatus.choices)
    project_type = filters.ChoiceFilter(choices=ProjectType.choices)
    expires_before = MomentFilter("expires_at", "lt")
    expires_after = MomentFilter("expires_at", "gte")
    ordering = Ordering("id", "name", "created_at", "expires_at", default="-created_at")


class Days(serializers.Serializer[Any]):
    days = WholeNumber(min_value=1, max_value=MOST_DAYS)


class ProjectViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, TenantViewSet[Project]):
    queryset = Project.objects.select_related("company")
    serializer_class = ProjectSerializer
    filterset_class = ProjectFilters
    role_to_view = Role.VIEWER
    role_to_change = Role.EDITOR

    def add(self, serializer: Any) -> Project:
        return serializer.written(
            Project(), lambda project: add_project(project, now=timezone.now())
        )

    def change(self, row: Project, serializer: Any) -> Project:
        return serializer.written(
            row,
            change=lambda project, changed: change_project(
                project, changed=changed, now=timezone.now()
            ),
        )

    @extend_schema(request=Days, responses=ProjectSerializer)
    def extend(self, request: Request, **kwargs: Any) -> Response:
        """Let a project run longer, from its end or, when that is past, from now."""
        project = self.get_object()
        asked = Days(data=request.data, context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        days: int = asked.validated_data["days"]
        return Response(self.shown(extend_project(project, days=days, now=timezone.now())))


class ProjectsOfCompany(ProjectViewSet):
    parent = (Company, "company")
