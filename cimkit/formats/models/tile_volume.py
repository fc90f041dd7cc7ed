"""Where a tile of 3D Tiles lies: its bounding volume as an outline on the ground and a range of heights.

A region is longitude, latitude and height on WGS 84 (EPSG:4979), in radians; boxes and spheres
are in the tile's own coordinates, which its transforms lead into earth-centred ones (EPSG:4978).
A tileset that is not placed on the earth keeps its own coordinates (OGC 22-025r4, 6.7).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from cimkit.model import BBox

Floats = NDArray[np.float64]
#: Metres from the middle of the earth between which its surface lies, mountains and trenches included.
_EARTH = (6.3e6, 6.5e6)
_CORNERS = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64)


@dataclass(frozen=True)
class Volume:
    """A bounding volume: its kind, its outline, its lowest and highest point, and whether it lies on the earth."""

    kind: str
    outline: shapely.Geometry
    low: float
    high: float
    on_earth: bool

    @property
    def bbox(self) -> BBox:
        west, south, east, north = (float(value) for value in self.outline.bounds)
        return west, south, east, north


def matrix(values: Any) -> Floats | None:
    """A tile's transform (16 numbers, column by column); None where it is none."""
    numbers = _numbers(values, 16)
    return None if numbers is None else numbers.reshape(4, 4).T


def volume(bounding: Any, transform: Floats) -> Volume | None:
    """The first volume that is understood; None where there is none."""
    if not isinstance(bounding, dict):
        return None
    region = _numbers(bounding.get("region"), 6)
    if region is not None:
        return _region(region)
    box = _numbers(bounding.get("box"), 12)
    if box is not None:
        return _around("box", box[:3] + _CORNERS @ box[3:].reshape(3, 3), transform)
    sphere = _numbers(bounding.get("sphere"), 4)
    if sphere is not None:
        return _around("sphere", sphere[:3] + _CORNERS * sphere[3], transform)
    return None


def _numbers(values: Any, count: int) -> Floats | None:
    if not isinstance(values, list) or len(values) != count:
        return None
    if not all(isinstance(value, (int, float)) and math.isfinite(value) for value in values):
        return None
    return np.array(values, dtype=np.float64)


def _region(region: Floats) -> Volume:
    west, south, east, north = (float(value) for value in np.degrees(region[:4]))
    if west > east:  # it crosses the antimeridian
        outline: shapely.Geometry = shapely.MultiPolygon(
            [shapely.box(west, south, 180.0, north), shapely.box(-180.0, south, east, north)]
        )
    else:
        outline = shapely.box(west, south, east, north)
    return Volume("region", outline, float(region[4]), float(region[5]), on_earth=True)


def _around(kind: str, corners: Floats, transform: Floats) -> Volume:
    placed = corners @ transform[:3, :3].T + transform[:3, 3]
    distance = float(np.linalg.norm(placed.mean(axis=0)))
    on_earth = _EARTH[0] <= distance <= _EARTH[1]
    if on_earth:
        placed = np.column_stack(_to_geographic().transform(*placed.T))
    outline = shapely.convex_hull(shapely.multipoints(placed[:, :2]))
    return Volume(kind, outline, float(placed[:, 2].min()), float(placed[:, 2].max()), on_earth)


@cache
def _to_geographic() -> pyproj.Transformer:
    return pyproj.Transformer.from_crs("EPSG:4978", "EPSG:4979", always_xy=True)
