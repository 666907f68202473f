"""A day at work without a mouse: from the sign-in to the printed code, by the keyboard alone."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from content.tests.browser import staff, visitor
from content.tests.browser.camera import Frame
from content.tests.browser.conftest import photograph
from content.tests.browser.keyboard import Keyboard
from content.tests.browser.sample_video import write_video
from content.tests.browser.sample_year import sample_year
from content.tests.browser.server import ADMIN, PASSWORD, PATIENCE, Platform, wait_until
from content.tests.codes import read_code

pytestmark = pytest.mark.browser

COMPANY, PROJECT, TITLE = "Harbour museum", "Winter exhibition", "Table at sea"


def write_picture(path: Path, picture: Frame) -> None:
    assert cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))


def field(page: Page, label: str) -> Locator:
    return page.get_by_label(re.compile(rf"^{label}\b"))


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def in_sidebar(page: Page, name: str) -> Locator:
    return page.locator("#nav-sidebar").get_by_role("link", name=name, exact=True)


def sign_in(keys: Keyboard, platform: Platform) -> None:
    page = keys.page
    page.goto(f"{platform.url}/admin/")
    expect(field(page, "Username")).to_be_focused()
    page.keyboard.type(ADMIN)
    keys.type(field(page, "Password"), PASSWORD)
    keys.send(button(page, "Sign in"))
    assert page.url == f"{platform.url}/admin/"


def create_company(keys: Keyboard) -> None:
    page = keys.page
    keys.follow(in_sidebar(page, "Companies"))
    keys.follow(page.get_by_role("link", name="Add company"))
    keys.type(field(page, "Name"), COMPANY)
    expect(field(page, "Slug")).to_have_value("harbour-museum")
    keys.tab_to(field(page, "Storage connection"))
    page.keyboard.type("Local")
    keys.send(button(page, "Save"))
    expect(page.get_by_role("link", name=COMPANY, exact=True).first).to_be_visible()


def create_project(keys: Keyboard) -> None:
    page = keys.page
    keys.follow(in_sidebar(page, "Projects"))
    keys.follow(page.get_by_role("link", name="Add project"))
    keys.choose(page.get_by_role("combobox", name="Company"), COMPANY)
    keys.type(field(page, "Name"), PROJECT)
    keys.type(page.locator("#id_expires_at_0"), "2030-01-01")
    keys.type(page.locator("#id_expires_at_1"), "12:00:00")
    keys.send(button(page, "Save and continue editing"))


def create_content(keys: Keyboard, picture: Path, video: Path) -> None:
    page = keys.page
    keys.follow(page.get_by_role("link", name="Add an AR content"))
    expect(page.get_by_role("combobox", name="Project")).to_contain_text(PROJECT)
    keys.type(page.locator("#id_title"), TITLE)
    keys.attach(field(page, "Picture"), picture)
    keys.attach(field(page, "Video file"), video)
    keys.type(page.locator("#id_videos-0-title"), "Waves")
    keys.send(button(page, "Save and continue editing"))


def watch_the_marker(page: Page) -> list[str]:
    """What the panel shows until it says "ready", each once."""
    panel = page.locator("[data-marker-panel]")
    seen: list[str] = []

    def is_ready() -> bool:
        # In one look: the panel is exchanged while a worker is at it.
        shown = page.evaluate(
            """() => {
              const panel = document.querySelector("[data-marker-panel]");
              const bar = panel.querySelector("progress");
              if (!bar) return "";
              const { width, height } = bar.getBoundingClientRect();
              return width * height > 100 ? `${panel.innerText} ${bar.value}` : "invisible";
            }"""
        )
        if shown and shown not in seen:
            seen.append(shown)
        return not shown

    wait_until(is_ready, "the marker", seconds=3 * PATIENCE)
    expect(panel).to_contain_text("ready")
    return seen


def decoded(path: Path) -> str:
    image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return read_code(image)


def extend_project(keys: Keyboard, days: int) -> None:
    page = keys.page
    keys.follow(in_sidebar(page, "Projects"))
    keys.follow(page.get_by_role("link", name=PROJECT, exact=True))
    keys.follow(page.get_by_role("link", name="Extend by a number of days"))
    expect(field(page, "Days")).to_have_attribute("autofocus", "")
    keys.type(field(page, "Days"), str(days))
    keys.send(button(page, "Extend"))


def log_out(keys: Keyboard) -> None:
    page = keys.page
    keys.tab_to(button(page, f"A {ADMIN} {ADMIN}@example.org"))
    page.keyboard.press("Enter")
    keys.send(button(page, "Log out"))
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_staff_need_no_mouse(
    platform: Platform, plain_browser: Browser, table: Frame, tmp_path: Path
) -> None:
    picture, video = tmp_path / "table.jpg", tmp_path / "waves.mp4"
    # Large and full of details: the worker's progress is to be seen.
    write_picture(picture, table)
    write_video(video, photograph("coffee"))
    with plain_browser.new_context(viewport=visitor.WIDE, locale="en") as context:
        page = context.new_page()
        notes = visitor.take_notes(page, platform.url)
        keys = Keyboard(page)
        sign_in(keys, platform)
        create_company(keys)
        create_project(keys)
        create_content(keys, picture, video)

        seen = watch_the_marker(page)
        assert len(seen) > 0
        assert "invisible" not in seen
        expect(page.locator("[aria-live=polite][data-marker-panel]")).to_be_visible()

        saved = keys.download(page.get_by_role("link", name="Download PNG"))
        [content] = platform.database.query(
            "SELECT * FROM content_arcontent WHERE title = %s", TITLE
        )
        address = f"{platform.url}/ar/{uuid.UUID(str(content['unique_id']))}"
        assert decoded(saved) == address
        expect(page.get_by_text(address, exact=True)).to_be_visible()

        extend_project(keys, 45)
        expect(page.get_by_text("Feb. 15, 2030").first).to_be_visible()
        expect(page.locator("#id_expires_at_0")).to_have_value("2030-02-15")

        [row] = platform.database.query(
            "SELECT project.expires_at, video.title, content.marker_status, company.name"
            " FROM content_arcontent content"
            " JOIN companies_project project ON project.id = content.project_id"
            " JOIN companies_company company ON company.id = content.company_id"
            " JOIN content_video video ON video.id = content.active_video_id"
            " WHERE content.id = %s",
            content["id"],
        )
        expires_at = datetime.fromisoformat(str(row["expires_at"])).replace(tzinfo=UTC)
        assert expires_at == datetime(2030, 2, 15, 12, tzinfo=UTC)
        assert (row["title"], row["marker_status"], row["name"]) == ("Waves", "ready", COMPANY)

        log_out(keys)
        assert (notes.errors, notes.strangers) == ([], [])


PAGES = ["front-page", "contents", "content", "project", "company", "bulk", "dashboard"]


@pytest.mark.parametrize("name", PAGES)
def test_focus_goes_all_around_and_back(
    name: str, platform: Platform, plain_browser: Browser, contents: dict[str, staff.Content]
) -> None:
    with plain_browser.new_context(viewport=visitor.WIDE, locale="en") as context:
        page = context.new_page()
        keys = Keyboard(page)
        sign_in(keys, platform)
        page.goto(staff.desk(platform, contents["coffee"])[name])
        page.wait_for_load_state("networkidle")
        forth = keys.round("Tab")
        assert forth[0].endswith("Skip to the content")
        assert keys.round("Shift+Tab") == forth[::-1]


def test_dashboard_needs_no_mouse(
    platform: Platform, plain_browser: Browser, contents: dict[str, staff.Content]
) -> None:
    """A year, then the largest content in it, then that by its name, and its table."""
    assert contents
    today = datetime.now(UTC).date()
    with (
        sample_year(platform),
        plain_browser.new_context(viewport=visitor.WIDE, locale="en") as context,
    ):
        page = context.new_page()
        notes = visitor.take_notes(page, platform.url)
        keys = Keyboard(page)
        sign_in(keys, platform)
        keys.follow(in_sidebar(page, "Analytics"))
        period = page.get_by_role("group", name="Period")
        expect(period.get_by_role("radio", name="30 days")).to_be_checked()
        keys.tab_to(period.get_by_role("radio", name="30 days"))
        keys.press("ArrowRight")
        keys.press("ArrowRight")
        expect(period.get_by_role("radio", name="Other dates")).to_be_checked()
        keys.tab_to(field(page, "First day"))
        page.keyboard.type((today - timedelta(days=300)).strftime("%m%d%Y"))
        keys.tab_to(field(page, "Last day"))
        page.keyboard.type((today - timedelta(days=1)).strftime("%m%d%Y"))
        keys.send(button(page, "Show"))
        assert f"to={today - timedelta(days=1)}" in page.url
        first = page.locator("#arv-top-content + table a").first
        title = first.inner_text()
        keys.follow(first)
        expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
        assert "from=" in page.url
        keys.follow(page.get_by_role("link", name="Show everything"))
        keys.choose(page.get_by_role("combobox", name="Content"), title)
        keys.send(button(page, "Show"))
        expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
        summary = page.locator("summary", has_text="Show as a table").first
        keys.tab_to(summary)
        page.keyboard.press("Enter")
        expect(page.get_by_role("table").filter(has_text="Unique sessions").first).to_be_visible()
        expect(page.locator("[data-country=DE]")).to_have_text("Germany")
        assert (notes.errors, notes.violations, notes.strangers) == ([], [], [])


def test_sidebar_can_be_skipped(platform: Platform, plain_browser: Browser) -> None:
    with plain_browser.new_context(viewport=visitor.WIDE, locale="en") as context:
        page = context.new_page()
        keys = Keyboard(page)
        sign_in(keys, platform)
        page.goto(f"{platform.url}/admin/companies/company/add/")
        keys.tab_to(page.get_by_role("link", name="Skip to the content"))
        page.keyboard.press("Enter")
        keys.press("Tab")
        expect(field(page, "Name")).to_be_focused()
