"""The AR page: what a phone opens after scanning the QR code."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from companies.storage.router import media_origin, media_path
from content.publishing import Published, find_published
from content.viewer_texts import viewer_texts

SESSION_PATH = "/api/analytics/ar-session"
# Ad blockers eat paths with "analytics" in them.
ALIAS_PATH = "/api/v/visit"


@never_cache
@require_safe
def ar_page(request: HttpRequest, unique_id: str) -> HttpResponse:
    published = find_published(unique_id, timezone.now())
    if published is None:
        return render(request, "content/unavailable.html", status=404)
    viewer = viewer_config(published)
    response = render(
        request,
        "content/ar_page.html",
        {
            "content": published.content,
            "poster_url": viewer["posterUrl"],
            "viewer": viewer,
        },
    )
    response._csp_update = media_sources(published)  # type: ignore[attr-defined]
    return response


def viewer_config(published: Published) -> dict[str, Any]:
    """The data of the page's script, as JSON types."""
    content = published.content
    target = content.target
    video = None
    if row := published.video:
        video = {
            "url": row.video.url,
            "type": row.mime_type,
            "width": row.width,
            "height": row.height,
        }
    return {
        "contentId": str(content.unique_id),
        "title": content.title,
        # Always from here: a bucket would need CORS rules for a script to read it.
        "markerUrl": media_path(str(target.marker)) if target.has_marker else None,
        "markerBytes": target.marker_bytes if target.has_marker else 0,
        "target": {"width": target.image_width, "height": target.image_height},
        "video": video,
        "posterUrl": target.image.url,
        "sessionUrl": SESSION_PATH,
        "aliasUrl": ALIAS_PATH,
        "workerUrl": static("build/tracker-worker.js"),
        "texts": viewer_texts(),
    }


def media_sources(published: Published) -> dict[str, list[str]]:
    """The hosts, besides our own, that this page's pictures and video come from."""
    names = [str(published.content.target.image)]
    if published.video:
        names.append(str(published.video.video))
    origins = sorted({origin for name in names if (origin := media_origin(name))})
    return {"img-src": origins, "media-src": origins} if origins else {}
