"""The parts of the dashboard: figures, charts and tables as their templates want them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any

from django.utils.formats import date_format, number_format, time_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from analytics import exports
from analytics.models import CameraReason, DeviceType, StatDimension, TrackingQuality
from analytics.reports import Day, Figures, Share, Top

# Shades of a cell, from none to the most.
SHADES = 5
# A change beyond which percents say nothing.
MOST_PERCENT = 999
MONDAY = date(2026, 1, 5)
# The slices of a doughnut; what is left is one more.
SLICES = 5
MINUTE = 60
# What the export calls the table of a chart.
EXPORTED = {str(key): name for name, key in {**exports.KINDS, **exports.DIMENSIONS}.items()}


@dataclass(frozen=True)
class Card:
    """A figure beside that of the period before. `change` is "" where there is nothing to compare.

    `tone`: good, bad, or neither.
    """

    key: str
    title: str
    value: str
    before: str
    change: str
    arrow: str
    tone: str
    hint: str


@dataclass(frozen=True)
class Count:
    """As readers of the language write large numbers."""

    views: int
    sessions: int

    @property
    def shown_views(self) -> str:
        return whole(self.views)

    @property
    def shown_sessions(self) -> str:
        return whole(self.sessions)


@dataclass(frozen=True)
class Row(Count):
    """A line of a chart's table. `width` is its part of the longest bar, in percent."""

    label: str
    percent: str
    width: float
    slot: int
    shade: int = 0
    url: str = ""
    country: str = ""


@dataclass(frozen=True)
class Table:
    key: str
    title: str
    column: str
    rows: list[Row]
    empty: str = ""
    note: str = ""

    @property
    def table(self) -> str:
        """What the export calls it."""
        return EXPORTED[self.key]


@dataclass(frozen=True)
class Step:
    title: str
    text: str
    count: str
    percent: str
    width: float


@dataclass(frozen=True)
class Cell:
    views: str
    shade: int


def percent(part: float, whole: float) -> str:
    """With the digit that keeps a small part from looking like nothing."""
    if not whole:
        return "—"
    share = 100 * part / whole
    places = 1 if 0 < share < 10 else 0
    return _("%(number)s%%") % {"number": rounded(share, places)}


def rounded(number: float, places: int) -> str:
    """Django's own way to write a number cuts it off."""
    return number_format(round(number, places), places, force_grouping=True)


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "—"
    if round(seconds) < MINUTE:
        places = 1 if seconds < 10 else 0
        return _("%(number)s s") % {"number": rounded(seconds, places)}
    minutes, rest = divmod(round(seconds), MINUTE)
    return _("%(minutes)s min %(seconds)02d s") % {"minutes": minutes, "seconds": rest}


def whole(number: int) -> str:
    return number_format(number, force_grouping=True)


def cards(now: Figures, before: Figures) -> list[Card]:
    def card(
        key: str,
        title: str,
        value: Callable[[Figures], float | None],
        shown: Callable[[Any], str],
        hint: str,
        *,
        more_is_better: bool = True,
    ) -> Card:
        new, old = value(now), value(before)
        change, arrow, tone = compared(new, old, more_is_better=more_is_better)
        return Card(key, title, shown(new), shown(old) if old else "", change, arrow, tone, hint)

    def seconds(milliseconds: float | None) -> str:
        return duration(None if milliseconds is None else milliseconds / 1000)

    return [
        card("views", _("Views"), lambda of: of.views, whole, _("A content's page was opened.")),
        card(
            "sessions",
            _("Unique sessions"),
            lambda of: of.sessions,
            whole,
            _("Views that share a session count once."),
        ),
        card(
            "duration",
            _("Mean duration"),
            lambda of: of.mean_duration,
            duration,
            _("Of the visits whose end is known."),
        ),
        card(
            "played",
            _("Saw a video"),
            lambda of: of.played_share,
            lambda share: "—" if share is None else percent(share, 1),
            _("The part of the views in which a video played."),
        ),
        card(
            "found",
            _("Mean time to the picture"),
            lambda of: of.mean_found_ms,
            seconds,
            _("From the start until the picture was found."),
            more_is_better=False,
        ),
    ]


def compared(new: float | None, old: float | None, *, more_is_better: bool) -> tuple[str, str, str]:
    """The change in percent, the way it points, and whether that is good."""
    if not old or new is None:
        return "", "", ""
    change = round(100 * (new - old) / old)
    if change == 0:
        return percent(0, 1), "", ""
    # An increase alone can be larger.
    size = f"> {MOST_PERCENT}" if change > MOST_PERCENT else str(abs(change))
    sign = "+" if change > 0 else "−"
    tone = "good" if (change > 0) == more_is_better else "bad"
    shown = _("%(number)s%%") % {"number": f"{sign}{size}"}
    return shown, "▲" if change > 0 else "▼", tone


