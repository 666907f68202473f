"""Pictures of the platform at work, for people to look at."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from content.tests.browser import staff, visitor
from content.tests.browser.camera import Frame
from content.tests.browser.sample_month import sample_month
from content.tests.browser.sample_year import sample_year
from content.tests.browser.server import Platform
from content.tests.browser.test_lockstep import LENSES, clip, give_camera, push, start

pytestmark = pytest.mark.browser

SIZES = {"desk": visitor.WIDE, "phone": visitor.PHONE}


def test_overlay_is_seen_on_the_picture(
    plain_browser: Browser, contents: dict[str, staff.Content], table: Frame, screenshots: Path
) -> None:
    lens = LENSES["65 degrees portrait"]
    shots = clip("coffee", lens, table)
    with plain_browser.new_context(viewport=visitor.PHONE, locale="en") as context:
        page = context.new_page()
        give_camera(page, lens)
        page.goto(contents["coffee"].url)
        start(page, shots[0].frame)
        # The picture at its smallest: a phone held upright shows the middle of the frame only.
        for shot in shots[:114]:
            push(page, shot.frame)
        visitor.wait_for_state(page, "tracking", seconds=1)
        visitor.wait_for(page, "document.getElementById('overlay').currentTime > 0.5")
        page.screenshot(path=screenshots / "overlay.png")


def show_all(page: Page) -> None:
    """A window as high as the page: the fixed bar would cover the middle of a longer picture."""
    height = page.evaluate("document.documentElement.scrollHeight")
    width = page.evaluate("document.documentElement.clientWidth")
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_load_state("networkidle")
    for image in page.locator("img:visible").all():
        assert image.evaluate("image => image.decode().then(() => image.naturalWidth > 0)")


def test_staff_see_the_content(
    plain_browser: Browser,
    platform: Platform,
    contents: dict[str, staff.Content],
    screenshots: Path,
    figures: list[str],
) -> None:
    content = contents["coffee"]
    with plain_browser.new_context(viewport=visitor.DESK) as context:
        page = context.new_page()
        notes = visitor.take_notes(page, platform.url)
        staff.sign_in(page, platform)
        page.goto(content.admin_url)
        expect(page.get_by_text(content.url).first).to_be_visible()
        page.wait_for_load_state("networkidle")
        show_all(page)
        page.screenshot(path=screenshots / "admin.png")
        figures.append(f"screenshots in {screenshots}")
        assert notes.errors == []
        assert notes.strangers == []
        assert content.stars >= 3


@pytest.mark.parametrize("size", SIZES.keys())
def test_pages_of_staff_fit_their_screens(
    size: str,
    plain_browser: Browser,
    platform: Platform,
    contents: dict[str, staff.Content],
    screenshots: Path,
) -> None:
    with (
        sample_month(platform, contents),
        plain_browser.new_context(viewport=SIZES[size], locale="en") as context,
    ):
        page = context.new_page()
        notes = visitor.take_notes(page, platform.url)
        staff.sign_in(page, platform)
        for name, address in staff.desk(platform, contents["coffee"]).items():
            page.goto(address)
            page.wait_for_load_state("networkidle")
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= SIZES[size]["width"], name
            page.screenshot(path=screenshots / f"{name}-{size}.png")
            show_all(page)
            page.screenshot(path=screenshots / f"{name}-{size}-whole.png")
            page.set_viewport_size(SIZES[size])
        assert (notes.errors, notes.strangers) == ([], [])


@pytest.mark.parametrize(
    ("size", "scheme"),
    [
        ("desk", "light"),
        ("phone", "dark"),
        pytest.param("desk", "dark", marks=pytest.mark.thorough),
        pytest.param("phone", "light", marks=pytest.mark.thorough),
    ],
)
def test_dashboard_fits_its_screens(
    size: str,
    scheme: Literal["light", "dark"],
    plain_browser: Browser,
    platform: Platform,
    contents: dict[str, staff.Content],
    screenshots: Path,
) -> None:
    """With a year of visits, and with none."""
    today = datetime.now(UTC).date()
    content = contents["coffee"].pk
    pages = {
        "year": f"?from={today - timedelta(days=364)}&to={today}",
        "month": "?period=30",
        "content": f"?period=90&content={content}",
        "refused": f"?from={today}&to={today - timedelta(days=7)}",
        "empty": "?from=2020-01-01&to=2020-01-31",
    }
    with (
        sample_year(platform),
        plain_browser.new_context(
            viewport=SIZES[size], color_scheme=scheme, locale="en"
        ) as context,
    ):
        page = context.new_page()
        notes = visitor.take_notes(page, platform.url)
        staff.sign_in(page, platform)
        for name, query in pages.items():
            page.goto(staff.dashboard(platform, query))
            page.wait_for_load_state("networkidle")
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= SIZES[size]["width"], name
            file = f"dashboard-{name}-{size}-{scheme}"
            page.screenshot(path=screenshots / f"{file}.png")
            show_all(page)
            page.screenshot(path=screenshots / f"{file}-whole.png")
            page.set_viewport_size(SIZES[size])
        assert (notes.errors, notes.strangers) == ([], [])
