"""The sample content: a picture and a video drawn here, so that nothing needs to be shipped."""

import io
import math
import random
import tempfile
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

WIDTH, HEIGHT = 900, 1200
VIDEO_SIZE = (480, 640)
RATE, SECONDS = 20, 6
SOUND_RATE = 44100
SEED = 20
NIGHT, SAND = (18, 24, 52), (246, 224, 181)
PALETTE = [(239, 99, 81), (247, 178, 103), (94, 173, 171), (122, 92, 186), (250, 240, 202)]


def _landscape(size: tuple[int, int], shift: float) -> Image.Image:
    """Layered hills under a sun; `shift` in 0..1 moves them."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    sky = y / height
    image = np.stack([NIGHT[c] + (SAND[c] - NIGHT[c]) * sky**1.4 for c in range(3)], axis=-1)
    centre = (width * 0.62, height * (0.34 - 0.06 * math.sin(2 * math.pi * shift)))
    distance = np.hypot(x - centre[0], y - centre[1])
    image[distance < width * 0.17] = (252, 214, 120)
    for layer in range(6):
        phase = layer * 1.7 + 2 * math.pi * shift * (1 if layer % 2 else -1)
        ridge = height * (0.5 + 0.085 * layer) + height * 0.05 * (
            np.sin(x[0] / width * (3 + layer) * 2 + phase)
            + 0.5 * np.sin(x[0] / width * 17 + 2 * phase)
        )
        image[y > ridge] = np.array(PALETTE[layer % 5]) * (0.45 + 0.09 * layer)
    return Image.fromarray(image.clip(0, 255).astype(np.uint8))


def _birds_and_windows(draw: ImageDraw.ImageDraw, rng: random.Random) -> None:
    """Distinct, corner-rich shapes all over: what a tracker holds on to."""
    for _ in range(26):
        left, base = rng.randrange(20, WIDTH - 120), rng.randrange(620, HEIGHT - 40)
        width, height = rng.randrange(46, 110), rng.randrange(70, 210)
        wall = tuple(int(v * rng.uniform(0.35, 1)) for v in rng.choice(PALETTE))
        draw.rectangle((left, base - height, left + width, base), fill=wall, outline=NIGHT, width=3)
        draw.polygon(
            [
                (left - 8, base - height),
                (left + width // 2, base - height - rng.randrange(25, 70)),
                (left + width + 8, base - height),
            ],
            fill=rng.choice(PALETTE),
            outline=NIGHT,
        )
        for row in range(base - height + 14, base - 18, 30):
            for column in range(left + 8, left + width - 14, 24):
                if rng.random() < 0.7:
                    draw.rectangle(
                        (column, row, column + 11, row + 15), fill=rng.choice([SAND, NIGHT])
                    )
    for _ in range(34):
        x, y, wing = rng.randrange(30, WIDTH - 30), rng.randrange(30, 520), rng.randrange(14, 46)
        tilt = rng.uniform(-0.5, 0.5)
        colour = rng.choice([NIGHT, SAND, *PALETTE])
        draw.polygon(
            [
                (x, y),
                (x - wing, y - wing * (0.6 + tilt)),
                (x - wing * 0.3, y - wing * 0.1),
                (x, y + wing * 0.4),
                (x + wing * 0.3, y - wing * 0.1),
                (x + wing, y - wing * (0.6 - tilt)),
            ],
            fill=colour,
        )
    for _ in range(60):
        x, y, r = rng.randrange(WIDTH), rng.randrange(HEIGHT), rng.randrange(3, 9)
        draw.regular_polygon(
            (x, y, r), rng.choice([3, 4, 5]), rng.randrange(90), fill=rng.choice(PALETTE)
        )


def _town() -> Image.Image:
    """Everything that stands still, on a transparent ground."""
    layer = Image.new("RGBA", (WIDTH, HEIGHT))
    draw = ImageDraw.Draw(layer)
    _birds_and_windows(draw, random.Random(SEED))  # noqa: S311 - drawing, not secrets
    draw.rectangle((0, 0, WIDTH - 1, HEIGHT - 1), outline=SAND, width=18)
    return layer.filter(ImageFilter.GaussianBlur(0.6))


def picture() -> bytes:
    """A poster of 900×1200 pixels as PNG."""
    image = _landscape((WIDTH, HEIGHT), 0).filter(ImageFilter.GaussianBlur(0.8))
    town = _town()
    image.paste(town, mask=town)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def _frame(town: Image.Image, share: float) -> Image.Image:
    """The poster come alive: hills and sun move, lanterns fly around the town."""
    image = _landscape(town.size, share)
    image.paste(town, mask=town)
    draw = ImageDraw.Draw(image)
    for lantern in range(12):
        angle = 2 * math.pi * (lantern / 12 + share)
        x = image.width * (0.5 + 0.38 * math.cos(angle))
        y = image.height * (0.5 + 0.4 * math.sin(angle))
        radius = image.width * (0.02 + 0.012 * math.sin(angle * 3))
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=PALETTE[lantern % 5])
    return image


def _chime() -> NDArray[np.float32]:
    """A soft three-note loop, mono, −1..1."""
    t = np.arange(SECONDS * SOUND_RATE, dtype=np.float32) / SOUND_RATE
    notes = [(0.0, 523.25), (1.0, 659.25), (2.0, 783.99), (3.0, 659.25), (4.0, 523.25)]
    sound = np.zeros_like(t)
    for start, hertz in notes:
        since = np.clip(t - start, 0, None)
        sound += np.sin(2 * np.pi * hertz * since) * np.exp(-2.5 * since) * (t >= start)
    return (sound * 0.2).astype(np.float32)


def video() -> bytes:
    """The poster coming alive: six seconds of H.264 and AAC in an MP4."""
    town = _town().resize(VIDEO_SIZE)
    # Faststart rewrites the file from its end, which only a real file allows.
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        _encode(town, file.name)
        return Path(file.name).read_bytes()


def _encode(town: Image.Image, path: str) -> None:
    with av.open(path, "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "26"})
        stream.width, stream.height = VIDEO_SIZE
        stream.pix_fmt = "yuv420p"
        sound = container.add_stream("aac", rate=SOUND_RATE, layout="mono")
        total = RATE * SECONDS
        for number in range(total):
            frame = av.VideoFrame.from_image(_frame(town, number / total))
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        tone = av.AudioFrame.from_ndarray(_chime()[None, :], format="fltp", layout="mono")
        tone.sample_rate = SOUND_RATE
        container.mux(sound.encode(tone))
        container.mux(sound.encode(None))
