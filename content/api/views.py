"""The public endpoints of contents and portraits: for anyone who knows an id, and nobody else."""

import uuid
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError as InvalidTime
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from arv.api import PublicThrottle
from companies.api.schema import Error
from companies.storage.router import media_path
from content.models import ARContent, MarkerStatus, Portrait, Video
from content.previews import preview_time
from content.publishing import Published, find_published

UNIQUE_ID = OpenApiParameter("unique_id", OpenApiTypes.UUID, OpenApiParameter.PATH)
AT = OpenApiParameter(
    "at",
    OpenApiTypes.STR,
    OpenApiParameter.QUERY,
    description=_(
        "For staff of the company alone: what visitors will get at that time, such as "
        "`2026-03-01T09:30`, by the company's clock unless it says otherwise. 404 for anybody else."
    ),
)
# Nothing can call an answer back: so long it may take until everybody gets what staff have changed.
CHANGES_ARRIVE_SECONDS = 300


class PublicVideoSerializer(serializers.Serializer[Any]):
    video_url = serializers.CharField()
    thumbnail_url = serializers.CharField(allow_null=True)
    title = serializers.CharField(allow_blank=True)
    duration = serializers.FloatField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    size_bytes = serializers.IntegerField()
    mime_type = serializers.CharField(allow_blank=True)


class ActiveVideoSerializer(PublicVideoSerializer):
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
    active_video = PublicVideoSerializer(allow_null=True)


class PublicContentView(APIView):
    """Authority is the unguessable id: no cookie and no token is looked at."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (PublicThrottle,)

    def published(self, unique_id: str) -> Published:
        """What visitors get now or, for staff who ask with `at`, at that time."""
        self.now = timezone.now()
        try:
            self.preview = preview_time(self.request._request, unique_id, now=self.now)
        except InvalidTime as error:
            raise ValidationError({"at": error.messages}) from error
        published = find_published(unique_id, self.preview or self.now)
        if published is None:
            raise Http404
        return published

    def finalize_response(self, *args: Any, **kwargs: Any) -> Response:
        response: Response = super().finalize_response(*args, **kwargs)
        if "at" in self.request.GET:
            response["Cache-Control"] = "no-store"
        return response


class ActiveVideoView(PublicContentView):
    @extend_schema(parameters=[UNIQUE_ID, AT], responses={200: ActiveVideoSerializer, 400: Error})
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
            },
            headers={"Cache-Control": cache_control(published.holds_until, self.now)},
        )


def cache_control(holds_until: datetime | None, now: datetime) -> str:
    """Until then, at most; for whole seconds, rounded down, so never any longer."""
    seconds = CHANGES_ARRIVE_SECONDS
    if holds_until is not None:
        seconds = min(seconds, int((holds_until - now).total_seconds()))
    return f"public, max-age={seconds}" if seconds > 0 else "no-store"


class ContentView(PublicContentView):
    @extend_schema(
        operation_id="public_content_retrieve",
        parameters=[UNIQUE_ID, AT],
        responses={200: PublicContentSerializer, 400: Error},
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
    @extend_schema(
        parameters=[UNIQUE_ID, AT], responses={200: PublicPortraitSerializer, 400: Error}
    )
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
