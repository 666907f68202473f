"""Pictures as they arrive and as they are kept: checked, upright, sRGB, opaque, stripped.

The normalised raster is what is stored, shown, printed and compiled, so a browser, a printer and
the marker compiler all see the same pixels.
"""

import io
import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO, Literal

import numpy as np
from django.utils.translation import gettext_lazy as _
from PIL import Image, ImageCms, ImageOps

MAX_BYTES = 64 * 2**20
MAX_PIXELS = 50_000_000
MAX_SIDE = 12_000
MAX_ASPECT = 3.0
MIN_SHORT_SIDE = 200
STORED_LONG_SIDE = 2048
# Below this the tracker's 256-pixel frame would have to be enlarged, which it does not survive.
STORED_SHORT_SIDE = 256

_JPEG_QUALITY = 92
_PNG_BYTES = 2 * 2**20
# A progressive JPEG has about ten scans; thousands of empty ones keep a decoder busy for minutes.
_MAX_JPEG_SCANS = 100
_DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    struct.error,
    zlib.error,
)
_PROFILE_SPACES = {"RGB": "RGB ", "CMYK": "CMYK", "L": "GRAY"}

_MESSAGES = {
    "empty": _("The file is empty."),
    "heavy": _("The file is too heavy: at most 64 MB."),
    "format": _("This is not a JPEG, PNG or WebP picture."),
    "damaged": _("The picture is damaged or incomplete and cannot be read."),
    "large": _("The picture is too large: at most 50 megapixels and 12,000 pixels a side."),
    "small": _("The picture is too small: the short side must have at least 200 pixels."),
    "elongated": _(
        "The picture is too narrow: the long side may be at most three times the short one."
    ),
}


class ImageRejected(ValueError):
    """A picture that cannot be used; `code` names the reason, the message says it plainly."""

    def __init__(self, code: str) -> None:
        super().__init__(_MESSAGES[code])
        self.code = code


@dataclass(frozen=True)
class NormalisedImage:
    """An encoded 8-bit sRGB picture without alpha or metadata; sizes in pixels."""

    data: bytes
    extension: Literal["jpg", "png"]
    content_type: str
    width: int
    height: int


def normalise_image(source: BinaryIO | bytes) -> NormalisedImage:
    """Check a JPEG, PNG or WebP picture by its header, then decode and re-encode it.

    Raises ImageRejected. The short side of the result has at least 256 pixels and the long side
    at most 2048; animations give their first frame; alpha is laid on white, as print does.
    """
    data = source if isinstance(source, bytes) else source.read(MAX_BYTES + 1)
    picture = _open_checked(data)
    was_png = picture.format == "PNG"
    try:
        raster = _opaque_srgb(_resized(_upright(picture)))
    except _DAMAGED as error:
        raise ImageRejected("damaged") from error
    return _encoded(raster, as_png=was_png)


def check_image(data: bytes) -> None:
    """Raises ImageRejected for what a picture's header shows; no pixel is decoded."""
    _open_checked(data)


def thumbnail(image: bytes, *, side: int) -> bytes:
    """A WebP of the picture fitted into `side` × `side` pixels, never enlarged."""
    picture = open_raster(image)
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    output = io.BytesIO()
    picture.save(output, "WEBP", quality=82, method=4)
    return output.getvalue()


def open_raster(image: bytes) -> Image.Image:
    """The RGB pixels of a normalised picture. Raises ImageRejected when it cannot be read."""
    picture = _opened(image)
    try:
        picture.load()
    except _DAMAGED as error:
        raise ImageRejected("damaged") from error
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _open_checked(data: bytes) -> Image.Image:
    """A picture whose header is acceptable; no pixel has been decoded yet."""
    if len(data) > MAX_BYTES:
        raise ImageRejected("heavy")
    # Opening a WebP already allocates its canvas, so its size is read before; PNG costs nothing.
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        _check_size(*_webp_size(data))
    elif data.startswith(b"\x89PNG") and len(data) >= 24:
        _check_size(*struct.unpack(">II", data[16:24]))
    picture = _opened(data)
    _check_size(*picture.size)
    if data.startswith(b"\xff\xd8") and data.count(b"\xff\xda") > _MAX_JPEG_SCANS:
        raise ImageRejected("damaged")
    return picture


def _opened(data: bytes) -> Image.Image:
    if not data:
        raise ImageRejected("empty")
    # Judged by content: Pillow alone would also accept what a file name or a plug-in suggests.
    if not data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF")):
        raise ImageRejected("format")
    try:
        return Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP"))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageRejected("large") from error
    except _DAMAGED as error:
        raise ImageRejected("damaged") from error


