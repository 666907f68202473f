"""A small video for uploads: a photograph that moves and changes its colours, and a tone."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from content.tests.browser.camera import Frame

FRAME_RATE = 25
SAMPLE_RATE = 44_100
BLOCK = 1024  # samples in an AAC frame


def alive(picture: Frame, share: float) -> Frame:
    """`picture` rippled and recoloured; `share` 0..1 is one round of both."""
    height, width = picture.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    wave = 0.02 * height * np.sin(8 * np.pi * rows / height + 4 * np.pi * share)
    rippled = cv2.remap(
        picture, columns + wave.astype(np.float32), rows, cv2.INTER_LINEAR, None, cv2.BORDER_REFLECT
    )
    colours = cv2.cvtColor(rippled, cv2.COLOR_RGB2HSV)
    colours[..., 0] = (colours[..., 0].astype(np.int32) + 60 + int(120 * share)) % 180
    return cv2.cvtColor(colours, cv2.COLOR_HSV2RGB).astype(np.uint8)


def write_video(path: Path, picture: Frame, *, seconds: int = 4) -> None:
    """Write H.264 with AAC as MP4, of the picture's size cut to even numbers."""
    height, width = (side // 2 * 2 for side in picture.shape[:2])
    with av.open(str(path), "w", options={"movflags": "faststart"}) as file:
        pictures = file.add_stream("libx264", rate=FRAME_RATE)
        pictures.width, pictures.height, pictures.pix_fmt = width, height, "yuv420p"
        sound = file.add_stream("aac", rate=SAMPLE_RATE)
        for number in range(seconds * FRAME_RATE):
            image = alive(picture, number / (seconds * FRAME_RATE))[:height, :width]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            file.mux(pictures.encode(frame))
        time = np.arange(seconds * SAMPLE_RATE) / SAMPLE_RATE
        tone = (0.2 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
        for start in range(0, len(tone), BLOCK):
            block = av.AudioFrame.from_ndarray(
                tone[None, start : start + BLOCK], format="fltp", layout="mono"
            )
            block.sample_rate, block.pts = SAMPLE_RATE, start
            block.time_base = Fraction(1, SAMPLE_RATE)
            file.mux(sound.encode(block))
        file.mux(pictures.encode())
        file.mux(sound.encode())
