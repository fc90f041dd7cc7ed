"""Metres on the ground for coordinates of any CRS: areas, distances between places, shapes laid flat.

Degrees: areas by the authalic latitude of the ellipsoid (Snyder, Map Projections, 1987, 3-12),
distances between places as chords in earth-centred coordinates, and shapes by the lengths of a
degree at their place. Projected coordinates that are true to scale within a fiftieth are
metres already (times their unit); others, such as Web Mercator, are divided by the scale of the
projection at the place.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from cimkit import crs as reference_systems

Floats = NDArray[np.float64]
Shapes = NDArray[Any]

# WGS 84; other ellipsoids of today differ by less than a millionth.
_A, _E2 = 6378137.0, 0.00669437999014
_E = float(np.sqrt(_E2))
#: A projection whose scale differs less than this from 1 is taken as true, as surveyors take it.
_TRUE = 0.02


class Ground:
    """How a CRS measures the ground, for data within ``extent`` (min x, min y, max x, max y)."""

    def __init__(self, crs: str, extent: Floats) -> None:
        self.geographic = reference_systems.is_geographic(crs)
        self.unit = 1.0 if self.geographic else reference_systems.metres_per_unit(crs)
        self._projection = None if self.geographic else _projection(crs)
        if self._projection is not None:
            x, y = np.meshgrid(np.linspace(extent[0], extent[2], 3), np.linspace(extent[1], extent[3], 3))
            scale = self._scale(x.ravel(), y.ravel())
            if np.abs(scale - 1).max() < _TRUE:
                self._projection = None
        #: Whether coordinates times ``unit`` are metres everywhere.
        self.flat = not self.geographic and self._projection is None
        # Above it, a coordinate cannot say more: what is smaller is rounding.
        finite = np.abs(extent[np.isfinite(extent)])
        self._finest = float(np.spacing(finite.max())) if len(finite) else 0.0

    def areas(self, shapes: Shapes) -> Floats:
        """Square metres of each shape."""
        if self.flat:
            return np.asarray(shapely.area(shapes) * self.unit**2)
        if self.geographic:
            return np.asarray(shapely.area(shapely.transform(shapes, _equal_area)))
        x, y = _middles(shapes)
        return np.asarray(shapely.area(shapes) * (self.unit / self._scale(x, y)) ** 2)

    def noise(self, shapes: Shapes) -> Floats:
        """Square metres that a shape may have by the rounding of coordinates alone."""
        x, y = _middles(shapes)
        per_unit = self.per_unit(x, y).max(axis=1)
        return np.asarray(shapely.length(shapes) * 4 * self._finest * per_unit**2)

    def per_unit(self, x: Floats, y: Floats) -> Floats:
        """Metres in one unit of x and of y at each place, in two columns."""
        if self.flat:
            return np.full((len(x), 2), self.unit)
        if self.geographic:
            latitude = np.radians(np.clip(y, -89.9, 89.9))
            curvature = 1 - _E2 * np.sin(latitude) ** 2
            along = np.radians(1) * _A * np.cos(latitude) / np.sqrt(curvature)
            up = np.radians(1) * _A * (1 - _E2) / curvature**1.5
            return np.stack([along, up], axis=1)
        return np.repeat((self.unit / self._scale(x, y))[:, None], 2, axis=1)

    def widened(self, boxes: Floats, metres: float | Floats) -> Floats:
        """Boxes that reach so many metres further on every side."""
        if len(boxes) == 0 or not np.any(metres):
            return boxes
        # The side that is nearer to a pole has the shorter degrees.
        units = [self.per_unit((boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, side]) for side in (1, 3)]
        reach = np.asarray(metres).reshape(-1, 1) / np.minimum(*units) * 1.001
        return np.concatenate([boxes[:, :2] - reach, boxes[:, 2:] + reach], axis=1)

    def places(self, x: Floats, y: Floats) -> Floats:
        """Places in metres: near ones are as far from each other as they are on the ground."""
        if self.flat:
            return np.stack([x, y], axis=1) * self.unit
        if self._projection is not None:
            x, y = self._projection(x, y, inverse=True)
        longitude, latitude = np.radians(x), np.radians(y)
        normal = _A / np.sqrt(1 - _E2 * np.sin(latitude) ** 2)
        out = normal * np.cos(latitude)
        return np.stack(
            [out * np.cos(longitude), out * np.sin(longitude), normal * (1 - _E2) * np.sin(latitude)], axis=1
        )

    def laid_flat(self, shapes: Shapes, x: Floats, y: Floats) -> Shapes:
        """Shapes in metres around each its place, so that shapes of one place can be measured against each other."""
        if self.flat and self.unit == 1.0:
            return shapes
        per_unit, origin = self.per_unit(x, y), np.stack([x, y], axis=1)
        has_z = bool(shapely.has_z(shapes).any())
        points, owner = shapely.get_coordinates(shapes, include_z=has_z, return_index=True)
        points[:, :2] = (points[:, :2] - origin[owner]) * per_unit[owner]
        return np.asarray(shapely.set_coordinates(np.array(shapes, dtype=object), points))

    def raised(self, points: Floats, x: Floats, y: Floats) -> Floats:
        """Points of shapes that were laid flat around places, in the CRS again."""
        if self.flat and self.unit == 1.0:
            return points
        return np.asarray(points / self.per_unit(x, y) + np.stack([x, y], axis=1))

    def lowered(self, points: Floats, x: Floats, y: Floats) -> Floats:
        """Points of the CRS among shapes that were laid flat around places."""
        if self.flat and self.unit == 1.0:
            return points
        return np.asarray((points - np.stack([x, y], axis=1)) * self.per_unit(x, y))

    def _scale(self, x: Floats, y: Floats) -> Floats:
        """The projection's linear scale at each place; 1 where it has none."""
        assert self._projection is not None
        longitude, latitude = self._projection(x, y, inverse=True)
        factors = self._projection.get_factors(longitude, latitude, errcheck=False)
        scale = np.sqrt(np.asarray(factors.areal_scale, dtype=np.float64))
        return np.where(np.isfinite(scale) & (scale > 0), scale, 1.0)


def _projection(crs: str) -> Any:
    """PROJ's operation of a projected CRS, in the CRS's own unit; None for a local grid."""
    import pyproj

    system = reference_systems.pyproj_crs(reference_systems.horizontal(crs))
    if not system.is_projected:
        return None
    return pyproj.Proj(system)


def _equal_area(points: Floats) -> Floats:
    sine = np.sin(np.radians(np.clip(points[:, 1], -90, 90)))
    q = (1 - _E2) * (sine / (1 - _E2 * sine**2) + np.arctanh(_E * sine) / _E)
    return np.stack([_A * np.radians(points[:, 0]), _A * q / 2], axis=1)


def _middles(shapes: Shapes) -> tuple[Floats, Floats]:
    bounds = shapely.bounds(shapes)
    return (bounds[:, 0] + bounds[:, 2]) / 2, (bounds[:, 1] + bounds[:, 3]) / 2
