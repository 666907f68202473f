"""Archives for bulk imports, made for the tests."""

import io
import zipfile
from collections.abc import Iterable, Mapping
from functools import cache

import numpy as np
from PIL import Image

HEADING = ("title", "project", "picture", "videos")


@cache
def small_picture(number: int, side: int = 200) -> bytes:
    """A JPEG that is unlike those of other numbers."""
    noise = np.random.default_rng(number).integers(0, 255, (side // 10, side // 10, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).resize((side, side), Image.Resampling.NEAREST).save(out, "JPEG")
    return out.getvalue()


def table(
    rows: Iterable[Iterable[str]],
    *,
    heading: Iterable[str] = HEADING,
    delimiter: str = ",",
    encoding: str = "utf-8",
) -> bytes:
    lines = [delimiter.join(heading), *(delimiter.join(row) for row in rows)]
    return "\r\n".join(lines).encode(encoding)


def packed(files: Mapping[str, bytes], *, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def pictures(count: int, *, project: str = "") -> bytes:
    """An archive of `count` rows and pictures, without videos."""
    rows = [(f"Picture {n}", project, f"pictures/{n}.jpg", "") for n in range(1, count + 1)]
    files = {f"pictures/{n}.jpg": small_picture(n) for n in range(1, count + 1)}
    return packed({"table.csv": table(rows), **files}, compression=zipfile.ZIP_STORED)
