"""The public endpoints of contents and portraits: for anyone who knows an id, and nobody else."""

import uuid
from typing import Any

from django.http import Http404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from arv.api import PublicThrottle
from companies.storage.router import media_path
from content.models import ARContent, MarkerStatus, Portrait, Video
from content.publishing import Published, find_published

UNIQUE_ID = OpenApiParameter("unique_id", OpenApiTypes.UUID, OpenApiParameter.PATH)


class VideoSerializer(serializers.Serializer[Any]):
    video_url = serializers.CharField()
    thumbnail_url = serializers.CharField(allow_null=True)
    title = serializers.CharField(allow_blank=True)
    duration = serializers.FloatField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    size_bytes = serializers.IntegerField()
    mime_type = serializers.CharField(allow_blank=True)


class ActiveVideoSerializer(VideoSerializer):
    reason = serializers.CharField()
    valid_until = serializers.DateTimeField(allow_null=True)


class PublicPortraitSerializer(serializers.Serializer[Any]):
    unique_id = serializers.UUIDField()
    title = serializers.CharField()
    image_url = serializers.CharField()
    thumbnail_url = serializers.CharField(allow_null=True)
    marker_status = serializers.ChoiceField(choices=MarkerStatus.choices)
    marker_url = serializers.CharField(allow_null=True)


class PublicContentSerializer(PublicPortraitSerializer):
    description = serializers.CharField(allow_blank=True)
    ar_url = serializers.CharField()
    active_video = VideoSerializer(allow_null=True)


class PublicContentView(APIView):
    """Authority is the unguessable id: no cookie and no token is looked at."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (PublicThrottle,)

    def published(self, unique_id: str) -> Published:
        published = find_published(unique_id, timezone.now())
        if published is None:
            raise Http404
        return published


class ActiveVideoView(PublicContentView):
    @extend_schema(parameters=[UNIQUE_ID], responses=ActiveVideoSerializer)
    def get(self, request: Request, unique_id: str) -> Response:
        """The video that plays now, why this one, and until when."""
        published = self.published(unique_id)
        if published.video is None or published.choice is None:
            raise Http404
        return Response(
            {
                **video_fields(published.video),
                "reason": published.choice.reason,
                "valid_until": published.choice.valid_until,
            }
        )


class ContentView(PublicContentView):
    @extend_schema(
        operation_id="public_content_retrieve",
        parameters=[UNIQUE_ID],
        responses=PublicContentSerializer,
    )
    def get(self, request: Request, unique_id: str) -> Response:
        """What a viewer needs to show a content."""
        published = self.published(unique_id)
        content = published.content
        return Response(
            {
                **picture_fields(content.target),
                "unique_id": str(content.unique_id),
                "title": content.title,
                "description": content.description,
                "ar_url": content.ar_url,
                "active_video": video_fields(published.video) if published.video else None,
            }
        )


class PublicPortraitMixin(PublicContentView):
    """A portrait that a published content uses; the id of a content is none of a portrait."""

    def published(self, unique_id: str) -> Published:
        published = super().published(unique_id)
        portrait = published.content.portrait
        if portrait is None or portrait.unique_id != uuid.UUID(unique_id):
            raise Http404
        return published


class PublicPortraitView(PublicPortraitMixin):
    @extend_schema(parameters=[UNIQUE_ID], responses=PublicPortraitSerializer)
    def get(self, request: Request, unique_id: str) -> Response:
        """What a viewer needs to recognise a portrait."""
        portrait = self.published(unique_id).content.target
        return Response(
            {
                **picture_fields(portrait),
                "unique_id": str(portrait.unique_id),
                "title": portrait.title,
            }
        )


class PortraitVideoView(PublicPortraitMixin, ActiveVideoView):
    """The video of the newest published content that uses the portrait."""


def picture_fields(target: ARContent | Portrait) -> dict[str, Any]:
    return {
        "image_url": target.image.url,
        "thumbnail_url": target.thumbnail.url if target.thumbnail else None,
        "marker_status": target.marker_status,
        "marker_url": media_path(str(target.marker)) if target.has_marker else None,
    }


def video_fields(video: Video) -> dict[str, Any]:
    return {
        "video_url": video.video.url,
        "thumbnail_url": video.thumbnail.url if video.thumbnail else None,
        "title": video.title,
        "duration": video.duration,
        "width": video.width,
        "height": video.height,
        "size_bytes": video.size_bytes,
        "mime_type": video.mime_type,
    }
