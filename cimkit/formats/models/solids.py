"""The shapes of city objects: surfaces, solids, lines and points of a level of detail, and what follows from them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Form = Literal["solid", "surface", "line", "point"]

#: A closed ring has this many positions at least.
_SHORTEST_RING = 4


class BadShape(ValueError):
    """A geometry that cannot be read; the message is why, without the object's name."""


@dataclass(slots=True)
class Surface:
    """A polygon in space: its rings (closed; x, y, z with NaN where there is no z), the outer one first."""

    rings: list[Points]
    meaning: str | None = None  # the class of the thematic surface: GroundSurface, TrafficArea …


@dataclass(slots=True)
class Shape:
    """One geometry of a city object. ``origin`` is how the source calls it (lod0RoofEdge, MultiSurface …).

    A solid's ``surfaces`` are those of all its shells. ``lines`` are lines, or single points.
    """

    lod: str
    form: Form
    origin: str
    surfaces: list[Surface] = field(default_factory=list)
    lines: list[Points] = field(default_factory=list)

    def points(self) -> Iterator[Points]:
        """All positions, ring by ring and line by line."""
        for surface in self.surfaces:
            yield from surface.rings
        yield from self.lines


def ring(points: Points) -> Points | None:
    """A closed ring as it is; None where it has too few positions to bound anything.

    Raises:
        BadShape: it does not end where it begins, or a number is not finite.
    """
    # The sum of finite numbers is finite: one look in place of many, since rings are small and legion.
    if not math.isfinite(points.sum()) and (not np.isfinite(points[:, :2]).all() or np.isinf(points).any()):
        raise BadShape("a coordinate is not a finite number")
    if len(points) > 1 and not _same(points[0].tolist(), points[-1].tolist()):
        raise BadShape(f"a ring of {len(points)} positions does not end where it begins")
    return points if len(points) >= _SHORTEST_RING else None


def _same(first: list[float], last: list[float]) -> bool:
    return first == last or (first[:2] == last[:2] and math.isnan(first[2]) and math.isnan(last[2]))


def is_closed(solid: Shape) -> bool:
    """Whether the surfaces of a solid leave no gap: each edge is met by an even number of rings."""
    open_edges: set[tuple[object, object]] = set()
    for surface in solid.surfaces:
        for points in surface.rings:
            corners = list(map(tuple, points.tolist()))
            for start, end in pairwise(corners):
                if start != end:
                    open_edges ^= {(start, end) if start < end else (end, start)}
    return bool(solid.surfaces) and not open_edges


def z_range(shapes: Iterable[Shape]) -> tuple[float, float] | None:
    """The lowest and the highest z; None where there is none."""
    heights = [points[:, 2] for shape in shapes for points in shape.points()]
    together = np.concatenate(heights) if heights else np.empty(0)
    if not math.isfinite(together.sum()):
        together = together[~np.isnan(together)]
    return (float(together.min()), float(together.max())) if len(together) else None


def bounds(shapes: Iterable[Shape]) -> tuple[float, float, float, float] | None:
    """Min x, min y, max x, max y of all positions."""
    pieces = [points[:, :2] for shape in shapes for points in shape.points() if len(points)]
    if not pieces:
        return None
    together = np.concatenate(pieces)
    low, high = together.min(axis=0), together.max(axis=0)
    return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def lod_key(lod: str) -> tuple[float, str]:
    """The order of levels of detail: "0", "1", "1.2", "2" …; what is no number comes first."""
    try:
        return float(lod), lod
    except ValueError:
        return -1.0, lod


def placed(shape: Shape, matrix: Points | None, anchor: Points) -> Shape:
    """A template's shape where a matrix (4 by 4) and a reference point put it."""

    def put(points: Points) -> Points:
        if matrix is not None:
            flat = np.nan_to_num(points)
            points = flat @ matrix[:3, :3].T + matrix[:3, 3]
        return points + np.nan_to_num(anchor)

    surfaces = [Surface([put(points) for points in surface.rings], surface.meaning) for surface in shape.surfaces]
    return Shape(shape.lod, shape.form, shape.origin, surfaces, [put(points) for points in shape.lines])


def transformation(numbers: Sequence[float]) -> Points:
    """The 4 by 4 matrix of sixteen numbers in rows.

    Raises:
        BadShape: there are not sixteen.
    """
    matrix = np.array(numbers, dtype=np.float64)
    if matrix.shape != (16,) or not np.isfinite(matrix).all():
        raise BadShape("a transformation matrix has not 16 numbers")
    return matrix.reshape(4, 4)
