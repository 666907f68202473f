"""Pictures and sound of any kind made into H.264 and AAC on one clock."""

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.container import OutputContainer
from av.filter import Graph
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from content.video_child.reading import UNSPECIFIED, Facts, Rejected, frames_of

if TYPE_CHECKING:
    from av.packet import Packet
    from av.stream import Stream

CLOCK = Fraction(1, 90_000)
FPS = 30
# How much earlier than its due time a picture may come: clocks of phones jitter.
EARLY_SECONDS = 0.008
KEY_SECONDS = 2.0
# Not every packet is a picture of its own, but most are.
LEAST_DECODED = 0.5
# Timestamps beyond the announced end, or a silence longer than this, are damage.
SLACK_SECONDS = 10.0
BITS_PER_SECOND = 4_000_000
SOUND_BITS_PER_SECOND = 128_000
SOUND_FRAME = 1024  # samples
# What screens without high range show: BT.709, limited range.
BT709, LIMITED = 1, 1


class Pictures:
    """H.264, 8 bits, upright, square pixels, at most 30 pictures a second, their pace kept."""

    def __init__(
        self,
        out: OutputContainer,
        stream: VideoStream,
        facts: Facts,
        size: tuple[int, int],
        *,
        threads: int,
    ) -> None:
        self._packets = self._decoded = self._written = 0
        self._source, self._facts, self._size = stream, facts, size
        stream.thread_type = "AUTO"
        stream.thread_count = threads
        self._target: Any = out.add_stream(
            "libx264",
            rate=FPS,
            options={
                "preset": "fast",
                "profile": "high",
                "crf": "22",
                "maxrate": str(BITS_PER_SECOND),
                "bufsize": str(2 * BITS_PER_SECOND),
                "g": str(int(FPS * KEY_SECONDS)),
                "forced-idr": "1",
            },
        )
        context = self._target.codec_context
        context.width, context.height = size
        context.pix_fmt = "yuv420p"
        context.time_base = CLOCK
        # How long the last picture stays is otherwise guessed from the rate.
        context.flags |= Flags.frame_duration
        context.thread_count = threads
        # By slices, rate control depends on which thread is faster: no two results are alike.
        context.thread_type = "FRAME"
        context.color_primaries = context.color_trc = context.colorspace = BT709
        context.color_range = LIMITED
        self._graph: Graph | None = None
        self._kind: tuple[Any, ...] = ()
        self._last = self._due = -1.0
        self._key = -KEY_SECONDS

    def take(self, packet: "Packet[Stream]") -> "Iterator[Packet[Stream]]":
        self._packets += 1
        yield from self._made_of(frames_of(self._source, packet))

    def end(self) -> "Iterator[Packet[Stream]]":
        """The last packets. Raises Rejected when too little came out to be the same video."""
        yield from self._made_of(frames_of(self._source, None))
        if self._graph is not None:
            self._graph.vpush(None)
            yield from self._encoded(_pulled(self._graph))
        if not self._written or self._decoded < LEAST_DECODED * self._packets:
            raise Rejected("damaged")
        yield from self._target.encode(None)

    def _made_of(self, frames: list[VideoFrame]) -> "Iterator[Packet[Stream]]":
        self._decoded += len(frames)
        for frame in frames:
            if self._is_due(frame):
                yield from self._encoded(self._filtered(frame))

    def _is_due(self, frame: VideoFrame) -> bool:
        if frame.pts is None:
            return False
        seconds = frame.time - self._facts.start
        if not self._last < seconds <= self._facts.duration + SLACK_SECONDS:
            return False
        if seconds + EARLY_SECONDS < self._due:
            return False
        self._last = seconds
        self._due = max(self._due, seconds - EARLY_SECONDS) + 1 / FPS
        return True

    def _filtered(self, frame: VideoFrame) -> Iterator[VideoFrame]:
        kind = (
            frame.width,
            frame.height,
            frame.format.name,
            frame.colorspace,
            frame.color_range,
            frame.color_trc,
            frame.color_primaries,
        )
        if self._graph is None or kind != self._kind:
            self._graph, self._kind = self._new_graph(frame), kind
        self._graph.vpush(frame)
        yield from _pulled(self._graph)

    def _new_graph(self, frame: VideoFrame) -> Graph:
        facts = self._facts
        width, height = reversed(self._size) if facts.turn.exchanged else self._size
        scale = f"{width}:{height}:flags=bicubic:out_color_matrix=bt709:out_range=limited"
        if frame.colorspace == UNSPECIFIED and frame.height >= 720:
            # What players take an unmarked picture of this size for.
            scale += ":in_color_matrix=bt709"
        if facts.high_range:
            scale += ":out_primaries=bt709:out_transfer=bt709"
        steps = [
            *(["bwdif=mode=send_frame"] if facts.interlaced else []),
            f"scale={scale}",
            "format=yuv420p",
            *facts.turn.filters,
            "setsar=1",
        ]
        base = self._source.time_base
        graph = Graph()
        nodes = [
            graph.add(
                "buffer",
                f"video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}"
                f":time_base={base}:colorspace={frame.colorspace}:range={frame.color_range}",
            )
        ]
        for step in steps:
            name, _, arguments = step.partition("=")
            nodes.append(graph.add(name, arguments or None))
        graph.link_nodes(*nodes, graph.add("buffersink"))
        graph.configure()
        return graph

    def _encoded(self, frames: Iterator[VideoFrame]) -> "Iterator[Packet[Stream]]":
        for frame in frames:
            seconds = frame.time - self._facts.start
            is_key = seconds - self._key > KEY_SECONDS - 1 / FPS
            if is_key:
                self._key = seconds
            self._written += 1
            frame.pict_type = PictureType.I if is_key else PictureType.NONE
            frame.time_base = CLOCK
            frame.pts = round(seconds / CLOCK)
            frame.duration = round(max(1 / self._facts.fps, 1 / FPS) / CLOCK)
            yield from self._target.encode(frame)


