"""What every prepared video must be, read from the file itself."""

import json
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from content.tests.encodings import CORNERS, Picture

KEY_SECONDS = 2.0


@dataclass(frozen=True)
class Film:
    """A video as it is played: RGB pictures with their times, and loudness per 10 ms."""

    times: list[float]
    pictures: list[Picture]
    loudness: NDArray[np.float32]

    def flash_at(self) -> float:
        """When the field in the middle lights up."""
        middles = [p[p.shape[0] // 2, p.shape[1] // 2].mean() for p in self.pictures]
        return next(t for t, middle in zip(self.times, middles, strict=True) if middle > 200)

    def tone_at(self) -> float:
        return int(np.argmax(self.loudness > 0.1)) / 100


def boxes(data: bytes) -> list[str]:
    """The names of the outermost boxes of an MP4, in order."""
    names, position = [], 0
    while position < len(data):
        size, name = struct.unpack(">I4s", data[position : position + 8])
        if size == 1:
            size = struct.unpack(">Q", data[position + 8 : position + 16])[0]
        names.append(name.decode("latin-1"))
        position += size or len(data)
    return names


def check_phone_safe(path: Path, *, size: tuple[int, int], sound: bool) -> None:
    data = path.read_bytes()
    order = boxes(data)
    assert order.index("moov") < order.index("mdat"), order
    with av.open(str(path)) as file:
        assert [s.type for s in file.streams] == (["video", "audio"] if sound else ["video"])
        stream: Any = file.streams.video[0]
        context = stream.codec_context
        assert (context.codec.canonical_name, context.pix_fmt) == ("h264", "yuv420p")
        assert context.profile in {"Baseline", "Constrained Baseline", "Main", "High"}
        assert context.level <= 41
        assert stream.codec_context.sample_aspect_ratio in (None, 0, 1)
        assert (context.width, context.height) == size
        assert all(side % 2 == 0 for side in size)
        if sound:
            heard: Any = file.streams.audio[0]
            assert heard.codec_context.codec.canonical_name == "aac"
            assert heard.rate <= 48_000
            assert heard.channels <= 2
        packets = [p for p in file.demux(stream) if p.dts is not None]
        keys = [float(p.pts * p.time_base) for p in packets if p.is_keyframe]
        ends = sorted(float(p.pts * p.time_base) for p in packets)
        gaps = np.diff([*keys, ends[-1]])
        assert packets[0].is_keyframe
        assert gaps.max(initial=0) <= KEY_SECONDS + 0.05
        steps = [p.dts for p in packets]
        assert steps == sorted(set(steps))
    with av.open(str(path)) as file:
        assert next(file.decode(video=0)).rotation == 0
    _ask_ffprobe(path, size)


def _ask_ffprobe(path: Path, size: tuple[int, int]) -> None:
    """A second opinion from another build of FFmpeg, where there is one."""
    program = shutil.which("ffprobe")
    if program is None:
        return
    command = [program, "-v", "error", "-select_streams", "v", "-show_streams", "-of", "json"]
    said = subprocess.run([*command, str(path)], capture_output=True, check=True)
    stream = json.loads(said.stdout)["streams"][0]
    assert (stream["codec_name"], stream["pix_fmt"]) == ("h264", "yuv420p")
    assert (stream["width"], stream["height"]) == size


def watch(path: Path) -> Film:
    with av.open(str(path), "r") as file:
        frames = list(file.decode(video=0))
        times = [float(frame.time or 0) for frame in frames]
        pictures: list[Any] = [frame.to_ndarray(format="rgb24") for frame in frames]
    loudness = np.zeros(0, np.float32)
    with av.open(str(path), "r") as file:
        if file.streams.audio:
            loudness = _loudness(file)
    return Film(times, pictures, loudness)


def _loudness(file: Any) -> NDArray[np.float32]:
    rate = file.streams.audio[0].rate
    parts = [
        (float(frame.time), np.abs(frame.to_ndarray()[0]).astype(np.float32))
        for frame in file.decode(audio=0)
    ]
    end = parts[-1][0] + len(parts[-1][1]) / rate
    wave = np.zeros(int(end * rate) + 1, np.float32)
    for begins, samples in parts:
        first = max(0, round(begins * rate))
        wave[first : first + len(samples)] = samples[: len(wave) - first]
    step = rate // 100
    loudest: NDArray[np.float32] = wave[: len(wave) // step * step].reshape(-1, step).max(axis=1)
    return loudest


def corners(picture: Picture) -> list[tuple[int, int, int]]:
    """The colours in the middle of the four corner fields, in the order of CORNERS."""
    height, width, _ = picture.shape
    return [
        tuple(int(value) for value in picture[y, x])  # type: ignore[misc]
        for y in (height // 8, height - height // 8)
        for x in (width // 8, width - width // 8)
    ]


def check_upright(picture: Picture, *, tolerance: int = 40) -> None:
    seen = np.array(corners(picture))
    assert np.abs(seen - np.array(CORNERS)).max() <= tolerance, seen.tolist()


def check_pictures(made: dict[int, Path], poster: Path, shown: tuple[int, int]) -> None:
    """Sizes, format and contents of the poster and of the thumbnails by their longest side."""
    for side, path in {**made, 1280: poster}.items():
        with Image.open(path) as image:
            assert image.format == "WEBP"
            assert max(image.size) == min(side, max(shown))
            assert abs(image.width / image.height - shown[0] / shown[1]) < 0.02
            check_upright(np.asarray(image.convert("RGB")))
