"""One visit in real time, with nothing of the page replaced: the camera is a file."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Playwright

from content.tests.browser import staff, visitor
from content.tests.browser.camera import Frame, Lens, Timing, film, hand_path, write_y4m
from content.tests.browser.conftest import photograph
from content.tests.browser.server import Platform, wait_until

pytestmark = pytest.mark.browser

LENS = Lens(640, 480, 60)
RATE = 15  # frames per second: software WebGL takes about as many
# 2 s of clutter, 8 s of the picture, 3 s of clutter, and again.
TIMING = Timing(before=30, approach=15, held=120, leaving=12, after=45)
PATIENCE = 60.0  # seconds
SCRIPTS_LIMIT = 135_000  # bytes, gzip
PICTURE = "astronaut"
# Chromium without a window would call itself so, and be taken for a robot.
AGENT = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/126.0.0.0 Mobile Safari/537.36"
)


@dataclass(frozen=True)
class Visit:
    """What one visit left behind."""

    content: staff.Content
    notes: visitor.Notes
    prompts_before_start: int
    prompts: int
    scripts: dict[str, int]
    sessions: list[dict[str, Any]]
    seconds: float


def video(page: Page, attribute: str) -> Any:
    return page.evaluate(f"document.getElementById('overlay').{attribute}")


def expect_playing(page: Page) -> None:
    visitor.wait_for_state(page, "tracking", seconds=PATIENCE)
    page.wait_for_selector("#overlay", state="visible", timeout=5000)
    before = video(page, "currentTime")
    visitor.wait_for(
        page,
        "(({ paused, currentTime }) => !paused && currentTime !== "
        f"{before})(document.getElementById('overlay'))",
    )


def expect_paused(page: Page) -> None:
    visitor.wait_for_state(page, "searching", seconds=PATIENCE)
    page.wait_for_selector("#overlay", state="hidden", timeout=5000)
    assert video(page, "paused")


@pytest.fixture(scope="module")
def visit(
    playwright: Playwright,
    platform: Platform,
    make_content: Callable[[str], staff.Content],
    table: Frame,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Visit]:
    clip = tmp_path_factory.mktemp("camera") / "visit.y4m"
    poses = hand_path(TIMING, seed=21)
    shots = film(photograph(PICTURE), table, LENS, poses, seed=21)
    write_y4m(clip, (shot.frame for shot in shots), rate=RATE)
    content = make_content(PICTURE)
    last = max((row["id"] for row in sessions_after(platform, 0)), default=0)
    camera = (visitor.FAKE_CAMERA, f"--use-file-for-fake-video-capture={clip}")
    with (
        visitor.browser(playwright, visitor.ALLOWED, *camera) as browser,
        browser.new_context(viewport=visitor.PHONE, locale="en", user_agent=AGENT) as context,
    ):
        page = context.new_page()
        notes = visitor.take_notes(page, platform.url)
        page.add_init_script(visitor.COUNT_PROMPTS)
        opened = time.monotonic()
        page.goto(content.url)
        page.wait_for_timeout(1500)
        prompts_before_start = page.evaluate("prompts.length")
        page.click("#start")
        expect_playing(page)
        expect_paused(page)
        expect_playing(page)
        prompts = page.evaluate("prompts.length")
        scripts = notes.scripts()
        page.goto("about:blank")
        seconds = time.monotonic() - opened
        sessions = wait_until(lambda: ended_sessions(platform, last), "the visit's end")
        yield Visit(content, notes, prompts_before_start, prompts, scripts, sessions, seconds)
    Path(clip).unlink()


def sessions_after(platform: Platform, last: int) -> list[dict[str, Any]]:
    """The sessions recorded after the one with the id `last`, of whatever content."""
    return platform.database.query(
        "SELECT * FROM analytics_arviewsession WHERE id > %s ORDER BY id", last
    )


def ended_sessions(platform: Platform, last: int) -> list[dict[str, Any]]:
    """As above, once the latest has a duration; empty before."""
    rows = sessions_after(platform, last)
    return rows if rows and rows[-1]["duration_seconds"] is not None else []


def test_picture_comes_alive_pauses_and_comes_alive_again(visit: Visit) -> None:
    assert visit.prompts == 1


def test_camera_is_not_asked_for_before_start(visit: Visit) -> None:
    assert visit.prompts_before_start == 0


def test_nothing_is_complained_about_or_loaded_from_elsewhere(visit: Visit) -> None:
    assert visit.notes.violations == []
    assert visit.notes.strangers == []
    assert visit.notes.errors == []


def test_visit_is_counted_once_with_everything_known(visit: Visit, figures: list[str]) -> None:
    [session] = visit.sessions
    assert session["ar_content_id"] == visit.content.pk
    figures.append(f"session after {visit.seconds:.1f} s: {session}")
    assert session["device_type"] == "mobile"
    assert session["browser"] == "Chrome Mobile 126"
    assert session["os"] == "Android"
    assert session["tracking_quality"] in {"good", "fair", "poor"}
    assert session["started"]
    assert (session["camera"], session["camera_reason"]) == ("allowed", "")
    assert 0 < session["found_ms"] < visit.seconds * 1000
    assert session["video_played"]
    assert not session["is_bot"]
    assert abs(session["duration_seconds"] - visit.seconds) <= 5


def test_scripts_are_small(visit: Visit, figures: list[str]) -> None:
    names = {path.rsplit("/", 1)[1] for path in visit.scripts}
    assert any(name.startswith("tracker-worker") for name in names), names
    figures.append(f"scripts: {sum(visit.scripts.values())} bytes gzip, {visit.scripts}")
    assert sum(visit.scripts.values()) <= SCRIPTS_LIMIT
