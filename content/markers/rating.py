"""Stars from measured factors: 0 to 5, and the factor that costs a picture most.

The weights follow the share of synthetic camera frames in which MindAR's own matcher finds a
picture; raise VERSION when any of them, or of the views, changes.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

VERSION = 1
COVERAGE_GRID = 6

_VERY_GOOD = 4.5
_FOUND_WEIGHT = 0.7
_FOLLOWED_WEIGHT = 0.3
_ENOUGH_INLIERS = 0.8
_ENOUGH_TEMPLATES = 16
_ENOUGH_SPREAD = 0.75
# Below these the tracker's four templates a frame are out of reach, or only just in reach.
_LEAST_TEMPLATES = 4
_SCARCE_TEMPLATES = 8
_LEAST_RECALL = 0.25

# Levels at which a picture is as good as it gets; what is missing to them is a weakness.
_GOOD_CONTRAST = 50.0
_GOOD_DETAILS_PER_CELL = 8.0
_GOOD_COVERAGE = 0.95
_GOOD_DISTINCT = 0.22
_MANY_DETAILS = 250
_DIM_CONTRAST = 30.0


class Weakness(StrEnum):
    """What costs a picture most of its missing stars."""

    LITTLE_DETAIL = "little_detail"
    LOW_CONTRAST = "low_contrast"
    EMPTY_AREAS = "empty_areas"
    REPEATED_PATTERN = "repeated_pattern"
    FINE_DETAIL = "fine_detail"
    FEW_TRACKING_POINTS = "few_tracking_points"
    UNEVEN_COVERAGE = "uneven_coverage"


@dataclass(frozen=True)
class Factors:
    """What was measured.

    Shares 0 … 1: `recall` of the views in which the picture was found, `inliers` (40 or more per
    view are 1), `tracked` templates found again in their place, `spread` of the templates over the
    picture, `coverage` of the picture by feature points, `distinct` feature points unlike any
    other. `contrast` is the standard deviation of the grey levels (0 … 127), `details` counts
    feature points at about 300 pixels, `templates` those of the tracker, `relaxed` tells that they
    were found by the relaxed rules.
    """

    recall: float
    inliers: float
    tracked: float
    spread: float
    coverage: float
    distinct: float
    contrast: float
    details: int
    templates: int
    relaxed: bool


@dataclass(frozen=True)
class Trackability:
    """`stars` 0 … 5 in halves; `weakest` is a Weakness, or "" when the picture is very good.

    The other fields are those of Factors.
    """

    stars: float
    weakest: str
    recall: float
    inliers: float
    tracked: float
    spread: float
    coverage: float
    distinct: float
    contrast: float
    details: int
    version: int = VERSION


def trackability(factors: Factors) -> Trackability:
    stars = _stars(factors)
    return Trackability(
        stars=stars,
        weakest="" if stars >= _VERY_GOOD else _weakest(factors).value,
        recall=factors.recall,
        inliers=factors.inliers,
        tracked=factors.tracked,
        spread=factors.spread,
        coverage=factors.coverage,
        distinct=factors.distinct,
        contrast=factors.contrast,
        details=factors.details,
    )


def _stars(factors: Factors) -> float:
    followed = math.prod(_following(factors))
    exact = 5 * (_FOUND_WEIGHT * _finding(factors) + _FOLLOWED_WEIGHT * followed)
    stars = math.floor(2 * exact + 0.5) / 2
    if factors.templates < _LEAST_TEMPLATES:
        return 0.0
    if factors.templates < _SCARCE_TEMPLATES:
        stars = min(stars, 2.0)
    return min(stars, 1.0) if factors.recall < _LEAST_RECALL else stars


def _finding(factors: Factors) -> float:
    return min(1.0, factors.inliers / _ENOUGH_INLIERS)


def _following(factors: Factors) -> tuple[float, float, float]:
    """Templates: enough of them, well spread, found again. Their product counts."""
    return (
        min(1.0, factors.templates / _ENOUGH_TEMPLATES),
        0.4 + 0.6 * min(1.0, factors.spread / _ENOUGH_SPREAD),
        factors.tracked,
    )


def _weakest(factors: Factors) -> Weakness:
    """The factor behind the larger loss, be it of finding the picture or of following it."""
    following = _following(factors)
    not_followed = _FOLLOWED_WEIGHT * (1 - math.prod(following))
    if not_followed > _FOUND_WEIGHT * (1 - _finding(factors)):
        return _weakest_following(factors)
    per_cell = factors.details / max(1.0, factors.coverage * COVERAGE_GRID**2)
    crowded = min(1.0, factors.details / _MANY_DETAILS)
    losses = {
        Weakness.LOW_CONTRAST: 1 - factors.contrast / _GOOD_CONTRAST,
        Weakness.LITTLE_DETAIL: 1 - per_cell / _GOOD_DETAILS_PER_CELL,
        Weakness.EMPTY_AREAS: 1 - factors.coverage / _GOOD_COVERAGE,
        Weakness.REPEATED_PATTERN: crowded * (1 - factors.distinct / _GOOD_DISTINCT),
    }
    return max(losses, key=lambda factor: losses[factor])


def _weakest_following(factors: Factors) -> Weakness:
    enough, spread, tracked = _following(factors)
    least = min(enough, spread, tracked)
    if least == enough:
        return Weakness.FEW_TRACKING_POINTS
    if least == spread:
        return Weakness.UNEVEN_COVERAGE
    # Templates that are there but not found again: washed out, or too fine to survive the lens.
    dim = factors.contrast < _DIM_CONTRAST and not factors.relaxed
    return Weakness.LOW_CONTRAST if dim else Weakness.FINE_DETAIL
