"""Files that are not what they claim: refused by their header, in plain words, within 2 seconds."""

import io
import struct
import time
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from content.markers import ImageRejected, normalise_image, thumbnail

from .pictures import confetti, encoded


def png_chunk(name: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + checksum


def bomb(width: int, height: int) -> bytes:
    """A PNG of one grey level: a few kilobytes that decode to width × height pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compressobj(9)
    body = b"".join(rows.compress(bytes(width + 1)) for _ in range(height)) + rows.flush()
    signature = b"\x89PNG\r\n\x1a\n"
    chunks = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", body) + png_chunk(b"IEND", b"")
    return signature + chunks


def jpeg_that_claims(width: int, height: int) -> bytes:
    data = bytearray(encoded(confetti(400, 300), "JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def webp_that_claims(width: int, height: int) -> bytes:
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return (
        b"RIFF" + struct.pack("<I", 30) + b"WEBPVP8X" + struct.pack("<II", 10, 0) + size + bytes(8)
    )


def scan_bomb() -> bytes:
    """A progressive JPEG whose last scan is repeated thousands of times."""
    data = encoded(confetti(400, 300), "JPEG", progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + scan * 5000 + data[-2:]


PHOTOGRAPH = encoded(confetti(800, 600), "JPEG", quality=95)
DRAWING = encoded(confetti(800, 600), "PNG")

HOSTILE = {
    "nothing": (b"", "empty"),
    "text": (b"#EXTM3U\nfile:///etc/passwd\n", "format"),
    "eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 400 300\n", "format"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg' width='400' height='300'/>", "format"),
    "gif": (encoded(confetti(400, 300), "GIF"), "format"),
    "tiff": (encoded(confetti(400, 300), "TIFF"), "format"),
    "riff that is sound": (b"RIFF\x24\0\0\0WAVEfmt " + bytes(400), "damaged"),
    "png bomb": (bomb(12_000, 12_000), "large"),
    "long png": (bomb(30_000, 300), "large"),
    "jpeg bomb": (jpeg_that_claims(65_000, 65_000), "large"),
    "webp bomb": (webp_that_claims(16_383, 16_383), "large"),
    "scan bomb": (scan_bomb(), "damaged"),
    "one pixel": (bomb(1, 1), "small"),
    "truncated jpeg": (PHOTOGRAPH[: len(PHOTOGRAPH) // 2], "damaged"),
    "jpeg header alone": (PHOTOGRAPH[:20], "damaged"),
    "truncated png": (DRAWING[: len(DRAWING) // 2], "damaged"),
    "png header alone": (DRAWING[:33], "damaged"),
    "truncated webp": (encoded(confetti(800, 600), "WEBP")[:5000], "damaged"),
    "webp header alone": (b"RIFF\x10\0\0\0WEBPVP8 ", "damaged"),
    "jpeg bytes, then noise": (b"\xff\xd8\xff" + b"noise" * 1000, "damaged"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_quickly_and_in_plain_words(name: str) -> None:
    data, code = HOSTILE[name]
    started = time.monotonic()
    with pytest.raises(ImageRejected) as refusal:
        normalise_image(io.BytesIO(data))
    assert time.monotonic() - started < 2
    assert refusal.value.code == code
    assert str(refusal.value).endswith(".")


def test_a_file_of_hundreds_of_megabytes_is_not_read_to_its_end() -> None:
    class Endless(io.RawIOBase):
        taken = 0

        def read(self, size: int = -1) -> bytes:
            assert size > 0
            self.taken += size
            return bytes(size)

    endless = Endless()
    with pytest.raises(ImageRejected) as refusal:
        normalise_image(endless)  # type: ignore[arg-type]
    assert refusal.value.code == "heavy"
    assert endless.taken < 100 * 2**20


SEEDS = [
    encoded(confetti(220, 210), "JPEG"),
    encoded(confetti(220, 210), "JPEG", progressive=True),
    encoded(confetti(220, 210), "PNG"),
    encoded(confetti(220, 210).quantize(16), "PNG"),
    encoded(confetti(220, 210), "WEBP"),
    encoded(confetti(220, 210), "WEBP", lossless=True),
]


@settings(max_examples=120, deadline=2000)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=4)), max_size=4),
    st.floats(0.02, 1.0),
)
def test_a_corrupted_file_is_either_read_or_refused(
    seed: bytes, changes: list[tuple[float, bytes]], share: float
) -> None:
    data = bytearray(seed)
    for place, junk in changes:
        at = int(place * (len(data) - len(junk)))
        data[at : at + len(junk)] = junk
    try:
        image = normalise_image(bytes(data[: int(share * len(data))]))
    except ImageRejected:
        return
    assert min(image.width, image.height) >= 256
    assert Image.open(io.BytesIO(thumbnail(image.data, side=64))).format == "WEBP"
