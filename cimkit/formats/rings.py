"""Polygons of rings that do not say which of them are holes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ring = NDArray[np.float64]


def polygons(rings: Sequence[Ring]) -> Any:
    """The polygon or multipolygon of some rings: a ring inside an odd number of others is a hole.

    Rings that are not closed are closed; those of less than three corners are left out. None
    where nothing is left.
    """
    import shapely

    whole = [ring for ring in map(_closed, rings) if len(ring) >= 4]
    if len(whole) < 2:
        return shapely.Polygon(whole[0]) if whole else None
    # From large to small, so that what lies around a ring comes before it.
    whole.sort(key=_area, reverse=True)
    around = _around(whole)
    holes: dict[int, list[Ring]] = {}
    for index, ring in enumerate(whole):
        shells = [outer for outer in around[index] if outer in holes]
        if len(around[index]) % 2 and shells:
            holes[shells[-1]].append(ring)
        else:
            holes[index] = []
    made = [shapely.Polygon(whole[index], inner) for index, inner in holes.items()]
    return made[0] if len(made) == 1 else shapely.MultiPolygon(made)


def _around(rings: Sequence[Ring]) -> list[list[int]]:
    """For each ring, sorted from large to small, the larger ones around it."""
    import shapely

    # A ring that crosses itself is no polygon that GEOS would ask; its repaired one is.
    areas = shapely.make_valid(np.array([shapely.Polygon(ring) for ring in rings]))
    found: list[list[int]] = [[] for _ in rings]
    for inner, outer in shapely.STRtree(areas).query(shapely.point_on_surface(areas), "intersects").T.tolist():
        if outer < inner:
            found[inner].append(outer)
    return [sorted(outer) for outer in found]


def _area(ring: Ring) -> float:
    x, y = ring[:, 0] - ring[0, 0], ring[:, 1] - ring[0, 1]
    return abs(float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1]))) / 2


def _closed(ring: Ring) -> Ring:
    if len(ring) and not np.array_equal(ring[0], ring[-1]):
        return np.concatenate([ring, ring[:1]])
    return ring
