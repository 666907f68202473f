"""The test's own instruments: what they call the truth must be true."""

import base64
import itertools
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser

from content.tests.browser import visitor
from content.tests.browser.camera import (
    Lens,
    Pose,
    Timing,
    film,
    hand_path,
    homography,
    project,
    rectangle,
    seen_share,
    write_y4m,
)

LENSES = [Lens(640, 480, 50), Lens(640, 480, 65), Lens(480, 640, 65)]


@pytest.mark.parametrize("lens", LENSES)
def test_upright_picture_fills_its_share_of_the_frame(lens: Lens) -> None:
    corners = project(
        homography(lens, (400, 300), Pose(0, 0, 0.5)), np.array([[0, 0], [400.0, 300.0]])
    )
    width, height = corners[1] - corners[0]
    fit = min(lens.width / 400, lens.height / 300)
    assert width == pytest.approx(200 * fit)
    assert height == pytest.approx(150 * fit)


@pytest.mark.parametrize("lens", LENSES)
def test_tilt_foreshortens_as_a_pinhole_does(lens: Lens) -> None:
    """A line through the middle, tilted: its two halves measured by hand with similar triangles."""
    pose = Pose(0, 0, 0.5, tilt=35)
    top, middle, bottom = project(
        homography(lens, (400, 300), pose), np.array([[200, 0], [200, 150], [200, 300.0]])
    )
    depth = lens.focal / (0.5 * min(lens.width / 400, lens.height / 300))
    rise, recede = 150 * np.cos(np.radians(35)), 150 * np.sin(np.radians(35))
    tangent = np.tan(np.radians(lens.vertical_fov / 2)) / (lens.height / 2)
    assert bottom[1] - middle[1] == pytest.approx(rise / (depth + recede) / tangent)
    assert middle[1] - top[1] == pytest.approx(rise / (depth - recede) / tangent)


@pytest.mark.parametrize("lens", LENSES)
def test_frame_shows_the_picture_where_the_truth_says(lens: Lens) -> None:
    """White on black: area and centre of gravity of the light are those of the corners."""
    white = np.full((300, 400, 3), 250, dtype=np.uint8)
    black = np.zeros((64, 64, 3), dtype=np.uint8)
    poses = [
        Pose(0.05, -0.03, 0.5, tilt=30, turn=-12, roll=17),
        Pose(-0.1, 0.02, 0.45, tilt=-25, turn=10, roll=-20),
    ]
    for shot in film(white, black, lens, poses, seed=0, noise=0):
        light = shot.frame[..., 0].astype(np.float64)
        rows, columns = np.mgrid[0 : lens.height, 0 : lens.width] + 0.5
        outline = cv2.moments(shot.corners.astype(np.float32).reshape(-1, 1, 2))
        area = light.sum() / light.max()
        assert area == pytest.approx(outline["m00"], rel=0.005)
        assert (light * columns).sum() / light.sum() == pytest.approx(
            outline["m10"] / outline["m00"], abs=0.1
        )
        assert (light * rows).sum() / light.sum() == pytest.approx(
            outline["m01"] / outline["m00"], abs=0.1
        )


@pytest.mark.parametrize("lens", LENSES)
@pytest.mark.parametrize("seed", range(1, 10))
def test_hand_brings_the_picture_in_and_takes_it_away(lens: Lens, seed: int) -> None:
    timing = Timing()
    corners = [
        project(homography(lens, (480, 320), pose), rectangle(480, 320))
        for pose in hand_path(timing, seed=seed)
    ]
    shares = [seen_share(quad, lens) for quad in corners]
    assert len(shares) == timing.total
    assert max(shares[: timing.before]) == 0
    assert max(shares[-timing.after :]) == 0
    held = shares[timing.before + timing.approach :][: timing.held]
    assert min(held) > 0.75
    steps = np.diff([quad.mean(axis=0) for quad in corners], axis=0)
    assert np.linalg.norm(steps, axis=1).max() < 90


