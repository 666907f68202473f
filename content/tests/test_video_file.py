"""Uploaded videos: what is accepted, what is found out, and what can do no harm."""

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from content.tests.media import clip
from content.video_file import VideoRejected, probe


def test_an_mp4_is_probed_and_gets_a_poster() -> None:
    found = probe(io.BytesIO(clip(size=(320, 240), seconds=2, sound=True)))
    assert (found.width, found.height, found.mime_type, found.extension) == (
        320,
        240,
        "video/mp4",
        "mp4",
    )
    assert found.duration == pytest.approx(2, abs=0.1)
    poster = Image.open(io.BytesIO(found.poster))
    assert (poster.format, poster.size) == ("WEBP", (320, 240))


def test_mp3_sound_is_accepted_too() -> None:
    found = probe(io.BytesIO(clip(sound=True, sound_codec="libmp3lame")))
    assert found.mime_type == "video/mp4"


def test_a_webm_is_accepted_without_sound() -> None:
    found = probe(io.BytesIO(clip("libvpx-vp9", container="webm")))
    assert (found.mime_type, found.extension) == ("video/webm", "webm")


@pytest.mark.parametrize("codec", ["libx265", "mpeg4"])
def test_what_phones_do_not_play_is_refused_by_name(codec: str) -> None:
    with pytest.raises(VideoRejected, match=r"H\.264"):
        probe(io.BytesIO(clip(codec)))


def test_ten_bit_colour_is_refused() -> None:
    with pytest.raises(VideoRejected, match="8 bits"):
        probe(io.BytesIO(clip(pixels="yuv420p10le")))


HOSTILE = {
    "empty": b"",
    "text": b"Dear sir, this is not a video.",
    "ffconcat": b"ffconcat version 1.0\nfile {secret}\n",
    "hls": b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n",
    "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_refused_within_two_seconds(kind: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(clip())
    started = sum(os.times()[:4])
    with pytest.raises(VideoRejected):
        probe(io.BytesIO(HOSTILE[kind].replace(b"{secret}", str(secret).encode())))
    # Processor time, children included: what a busy machine does not move.
    assert sum(os.times()[:4]) - started < 2


def test_a_truncated_video_is_refused() -> None:
    with pytest.raises(VideoRejected):
        probe(io.BytesIO(clip(seconds=2)[:3000]))


def test_the_upload_can_be_read_again_afterwards() -> None:
    source = io.BytesIO(clip())
    probe(source)
    assert source.tell() == 0
