"""Whatever fails, the visitor sees the video over the picture and reads why."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, Route, expect

from content.tests.browser import staff, visitor

pytestmark = pytest.mark.browser

# Notes when the page changes its state, on the page's own clock.
WATCH_STATES = """
window.changes = [];
addEventListener("DOMContentLoaded", () => {
  const root = document.getElementById("viewer");
  new MutationObserver(() => {
    changes.push({ at: performance.now(), ...root.dataset });
  }).observe(root, { attributes: true });
});
addEventListener("click", () => { window.tapped ??= performance.now(); }, true);
"""
AT_ONCE = 2000  # milliseconds between knowing and showing
# How long each stage may hang before the page knows that it does.
OFFER, SWITCH = 8000, 15_000


@pytest.fixture(scope="module")
def camera_browser(playwright: Playwright) -> Iterator[Browser]:
    with visitor.browser(playwright, visitor.ALLOWED, visitor.FAKE_CAMERA) as running:
        yield running


def open_page(context: BrowserContext, content: staff.Content) -> Page:
    page = context.new_page()
    page.add_init_script(visitor.COUNT_PROMPTS)
    page.add_init_script(WATCH_STATES)
    page.goto(content.url)
    return page


def changes(page: Page, **wanted: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = page.evaluate("changes")
    return [row for row in rows if all(row.get(name) == value for name, value in wanted.items())]


def expect_video_and_reason(page: Page, reason: str, *, seconds: float) -> float:
    """Returns when the page switched to the video, in milliseconds of its own clock."""
    visitor.wait_for_state(page, "watching", seconds=seconds)
    root = page.locator("#viewer")
    expect(root).to_have_attribute("data-reason", reason)
    expect(page.locator("#reason")).to_be_visible()
    words = page.locator("#reason").inner_text()
    assert len(words) > 20
    expect(page.locator("#retry")).to_be_visible()
    overlay = page.locator("#overlay")
    expect(overlay).to_be_in_viewport(ratio=0.9)
    visitor.wait_for(page, "document.getElementById('overlay').currentTime > 0")
    poster, video = page.locator(".poster").bounding_box(), overlay.bounding_box()
    assert poster is not None
    assert video is not None
    # Over the picture: no edge of it is left uncovered.
    assert video["x"] <= poster["x"] + 1
    assert video["y"] <= poster["y"] + 1
    assert video["x"] + video["width"] >= poster["x"] + poster["width"] - 1
    assert video["y"] + video["height"] >= poster["y"] + poster["height"] - 1
    at: float = changes(page, state="watching")[0]["at"]
    return at


CANNOT_SEE = {
    "denied": ("denied", [visitor.DENIED, visitor.FAKE_CAMERA], "prompts[0].answered"),
    "no camera": (
        "noCamera",
        [visitor.ALLOWED, f"{visitor.FAKE_CAMERA}=device-count=0"],
        "prompts[0].answered",
    ),
    "no WebGL": (
        "noWebGL",
        [visitor.ALLOWED, visitor.FAKE_CAMERA, "--disable-gpu", "--disable-3d-apis"],
        "tapped",
    ),
}


@pytest.mark.parametrize(("reason", "flags", "known"), CANNOT_SEE.values(), ids=CANNOT_SEE.keys())
def test_without_eyes_the_video_plays_at_once(
    reason: str,
    flags: list[str],
    known: str,
    playwright: Playwright,
    contents: dict[str, staff.Content],
    figures: list[str],
) -> None:
    with (
        visitor.browser(playwright, *flags) as browser,
        browser.new_context(viewport=visitor.PHONE, locale="en") as context,
    ):
        page = open_page(context, contents["coffee"])
        page.click("#start")
        at = expect_video_and_reason(page, reason, seconds=20)
        took = at - page.evaluate(known)
        figures.append(f"{reason}: {took:.0f} ms after knowing")
        assert took <= AT_ONCE


def known_at(page: Page, file: str) -> float:
    """When the page had the camera and the server's last answer for `file`, right or wrong."""
    begun: list[float] = [row["at"] for row in changes(page, state="loading", phase="prepare")]
    answered: list[float] = page.evaluate(
        "file => [prompts[0].answered, ...performance.getEntriesByType('resource')"
        ".filter(({ name }) => name.includes(file)).map((entry) => entry.responseEnd)]",
        file,
    )
    return max(*answered, *begun)


