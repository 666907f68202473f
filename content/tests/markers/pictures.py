"""Pictures for the marker tests: real photographs from scikit-image's wheel and drawn ones."""

import io

import numpy as np
import skimage.data
from PIL import Image, ImageDraw, ImageFilter


def photograph(name: str) -> Image.Image:
    pixels = getattr(skimage.data, name)()
    return Image.fromarray(pixels).convert("RGB")


def png(picture: Image.Image) -> bytes:
    return encoded(picture, "PNG", compress_level=1)


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    output = io.BytesIO()
    picture.save(output, kind, **options)
    return output.getvalue()


def blurred(picture: Image.Image, radius: float) -> Image.Image:
    return picture.filter(ImageFilter.GaussianBlur(radius))


def washed_out(picture: Image.Image, contrast: float) -> Image.Image:
    return Image.blend(Image.new("RGB", picture.size, (128, 128, 128)), picture, contrast)


def tiled(picture: Image.Image, count: int) -> Image.Image:
    tile = picture.resize((picture.width // count, picture.height // count))
    sheet = Image.new("RGB", (tile.width * count, tile.height * count))
    for row in range(count):
        for column in range(count):
            sheet.paste(tile, (column * tile.width, row * tile.height))
    return sheet


def on_white(picture: Image.Image, share: float) -> Image.Image:
    """The picture printed small in a corner of an empty sheet of its own size."""
    sheet = Image.new("RGB", picture.size, "white")
    small = picture.resize((round(picture.width * share), round(picture.height * share)))
    sheet.paste(small, (picture.width // 16, picture.height // 16))
    return sheet


def uniform(width: int = 640, height: int = 480) -> Image.Image:
    return Image.new("RGB", (width, height), (90, 120, 150))


def stripes(width: int = 640, height: int = 480) -> Image.Image:
    row = (np.arange(width) // 20 % 2 * 255).astype(np.uint8)
    return Image.fromarray(np.tile(row, (height, 1))).convert("RGB")


def checkerboard(width: int = 640, height: int = 480, square: int = 32) -> Image.Image:
    y, x = np.mgrid[:height, :width]
    return Image.fromarray(((x // square + y // square) % 2 * 255).astype(np.uint8)).convert("RGB")


def confetti(width: int = 640, height: int = 480, pieces: int = 150) -> Image.Image:
    """Overlapping coloured shapes: rich in detail and free of repetition."""
    random = np.random.default_rng(1)
    picture = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(picture)
    for piece in range(pieces):
        left, top = random.integers(0, (width - 40, height - 40)).tolist()
        wide, high = random.integers(8, 90, 2).tolist()
        colour = tuple(random.integers(0, 255, 3).tolist())
        shape = draw.ellipse if piece % 2 else draw.rectangle
        shape((left, top, left + wide, top + high), fill=colour)
    return picture
