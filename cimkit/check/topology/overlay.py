"""Common areas of pairs of polygons, whatever their size and however GEOS takes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from cimkit.check.topology.ground import Ground

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Shapes = NDArray[Any]

#: A polygon with more points than this, and more partners than that, is cut into pieces first.
_HEAVY, _PARTNERS, _PIECE = 400, 16, 256
#: So many polygons are kept in pieces.
_CUT = 8
#: Coordinates are rounded to so many steps of the last digit where an overlay fails otherwise.
_COARSE = 1 << 12


@dataclass
class Overlay:
    """Intersections of pairs; ``lost`` counts those that could not be found in any way."""

    ground: Ground
    lost: int = 0
    _cut: dict[bytes, Shapes] = field(default_factory=dict)

    def common(self, one: Shapes, two: Shapes, first: Ints, second: Ints) -> tuple[Floats, Floats, Floats]:
        """Of each pair ``one[first]``, ``two[second]``: square metres in common, and x, y of a place in it.

        Areas that may be rounding are zero.
        """
        area, x, y = np.zeros(len(first)), np.full(len(first), np.nan), np.full(len(first), np.nan)
        left = np.ones(len(first), dtype=bool)
        for shapes, mine, others, theirs in ((one, first, two, second), (two, second, one, first)):
            heavy = _heavy(shapes, mine[left])
            for index in heavy:
                pairs = np.flatnonzero(left & (mine == index))
                area[pairs], x[pairs], y[pairs] = self._with_heavy(shapes[index], others[theirs[pairs]])
                left[pairs] = False
        pairs = np.flatnonzero(left)
        shared = self.intersections(one[first[pairs]], two[second[pairs]])
        area[pairs], x[pairs], y[pairs] = self._measured(shared)
        return area, x, y

    def intersections(self, one: Shapes, two: Shapes) -> Shapes:
        """What each pair has in common, None where nothing is known; never fails."""
        return self._overlaid(shapely.intersection, one, two)

    def differences(self, one: Shapes, two: Shapes) -> Shapes:
        """What of the first of each pair lies outside the second; never fails."""
        return self._overlaid(shapely.difference, one, two)

    def _overlaid(self, operation: Callable[..., Any], one: Shapes, two: Shapes) -> Shapes:
        try:
            return np.asarray(operation(one, two))
        except shapely.errors.GEOSException:
            if len(one) > 1:
                half = len(one) // 2
                parts = (slice(None, half), slice(half, None))
                return np.concatenate([self._overlaid(operation, one[part], two[part]) for part in parts])
        found = np.full(1, None, dtype=object)
        try:
            grid = float(np.spacing(np.abs(shapely.bounds(one)).max())) * _COARSE
            found[0] = operation(shapely.make_valid(one[0]), shapely.make_valid(two[0]), grid_size=grid)
        except shapely.errors.GEOSException:
            self.lost += 1
        return found

    def _measured(self, shared: Shapes) -> tuple[Floats, Floats, Floats]:
        area, x, y = np.zeros(len(shared)), np.full(len(shared), np.nan), np.full(len(shared), np.nan)
        some = np.flatnonzero(shapely.area(shared) > 0)
        if len(some):
            shared = shared[some]
            square_metres = self.ground.areas(shared)
            square_metres[square_metres <= self.ground.noise(shared)] = 0.0
            inside = shapely.point_on_surface(shared)
            area[some], x[some], y[some] = square_metres, shapely.get_x(inside), shapely.get_y(inside)
        return area, x, y

    def _with_heavy(self, heavy: Any, others: Shapes) -> tuple[Floats, Floats, Floats]:
        """One polygon of many points beside many others: those wholly inside need no overlay."""
        area, x, y = np.zeros(len(others)), np.full(len(others), np.nan), np.full(len(others), np.nan)
        shapely.prepare(heavy)
        try:
            inside = shapely.contains_properly(heavy, others)
            crossing = np.flatnonzero(~inside)
            crossing = crossing[shapely.intersects(heavy, others[crossing])]
        except shapely.errors.GEOSException:
            inside, crossing = np.zeros(len(others), dtype=bool), np.arange(len(others))
        whole = np.flatnonzero(inside)
        area[whole], x[whole], y[whole] = self._measured(others[whole])
        if len(crossing):
            pieces = self._pieces(heavy)
            pair, piece = shapely.STRtree(pieces).query(others[crossing])
            parts, part_x, part_y = self._measured(self.intersections(others[crossing][pair], pieces[piece]))
            np.add.at(area, crossing[pair], parts)
            order = np.argsort(parts, kind="stable")
            x[crossing[pair[order]]], y[crossing[pair[order]]] = part_x[order], part_y[order]
        return area, x, y

    def _pieces(self, heavy: Any) -> Shapes:
        """Its pieces, cut once and kept for the next portion of pairs."""
        key = shapely.to_wkb(heavy)
        if key not in self._cut:
            if len(self._cut) == _CUT:
                self._cut.pop(next(iter(self._cut)))
            self._cut[key] = subdivided(heavy, _PIECE)
        return self._cut[key]


def subdivided(shape: Any, most: int) -> Shapes:
    """A polygon as pieces of at most about ``most`` points each, halved across the longer side."""
    done: list[Any] = []
    queue = [shape]
    while queue:
        part = queue.pop()
        if part is None or part.is_empty or part.area == 0:
            continue
        if shapely.get_num_coordinates(part) <= most:
            done.append(part)
            continue
        low_x, low_y, high_x, high_y = part.bounds
        middle_x, middle_y = (low_x + high_x) / 2, (low_y + high_y) / 2
        if high_x - low_x > high_y - low_y:
            boxes = (low_x, low_y, middle_x, high_y), (middle_x, low_y, high_x, high_y)
        else:
            boxes = (low_x, low_y, high_x, middle_y), (low_x, middle_y, high_x, high_y)
        halves = [_within(part, box) for box in boxes]
        if any(shapely.get_num_coordinates(half) >= shapely.get_num_coordinates(part) for half in halves):
            done.append(part)
        else:
            queue += halves
    return np.array(done, dtype=object)


def _within(shape: Any, box: tuple[float, float, float, float]) -> Any:
    try:
        # Ten times faster than an overlay, but what it gives may be wrong where a ring runs along the box.
        part = shapely.clip_by_rect(shape, *box)
        return part if part.is_valid else shapely.intersection(shape, shapely.box(*box))
    except shapely.errors.GEOSException:
        return shapely.intersection(shapely.make_valid(shape), shapely.box(*box), grid_size=1e-9)


def _heavy(shapes: Shapes, mine: Ints) -> Ints:
    """Shapes of many points that occur in many pairs."""
    index, count = np.unique(mine, return_counts=True)
    index = index[count > _PARTNERS]
    return np.asarray(index[shapely.get_num_coordinates(shapes[index]) > _HEAVY])
