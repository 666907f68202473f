"""AR contents: create with a picture and a video, change, delete, make the marker again."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from companies.api.base import TenantViewSet
from companies.api.fields import RowId, RowSerializer
from companies.api.lists import IdFilter, MomentFilter, Ordering, SearchFilter, YesNoFilter
from companies.models import Project, Role
from content import processing, tasks, videos
from content.api.targets import TARGET_FIELDS, TargetFields, path_of, url_of
from content.api.uploads import UploadMixin, UploadSerializer
from content.changes import change_content, switch_content
from content.models import ARContent, MarkerStatus, Portrait, RotationType
from content.models.content import ARContentQuerySet


class ContentSerializer(TargetFields, RowSerializer[ARContent]):
    project_id = RowId(source="project", queryset=Project.objects.select_related("company"))
    portrait_id = RowId(
        source="portrait",
        queryset=Portrait.objects.select_related("company"),
        allow_null=True,
        required=False,
    )
    active_video_id = serializers.IntegerField(read_only=True, allow_null=True)
    # Of its rotation schedules; empty while there is none. Said here because DRF drops
    # `allow_blank` from read-only fields of a model, and the schema would promise too much.
    video_rotation_type = serializers.ChoiceField(
        choices=RotationType.choices, allow_blank=True, read_only=True
    )
    qr_code_path = serializers.SerializerMethodField()
    qr_code_url = serializers.SerializerMethodField()
    ar_url = serializers.URLField(read_only=True)

    class Meta:
        model = ARContent
        fields = (
            "id",
            "project_id",
            "company_id",
            "portrait_id",
            "unique_id",
            "title",
            "description",
            *TARGET_FIELDS,
            "active_video_id",
            "video_rotation_enabled",
            "video_rotation_type",
            "is_active",
            "published_at",
            "expires_at",
            "qr_code_path",
            "qr_code_url",
            "ar_url",
            "views_count",
            "last_viewed_at",
            "metadata",
            "created_at",
            "updated_at",
        )
        read_only_fields = ("company_id", "video_rotation_enabled")

    def get_qr_code_path(self, content: ARContent) -> str | None:
        return path_of(content.qr_code)

    def get_qr_code_url(self, content: ARContent) -> str | None:
        return url_of(content.qr_code)

    def validate(self, attrs: Any) -> Any:
        content = self.instance
        if isinstance(content, ARContent):
            project = attrs.get("project")
            if project and project.company_id != content.company_id:
                raise serializers.ValidationError(
                    {"project_id": _("A content stays with its company.")}
                )
        return super().validate(attrs)


class ContentUpload(UploadSerializer):
    """Either an `image` or a `portrait_id`; the `video` may come later."""

    project_id = RowId(source="project", queryset=Project.objects.select_related("company"))
    portrait_id = RowId(
        source="portrait",
        queryset=Portrait.objects.select_related("company"),
        required=False,
    )
    image = serializers.FileField(required=False, help_text=_("JPEG, PNG or WebP."))
    video = serializers.FileField(
        required=False, help_text=_("Any video of a phone: MP4, MOV or WebM.")
    )

    class Meta:
        model = ARContent
        fields = (
            "project_id",
            "portrait_id",
            "title",
            "description",
            "image",
            "video",
            "is_active",
            "published_at",
            "expires_at",
        )

    def validate(self, attrs: Any) -> Any:
        image, video = attrs.pop("image", None), attrs.get("video")
        if image and attrs.get("portrait"):
            raise serializers.ValidationError(
                {"image": _("Upload a picture or choose a portrait, not both.")}
            )
        if not image and not attrs.get("portrait"):
            raise serializers.ValidationError(
                {"image": _("Upload a picture or choose a portrait.")}
            )
        self.check_may_store(attrs["project"].company, image, video)
        attrs["picture"] = self.checked("image", image, processing.read_picture)
        attrs["found"] = self.checked("video", video, videos.read_video)
        return attrs


class ContentFilters(filters.FilterSet):
    search = SearchFilter("title", "description")
    company_id = IdFilter("company")
    project_id = IdFilter("project")
    portrait_id = IdFilter("portrait")
    marker_status = filters.ChoiceFilter(
        method="with_marker", choices=MarkerStatus.choices, label=_("The picture's, or portrait's.")
    )
    is_active = YesNoFilter("is_active")
    created_before = MomentFilter("created_at", "lt")
    created_after = MomentFilter("created_at", "gte")
    expires_before = MomentFilter("expires_at", "lt")
    ordering = Ordering(
        "id", "title", "created_at", "expires_at", "views_count", default="-created_at"
    )

    def with_marker(self, rows: ARContentQuerySet, name: str, value: str) -> ARContentQuerySet:
        return rows.with_marker(MarkerStatus(value))


class MarkerQueued(serializers.Serializer[Any]):
    ar_content_id = serializers.IntegerField()
    marker_status = serializers.ChoiceField(choices=MarkerStatus.choices)


class ContentViewSet(
    UploadMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, TenantViewSet[ARContent]
):
    queryset = ARContent.objects.select_related("company", "project__company", "portrait__company")
    serializer_class = ContentSerializer
    filterset_class = ContentFilters
    role_to_view = Role.VIEWER
    role_to_change = Role.EDITOR

    def get_serializer_class(self) -> type[BaseSerializer[ARContent]]:
        return ContentUpload if self.action == "create" else ContentSerializer

    @extend_schema(request={"multipart/form-data": ContentUpload}, responses=ContentSerializer)
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Publish a picture with its video. A worker then compiles the marker: follow it at
        `marker_status`. Another prepares the video for phones: follow it at its `status`."""
        return super().create(request, **kwargs)

    def add(self, serializer: Any) -> ARContent:
        with serializer.explaining():
            content = processing.create_content(**serializer.validated_data)
        tasks.request_content(content)
        return content

    def shown(self, row: ARContent) -> Any:
        return ContentSerializer(row, context=self.get_serializer_context()).data

    def change(self, row: ARContent, serializer: Any) -> ARContent:
        """Change a content. Choosing a portrait gives up the content's own picture."""
        content: ARContent = serializer.written(
            row,
            change=lambda content, changed: change_content(
                content, changed=changed, now=timezone.now()
            ),
        )
        if serializer.validated_data.get("is_active") is False:
            # The column says so already of one that expiry has stopped, and would bring back.
            switch_content(content, on=False, now=timezone.now())
        return content

    def remove(self, row: ARContent) -> None:
        """Delete a content with its videos and all their files."""
        processing.delete_content(row)

    @extend_schema(request=None, responses={202: MarkerQueued})
    def generate_marker(self, request: Request, **kwargs: Any) -> Response:
        """Make the marker again; visitors keep the present one until the new one is ready."""
        content = self.get_object()
        processing.renew_marker(content.target)
        tasks.request_marker(content.target)
        queued = {"ar_content_id": content.pk, "marker_status": MarkerStatus.PENDING}
        return Response(queued, status.HTTP_202_ACCEPTED)


class ContentByUniqueId(ContentViewSet):
    lookup_field = lookup_url_kwarg = "unique_id"


class ContentsOfProject(ContentViewSet):
    parent = (Project, "project")
