"""Orientation and FREAK descriptor of detected extrema.

Formulas: MindAR 1.2.5, `detector/freak.js`, `detector/kernels/cpu/computeOrientationHistograms.js`,
`smoothHistograms.js`, `computeExtremaAngles.js`, `computeExtremaFreak.js`,
`computeFreakDescriptors.js`. The visitor's browser computes the same bits from the camera image:
sampling pattern, pair order and packing must stay exactly as they are.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .detector import (
    Doubles,
    Extrema,
    Floats,
    Ints,
    bilinear,
    build_pyramid,
    find_extrema,
)
from .raster import Grey

WORDS = 21  # 32-bit words of one descriptor: 666 bits, the last word holds 26

_BINS = 36
_WINDOW_SIGMA = 3.0
_WINDOW_RADIUS = 4.5
_SMOOTHING_PASSES = 5
_SMOOTHING = (0.274068619061197, 0.451862761877606)
_ONE_OVER_TWO_PI = 0.159154943091895
_FREAK_EXPANSION = 7.0
_FREAK_TIE = 0.01
# Radius and first angle in degrees of the six rings of six receptive points; then the centre.
_FREAK_RINGS = (
    (1.000000, 180),
    (0.930969, 90),
    (0.847306, 0),
    (0.741094, 270),
    (0.595502, 180),
    (0.362783, 90),
)


@dataclass(frozen=True)
class Features:
    """The feature points of one keyframe.

    `x`, `y`: keyframe pixels (pixel centres), float64; `scale`: 2, 4 or 8; `angle`: radians,
    float32; `maxima`: bool; `words`: uint32[n, 21], most significant bit first.
    """

    maxima: NDArray[np.bool_]
    x: Doubles
    y: Doubles
    scale: Ints
    angle: Floats
    words: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.x)

    def where(self, chosen: NDArray[np.bool_]) -> "Features":
        return Features(
            self.maxima[chosen],
            self.x[chosen],
            self.y[chosen],
            self.scale[chosen],
            self.angle[chosen],
            self.words[chosen],
        )


def detect_features(grey: Grey) -> Features:
    """All feature points of a grey image, described."""
    octaves = build_pyramid(grey)
    extrema = find_extrema(octaves)
    angle = np.zeros(len(extrema.x), np.float32)
    words = np.zeros((len(extrema.x), WORDS), np.uint32)
    for level in np.unique(extrema.octave):
        chosen = extrema.octave == level
        image = octaves[level].second
        x, y = extrema.x[chosen], extrema.y[chosen]
        angle[chosen] = _orientation(image, x, y)
        words[chosen] = _describe(image, x, y, angle[chosen])
    return _features(extrema, angle, words)


def _features(extrema: Extrema, angle: Floats, words: NDArray[np.uint32]) -> Features:
    size = 2.0**extrema.octave
    # From octave pixel centres to keyframe pixel centres.
    return Features(
        maxima=extrema.score > 0,
        x=extrema.x * size + size / 2 - 0.5,
        y=extrema.y * size + size / 2 - 0.5,
        scale=size.astype(np.int64),
        angle=angle,
        words=words,
    )


def _window() -> tuple[Ints, Ints, Doubles]:
    """Offsets within the orientation window and their weights (a Taylor polynomial of exp)."""
    reach = np.arange(-5, 6)
    y, x = (part.ravel() for part in np.meshgrid(reach, reach, indexing="ij"))
    distance = x * x + y * y
    inside = distance <= _WINDOW_RADIUS**2
    t = distance[inside] * (-1.0 / (2 * _WINDOW_SIGMA * _WINDOW_SIGMA))
    weight = (720 + t * (720 + t * (360 + t * (120 + t * (30 + t * (6 + t)))))) * 0.0013888888
    return x[inside], y[inside], weight.astype(np.float32).astype(np.float64)


def _freak_points() -> tuple[Doubles, Doubles]:
    """x and y of the 37 receptive points, float32 values of six-decimal products."""
    radius = np.array([ring[0] for ring in _FREAK_RINGS])[:, None]
    angle = np.radians(np.array([ring[1] for ring in _FREAK_RINGS])[:, None] + 60.0 * np.arange(6))
    x = np.append(np.round(radius * np.cos(angle), 6).ravel(), 0.0)
    y = np.append(np.round(radius * np.sin(angle), 6).ravel(), 0.0)
    return x.astype(np.float32).astype(np.float64), y.astype(np.float32).astype(np.float64)


_WINDOW_X, _WINDOW_Y, _WINDOW_WEIGHT = _window()
_FREAK_X, _FREAK_Y = _freak_points()
_PAIR_FIRST, _PAIR_SECOND = np.triu_indices(len(_FREAK_X), k=1)


def _orientation(image: Floats, x: Floats, y: Floats) -> Floats:
    """Dominant gradient direction about the truncated position, float32 radians."""
    height, width = image.shape
    columns = np.trunc(x).astype(np.int64)[:, None] + _WINDOW_X
    rows = np.trunc(y).astype(np.int64)[:, None] + _WINDOW_Y

    def pixel(dy: int, dx: int) -> Doubles:
        at = np.clip(rows + dy, 0, height - 1), np.clip(columns + dx, 0, width - 1)
        return np.asarray(image[at], dtype=np.float64)

    dx = pixel(0, 1) - pixel(0, -1)
    dy = pixel(1, 0) - pixel(-1, 0)
    position = ((np.arctan2(dy, dx) + np.pi) * _BINS * _ONE_OVER_TWO_PI).astype(np.float32)
    magnitude = (_WINDOW_WEIGHT * np.sqrt(dx * dx + dy * dy)).astype(np.float32)
    return _peak(_smooth(_histogram(position.astype(np.float64), magnitude.astype(np.float64))))


def _histogram(position: Doubles, magnitude: Doubles) -> Floats:
    """Each gradient shared by its two nearest bins; float32[n, 36]."""
    count = len(position)
    low = np.floor(position - 0.5)
    share = position - low - 0.5
    low_bin = low.astype(np.int64)
    bins = np.stack([low_bin % _BINS, (low_bin + 1) % _BINS], axis=2)
    bins += _BINS * np.arange(count)[:, None, None]
    weights = np.stack([(1 - share) * magnitude, share * magnitude], axis=2)
    total = np.bincount(bins.ravel(), weights.ravel(), minlength=count * _BINS)
    return total.reshape(count, _BINS).astype(np.float32)


def _smooth(histogram: Floats) -> Floats:
    side, centre = _SMOOTHING
    for _ in range(_SMOOTHING_PASSES):
        wide = histogram.astype(np.float64)
        wide = side * np.roll(wide, 1, 1) + centre * wide + side * np.roll(wide, -1, 1)
        histogram = wide.astype(np.float32)
    return histogram


def _peak(histogram: Floats) -> Floats:
    """Angle of the highest bin, refined by the parabola through it and its two neighbours."""
    best = histogram.argmax(axis=1)
    each = np.arange(len(best))
    before = histogram[each, (best - 1) % _BINS].astype(np.float64)
    top = histogram[each, best].astype(np.float64)
    after = histogram[each, (best + 1) % _BINS].astype(np.float64)
    bend = (after - top) / 2 + (before - top) / 2
    slope = -((before - top) + bend * (best**2 - (best - 1) ** 2))
    flat = bend == 0
    vertex = np.where(flat, 0.0, -slope / (2.0 * np.where(flat, 1.0, bend)))
    return (2.0 * np.pi * (vertex + 0.5) / _BINS - np.pi).astype(np.float32)


def _describe(image: Floats, x: Floats, y: Floats, angle: Floats) -> NDArray[np.uint32]:
    """Descriptor words: one bit per pair of receptive points, set where the first is darker."""
    cos = (_FREAK_EXPANSION * np.cos(angle.astype(np.float64)))[:, None]
    sin = (_FREAK_EXPANSION * np.sin(angle.astype(np.float64)))[:, None]
    columns = x.astype(np.float64)[:, None] + _FREAK_X * cos - _FREAK_Y * sin
    rows = y.astype(np.float64)[:, None] + _FREAK_X * sin + _FREAK_Y * cos
    values = bilinear(image, rows, columns).astype(np.float64).T
    darker = values[_PAIR_FIRST] < values[_PAIR_SECOND] + _FREAK_TIE
    packed = np.ascontiguousarray(np.packbits(darker, axis=0).T)
    return packed.view(">u4").astype(np.uint32)
