"""What becomes of every encoding plays in a real Chromium: moving, upright, as large as said."""

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from content.tests.browser import visitor
from content.tests.encodings import CORNERS, CORPUS, QUARTER_TURN, Encoding, film
from content.video_file import prepare

pytestmark = pytest.mark.browser

# The colours in the middle of the four corner fields, once something has been played.
PLAYED = """
async (path) => {
  const video = document.createElement("video");
  video.muted = true;
  video.loop = true;
  video.src = path;
  document.body.append(video);
  await video.play();
  const from = video.currentTime;
  await new Promise((resolve, reject) => {
    video.onerror = () => reject(new Error(video.error.message));
    video.ontimeupdate = () => { if (video.currentTime > from + 0.1) resolve(); };
  });
  const [width, height] = [video.videoWidth, video.videoHeight];
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0);
  const corners = [1 / 8, 7 / 8].flatMap((y) => [1 / 8, 7 / 8].map((x) => [
    ...context.getImageData(Math.floor(width * x), Math.floor(height * y), 1, 1).data.slice(0, 3),
  ]));
  const { duration } = video;
  video.remove();
  return { width, height, duration, corners };
}
"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_values: Any) -> None:
        pass


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder and the address under which a browser finds it."""
    folder = tmp_path_factory.mktemp("films")
    (folder / "index.html").write_text("<!doctype html><title>films</title>")
    handler = functools.partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def page(plain_browser: Browser, films: tuple[Path, str]) -> Iterator[Page]:
    with plain_browser.new_context(viewport=visitor.DESK) as context:
        page = context.new_page()
        page.goto(films[1])
        yield page


def expect_upright(page: Page, name: str, size: tuple[int, int]) -> float:
    """The length in seconds that the browser tells."""
    played = page.evaluate(PLAYED, f"/{name}")
    assert (played["width"], played["height"]) == size
    assert np.abs(np.array(played["corners"]) - np.array(CORNERS)).max() <= 40, played
    seconds: float = played["duration"]
    return seconds


@pytest.mark.parametrize("encoding", CORPUS, ids=str)
def test_every_prepared_video_plays(
    encoding: Encoding, page: Page, films: tuple[Path, str], tmp_path: Path
) -> None:
    source = tmp_path / "original"
    source.write_bytes(encoding.make())
    made = films[0] / encoding.name
    made.mkdir()
    prepare(source, made)
    seconds = expect_upright(page, f"{encoding.name}/video.mp4", encoding.shown)
    assert seconds == pytest.approx(encoding.seconds, abs=0.15)


def test_the_browser_turns_an_original_the_same_way(page: Page, films: tuple[Path, str]) -> None:
    """That upright means upright is not our own opinion."""
    original = film("libx264", size=(240, 320), matrix=QUARTER_TURN)
    (films[0] / "turned.mp4").write_bytes(original)
    expect_upright(page, "turned.mp4", (240, 320))
