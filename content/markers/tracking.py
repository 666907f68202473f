"""Templates for the frame-to-frame tracker: small patches that look like nothing near them.

Formulas: MindAR 1.2.5, `tracker/extract.js`. Window sums of 8-bit pixels are integers below 2**24,
so the float32 box filters are exact and correlations are those of the reference to the last bit.
"""

from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from .raster import Grey

TEMPLATE_REACH = 6  # half size: templates are 13 × 13 pixels

_SIDE = 2 * TEMPLATE_REACH + 1
_AREA = _SIDE * _SIDE
_SEARCH_REACH = 10
_NEAR_REACH = 2
_LEAST_DEVIATION = 5.0
_SELF_SIMILAR = 0.99
_CLEAR_EDGE = 0.03

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Rules:
    """`share` of the pixels considered, strongest gradients first; the similarity to the
    surroundings a template must stay below; the standard deviation it must have; and how alike its
    own neighbours must be (none: not asked)."""

    share: float
    similarity: float
    deviation: float
    least_near: float | None


REFERENCE = Rules(share=0.02, similarity=0.9, deviation=8.0, least_near=0.2)
# For fine texture and small print, which match well and would otherwise never be shown.
RELAXED = Rules(share=0.05, similarity=0.95, deviation=5.0, least_near=None)


@dataclass(frozen=True)
class Templates:
    """Template centres `int[n, 2]` (x, y) in selection order, and the share of the frame's pixels
    that lie on a clear edge (which tells a picture that repeats itself from an empty one)."""

    points: Ints
    edges: float


@dataclass(frozen=True)
class _Windows:
    """Statistics of the 13 × 13 window about every pixel of the image padded by the search reach;
    `spread` is 0 where the window leaves the image."""

    grey: NDArray[np.float32]
    total: Doubles
    squares: Doubles
    spread: Doubles


@dataclass(frozen=True)
class _Similarity:
    far: NDArray[np.float32]
    near_least: Doubles
    near_most: Doubles


def find_templates(grey: Grey, rules: Rules) -> Templates:
    """Templates of one tracking frame, chosen greedily: least like its surroundings first."""
    windows = _window_statistics(grey)
    strength = _gradient(grey)
    y, x = _strongest(strength, rules.share)
    at = (y + _SEARCH_REACH, x + _SEARCH_REACH)
    variance = _template_variance(windows, at)
    height, width = grey.shape
    fits = (np.minimum(x, width - 1 - x) >= TEMPLATE_REACH) & (
        np.minimum(y, height - 1 - y) >= TEMPLATE_REACH
    )
    textured = fits & (variance / _AREA >= _LEAST_DEVIATION**2)
    y, x, norm = y[textured], x[textured], np.sqrt(variance[textured])
    similarity = _similarities(windows, y, x, norm)
    usable = _usable(similarity, norm, rules)
    points = _select(grey.shape, x, y, similarity.far, usable, rules.similarity)
    return Templates(points, float(np.mean(strength > _CLEAR_EDGE)))


def _gradient(grey: Grey) -> NDArray[np.float32]:
    """Root mean square of the two slopes per pixel, as a share of the grey range; −1 on the rim."""
    wide = grey.astype(np.int32)
    across = wide[:, 2:] - wide[:, :-2]
    down = wide[2:] - wide[:-2]
    dx = (across[:-2] + across[1:-1] + across[2:]) / 768
    dy = (down[:, :-2] + down[:, 1:-1] + down[:, 2:]) / 768
    strength = np.full(grey.shape, -1.0, np.float32)
    strength[1:-1, 1:-1] = np.sqrt((dx * dx + dy * dy) / 2)
    return strength


def _strongest(strength: NDArray[np.float32], share: float) -> tuple[Ints, Ints]:
    """Pixels whose gradient is above that of their four neighbours, the strongest `share`."""
    centre = strength[1:-1, 1:-1]
    peak = (centre > strength[1:-1, :-2]) & (centre > strength[1:-1, 2:])
    peak &= (centre > strength[:-2, 1:-1]) & (centre > strength[2:, 1:-1])
    y, x = np.nonzero(peak)
    thousandths = centre[y, x].astype(np.float64) * 1000
    levels = np.clip(np.floor(thousandths).astype(np.int64), 0, 999)
    above = np.cumsum(np.bincount(levels, minlength=1000)[::-1])[::-1]
    enough = np.flatnonzero(above > share * strength.size)
    threshold = int(enough[-1]) if len(enough) else -1
    strong = thousandths >= threshold
    return y[strong] + 1, x[strong] + 1


