"""What is in an uploaded video: opened without any way to reach another file, and measured."""

import itertools
import math
import statistics
import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import IO, TYPE_CHECKING, Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.sidedata.sidedata import SideData
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.packet import Packet

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm"
MIN_SIDE, MAX_SIDE = 16, 8192  # pixels
MAX_SECONDS = 4 * 3600.0
# Packets looked at to tell an even rate from an uneven one.
SAMPLE_PACKETS = 600
# Damaged packets before the first picture that is whole.
PATIENCE_PACKETS = 300
# ITU-T H.273: what a display of standard range cannot show as it is.
WIDE_PRIMARIES = {9, 11, 12}
HIGH_RANGE_TRANSFERS = {16, 18}
UNSPECIFIED = 2


class Rejected(Exception):
    """The file can never be played; `code` and `details` choose the words in video_file."""

    def __init__(self, code: str, **details: Any) -> None:
        super().__init__(code)
        self.code = code
        self.details = details


@dataclass(frozen=True)
class Turn:
    """How a decoded picture is to be shown: columns and rows exchanged first, then mirrored."""

    exchanged: bool = False
    across: bool = False
    down: bool = False
    degrees: int = 0  # clockwise, of a turn without mirroring

    @property
    def filters(self) -> list[str]:
        # What FFmpeg calls cclock_flip is the plain exchange of columns and rows.
        named = (
            (self.exchanged, "transpose=cclock_flip"),
            (self.across, "hflip"),
            (self.down, "vflip"),
        )
        return [name for wanted, name in named if wanted]


@dataclass(frozen=True)
class Facts:
    """Sizes in pixels as displayed (turned, square pixels), times in seconds."""

    format: str
    codec: str
    profile: str
    level: int
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
    interlaced: bool
    high_range: bool
    square_pixels: bool
    turn: Turn
    # When the first picture shows, on the file's own clock.
    start: float


def open_video(source: IO[bytes]) -> InputContainer:
    """The file as FFmpeg sees it. No protocol is allowed: it reads through `source` alone."""
    source.seek(0)
    options = {"protocol_whitelist": "none", "format_whitelist": FORMATS}
    return av.open(source, "r", options=options, metadata_errors="replace", buffer_size=1 << 18)


def picture_stream(container: InputContainer) -> VideoStream:
    """The moving pictures: not a cover. Raises Rejected."""
    streams = [
        stream
        for stream in container.streams.video
        if not stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails)
    ]
    if not streams:
        raise Rejected("no_picture")
    chosen = next((s for s in streams if s.disposition & Disposition.default), streams[0])
    if chosen.codec_context is None:
        raise Rejected("unknown_codec")
    if max(chosen.width, chosen.height) > MAX_SIDE:
        raise Rejected("too_large", width=chosen.width, height=chosen.height)
    return chosen


def sound_stream(container: InputContainer) -> AudioStream | None:
    """The first sound that can be decoded: phones add spatial tracks that nothing else reads."""
    streams = container.streams.audio
    readable = [s for s in streams if s.codec_context is not None and s.rate and s.channels]
    if streams and not readable:
        raise Rejected("unknown_sound")
    return readable[0] if readable else None


def packets_of(container: InputContainer, *streams: Stream) -> "Iterator[Packet[Any]]":
    """The packets up to the end, or to where the container breaks off."""
    try:
        for packet in container.demux(*streams):
            # FFmpeg's sign to empty the decoders: whoever decodes does so at the end.
            if packet.size:
                yield packet
    except av.error.MemoryError:
        raise
    except av.error.FFmpegError:
        return


def frames_of(stream: VideoStream | AudioStream, packet: "Packet[Any] | None") -> list[Any]:
    """The frames of a packet, or without one those that the decoder still holds; none of damage."""
    try:
        frames: list[Any] = list(stream.decode(packet))
    except av.error.MemoryError:
        raise
    except av.error.FFmpegError:
        return []
    if packet is None and stream.time_base:
        # PyAV takes a frame's clock from its packet.
        for frame in frames:
            frame.time_base = stream.time_base
    return frames


def turn_of(frame: VideoFrame) -> Turn:
    """The nearest of the eight ways to lay a picture, from its display matrix."""
    data = frame.side_data.get("DISPLAYMATRIX")
    if not isinstance(data, SideData):
        return Turn()
    a, b, _u, c, d, *_rest = struct.unpack("9i", bytes(data))
    degrees = round(math.degrees(math.atan2(b, a)) / 90) * 90 % 360
    if abs(b) > abs(a):
        return Turn(True, c < 0, b < 0, degrees)
    return Turn(False, a < 0, d < 0, degrees)


