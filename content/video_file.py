"""Uploaded videos: looked at and made fit for phones (PyAV), by child processes without power.

A media file is hostile input: a text file named .mp4 can make FFmpeg open other files. So a child
gets the upload as its standard input and nothing else: an empty folder, no environment, only
whitelisted formats, no protocol at all, and limits on memory, processor time, file size and wall
time. It answers in JSON.
"""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

_THUMBNAILS = {160: "thumb-160.webp", 320: "thumb-320.webp", 640: "thumb-640.webp"}

_ROOT = Path(__file__).resolve().parents[1]
_ENTRY = (
    "import sys; sys.path.append(sys.argv.pop()); "
    "from content.video_child.entry import main; main()"
)
_MEMORY_BYTES = 3 * 1024**3
_PROBE_WALL_SECONDS = 20
_PROBE_CPU_SECONDS = 10
_PROBE_FILE_BYTES = 8 * 1024**2
# 4K of ten bits takes this many times its own length on one slow core.
_PREPARE_PACE = 20
_PREPARE_FLOOR_SECONDS, _PREPARE_CAP_SECONDS = 120, 2 * 3600
# What the encoder's rate limit lets out, twice; a copy is about as large as its original.
_PREPARE_BYTES_PER_SECOND = 1024**2
_PREPARE_SPARE_BYTES = 64 * 1024**2
_MAX_THREADS = 4

_REASONS = {
    "unreadable": _("This file is not a video that can be read: upload an MP4, MOV or WebM."),
    "no_picture": _("The file has sound but no moving picture."),
    "still": _("The file holds no moving picture."),
    "unknown_codec": _("The video is encoded in a way that cannot be read: export it as MP4."),
    "undecodable": _("No picture of the video ({codec}) can be read: the file is damaged."),
    "unknown_sound": _("The video's sound cannot be read: export it with AAC sound."),
    "too_large": _("The picture is too large: {width} × {height}, at most 8192 pixels a side."),
    "too_small": _("The picture is too small: {width} × {height}, at least 16 pixels a side."),
    "too_long": _("The video is too long: at most four hours."),
    "damaged": _("The video is damaged and cannot be played."),
    "incomplete": _(
        "The video is incomplete: {read} of {announced} seconds can be read. Upload it again."
    ),
    "slow": _("The video takes too long to read."),
}


class VideoRejected(ValueError):
    """The file can never be played; `args[0]` says why in plain words."""


class VideoFailed(OSError):
    """The work was not finished (a limit, a crash, a full disk): it may succeed another time."""


@dataclass(frozen=True)
class Probe:
    """What was found: pixels as displayed (turned, square), seconds, bytes.

    `rotation` is what a player turns the stored picture by, in degrees clockwise; `fps` the
    average. `audio` is a codec, None without sound.
    """

    format: str
    codec: str
    pixels: str
    bit_depth: int
    width: int
    height: int
    rotation: int
    fps: float
    is_vfr: bool
    duration: float
    audio: str | None
    has_alpha_channel: bool
    bytes: int

    def as_json(self) -> dict[str, str | int | float | bool | None]:
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class Prepared:
    """Files made in the folder that was given: an MP4 for phones, and WebP pictures of it.

    Sizes are the MP4's own: of a side-by-side transparent video both halves together. `copied`
    says that its pictures are the original's, bit by bit.
    """

    video: Path
    poster: Path
    thumbnail_small: Path  # no side longer than 160 pixels; the others 320 and 640
    thumbnail: Path
    thumbnail_large: Path
    duration: float
    width: int
    height: int
    fps: float
    bytes: int
    has_sound: bool
    copied: bool
    original: Probe
    mime_type: str = "video/mp4"


def probe(source: IO[bytes]) -> Probe:
    """Examine an upload, quickly. `source` stands at its beginning afterwards.

    Raises VideoRejected for what can never become a video that phones play.
    """
    with _own_handle(source) as handle, tempfile.TemporaryDirectory() as folder:
        size = os.fstat(handle.fileno()).st_size
        try:
            found = _examined(handle, Path(folder))
        except VideoTooSlow as error:
            raise VideoRejected(_REASONS["slow"]) from error
        except VideoFailed as error:
            raise VideoRejected(_REASONS["unreadable"]) from error
        return _probe_of(found, size)


