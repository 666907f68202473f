"""From a picture to its `.mind` marker.

Order of work and file layout: MindAR 1.2.5, `compiler-base.js` and `offline-compiler.js`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
from django.utils.translation import gettext_lazy as _
from PIL import Image

from .clustering import build_tree
from .container import Keyframe, TrackingFrame, encode
from .descriptors import detect_features
from .images import open_raster
from .raster import BoxReducer, Grey, GreyMode, matching_scales, to_grey, tracking_scales
from .tracking import REFERENCE, RELAXED, Templates, find_templates

# Larger keyframes are of no use: the tracker looks at 512 pixels of a 1080-line camera at most.
COMPILED_LONG_SIDE = 1000
# The browser drops a target at once when fewer templates than this are found in a frame.
MIN_TRACKING_POINTS = 4
# Fewer than this and the relaxed rules are tried.
FEW_TRACKING_POINTS = 12

_MIN_MATCHING_POINTS = 6
_MANY_EDGES = 0.15
_TRACKING_WORK = 6

_MESSAGES = {
    "flat": _(
        "The picture has too little detail to be recognised. Choose one with more contrast, "
        "more edges and less empty area."
    ),
    "repeated": _(
        "The picture repeats itself (stripes, checks, a texture), so no place in it can be told "
        "from its neighbours. Choose one with varied detail."
    ),
}


class MarkerRejected(ValueError):
    """A picture that can never be tracked; `code` is `flat` or `repeated`."""

    def __init__(self, code: str) -> None:
        super().__init__(_MESSAGES[code])
        self.code = code


@dataclass(frozen=True)
class Marker:
    """A compiled marker.

    `data` is the `.mind` file; `width` and `height` are the pixels of the compiled raster;
    `points` counts the matching points of all keyframes, `tracking_points` the templates the
    tracker uses; `relaxed` tells that these were found by the relaxed rules.
    """

    data: bytes
    width: int
    height: int
    points: int
    tracking_points: int
    relaxed: bool


def compile_marker(
    image: bytes,
    *,
    grey: GreyMode = "luma",
    progress: Callable[[float], None] | None = None,
) -> Marker:
    """Compile a normalised picture.

    `luma` reduces the raster to a long side of 1000 pixels and writes float32; `mean` compiles the
    raster as it is, exactly as MindAR's own compiler does, for comparison with it. `progress` gets
    the share of the work done, 0 … 1, after every keyframe and tracking frame. Raises
    MarkerRejected when the result could never be tracked, ImageRejected when the picture cannot be
    read.
    """
    cv2.setNumThreads(1)
    raster = _raster(image, grey)
    height, width = raster.shape
    reducer = BoxReducer(raster)
    report = _Progress(width, height, progress)
    tracking, relaxed = _tracking_frames(reducer, width, height, grey, report)
    keyframes = _keyframes(reducer, width, height, report)
    if max(len(frame.maxima) + len(frame.minima) for frame in keyframes) < _MIN_MATCHING_POINTS:
        raise MarkerRejected("flat")
    return Marker(
        data=encode(width, height, keyframes, tracking, single_floats=grey == "luma"),
        width=width,
        height=height,
        points=sum(len(frame.maxima) + len(frame.minima) for frame in keyframes),
        tracking_points=len(tracking[1].points),
        relaxed=relaxed,
    )


def _raster(image: bytes, grey: GreyMode) -> Grey:
    picture = open_raster(image)
    if grey == "luma":
        picture.thumbnail((COMPILED_LONG_SIDE, COMPILED_LONG_SIDE), Image.Resampling.LANCZOS)
    return to_grey(picture, grey)


class _Progress:
    """Shares of the work by pixel count; a template search costs several detections."""

    def __init__(self, width: int, height: int, report: Callable[[float], None] | None) -> None:
        matching = sum(ratio * ratio for ratio in matching_scales(width, height))
        tracking = sum(ratio * ratio for ratio in tracking_scales(width, height))
        self._total = matching + _TRACKING_WORK * tracking
        self._done = 0.0
        self._report = report

    def matched(self, ratio: float) -> None:
        self._advance(ratio * ratio)

    def tracked(self, ratio: float) -> None:
        self._advance(_TRACKING_WORK * ratio * ratio)

    def _advance(self, work: float) -> None:
        self._done += work
        if self._report:
            self._report(min(1.0, self._done / self._total))


def _keyframes(reducer: BoxReducer, width: int, height: int, report: _Progress) -> list[Keyframe]:
    keyframes = []
    for scale in matching_scales(width, height):
        keyframes.append(_keyframe(reducer.reduce(scale), scale))
        report.matched(scale)
    return keyframes


def _keyframe(grey: Grey, scale: float) -> Keyframe:
    features = detect_features(grey)
    maxima = features.where(features.maxima)
    minima = features.where(~features.maxima)
    height, width = grey.shape
    return Keyframe(
        width=width,
        height=height,
        scale=scale,
        maxima=maxima,
        minima=minima,
        maxima_tree=build_tree(maxima.words),
        minima_tree=build_tree(minima.words),
    )


def _tracking_frames(
    reducer: BoxReducer, width: int, height: int, mode: GreyMode, report: _Progress
) -> tuple[list[TrackingFrame], bool]:
    """Both frames, the one in use (128 pixels) last, and whether its rules were relaxed."""
    frames: list[TrackingFrame] = []
    relaxed = False
    for scale in tracking_scales(width, height):
        grey = reducer.reduce(scale)
        templates = find_templates(grey, REFERENCE)
        last = bool(frames)
        if last and mode == "luma" and len(templates.points) < FEW_TRACKING_POINTS:
            fallback = find_templates(grey, RELAXED)
            relaxed = len(fallback.points) > len(templates.points)
            templates = fallback if relaxed else templates
        if last and len(templates.points) < MIN_TRACKING_POINTS:
            raise MarkerRejected(_untrackable(templates))
        frames.append(TrackingFrame(grey, scale, templates.points))
        report.tracked(scale)
    return frames, relaxed


def _untrackable(templates: Templates) -> str:
    return "repeated" if templates.edges >= _MANY_EDGES else "flat"
