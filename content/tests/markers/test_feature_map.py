"""The map of feature points: where the marker has them, on the picture that was compiled."""

import io
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from PIL import Image

from content.markers import compile_marker, normalise_image
from content.markers.feature_map import FeatureMap, FeaturePoint, read_feature_map, svg
from content.tests.media import photograph

SQUARE = (480, 280, 380)  # left, top, side of the only detail


def lone_square() -> bytes:
    """A photograph in the lower right of an even ground."""
    left, top, side = SQUARE
    ground = Image.new("RGB", (900, 700), (130, 110, 90))
    detail = Image.open(io.BytesIO(photograph(side=512))).resize((side, side))
    ground.paste(detail, (left, top))
    out = io.BytesIO()
    ground.save(out, "PNG")
    return out.getvalue()


def test_the_points_of_a_photograph_are_all_inside_it_and_counted() -> None:
    marker = compile_marker(normalise_image(photograph(side=512)).data)
    features = read_feature_map(marker.data)
    assert (features.width, features.height) == (marker.width, marker.height)
    assert len(features.points) == marker.points
    assert all(
        0 <= point.x <= features.width and 0 <= point.y <= features.height
        for point in features.points
    )


def test_points_lie_where_the_detail_is_in_every_keyframe() -> None:
    marker = compile_marker(normalise_image(lone_square()).data)
    features = read_feature_map(marker.data)
    left, top, side = (value * features.width / 900 for value in SQUARE)
    # A blob's centre may lie outside by about its own size.
    far = [
        point
        for point in features.points
        if not left - 2 * point.scale <= point.x <= left + side + 2 * point.scale
        or not top - 2 * point.scale <= point.y <= top + side + 2 * point.scale
    ]
    assert features.points
    assert not far
    assert len({round(point.scale, 1) for point in features.points}) > 3


def test_the_drawing_has_the_shape_of_the_picture_and_a_dot_for_each_point() -> None:
    points = [FeaturePoint(10.25, 20.5, 2.0), FeaturePoint(700.0, 400.0, 30.0)]
    drawing = svg(FeatureMap(800, 500, points))
    root = ET.fromstring(drawing)  # noqa: S314 - our own drawing
    assert root.attrib["viewBox"] == "0 0 800 500"
    paths = [path.attrib["d"] for path in root.iter("{http://www.w3.org/2000/svg}path")]
    assert paths == ["M700.0 400.0h0", "M10.2 20.5h0"]
    uses = [use.attrib for use in root.iter("{http://www.w3.org/2000/svg}use")]
    widths = [float(use["stroke-width"]) for use in uses if use["class"] == "i"]
    assert len(widths) == len(paths)
    assert all(larger > smaller for larger, smaller in pairwise(widths))


def test_a_drawing_of_very_many_points_stays_small() -> None:
    points = [FeaturePoint(i % 900, i // 900, 2.0) for i in range(60_000)]
    drawing = svg(FeatureMap(900, 700, points))
    assert len(drawing) < 200_000


@pytest.mark.parametrize("junk", [b"", b"junk", b"\x81\xa1v\x02", b"\x80", b"\xc1", b"\x01"])
def test_anything_but_a_marker_is_refused(junk: bytes) -> None:
    with pytest.raises(ValueError, match="mind"):
        read_feature_map(junk)
