"""The `.mind` file as its reader in the browser sees it: MindAR's importer and matcher."""

import base64
import json

import cv2
import numpy as np

from content.markers import compile_marker
from content.markers.descriptors import Features, detect_features
from content.markers.raster import to_grey
from content.markers.simulation import CROP, HEIGHT, VIEWS, WIDTH, project, projection, render

from .mindar import run_mindar
from .pictures import photograph, png


def as_points(features: Features) -> list[dict[str, object]]:
    rows = zip(
        features.maxima.tolist(),
        features.x.tolist(),
        features.y.tolist(),
        features.scale.tolist(),
        features.angle.tolist(),
        features.words.tolist(),
        strict=True,
    )
    names = ("maxima", "x", "y", "scale", "angle", "descriptors")
    return [dict(zip(names, row, strict=True)) for row in rows]


def test_mindars_importer_reads_the_default_file_with_the_types_it_expects() -> None:
    picture = photograph("coffee")
    marker = compile_marker(png(picture))
    (target,) = json.loads(run_mindar("import", given=marker.data))

    assert target["targetImage"] == {"width": marker.width, "height": marker.height}
    large, small = target["tracking"]
    assert (min(large["width"], large["height"]), min(small["width"], small["height"])) == (
        256,
        128,
    )
    assert all(frame["bytes"] == frame["width"] * frame["height"] for frame in (large, small))
    assert small["points"] == marker.tracking_points
    assert small["scale"] == np.float32(128 / marker.height)
    keyframes = target["keyframes"]
    assert keyframes[0]["scale"] == 1
    assert min(keyframes[-1]["width"], keyframes[-1]["height"]) == 100
    assert [frame["width"] for frame in keyframes] == sorted(
        (frame["width"] for frame in keyframes), reverse=True
    )
    assert sum(frame["points"] for frame in keyframes) == marker.points
    assert all(frame["wellFormed"] for frame in keyframes)


def test_mindars_matcher_finds_the_picture_in_a_tilted_view_where_it_is() -> None:
    picture = photograph("astronaut")
    marker = compile_marker(png(picture))
    grey = to_grey(picture, "luma")
    view = VIEWS[4]
    left, top = (WIDTH - CROP) // 2, (HEIGHT - CROP) // 2
    seen = render(grey, view, 4)[top : top + CROP, left : left + CROP]
    question = {
        "mind": base64.b64encode(marker.data).decode(),
        "points": as_points(detect_features(seen)),
    }

    found = json.loads(run_mindar("match", CROP, CROP, given=json.dumps(question).encode()))

    world = np.array([(point["x"], point["y"]) for point in found["world"]])
    screen = np.array([(point["x"] + left, point["y"] + top) for point in found["screen"]])
    assert len(world) >= 30
    pose = np.asarray(cv2.findHomography(world, screen, cv2.RANSAC, 3.0)[0], dtype=np.float64)
    corners = np.array([[0.0, 0], [grey.shape[1], 0], grey.shape[::-1], [0, grey.shape[0]]])
    truth = project(projection(view, grey.shape[1], grey.shape[0]), corners)
    assert np.hypot(*(project(pose, corners) - truth).T).max() < 4
