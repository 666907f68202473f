"""A printed code leads to the page: decoded by OpenCV's reader, not by our own writer."""

import io
from xml.etree import ElementTree

import cv2
import numpy as np
from PIL import Image

from content import qrcodes
from content.tests.codes import read_code

URL = "https://ar.example.com/ar/4f6f0c2e-9a52-4a57-8b3f-1c2d3e4f5a6b"


def decode(png: bytes) -> str:
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    return read_code(image)


def test_the_png_decodes_to_the_url() -> None:
    assert decode(qrcodes.png(URL)) == URL


def test_a_smudge_of_an_eighth_of_the_width_does_not_stop_the_reader() -> None:
    image = Image.open(io.BytesIO(qrcodes.png(URL))).convert("L")
    side = image.width // 8
    corner = image.width * 6 // 10
    image.paste(255, (corner, corner, corner + side, corner + side))
    out = io.BytesIO()
    image.save(out, "PNG")
    assert decode(out.getvalue()) == URL


def test_the_quiet_zone_is_four_modules_of_white() -> None:
    image = np.asarray(Image.open(io.BytesIO(qrcodes.png(URL, scale=10))).convert("L"))
    dark = np.argwhere(image < 128)
    assert dark.min() == 40
    assert image.shape[0] - 1 - dark.max() == 40


def test_the_svg_is_well_formed_and_scales() -> None:
    root = ElementTree.fromstring(qrcodes.svg(URL))  # noqa: S314 - our own output
    assert root.tag.endswith("svg")
    assert root.get("viewBox")
    assert root.get("width") is None


def test_the_terminal_gets_lines_of_equal_width() -> None:
    assert len(qrcodes.terminal(URL).splitlines()) > 15
