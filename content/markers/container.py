"""The `.mind` file, version 2: one MessagePack value.

Layout: MindAR 1.2.5, `compiler-base.js`. Numbers that are whole are written as integers, the rest
as float64 or float32; grey pixels are `bin`; descriptors are arrays of 21 unsigned integers.
"""

from dataclasses import dataclass
from typing import Any

import msgpack
import numpy as np

from .clustering import Node
from .descriptors import Features
from .raster import Grey
from .tracking import Ints

VERSION = 2

Packed = dict[str, Any]


@dataclass(frozen=True)
class Keyframe:
    """Feature points of the picture at one requested ratio `scale` of the compiled raster."""

    width: int
    height: int
    scale: float
    maxima: Features
    minima: Features
    maxima_tree: Node
    minima_tree: Node


@dataclass(frozen=True)
class TrackingFrame:
    """The picture at the requested ratio `scale` and its template centres `int[n, 2]` (x, y)."""

    grey: Grey
    scale: float
    points: Ints


def encode(
    width: int,
    height: int,
    keyframes: list[Keyframe],
    tracking: list[TrackingFrame],
    *,
    single_floats: bool,
) -> bytes:
    """The file of one target whose compiled raster has `width` × `height` pixels.

    The browser wants the keyframes largest first and the tracking frames as (256, 128) pixels.
    `single_floats` writes float32, which saves about 5 % and is precise enough for every reader.
    """
    record = {
        "targetImage": {"width": width, "height": height},
        "trackingData": [_tracking_frame(frame) for frame in tracking],
        "matchingData": [_keyframe(keyframe) for keyframe in keyframes],
    }
    packed = msgpack.packb({"v": VERSION, "dataList": [record]}, use_single_float=single_floats)
    return bytes(packed)


def decode(data: bytes) -> Packed:
    """The record of the first target of a file; raises ValueError for anything but version 2."""
    content = msgpack.unpackb(data)
    if not isinstance(content, dict) or content.get("v") != VERSION or not content["dataList"]:
        raise ValueError("not a .mind file of version 2")
    record: Packed = content["dataList"][0]
    return record


def _number(value: float) -> float | int:
    return int(value) if value.is_integer() else value


def _tracking_frame(frame: TrackingFrame) -> Packed:
    height, width = frame.grey.shape
    return {
        "data": frame.grey.tobytes(),
        "scale": _number(frame.scale),
        "width": width,
        "height": height,
        "points": [{"x": x, "y": y} for x, y in frame.points.tolist()],
    }


def _keyframe(keyframe: Keyframe) -> Packed:
    return {
        "maximaPoints": _points(keyframe.maxima),
        "minimaPoints": _points(keyframe.minima),
        "maximaPointsCluster": {"rootNode": _node(keyframe.maxima_tree)},
        "minimaPointsCluster": {"rootNode": _node(keyframe.minima_tree)},
        "width": keyframe.width,
        "height": keyframe.height,
        "scale": _number(keyframe.scale),
    }


def _points(features: Features) -> list[Packed]:
    columns = zip(
        features.maxima.tolist(),
        features.x.tolist(),
        features.y.tolist(),
        features.scale.tolist(),
        features.angle.astype(np.float64).tolist(),
        features.words.tolist(),
        strict=True,
    )
    return [
        {
            "maxima": maxima,
            "x": _number(x),
            "y": _number(y),
            "scale": scale,
            "angle": _number(angle),
            "descriptors": words,
        }
        for maxima, x, y, scale, angle, words in columns
    ]


def _node(node: Node) -> Packed:
    # The original takes the medoid from an object's key, so it is a string.
    packed: Packed = {"centerPointIndex": None if node.centre is None else str(node.centre)}
    if node.children:
        packed |= {"leaf": False, "children": [_node(child) for child in node.children]}
    else:
        packed |= {"leaf": True, "pointIndexes": node.points}
    return packed
