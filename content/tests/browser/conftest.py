"""One platform, one browser and three contents for all tests of this folder."""

import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage
from playwright.sync_api import Browser, Playwright, sync_playwright

from content.tests.browser import staff, visitor
from content.tests.browser.camera import Frame, clutter
from content.tests.browser.sample_video import write_video
from content.tests.browser.server import Platform, running_platform

PHOTOGRAPHS = ("astronaut", "coffee", "chelsea")
PROJECT = "Summer exhibition"
# The photographs that ship with scikit-image, so that nothing is downloaded.
DATA = Path(skimage.__file__).parent / "data"


def photograph(name: str) -> Frame:
    """height x width x 3, RGB."""
    image = cv2.imread(str(DATA / f"{name}.png"), cv2.IMREAD_COLOR)
    assert image is not None, name
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(np.uint8)


MEASURED = pytest.StashKey[list[str]]()


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> list[str]:
    """Lines that the run prints at its end: what was measured, and not only that it was enough."""
    return request.config.stash.setdefault(MEASURED, [])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for line in config.stash.get(MEASURED, []):
        terminalreporter.write_line(line)


# Package-wide and no longer: Playwright's event loop must be gone before other tests use the ORM.


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="package")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running_platform(tmp_path_factory.mktemp("platform")) as running:
        yield running


@pytest.fixture(scope="package")
def plain_browser(playwright: Playwright) -> Iterator[Browser]:
    """A browser that has no camera of its own."""
    with visitor.browser(playwright) as running:
        yield running


@pytest.fixture(scope="package")
def make_content(
    platform: Platform, plain_browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], staff.Content]]:
    """Makes the content of a photograph, once: by staff in the admin, compiled by the worker."""
    folder = tmp_path_factory.mktemp("uploads")
    with plain_browser.new_context(viewport=visitor.DESK) as context:
        page = context.new_page()
        staff.sign_in(page, platform)
        staff.create_project(page, platform, PROJECT)

        @cache
        def make(name: str) -> staff.Content:
            video = folder / f"{name}.mp4"
            write_video(video, photograph(name))
            return staff.create_content(
                page,
                platform,
                project=PROJECT,
                title=name.title(),
                picture=DATA / f"{name}.png",
                video=video,
            )

        yield make


@pytest.fixture(scope="package")
def contents(make_content: Callable[[str], staff.Content]) -> dict[str, staff.Content]:
    return {name: make_content(name) for name in PHOTOGRAPHS}


@pytest.fixture(scope="package")
def table() -> Frame:
    return clutter(7, [photograph(name) for name in ("brick", "gravel", "coins")])


@pytest.fixture(scope="package")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures of the pages go: ARV_SCREENSHOTS, else a temporary folder."""
    named = os.environ.get("ARV_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
