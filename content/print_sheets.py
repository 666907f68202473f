"""Sheets to print (fpdf2): one content with its picture and code, or the codes of many contents.

How large a picture must be printed: the tracker's camera frame is 640 pixels long, a phone's lens
sees about 65° along it, and what it compares with is the picture at 128 pixels on its short side.
At the 40 cm of a comfortable arm the frame spans 2 · 40 · tan(65°/2) = 51 cm, 12.6 pixels a
centimetre, so the short side must be 128 / 12.6 = 10.2 cm; rounded up to half a centimetre. Smaller
prints work from closer up, in proportion.
"""

import io
import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.exceptions import ImproperlyConfigured
from django.utils.formats import number_format
from django.utils.translation import gettext, override
from fpdf import FPDF
from fpdf.enums import MethodReturnValue, XPos, YPos

from content import qrcodes

if TYPE_CHECKING:
    from fpdf.fonts import TTFFont

READING_DISTANCE_CM = 40.0
FRAME_PIXELS = 640
FIELD_OF_VIEW = math.radians(65)
LEAST_PIXELS = 128
# A module of 0.4 mm is the least that phones read from a hand's distance.
LEAST_CODE_CM = 2.0
LEAST_MODULE_CM = 0.04

FAMILY = "DejaVu"
FONTS = {"": "DejaVuSans.ttf", "B": "DejaVuSans-Bold.ttf"}
ELLIPSIS = "…"
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# A4 in millimetres.
WIDTH, HEIGHT, MARGIN = 210.0, 297.0, 15.0
COLUMNS, ROWS = 3, 5


@dataclass(frozen=True)
class SheetEntry:
    """One code of a sheet of many: `title` is printed below it, `note` smaller."""

    title: str
    url: str
    note: str = ""


def minimum_print_size(
    width_px: int, height_px: int, *, distance_cm: float = READING_DISTANCE_CM
) -> tuple[float, float]:
    """The least print, (width, height) in cm, that a phone tracks from `distance_cm` away.

    `width_px` and `height_px` are the picture's; only their ratio counts. Both results are rounded
    up to half a centimetre. Raises ValueError for sizes that are not positive.
    """
    if min(width_px, height_px) <= 0 or distance_cm <= 0:
        raise ValueError("A picture and its distance have positive sizes.")
    pixels_per_cm = FRAME_PIXELS / (2 * distance_cm * math.tan(FIELD_OF_VIEW / 2))
    short = LEAST_PIXELS / pixels_per_cm
    scale = short / min(width_px, height_px)
    return _half_up(width_px * scale), _half_up(height_px * scale)


def minimum_code_size(url: str) -> float:
    """The least side of the QR code in cm, without its quiet zone."""
    return max(LEAST_CODE_CM, _half_up(len(qrcodes.modules(url)) * LEAST_MODULE_CM))


def content_sheet(
    *,
    title: str,
    url: str,
    picture: bytes,
    width_px: int,
    height_px: int,
    language: str,
) -> bytes:
    """One A4 page as PDF: the picture, the code, and how to use and to print both.

    `picture` is a stored picture (JPEG or PNG) of `width_px` × `height_px`; `language` a code such
    as "ru". Any title will do. Raises ImproperlyConfigured when the fonts are not built.
    """
    with override(language):
        pdf = _document(title, language)
        pdf.add_page()
        inner = WIDTH - 2 * MARGIN
        _write(pdf, title, MARGIN, MARGIN, inner, size=20, style="B", lines=2)
        top = pdf.get_y() + 5
        foot = 64.0
        scale = min(inner / width_px, (HEIGHT - MARGIN - foot - top) / height_px)
        width, height = width_px * scale, height_px * scale
        pdf.image(
            io.BytesIO(picture), x=(WIDTH - width) / 2, y=top, w=width, h=height, alt_text=title
        )
        below = HEIGHT - MARGIN - foot + 6
        _draw_code(pdf, url, MARGIN, below, 50)
        left, beside = MARGIN + 56, inner - 56
        _write(pdf, _instruction(), left, below, beside, size=13, lines=4)
        _write(pdf, url, left, pdf.get_y() + 3, beside, size=8.5, lines=3, link=url)
        pdf.set_text_color(90)
        for line in _sizes(url, width_px, height_px, width / 10, height / 10):
            _write(pdf, line, left, pdf.get_y() + 2, beside, size=8.5, lines=3)
        return bytes(pdf.output())


def qr_sheet(entries: Iterable[SheetEntry], *, heading: str, language: str) -> bytes:
    """A4 pages as PDF with fifteen codes each, in the given order; for cutting or for a desk.

    Entries are taken one at a time, so they may come from a cursor. Without any there is one page
    that says so. Raises ImproperlyConfigured when the fonts are not built.
    """
    with override(language):
        pdf = _document(heading, language)
        cell_width = (WIDTH - 2 * MARGIN) / COLUMNS
        top, cell_height = MARGIN + 10, (HEIGHT - 2 * MARGIN - 10) / ROWS
        count = 0
        for count, entry in enumerate(entries, start=1):
            place = (count - 1) % (COLUMNS * ROWS)
            if place == 0:
                _start_page(pdf, heading)
            row, column = divmod(place, COLUMNS)
            left, upper = MARGIN + column * cell_width, top + row * cell_height
            pdf.rect(left, upper, cell_width, cell_height)
            code = 36.0
            _draw_code(pdf, entry.url, left + (cell_width - code) / 2, upper + 1, code)
            text = (left + 2, upper + code + 1.5, cell_width - 4)
            _write(pdf, entry.title, *text, size=8.5, style="B", lines=2, align="C")
            if entry.note:
                text = (left + 2, pdf.get_y() + 0.5, cell_width - 4)
                _write(pdf, entry.note, *text, size=7, lines=1, align="C")
        if count == 0:
            _start_page(pdf, heading)
            _write(pdf, gettext("There are no codes."), MARGIN, top, 100, size=12)
        return bytes(pdf.output())


