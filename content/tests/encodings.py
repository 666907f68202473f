"""Films as phones, cameras and browsers write them: encoded here, each in its own way.

Every picture has four coloured corners, so that it shows which way up it is, and a white field
in the middle that lights up while a tone sounds, so that it shows whether both are in step.
"""

import functools
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]  # height × width × 3, RGB
RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 200, 40), (30, 40, 220), (220, 210, 30)
# Left and right above, left and right below.
CORNERS = (RED, GREEN, BLUE, YELLOW)
FLASH_AT, FLASH_SECONDS = 0.6, 0.25
QUARTER_TURN = (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
HALF_TURN = (-65536, 0, 0, 0, -65536, 0, 0, 0, 1 << 30)
BACK_TURN = (0, -65536, 0, 65536, 0, 0, 0, 0, 1 << 30)
MIRROR = (-65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
PLACE = "+55.7558+037.6173/"


def upright(size: tuple[int, int], seconds: float) -> Picture:
    """What a visitor is to see at a time."""
    width, height = size
    picture = np.full((height, width, 3), 96, np.uint8)
    across, down = width // 4, height // 4
    for colour, rows, columns in zip(
        CORNERS,
        (slice(0, down), slice(0, down), slice(-down, None), slice(-down, None)),
        (slice(0, across), slice(-across, None), slice(0, across), slice(-across, None)),
        strict=True,
    ):
        picture[rows, columns] = colour
    if FLASH_AT <= seconds < FLASH_AT + FLASH_SECONDS:
        picture[height // 2 - down // 2 : height // 2 + down // 2, across:-across] = 255
    bar = int(seconds * 200) % max(1, width - across)
    picture[down + 2 : down + 6, bar : bar + across] = (200, 120, 200)
    return picture


def tone(seconds: float, rate: int) -> NDArray[np.float32]:
    t = np.arange(int(seconds * rate)) / rate
    sounding = (t >= FLASH_AT) & (t < FLASH_AT + FLASH_SECONDS)
    return (0.5 * np.sin(2 * np.pi * 880 * t) * sounding).astype(np.float32)


def _as_stored(picture: Picture, matrix: Sequence[int] | None) -> Picture:
    """The picture before a player applies the matrix."""
    if matrix is QUARTER_TURN:
        return np.ascontiguousarray(np.rot90(picture, 1))
    if matrix is BACK_TURN:
        return np.ascontiguousarray(np.rot90(picture, -1))
    if matrix is HALF_TURN:
        return np.ascontiguousarray(picture[::-1, ::-1])
    if matrix is MIRROR:
        return np.ascontiguousarray(picture[:, ::-1])
    return picture


def even_times(seconds: float, rate: int) -> list[float]:
    return [number / rate for number in range(round(seconds * rate))]


def film(
    codec: str,
    *,
    container: str = "mp4",
    size: tuple[int, int] = (320, 240),
    times: Sequence[float] = tuple(even_times(1.2, 25)),
    rate: int = 25,
    pixels: str = "yuv420p",
    sound: str | None = None,
    sound_rate: int = 44_100,
    layout: str = "stereo",
    matrix: Sequence[int] | None = None,
    aspect: Fraction | None = None,
    transfer: int = 1,
    stored: Callable[[float], Picture] | None = None,
    options: dict[str, str] | None = None,
    output: dict[str, str] | None = None,
    metadata: dict[str, str] | None = None,
) -> bytes:
    """`size` is what is shown, `times` when each picture shows, `stored` another drawing."""
    # A real file: what comes first is moved there at the end.
    with (
        tempfile.NamedTemporaryFile() as out,
        av.open(out.name, "w", container, options=output or {}) as file,
    ):
        file.metadata.update(metadata or {})
        stream: Any = file.add_stream(codec, rate=rate, options=_quiet(codec, options or {}))
        turned = matrix in (QUARTER_TURN, BACK_TURN)
        width, height = reversed(size) if turned else size
        width = round(width / aspect) if aspect else width
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        context = stream.codec_context
        context.time_base = Fraction(1, 1000) if codec != "mpeg4" else Fraction(1, rate)
        context.color_primaries = 9 if transfer != 1 else 1
        full = 2 if pixels == "yuvj420p" else 1
        context.color_trc, context.color_range = transfer, full
        context.colorspace = 1
        if aspect:
            context.sample_aspect_ratio = aspect
        if matrix is not None:
            stream.set_display_matrix(matrix)
        track: Any = file.add_stream(sound, rate=sound_rate, layout=layout) if sound else None
        for seconds in times:
            shown = upright((size[0] if not aspect else width, size[1]), seconds)
            picture = stored(seconds) if stored else _as_stored(shown, matrix)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame = frame.reformat(format=pixels, dst_colorspace=1, dst_color_range=full)
            frame.time_base = context.time_base
            frame.pts = round(seconds / context.time_base)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
        if track is not None:
            _add_tone(file, track, tone(times[-1], sound_rate), sound_rate, layout)
        file.close()
        return Path(out.name).read_bytes()


def _quiet(codec: str, options: dict[str, str]) -> dict[str, str]:
    if codec == "libx265":
        return {"preset": "ultrafast", "x265-params": "log-level=none"} | options
    if codec.startswith("libvpx"):
        return {"deadline": "realtime", "cpu-used": "8"} | options
    if codec == "libsvtav1":
        return {"preset": "12"} | options
    return options


def _add_tone(file: Any, track: Any, wave: NDArray[np.float32], rate: int, layout: str) -> None:
    channels = {"mono": 1, "stereo": 2, "5.1": 6}[layout]
    wanted = track.codec_context.format.name
    frame = av.AudioFrame.from_ndarray(np.tile(wave, (channels, 1)), "fltp", layout)
    frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), 0
    resampler = av.AudioResampler(
        format=wanted, layout=layout, rate=rate, frame_size=track.codec_context.frame_size
    )
    for part in [*resampler.resample(frame), *resampler.resample(None)]:
        file.mux(track.encode(part))
    file.mux(track.encode(None))


@dataclass(frozen=True)
class Encoding:
    """A film and what is to become of it; `shown` is the size of the result."""

    name: str
    make: Callable[[], bytes]
    shown: tuple[int, int]
    seconds: float = 1.2
    has_sound: bool = False
    copied: bool = False

    def __str__(self) -> str:
        return self.name


def _uneven() -> list[float]:
    """A phone in changing light: 30 pictures a second, then 12, then 30 again, and a pause."""
    return [
        *(n / 30 for n in range(12)),
        *(0.4 + n / 12 for n in range(7)),
        *(1.0 + n / 30 for n in range(12)),
        *(2.0 + n / 30 for n in range(12)),
    ]


CORPUS = (
    Encoding(
        "hevc-mov-turned",
        lambda: film(
            "libx265",
            container="mov",
            size=(360, 640),
            sound="aac",
            matrix=QUARTER_TURN,
        ),
        (360, 640),
        has_sound=True,
    ),
    Encoding(
        "hevc-10-bit-hd",
        lambda: film(
            "libx265",
            size=(1920, 1080),
            times=even_times(1.2, 10),
            pixels="yuv420p10le",
            sound="aac",
        ),
        (1280, 720),
        has_sound=True,
    ),
    Encoding(
        "hevc-4k",
        lambda: film("libx265", size=(3840, 2160), times=even_times(0.4, 10)),
        (1280, 720),
        seconds=0.4,
    ),
    Encoding(
        "h264-uneven-rate",
        lambda: film("libx264", size=(810, 1440), times=_uneven(), rate=30, sound="aac"),
        (720, 1280),
        seconds=2.4,
        has_sound=True,
    ),
    Encoding(
        "h264-120-pictures-a-second",
        lambda: film("libx264", times=even_times(1.2, 120), rate=120, sound="aac"),
        (320, 240),
        has_sound=True,
    ),
    *(
        Encoding(
            f"h264-{name}",
            functools.partial(film, "libx264", size=size, matrix=matrix),
            size,
        )
        for name, matrix, size in (
            ("turned", QUARTER_TURN, (240, 320)),
            ("turned-back", BACK_TURN, (240, 320)),
            ("upside-down", HALF_TURN, (320, 240)),
            ("mirrored", MIRROR, (320, 240)),
        )
    ),
    Encoding(
        "h264-wide-pixels",
        lambda: film("libx264", size=(640, 360), aspect=Fraction(4, 3)),
        (640, 360),
    ),
    Encoding(
        "h264-odd-444",
        lambda: film("libx264", size=(321, 241), pixels="yuv444p"),
        (320, 240),
    ),
    Encoding(
        "h264-interlaced",
        lambda: film("libx264", size=(720, 576), options={"x264-params": "interlaced=1"}),
        (720, 576),
    ),
    Encoding("h264-full-range", lambda: film("libx264", pixels="yuvj420p"), (320, 240)),
    Encoding(
        "h264-mp3",
        lambda: film("libx264", sound="libmp3lame"),
        (320, 240),
        has_sound=True,
        copied=True,
    ),
    Encoding(
        "h264-surround",
        lambda: film("libx264", sound="aac", layout="5.1", sound_rate=48_000),
        (320, 240),
        has_sound=True,
        copied=True,
    ),
    Encoding(
        "h264-safe",
        lambda: film("libx264", size=(1280, 720), sound="aac"),
        (1280, 720),
        has_sound=True,
        copied=True,
    ),
    Encoding("h264-silent", lambda: film("libx264"), (320, 240), copied=True),
    Encoding("mpeg4", lambda: film("mpeg4", sound="aac"), (320, 240), has_sound=True),
    Encoding(
        "h263-3gp",
        lambda: film("h263", container="3gp", size=(352, 288)),
        (384, 288),  # the pixels of this format are wide
    ),
    Encoding(
        "vp9-opus",
        lambda: film(
            "libvpx-vp9", container="webm", size=(640, 360), sound="libopus", sound_rate=48_000
        ),
        (640, 360),
        has_sound=True,
    ),
    Encoding(
        "vp8-odd-recorded",
        lambda: film("libvpx", container="webm", size=(333, 251), output={"live": "1"}),
        (332, 250),
    ),
    Encoding("av1", lambda: film("libsvtav1", size=(640, 360)), (640, 360)),
    Encoding(
        "prores",
        lambda: film("prores_ks", container="mov", size=(640, 360), pixels="yuv422p10le"),
        (640, 360),
    ),
)
