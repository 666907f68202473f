"""Fixed virtual camera views of a picture, for rating how well it will be tracked.

A pinhole camera of 640 × 480 pixels with a vertical field of view of 45°, which is what MindAR
assumes. Nothing here is random from run to run: the clutter and the noise are the same every time.
"""

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from .raster import Grey
from .tracking import Doubles

WIDTH, HEIGHT = 640, 480
CROP = 256  # side of the square at the centre that the browser's detector looks at

_FOCAL = HEIGHT / 2 / math.tan(math.radians(45 / 2))
_SEED = 20260


@dataclass(frozen=True)
class View:
    """`tilt`, `azimuth`, `roll` in degrees; `size` is the picture's mean side as a share of the
    frame's height; `gain` its brightness; `blur` and `noise` standard deviations in pixels and
    grey levels."""

    tilt: float
    azimuth: float
    roll: float
    size: float
    gain: float
    blur: float
    noise: float


# From an easy look straight at the picture to a far, dim, blurred one from the side.
VIEWS = (
    View(tilt=5, azimuth=0, roll=0, size=0.80, gain=1.00, blur=0.5, noise=2.0),
    View(tilt=10, azimuth=140, roll=35, size=0.90, gain=0.95, blur=0.5, noise=2.0),
    View(tilt=15, azimuth=275, roll=-20, size=0.60, gain=1.00, blur=0.6, noise=2.5),
    View(tilt=20, azimuth=50, roll=90, size=0.70, gain=0.90, blur=0.7, noise=3.0),
    View(tilt=25, azimuth=190, roll=-60, size=0.50, gain=0.85, blur=0.7, noise=3.0),
    View(tilt=30, azimuth=320, roll=150, size=0.75, gain=0.80, blur=0.8, noise=3.5),
    View(tilt=35, azimuth=100, roll=180, size=0.55, gain=0.80, blur=0.8, noise=4.0),
    View(tilt=40, azimuth=230, roll=-120, size=0.42, gain=0.75, blur=0.9, noise=4.0),
    View(tilt=42, azimuth=20, roll=-90, size=0.65, gain=0.70, blur=1.0, noise=4.5),
    View(tilt=47, azimuth=165, roll=70, size=0.48, gain=0.65, blur=1.1, noise=5.0),
    View(tilt=50, azimuth=300, roll=-150, size=0.36, gain=0.60, blur=1.2, noise=5.5),
    View(tilt=55, azimuth=75, roll=15, size=0.32, gain=0.50, blur=1.3, noise=6.0),
)


def projection(view: View, width: int, height: int) -> Doubles:
    """Homography from picture to camera, both continuous (the first pixel's centre is 0.5)."""
    distance = _FOCAL * math.sqrt(width * height) / (view.size * HEIGHT)
    turn = _rotation("z", view.azimuth + view.roll) @ _rotation("x", view.tilt)
    turn = turn @ _rotation("z", -view.azimuth)
    plane = np.column_stack([turn[:, 0], turn[:, 1], [0.0, 0.0, distance]])
    lens = np.array([[_FOCAL, 0, WIDTH / 2], [0, _FOCAL, HEIGHT / 2], [0, 0, 1]])
    centred = np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, 1.0]])
    return np.asarray(lens @ plane @ centred)


def render(grey: Grey, view: View, number: int) -> Grey:
    """What the camera sees of the picture: view `number`, uint8[480, 640]."""
    height, width = grey.shape
    # A much smaller image is warped from a reduced picture, else it would alias.
    ratio = min(1.0, 1.4 * view.size * HEIGHT / math.sqrt(width * height))
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    source = cv2.resize(grey, size, interpolation=cv2.INTER_AREA) if ratio < 1 else grey
    stretch = np.diag([width / source.shape[1], height / source.shape[0], 1.0])
    matrix = _shift(-0.5) @ projection(view, width, height) @ stretch @ _shift(0.5)
    frame = _clutter().copy()
    cv2.warpPerspective(
        source.astype(np.float32),
        matrix,
        (WIDTH, HEIGHT),
        dst=frame,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_TRANSPARENT,
    )
    lit = np.asarray(cv2.GaussianBlur(frame, (0, 0), view.blur)) * view.gain
    lit += np.roll(_noise(), 7919 * number) * view.noise
    return np.asarray(np.clip(np.rint(lit), 0, 255), dtype=np.uint8)


def project(homography: Doubles, points: Doubles) -> Doubles:
    """Points `[n, 2]` through a homography."""
    mapped = np.column_stack([points, np.ones(len(points))]) @ homography.T
    return np.asarray(mapped[:, :2] / mapped[:, 2:])


def _rotation(axis: str, degrees: float) -> Doubles:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    if axis == "x":
        return np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])


def _shift(by: float) -> Doubles:
    return np.array([[1, 0, by], [0, 1, by], [0, 0, 1.0]])


@cache
def _noise() -> NDArray[np.float32]:
    return np.random.default_rng(_SEED).standard_normal((HEIGHT, WIDTH), dtype=np.float32)


@cache
def _clutter() -> NDArray[np.float32]:
    """A table top with blotches of several sizes, so that the background has features too."""
    clutter = np.full((HEIGHT, WIDTH), 120.0, np.float32)
    for sigma, contrast in ((3.0, 10.0), (12.0, 18.0), (48.0, 20.0)):
        blotches = cv2.GaussianBlur(np.roll(_noise(), int(sigma) * 101), (0, 0), sigma)
        clutter += blotches * np.float32(contrast / blotches.std())
    return clutter
