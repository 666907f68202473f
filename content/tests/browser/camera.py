"""A synthetic camera: a real photograph on a cluttered table, seen by a hand-held pinhole camera.

Pure: numbers in, frames and the truth out. Coordinates are continuous: x to the right, y down, in
pixels, with the middle of the top left pixel at (0.5, 0.5), as in CSS. Corners are in the order top
left, top right, bottom right, bottom left.

The projection of a plane is K [r1 r2 t] (Hartley and Zisserman, Multiple View Geometry, 8.1.1).
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
Matrix = NDArray[np.float64]
Corners = NDArray[np.float64]


@dataclass(frozen=True)
class Lens:
    """A distortion-free lens whose axis goes through the middle of the frame."""

    width: int
    height: int
    vertical_fov: float  # degrees

    def __str__(self) -> str:
        return f"{self.width} x {self.height} at {self.vertical_fov:g} degrees"

    @property
    def focal(self) -> float:
        """Focal length in pixels."""
        return float(self.height / 2 / np.tan(np.radians(self.vertical_fov) / 2))

    @property
    def matrix(self) -> Matrix:
        return np.array(
            [[self.focal, 0, self.width / 2], [0, self.focal, self.height / 2], [0, 0, 1]]
        )


@dataclass(frozen=True)
class Pose:
    """Where the picture is in front of the camera.

    `x`, `y`: the picture's middle, from the frame's middle, in frame widths and heights. `size`:
    the share of the largest upright picture that fits the frame. `tilt`, `turn`, `roll`: degrees
    around the horizontal axis, the vertical axis and the line of sight.
    """

    x: float
    y: float
    size: float
    tilt: float = 0.0
    turn: float = 0.0
    roll: float = 0.0
    covered: bool = False  # something like the table lies on the picture


def homography(lens: Lens, picture_size: tuple[int, int], pose: Pose) -> Matrix:
    """The map from points of the picture (width, height in pixels) to points of the frame."""
    width, height = picture_size
    tilt, turn, roll = np.radians([pose.tilt, pose.turn, pose.roll])
    around_x = np.array(
        [[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]]
    )
    around_y = np.array(
        [[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]]
    )
    around_z = np.array(
        [[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]]
    )
    rotation = around_z @ around_x @ around_y
    middle_first = np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, 1.0]])
    fit = min(lens.width / width, lens.height / height)
    depth = lens.focal / (pose.size * fit)
    place = depth * np.array(
        [pose.x * lens.width / lens.focal, pose.y * lens.height / lens.focal, 1.0]
    )
    plane = np.column_stack([rotation[:, 0], rotation[:, 1], place])
    result = lens.matrix @ plane @ middle_first
    return np.asarray(result / result[2, 2])


def project(matrix: Matrix, points: Corners) -> Corners:
    """`points` (n, 2) under the homography."""
    spread = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return np.asarray(spread[:, :2] / spread[:, 2:])


def rectangle(width: float, height: float) -> Corners:
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64)


def seen_share(corners: Corners, lens: Lens) -> float:
    """The share of the picture's image (by area) that lies inside the frame, 0..1."""
    inside, _ = cv2.intersectConvexConvex(
        corners.astype(np.float32), rectangle(lens.width, lens.height).astype(np.float32)
    )
    return float(inside / cv2.contourArea(corners.astype(np.float32)))


# --- motion ---------------------------------------------------------------------------------


def _ease(share: float) -> float:
    """0..1 with no jerk at either end."""
    return share * share * (3 - 2 * share)


def _between(points: Sequence[tuple[float, float]], moment: float) -> float:
    """The value at `moment` of a curve through (moment, value), level at each of them."""
    if moment <= points[0][0]:
        return points[0][1]
    for (start, first), (end, second) in itertools.pairwise(points):
        if moment <= end:
            return first + (second - first) * _ease((moment - start) / (end - start))
    return points[-1][1]


@dataclass(frozen=True)
class Timing:
    """Lengths of the parts of a visit, in frames."""

    before: int = 20
    approach: int = 18
    held: int = 110
    leaving: int = 18
    after: int = 20

    @property
    def total(self) -> int:
        return self.before + self.approach + self.held + self.leaving + self.after


