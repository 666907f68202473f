"""The videos of a content: upload, follow, put in order, let one play, delete."""

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
from companies.api.errors import Conflict
from companies.api.fields import RowSerializer, TrueOrFalse
from companies.api.lists import MomentFilter, Ordering, SearchFilter, YesNoFilter
from companies.models import Role
from content import playback, tasks, videos
from content.api.targets import path_of, url_of
from content.api.uploads import UploadMixin, UploadSerializer
from content.models import ARContent, Video, VideoStatus


class Thumbnails(serializers.Serializer[Video]):
    """WebP pictures; no side is longer than 160, 320 and 640 pixels."""

    small = serializers.SerializerMethodField()
    medium = serializers.SerializerMethodField()
    large = serializers.SerializerMethodField()

    def get_small(self, video: Video) -> str | None:
        return url_of(video.thumbnail_small)

    def get_medium(self, video: Video) -> str | None:
        return url_of(video.thumbnail)

    def get_large(self, video: Video) -> str | None:
        return url_of(video.thumbnail_large)


class VideoSerializer(RowSerializer[Video]):
    """`video_url` is what phones play; it is null until a worker has prepared the first upload."""

    ar_content_id = serializers.IntegerField(read_only=True)
    video_path = serializers.SerializerMethodField()
    video_url = serializers.SerializerMethodField()
    thumbnail_url = serializers.SerializerMethodField()
    poster_url = serializers.SerializerMethodField()
    thumbnails = Thumbnails(source="*", read_only=True)
    original_url = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()

    class Meta:
        model = Video
        fields = (
            "id",
            "ar_content_id",
            "video_path",
            "video_url",
            "thumbnail_url",
            "title",
            "duration",
            "width",
            "height",
            "size_bytes",
            "mime_type",
            "is_active",
            "schedule_start",
            "schedule_end",
            "rotation_order",
            "status",
            "progress",
            "error",
            "poster_url",
            "thumbnails",
            "has_alpha",
            "original_url",
            "created_at",
            "updated_at",
        )

    def get_video_path(self, video: Video) -> str | None:
        return path_of(video.video)

    def get_video_url(self, video: Video) -> str | None:
        return url_of(video.video)

    def get_thumbnail_url(self, video: Video) -> str | None:
        return url_of(video.thumbnail)

    def get_poster_url(self, video: Video) -> str | None:
        return url_of(video.poster)

    def get_original_url(self, video: Video) -> str | None:
        return url_of(video.original)

    def get_error(self, video: Video) -> str:
        return video.reason


class VideoUpload(UploadSerializer):
    """`is_active`: play it as soon as it is ready, as `activate` does."""

    video = serializers.FileField(help_text=_("MP4, MOV or WebM, with any codec of a phone."))
    is_active = TrueOrFalse(default=False)

    class Meta:
        model = Video
        fields = (
            "video",
            "title",
            "is_active",
            "schedule_start",
            "schedule_end",
            "rotation_order",
            "has_alpha",
        )

    def validate(self, attrs: Any) -> Any:
        upload, content = attrs.pop("video"), self.context["content"]
        self.check_may_store(content.company, upload)
        found = self.checked("video", upload, videos.read_video)
        return {**attrs, "upload": upload, "found": found}


class VideoFilters(filters.FilterSet):
    search = SearchFilter("title")
    status = filters.ChoiceFilter(choices=VideoStatus.choices)
    is_active = YesNoFilter("is_active")
    created_before = MomentFilter("created_at", "lt")
    created_after = MomentFilter("created_at", "gte")
    ordering = Ordering("id", "title", "created_at", "rotation_order", default="rotation_order")


class Activated(serializers.Serializer[Any]):
    status = serializers.CharField(help_text=_("Always: activated."))
    active_video_id = serializers.IntegerField(
        allow_null=True, help_text=_("What plays now: another one while this one cannot.")
    )


class VideoViewSet(mixins.RetrieveModelMixin, TenantViewSet[Video]):
    queryset = Video.objects.select_related("ar_content__company", "ar_content__project")
    serializer_class = VideoSerializer
    role_to_view = Role.VIEWER
    role_to_change = Role.EDITOR

    def shown(self, row: Video) -> Any:
        return VideoSerializer(row, context=self.get_serializer_context()).data

    def change(self, row: Video, serializer: Any) -> Video:
        """Change what a video is called, when it may play, its place in the order, or whether it
        is transparent: then it is prepared again."""
        return serializer.written(row, change=self.save)

    def save(self, video: Video, changed: list[str]) -> None:
        if videos.change_video(video, changed=changed, now=timezone.now()):
            tasks.request_video(video)
        video.refresh_from_db()

    def remove(self, row: Video) -> None:
        """Delete a video with its files. What plays instead is settled at once."""
        videos.delete_video(row)

    @extend_schema(request=None, responses=Activated)
    def activate(self, request: Request, **kwargs: Any) -> Response:
        """Let this video play from now on, until a window or a rotation says otherwise."""
        video = self.get_object()
        playback.choose(video, now=timezone.now())
        content = ARContent.objects.only("active_video").get(pk=video.ar_content_id)
        return Response({"status": "activated", "active_video_id": content.active_video_id})

    @extend_schema(request=None, responses={202: VideoSerializer})
    def retry(self, request: Request, **kwargs: Any) -> Response:
        """Have a video that failed prepared again."""
        video = self.get_object()
        if video.status != VideoStatus.FAILED:
            raise Conflict(_("Only a video that failed is prepared again."), "not_failed")
        videos.retry_video(video)
        tasks.request_video(video)
        video.refresh_from_db()
        return Response(self.shown(video), status.HTTP_202_ACCEPTED)


class VideosOfContent(UploadMixin, mixins.ListModelMixin, VideoViewSet):
    parent = (ARContent, "ar_content")
    filterset_class = VideoFilters

    def get_serializer_class(self) -> type[BaseSerializer[Video]]:
        return VideoUpload if self.action == "create" else VideoSerializer

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "content": getattr(self, "content", None)}

    @extend_schema(request={"multipart/form-data": VideoUpload}, responses=VideoSerializer)
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Upload a video. A worker then makes it fit for phones: follow it at `status`."""
        self.content: ARContent = self.get_parent()
        return super().create(request, **kwargs)

    def add(self, serializer: Any) -> Video:
        names = ("upload", "found", "is_active")
        upload, found, plays = (serializer.validated_data.pop(name) for name in names)

        def save(video: Video) -> None:
            videos.attach_upload(video, upload, found)
            video.save()
            if plays:
                playback.choose(video, now=timezone.now())

        video: Video = serializer.written(Video(ar_content=self.content), save)
        tasks.request_video(video)
        return video