def _instruction() -> str:
    return gettext(
        "Scan the code with your phone's camera, open the page, "
        "then point the phone at the picture."
    )


def _sizes(
    url: str, width_px: int, height_px: int, width_cm: float, height_cm: float
) -> Sequence[str]:
    least = minimum_print_size(width_px, height_px)
    code = minimum_code_size(url)
    lines = [
        gettext(
            "Print the picture at least %(width)s × %(height)s cm to scan it from %(distance)s cm "
            "away, and the code at least %(code)s × %(code)s cm."
        )
        % {
            "width": _cm(least[0]),
            "height": _cm(least[1]),
            "distance": _cm(READING_DISTANCE_CM),
            "code": _cm(code),
        }
    ]
    if width_cm < least[0] or height_cm < least[1]:
        lines.append(
            gettext("On this sheet the picture is smaller, %(width)s × %(height)s cm: come closer.")
            % {"width": _cm(width_cm), "height": _cm(height_cm)}
        )
    return lines


def _cm(value: float) -> str:
    rounded = round(value, 1)
    return number_format(rounded, decimal_pos=0 if rounded == int(rounded) else 1)


def _half_up(cm: float) -> float:
    # A rounding error must not cost half a centimetre.
    return math.ceil(round(cm * 2, 6)) / 2


def _document(title: str, language: str) -> FPDF:
    pdf = FPDF(unit="mm", format="A4")
    pdf.set_auto_page_break(False)
    pdf.set_margin(0)
    pdf.c_margin = 0
    pdf.set_draw_color(205)
    pdf.set_line_width(0.2)
    for style, file in FONTS.items():
        pdf.add_font(FAMILY, style, _font_path(file))
    pdf.set_title(title)
    pdf.set_creator("ARV")
    pdf.set_lang(language)
    return pdf


@cache
def _font_path(file: str) -> Path:
    """Where script/setup put a font: among the sources, or, in an image, the collected files."""
    name = f"build/fonts/{file}"
    found = finders.find(name)
    collected = Path(settings.STATIC_ROOT) / name
    if found:
        return Path(str(found))
    if collected.is_file():
        return collected
    raise ImproperlyConfigured(
        f"The font {name} for printed sheets is missing: run script/setup, which builds it into "
        "static/build/, or collectstatic where the sources were built."
    )


def _start_page(pdf: FPDF, heading: str) -> None:
    pdf.add_page()
    inner = WIDTH - 2 * MARGIN
    _write(pdf, heading, MARGIN, MARGIN, inner - 20, size=12, style="B", lines=1)
    number = str(pdf.page_no())
    _write(pdf, number, WIDTH - MARGIN - 20, MARGIN, 20, size=9, lines=1, align="R")


def _write(
    pdf: FPDF,
    text: str,
    x: float,
    y: float,
    width: float,
    *,
    size: float,
    style: str = "",
    lines: int = 1,
    align: str = "L",
    link: str = "",
) -> None:
    """At most `lines` lines of text in a column; what does not fit ends in an ellipsis."""
    pdf.set_font(FAMILY, style, size)
    height = size * 0.45
    kept = _fitted(pdf, _printable(pdf, text), width, lines)
    for line in kept:
        pdf.set_xy(x, y)
        pdf.cell(width, height, line, align=align, link=link, new_x=XPos.LEFT, new_y=YPos.NEXT)
        y = pdf.get_y()
    pdf.set_xy(x, y)


def _fitted(pdf: FPDF, text: str, width: float, most: int) -> list[str]:
    lines = cast(
        "list[str]",
        pdf.multi_cell(width, text=text, align="L", dry_run=True, output=MethodReturnValue.LINES),
    )
    if len(lines) <= most:
        return lines
    last = lines[most - 1]
    while last and pdf.get_string_width(last + ELLIPSIS) > width:
        last = last[:-1]
    return [*lines[: most - 1], last.rstrip() + ELLIPSIS]


def _printable(pdf: FPDF, text: str) -> str:
    """`text` in one line, with a replacement for what the font does not have."""
    font = cast("TTFFont", pdf.current_font)
    shown = []
    for character in unicodedata.normalize("NFC", " ".join(text.split())):
        category = unicodedata.category(character)
        if category in {"Cc", "Cf", "Cs"} or "VARIATION SELECTOR" in unicodedata.name(
            character, ""
        ):
            continue
        shown.append(character if ord(character) in font.cmap else REPLACEMENT)
    return " ".join("".join(shown).split())


def _draw_code(pdf: FPDF, url: str, x: float, y: float, side: float) -> None:
    """A code as one filled path, so that no seams show between its modules; a link on screens."""
    rows = qrcodes.modules(url)
    module = side / (len(rows) + 2 * qrcodes.QUIET_ZONE)
    with pdf.new_path() as path:
        path.style.fill_color = "#000000"
        path.style.stroke_color = None
        for down, row in enumerate(rows, start=qrcodes.QUIET_ZONE):
            for start, length in _runs(row):
                across = start + qrcodes.QUIET_ZONE
                path.rectangle(x + across * module, y + down * module, length * module, module)
    pdf.link(x, y, side, side, url)


def _runs(row: Sequence[bool]) -> Iterable[tuple[int, int]]:
    """(start, length) of the dark stretches of a row."""
    start = 0
    while start < len(row):
        if not row[start]:
            start += 1
            continue
        end = start
        while end < len(row) and row[end]:
            end += 1
        yield start, end - start
        start = end
