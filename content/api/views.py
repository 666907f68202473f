"""The public endpoints of a content: for anyone who knows its id, and for nobody else."""

from typing import Any

from django.http import Http404
from django.utils import timezone
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from arv.api import PublicThrottle
from companies.storage.router import media_path
from content.models import Video
from content.publishing import Published, find_published


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
    def get(self, request: Request, unique_id: str) -> Response:
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
    def get(self, request: Request, unique_id: str) -> Response:
        published = self.published(unique_id)
        content, target = published.content, published.content.target
        return Response(
            {
                "unique_id": str(content.unique_id),
                "title": content.title,
                "description": content.description,
                "image_url": target.image.url,
                "thumbnail_url": target.thumbnail.url if target.thumbnail else None,
                "marker_status": target.marker_status,
                "marker_url": media_path(str(target.marker)) if target.has_marker else None,
                "ar_url": content.ar_url,
                "active_video": video_fields(published.video) if published.video else None,
            }
        )


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
