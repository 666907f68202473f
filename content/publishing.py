"""What a visitor gets at a moment: the content behind a public id and the video that plays."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _

from companies.models import ProjectStatus
from content.models import ARContent, Video
from content.programme import choice_for, rows_that_play
from content.rotation import Choice


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

    @property
    def holds_until(self) -> datetime | None:
        """When it may be over at the latest, be it for the next video or for no content at all."""
        content = self.content
        ends = [self.choice.valid_until if self.choice else None, content.expires_at]
        ends += [content.project.expires_at, content.company.subscription_expires_at]
        return min((end for end in ends if end is not None), default=None)


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
        .prefetch_related(*rows_that_play())
        .first()
    )
    if content is None:
        return None
    choice = choice_for(content, now)
    playing = choice.video_id if choice else None
    video = next((video for video in content.videos.all() if video.pk == playing), None)
    return Published(content, video, choice)


def visibility(content: ARContent, at: datetime) -> Visibility:
    """What `ARContentQuerySet.published` says of one content, with the reason."""
    project, company = content.project, content.company
    if not company.is_active or _is_over(company.subscription_expires_at, at):
        return Visibility.COMPANY
    if not content.is_on:
        return Visibility.OFF
    # One row, and not looked up twice.
    project.company = company
    if _is_over(content.expires_at, at) or project.is_over(at):
        return Visibility.EXPIRED
    if project.status == ProjectStatus.ARCHIVED:
        return Visibility.EXPIRED
    if project.status != ProjectStatus.ACTIVE:
        return Visibility.PROJECT
    if any(begins and begins > at for begins in (content.published_at, project.starts_at)):
        return Visibility.LATER
    return Visibility.VISIBLE


def _is_over(expires_at: datetime | None, at: datetime) -> bool:
    return expires_at is not None and expires_at <= at
