"""The month calendar of a content: what plays on each day, why, and what is odd about it."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.utils.formats import time_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from content.admin.calendar import what_of, why_of
from content.admin.rotation_form import DAYS
from content.models import ARContent
from content.previews import FARTHEST, url_at
from content.programme import ROWS
from content.timetable import Day, Overlap, Showing, is_in_reach, month_calendar

MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
WEEK = 7
# The kinds of an entry, as the style sheet knows them.
NOTHING, HIDDEN, OVERLAP = "arv-nothing", "arv-hidden", "arv-overlap"


@dataclass(frozen=True)
class Entry:
    """A line of a day: from when to when, what, and why; `preview` opens the page as it is then."""

    kind: str
    span: str
    what: str
    why: str
    preview: str = ""


@dataclass(frozen=True)
class Cell:
    day: Day
    is_today: bool
    entries: list[Entry]

    @property
    def date(self) -> date:
        return self.day.date


def month_page(model_admin: Any, request: HttpRequest, content: ARContent) -> HttpResponse:
    now = timezone.now()
    zone = ZoneInfo(content.company.time_zone)
    today = now.astimezone(zone).date()
    prefetch_related_objects([content], *ROWS)
    try:
        month = _month(request.GET.get("month", ""), today)
        days = month_calendar(content, month, now=now)
    except ValueError:
        problem = gettext(
            "There is no calendar of that month: choose one within two years, like 2026-05."
        )
        model_admin.message_user(request, problem, messages.ERROR)
        return HttpResponseRedirect(request.path)
    cells = [Cell(day, day.date == today, _entries(content, day, zone, now)) for day in days]
    # Blank cells before the first day and after the last one: a week begins on Monday.
    blanks = [None] * month.weekday()
    grid = [*blanks, *cells, *[None] * (-(len(blanks) + len(cells)) % WEEK)]
    before, after = month - timedelta(days=1), days[-1].date + timedelta(days=1)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("What plays when: %(content)s") % {"content": content},
        "opts": model_admin.opts,
        "original": content,
        "content": content,
        "zone": zone,
        "month": month,
        "before": before if is_in_reach(before, today) else None,
        "after": after if is_in_reach(after, today) else None,
        "weekdays": [name for _number, name in DAYS],
        "weeks": [grid[at : at + WEEK] for at in range(0, len(grid), WEEK)],
        "gaps": sum(day.has_gap for day in days),
        "hidden": sum(any(entry.kind == HIDDEN for entry in cell.entries) for cell in cells),
        "overlaps": sum(bool(day.overlaps) for day in days),
        "has_past": any(day.is_past for day in days),
    }
    return render(request, "admin/content/month.html", context)


def _month(text: str, today: date) -> date:
    """The first day of the month that the text names, without one of the present month."""
    if not text:
        return today.replace(day=1)
    found = MONTH.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return date(int(found[1]), int(found[2]), 1)


def _entries(content: ARContent, day: Day, zone: ZoneInfo, now: datetime) -> list[Entry]:
    def span(one: Showing | Overlap) -> str:
        if one.start == day.start and one.end == day.end:
            return ""
        ends = (one.start.astimezone(zone), one.end.astimezone(zone))
        return "–".join(time_format(end, "TIME_FORMAT") for end in ends)

    entries = []
    for showing in day.showings:
        kind = NOTHING if showing.lacks_video else HIDDEN if showing.is_gap else ""
        entries.append(
            Entry(
                kind,
                span(showing),
                what_of(showing),
                why_of(showing),
                "" if showing.is_gap else preview_url(content, day, showing.start, now),
            )
        )
    for overlap in day.overlaps:
        names = f"{overlap.first} + {overlap.second}"
        entries.append(Entry(OVERLAP, span(overlap), names, gettext("both windows are open")))
    if day.has_more_overlaps:
        more = gettext("and more windows that are open at once")
        entries.append(Entry(OVERLAP, "", more, gettext("more than can be shown")))
    return entries


def preview_url(content: ARContent, day: Day, at: datetime, now: datetime) -> str:
    """The public page as visitors will get it then; empty where nobody may look."""
    if day.is_past or at - now > FARTHEST:
        return ""
    return url_at(content, at)
