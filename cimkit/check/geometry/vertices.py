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
    parts, owner = shapely.get_parts(shapes, return_index=True)
    kinds = shapely.get_type_id(parts)
    areas = np.flatnonzero(kinds == _POLYGON)
    lines = np.flatnonzero(np.isin(kinds, _LINES))
    rings, polygon = shapely.get_rings(parts[areas], return_index=True)
    outer = np.diff(polygon, prepend=-1) != 0
    every = np.concatenate([rings, parts[lines]])
    xy, line = shapely.get_coordinates(every, return_index=True)
    used, line = np.unique(line, return_inverse=True)
    return Vertices(
        xy,
        line.astype(np.int64),
        np.concatenate([owner[areas[polygon]], owner[lines]]).astype(np.int64)[used],
        (np.arange(len(every)) < len(rings))[used],
        np.concatenate([outer, np.zeros(len(lines), dtype=bool)])[used],
    )
