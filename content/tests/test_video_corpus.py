"""What phones, cameras and browsers write becomes one kind of MP4, upright and in step."""

import io
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from content.tests import encodings
from content.tests.encodings import CORPUS, Encoding, even_times, film
from content.tests.video_checks import (
    check_phone_safe,
    check_pictures,
    check_upright,
    watch,
)
from content.video_file import Prepared, VideoRejected, prepare, probe

pytestmark = pytest.mark.once


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Prepared]:
    def run(data: bytes, *, folder: str = "made", keep_halves: bool = False) -> Prepared:
        source = tmp_path / "original"
        source.write_bytes(data)
        (tmp_path / folder).mkdir()
        return prepare(source, tmp_path / folder, keep_halves=keep_halves)

    return run


def packets(data: bytes, kind: str = "video") -> list[bytes]:
    with av.open(io.BytesIO(data), "r") as file:
        stream = next(s for s in file.streams if s.type == kind)
        return [bytes(p) for p in file.demux(stream) if p.dts is not None]


@pytest.mark.parametrize("encoding", CORPUS, ids=str)
def test_every_encoding_becomes_a_phone_safe_video(
    encoding: Encoding, made: Callable[..., Prepared]
) -> None:
    original = encoding.make()
    found = probe(io.BytesIO(original))
    result = made(original)
    check_phone_safe(result.video, size=encoding.shown, sound=encoding.has_sound)
    assert (result.width, result.height) == encoding.shown
    assert result.duration == pytest.approx(encoding.seconds, abs=0.15)
    assert found.duration == pytest.approx(encoding.seconds, abs=0.15)
    assert (result.has_sound, result.copied) == (encoding.has_sound, encoding.copied)
    assert (found.audio is not None) == encoding.has_sound
    assert result.bytes == result.video.stat().st_size
    assert result.original == found

    shown = watch(result.video)
    for picture in shown.pictures[:: max(1, len(shown.pictures) // 5)]:
        check_upright(picture)
    assert len(shown.times) <= 31 * encoding.seconds + 2 or encoding.copied
    if encoding.has_sound:
        assert shown.flash_at() == pytest.approx(encodings.FLASH_AT, abs=0.07)
        assert shown.tone_at() == pytest.approx(encodings.FLASH_AT, abs=0.03)
    thumbnails = {160: result.thumbnail_small, 320: result.thumbnail, 640: result.thumbnail_large}
    check_pictures(thumbnails, result.poster, encoding.shown)


def test_where_a_film_was_taken_stays_with_the_original(made: Callable[..., Prepared]) -> None:
    """Turned or copied: neither way carries a phone's place to visitors."""
    for number, codec in enumerate(("libx264", "mpeg4")):
        original = film(
            codec,
            container="mov",
            metadata={"com.apple.quicktime.location.ISO6709": encodings.PLACE},
            output={"movflags": "use_metadata_tags"},
        )
        assert encodings.PLACE.encode() in original
        result = made(original, folder=f"made-{number}")
        assert result.copied == (codec == "libx264")
        assert encodings.PLACE.encode() not in result.video.read_bytes()


def test_what_is_found_in_an_original_is_told() -> None:
    data = film(
        "libx265",
        container="mov",
        size=(240, 320),
        pixels="yuv420p10le",
        matrix=encodings.QUARTER_TURN,
        sound="aac",
    )
    found = probe(io.BytesIO(data))
    expected = {
        "codec": "hevc",
        "pixels": "yuv420p10le",
        "bit_depth": 10,
        "width": 240,
        "height": 320,
        "rotation": 90,
        "is_vfr": False,
        "audio": "aac",
        "has_alpha_channel": False,
        "bytes": len(data),
    }
    assert found.as_json().items() >= expected.items()
    assert found.fps == pytest.approx(25, abs=0.1)
    uneven = next(e for e in CORPUS if e.name == "h264-uneven-rate")
    assert probe(io.BytesIO(uneven.make())).is_vfr


def test_a_safe_video_is_copied_packet_by_packet(made: Callable[..., Prepared]) -> None:
    original = film("libx264", size=(1280, 720), sound="aac")
    result = made(original)
    copy = result.video.read_bytes()
    assert packets(copy) == packets(original)
    assert packets(copy, "audio") == packets(original, "audio")


def test_pictures_are_copied_when_only_the_sound_is_strange(
    made: Callable[..., Prepared],
) -> None:
    original = film("libx264", sound="libmp3lame")
    assert packets(made(original).video.read_bytes()) == packets(original)


def test_an_uneven_pace_is_kept(made: Callable[..., Prepared]) -> None:
    times = [0, 0.1, 0.2, 0.6, 0.8, 0.85, 0.9, 2.0, 2.1]
    result = made(film("libx265", times=times))
    assert watch(result.video).times == pytest.approx(times, abs=0.002)


def test_the_last_picture_stays_as_long_as_the_others(made: Callable[..., Prepared]) -> None:
    result = made(film("mpeg4", times=even_times(1, 5), rate=5))
    assert result.duration == pytest.approx(1, abs=0.01)


def test_sound_that_begins_later_stays_in_step(made: Callable[..., Prepared]) -> None:
    """The pictures begin 0.4 s before the sound, and both 3 s after the clock."""
    plain = film("mpeg4", sound="aac", times=even_times(2.0, 25))
    out = io.BytesIO()
    with av.open(io.BytesIO(plain), "r") as source, av.open(out, "w", "matroska") as file:
        tracks = {s.index: file.add_stream_from_template(s, opaque=True) for s in source.streams}
        for packet in source.demux():
            if packet.dts is not None and packet.pts is not None:
                later = 3 if packet.stream.type == "video" else 3.4
                shift = round(later / packet.time_base)
                packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                packet.stream = tracks[packet.stream.index]
                file.mux(packet)
    shown = watch(made(out.getvalue()).video)
    assert shown.times[0] == pytest.approx(0, abs=0.01)
    assert shown.flash_at() == pytest.approx(encodings.FLASH_AT, abs=0.05)
    assert shown.tone_at() == pytest.approx(encodings.FLASH_AT + 0.4, abs=0.03)


@pytest.mark.parametrize("transfer", [16, 18], ids=["pq", "hlg"])
def test_high_range_is_mapped_to_what_every_screen_shows(
    transfer: int, made: Callable[..., Prepared]
) -> None:
    result = made(film("libx265", pixels="yuv420p10le", transfer=transfer, times=(0, 0.1, 0.2)))
    with av.open(str(result.video)) as file:
        frame = next(file.decode(video=0))
    assert (frame.color_primaries, frame.color_trc, frame.colorspace) == (1, 1, 1)
    picture = frame.to_ndarray(format="rgb24")
    seen = np.array([picture[y, x] for y in (30, 210) for x in (40, 280)])
    assert [int(c.argmax()) for c in seen[:3]] == [0, 1, 2]
    # Mid grey of the source is neither crushed nor blown out.
    assert 20 < picture[110, 300].mean() < 235


def test_halves_keep_their_border(made: Callable[..., Prepared]) -> None:
    def pair(seconds: float) -> encodings.Picture:
        left = encodings.upright((1500, 1000), seconds)
        left[:, -300:] = (220, 30, 30)
        right = np.full_like(left, 255)
        right[:, -300:] = 0
        return np.concatenate([left, right], axis=1)

    original = film("libx264", size=(3000, 1000), stored=pair, times=even_times(0.4, 10))
    result = made(original, keep_halves=True)
    check_phone_safe(result.video, size=(2160, 720), sound=False)
    picture = watch(result.video).pictures[-1].astype(int)
    assert np.abs(picture[360, 1060:1078] - (220, 30, 30)).max() < 40
    assert picture[360, 1082:1100].min() > 215
    with Image.open(result.poster) as poster:
        assert (poster.size, poster.mode) == ((1080, 720), "RGBA")
        assert poster.getpixel((20, 360))[3] > 250  # type: ignore[index]
        assert poster.getpixel((1070, 360))[3] < 5  # type: ignore[index]
    with Image.open(result.thumbnail_small) as small:
        assert small.size == (160, 107)


def test_the_poster_is_not_a_black_picture(made: Callable[..., Prepared]) -> None:
    def fading_in(seconds: float) -> encodings.Picture:
        picture = encodings.upright((320, 240), seconds)
        return picture if seconds >= 0.9 else np.zeros_like(picture)

    result = made(film("libx264", stored=fading_in))
    with Image.open(result.poster) as poster:
        check_upright(np.asarray(poster.convert("RGB")))


def test_progress_rises_to_the_end(tmp_path: Path) -> None:
    source, folder, told = tmp_path / "original", tmp_path / "made", list[int]()
    source.write_bytes(film("mpeg4", times=even_times(3, 25)))
    folder.mkdir()
    prepare(source, folder, on_progress=told.append)
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0, 100)
    assert len(set(told)) > 10


REFUSED = {
    "at most 8192 pixels": lambda: film("libx264", size=(8194, 64), times=(0, 0.04)),
    "at least 16 pixels": lambda: film("mpeg4", size=(64, 8)),
    "no moving picture": lambda: film("libx264", times=(0,)),
    "at most four hours": lambda: film("libx264", times=(0, 1, 20_000), rate=1),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_absurd_is_refused_with_the_reason(reason: str) -> None:
    with pytest.raises(VideoRejected, match=reason):
        probe(io.BytesIO(REFUSED[reason]()))


def test_a_file_with_sound_alone_is_refused() -> None:
    out = io.BytesIO()
    with av.open(out, "w", "mp4") as file:
        track = file.add_stream("aac", rate=44_100, layout="mono")
        wave = np.zeros((1, 44_100), np.float32)
        frame = av.AudioFrame.from_ndarray(wave, "fltp", "mono")
        frame.sample_rate, frame.time_base = 44_100, Fraction(1, 44_100)
        file.mux(track.encode(frame))
        file.mux(track.encode(None))
    with pytest.raises(VideoRejected, match="no moving picture"):
        probe(io.BytesIO(out.getvalue()))


def test_half_a_video_is_refused_and_says_how_much_is_there(
    made: Callable[..., Prepared],
) -> None:
    output = {"movflags": "+faststart"}
    whole = film("libx264", times=even_times(10, 25), sound="aac", output=output)
    with pytest.raises(VideoRejected, match=r"incomplete: \d+\.\d of 10\.0 seconds"):
        made(whole[: len(whole) * 6 // 10])
