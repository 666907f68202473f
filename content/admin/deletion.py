"""What a deletion takes with it, counted: a content may have millions of visits."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Count, FileField, Q
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.translation import gettext

from content.models import ARContent, Portrait, Video

NAMED = 20
# Beyond this the number does not matter any more, and counting takes long.
MOST_COUNTED = 1_000_000

# What Django's get_deleted_objects returns.
Deleted = tuple[list[Any], dict[Any, Any], set[Any], list[Any]]


def content_losses(contents: Iterable[ARContent], allowed: Any) -> Deleted:
    """The answer for contents; `allowed` tells whether one of them may be deleted."""
    chosen = list(contents)
    ids = [content.pk for content in chosen]
    kept = [field.name for field in Video._meta.fields if isinstance(field, FileField)]
    videos = Video.objects.filter(ar_content__in=ids).aggregate(
        count=Count("pk"),
        **{f"{name}_files": Count("pk", filter=~Q(**{name: ""})) for name in kept},
    )
    count = videos.pop("count")
    visits = ARContent.objects.filter(pk__in=ids, view_sessions__isnull=False)
    files = sum(
        bool(file)
        for content in chosen
        for file in (content.image, content.thumbnail, content.marker, content.qr_code)
    )
    losses = {
        ARContent._meta.verbose_name_plural: len(chosen),
        Video._meta.verbose_name_plural: count,
        gettext("files"): files + sum(videos.values()),
        gettext("visits, which stay in the company's figures"): _bounded(
            visits.values("view_sessions")[: MOST_COUNTED + 1].count()
        ),
    }
    forbidden = not all(allowed(content) for content in chosen)
    return _named(chosen), losses, {ARContent._meta.verbose_name} if forbidden else set(), []


def portrait_losses(portraits: Iterable[Portrait], allowed: Any) -> Deleted:
    """The answer for portraits: contents that use one keep it from being deleted."""
    chosen = list(portraits)
    using = ARContent.objects.filter(portrait__in=[portrait.pk for portrait in chosen])
    users = list(using.order_by("-pk")[: NAMED + 1])
    files = sum(
        bool(file)
        for portrait in chosen
        for file in (portrait.image, portrait.thumbnail, portrait.marker)
    )
    losses = {Portrait._meta.verbose_name_plural: len(chosen), gettext("files"): files}
    forbidden = not all(allowed(portrait) for portrait in chosen)
    perms = {Portrait._meta.verbose_name} if forbidden else set()
    return _named(chosen), losses, perms, _named(users)


def _bounded(count: int) -> str:
    if count <= MOST_COUNTED:
        return number_format(count, force_grouping=True)
    return gettext("more than %(count)s") % {
        "count": number_format(MOST_COUNTED, force_grouping=True)
    }


def _named(rows: list[Any]) -> list[Any]:
    names: list[Any] = [
        format_html(
            '{}: <a href="{}">{}</a>',
            str(row._meta.verbose_name),
            reverse(f"admin:content_{row._meta.model_name}_change", args=[row.pk]),
            row,
        )
        for row in rows[:NAMED]
    ]
    more = len(rows) - NAMED
    return [*names, gettext("and more")] if more > 0 else names
