"""Our compiler in mean-grey mode against MindAR's own, on the same pixels of real photographs."""

from typing import Any

import msgpack
import numpy as np
import pytest
from numpy.typing import NDArray

from content.markers import compile_marker
from content.markers.clustering import hamming
from content.markers.raster import to_grey

from .mindar import run_mindar
from .pictures import photograph, png

pytestmark = pytest.mark.once

Record = dict[str, Any]
SIGNS = ("maxima", "minima")


def records(data: bytes) -> Record:
    content = msgpack.unpackb(data)
    assert content["v"] == 2
    record: Record = content["dataList"][0]
    return record


def columns(points: list[Record]) -> tuple[NDArray[np.float64], NDArray[np.uint32]]:
    """(x, y, octave) and the descriptor of each point."""
    place = np.array([(p["x"], p["y"], p["scale"]) for p in points]).reshape(-1, 3)
    return place, np.array([p["descriptors"] for p in points], np.uint32).reshape(-1, 21)


def matched(theirs: list[Record], ours: list[Record]) -> int:
    """Reference points with one of ours of their octave within 0.01 px and 2 bits of 666."""
    if not theirs or not ours:
        return 0
    (place, words), (our_place, our_words) = columns(theirs), columns(ours)
    offset = place[:, None] - our_place[None]
    near = (np.hypot(offset[..., 0], offset[..., 1]) <= 0.01) & (offset[..., 2] == 0)
    alike = near & (hamming(words, our_words) <= 2)
    return int(np.count_nonzero(alike.any(axis=1)))


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "rocket"])
def test_a_photograph_compiles_as_mindar_compiles_it(name: str) -> None:
    picture = photograph(name)
    pixels = to_grey(picture, "mean").tobytes()
    theirs = records(run_mindar("compile", picture.width, picture.height, given=pixels))
    marker = compile_marker(png(picture), grey="mean")
    ours = records(marker.data)

    assert ours["targetImage"] == theirs["targetImage"]
    assert ours["trackingData"] == theirs["trackingData"]
    assert marker.tracking_points == len(theirs["trackingData"][1]["points"]) >= 12

    frames = list(zip(theirs["matchingData"], ours["matchingData"], strict=True))
    for reference, keyframe in frames:
        for key in ("width", "height", "scale"):
            assert keyframe[key] == reference[key]
    lists = [
        (reference[f"{sign}Points"], keyframe[f"{sign}Points"])
        for reference, keyframe in frames
        for sign in SIGNS
    ]
    total = sum(len(reference) for reference, _ in lists)
    assert total > 1000
    assert sum(matched(*pair) for pair in lists) >= 0.995 * total
    assert abs(marker.points - total) <= 0.005 * total

    trees = [
        reference[f"{sign}PointsCluster"] == keyframe[f"{sign}PointsCluster"]
        for reference, keyframe in frames
        for sign in SIGNS
    ]
    assert sum(trees) >= 0.95 * len(trees)