def hand_path(timing: Timing, *, seed: int, size: float = 0.62) -> list[Pose]:
    """A hand's way over the table: clutter, from the side to the picture, around it, away.

    The picture arrives at `size`. While it is held the camera comes as near as 0.9 of the frame and
    goes back to 0.45, tilts 38 degrees and turns 14 either way, rolls 20 either way, drifts, and
    trembles by half a per cent of the frame.
    """
    random = np.random.default_rng(seed)
    side, up, lean, leave = random.choice([-1.0, 1.0], size=4)
    height = random.uniform(-0.1, 0.1)
    phase = random.uniform(0, 2 * np.pi, size=6)
    arrival = timing.before + timing.approach
    departure = arrival + timing.held
    gone = departure + timing.leaving
    away = 1.45  # frame widths: nothing of the largest picture is left in the frame
    places = [
        (0.0, side * away * 1.15),
        (float(timing.before), side * away),
        (float(arrival), 0.0),
        (float(departure), 0.0),
        (float(gone), leave * away),
        (float(timing.total), leave * away * 1.15),
    ]
    sizes = [(0.0, size), (0.3, 0.9), (0.7, 0.45), (1.0, size)]
    poses = []
    for frame in range(timing.total):
        held = min(max((frame - arrival) / timing.held, 0.0), 1.0)
        angle = 2 * np.pi * held
        # Swings grow from nothing after the arrival and are gone at the departure.
        swing = _between([(0.0, 0.0), (0.2, 1.0), (0.8, 1.0), (1.0, 0.0)], held)
        tremble = 0.0025 * (
            np.sin(np.array([0.9, 0.8]) * frame + phase[:2])
            + np.sin(np.array([1.7, 1.9]) * frame + phase[2:4])
        )
        poses.append(
            Pose(
                x=_between(places, frame) + swing * 0.04 * np.sin(angle + phase[4]) + tremble[0],
                y=height * (1 - swing) + swing * 0.04 * np.sin(angle + phase[5]) + tremble[1],
                size=_between(sizes, held),
                tilt=swing * 38 * up * np.sin(angle),
                turn=swing * 14 * lean * np.sin(2 * angle),
                roll=swing * 20 * side * np.sin(angle + 0.8) + 3 * np.sin(0.05 * frame + phase[0]),
            )
        )
    return poses


# --- what the camera sees -------------------------------------------------------------------


