"""A look at an upload, within the request: quick, and the upload is as it was."""

import io
import os

import pytest
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.utils.translation import override

from content import video_file
from content.tests.media import clip
from content.video_file import VideoRejected, probe


def test_an_mp4_is_probed() -> None:
    data = clip(size=(320, 240), seconds=2, sound=True)
    found = probe(io.BytesIO(data))
    assert (found.width, found.height, found.rotation) == (320, 240, 0)
    assert (found.codec, found.pixels, found.bit_depth) == ("h264", "yuv420p", 8)
    assert (found.audio, found.fps, found.is_vfr) == ("aac", 25, False)
    assert found.duration == pytest.approx(2, abs=0.1)
    assert found.bytes == len(data)


@pytest.mark.parametrize("data", [b"", b"Dear sir, this is not a video.", bytes(100_000)])
def test_what_is_no_video_is_refused_at_little_cost(data: bytes) -> None:
    started = sum(os.times()[:4])
    with pytest.raises(VideoRejected, match="not a video"):
        probe(io.BytesIO(data))
    # Processor time, children included: what a busy machine does not move.
    assert sum(os.times()[:4]) - started < 2


def test_the_upload_can_be_read_again_afterwards() -> None:
    source = io.BytesIO(clip())
    source.read()
    probe(source)
    assert source.tell() == 0


def test_an_upload_on_disk_is_read_where_it_lies() -> None:
    data = clip(seconds=2)
    with TemporaryUploadedFile("film.mp4", "video/mp4", len(data), None) as upload:
        upload.write(data)
        upload.flush()
        position = upload.tell()
        assert probe(upload).bytes == len(data)
        assert upload.tell() == position
        upload.seek(0)
        assert upload.read() == data


def test_a_look_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_file, "_PROBE_WALL_SECONDS", 0.01)
    with pytest.raises(VideoRejected, match="too long to read"):
        probe(io.BytesIO(clip()))


def test_the_child_knows_nothing_of_its_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable with a password in it, nothing in its folder, no open file but its own."""
    monkeypatch.setenv("SECRET", "swordfish")
    # It answers in the place of a look what it sees around itself.
    seen = (
        "import json, os; "
        "more = [n for n in range(3, 256) if os.path.exists(f'/proc/self/fd/{n}')]; "
        "print(json.dumps({'rejected': 'too_large', 'height': len(more), "
        "'width': [*os.environ.keys() - {'LC_CTYPE'}, *os.listdir()]}))"
    )
    monkeypatch.setattr(video_file, "_ENTRY", seen)
    with pytest.raises(VideoRejected, match=r"too large: \[\] × 0,"):
        probe(io.BytesIO(clip()))


def test_the_reason_is_told_in_the_reader_s_language() -> None:
    with pytest.raises(VideoRejected) as refused:
        probe(io.BytesIO(b"no video"))
    with override("en"):
        assert str(refused.value.args[0]).startswith("This file is not a video")
