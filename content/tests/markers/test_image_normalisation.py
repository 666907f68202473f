"""What a kept picture looks like: upright, sRGB, opaque, 8-bit, within bounds, stripped."""

import io
import struct

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from content.markers import ImageRejected, NormalisedImage, normalise_image, thumbnail

from .pictures import confetti, encoded, photograph, png

ORIENTATION = 0x0112


def raster(image: NormalisedImage) -> Image.Image:
    picture = Image.open(io.BytesIO(image.data))
    picture.load()
    assert picture.mode == "RGB"
    assert picture.size == (image.width, image.height)
    return picture


def pixels(image: NormalisedImage) -> NDArray[np.int64]:
    return np.asarray(raster(image)).astype(np.int64)


def oriented(number: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION] = number
    return exif


def red_left_half(width: int = 400, height: int = 300) -> Image.Image:
    picture = Image.new("RGB", (width, height), "white")
    picture.paste("red", (0, 0, width // 2, height))
    return picture


def swapped_profile() -> bytes:
    """A display profile whose red is sRGB's green and whose green is sRGB's red."""

    def number(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    def xyz(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(map(number, values))

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)) + b"\0\0"
    text = b"swapped\0"
    described = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78)
    tags = {
        b"desc": described + bytes(-len(described) % 4),
        b"wtpt": xyz(0.9642, 1.0, 0.8249),
        b"rXYZ": xyz(0.3851, 0.7169, 0.0971),
        b"gXYZ": xyz(0.4361, 0.2225, 0.0139),
        b"bXYZ": xyz(0.1431, 0.0606, 0.7141),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    offset = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += name + struct.pack(">II", offset + len(body), len(content))
        body += content
    header = struct.pack(">I", offset + len(body)) + bytes(4) + b"\x02\x40\0\0mntrRGB XYZ "
    header += bytes(12) + b"acsp" + bytes(28) + number(0.9642) + number(1.0) + number(0.8249)
    return header.ljust(128, b"\0") + table + body


def test_a_photograph_keeps_its_pixels_size_and_full_colour_resolution() -> None:
    data = encoded(photograph("coffee"), "JPEG", quality=95)
    picture = Image.open(io.BytesIO(data))
    image = normalise_image(data)
    assert (image.extension, image.content_type) == ("jpg", "image/jpeg")
    assert (image.width, image.height) == picture.size
    assert raster(image).layer[1][1:3] == (1, 1)  # type: ignore[attr-defined]
    assert np.abs(pixels(image) - np.asarray(picture)).mean() < 2


def test_a_small_png_stays_a_png_without_loss_and_a_heavy_one_becomes_a_jpeg() -> None:
    drawing = confetti()
    image = normalise_image(io.BytesIO(png(drawing)))
    assert (image.extension, image.content_type) == ("png", "image/png")
    assert np.array_equal(pixels(image), np.asarray(drawing))
    noise = np.random.default_rng(1).integers(0, 256, (1000, 1000, 3), dtype=np.uint8)
    heavy = normalise_image(png(Image.fromarray(noise)))
    assert (heavy.extension, heavy.content_type) == ("jpg", "image/jpeg")


@pytest.mark.parametrize(
    ("number", "size", "red_at"),
    [(1, (400, 300), (5, 150)), (3, (400, 300), (395, 150)), (6, (300, 400), (150, 5))],
)
def test_a_jpeg_is_turned_upright(
    number: int, size: tuple[int, int], red_at: tuple[int, int]
) -> None:
    image = normalise_image(encoded(red_left_half(), "JPEG", quality=95, exif=oriented(number)))
    assert (image.width, image.height) == size
    red, green, _ = raster(image).getpixel(red_at)  # type: ignore[misc]
    assert (red > 200, green < 60) == (True, True)


def test_a_png_is_not_turned_because_browsers_do_not() -> None:
    image = normalise_image(encoded(red_left_half(), "PNG", exif=oriented(6)))
    assert (image.width, image.height) == (400, 300)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_colours_of_a_profile_become_srgb(kind: str) -> None:
    lossless: dict[str, object] = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(red_left_half(), kind, icc_profile=swapped_profile(), **lossless)
    image = normalise_image(data)
    red, green, blue = pixels(image)[150, 50]
    assert green > 240
    assert red < 60
    assert blue < 60
    assert pixels(image)[150, 350].min() > 245


def test_a_broken_profile_is_ignored() -> None:
    image = normalise_image(encoded(red_left_half(), "PNG", icc_profile=b"nonsense" * 40))
    assert pixels(image)[150, 50].tolist() == [255, 0, 0]


def test_transparency_is_laid_on_white() -> None:
    picture = red_left_half().convert("RGBA")
    picture.putalpha(Image.new("L", picture.size, 0))
    picture.paste((0, 0, 255, 128), (0, 0, 100, 300))
    image = normalise_image(encoded(picture, "PNG"))
    assert pixels(image)[150, 350].tolist() == [255, 255, 255]
    assert pixels(image)[150, 50] == pytest.approx([127, 127, 255], abs=1)


def test_a_palette_with_a_transparent_colour_is_laid_on_white() -> None:
    picture = red_left_half().quantize(4)
    transparent = picture.getpixel((5, 5))
    image = normalise_image(encoded(picture, "PNG", transparency=transparent))
    assert np.all(pixels(image) == 255)


def test_16_bit_grey_keeps_its_levels() -> None:
    ramp = np.tile(np.linspace(0, 65535, 400).astype(np.uint16), (300, 1))
    image = normalise_image(encoded(Image.fromarray(ramp), "PNG"))
    assert np.array_equal(pixels(image)[0, :, 0], np.round(ramp[0] / 257))


def test_cmyk_becomes_rgb() -> None:
    image = normalise_image(encoded(red_left_half().convert("CMYK"), "JPEG", quality=95))
    red, green, blue = pixels(image)[150, 50]
    assert red > 200
    assert max(green, blue) < 80


@pytest.mark.parametrize("kind", ["WEBP", "PNG"])
def test_an_animation_gives_its_first_frame(kind: str) -> None:
    first, second = red_left_half(), Image.new("RGB", (400, 300), "blue")
    data = encoded(first, kind, save_all=True, append_images=[second], duration=50)
    red, _, blue = pixels(normalise_image(data))[150, 50]
    assert red > 200
    assert blue < 60


def test_nothing_but_pixels_is_kept() -> None:
    exif = oriented(1)
    exif.get_ifd(0x8825)[1] = "N"
    exif[0x010E] = "a secret place"
    data = encoded(
        photograph("rocket"), "JPEG", exif=exif, comment=b"a secret note", dpi=(300, 300)
    )
    image = normalise_image(data + b"a secret tail")
    assert b"secret" not in image.data
    kept = raster(image)
    assert not kept.getexif()
    assert not {"icc_profile", "comment", "exif", "dpi"} & set(kept.info)


@pytest.mark.parametrize(
    ("size", "kept"),
    [
        ((4000, 2000), (2048, 1024)),
        ((2048, 1500), (2048, 1500)),
        ((300, 200), (384, 256)),
        ((600, 200), (768, 256)),
        ((220, 220), (256, 256)),
        ((256, 256), (256, 256)),
    ],
)
def test_the_raster_is_brought_within_bounds(size: tuple[int, int], kept: tuple[int, int]) -> None:
    image = normalise_image(encoded(confetti(400, 300).resize(size), "JPEG"))
    assert (image.width, image.height) == kept


@pytest.mark.parametrize(
    ("size", "code"),
    [((199, 400), "small"), ((900, 299), "elongated"), ((12_001, 5_000), "large")],
)
def test_a_picture_out_of_bounds_is_refused(size: tuple[int, int], code: str) -> None:
    with pytest.raises(ImageRejected) as refusal:
        normalise_image(encoded(Image.new("L", size), "PNG"))
    assert refusal.value.code == code


def test_normalising_again_changes_nothing() -> None:
    once = normalise_image(png(confetti(1000, 700)))
    assert normalise_image(once.data) == once


def test_a_thumbnail_is_a_webp_fitted_into_the_square() -> None:
    data = thumbnail(normalise_image(png(photograph("coffee"))).data, side=160)
    picture = Image.open(io.BytesIO(data))
    assert (picture.format, picture.size) == ("WEBP", (160, 107))