def prepare(
    source: Path,
    folder: Path,
    *,
    on_progress: Callable[[int], None] = lambda percent: None,
    keep_halves: bool = False,
) -> Prepared:
    """Make an upload fit for phones: H.264 and AAC in an MP4, at most 720p, and its pictures.

    `folder` is empty and receives the files. `on_progress` is called with 0–100 about every
    second; what it raises ends the work. With `keep_halves` the picture is a pair (colours left,
    opacity right): both halves keep the same whole width and the limit counts for one.
    Raises VideoRejected when the file is bad, VideoFailed when the work may be tried again; what
    is in the folder then is of no use.
    """
    with source.open("rb") as handle:
        size = source.stat().st_size
        found = _examined(handle, folder)
        on_progress(0)
        order = {
            "do": "prepare",
            "keep_halves": keep_halves,
            "threads": min(_MAX_THREADS, os.cpu_count() or 1),
            "thumbnails": _THUMBNAILS,
        }
        wall = allowed_seconds(found["duration"])
        file_size = int(size + found["duration"] * _PREPARE_BYTES_PER_SECOND)
        answer = _run(
            handle,
            folder,
            order,
            wall=wall,
            # Threads use up processor time faster than a clock runs.
            cpu=wall * _MAX_THREADS,
            file_size=file_size + _PREPARE_SPARE_BYTES,
            on_progress=on_progress,
        )
    made = answer["made"]
    video = folder / "video.mp4"
    on_progress(100)
    return Prepared(
        video=video,
        poster=folder / "poster.webp",
        thumbnail_small=folder / _THUMBNAILS[160],
        thumbnail=folder / _THUMBNAILS[320],
        thumbnail_large=folder / _THUMBNAILS[640],
        duration=made["duration"],
        width=made["width"],
        height=made["height"],
        fps=made["fps"],
        bytes=video.stat().st_size,
        has_sound=made["audio"] is not None,
        copied=answer["copied"],
        original=_probe_of(answer["source"], size),
    )


def allowed_seconds(duration: float) -> int:
    """How long `prepare` may take for a video of so many seconds."""
    return int(min(_PREPARE_CAP_SECONDS, _PREPARE_FLOOR_SECONDS + _PREPARE_PACE * duration))


class VideoTooSlow(VideoFailed):
    """It would be as slow the next time."""


def _probe_of(found: dict[str, Any], size: int) -> Probe:
    names = {field.name for field in dataclasses.fields(Probe)} - {"bytes"}
    return Probe(**{name: found[name] for name in names}, bytes=size)


@contextmanager
def _own_handle(source: IO[bytes]) -> Iterator[IO[bytes]]:
    """A file of the system with a position of its own, which the child may move."""
    path = getattr(source, "temporary_file_path", None)
    if path is not None:
        with Path(path()).open("rb") as handle:
            yield handle
        return
    with tempfile.TemporaryFile() as copy:
        source.seek(0)
        shutil.copyfileobj(source, copy, 1024 * 1024)
        source.seek(0)
        copy.flush()
        yield copy


def _examined(handle: IO[bytes], folder: Path) -> dict[str, Any]:
    return _run(
        handle,
        folder,
        {"do": "examine"},
        wall=_PROBE_WALL_SECONDS,
        cpu=_PROBE_CPU_SECONDS,
        file_size=_PROBE_FILE_BYTES,
        on_progress=lambda percent: None,
    )


def _run(
    handle: IO[bytes],
    folder: Path,
    order: dict[str, Any],
    *,
    wall: int,
    cpu: int,
    file_size: int,
    on_progress: Callable[[int], None],
) -> dict[str, Any]:
    """Have a child work in `folder` and answer. Raises VideoRejected or VideoFailed."""
    limits = {"memory": _MEMORY_BYTES, "cpu": cpu, "file_size": file_size}
    order = order | {"limits": limits}
    command = [sys.executable, "-I", "-B", "-c", _ENTRY, json.dumps(order), str(_ROOT)]
    late = threading.Event()
    answer: dict[str, Any] | None = None
    with tempfile.TemporaryFile() as complaints:
        child = subprocess.Popen(  # noqa: S603 - our own module, no shell
            command,
            cwd=folder,
            env={},
            stdin=handle,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
        )

        def too_late() -> None:
            late.set()
            child.kill()

        timer = threading.Timer(wall, too_late)
        timer.start()
        try:
            assert child.stdout is not None  # noqa: S101 - asked for above
            for line in child.stdout:
                if line.startswith("progress "):
                    on_progress(int(line.split()[1]))
                else:
                    answer = json.loads(line)
            child.wait()
        finally:
            timer.cancel()
            child.kill()
            child.wait()
            if child.stdout is not None:
                child.stdout.close()
        complaints.seek(max(0, complaints.seek(0, os.SEEK_END) - 2000))
        last_words = complaints.read().decode(errors="replace").strip().splitlines()[-1:]
    if late.is_set():
        raise VideoTooSlow(
            format_lazy(_("The video took longer than {seconds} seconds."), seconds=wall)
        )
    if child.returncode != 0 or answer is None:
        reason = last_words[0] if last_words else f"exit status {child.returncode}"
        raise VideoFailed(
            format_lazy(_("The work on the video broke off: {reason}."), reason=reason)
        )
    if "rejected" in answer:
        raise VideoRejected(format_lazy(_REASONS[answer.pop("rejected")], **answer))
    return answer
