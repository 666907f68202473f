"""Printed sheets: any title, codes that scan, and a size that a phone can track."""

import io
import re
import zlib
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from django.contrib.staticfiles import finders
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pytest_django.fixtures import Settings

from content import print_sheets, qrcodes
from content.print_sheets import SheetEntry, content_sheet, minimum_print_size, qr_sheet
from content.tests.codes import read_code
from content.tests.media import photograph

URL = "https://ar.example.org/ar/d8f7c9a0-aaaa-4bbb-8ccc-{:012}"


def page_count(pdf: bytes) -> int:
    return pdf.count(b"/Type /Page\n")


def drawings(pdf: bytes) -> list[str]:
    """What each page draws."""
    found = re.findall(rb"stream\n(.*?)\nendstream", pdf, re.DOTALL)
    return [zlib.decompress(one).decode("latin-1") for one in found[: page_count(pdf)]]


def codes(pdf: bytes) -> list[list[list[bool]]]:
    """The modules of each code as the pages draw them."""
    return [
        painted(path)
        for page in drawings(pdf)
        for path in re.findall(r" 0 g 0 0 m (.*?) f", page, re.DOTALL)
    ]


def painted(path: str) -> list[list[bool]]:
    """The rectangles of a path as modules."""
    numbers = re.findall(r"(\S+) (\S+) (\S+) (\S+) re", path)
    rectangles = np.array(numbers, dtype=float)
    rectangles[:, :2] -= rectangles[:, :2].min(axis=0)
    in_modules = np.round(rectangles / rectangles[:, 3].min()).astype(int)
    side = int(in_modules[:, 1].max()) + 1
    drawn = np.zeros((side, side), bool)
    for x, y, width, height in in_modules:
        drawn[y : y + height, x : x + width] = True
    return cast("list[list[bool]]", drawn.tolist())


def scanned(code: list[list[bool]]) -> str:
    """What a reader makes of a code, eight pixels a module."""
    quiet = np.pad(np.array(code), qrcodes.QUIET_ZONE)
    pixels = np.kron(np.where(quiet, 0, 255), np.ones((8, 8))).astype(np.uint8)
    return read_code(pixels)


def sheet(title: str, *, size: tuple[int, int] = (400, 300), language: str = "en") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, "JPEG")
    return content_sheet(
        title=title,
        url=URL.format(1),
        picture=out.getvalue(),
        width_px=size[0],
        height_px=size[1],
        language=language,
    )


def test_the_sheet_of_a_content_is_one_page_with_its_picture_and_a_code_that_scans() -> None:
    picture = photograph(side=500)
    width, height = Image.open(io.BytesIO(picture)).size
    pdf = content_sheet(
        title="Бабушка",
        url=URL.format(1),
        picture=picture,
        width_px=width,
        height_px=height,
        language="ru",
    )
    assert page_count(pdf) == 1
    [code] = codes(pdf)
    assert scanned(code) == URL.format(1)
    # A JPEG goes in as it is: what is printed is what the camera looks for.
    assert picture in pdf


def test_two_hundred_codes_fill_fourteen_pages_and_each_leads_to_its_content() -> None:
    entries = (SheetEntry(f"Портрет {n}", URL.format(n), "Альбом") for n in range(200))
    pdf = qr_sheet(entries, heading="Company · portraits.zip", language="en")
    assert page_count(pdf) == 14
    links = re.findall(rb"/URI \((.*?)\)", pdf)
    assert [link.decode() for link in links] == [URL.format(n) for n in range(200)]
    drawn = codes(pdf)
    assert drawn == [qrcodes.modules(URL.format(n)) for n in range(200)]
    assert scanned(drawn[0]) == URL.format(0)


def test_no_codes_make_a_page_that_says_so() -> None:
    assert page_count(qr_sheet([], heading="Company", language="en")) == 1


@settings(max_examples=15)
@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=400))
def test_any_title_can_be_printed(title: str) -> None:
    assert page_count(sheet(title)) == 1


@pytest.mark.parametrize("title", ["😀 中文 \u200d\ufe0f עברית", "x" * 255, "слово " * 100, "\0\n"])
def test_titles_beyond_the_font_and_beyond_the_page_are_replaced_and_cut(title: str) -> None:
    assert page_count(sheet(title)) == 1
    assert page_count(qr_sheet([SheetEntry(title, URL.format(1))], heading=title, language="ru"))


def test_the_least_print_covers_the_trackers_pixels_at_forty_centimetres() -> None:
    assert minimum_print_size(1000, 1000) == (10.5, 10.5)
    assert minimum_print_size(1500, 1000) == (15.5, 10.5)
    assert minimum_print_size(1000, 2000) == (10.5, 20.5)
    assert minimum_print_size(1000, 1000, distance_cm=80) == (20.5, 20.5)
    with pytest.raises(ValueError, match="positive"):
        minimum_print_size(0, 100)


def test_a_picture_that_the_sheet_shows_smaller_than_that_is_named_as_such() -> None:
    narrow, wide = sheet("A", size=(900, 300)), sheet("A", size=(300, 300))
    assert len(drawings(narrow)[0].split("Tj")) > len(drawings(wide)[0].split("Tj"))


def test_a_code_for_a_long_address_is_printed_larger() -> None:
    assert print_sheets.minimum_code_size(URL.format(1)) == 2
    assert print_sheets.minimum_code_size("https://example.org/" + "a" * 200) > 2


def test_missing_fonts_are_named_with_the_command_that_makes_them(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    print_sheets._font_path.cache_clear()
    settings.STATIC_ROOT = tmp_path
    monkeypatch.setattr(finders, "find", lambda name: None)
    try:
        with pytest.raises(ImproperlyConfigured, match="script/setup"):
            sheet("A")
        # In an image the fonts come with the collected files, under their plain names.
        fonts = tmp_path / "build" / "fonts"
        fonts.mkdir(parents=True)
        built = Path(__file__).resolve().parents[2] / "static" / "build" / "fonts"
        for name in print_sheets.FONTS.values():
            (fonts / name).write_bytes((built / name).read_bytes())
        assert page_count(sheet("A")) == 1
    finally:
        print_sheets._font_path.cache_clear()
