"""Pictures into markers: normalisation, the `.mind` compiler and the trackability rating.

Pure: bytes in, values out; no database, no clock, no network.
"""

from .compiler import Marker, MarkerRejected, compile_marker
from .images import ImageRejected, NormalisedImage, check_image, normalise_image, thumbnail
from .rating import Trackability, Weakness
from .trackability import rate

__all__ = [
    "ImageRejected",
    "Marker",
    "MarkerRejected",
    "NormalisedImage",
    "Trackability",
    "Weakness",
    "check_image",
    "compile_marker",
    "normalise_image",
    "rate",
    "thumbnail",
]
