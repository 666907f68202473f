"""How far the overlay was from the truth over a clip. Pure."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from content.tests.browser.camera import Corners, Shot


@dataclass(frozen=True)
class Accuracy:
    """Distances in camera pixels, delays in frames; a delay of 1 is the very frame of the event.

    `median`, `p90`: of the mean distance of the four corners in the frames where the overlay was
    shown and some of the picture was to be seen. `worst`: the largest distance of any one corner
    in any frame where the overlay was shown, also when the picture had just left the frame.
    `found_after`: from the first frame with the whole picture, 0 when shown even before; for each
    time that the picture appeared. `hidden_after`: from the first frame without any of it, for each
    time that it went. `shown`: share of the frames with the whole picture, after the first showing
    of each appearance, in which the overlay was shown.
    """

    median: float
    p90: float
    worst: float
    worst_at: int
    found_after: tuple[int, ...]
    hidden_after: tuple[int, ...]
    shown: float
    returned: bool  # shown once more after it had been hidden

    def __str__(self) -> str:
        found, hidden = (
            ", ".join(map(str, delays)) for delays in (self.found_after, self.hidden_after)
        )
        return (
            f"median {self.median:.2f} px, p90 {self.p90:.2f} px, worst corner {self.worst:.1f} px"
            f" (frame {self.worst_at}), found after {found}, hidden after {hidden} frames,"
            f" shown {100 * self.shown:.0f} %"
        )


def measure(shots: Sequence[Shot], overlays: Sequence[Corners | None]) -> Accuracy:
    """Compare `overlays`, the shown corners of each frame in camera pixels, with the truth.

    The clip begins and ends without the picture. Raises AssertionError when an appearance was
    never found or an overlay never hidden.
    """
    distances = {
        number: np.linalg.norm(overlay - shot.corners, axis=1)
        for number, (shot, overlay) in enumerate(zip(shots, overlays, strict=True))
        if overlay is not None and not shot.covered
    }
    shown = {number for number, overlay in enumerate(overlays) if overlay is not None}
    found_after, hidden_after, later = [], [], []
    returned = False
    for seen, run in itertools.groupby(range(len(shots)), lambda n: shots[n].truth is not None):
        frames = list(run)
        if seen:
            first = min(shown.intersection(frames), default=None)
            assert first is not None, f"not found in frames {frames[0]} to {frames[-1]}"
            whole = [number for number in frames if shots[number].whole]
            if whole:
                found_after.append(max(0, first - whole[0] + 1))
            later += [number for number in whole if number >= first]
        elif found_after:
            hidden = next((number for number in frames if number not in shown), None)
            assert hidden is not None, f"still shown in frames {frames[0]} to {frames[-1]}"
            hidden_after.append(hidden - frames[0] + 1)
            returned |= any(number > hidden for number in shown.intersection(frames))
        else:
            returned |= bool(shown.intersection(frames))
    means = [float(d.mean()) for number, d in distances.items() if shots[number].truth is not None]
    worst_at = max(distances, key=lambda number: float(distances[number].max()))
    return Accuracy(
        median=float(np.median(means)),
        p90=float(np.percentile(means, 90)),
        worst=float(distances[worst_at].max()),
        worst_at=worst_at,
        found_after=tuple(found_after),
        hidden_after=tuple(hidden_after),
        shown=len(shown.intersection(later)) / max(1, len(later)),
        returned=returned,
    )
