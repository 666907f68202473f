"""The poster and the thumbnails of a prepared video."""

import itertools
from pathlib import Path
from typing import IO

from av.video.frame import VideoFrame
from PIL import Image, ImageStat

from content.video_child.reading import Rejected, frames_of, open_video, packets_of, picture_stream

POSTER_SECONDS = 0.5
# A film may fade in for five seconds.
MAX_DARK_PICTURES = 150
# Mean luma above which a picture is not black, or spread that shows something in the dark.
LIT_MEAN, LIT_SPREAD = 28.0, 12.0
QUALITY = 82


def poster_frame(source: IO[bytes]) -> VideoFrame:
    """A picture that shows something, about half a second in."""
    with open_video(source) as container:
        stream = picture_stream(container)
        best: VideoFrame | None = None
        best_light, seen = -1.0, 0
        packets = packets_of(container, stream)
        for frame in itertools.chain.from_iterable(frames_of(stream, packet) for packet in packets):
            if best is None or (frame.time or 0) < POSTER_SECONDS:
                best = frame
                continue
            light = ImageStat.Stat(frame.reformat(64, 64, "gray").to_image())
            if light.mean[0] > best_light:
                best, best_light = frame, light.mean[0]
            seen += 1
            if light.mean[0] > LIT_MEAN or light.stddev[0] > LIT_SPREAD or seen > MAX_DARK_PICTURES:
                break
        best = best or next(iter(frames_of(stream, None)), None)
    if best is None:
        raise Rejected("damaged")
    return best


def save_pictures(video: Path, poster: Path, thumbnails: dict[int, Path], *, halves: bool) -> None:
    """Write the poster and one WebP per longest side; no picture is enlarged.

    Of a side-by-side transparent video they show the left half, as opaque as the right one says.
    """
    with video.open("rb") as source:
        image: Image.Image = poster_frame(source).to_image()
    if halves:
        middle = image.width // 2
        mask = image.crop((middle, 0, image.width, image.height)).convert("L")
        image = image.crop((0, 0, middle, image.height))
        image.putalpha(mask)
    image.save(poster, "WEBP", quality=QUALITY)
    for side, path in thumbnails.items():
        small = image.copy()
        small.thumbnail((side, side), Image.Resampling.LANCZOS)
        small.save(path, "WEBP", quality=QUALITY)
