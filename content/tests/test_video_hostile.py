"""Files that mean harm: refused, or played, and nothing else is touched.

ARV_FLIPS=5000 tries as many damaged files instead of the usual 200.
"""

import io
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import av
import pytest

from content import video_file
from content.tests.encodings import even_times, film
from content.tests.tripwires import Listener, Openings, children, nothing_left
from content.tests.video_checks import watch
from content.video_file import VideoFailed, VideoRejected, prepare, probe

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parents[2]
FLIPS = int(os.environ.get("ARV_FLIPS", "200"))
PREPARED_FLIPS = max(20, FLIPS // 10)


@dataclass(frozen=True)
class Trap:
    """A film of somebody else's, an address, and a place for temporary files."""

    canary: Path
    openings: Openings
    listener: Listener
    temporary: Path

    def bait(self, text: str) -> bytes:
        values = {"file": str(self.canary), "port": str(self.listener.port)}
        for name, value in values.items():
            text = text.replace("{" + name + "}", value)
        return text.encode()


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trap]:
    canary, temporary = tmp_path / "canary.mp4", tmp_path / "temporary"
    canary.write_bytes(film("libx264", sound="aac"))
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    openings, listener = Openings(canary), Listener()
    yield Trap(canary, openings, listener, temporary)
    openings.close()
    listener.close()


HOSTILE = {
    "ffconcat": "ffconcat version 1.0\nfile '{file}'\nfile 'http://127.0.0.1:{port}/a.mp4'\n",
    "hls of a file": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{file}\n#EXT-X-ENDLIST\n",
    "hls of an address": (
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:{port}/a.ts\n"
        "#EXT-X-ENDLIST\n"
    ),
    "hls key": (
        '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-KEY:METHOD=AES-128,URI="file://{file}"\n'
        "#EXTINF:1,\nconcat:file://{file}|http://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n"
    ),
    "dash": (
        '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"'
        ' mediaPresentationDuration="PT1S"><Period><AdaptationSet mimeType="video/mp4">'
        '<Representation id="1" bandwidth="1"><BaseURL>http://127.0.0.1:{port}/a.mp4</BaseURL>'
        "</Representation><Representation id='2' bandwidth='2'><BaseURL>file://{file}</BaseURL>"
        "</Representation></AdaptationSet></Period></MPD>\n"
    ),
    "sdp": (
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\n"
    ),
    "rtsp redirect": "RTSPtext\nrtsp://127.0.0.1:{port}/a\n",
    "image list": "{file}\n{file}\n",
    "letter": "Dear sir, this is not a video.",
    "empty": "",
}


def refused_everywhere(data: bytes, folder: Path) -> None:
    with pytest.raises(VideoRejected):
        probe(io.BytesIO(data))
    source, made = folder / "original", folder / "made"
    source.write_bytes(data)
    made.mkdir()
    with pytest.raises(VideoRejected):
        prepare(source, made)
    assert list(made.iterdir()) == []


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_file_that_names_others_is_refused_and_nothing_is_opened(
    kind: str, trap: Trap, tmp_path: Path
) -> None:
    with nothing_left(trap.temporary):
        refused_everywhere(trap.bait(HOSTILE[kind]), tmp_path)
    assert (trap.openings.count(), trap.listener.calls) == (0, 0)


def test_the_trap_would_have_noticed(trap: Trap, tmp_path: Path) -> None:
    """The same baits, opened without any protection, do open the file and the address."""
    for kind, name in (("ffconcat", "bait.mp4"), ("hls of an address", "bait.m3u8")):
        bait = tmp_path / name
        bait.write_bytes(trap.bait(HOSTILE[kind]))
        options = {"safe": "0", "protocol_whitelist": "file,http,tcp"}
        try:
            with av.open(str(bait), options=options) as file:
                next(file.decode(video=0), None)
        except av.error.FFmpegError as error:
            print(kind, error)
    assert trap.openings.count() > 0
    assert trap.listener.calls > 0


def test_a_film_whose_pictures_lie_in_another_file_shows_none_of_them(
    trap: Trap, tmp_path: Path
) -> None:
    """QuickTime tracks may name the file that holds their data."""
    whole = film("libx264", container="mov")
    here = whole.index(b"dref") - 4
    size = int.from_bytes(whole[here : here + 4], "big")
    address = b"file://" + os.fsencode(trap.canary) + b"\0"
    entry = (12 + len(address)).to_bytes(4, "big") + b"url \0\0\0\0" + address
    elsewhere = (16 + len(entry)).to_bytes(4, "big") + whole[here + 4 : here + 16] + entry
    data = bytearray(whole[:here] + elsewhere + whole[here + size :])
    grown = len(elsewhere) - size
    for box in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
        at = data.index(box) - 4
        data[at : at + 4] = (int.from_bytes(data[at : at + 4], "big") + grown).to_bytes(4, "big")
    with nothing_left(trap.temporary):
        try:
            probe(io.BytesIO(bytes(data)))
        except VideoRejected as rejected:
            print(rejected)
    assert (trap.openings.count(), trap.listener.calls) == (0, 0)