def _pulled(graph: Graph) -> Iterator[Any]:
    while True:
        try:
            yield graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return


class Sound:
    """AAC, stereo, 44.1 or 48 kHz; gaps are filled so that it stays with the pictures.

    `start` seconds of the original's clock are the beginning, `until` its length.
    """

    def __init__(
        self, out: OutputContainer, stream: AudioStream, *, start: float, until: float
    ) -> None:
        self._rate = 44_100 if stream.rate % 11_025 == 0 else 48_000
        self._source, self._start, self._until = stream, start, until
        self._target: Any = out.add_stream("aac", rate=self._rate, layout="stereo")
        self._target.codec_context.bit_rate = SOUND_BITS_PER_SECOND
        self._graph: Graph | None = None
        self._kind: tuple[Any, ...] = ()
        self._end = 0.0
        self._samples = 0

    def take(self, packet: "Packet[Stream]") -> "Iterator[Packet[Stream]]":
        for frame in frames_of(self._source, packet):
            yield from self._frame(frame)

    def end(self) -> "Iterator[Packet[Stream]]":
        for frame in frames_of(self._source, None):
            yield from self._frame(frame)
        yield from self._flushed()
        yield from self._target.encode(None)

    def _frame(self, frame: AudioFrame) -> "Iterator[Packet[Stream]]":
        length = frame.samples / frame.sample_rate
        begins = self._end if frame.time is None else frame.time - self._start
        ends = begins + length
        plausible = self._end - 1 <= begins <= self._end + 6 * SLACK_SECONDS
        if ends <= 0 or begins > self._until + SLACK_SECONDS or not plausible:
            return
        self._end = max(self._end, ends)
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._graph is None or kind != self._kind:
            yield from self._flushed()
            self._graph, self._kind = self._new_graph(frame), kind
        frame.time_base = Fraction(1, frame.sample_rate)
        frame.pts = round(begins * frame.sample_rate)
        self._graph.push(frame)
        yield from self._encoded(_pulled(self._graph))

    def _new_graph(self, frame: AudioFrame) -> Graph:
        graph = Graph()
        rate = frame.sample_rate
        nodes = [
            graph.add(
                "abuffer",
                f"sample_rate={rate}:sample_fmt={frame.format.name}"
                f":channel_layout={frame.layout.name}:time_base=1/{rate}",
            ),
            graph.add("aresample", f"{self._rate}:async=1:first_pts={self._samples}"),
            graph.add("aformat", "sample_fmts=fltp:channel_layouts=stereo"),
            graph.add("asetnsamples", f"n={SOUND_FRAME}:p=0"),
            graph.add("abuffersink"),
        ]
        graph.link_nodes(*nodes)
        graph.configure()
        return graph

    def _flushed(self) -> "Iterator[Packet[Stream]]":
        if self._graph is not None:
            self._graph.push(None)
            yield from self._encoded(_pulled(self._graph))
            self._graph = None

    def _encoded(self, frames: Iterator[AudioFrame]) -> "Iterator[Packet[Stream]]":
        for frame in frames:
            frame.time_base = Fraction(1, self._rate)
            frame.pts = self._samples
            self._samples += frame.samples
            yield from self._target.encode(frame)
