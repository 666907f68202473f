"""Where a compiled marker has its feature points, and a drawing of them to lay over the picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .container import decode

# Of a hundred thousand possible points, more than these only paint the picture over.
_MOST_DRAWN = 4000
# The widths of a dot on a raster of 1000 pixels: coarse features, seen from afar, are larger.
_DOTS = (3, 5, 8, 13)
_STYLE = (
    ".o{stroke:#fff;stroke-opacity:.55}.i{stroke:#e11d48;stroke-opacity:.9}"
    "path{fill:none;stroke-linecap:round}"
)


@dataclass(frozen=True)
class FeaturePoint:
    """`x`, `y`, and the size `scale` of what is seen there, in pixels of the compiled picture."""

    x: float
    y: float
    scale: float


@dataclass(frozen=True)
class FeatureMap:
    """The points of all keyframes, on the picture as it was compiled: `width` × `height` pixels."""

    width: int
    height: int
    points: Sequence[FeaturePoint]


def read_feature_map(marker: bytes) -> FeatureMap:
    """The matching points of a `.mind` file. Raises ValueError for anything else."""
    try:
        record = decode(marker)
        size = record["targetImage"]
        points = [point for keyframe in record["matchingData"] for point in _points_of(keyframe)]
        return FeatureMap(int(size["width"]), int(size["height"]), points)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise ValueError("not a .mind file") from error


def _points_of(keyframe: dict[str, Any]) -> list[FeaturePoint]:
    ratio = keyframe["scale"]
    # A keyframe's coordinates count pixel centres from 0; here the picture's corner is (0, 0).
    return [
        FeaturePoint((point["x"] + 0.5) / ratio, (point["y"] + 0.5) / ratio, point["scale"] / ratio)
        for kind in ("maximaPoints", "minimaPoints")
        for point in keyframe[kind]
    ]


def svg(features: FeatureMap) -> bytes:
    """A transparent SVG of the picture's shape: a dot with a light rim at each point."""
    # The largest come first, so that each size of dot is one path and small dots lie on top.
    drawn = sorted(features.points, key=lambda point: -point.scale)
    drawn = drawn[:: max(1, -(-len(drawn) // _MOST_DRAWN))]
    unit = max(features.width, features.height) / 1000
    groups: dict[int, list[str]] = {dot: [] for dot in reversed(_DOTS)}
    for point in drawn:
        dot = next((dot for dot in _DOTS if dot * unit * 2 >= point.scale), _DOTS[-1])
        groups[dot].append(f"M{point.x:.1f} {point.y:.1f}h0")
    used = {dot: "".join(moves) for dot, moves in groups.items() if moves}
    paths = "".join(f'<path id="p{dot}" d="{moves}"/>' for dot, moves in used.items())
    dots = "".join(
        f'<use href="#p{dot}" class="{layer}" stroke-width="{(dot + rim) * unit:.2f}"/>'
        for dot in used
        for layer, rim in (("o", 3), ("i", 0))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {features.width} {features.height}"'
        f' preserveAspectRatio="none"><style>{_STYLE}</style><defs>{paths}</defs>{dots}</svg>'
    ).encode()
