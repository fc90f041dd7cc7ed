"""Circular and elliptic arcs as chords of at most four degrees, which GDAL takes by default."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
_STEP = math.radians(4.0)


def through(start: Points, middle: Points, end: Points) -> Points:
    """The points behind the start of a circular arc through a point of it; a whole circle where start is end."""
    if np.array_equal(start, end):
        centre, sweep = (start + middle) / 2, 2 * math.pi
    else:
        found = centre_of(start, middle, end)
        if found is None:
            return np.stack([middle, end])
        centre, turn = found
        sweep = turn * ((turn * (angle(end - centre) - angle(start - centre))) % (2 * math.pi))
    return turned(start - centre, sweep, end, lambda around: centre + around)


def centre_of(start: Points, middle: Points, end: Points) -> tuple[Points, float] | None:
    """The centre of the circle through three points, and 1 where they turn left, -1 right; None for a line."""
    (ax, ay), (bx, by) = middle - start, end - start
    cross = 2.0 * (ax * by - ay * bx)
    if cross == 0.0:
        return None
    a2, b2 = ax * ax + ay * ay, bx * bx + by * by
    return start + np.array([by * a2 - ay * b2, ax * b2 - bx * a2]) / cross, math.copysign(1.0, cross)


def turned(first: Points, sweep: float, end: Points, place: Callable[[Points], Points]) -> Points:
    """The points from a vector onwards as it is turned; ``place`` puts them where they belong."""
    count = max(1, math.ceil(abs(sweep) / _STEP - 1e-9))
    angles = angle(first) + sweep * np.arange(1, count + 1) / count
    points = place(math.hypot(*first) * np.stack([np.cos(angles), np.sin(angles)], axis=1))
    points[-1] = end
    return points


def angle(vector: Points) -> float:
    """The direction of a vector."""
    return math.atan2(vector[1], vector[0])
