"""Small pictures and videos, made for the tests."""

import io
from fractions import Fraction
from typing import Any

import av
import numpy as np
from PIL import Image
from skimage import data


def photograph(name: str = "astronaut", side: int = 512) -> bytes:
    """A real photograph as JPEG bytes."""
    image = Image.fromarray(getattr(data, name)()).convert("RGB")
    image.thumbnail((side, side))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=92)
    return out.getvalue()


def blank(width: int = 400, height: int = 300, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), (120, 130, 140)).save(out, kind)
    return out.getvalue()


def clip(
    codec: str = "libx264",
    *,
    container: str = "mp4",
    size: tuple[int, int] = (320, 240),
    seconds: float = 1,
    rate: int = 25,
    sound: bool = False,
    sound_codec: str = "aac",
    pixels: str = "yuv420p",
) -> bytes:
    """A moving bar, with a tone when `sound`."""
    width, height = size
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        options = {"log-level": "none"} if codec == "libx265" else {}
        stream: Any = file.add_stream(codec, rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        tone: Any = file.add_stream(sound_codec, rate=44100, layout="mono") if sound else None
        for number in range(int(seconds * rate)):
            frame = np.zeros((height, width, 3), np.uint8)
            left = number * 7 % width
            frame[:, left : left + width // 4] = (240, 180, 60)
            frame[::16] += 60
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        file.mux(stream.encode(None))
        if tone is not None:
            t = np.arange(int(seconds * 44100)) / 44100
            wave = (0.2 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)[None, :]
            audio = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
            audio.sample_rate, audio.time_base = 44100, Fraction(1, 44100)
            file.mux(tone.encode(audio))
            file.mux(tone.encode(None))
    return out.getvalue()
