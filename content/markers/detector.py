"""Feature detector: extrema of a difference-of-binomials pyramid, thinned into 10 × 10 buckets.

Formulas: MindAR 1.2.5, `detector/detector.js` and `detector/kernels/cpu/*`. The same code runs in
the visitor's browser on the camera image, so thresholds, signs and rounding to float32 follow it.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .raster import Grey

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]

_SMALLEST_OCTAVE = 8
_MOST_OCTAVES = 5
_MARGIN = 7
_CONTRAST = 3.0
_EDGE_LIMIT = (4.0 + 1.0) ** 2 / 4.0
_SINGULAR = 0.0001
_BUCKETS = 10
_PER_BUCKET = 5
_BINOMIAL = np.array([1.0, 4.0, 6.0, 4.0, 1.0])
_STEPS = np.arange(-1, 2)
# Which pixel of a 2 × 2 cell stands for it, by its code (2·dx + dy with 3 for both): 1, 2, 3, 0.
_CELL_PRIORITY = np.array([3, 0, 1, 2])


@dataclass(frozen=True)
class Octave:
    """One pyramid level: `first` (A) and its blur `second` (B), float32."""

    first: Floats
    second: Floats

    def difference(self) -> Floats:
        return self.first - self.second


@dataclass(frozen=True)
class Extrema:
    """Detected extrema, in the order of the file: bucket by bucket, strongest first.

    `score` is the signed difference (above 0: a maximum); `x` and `y` are float32 octave pixels.
    """

    score: Doubles
    octave: Ints
    x: Floats
    y: Floats


@dataclass(frozen=True)
class _Candidates:
    score: Doubles
    octave: Ints
    bucket: Ints
    x: Ints
    y: Ints
    around: Doubles  # [n, 3, 3], the difference image about the extremum


def build_pyramid(grey: Grey) -> list[Octave]:
    """Octaves of the image, at most five, while both (real-valued) sides are 8 or more."""
    height, width = grey.shape
    count = 0
    while count < _MOST_OCTAVES and min(width, height) / 2**count >= _SMALLEST_OCTAVE:
        count += 1
    octaves: list[Octave] = []
    for level in range(count):
        first = _blur_exact(grey) if level == 0 else _halve(octaves[-1].second)
        # Up to here the values are multiples of 1/65536 below 256: float32 sums are exact.
        second = _blur_exact(first) if level == 0 else _blur(first)
        octaves.append(Octave(first, second))
    return octaves


def find_extrema(octaves: list[Octave]) -> Extrema:
    """The at most 500 extrema of octaves 1 … n − 2 with sub-pixel positions."""
    # That of octave 0, the largest, is only needed at single places of octave 1.
    differences = {level: octaves[level].difference() for level in range(1, len(octaves))}
    found = [
        _octave_candidates(level, octaves[level - 1], differences[level], differences[level + 1])
        for level in range(1, len(octaves) - 1)
    ]
    if not found:
        nothing = np.empty(0)
        return Extrema(nothing, nothing.astype(np.int64), *[nothing.astype(np.float32)] * 2)
    candidates = _Candidates(
        *(
            np.concatenate([getattr(part, name) for part in found])
            for name in ("score", "octave", "bucket", "x", "y", "around")
        )
    )
    keep = _strongest_per_bucket(candidates)
    x, y = _refine(candidates.x[keep], candidates.y[keep], candidates.around[keep])
    return Extrema(
        score=candidates.score[keep],
        octave=candidates.octave[keep],
        x=x,
        y=y,
    )


def _blur_exact(image: NDArray[np.uint8] | Floats) -> Floats:
    border = cv2.BORDER_REPLICATE
    sums = cv2.sepFilter2D(image, cv2.CV_32F, _BINOMIAL, _BINOMIAL, borderType=border)
    blurred = np.asarray(sums, dtype=np.float32)
    blurred *= np.float32(1 / 256)
    return blurred


def _blur(image: Floats) -> Floats:
    """Binomial blur summed in float64, each pass rounded to float32 as the reference does."""
    border = cv2.BORDER_REPLICATE
    rows = cv2.filter2D(image.astype(np.float64), -1, _BINOMIAL[None, :], borderType=border)
    rows = rows.astype(np.float32).astype(np.float64)
    return (cv2.filter2D(rows, -1, _BINOMIAL[:, None], borderType=border) / 256).astype(np.float32)


def _halve(image: Floats) -> Floats:
    height, width = (side // 2 * 2 for side in image.shape)
    # The order of the sum is the reference's; each step rounds to float32.
    total = image[0:height:2, 0:width:2] + image[1:height:2, 0:width:2]
    total += image[0:height:2, 1:width:2]
    total += image[1:height:2, 1:width:2]
    total *= np.float32(0.25)
    return total


def _octave_candidates(level: int, below: Octave, this: Floats, above: Floats) -> _Candidates:
    height, width = this.shape
    y, x = _local_extrema(this)
    value = this[y, x]
    around = _patch(this, y, x).astype(np.float64)
    neighbours = np.concatenate(
        [_patch_halved(below, y, x), _patch_doubled(above, y, x)], axis=1
    ).reshape(len(y), 18)
    extreme = (value >= neighbours.max(axis=1, initial=-np.inf)) & (
        value >= around.max(axis=(1, 2), initial=-np.inf)
    )
    extreme |= (value <= neighbours.min(axis=1, initial=np.inf)) & (
        value <= around.min(axis=(1, 2), initial=np.inf)
    )
    dxx, dyy, dxy = _curvature(around)
    det = dxx * dyy - dxy * dxy
    with np.errstate(divide="ignore", invalid="ignore"):
        corner = (np.abs(det) >= _SINGULAR) & (np.abs((dxx + dyy) ** 2 / det) < _EDGE_LIMIT)
    keep = np.flatnonzero(extreme & corner)
    keep = keep[_one_per_cell(x[keep], y[keep], width // 2)]
    x, y = x[keep], y[keep]
    column = np.floor(x / (width // 2 * 2 / _BUCKETS)).astype(np.int64)
    row = np.floor(y / (height // 2 * 2 / _BUCKETS)).astype(np.int64)
    return _Candidates(
        score=_thinned_score(value[keep], x, y),
        octave=np.full(len(keep), level),
        bucket=row * _BUCKETS + column,
        x=x,
        y=y,
        around=around[keep],
    )


def _local_extrema(image: Floats) -> tuple[Ints, Ints]:
    """Rows and columns of strong pixels that are extreme in their own 3 × 3 window."""
    inside = slice(_MARGIN, -_MARGIN)
    kernel = np.ones((3, 3), np.uint8)
    centre = image[inside, inside]
    extreme = centre >= cv2.dilate(image, kernel)[inside, inside]
    extreme |= centre <= cv2.erode(image, kernel)[inside, inside]
    extreme &= np.abs(centre) >= _CONTRAST
    y, x = np.nonzero(extreme)
    return y + _MARGIN, x + _MARGIN


def _patch(image: Floats, y: Ints, x: Ints) -> Floats:
    patch: Floats = image[y[:, None, None] + _STEPS[:, None], x[:, None, None] + _STEPS]
    return patch


def _patch_halved(octave: Octave, y: Ints, x: Ints) -> Floats:
    """3 × 3 windows of the halved difference of the octave below, computed only where needed."""
    rows = 2 * (y[:, None, None] + _STEPS[:, None])
    columns = 2 * (x[:, None, None] + _STEPS)

    def difference(dy: int, dx: int) -> Floats:
        at = rows + dy, columns + dx
        sampled: Floats = octave.first[at] - octave.second[at]
        return sampled

    total = difference(0, 0) + difference(1, 0)
    total += difference(0, 1)
    total += difference(1, 1)
    return total * np.float32(0.25)


def _patch_doubled(image: Floats, y: Ints, x: Ints) -> Floats:
    """3 × 3 windows of the doubled difference of the octave above (bilinear at 0.5·i − 0.25)."""
    rows = 0.5 * (y[:, None, None] + _STEPS[:, None]) - 0.25
    columns = 0.5 * (x[:, None, None] + _STEPS) - 0.25
    return bilinear(image, rows, columns)


def bilinear(image: Floats, rows: NDArray[np.floating], columns: NDArray[np.floating]) -> Floats:
    """Bilinear samples at non-integral positions with edge clamp, summed in float64."""
    top, left = np.floor(rows), np.floor(columns)
    down, right = rows - top, columns - left
    y0, y1 = (_clamp(top + step, image.shape[0]) for step in (0, 1))
    x0, x1 = (_clamp(left + step, image.shape[1]) for step in (0, 1))
    return np.asarray(
        (1 - right) * (1 - down) * image[y0, x0]
        + right * (1 - down) * image[y0, x1]
        + (1 - right) * down * image[y1, x0]
        + right * down * image[y1, x1],
        dtype=np.float32,
    )


def _clamp(index: NDArray[np.floating], size: int) -> Ints:
    return np.asarray(np.clip(index, 0, size - 1), dtype=np.int64)


def _curvature(around: Doubles) -> tuple[Doubles, Doubles, Doubles]:
    centre = 2 * around[:, 1, 1]
    dxx = around[:, 1, 2] + around[:, 1, 0] - centre
    dyy = around[:, 2, 1] + around[:, 0, 1] - centre
    dxy = 0.25 * (around[:, 0, 0] + around[:, 2, 2] - around[:, 0, 2] - around[:, 2, 0])
    return dxx, dyy, dxy


def _cell_code(x: Ints, y: Ints) -> Ints:
    """Place in the 2 × 2 cell: 0 itself, 1 below, 2 right, 3 below right."""
    return 2 * (x % 2) + y % 2


def _one_per_cell(x: Ints, y: Ints, cells_per_row: int) -> Ints:
    """Indexes of the one extremum each even-aligned 2 × 2 cell keeps, in row-major cell order."""
    cell = y // 2 * cells_per_row + x // 2
    order = np.lexsort((_CELL_PRIORITY[_cell_code(x, y)], cell))
    return order[np.unique(cell[order], return_index=True)[1]]


def _thinned_score(value: Floats, x: Ints, y: Ints) -> Doubles:
    """The score after its trip through one float32 together with the place in the cell."""
    packed = np.copysign(1000.0 * _cell_code(x, y), value) + value.astype(np.float64)
    return np.asarray(np.fmod(packed.astype(np.float32).astype(np.float64), 1000.0))


def _strongest_per_bucket(candidates: _Candidates) -> Ints:
    order = np.lexsort((-np.abs(candidates.score), candidates.bucket))
    bucket = candidates.bucket[order]
    rank = np.arange(len(order)) - np.searchsorted(bucket, bucket)
    return order[rank < _PER_BUCKET]


def _refine(x: Ints, y: Ints, around: Doubles) -> tuple[Floats, Floats]:
    """One Newton step in the plane of the octave; none where the Hessian is singular."""
    dx = 0.5 * (around[:, 1, 2] - around[:, 1, 0])
    dy = 0.5 * (around[:, 2, 1] - around[:, 0, 1])
    dxx, dyy, dxy = _curvature(around)
    det = dxx * dyy - dxy * dxy
    usable = np.abs(det) >= _SINGULAR
    safe = np.where(usable, det, 1.0)
    step_x = np.where(usable, (dyy * -dx + dxy * dy) / safe, 0.0)
    step_y = np.where(usable, (dxy * dx + dxx * -dy) / safe, 0.0)
    return (x + step_x).astype(np.float32), (y + step_y).astype(np.float32)