def examine(source: IO[bytes]) -> Facts:
    """The facts of the file. Raises Rejected."""
    try:
        return _examine(source)
    # Out of memory is among them: only a damaged index asks for gigabytes at the door.
    except (av.error.FFmpegError, ValueError) as error:
        raise Rejected("unreadable") from error


def _examine(source: IO[bytes]) -> Facts:
    with open_video(source) as container:
        stream = picture_stream(container)
        stream.thread_count = 1
        sound = sound_stream(container)
        times, first = _beginning(container, stream)
        if first is None:
            raise Rejected("undecodable", codec=stream.codec_context.codec.canonical_name)
        duration = _duration(container, stream, times)
        sides = _displayed(first, stream.sample_aspect_ratio)
        turn = turn_of(first)
        width, height = reversed(sides) if turn.exchanged else sides
        _check(width, height, duration, len(times))
        steps = [later - earlier for earlier, later in itertools.pairwise(times)]
        rate = stream.average_rate or Fraction(len(steps) / (times[-1] - times[0]))
        context = stream.codec_context
        return Facts(
            format=container.format.name,
            codec=context.codec.canonical_name,
            profile=str(context.profile or ""),
            level=context.level,
            pixels=first.format.name,
            bit_depth=max(component.bits for component in first.format.components),
            width=width,
            height=height,
            rotation=turn.degrees,
            fps=round(float(rate), 3),
            is_vfr=_is_uneven(steps),
            duration=duration,
            audio=sound.codec_context.codec.canonical_name if sound else None,
            has_alpha_channel=any(c.is_alpha for c in first.format.components)
            or stream.metadata.get("alpha_mode") == "1",
            # AV_FIELD_PROGRESSIVE is 1, unknown is 0.
            interlaced=first.interlaced_frame or context.field_order > 1,
            high_range=first.color_trc in HIGH_RANGE_TRANSFERS
            or first.color_primaries in WIDE_PRIMARIES,
            square_pixels=sides == (first.width, first.height),
            turn=turn,
            start=first.time or 0.0,
        )


def _beginning(
    container: InputContainer, stream: VideoStream
) -> tuple[list[float], VideoFrame | None]:
    """The times of the first packets, in order, and the first picture."""
    times: list[float] = []
    first = None
    for number, packet in enumerate(packets_of(container, stream)):
        if packet.pts is not None and stream.time_base is not None:
            times.append(float(packet.pts * stream.time_base))
        if first is None:
            first = next(iter(frames_of(stream, packet)), None)
        if number >= (SAMPLE_PACKETS if first is not None else PATIENCE_PACKETS):
            break
    if first is None:
        first = next(iter(frames_of(stream, None)), None)
    return sorted(times), first


def _duration(container: InputContainer, stream: VideoStream, times: list[float]) -> float:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if container.duration:
        # Matroska counts from zero on, even when the first picture comes later.
        begins = times[0] if times and "matroska" in container.format.name else 0.0
        return float(Fraction(container.duration, av.time_base)) - begins
    # What a browser has recorded carries no duration: walk to the end, without decoding.
    last = times[-1] if times else 0.0
    for packet in packets_of(container, stream):
        if packet.pts is not None and stream.time_base is not None:
            last = max(last, float(packet.pts * stream.time_base))
    return last - (times[0] if times else 0.0)


def _displayed(frame: VideoFrame, aspect: Fraction | None) -> tuple[int, int]:
    """Width and height with square pixels, before turning: the longer direction is kept."""
    if not aspect or aspect == 1 or not Fraction(1, 8) <= aspect <= 8:
        return frame.width, frame.height
    if aspect > 1:
        return round(frame.width * aspect), frame.height
    return frame.width, round(frame.height / aspect)


def _is_uneven(steps: list[float]) -> bool:
    """Whether pictures come at an uneven pace: the clock of a file may round by a millisecond."""
    if len(steps) < 2:
        return False
    usual = statistics.median(steps)
    # The last packets seen may still wait for one that is shown before them.
    steady = steps[:-8] if len(steps) > 16 else steps
    return any(abs(step - usual) > max(0.25 * usual, 0.002) for step in steady)


def _check(width: int, height: int, duration: float, packets: int) -> None:
    if max(width, height) > MAX_SIDE:
        raise Rejected("too_large", width=width, height=height)
    if min(width, height) < MIN_SIDE:
        raise Rejected("too_small", width=width, height=height)
    if packets < 2 or not duration > 0:
        raise Rejected("still")
    if duration > MAX_SECONDS:
        raise Rejected("too_long")