def test_y4m_file_reads_back(tmp_path: Path) -> None:
    colours = [(200, 40, 40), (40, 200, 40), (40, 40, 200)]
    frames = [np.full((48, 64, 3), colour, dtype=np.uint8) for colour in colours]
    path = tmp_path / "clip.y4m"
    assert write_y4m(path, frames, rate=15) == 3
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        assert (stream.width, stream.height) == (64, 48)
        assert stream.average_rate == 15
        means = [frame.to_ndarray(format="rgb24").mean((0, 1)) for frame in file.decode(stream)]
    np.testing.assert_allclose(means, colours, atol=4)


# A page that reads the number painted into each frame and lays a box by it.
COUNTING_PAGE = """<!doctype html>
<style>
  body { margin: 0 }
  #viewer { position: fixed; inset: 0; overflow: hidden }
  #camera { position: absolute; width: 100%; height: 100%; object-fit: cover }
  .frame { position: absolute; left: 7px; top: 11px; transform: scale(1.1) rotate(3deg) }
  #overlay { width: 200px; height: 100px; transform-origin: 0 0 }
</style>
<main id="viewer" data-state="searching">
  <video id="camera" muted playsinline></video>
  <div class="frame"><div id="overlay"></div></div>
</main>
<script>
  const pixels = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const read = () => {
    pixels.drawImage(camera, 0, 0);
    const { data } = pixels.getImageData(0, 0, 160, 16);
    let number = 0;
    for (let bit = 0; bit < 10; bit += 1) {
      if (data[(8 * 160 + bit * 16 + 8) * 4] > 127) number += 1 << bit;
    }
    return number;
  };
  window.seen = [];
  window.begin = async () => {
    camera.srcObject = await navigator.mediaDevices.getUserMedia({ video: true });
    await camera.play();
    const onFrame = async (now, { mediaTime }) => {
      const number = read();
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 30));
      seen.push([number, Math.round(now), Math.round(mediaTime * 1000)]);
      overlay.style.visibility = number % 5 === 0 ? "hidden" : "visible";
      overlay.style.transform =
        `matrix3d(1.2, 0.1, 0, ${number / 1e5}, 0.1, 1, 0, 0, 0, 0, 1, 0, ${number}, 20, 0, 1)`;
      camera.requestVideoFrameCallback(onFrame);
    };
    camera.requestVideoFrameCallback(onFrame);
  };
</script>"""


def numbered(number: int) -> str:
    frame = np.random.default_rng(number).integers(0, 255, (640, 480, 3), dtype=np.uint8)
    for bit in range(10):
        frame[:16, bit * 16 : bit * 16 + 16] = 255 * (number >> bit & 1)
    done, data = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 90])
    assert done
    return base64.b64encode(data.tobytes()).decode()


@pytest.mark.browser
def test_each_frame_reaches_the_page_once_and_the_overlay_is_read_exactly(
    plain_browser: Browser,
) -> None:
    with plain_browser.new_context(viewport=visitor.PHONE) as context:
        page = context.new_page()
        page.add_init_script(path=Path(__file__).with_name("lockstep.js"))
        page.add_init_script("lockstep.open(480, 640)")
        page.route(
            "**/*", lambda route: route.fulfill(body=COUNTING_PAGE, content_type="text/html")
        )
        page.goto("http://localhost/")
        page.evaluate("void begin()")
        visitor.wait_for(page, "lockstep.video() !== null")
        while not page.evaluate("lockstep.isAskedForFrame()"):
            page.evaluate("frame => lockstep.push(frame)", numbered(1023))
        page.evaluate("seen.length = 0")
        protocol = context.new_cdp_session(page)
        for number in range(1, 61):
            answer = page.evaluate("frame => lockstep.push(frame)", numbered(number))
            assert (answer["corners"] is None) == (number % 5 == 0)
        seen = page.evaluate("seen")
        assert [row[0] for row in seen] == list(range(1, 61))
        assert {b[1] - a[1] for a, b in itertools.pairwise(seen)} <= {33, 34}
        assert all(now == media for _, now, media in seen)
        # The browser's own answer to where the element is.
        page.evaluate("overlay.style.visibility = 'visible'")
        handle = protocol.send("Runtime.evaluate", {"expression": "overlay"})
        quads = protocol.send("DOM.getContentQuads", {"objectId": handle["result"]["objectId"]})[
            "quads"
        ]
        corners = np.array(page.evaluate("lockstep.viewportCorners()"))
        np.testing.assert_allclose(corners, np.reshape(quads[0], (4, 2)), atol=0.01)