BROKEN: dict[str, tuple[str, str, Callable[[Route], None]]] = {
    "marker gone": ("markerMissing", "**/*.mind", lambda route: route.fulfill(status=404)),
    "marker cut off": ("markerMissing", "**/*.mind", lambda route: route.abort()),
    "marker spoilt": (
        "trackerFailed",
        "**/*.mind",
        lambda route: route.fulfill(body=b"\x00 no marker"),
    ),
    "tracker gone": ("trackerFailed", "**/tracker*.js", lambda route: route.fulfill(status=404)),
    "worker gone": (
        "trackerFailed",
        "**/tracker-worker*.js",
        lambda route: route.fulfill(status=404),
    ),
}


@pytest.mark.parametrize(("reason", "pattern", "answer"), BROKEN.values(), ids=BROKEN.keys())
def test_without_a_tracker_the_video_plays_at_once(
    reason: str,
    pattern: str,
    answer: Callable[[Route], None],
    camera_browser: Browser,
    contents: dict[str, staff.Content],
    figures: list[str],
) -> None:
    with camera_browser.new_context(viewport=visitor.PHONE, locale="en") as context:
        context.route(pattern, answer)
        page = open_page(context, contents["coffee"])
        page.click("#start")
        at = expect_video_and_reason(page, reason, seconds=20)
        took = at - known_at(page, pattern.strip("*/").split("*")[0])
        figures.append(f"{reason}: {took:.0f} ms after knowing")
        assert took <= AT_ONCE


HANGING = {
    "marker": ("slow", "**/*.mind"),
    "tracker": ("slow", "**/tracker.*js"),
    "worker": ("tooSlow", "**/tracker-worker*.js"),
}


def test_what_never_arrives_is_given_up(
    camera_browser: Browser, contents: dict[str, staff.Content], figures: list[str]
) -> None:
    """Each in a page of its own, all at once: the test waits for the longest and not for all."""
    with ExitStack() as contexts:
        pages: dict[str, tuple[str, Page]] = {}
        for name, (reason, pattern) in HANGING.items():
            context = camera_browser.new_context(viewport=visitor.PHONE, locale="en")
            contexts.enter_context(context)
            context.route(pattern, lambda route: None)
            page = open_page(context, contents["coffee"])
            page.click("#start")
            pages[name] = reason, page
        for _reason, page in pages.values():
            visitor.wait_for(page, "changes.some(({ patience }) => patience === 'offer')")
            expect(page.locator("#watch")).to_be_in_viewport(ratio=1)
            expect(page.locator("#status")).not_to_be_empty()
        for name, (reason, page) in pages.items():
            at = expect_video_and_reason(page, reason, seconds=25)
            began = page.evaluate("prompts[0].answered")
            offered = changes(page, patience="offer")[0]["at"] - began
            figures.append(
                f"{name}: offered after {offered:.0f} ms, switched after {at - began:.0f} ms"
            )
            assert offered <= OFFER + AT_ONCE
            assert at - began <= SWITCH + AT_ONCE


def test_visitor_may_watch_without_the_camera_at_any_time(
    camera_browser: Browser, contents: dict[str, staff.Content]
) -> None:
    with camera_browser.new_context(viewport=visitor.PHONE, locale="en") as context:
        page = open_page(context, contents["coffee"])
        page.click("#watch")
        expect_video_and_reason(page, "", seconds=2)
        assert page.evaluate("prompts.length") == 0
        page.click("#retry")
        visitor.wait_for_state(page, "loading", "searching", seconds=5)
        page.click("#watch")
        expect_video_and_reason(page, "", seconds=2)
        visitor.wait_for(page, "document.getElementById('camera').srcObject === null")
