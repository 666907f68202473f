"""What plays when: the coming stretches of a content, and the days of a month."""

import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise

from content.models import ARContent, Video
from content.programme import Programme, programme_of
from content.publishing import Visibility, visibility

# Of a rule that comes every minute, a page could not show more in any useful way.
MOST_SHOWINGS = 400
MOST_A_DAY = 48
MOST_OVERLAPS = 20
# Turns that are looked at for each stretch that may be listed: most change what plays.
STEPS = 4
# All turns until then are counted: of a rule that comes every minute, that takes seconds.
MOST_MONTHS = 24


@dataclass(frozen=True)
class Showing:
    """What visitors get from `start` to `end`: no video means a gap.

    `by_view`: each view is given the next video; `video` is the first one's. `is_cut`: there are
    more changes than are listed, and `video` is only the first of those that follow.
    """

    start: datetime
    end: datetime
    visibility: Visibility
    video: Video | None
    reason: str
    by_view: bool = False
    is_cut: bool = False

    @property
    def is_gap(self) -> bool:
        return self.video is None or self.visibility != Visibility.VISIBLE

    @property
    def lacks_video(self) -> bool:
        """Whether visitors see the content and get no video."""
        return self.video is None and self.visibility == Visibility.VISIBLE


@dataclass(frozen=True)
class Overlap:
    """Two videos whose windows are both open from `start` to `end`."""

    first: Video
    second: Video
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Day:
    """A day of the company's calendar, from its midnight `start` to the next one, `end` (UTC).

    Of days that are past, it is what the rows of today say: what played then is not kept. Of very
    many `overlaps` only the first are listed: `has_more_overlaps` then.
    """

    date: date
    start: datetime
    end: datetime
    showings: list[Showing]
    overlaps: list[Overlap]
    is_past: bool
    has_more_overlaps: bool = False

    @property
    def has_gap(self) -> bool:
        """Whether at some time of the day visitors see the content and get no video."""
        return any(showing.lacks_video for showing in self.showings)

    @property
    def by_view(self) -> bool:
        return any(showing.by_view for showing in self.showings)

    @property
    def is_cut(self) -> bool:
        return any(showing.is_cut for showing in self.showings)


def timetable(content: ARContent, start: datetime, end: datetime) -> list[Showing]:
    """What plays from `start` to `end`, without a hole and each differing from the one before.

    Reads the content's company, project, videos and schedules: prefetch them for many contents.
    """
    return _through(content, programme_of(content), start, end, MOST_SHOWINGS)


def is_in_reach(month: date, today: date) -> bool:
    """Whether there is a calendar of the month that `month` is in."""
    months = (month.year - today.year) * 12 + month.month - today.month
    return abs(months) <= MOST_MONTHS


def month_calendar(content: ARContent, month: date, *, now: datetime) -> list[Day]:
    """Each day of the month that `month` is in, by the clock of the content's company.

    Raises ValueError for a month that is not within `MOST_MONTHS` of `now`.
    """
    zone = zoneinfo.ZoneInfo(content.company.time_zone)
    first = month.replace(day=1)
    if not is_in_reach(first, now.astimezone(zone).date()):
        raise ValueError(f"{first:%Y-%m} is too far away")
    following = (first + timedelta(days=31)).replace(day=1)
    dates = [first + timedelta(days=number) for number in range((following - first).days)]
    midnights = [midnight(day, zone) for day in (*dates, following)]
    videos = {video.pk: video for video in content.videos.all()}
    programme = programme_of(content)
    days = []
    for day, (start, end) in zip(dates, pairwise(midnights), strict=True):
        programme = programme.moved(start)
        overlaps = list(islice(_overlaps(programme, videos, start, end), MOST_OVERLAPS + 1))
        days.append(
            Day(
                date=day,
                start=start,
                end=end,
                showings=_through(content, programme, start, end, MOST_A_DAY),
                overlaps=overlaps[:MOST_OVERLAPS],
                has_more_overlaps=len(overlaps) > MOST_OVERLAPS,
                is_past=end <= now,
            )
        )
    return days


def _through(
    content: ARContent, programme: Programme, start: datetime, end: datetime, most: int
) -> list[Showing]:
    videos = {video.pk: video for video in content.videos.all()}
    edges = [content.published_at, content.expires_at, content.company.subscription_expires_at]
    edges += [content.project.starts_at, content.project.expires_at, end]
    showings: list[Showing] = []
    at, steps = start, 0
    while at < end:
        steps += 1
        # Counted from here on: else a year of daily turns would be counted anew for each day.
        programme = programme.moved(at)
        choice = programme.choice(at)
        by_view = choice is not None and choice.valid_until == at
        if choice and choice.reason == "rotation" and not by_view and programme.has_one_in_turn(at):
            # Turns of a video that plays anyway are nothing to stop at.
            turns = [*edges, programme.next_edge(at)]
        else:
            turns = [*edges, programme.next_change(at)]
        showing = Showing(
            start=at,
            end=min(edge for edge in turns if edge is not None and edge > at),
            visibility=visibility(content, at),
            video=videos[choice.video_id] if choice else None,
            reason=choice.reason if choice else "",
            by_view=by_view,
        )
        if showings and _same(showings[-1], showing):
            showing = replace(showing, start=showings.pop().start)
        elif len(showings) == most - 1:
            showing = replace(showing, end=end, is_cut=True)
        if steps == most * STEPS and showing.end < end:
            showing = replace(showing, end=end, is_cut=True)
        showings.append(showing)
        at = showing.end
    return showings


def _same(one: Showing, other: Showing) -> bool:
    return replace(one, start=other.start, end=other.end) == other


def _overlaps(
    programme: Programme, videos: dict[int, Video], start: datetime, end: datetime
) -> Iterator[Overlap]:
    """Pairs of windows that are open at once from `start` to `end`, and when they are then."""
    windows = sorted(
        (clip.schedule_start or start, clip.schedule_end or end, clip.id)
        for clip in programme.clips
        if clip.schedule_start is not None or clip.schedule_end is not None
    )
    windows = [one for one in windows if one[0] < end and one[1] > start and one[0] < one[1]]
    for place, (_opens, closes, one) in enumerate(windows, 1):
        for begins, ends, other in islice(windows, place, None):
            if begins >= closes:
                break
            yield Overlap(videos[one], videos[other], max(begins, start), min(closes, ends, end))


def midnight(day: date, zone: zoneinfo.ZoneInfo) -> datetime:
    """The first instant of a local day, as UTC."""
    # In UTC they are as far from each other as their clocks, also where the time is changed.
    return datetime.combine(day, time(), zone).astimezone(UTC)


def days_from(now: datetime, count: int, zone: zoneinfo.ZoneInfo) -> list[datetime]:
    """The midnights in `zone`, as UTC, of the day of `now` and of the `count` days after it."""
    today = now.astimezone(zone).date()
    return [midnight(today + timedelta(days=number), zone) for number in range(count + 1)]
