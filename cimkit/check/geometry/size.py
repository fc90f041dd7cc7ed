"""Whether sound geometries are big enough: area, length, and the width at the widest place, on the ground."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from cimkit.check.geometry.ground import Ground
from cimkit.check.geometry.vertices import Flags, Floats, parts_of

#: A width is found to a thousandth of the least one.
_HALVINGS = 10


def too_small(shapes: NDArray[Any], ground: Ground, least: float) -> Flags:
    """Which polygons have less than so many square metres."""
    return np.asarray(ground.areas(shapes) < least)


def too_short(shapes: NDArray[Any], ground: Ground, least: float) -> Flags:
    """Which lines are shorter than so many metres."""
    return np.asarray(ground.lengths(shapes) < least)


def too_narrow(shapes: NDArray[Any], ground: Ground, least: float) -> Flags:
    """Which polygons have a part in which no circle of so many metres' diameter fits.

    No circle fits where nothing is left when half the width is taken off all around. Only parts are
    asked for which that can be: the parallels inside a region with h holes are no longer than
    its perimeter less 2 pi (1 - h) times their distance (Hartman, Geodesic parallel coordinates
    in the large, 1964), so that a region without a circle of radius r has an area of at most
    r times its perimeter and pi r r (h - 1).
    """
    parts, owner = parts_of(shapes)
    most = least / 2 * ground.lengths(parts) + np.pi / 4 * least**2 * shapely.get_num_interior_rings(parts)
    narrow = np.flatnonzero(ground.areas(parts) < most)
    failed = np.zeros(len(shapes), dtype=bool)
    if len(narrow):
        failed[owner[narrow[_gone(ground.local(parts[narrow]), least)]]] = True
    return failed


def narrowest(shape: Any, ground: Ground, least: float) -> tuple[float, tuple[float, float]]:
    """The width in metres, below ``least``, of the narrowest part at its widest place, and a place in that part."""
    parts = shapely.get_parts(np.array([shape]))
    local = ground.local(parts)
    low, high = np.zeros(len(parts)), np.full(len(parts), least)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        gone = _gone(local, middle)
        low, high = np.where(gone, low, middle), np.where(gone, middle, high)
    index = int(np.argmin(high))
    inside = shapely.point_on_surface(parts[index])
    return float(high[index]), (float(inside.x), float(inside.y))


def _gone(parts: NDArray[Any], width: Floats | float) -> Flags:
    """Which polygons vanish when half a width is taken off all around."""
    with np.errstate(all="ignore"):  # coordinates of a stranger may be of any size
        return np.asarray(shapely.is_empty(shapely.buffer(parts, -np.asarray(width) / 2, quad_segs=4)))