def _check_size(width: int, height: int) -> None:
    long_side, short_side = max(width, height), min(width, height)
    if long_side > MAX_SIDE or width * height > MAX_PIXELS:
        raise ImageRejected("large")
    if short_side < MIN_SHORT_SIDE:
        raise ImageRejected("small")
    if long_side > MAX_ASPECT * short_side:
        raise ImageRejected("elongated")


def _webp_size(data: bytes) -> tuple[int, int]:
    """Canvas size from the first chunk (RFC 9649, sections 2.5 to 2.7)."""
    header = data[12:30]
    if len(header) < 18:
        raise ImageRejected("damaged")
    match header[:4]:
        case b"VP8X":
            return (
                int.from_bytes(header[12:15], "little") + 1,
                int.from_bytes(header[15:18], "little") + 1,
            )
        case b"VP8L":
            bits = int.from_bytes(header[9:13], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width, height = struct.unpack("<HH", header[14:18])
            return width & 0x3FFF, height & 0x3FFF
    raise ImageRejected("damaged")


def _upright(picture: Image.Image) -> Image.Image:
    """Decoded pixels, turned as browsers turn them: by EXIF, for JPEG alone."""
    if picture.format not in ("JPEG", "MPO"):
        picture.load()
        return picture
    # Lets the decoder itself halve very large photographs.
    picture.draft(picture.mode, (2 * STORED_LONG_SIDE, 2 * STORED_LONG_SIDE))
    return ImageOps.exif_transpose(picture)


def _resized(picture: Image.Image) -> Image.Image:
    long_side, short_side = max(picture.size), min(picture.size)
    ratio = min(STORED_LONG_SIDE / long_side, max(1.0, STORED_SHORT_SIDE / short_side))
    straight = _straight(picture)
    if ratio == 1.0:
        return straight
    width, height = (max(STORED_SHORT_SIDE, round(side * ratio)) for side in picture.size)
    return straight.resize((width, height), Image.Resampling.LANCZOS)


def _straight(picture: Image.Image) -> Image.Image:
    """The picture in a mode that can be resized and colour-managed: L, RGB, RGBA or CMYK."""
    profile = picture.info.get("icc_profile")
    if picture.mode.startswith("I"):
        straight = _eight_bits(picture)
    elif picture.has_transparency_data:
        straight = picture.convert("RGBA")
    elif picture.mode in ("L", "RGB", "CMYK"):
        straight = picture
    else:
        straight = picture.convert("RGB")
    straight.info = {"icc_profile": profile} if profile else {}
    return straight


def _eight_bits(picture: Image.Image) -> Image.Image:
    deep = np.asarray(picture).astype(np.float64)
    grey = Image.fromarray(np.round(deep.clip(0, 65535) / 257).astype(np.uint8))
    clear = picture.info.get("transparency")
    if clear is None:
        return grey
    alpha = Image.fromarray(np.where(deep == clear, 0, 255).astype(np.uint8))
    return Image.merge("RGBA", (grey, grey, grey, alpha))


def _opaque_srgb(picture: Image.Image) -> Image.Image:
    profile = picture.info.get("icc_profile")
    colours = picture.convert("RGB") if picture.mode == "RGBA" else picture
    raster = _to_srgb(colours, profile)
    if picture.mode == "RGBA":
        paper = Image.new("RGB", picture.size, "white")
        paper.paste(raster, mask=picture.getchannel("A"))
        raster = paper
    raster.info = {}
    return raster


def _to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Perceptual conversion; a profile that is broken or of other colours is ignored, as
    browsers do."""
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if source.profile.xcolor_space == _PROFILE_SPACES[picture.mode]:
                converted = ImageCms.profileToProfile(
                    picture,
                    source,
                    ImageCms.createProfile("sRGB"),
                    renderingIntent=ImageCms.Intent.PERCEPTUAL,
                    outputMode="RGB",
                )
                if converted is not None:
                    return converted
        except (ImageCms.PyCMSError, OSError):
            return picture.convert("RGB")
    return picture.convert("RGB")


def _encoded(raster: Image.Image, *, as_png: bool) -> NormalisedImage:
    """PNG for a PNG that stays small (drawings, logos), else JPEG without chroma subsampling."""
    if as_png:
        output = io.BytesIO()
        raster.save(output, "PNG")
        if output.tell() <= _PNG_BYTES:
            return NormalisedImage(output.getvalue(), "png", "image/png", *raster.size)
    output = io.BytesIO()
    raster.save(output, "JPEG", quality=_JPEG_QUALITY, subsampling="4:4:4")
    return NormalisedImage(output.getvalue(), "jpg", "image/jpeg", *raster.size)
