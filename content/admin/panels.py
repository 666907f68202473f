"""What a content's or a portrait's page shows of it: marker, QR code, views, uses."""

from datetime import datetime, timedelta
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from content.models import ARContent, MarkerStatus, Portrait
from content.previews import url_at
from content.publishing import Visibility, visibility

VIEWS_WINDOW = timedelta(days=30)
CONTENTS_SHOWN = 10


def target_of(row: ARContent | Portrait) -> ARContent | Portrait:
    return row.target if isinstance(row, ARContent) else row


def marker_context(row: ARContent | Portrait, *, may_change: bool) -> dict[str, Any]:
    target = target_of(row)
    waiting = target.marker_status in {MarkerStatus.PENDING, MarkerStatus.PROCESSING}
    whole = int(target.stars or 0)
    half = bool(target.stars and target.stars != whole)
    made_at = target.marker_generated_at
    return {
        "row": row,
        "target": target,
        "waiting": waiting,
        "may_change": may_change,
        "borrowed": target is not row,
        "url": f"admin:content_{row._meta.model_name}_marker",
        "features_url": f"admin:content_{row._meta.model_name}_features",
        # Another marker has another address, so that no browser shows the old map.
        "version": int(made_at.timestamp()) if made_at else 0,
        "full_stars": range(whole),
        "half_star": half,
        "empty_stars": range(5 - whole - half),
    }


def marker_panel(row: ARContent | Portrait, *, may_change: bool) -> SafeString:
    context = marker_context(row, may_change=may_change)
    return render_to_string("admin/content/marker_panel.html", context)


def qr_panel(content: ARContent, *, now: datetime) -> SafeString:
    state = visibility(content, now)
    context = {
        "content": content,
        "state": state,
        "is_visible": state == Visibility.VISIBLE,
        # Staff who look at it are no visitors.
        "page_url": url_at(content, now),
    }
    return render_to_string("admin/content/qr_panel.html", context)


def views_panel(content: ARContent, *, now: datetime) -> SafeString:
    recent = content.view_sessions.filter(is_bot=False, created_at__gte=now - VIEWS_WINDOW).count()
    context = {"content": content, "recent": recent}
    return render_to_string("admin/content/views_panel.html", context)


def used_in_panel(portrait: Portrait) -> SafeString:
    contents = portrait.ar_contents.order_by("-created_at", "-pk")
    context = {
        "portrait": portrait,
        "contents": contents.select_related("project")[:CONTENTS_SHOWN],
        "count": contents.count(),
        "shown": CONTENTS_SHOWN,
    }
    return render_to_string("admin/content/used_in_panel.html", context)