def days_chart(days: Sequence[Day]) -> dict[str, list[Any]]:
    return {
        "days": [one.day.isoformat() for one in days],
        "views": [one.views for one in days],
        "sessions": [one.sessions for one in days],
    }


def day_rows(days: Sequence[Day]) -> list[tuple[str, Count]]:
    return [(date_format(one.day), Count(one.views, one.sessions)) for one in days]


def unknown() -> str:
    return pgettext("of a device, a country", "Not known")


def named(labels: Iterable[tuple[str, Any]]) -> Callable[[str], str]:
    known = {value: str(label) for value, label in labels}
    return lambda value: _upper(known.get(value, value)) or unknown()


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def share_table(
    key: str,
    title: str,
    column: str,
    found: Sequence[Share],
    *,
    label: Callable[[str], str] = lambda value: value or unknown(),
    empty: str = "",
    note: str = "",
) -> Table:
    """Shares of all views; the rest last. Without any known value there are no rows."""
    views = sum(share.views for share in found)
    if not any(share.value for share in found):
        return Table(key, title, column, [], empty)
    most = max(share.views for share in found)
    rows = [
        Row(
            label=pgettext("all values that are not listed", "Others")
            if share.value is None
            else label(share.value),
            views=share.views,
            sessions=share.sessions,
            percent=percent(share.views, views),
            width=_width(share.views, most),
            shade=shade(share.views, most),
            slot=number,
            country=share.value if key == StatDimension.COUNTRY and share.value else "",
        )
        for number, share in enumerate(found)
    ]
    return Table(key, title, column, rows, note=note)


def doughnuts(found: dict[StatDimension, list[Share]]) -> list[Table]:
    nothing = _("Nothing is known about it in this period.")
    # A picture that was not found was not followed either.
    rated = [share for share in found[StatDimension.QUALITY] if share.value]
    devices = named((*DeviceType.choices, (DeviceType.UNKNOWN.value, unknown())))

    def table(dimension: StatDimension, title: str, rows: list[Share], **more: Any) -> Table:
        column = _upper(str(dimension.label))
        return share_table(dimension.value, title, column, rows, empty=nothing, **more)

    return [
        table(StatDimension.DEVICE, _("Devices"), found[StatDimension.DEVICE], label=devices),
        table(StatDimension.BROWSER, _("Browsers"), found[StatDimension.BROWSER]),
        table(StatDimension.OS, _("Operating systems"), found[StatDimension.OS]),
        table(
            StatDimension.QUALITY,
            _("Tracking quality"),
            rated,
            label=named(TrackingQuality.choices),
            note=_("How steadily the picture was followed, where it was found."),
        ),
    ]


def top_table(
    key: str,
    title: str,
    column: str,
    found: Sequence[Top],
    views: int,
    address: Callable[[int], str],
) -> Table:
    most = max((row.views for row in found), default=0)
    rows = [
        Row(
            label=row.name,
            views=row.views,
            sessions=row.sessions,
            percent=percent(row.views, views),
            width=_width(row.views, most),
            slot=number,
            url=address(row.id),
        )
        for number, row in enumerate(found)
    ]
    return Table(key, title, column, rows)


def hour_table(found: list[list[int]]) -> list[tuple[str, list[Cell]]]:
    """Seven weekdays with a cell for each hour."""
    most = max(map(max, found))
    return [
        (
            _upper(date_format(MONDAY + timedelta(days=number), "D")),
            [Cell(whole(views), shade(views, most)) for views in hours],
        )
        for number, hours in enumerate(found)
    ]


def hour_names() -> list[str]:
    return [time_format(time(hour), "H") for hour in range(24)]


def shade(number: int, most: int) -> int:
    """0 for nothing, else 1 to SHADES."""
    return -(-SHADES * number // most) if most else 0


def _width(part: int, most: int) -> float:
    return round(100 * part / most, 2) if most else 0


def funnel(of: Figures) -> list[Step]:
    steps = [
        (_("Opened"), _("the page of a content"), of.views),
        (_("Started"), _("tapped “Start”"), of.started),
        (_("Camera allowed"), _("the page may look"), of.camera_allowed),
        (_("Picture found"), _("and followed"), of.found),
        (_("Video played"), _("on the picture, or without a camera"), of.played),
    ]
    return [
        Step(title, text, whole(count), percent(count, of.views), _width(count, of.views))
        for title, text, count in steps
    ]


def refusals(found: Sequence[Share]) -> list[tuple[str, str]]:
    """Why there was no camera, the most frequent reason first."""
    reasons = dict(CameraReason.choices)
    return [
        (
            _upper(str(reasons.get(reason, _("the reason is not known")))),
            whole(share.views),
        )
        for share in found
        if (share.value or "").startswith("denied")
        for reason in [(share.value or "").partition("/")[2]]
    ]