def clutter(seed: int, textures: Sequence[Frame] = ()) -> Frame:
    """A table top, 2048 x 2048: papers, cups, pens and `textures`, none of them the picture."""
    random = np.random.default_rng(seed)
    side = 2048
    patches = random.integers(60, 190, size=(24, 24, 3), dtype=np.uint8)
    table: Frame = cv2.resize(patches, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    for _ in range(260):
        x, y = (int(value) for value in random.integers(0, side, size=2))
        long, short = int(random.integers(30, 240)), int(random.integers(10, 110))
        colour = tuple(int(value) for value in random.integers(0, 256, size=3))
        kind = random.integers(0, 5)
        turned = cv2.boxPoints(((x, y), (long, short), float(random.uniform(0, 180)))).astype(int)
        if kind == 0:
            cv2.fillPoly(table, [turned], colour, cv2.LINE_AA)
        elif kind == 1:
            cv2.ellipse(table, (x, y), (short, short), 0, 0, 360, colour, -1, cv2.LINE_AA)
            cv2.ellipse(table, (x, y), (short, short), 0, 0, 360, (20, 20, 20), 3, cv2.LINE_AA)
        elif kind == 2:
            cv2.line(table, tuple(turned[0]), tuple(turned[2]), colour, 5, cv2.LINE_AA)
        elif kind == 3:
            letters = "".join(chr(int(code)) for code in random.integers(65, 91, size=8))
            cv2.putText(table, letters, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 1.6, colour, 3)
        elif textures:
            texture = textures[int(random.integers(0, len(textures)))]
            wide, high = min(long + 60, side - x), min(short + 120, side - y)
            if wide > 0 and high > 0:
                table[y : y + high, x : x + wide] = cv2.resize(texture, (wide, high))
    return table


def _warped(source: Frame, matrix: Matrix, lens: Lens, *, over: int, border: int) -> Frame:
    """`source` under a homography of continuous points, at `over` samples per pixel and side."""
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
    finer = np.diag([over, over, 1.0])
    indexes = np.linalg.inv(half) @ finer @ matrix @ half
    size = (lens.width * over, lens.height * over)
    return np.asarray(
        cv2.warpPerspective(source, indexes, size, flags=cv2.INTER_LINEAR, borderMode=border),
        dtype=np.uint8,
    )


@dataclass(frozen=True)
class Shot:
    """One frame with its truth."""

    frame: Frame  # height x width x 3, RGB
    corners: Corners  # of the picture in frame pixels, also when they lie outside the frame
    share: float  # of the picture that is inside the frame
    covered: bool

    @property
    def truth(self) -> Corners | None:
        """The picture's corners, or None when nothing of it is to be seen."""
        return self.corners if self.share > 0 and not self.covered else None

    @property
    def whole(self) -> bool:
        """The whole picture is in view."""
        size = np.array(self.frame.shape[1::-1])
        inside = ((self.corners >= 0) & (self.corners <= size)).all()
        return not self.covered and bool(inside)


def film(
    picture: Frame,
    table: Frame,
    lens: Lens,
    poses: Iterable[Pose],
    *,
    seed: int,
    noise: float = 4.0,
    over: int = 2,
) -> Iterator[Shot]:
    """What the camera sees of `picture` on `table` along `poses`.

    The table lies in the picture's plane and moves with it. Each frame gets a slight lens blur, a
    slow change of brightness of 18 % either way and Gaussian sensor noise of `noise` grey levels.
    """
    height, width = picture.shape[:2]
    random = np.random.default_rng(seed)
    # The table is three picture heights and more in each direction.
    spread = 7 * max(width, height) / table.shape[0]
    on_table = np.array(
        [
            [spread, 0, width / 2 - spread * table.shape[1] / 2],
            [0, spread, height / 2 - spread * table.shape[0] / 2],
            [0, 0, 1.0],
        ]
    )
    opaque = np.full((height, width), 255, dtype=np.uint8)
    for number, pose in enumerate(poses):
        matrix = homography(lens, (width, height), pose)
        scene = _warped(table, matrix @ on_table, lens, over=1, border=cv2.BORDER_REFLECT_101)
        corners = project(matrix, rectangle(width, height))
        share = seen_share(corners, lens)
        mixed = scene.astype(np.float32)
        if share > 0 and not pose.covered:
            fine = _warped(picture, matrix, lens, over=over, border=cv2.BORDER_REPLICATE)
            mask = _warped(opaque, matrix, lens, over=over, border=cv2.BORDER_CONSTANT)
            size = (lens.width, lens.height)
            front = cv2.resize(fine, size, interpolation=cv2.INTER_AREA).astype(np.float32)
            cover = cv2.resize(mask, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
            mixed += (front - mixed) * cover[:, :, None]
        mixed = cv2.GaussianBlur(mixed, (0, 0), 0.6).astype(np.float32)
        mixed *= 1 + 0.18 * np.sin(number / 17 + seed)
        mixed += random.normal(0, noise, size=mixed.shape).astype(np.float32)
        yield Shot(np.clip(np.rint(mixed), 0, 255).astype(np.uint8), corners, share, pose.covered)


# --- files ----------------------------------------------------------------------------------


def write_y4m(path: Path, frames: Iterable[Frame], *, rate: int) -> int:
    """Write RGB `frames` as YUV4MPEG2 4:2:0, `rate` per second; returns how many."""
    with path.open("wb") as out:
        return _stream_y4m(out, frames, rate)


def _stream_y4m(out: BinaryIO, frames: Iterable[Frame], rate: int) -> int:
    count = 0
    for frame in frames:
        if count == 0:
            height, width = frame.shape[:2]
            out.write(f"YUV4MPEG2 W{width} H{height} F{rate}:1 Ip A1:1 C420\n".encode())
        out.write(b"FRAME\n")
        out.write(cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_I420).tobytes())
        count += 1
    return count
