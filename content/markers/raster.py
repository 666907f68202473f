"""Grey levels, scale lists and the box reduction every marker image is made with.

Formulas: MindAR 1.2.5, `compiler-base.js` (grey), `image-list.js` (scales), `utils/images.js`
(resize). Arrays are `uint8[height, width]`, x to the right, y down.
"""

import math
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

GreyMode = Literal["luma", "mean"]
Grey = NDArray[np.uint8]

# An int32 integral image of 8-bit pixels holds this many of them.
MAX_PIXELS = (2**31 - 1) // 255

_SMALLEST_KEYFRAME = 100.0
_TRACKING_SIDES = (256.0, 128.0)


def to_grey(picture: Image.Image, mode: GreyMode) -> Grey:
    """Grey levels of a picture in mode RGB.

    `luma` is what the camera side computes (0.299 R + 0.587 G + 0.114 B), `mean` is
    floor((R + G + B) / 3), which MindAR's own compiler uses.
    """
    pixels = np.asarray(picture)
    if mode == "luma":
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    total = pixels[..., 0].astype(np.uint16)
    total += pixels[..., 1]
    total += pixels[..., 2]
    total //= 3
    return total.astype(np.uint8)


def matching_scales(width: int, height: int) -> list[float]:
    """Requested ratios of the matching keyframes, largest (exactly 1.0) first."""
    scales = [_SMALLEST_KEYFRAME / min(width, height)]
    while (ratio := scales[-1] * math.pow(2.0, 1.0 / 3.0)) < 0.95:
        scales.append(ratio)
    scales.append(1.0)
    return scales[::-1]


def tracking_scales(width: int, height: int) -> list[float]:
    """Requested ratios of the two tracking frames: short sides of 256 and 128 pixels."""
    return [side / min(width, height) for side in _TRACKING_SIDES]


class BoxReducer:
    """Reduces one grey image by any ratio ≤ 1 with exact integer box averages.

    One integral image serves all scales: the ranges of neighbouring output pixels are contiguous,
    so each sum is a difference at their boundaries. `cv2.INTER_AREA` would weigh the fractions
    and differ by a grey level everywhere.
    """

    def __init__(self, grey: Grey) -> None:
        if grey.size > MAX_PIXELS:
            raise ValueError(f"a raster of {grey.size} pixels is above {MAX_PIXELS}")
        self._grey = grey
        self._sums = cv2.integral(grey, sdepth=cv2.CV_32S)

    def reduce(self, ratio: float) -> Grey:
        """The image at `ratio`: `round(width * ratio)` by `round(height * ratio)` pixels."""
        if ratio == 1.0:
            return self._grey
        if ratio > 1.0:
            raise ValueError("the raster is too small: its short side must be 256 pixels or more")
        height, width = self._grey.shape
        columns = _boundaries(width, ratio)
        rows = _boundaries(height, ratio)
        corners = self._sums[np.ix_(rows, columns)]
        sums = np.diff(np.diff(corners, axis=0), axis=1)
        counts = np.outer(np.diff(rows), np.diff(columns))
        return np.asarray(sums // counts, dtype=np.uint8)


def _boundaries(size: int, ratio: float) -> NDArray[np.int64]:
    """First input index of every output pixel, and the end of the last one."""
    count = math.floor(size * ratio + 0.5)
    edges = np.floor(np.arange(count + 1) / ratio + 0.5).astype(np.int64)
    return np.minimum(edges, size)
