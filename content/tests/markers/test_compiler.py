"""What compiles, what is refused, and the pieces with an oracle."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from content.markers import MarkerRejected, compile_marker
from content.markers.clustering import Draws, Node, build_tree, hamming
from content.markers.container import decode
from content.markers.detector import build_pyramid, find_extrema
from content.markers.raster import BoxReducer, matching_scales
from content.markers.tracking import REFERENCE, find_templates

from .pictures import checkerboard, confetti, photograph, png, stripes, uniform

pytestmark = pytest.mark.filterwarnings("error")


def one_pixel_checkerboard() -> Image.Image:
    return checkerboard(512, 512, square=1)


@pytest.mark.parametrize("grey", ["luma", "mean"])
@pytest.mark.parametrize(
    ("picture", "code"),
    [
        (uniform(), "flat"),
        (Image.linear_gradient("L").resize((640, 480)), "flat"),
        (stripes(), "repeated"),
        (checkerboard(), "repeated"),
        (one_pixel_checkerboard(), "flat"),
    ],
)
def test_a_picture_that_can_never_be_tracked_is_refused_in_plain_words(
    picture: Image.Image, code: str, grey: str
) -> None:
    with pytest.raises(MarkerRejected) as refusal:
        compile_marker(png(picture.convert("RGB")), grey="mean" if grey == "mean" else "luma")
    assert refusal.value.code == code
    assert "picture" in str(refusal.value)


@pytest.mark.parametrize("size", [(256, 256), (768, 256), (256, 768), (301, 257)])
def test_the_smallest_and_the_longest_pictures_compile(size: tuple[int, int]) -> None:
    marker = compile_marker(png(confetti(*size, pieces=sum(size) // 6)))
    assert (marker.width, marker.height) == size
    assert marker.tracking_points >= 4


@pytest.mark.parametrize("name", ["gravel", "grass"])
def test_fine_texture_is_tracked_by_the_relaxed_rules(name: str) -> None:
    image = png(photograph(name))
    relaxed = compile_marker(image)
    assert relaxed.relaxed
    assert relaxed.tracking_points >= 12
    strict = find_templates(np.asarray(photograph(name).convert("L").resize((128, 128))), REFERENCE)
    assert len(strict.points) < 12


def test_a_large_picture_is_compiled_from_a_reduced_raster_of_the_same_shape() -> None:
    picture = photograph("coffee").resize((1800, 1200))
    marker = compile_marker(png(picture))
    record = decode(marker.data)
    assert (marker.width, marker.height) == (1000, 667)
    assert record["targetImage"] == {"width": 1000, "height": 667}
    assert record["matchingData"][0]["width"] == 1000
    assert not marker.relaxed


def test_the_same_picture_gives_the_same_bytes() -> None:
    image = png(photograph("chelsea"))
    assert compile_marker(image).data == compile_marker(image).data


def test_progress_rises_to_one() -> None:
    heard: list[float] = []
    marker = compile_marker(png(confetti()), progress=heard.append)
    steps = len(matching_scales(marker.width, marker.height)) + 2
    assert len(heard) == steps
    assert heard == sorted(heard)
    assert 0 < heard[0] < 1
    assert heard[-1] == pytest.approx(1.0)


def test_the_generator_is_the_c_runtime_one_with_seed_1234() -> None:
    draws = Draws()
    first, second = draws.batch(), draws.batch()
    assert first[:6].tolist() == [4068, 213, 12761, 8758, 23056, 7717]
    state, expected = 1234, []
    for _ in range(2 * len(first)):
        state = (214013 * state + 2531011) % 2**31
        expected.append(state >> 16 & 0x7FFF)
    assert [*first.tolist(), *second.tolist()] == expected


def test_scales_step_by_a_third_of_an_octave_from_one_to_a_short_side_of_100() -> None:
    scales = matching_scales(1000, 1000)
    assert len(scales) == 11
    assert scales[0] == 1.0
    assert scales[-1] == 0.1
    assert scales[-2] / scales[-1] == pytest.approx(2 ** (1 / 3))


@settings(max_examples=25, deadline=None)
@given(st.integers(20, 60), st.integers(20, 60), st.floats(0.15, 1.0), st.integers(0, 2**32 - 1))
def test_the_box_reduction_is_the_floored_mean_of_integer_ranges(
    width: int, height: int, ratio: float, seed: int
) -> None:
    grey = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    reduced = BoxReducer(grey).reduce(ratio)

    def span(index: int, size: int) -> slice:
        return slice(int(index / ratio + 0.5), min(size, int((index + 1) / ratio + 0.5)))

    assert reduced.shape == (int(height * ratio + 0.5), int(width * ratio + 0.5))
    for row in range(reduced.shape[0]):
        for column in range(reduced.shape[1]):
            box = grey[span(row, height), span(column, width)]
            assert reduced[row, column] == int(box.sum()) // box.size


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 120), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_a_tree_holds_every_point_once_in_small_leaves(count: int, words: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    descriptors = random.integers(0, 2**words, (count, 21), dtype=np.uint32)
    root = build_tree(descriptors)

    def leaves(node: Node) -> list[Node]:
        return [leaf for child in node.children for leaf in leaves(child)] or [node]

    assert root.centre is None
    held = leaves(root)
    assert sorted(index for leaf in held for index in leaf.points) == list(range(count))
    for leaf in held:
        alike = len(np.unique(descriptors[leaf.points], axis=0)) <= 1
        assert len(leaf.points) <= 16 or alike or not root.children


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_distance_counts_the_bits_that_differ(seed: int) -> None:
    random = np.random.default_rng(seed)
    first, second = random.integers(0, 2**32, (2, 5, 21), dtype=np.uint32)
    expected = [
        [
            sum((int(a) ^ int(b)).bit_count() for a, b in zip(left, right, strict=True))
            for right in second
        ]
        for left in first
    ]
    assert hamming(first, second).tolist() == expected


@settings(max_examples=15, deadline=None)
@given(st.integers(100, 160), st.integers(100, 160), st.integers(0, 2**32 - 1))
def test_extrema_keep_away_from_the_rim_and_are_at_most_five_to_a_bucket(
    width: int, height: int, seed: int
) -> None:
    grey = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    extrema = find_extrema(build_pyramid(grey))
    assert 0 < len(extrema.x) <= 500
    assert np.all(np.abs(extrema.score) >= 3)
    assert np.all((extrema.octave >= 1) & (extrema.octave <= 3))
    size = 2.0**extrema.octave
    buckets = [
        np.floor(where * 10 / np.floor(side / size / 2) / 2).astype(int)
        for where, side in ((extrema.x, width), (extrema.y, height))
    ]
    assert np.all(np.hypot(*buckets) < 15)
