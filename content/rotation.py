"""Which video plays: a pure function of the rows' values and the time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Reason = Literal["active", "window", "flagged", "first"]


@dataclass(frozen=True)
class Clip:
    """What the decision needs to know of a video; a window is [start, end), open where None."""

    id: int
    is_active: bool = False
    schedule_start: datetime | None = None
    schedule_end: datetime | None = None
    rotation_order: int = 0

    @property
    def has_window(self) -> bool:
        return self.schedule_start is not None or self.schedule_end is not None

    def is_open(self, now: datetime) -> bool:
        """Whether it may play at `now`; without a window, always."""
        if self.schedule_start is not None and now < self.schedule_start:
            return False
        return self.schedule_end is None or now < self.schedule_end


@dataclass(frozen=True)
class Choice:
    """The video that plays, why, and until when that holds (None: until something changes)."""

    video_id: int
    reason: Reason
    valid_until: datetime | None


def resolve(now: datetime, clips: Sequence[Clip], active_id: int | None) -> Choice | None:
    """Choose among a content's videos at `now`; None when none can be played.

    Priority: the content's active video, a video whose date window is open, one that is
    flagged active, the first by (rotation_order, id). A video whose window is closed never plays.
    """
    edges = (edge for clip in clips for edge in (clip.schedule_start, clip.schedule_end))
    valid_until = min((edge for edge in edges if edge is not None and edge > now), default=None)
    playable = sorted(
        (clip for clip in clips if clip.is_open(now)),
        key=lambda clip: (clip.rotation_order, clip.id),
    )
    steps: list[tuple[Reason, list[Clip]]] = [
        ("active", [clip for clip in playable if clip.id == active_id]),
        ("window", [clip for clip in playable if clip.has_window]),
        ("flagged", [clip for clip in playable if clip.is_active]),
        ("first", playable),
    ]
    for reason, candidates in steps:
        if candidates:
            return Choice(candidates[0].id, reason, valid_until)
    return None
