"""A video with transparency of its own: its right half says what of the left half is there."""

from pathlib import Path

import av
import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from content.tests.browser import staff, visitor
from content.tests.browser.conftest import DATA
from content.tests.browser.server import Platform, wait_until

pytestmark = pytest.mark.browser

WIDTH, HEIGHT = 320, 240
# What the canvas holds in its middle left and middle right, as RGBA.
PIXELS = """
() => {
  const shown = document.getElementById("cutout");
  const { width, height } = shown;
  const copy = Object.assign(document.createElement("canvas"), { width, height });
  const context = copy.getContext("2d");
  return new Promise((resolve) => {
    document.getElementById("overlay").requestVideoFrameCallback(() => requestAnimationFrame(() => {
      context.drawImage(shown, 0, 0);
      const at = (x) => [...context.getImageData(Math.floor(width * x), height / 2, 1, 1).data];
      resolve({ width, height, left: at(0.25), right: at(0.75) });
    }));
  });
}
"""


def write_cutout(path: Path) -> None:
    """Red all over; opaque in the left half of the picture, and nothing at all in the right one."""
    picture = np.zeros((HEIGHT, 2 * WIDTH, 3), np.uint8)
    picture[:, :WIDTH, 0] = 220
    picture[:, WIDTH : WIDTH + WIDTH // 2] = 255
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 2 * WIDTH, HEIGHT, "yuv420p"
        for _number in range(75):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(stream.encode())


def test_what_is_behind_a_transparent_video_shines_through(
    platform: Platform,
    plain_browser: Browser,
    contents: dict[str, staff.Content],
    tmp_path: Path,
) -> None:
    write_cutout(tmp_path / "cutout.mp4")
    with plain_browser.new_context(viewport=visitor.DESK, locale="en") as context:
        page = context.new_page()
        staff.sign_in(page, platform)
        content = staff.create_content(
            page,
            platform,
            project="Summer exhibition",
            title="Cutout",
            picture=DATA / "coffee.png",
            video=tmp_path / "cutout.mp4",
            is_transparent=True,
        )
    with plain_browser.new_context(viewport=visitor.PHONE) as context:
        page = context.new_page()
        notes = visitor.take_notes(page, platform.url)
        page.goto(content.url)
        page.click("#watch")
        visitor.wait_for(page, "document.getElementById('overlay').currentTime > 0")
        wait_until(lambda: page.evaluate("cutout.width") == WIDTH, "the first picture")
        seen = page.evaluate(PIXELS)
        assert (seen["width"], seen["height"]) == (WIDTH, HEIGHT)
        assert seen["left"][3] > 240
        assert seen["left"][0] > 180
        assert seen["right"][3] < 16
        expect(page.locator("#cutout")).to_be_in_viewport()
        # The element itself lends its controls and shows nothing.
        assert page.locator("#overlay").evaluate("video => video.controls")
        assert (notes.errors, notes.violations, notes.strangers) == ([], [], [])
