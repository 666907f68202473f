"""Stars: stable from release to release, never better for a worse picture, with a reason."""

from dataclasses import replace

import pytest
from PIL import Image

from content.markers import MarkerRejected, Trackability, Weakness, compile_marker, rate
from content.markers.rating import Factors, trackability

from .pictures import blurred, confetti, on_white, photograph, png, tiled, washed_out

pytestmark = pytest.mark.filterwarnings("error")

VERY_GOOD = Factors(
    recall=0.9,
    inliers=0.85,
    tracked=0.95,
    spread=1.0,
    coverage=0.95,
    distinct=0.4,
    contrast=60.0,
    details=300,
    templates=30,
    relaxed=False,
)


def rated(picture: Image.Image) -> Trackability:
    image = png(picture)
    return rate(image, compile_marker(image))


def stars(picture: Image.Image) -> float:
    try:
        return rated(picture).stars
    except MarkerRejected:
        return 0.0


@pytest.mark.parametrize(
    ("picture", "expected", "weakest"),
    [
        (photograph("astronaut"), 5.0, ""),
        (photograph("coffee"), 4.0, Weakness.LITTLE_DETAIL),
        (confetti(), 5.0, ""),
        (photograph("gravel"), 4.5, ""),
        (photograph("camera"), 4.0, Weakness.UNEVEN_COVERAGE),
        (photograph("coins"), 4.0, Weakness.REPEATED_PATTERN),
        (photograph("moon"), 3.5, Weakness.LOW_CONTRAST),
        (photograph("rocket"), 3.0, Weakness.LITTLE_DETAIL),
        (tiled(photograph("astronaut"), 3), 1.0, Weakness.REPEATED_PATTERN),
        (washed_out(photograph("coffee"), 0.2), 2.0, Weakness.LOW_CONTRAST),
        (blurred(photograph("coffee"), 7), 1.0, Weakness.LITTLE_DETAIL),
        (on_white(photograph("coffee"), 0.33), 0.5, Weakness.EMPTY_AREAS),
    ],
)
def test_the_fixed_set_keeps_its_stars_and_its_weakest_factor(
    picture: Image.Image, expected: float, weakest: str
) -> None:
    trackability = rated(picture)
    assert abs(trackability.stars - expected) <= 0.5, trackability
    assert trackability.weakest == weakest, trackability


@pytest.mark.parametrize("name", [pytest.param("astronaut", marks=pytest.mark.thorough), "chelsea"])
def test_a_worse_picture_never_gets_more_stars(name: str) -> None:
    picture = photograph(name)
    ladders = [
        [picture, *(blurred(picture, radius) for radius in (2, 4, 8))],
        [picture, *(washed_out(picture, contrast) for contrast in (0.5, 0.25, 0.1))],
        [picture, *(tiled(picture, count) for count in (2, 3))],
        [picture, *(on_white(picture, share) for share in (0.7, 0.35))],
    ]
    for ladder in ladders:
        given = [stars(step) for step in ladder]
        for position, better in enumerate(given):
            assert max(given[position:]) <= better + 0.5, given
        assert given[-1] < given[0]


def test_the_same_picture_gets_the_same_rating() -> None:
    image = png(photograph("rocket"))
    marker = compile_marker(image)
    assert rate(image, marker) == rate(image, marker)


def test_a_very_good_picture_has_five_stars_and_nothing_to_improve() -> None:
    result = trackability(VERY_GOOD)
    assert (result.stars, result.weakest, result.version) == (5.0, "", 1)


@pytest.mark.parametrize(
    ("change", "most"),
    [
        ({"templates": 3}, 0.0),
        ({"templates": 7}, 2.0),
        ({"recall": 0.2}, 1.0),
        ({"inliers": 0.0, "tracked": 0.0}, 0.0),
    ],
)
def test_a_gate_caps_the_stars(change: dict[str, float], most: float) -> None:
    assert trackability(replace(VERY_GOOD, **change)).stars <= most  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "weakest"),
    [
        ({"inliers": 0.4, "details": 60}, Weakness.LITTLE_DETAIL),
        ({"inliers": 0.4, "contrast": 10.0}, Weakness.LOW_CONTRAST),
        ({"inliers": 0.4, "coverage": 0.3, "details": 100}, Weakness.EMPTY_AREAS),
        ({"inliers": 0.4, "distinct": 0.05}, Weakness.REPEATED_PATTERN),
        ({"tracked": 0.3, "relaxed": True}, Weakness.FINE_DETAIL),
        ({"tracked": 0.3, "contrast": 12.0}, Weakness.LOW_CONTRAST),
        ({"templates": 5}, Weakness.FEW_TRACKING_POINTS),
        ({"spread": 0.1}, Weakness.UNEVEN_COVERAGE),
    ],
)
def test_the_weakest_factor_is_named(change: dict[str, float], weakest: Weakness) -> None:
    assert trackability(replace(VERY_GOOD, **change)).weakest == weakest  # type: ignore[arg-type]