def _window_statistics(grey: Grey) -> _Windows:
    padded = np.pad(grey.astype(np.float32), _SEARCH_REACH)
    total = _box(padded).astype(np.float64)
    squares = _box(padded * padded).astype(np.float64)
    spread = np.zeros_like(total)
    edge = _SEARCH_REACH + TEMPLATE_REACH
    inside = np.s_[edge:-edge, edge:-edge]
    # Rounding may leave a flat window just below zero; it has no correlation either way.
    variance = squares[inside] - total[inside] * total[inside] / _AREA
    spread[inside] = np.sqrt(np.maximum(variance, 0.0))
    return _Windows(padded, total, squares, spread)


def _box(image: NDArray[np.float32]) -> NDArray[np.float32]:
    sums = cv2.boxFilter(image, -1, (_SIDE, _SIDE), normalize=False, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(sums, dtype=np.float32)


def _template_variance(windows: _Windows, at: tuple[Ints, Ints]) -> Doubles:
    total, squares = windows.total[at], windows.squares[at]
    average = total / _AREA
    return squares - 2 * average * total + _AREA * average * average


def _similarities(windows: _Windows, y: Ints, x: Ints, norm: Doubles) -> _Similarity:
    """Correlation of each template with all windows around it.

    The products of the image with itself shifted by d serve the offsets d and −d alike, so half of
    the box filters are enough.
    """
    width = windows.grey.shape[1]
    centre = (y + _SEARCH_REACH) * width + x + _SEARCH_REACH
    pixels, total, spread = (part.ravel() for part in (windows.grey, windows.total, windows.spread))
    average = total[centre] / _AREA
    far = np.full(len(centre), -1.0)
    near_least = np.full(len(centre), 1.0)
    near_most = np.full(len(centre), -1.0)
    products = np.zeros_like(windows.grey)
    for dy, dx in product(range(_SEARCH_REACH + 1), range(-_SEARCH_REACH, _SEARCH_REACH + 1)):
        shift = dy * width + dx
        if shift <= 0:
            continue
        np.multiply(pixels[:-shift], pixels[shift:], out=products.reshape(-1)[:-shift])
        sums = _box(products).ravel()
        for window, at in ((centre + shift, centre), (centre - shift, centre - shift)):
            scale = norm * spread[window]
            known = scale > 0
            covariance = sums[at] - average * total[window]
            value = np.divide(covariance, scale, out=np.full(len(at), -1.0), where=known)
            if dy * dy + dx * dx > _NEAR_REACH**2:
                np.maximum(far, value, out=far)
            else:
                np.minimum(near_least, value, out=near_least, where=known)
                np.maximum(near_most, value, out=near_most)
    return _Similarity(far.astype(np.float32), near_least, near_most)


def _usable(similarity: _Similarity, norm: Doubles, rules: Rules) -> NDArray[np.bool_]:
    usable = (norm / _SIDE >= rules.deviation) & (similarity.near_most <= _SELF_SIMILAR)
    if rules.least_near is not None:
        unlike = similarity.near_least < rules.least_near
        usable &= ~(unlike & (similarity.near_least < similarity.far))
    return usable


def _select(
    shape: tuple[int, ...],
    x: Ints,
    y: Ints,
    far: NDArray[np.float32],
    usable: NDArray[np.bool_],
    limit: float,
) -> Ints:
    """Greedy choice, lowest similarity first, no two within a tenth of the short side."""
    height, width = shape
    reach = min(width, height) // 10
    most = (width // reach) * (height // reach) + (width // (3 * _SIDE)) * (height // (3 * _SIDE))
    free = np.ones((height, width), np.bool_)
    chosen: list[tuple[int, int]] = []
    eligible = np.flatnonzero(usable & (far.astype(np.float64) < limit))
    # Stable, and the candidates come row by row: ties go to the first in reading order.
    for index in eligible[np.argsort(far[eligible], kind="stable")]:
        if len(chosen) == most:
            break
        column, row = int(x[index]), int(y[index])
        if free[row, column]:
            chosen.append((column, row))
            free[
                max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1
            ] = False
    return np.array(chosen, np.int64).reshape(-1, 2)
