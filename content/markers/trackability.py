"""Measuring how well a picture is found and followed in twelve fixed virtual camera views.

The picture is shown to the real detector, because counting feature points predicts little.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .clustering import hamming
from .compiler import Marker
from .container import Packed, decode
from .descriptors import Features, detect_features
from .images import open_raster
from .raster import Grey, to_grey
from .rating import COVERAGE_GRID, Factors, Trackability, trackability
from .simulation import CROP, HEIGHT, VIEWS, WIDTH, project, projection, render
from .tracking import TEMPLATE_REACH, Doubles, Ints

_RATED_LONG_SIDE = 640
_KEYFRAME_LONG_SIDE = 660
_SHOWN_KEYFRAME = 300
_MATCH_RATIO = 0.7
_MIN_INLIERS = 8
_ENOUGH_INLIERS = 40
_INLIER_PIXELS = 3.0
_POSE_PIXELS = 12.0
_SEARCH_REACH = 10
_TRACK_SIMILARITY = 0.8
_TRACK_PIXELS = 2
_DISTINCT_BITS = 130


@dataclass(frozen=True)
class _Known:
    """Feature points of one sign in all searched keyframes: keyframe number, place in the rated
    raster (continuous pixels) and descriptor."""

    keyframe: Ints
    place: Doubles
    words: NDArray[np.uint32]


@dataclass(frozen=True)
class _Frame:
    """The tracker's 128-pixel frame; `to_rated` scales its pixels to the rated raster."""

    grey: Grey
    points: Ints
    to_rated: float


def rate(image: bytes, marker: Marker) -> Trackability:
    """Rate a normalised picture by its compiled marker; the same input gives the same stars."""
    cv2.setNumThreads(1)
    picture = open_raster(image)
    picture.thumbnail((_RATED_LONG_SIDE, _RATED_LONG_SIDE), Image.Resampling.LANCZOS)
    grey = to_grey(picture, "luma")
    record = decode(marker.data)
    to_rated = grey.shape[1] / marker.width
    known = [_known(record, maxima=maxima, to_rated=to_rated) for maxima in (True, False)]
    frame = _tracking_frame(record, to_rated)
    found, tracked = [], []
    for number, view in enumerate(VIEWS):
        truth = projection(view, grey.shape[1], grey.shape[0])
        seen = render(grey, view, number)
        found.append(_inliers(seen, known, truth, grey.shape))
        tracked.append(_tracked_share(seen, frame, truth))
    shown = _shown_keyframe(record)
    factors = Factors(
        recall=sum(count > 0 for count in found) / len(found),
        inliers=sum(min(count, _ENOUGH_INLIERS) for count in found) / _ENOUGH_INLIERS / len(found),
        tracked=float(np.mean(tracked)),
        spread=_grid_share(frame.points, frame.grey.shape, cells=4),
        coverage=_grid_share(
            _places(shown), (shown["height"], shown["width"]), cells=COVERAGE_GRID
        ),
        distinct=_distinct_share(shown),
        contrast=float(grey.std()),
        details=len(shown["maximaPoints"]) + len(shown["minimaPoints"]),
        templates=marker.tracking_points,
        relaxed=marker.relaxed,
    )
    return trackability(factors)


def _known(record: Packed, *, maxima: bool, to_rated: float) -> _Known:
    keyframes, places, words = [], [], []
    for number, keyframe in enumerate(record["matchingData"]):
        if max(keyframe["width"], keyframe["height"]) > _KEYFRAME_LONG_SIDE:
            continue
        points = keyframe["maximaPoints" if maxima else "minimaPoints"]
        for point in points:
            keyframes.append(number)
            places.append((point["x"] + 0.5, point["y"] + 0.5, keyframe["scale"]))
            words.append(point["descriptors"])
    place = np.array(places, np.float64).reshape(-1, 3)
    return _Known(
        np.array(keyframes, np.int64),
        place[:, :2] / place[:, 2:] * to_rated,
        np.array(words, np.uint32).reshape(len(words), -1),
    )


def _tracking_frame(record: Packed, to_rated: float) -> _Frame:
    packed = record["trackingData"][1]
    grey = np.frombuffer(packed["data"], np.uint8).reshape(packed["height"], packed["width"])
    points = _places({"points": packed["points"]}).astype(np.int64)
    return _Frame(grey, points, to_rated / packed["scale"])


def _inliers(seen: Grey, known: list[_Known], truth: Doubles, shape: tuple[int, ...]) -> int:
    """Inliers of the best keyframe's homography in the centre crop; 0 when the pose is wrong."""
    left, top = (WIDTH - CROP) // 2, (HEIGHT - CROP) // 2
    features = detect_features(seen[top : top + CROP, left : left + CROP])
    pairs = [
        _pairs(features.where(features.maxima == bool(sign)), part)
        for sign, part in zip((1, 0), known, strict=True)
    ]
    keyframe, picture, camera = (np.concatenate(column) for column in zip(*pairs, strict=True))
    height, width = shape
    corners = np.array([[0.0, 0.0], [width, 0], [width, height], [0, height]])
    best, pose = 0, None
    for number in np.unique(keyframe):
        chosen = keyframe == number
        if np.count_nonzero(chosen) < max(_MIN_INLIERS, best):
            continue
        homography, mask = cv2.findHomography(
            picture[chosen], camera[chosen], cv2.RANSAC, _INLIER_PIXELS, maxIters=1000
        )
        if homography is not None and (count := int(mask.sum())) > max(best, _MIN_INLIERS - 1):
            best, pose = count, homography
    if pose is None:
        return 0
    in_frame = project(pose, corners) + np.array([left + 0.5, top + 0.5])
    offset = in_frame - project(truth, corners)
    return best if float(np.hypot(*offset.T).mean()) <= _POSE_PIXELS else 0


