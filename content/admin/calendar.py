"""The calendar strip of a content's page: what plays when, and when nothing does."""

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import prefetch_related_objects
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from content.models import ARContent
from content.programme import ROWS
from content.publishing import Visibility
from content.timetable import Showing, days_from, timetable

DAYS = 14
COLOURS = 6
SATURDAY = 5
REASONS = {
    "active": _("chosen as the active video"),
    "window": _("its window is open"),
    "rotation": _("its turn in the rotation"),
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

    prefetch_related_objects([content], *ROWS)
    colours = {video.pk: number % COLOURS for number, video in enumerate(content.videos.all())}
    bars = [
        Bar(
            showing=showing,
            place=place(showing.start, showing.end),
            what=what_of(showing),
            why=why_of(showing),
            colour=colours[showing.video.pk] if showing.video else 0,
        )
        for showing in timetable(content, now, last)
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


def what_of(showing: Showing) -> str:
    """The video that plays, or that there is none."""
    if showing.is_gap:
        return gettext("nothing")
    if showing.by_view:
        return gettext("%(video)s first, then with each visit the next") % {"video": showing.video}
    text = (
        gettext("%(video)s first, then more than can be shown") if showing.is_cut else "%(video)s"
    )
    return text % {"video": showing.video}


def why_of(showing: Showing) -> str:
    """Why it plays, or why nothing does."""
    if showing.visibility != Visibility.VISIBLE:
        return gettext("visitors do not see the content: %(reason)s") % {
            "reason": showing.visibility.label
        }
    return str(REASONS[showing.reason]) if showing.video else gettext("no video may play then")
