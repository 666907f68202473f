"""What a visitor gets at a moment: the content behind a public id and the video that plays."""

import uuid
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _

from companies.models import ProjectStatus
from content.models import ARContent, Video
from content.rotation import Choice, Clip, resolve


class Visibility(models.TextChoices):
    """Whether visitors see a content, and if not, what stands in the way."""

    VISIBLE = "visible", _("visible")
    OFF = "off", _("switched off")
    LATER = "later", _("not yet")
    EXPIRED = "expired", _("expired")
    PROJECT = "project", _("project is not running")
    COMPANY = "company", _("subscription is over")


@dataclass(frozen=True)
class Published:
    """`video` is None when the content has none that can be played now."""

    content: ARContent
    video: Video | None
    choice: Choice | None


def find_published(public_id: str | uuid.UUID, now: datetime) -> Published | None:
    """The content that `public_id` opens at `now`, with its video.

    `public_id` is a content's id, or a portrait's, which opens the newest content that uses it.
    None when it is no id, unknown, switched off, or its time, project or company has run out.
    """
    try:
        unique_id = uuid.UUID(str(public_id))
    except ValueError:
        return None
    content = (
        ARContent.objects.published(now)
        .with_public_id(unique_id)
        .select_related("company", "project", "portrait")
        .first()
    )
    if content is None:
        return None
    videos = {video.pk: video for video in content.videos.all()}
    choice = resolve(now, [clip_of(video) for video in videos.values()], content.active_video_id)
    return Published(content, videos[choice.video_id] if choice else None, choice)


def clip_of(video: Video) -> Clip:
    """What the decision needs to know of a row."""
    return Clip(
        id=video.pk,
        is_active=video.is_active,
        schedule_start=video.schedule_start,
        schedule_end=video.schedule_end,
        rotation_order=video.rotation_order,
    )


def visibility(content: ARContent, at: datetime) -> Visibility:
    """What `ARContentQuerySet.published` says of one content, with the reason."""
    project, company = content.project, content.company
    if not company.is_active or _is_over(company.subscription_expires_at, at):
        return Visibility.COMPANY
    if not content.is_active:
        return Visibility.OFF
    if _is_over(content.expires_at, at) or _is_over(project.expires_at, at):
        return Visibility.EXPIRED
    if project.status in {ProjectStatus.EXPIRED, ProjectStatus.ARCHIVED}:
        return Visibility.EXPIRED
    if project.status != ProjectStatus.ACTIVE:
        return Visibility.PROJECT
    if any(begins and begins > at for begins in (content.published_at, project.starts_at)):
        return Visibility.LATER
    return Visibility.VISIBLE


def _is_over(expires_at: datetime | None, at: datetime) -> bool:
    return expires_at is not None and expires_at <= at


@dataclass(frozen=True)
class Showing:
    """What visitors get from `start` to `end`: no video means a gap."""

    start: datetime
    end: datetime
    visibility: Visibility
    video: Video | None
    reason: str

    @property
    def is_gap(self) -> bool:
        return self.video is None or self.visibility != Visibility.VISIBLE


def timetable(
    content: ARContent, videos: Sequence[Video], start: datetime, end: datetime
) -> list[Showing]:
    """What plays from `start` to `end`, without a hole and each differing from the one before."""
    clips, by_id = [clip_of(video) for video in videos], {video.pk: video for video in videos}
    edges = [edge for clip in clips for edge in (clip.schedule_start, clip.schedule_end)]
    edges += [content.published_at, content.expires_at, content.company.subscription_expires_at]
    edges += [content.project.starts_at, content.project.expires_at, end]
    showings: list[Showing] = []
    at = start
    while at < end:
        choice = resolve(at, clips, content.active_video_id)
        turns = [*edges, choice.valid_until if choice else None]
        until = min(edge for edge in turns if edge is not None and edge > at)
        showing = Showing(
            start=at,
            end=until,
            visibility=visibility(content, at),
            video=by_id[choice.video_id] if choice else None,
            reason=choice.reason if choice else "",
        )
        if showings and _same(showings[-1], showing):
            showing = replace(showing, start=showings.pop().start)
        showings.append(showing)
        at = until
    return showings


def _same(one: Showing, other: Showing) -> bool:
    return replace(one, start=other.start, end=other.end) == other


def days_from(now: datetime, count: int, zone: zoneinfo.ZoneInfo) -> list[datetime]:
    """The midnights in `zone`, as UTC, of the day of `now` and of the `count` days after it."""
    today = now.astimezone(zone).date()
    # In UTC they are as far from each other as their clocks, also where the time is changed.
    return [
        datetime.combine(today + timedelta(days=number), time(), zone).astimezone(UTC)
        for number in range(count + 1)
    ]