def _pairs(features: Features, known: _Known) -> tuple[Ints, Doubles, Doubles]:
    """Unambiguous matches within each keyframe: its number, picture place, camera place."""
    if not len(features) or not len(known.keyframe):
        return np.empty(0, np.int64), np.empty((0, 2)), np.empty((0, 2))
    distances = hamming(features.words, known.words)
    camera = np.column_stack([features.x, features.y])
    numbers, pictures, cameras = [], [], []
    for number in np.unique(known.keyframe):
        members = np.flatnonzero(known.keyframe == number)
        here = distances[:, members]
        nearest = here.argmin(axis=1)
        if len(members) > 1:
            two = np.partition(here, 1, axis=1)[:, :2].astype(np.float64)
            sure = two[:, 0] < _MATCH_RATIO * two[:, 1]
        else:
            sure = np.ones(len(here), np.bool_)
        numbers.append(np.full(np.count_nonzero(sure), number))
        pictures.append(known.place[members[nearest[sure]]])
        cameras.append(camera[sure])
    return np.concatenate(numbers), np.concatenate(pictures), np.concatenate(cameras)


def _tracked_share(seen: Grey, frame: _Frame, truth: Doubles) -> float:
    """Share of the templates found again within 2 pixels, the pose being known."""
    if not len(frame.points):
        return 0.0
    flat = _rectified(seen, frame, truth)
    good = 0
    for x, y in frame.points.tolist():
        reach = TEMPLATE_REACH
        template = frame.grey[y - reach : y + reach + 1, x - reach : x + reach + 1]
        reach += _SEARCH_REACH
        top, left = max(0, y - reach), max(0, x - reach)
        window = flat[top : y + reach + 1, left : x + reach + 1]
        similarity = cv2.matchTemplate(window, template, cv2.TM_CCOEFF_NORMED)
        value, place = cv2.minMaxLoc(similarity)[1::2]
        moved = (left + place[0] + TEMPLATE_REACH - x, top + place[1] + TEMPLATE_REACH - y)
        good += value > _TRACK_SIMILARITY and math.hypot(*moved) <= _TRACK_PIXELS
    return good / len(frame.points)


def _rectified(seen: Grey, frame: _Frame, truth: Doubles) -> Grey:
    """The camera image on the marker plane, nearest neighbour as the browser's shader does."""
    height, width = frame.grey.shape
    y, x = np.mgrid[0:height, 0:width]
    place = (np.column_stack([x.ravel(), y.ravel()]) + 0.5) * frame.to_rated
    camera = np.floor(project(truth, place)).astype(np.int64)
    columns, rows = camera[:, 0].clip(0, WIDTH - 1), camera[:, 1].clip(0, HEIGHT - 1)
    return np.asarray(seen[rows, columns].reshape(height, width))


def _shown_keyframe(record: Packed) -> Packed:
    """The keyframe whose long side is nearest to 300 pixels."""
    keyframes: list[Packed] = record["matchingData"]
    return min(keyframes, key=lambda one: abs(max(one["width"], one["height"]) - _SHOWN_KEYFRAME))


def _places(packed: Packed) -> Doubles:
    points = [
        (point["x"], point["y"])
        for name in ("points", "maximaPoints", "minimaPoints")
        for point in packed.get(name, ())
    ]
    return np.array(points).reshape(-1, 2)


def _grid_share(points: Doubles | Ints, shape: tuple[int, ...], *, cells: int) -> float:
    """Share of the cells of a square grid over the picture that hold a point."""
    height, width = shape
    column = (points[:, 0] * cells // width).astype(np.int64).clip(0, cells - 1)
    row = (points[:, 1] * cells // height).astype(np.int64).clip(0, cells - 1)
    return len(np.unique(row * cells + column)) / cells**2


def _distinct_share(keyframe: Packed) -> float:
    """Share of the feature points whose nearest other of the same sign differs in 130 bits."""
    total = distinct = 0
    for name in ("maximaPoints", "minimaPoints"):
        words = [point["descriptors"] for point in keyframe[name]]
        if len(words) > 1:
            packed = np.array(words, np.uint32)
            distances = hamming(packed, packed)
            np.fill_diagonal(distances, np.iinfo(np.uint16).max)
            total += len(words)
            distinct += int(np.count_nonzero(distances.min(axis=1) > _DISTINCT_BITS))
    return distinct / total if total else 0.0
