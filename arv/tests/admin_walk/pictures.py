"""The picture of every content in the worlds, and its marker."""

import io
from functools import cache

from PIL import Image, ImageDraw

from content.markers import compile_marker

SIZE = (320, 260)


@cache
def marker() -> bytes:
    return compile_marker(picture()).data


@cache
def picture() -> bytes:
    """A small photograph's worth of edges."""
    image = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(image)
    for step in range(90):
        x, y = step * 53 % (SIZE[0] - 20), step * 37 % (SIZE[1] - 20)
        draw.rectangle((x, y, x + 25, y + 17), fill=(step * 2, 255 - step * 2, step))
    stored = io.BytesIO()
    image.save(stored, "JPEG")
    return stored.getvalue()