@pytest.mark.parametrize("share", [-0.9, -0.5, -0.01, 0.01, 0.2])
def test_a_film_without_all_of_its_index_is_refused(share: float, tmp_path: Path) -> None:
    """The index lies behind the pictures: below zero, the cut is in these."""
    whole = film("libx264", times=even_times(2, 25), sound="aac")
    index = whole.index(b"moov")
    cut = index * (1 + share) if share < 0 else index + (len(whole) - index) * share
    refused_everywhere(whole[: int(cut)], tmp_path)


def flipped(data: bytes, seed: int) -> bytes:
    """One to eight bits turned, every second time in the index at the beginning."""
    chance = random.Random(seed)  # noqa: S311 - damage, not secrets
    damaged = bytearray(data)
    reach = data.index(b"mdat") if seed % 2 else len(data)
    for _ in range(chance.randint(1, 8)):
        damaged[chance.randrange(reach)] ^= 1 << chance.randrange(8)
    return bytes(damaged)


@pytest.fixture(scope="module")
def small() -> list[bytes]:
    """A film per family of formats, tiny, with the index first."""
    first = {"movflags": "+faststart"}
    size, times = (64, 48), even_times(0.6, 10)
    return [
        film("libx264", size=size, times=times, sound="aac", output=first),
        film("libx265", size=size, times=times, sound="aac", output=first),
    ]


def test_damaged_films_are_refused_or_read(small: list[bytes], trap: Trap) -> None:
    def attempt(seed: int) -> bool:
        try:
            probe(io.BytesIO(flipped(small[seed % 4 // 2], seed)))
        except VideoRejected:
            return False
        return True

    with nothing_left(trap.temporary), ThreadPoolExecutor(os.cpu_count()) as pool:
        read = sum(pool.map(attempt, range(FLIPS)))
    print(f"{read} of {FLIPS} damaged films can be read")
    assert 0 < read < FLIPS


def test_damaged_films_are_refused_or_prepared(
    small: list[bytes], trap: Trap, tmp_path: Path
) -> None:
    def attempt(seed: int) -> bool:
        source, folder = tmp_path / f"original-{seed}", tmp_path / f"made-{seed}"
        source.write_bytes(flipped(small[seed % 4 // 2], seed))
        folder.mkdir()
        try:
            made = prepare(source, folder)
        except VideoRejected:
            return False
        assert watch(made.video).pictures
        return True

    with nothing_left(trap.temporary), ThreadPoolExecutor(os.cpu_count()) as pool:
        played = sum(pool.map(attempt, range(1000, 1000 + PREPARED_FLIPS)))
    print(f"{played} of {PREPARED_FLIPS} damaged films can be played")
    assert 0 < played < PREPARED_FLIPS


@pytest.fixture(scope="module")
def minute() -> bytes:
    return film("mpeg4", size=(960, 540), times=even_times(60, 10))


@pytest.fixture
def long_film(minute: bytes, tmp_path: Path) -> tuple[Path, Path]:
    """Some seconds of work, and an empty folder."""
    source, folder = tmp_path / "original", tmp_path / "made"
    source.write_bytes(minute)
    folder.mkdir()
    return source, folder


def test_slow_work_is_ended_and_may_be_tried_again(
    long_film: tuple[Path, Path], trap: Trap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_file, "allowed_seconds", lambda duration: 1)
    with nothing_left(trap.temporary), pytest.raises(VideoFailed, match="1 second"):
        prepare(*long_film)


@pytest.mark.parametrize("limit", ["memory", "file size"])
def test_work_beyond_a_limit_is_ended_and_may_be_tried_again(
    limit: str, long_film: tuple[Path, Path], trap: Trap, monkeypatch: pytest.MonkeyPatch
) -> None:
    if limit == "memory":
        monkeypatch.setattr(video_file, "_MEMORY_BYTES", 220 * 1024**2)
    else:
        spare = 20_000 - long_film[0].stat().st_size
        monkeypatch.setattr(video_file, "_PREPARE_BYTES_PER_SECOND", 0)
        monkeypatch.setattr(video_file, "_PREPARE_SPARE_BYTES", spare)
    with nothing_left(trap.temporary), pytest.raises(VideoFailed, match="broke off"):
        prepare(*long_film)


def test_whoever_loses_interest_ends_the_work(long_film: tuple[Path, Path], trap: Trap) -> None:
    def lost(percent: int) -> None:
        if percent > 1:
            raise InterruptedError

    with nothing_left(trap.temporary), pytest.raises(InterruptedError):
        prepare(*long_film, on_progress=lost)


WORKER = """
import sys; sys.path.insert(0, sys.argv[1])
from pathlib import Path
from django.conf import settings
settings.configure(USE_I18N=False)
from content.video_file import prepare
source, folder = map(Path, sys.argv[2:])
prepare(source, folder, on_progress=lambda percent: print(percent, flush=True))
"""


def test_the_work_ends_soon_after_its_worker_was_killed(long_film: tuple[Path, Path]) -> None:
    command = [sys.executable, "-c", WORKER, str(ROOT), *map(str, long_film)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        percents = (int(line) for line in worker.stdout)
        assert next(percent for percent in percents if percent > 1)
        (child,) = children(worker.pid)
        worker.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while is_working(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_working(child)


def is_working(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
