"""What a visitor gets at a moment: the content behind a public id and the video that plays."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from content.models import ARContent, Video
from content.rotation import Choice, Clip, resolve


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
