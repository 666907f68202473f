"""Probing of uploaded videos (PyAV), in a child process that can do no harm.

A media file is hostile input: a text file named .mp4 can make FFmpeg open other files. So the
child sees an empty folder, only whitelisted formats and the `file` protocol, and has limits on
memory, CPU, files and wall time.
"""

import json
import resource
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO

from django.utils.translation import gettext_lazy as _

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm"
WALL_SECONDS = 20
CPU_SECONDS = 10
MEMORY_BYTES = 3 * 1024**3
POSTER_SIDE = 640
# Eight-bit 4:2:0 is what hardware decoders of phones play.
PLAYABLE_PIXELS = {"yuv420p", "yuvj420p"}


class VideoRejected(ValueError):
    """The upload cannot be played; `args[0]` says why in plain words."""


@dataclass(frozen=True)
class VideoFile:
    """What was found out: seconds, displayed pixels (rotation applied), and a WebP poster."""

    duration: float
    width: int
    height: int
    mime_type: str
    poster: bytes

    @property
    def extension(self) -> str:
        return "webm" if self.mime_type == "video/webm" else "mp4"


def probe(source: IO[bytes]) -> VideoFile:
    """Examine an upload.

    Raises VideoRejected for anything that a phone's browser would not play.
    """
    with tempfile.TemporaryDirectory() as folder:
        with (Path(folder) / "input").open("wb") as copy:
            source.seek(0)
            shutil.copyfileobj(source, copy, 1024 * 1024)
            source.seek(0)
        try:
            child = subprocess.run(  # noqa: S603 - our own module, no shell
                [sys.executable, "-I", str(Path(__file__).resolve()), "input", "poster.webp"],
                cwd=folder,
                env={},
                capture_output=True,
                timeout=WALL_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise VideoRejected(_("The video takes too long to read.")) from error
        if child.returncode != 0:
            raise VideoRejected(
                _("This file is not a video that can be read: upload an MP4, MOV or WebM.")
            )
        found = json.loads(child.stdout)
        _check(found)
        return VideoFile(
            duration=found["duration"],
            width=found["width"],
            height=found["height"],
            mime_type="video/webm" if "webm" in found["format"] else "video/mp4",
            poster=(Path(folder) / "poster.webp").read_bytes(),
        )


def _check(found: dict[str, object]) -> None:
    codecs = {"h264"} if "mp4" in str(found["format"]) else {"vp8", "vp9", "av1"}
    if found["codec"] not in codecs:
        raise VideoRejected(
            _(
                "The video is encoded as %(codec)s, which many phones' browsers do not play: "
                "export it as H.264 MP4."
            )
            % {"codec": str(found["codec"]).upper()}
        )
    if found["pixels"] not in PLAYABLE_PIXELS:
        raise VideoRejected(
            _("The video's colours (%(pixels)s) are not played by phones: export it with 8 bits.")
            % {"pixels": found["pixels"]}
        )
    if found["audio"] not in {None, "aac", "mp3", "opus", "vorbis"}:
        raise VideoRejected(
            _("The video's sound is encoded as %(codec)s: export it as AAC.")
            % {"codec": found["audio"]}
        )


def _examine(path: str, poster: str) -> dict[str, object]:
    """Runs in the child."""
    import av

    options = {"protocol_whitelist": "file", "format_whitelist": FORMATS}
    with av.open(path, options=options) as container:
        video = container.streams.video[0]
        video.thread_count = 1
        frames = container.decode(video)
        frame = next(frames)
        # The very first picture is often black; take one a little further on.
        for later in frames:
            frame = later
            if frame.time is not None and frame.time >= 0.5:
                break
        turned = frame.rotation % 180 != 0
        image = frame.to_image()
        if frame.rotation:
            image = image.rotate(frame.rotation, expand=True)
        image.thumbnail((POSTER_SIDE, POSTER_SIDE))
        image.save(poster, "WEBP", quality=80)
        duration = (
            Fraction(container.duration, av.time_base)
            if container.duration
            else (video.duration or 0) * (video.time_base or 0)
        )
        audio = container.streams.audio
        return {
            "format": container.format.name,
            "codec": video.codec_context.codec.canonical_name,
            "pixels": frame.format.name,
            "audio": audio[0].codec_context.codec.canonical_name if audio else None,
            "duration": float(duration),
            "width": frame.height if turned else frame.width,
            "height": frame.width if turned else frame.height,
        }


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (8 * 1024**2, 8 * 1024**2))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    print(json.dumps(_examine(sys.argv[1], sys.argv[2])))  # noqa: T201 - the answer
