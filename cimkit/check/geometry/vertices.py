"""The vertices of many lines and polygons at once: which line each is on, and the segments between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_LINES, _POLYGON = (1, 2), 3


@dataclass(frozen=True, slots=True)
class Vertices:
    """The vertices of the lines and rings of geometries.

    ``xy`` are their places, ``line`` the line of each, ``owner`` by line the geometry it belongs to,
    ``ring`` by line whether it is a polygon's ring, ``outer`` whether an outer one. Lines are in
    the order of their numbers, and none is empty.
    """

    xy: Floats
    line: Ints
    owner: Ints
    ring: Flags
    outer: Flags

    @property
    def first(self) -> Ints:
        """By line its first vertex."""
        return np.flatnonzero(np.diff(self.line, prepend=-1))

    def segments(self) -> Ints:
        """The vertices at which segments begin; each ends at the next vertex."""
        return np.flatnonzero(self.line[1:] == self.line[:-1])


def vertices(shapes: NDArray[Any]) -> Vertices:
    """The vertices of simple geometries and collections of these; points have none, nor what stands in a collection."""
    parts, owner = parts_of(shapes)
    kinds = shapely.get_type_id(parts)
    if not shapely.get_num_interior_rings(parts).any() and np.isin(kinds, (*_LINES, _POLYGON)).all():
        # One line each, so that GEOS need not make geometries of the rings.
        xy, line = shapely.get_coordinates(parts, return_index=True)
        used, line = _without_gaps(line, len(parts))
        ring = (kinds == _POLYGON)[used]
        return Vertices(xy, line, owner[used], ring, ring)
    areas = np.flatnonzero(kinds == _POLYGON)
    lines = np.flatnonzero(np.isin(kinds, _LINES))
    rings, polygon = shapely.get_rings(parts[areas], return_index=True)
    outer = np.diff(polygon, prepend=-1) != 0
    every = np.concatenate([rings, parts[lines]])
    xy, line = shapely.get_coordinates(every, return_index=True)
    used, line = _without_gaps(line, len(every))
    return Vertices(
        xy,
        line,
        np.concatenate([owner[areas[polygon]], owner[lines]]).astype(np.int64)[used],
        (np.arange(len(every)) < len(rings))[used],
        np.concatenate([outer, np.zeros(len(lines), dtype=bool)])[used],
    )


def parts_of(shapes: NDArray[Any]) -> tuple[NDArray[Any], Ints]:
    """The parts of collections, other geometries as they are, and whose each is."""
    if (shapely.get_type_id(shapes) <= _POLYGON).all():
        return shapes, np.arange(len(shapes))
    parts, owner = shapely.get_parts(shapes, return_index=True)
    return parts, owner.astype(np.int64)


def _without_gaps(line: Ints, count: int) -> tuple[Ints, Ints]:
    """The numbers that are used, and the numbers counted anew among these."""
    used = np.bincount(line, minlength=count) > 0
    return np.flatnonzero(used), (np.cumsum(used) - 1)[line]
