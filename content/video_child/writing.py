"""The phone-safe MP4: copied when it already is one, else H.264 and AAC, at most 720p."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from content.video_child.encoders import Pictures, Sound
from content.video_child.reading import (
    Facts,
    Rejected,
    Turn,
    open_video,
    packets_of,
    picture_stream,
    sound_stream,
)

if TYPE_CHECKING:
    from av.packet import Packet

LONG_SIDE, SHORT_SIDE = 1280, 720
SAFE_PROFILES = {"Baseline", "Constrained Baseline", "Main", "High"}
SAFE_LEVEL = 41
SAFE_FPS = 61
SAFE_BITS_PER_SECOND = 10_000_000
SAFE_SOUND_RATE = 48_000
# Less of the announced length than this, and the file is incomplete.
LEAST_SHARE = 0.8
HEARTBEAT_SECONDS = 1.0


class Progress:
    """Tells the percent, rising only, and at least once a second: it is also a sign of life.

    An orphan learns from it that nobody reads any more.
    """

    def __init__(self, tell: Callable[[int], None]) -> None:
        self._tell = tell
        self._told, self._told_at = 0, 0.0

    def at(self, share: float) -> None:
        percent = max(self._told, min(99, int(100 * share)))
        if percent > self._told or time.monotonic() - self._told_at > HEARTBEAT_SECONDS:
            self._told, self._told_at = percent, time.monotonic()
            self._tell(percent)


class Track(Protocol):
    """Turns packets of the original into packets of the result."""

    def take(self, packet: "Packet[Stream]") -> "Iterator[Packet[Stream]]": ...

    def end(self) -> "Iterator[Packet[Stream]]": ...


class Copy:
    def __init__(self, out: OutputContainer, stream: VideoStream | AudioStream) -> None:
        # The decoder's context, not an encoder's: nothing is to be encoded.
        self.stream: Stream = out.add_stream_from_template(stream, opaque=True)

    def take(self, packet: "Packet[Stream]") -> "Iterator[Packet[Stream]]":
        if packet.dts is not None:
            packet.stream = self.stream
            yield packet

    def end(self) -> "Iterator[Packet[Stream]]":
        return iter(())


def fitted(width: float, height: float, *, halves: bool) -> tuple[int, int]:
    """Even sides within 1280×720 either way up, never enlarged.

    With `halves` the limit is for one half, and both halves keep the same whole width.
    """
    picture = width / 2 if halves else width
    scale = min(1, LONG_SIDE / max(picture, height), SHORT_SIDE / min(picture, height))
    even_width = max(2, int(picture * scale / 2 + 1e-6) * 2)
    even_height = max(2, int(height * scale / 2 + 1e-6) * 2)
    return (2 * even_width if halves else even_width), even_height


def write(
    source: IO[bytes],
    facts: Facts,
    path: Path,
    *,
    halves: bool,
    threads: int,
    on_progress: Callable[[int], None],
) -> dict[str, Any]:
    """Write the MP4. Raises Rejected when too little of the original can be read.

    Says whether the pictures were `copied`.
    """
    progress = Progress(on_progress)
    safe = _is_safe_picture(facts, halves=halves) and _is_whole(source, facts, threads, progress)
    options = {"movflags": "+faststart"}
    with open_video(source) as container, av.open(str(path), "w", "mp4", options) as out:
        stream = picture_stream(container)
        sound = sound_stream(container)
        pictures: Copy | Pictures
        if safe:
            pictures = Copy(out, stream)
        else:
            size = fitted(facts.width, facts.height, halves=halves)
            pictures = Pictures(out, stream, facts, size, threads=threads)
        tracks: dict[int, Track] = {stream.index: pictures}
        if sound is not None and safe and _is_safe_sound(sound):
            tracks[sound.index] = Copy(out, sound)
        elif sound is not None:
            tracks[sound.index] = Sound(
                out, sound, start=0.0 if safe else facts.start, until=facts.duration
            )
        streams: list[Stream] = [stream, *([sound] if sound is not None else [])]
        reached = _run(container, streams, tracks, out, facts, progress)
    if reached < LEAST_SHARE * facts.duration - 1:
        raise Rejected("incomplete", read=round(reached, 1), announced=round(facts.duration, 1))
    return {"copied": safe}


def _run(
    container: InputContainer,
    streams: list[Stream],
    tracks: dict[int, Track],
    out: OutputContainer,
    facts: Facts,
    progress: Progress,
) -> float:
    """Pass every packet on; answers how many seconds of pictures there were."""
    reached = 0.0
    for packet in packets_of(container, *streams):
        if packet.stream is streams[0] and packet.pts is not None and packet.time_base:
            ends = (packet.pts + (packet.duration or 0)) * packet.time_base
            reached = max(reached, float(ends) - facts.start)
        for made in tracks[packet.stream.index].take(packet):
            out.mux(made)
        progress.at(reached / facts.duration)
    for track in tracks.values():
        for made in track.end():
            out.mux(made)
    return reached


def _is_safe_picture(facts: Facts, *, halves: bool) -> bool:
    size = (facts.width, facts.height)
    return (
        facts.codec == "h264"
        and "mp4" in facts.format
        and facts.pixels == "yuv420p"
        and facts.profile in SAFE_PROFILES
        and 0 < facts.level <= SAFE_LEVEL
        and facts.fps <= SAFE_FPS
        and facts.turn == Turn()
        and facts.square_pixels
        and not facts.interlaced
        and not facts.high_range
        and fitted(*size, halves=halves) == size
    )


def _is_safe_sound(stream: AudioStream) -> bool:
    return (
        stream.codec_context.codec.canonical_name == "aac"
        and stream.rate <= SAFE_SOUND_RATE
        and stream.channels <= 2
    )


def _is_whole(source: IO[bytes], facts: Facts, threads: int, progress: Progress) -> bool:
    """Whether the packets can be copied: from a key picture on, in order, each of them sound."""
    with open_video(source) as container:
        stream = picture_stream(container)
        stream.thread_type, stream.thread_count = "AUTO", threads
        # A browser stops where FFmpeg would conceal the damage.
        stream.codec_context.options = {"err_detect": "explode"}
        last: int | None = None
        size = 0
        try:
            for packet in packets_of(container, stream):
                stream.decode(packet)
                begins_badly = last is None and not packet.is_keyframe
                if begins_badly or packet.pts is None or packet.dts is None:
                    return False
                if packet.is_discard or packet.is_corrupt:
                    return False
                if last is not None and packet.dts <= last:
                    return False
                last = packet.dts
                size += packet.size
                progress.at(float(packet.pts * packet.time_base) / facts.duration)
            stream.decode(None)
        except av.error.FFmpegError:
            return False
        return 8 * size / facts.duration <= SAFE_BITS_PER_SECOND
