"""Reading QR codes as a phone does, which looks more than once."""

from typing import TYPE_CHECKING, Any

import cv2

if TYPE_CHECKING:
    import numpy as np

# OpenCV's readers miss some sound codes at any one size: four in a hundred.
SIZES = (1, 0.75, 1.25, 0.5, 1.5, 2, 0.6, 0.9, 1.1)


def read_code(image: "np.ndarray[Any, Any]") -> str:
    """The text of the code in a grey or coloured picture; empty when none can be read."""
    for size in SIZES:
        scaled = cv2.resize(image, None, fx=size, fy=size, interpolation=cv2.INTER_AREA)
        for reader in (cv2.QRCodeDetector(), cv2.QRCodeDetectorAruco()):
            text, _corners, _code = reader.detectAndDecode(scaled)
            if text:
                return text
    return ""
