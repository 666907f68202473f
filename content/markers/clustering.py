"""Hierarchical k-medoids trees over binary descriptors.

Formulas: MindAR 1.2.5, `matching/hierarchical-clustering.js`, `matching/hamming-distance.js`,
`utils/randomizer.js`. The browser may search any tree; replaying the same random numbers makes it
the reference's own.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SEED = 1234
_MULTIPLIER = 214013
_INCREMENT = 2531011
_MODULUS = 2**31

_LEAF_SIZE = 16
_HYPOTHESES = 128
_MEDOIDS = 8


@dataclass(frozen=True)
class Node:
    """`centre` is the medoid's point index (none at the root); a leaf has no children."""

    centre: int | None
    points: list[int]
    children: "list[Node]"


def _jumps(count: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Multipliers and increments that lead from one state to each of the next `count`."""
    multiplier, increment = 1, 0
    jumps = []
    for _ in range(count):
        multiplier = multiplier * _MULTIPLIER % _MODULUS
        increment = (increment * _MULTIPLIER + _INCREMENT) % _MODULUS
        jumps.append((multiplier, increment))
    table = np.array(jumps, np.uint64)
    return table[:, 0], table[:, 1]


_DRAWS = _HYPOTHESES * _MEDOIDS
_JUMP_MULTIPLIERS, _JUMP_INCREMENTS = _jumps(_DRAWS)


class Draws:
    """The reference's random numbers, 0 … 32767, in batches of one node's needs."""

    def __init__(self) -> None:
        self._state = np.uint64(_SEED)

    def batch(self) -> NDArray[np.int64]:
        """The next 1024 numbers."""
        states = (_JUMP_MULTIPLIERS * self._state + _JUMP_INCREMENTS) % np.uint64(_MODULUS)
        self._state = states[-1]
        return (states >> np.uint64(16) & np.uint64(0x7FFF)).astype(np.int64)


def hamming(first: NDArray[np.uint32], second: NDArray[np.uint32]) -> NDArray[np.uint16]:
    """Bits that differ between each of n and each of m descriptors: uint16[n, m]."""
    total = np.zeros((len(first), len(second)), np.uint16)
    left, right = _wide(first), _wide(second)
    for word in range(left.shape[1]):
        total += np.bitwise_count(left[:, None, word] ^ right[None, :, word])
    return total


def build_tree(words: NDArray[np.uint32]) -> Node:
    """The tree over all descriptors (`uint32[n, 21]`); an empty list gives an empty leaf."""
    return _build(hamming(words, words), np.arange(len(words)), None, Draws())


def _wide(words: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """The descriptors in 64-bit words, so that half as many are counted."""
    padded = np.zeros((len(words), words.shape[1] + words.shape[1] % 2), np.uint32)
    padded[:, : words.shape[1]] = words
    return padded.view(np.uint64)


def _build(
    distances: NDArray[np.uint16],
    points: NDArray[np.int64],
    centre: int | None,
    draws: Draws,
) -> Node:
    if len(points) <= _LEAF_SIZE:
        return Node(centre, points.tolist(), [])
    medoid_of = points[_assign(distances[np.ix_(points, points)], draws)]
    medoids = np.unique(medoid_of)
    if len(medoids) == 1:
        return Node(centre, points.tolist(), [])
    children = [
        _build(distances, points[medoid_of == medoid], int(medoid), draws) for medoid in medoids
    ]
    return Node(centre, [], children)


def _assign(distances: NDArray[np.uint16], draws: Draws) -> NDArray[np.int64]:
    """For each point the position of its medoid, in the cheapest of the random hypotheses."""
    medoids = np.array(_hypotheses(len(distances), draws))
    to_medoid = distances[medoids]
    cost = to_medoid.min(axis=1).sum(axis=1, dtype=np.int64)
    best = int(cost.argmin())
    return np.asarray(medoids[best][to_medoid[best].argmin(axis=0)])


def _hypotheses(count: int, draws: Draws) -> list[list[int]]:
    """Partial shuffles of one working array that is never reset; their first eight entries."""
    others = (draws.batch() % count).reshape(_HYPOTHESES, _MEDOIDS).tolist()
    order = list(range(count))
    chosen = []
    for swaps in others:
        for place, other in enumerate(swaps):
            order[place], order[other] = order[other], order[place]
        chosen.append(order[:_MEDOIDS])
    return chosen
