"""The calendar strip of a content's page: what plays when, and when nothing does."""

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from content.models import ARContent
from content.publishing import Showing, Visibility, days_from, timetable

DAYS = 14
COLOURS = 6
SATURDAY = 5
REASONS = {
    "active": _("chosen as the active video"),
    "window": _("its window is open"),
    "flagged": _("marked as active"),
    "first": _("the first in order"),
}


@dataclass(frozen=True)
class Bar:
    """A stretch of the strip and a row of the table behind it."""

    showing: Showing
    place: str
    what: str
    why: str
    colour: int


def calendar_panel(content: ARContent, *, now: datetime) -> SafeString:
    """The next days in the company's time zone."""
    zone = ZoneInfo(content.company.time_zone)
    midnights = days_from(now, DAYS, zone)
    first, last = midnights[0], midnights[-1]

    def place(start: datetime, end: datetime) -> str:
        left, width = (100 * (part / (last - first)) for part in (start - first, end - start))
        return f"left:{left:.3f}%;width:{width:.3f}%"

    videos = list(content.videos.all())
    colours = {video.pk: number % COLOURS for number, video in enumerate(videos)}
    bars = [
        Bar(
            showing=showing,
            place=place(showing.start, showing.end),
            what=gettext("nothing") if showing.is_gap else str(showing.video),
            why=_why(showing),
            colour=colours[showing.video.pk] if showing.video else 0,
        )
        for showing in timetable(content, videos, now, last)
    ]
    context: dict[str, Any] = {
        "zone": content.company.time_zone,
        "days": [
            {
                "start": start,
                "place": place(start, end),
                "is_weekend": start.astimezone(zone).weekday() >= SATURDAY,
            }
            for start, end in pairwise(midnights)
        ],
        "bars": bars,
        # Of each video once.
        "legend": {bar.what: bar for bar in bars if not bar.showing.is_gap}.values(),
        "gaps": [bar for bar in bars if bar.showing.is_gap],
        "last": last,
    }
    return render_to_string("admin/content/calendar_panel.html", context)


def _why(showing: Showing) -> str:
    if showing.visibility != Visibility.VISIBLE:
        return gettext("visitors do not see the content: %(reason)s") % {
            "reason": showing.visibility.label
        }
    return str(REASONS[showing.reason]) if showing.video else gettext("no video may play then")
