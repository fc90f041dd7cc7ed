"""Lengths and areas on the ground, in metres, whatever coordinate reference system the coordinates are in.

Near a place, a step in the CRS's units is a step in metres in two directions at right angles by a matrix of
four numbers: in degrees it follows from the radii of the ellipsoid (Snyder, Map Projections: A Working
Manual, 1987), elsewhere from where PROJ puts the places around, as earth-centred coordinates, which know
neither date line nor pole. Grid and ground differ by a third of a thousandth at the edge of a
Gauss-Krueger zone, and by a factor of four in Web Mercator at 60 degrees north.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from cimkit import crs as reference_systems
from cimkit.check.geometry.vertices import Floats, Ints, vertices
from cimkit.errors import CimkitError

#: Shapes that reach farther are not measured by one matrix; their edges are cut into pieces of this length.
_LOCAL = 20_000.0
#: More pieces than this are not made: coordinates of a stranger may be anything.
_MOST_PIECES = 1_000_000
#: Places this near to each other, in metres, share a matrix.
_CELL = 1000.0
#: Semi-major axis in metres and squared eccentricity.
_WGS84 = 6378137.0, 0.0066943799901413165
#: How far from a place PROJ is asked for the places around, in metres.
_STEP = 100.0


class Ground:
    """What is measured on the ground of shapes in a CRS."""

    def __init__(self, crs: str) -> None:
        known = reference_systems.pyproj_crs(crs)
        ellipsoid = known.ellipsoid
        self._major = float(ellipsoid.semi_major_metre) if ellipsoid else 6378137.0
        flattening = 1 / float(ellipsoid.inverse_flattening) if ellipsoid and ellipsoid.inverse_flattening else 0.0
        self._e2 = flattening * (2 - flattening)
        self._unit = float(known.axis_info[0].unit_conversion_factor)
        self._in_degrees = reference_systems.is_geographic(crs)
        self._to_degrees: Callable[[Floats, Floats], tuple[Floats, Floats]] | None = None
        if not self._in_degrees:
            try:
                self._to_degrees = reference_systems.plan(crs, reference_systems.WGS84, allow_ballpark=True).points
                self._major, self._e2 = _WGS84  # that is what the degrees are of
            except CimkitError:  # a local grid, tied to no place on the earth
                self._to_degrees = None

    @property
    def metres_per_unit(self) -> float:
        """About how many metres one unit of x or y is."""
        return self._unit * (self._major if self._in_degrees else 1.0)

    def matrices(self, xy: Floats) -> Floats:
        """The matrix of each place: what a step in units is in metres on the ground; shape (n, 2, 2)."""
        if self._in_degrees:
            return _diagonal(*self._radii(xy[:, 1] * self._unit), self._unit)
        made = np.zeros((len(xy), 2, 2))
        made[:, 0, 0] = made[:, 1, 1] = self._unit
        if self._to_degrees is None or not len(xy):
            return made
        cell = _CELL / self._unit
        with np.errstate(all="ignore"):
            rounded = np.nan_to_num(np.rint(xy / cell), posinf=0, neginf=0)
        cells, chosen = _distinct(rounded)
        found = self._projected(cells * cell)
        good = np.isfinite(found).all(axis=(1, 2)) & (np.abs(_determinants(found)) > 0)
        made[good[chosen]] = found[chosen[good[chosen]]]
        return made

    def vectors(self, start: Floats, end: Floats) -> Floats:
        """The steps from places to places, in metres on the ground."""
        with np.errstate(all="ignore"):
            return np.asarray(np.einsum("nij,nj->ni", self.matrices((start + end) / 2), end - start))

    def lengths(self, shapes: NDArray[Any]) -> Floats:
        """The length of lines, the perimeter of polygons (holes counted), in metres."""
        found = vertices(self._in_pieces(shapes))
        begin = found.segments()
        steps = self.vectors(found.xy[begin], found.xy[begin + 1])
        owner = found.owner[found.line[begin]]
        with np.errstate(all="ignore"):
            return np.bincount(owner, np.hypot(steps[:, 0], steps[:, 1]), len(shapes)).astype(np.float64)

    def areas(self, shapes: NDArray[Any]) -> Floats:
        """The area in square metres."""
        middle, reach = self._middle(shapes)
        with np.errstate(all="ignore"):
            found = np.asarray(shapely.area(shapes) * np.abs(_determinants(self.matrices(middle))), dtype=np.float64)
        wide = reach > _LOCAL
        if wide.any() and (self._in_degrees or self._to_degrees is not None):
            exact = self._equal_area(shapes[wide])
            found[wide] = np.where(np.isfinite(exact), exact, found[wide])
        return found

    def local(self, shapes: NDArray[Any]) -> NDArray[Any]:
        """The shapes in metres from their middle, for what is small beside the earth."""
        middle, _ = self._middle(shapes)
        matrices = self.matrices(middle)
        xy, owner = shapely.get_coordinates(shapes, return_index=True)
        with np.errstate(all="ignore"):
            moved = np.einsum("nij,nj->ni", matrices[owner], xy - middle[owner])
        return np.asarray(shapely.set_coordinates(shapely.force_2d(shapes), moved))

    def widened(self, shapes: NDArray[Any], metres: float) -> NDArray[Any]:
        """The polygons with a margin of so many metres, as long as one is at their middle."""
        middle, _ = self._middle(shapes)
        wider = shapely.buffer(self.local(shapes), metres, join_style="mitre")
        xy, owner = shapely.get_coordinates(wider, return_index=True)
        back = np.linalg.inv(self.matrices(middle))
        return np.asarray(shapely.set_coordinates(wider, np.einsum("nij,nj->ni", back[owner], xy) + middle[owner]))

    # ---- inside ---------------------------------------------------------------------------------

    def _radii(self, latitude: Floats) -> tuple[Floats, Floats]:
        """Metres in a radian along the parallel and along the meridian, at latitudes in radians."""
        with np.errstate(all="ignore"):  # a place that PROJ does not know is infinity
            sine = np.sin(latitude)
            curved = 1 - self._e2 * sine * sine
            normal = self._major / np.sqrt(curved)
            return normal * np.cos(latitude), normal * (1 - self._e2) / curved

    def _projected(self, xy: Floats) -> Floats:
        assert self._to_degrees is not None
        step = _STEP / self._unit
        shifts = np.array([[0, 0], [step, 0], [-step, 0], [0, step], [0, -step]])
        around = (xy[:, None, :] + shifts).reshape(-1, 2)
        lon, lat = (np.radians(each) for each in self._to_degrees(around[:, 0], around[:, 1]))
        with np.errstate(all="ignore"):
            up = np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
            normal = self._major / np.sqrt(1 - self._e2 * up[:, 2:] ** 2)
            places = (up * [1, 1, 1 - self._e2] * normal).reshape(-1, 5, 3)
            by_x, by_y = ((places[:, at] - places[:, at + 1]) / (2 * step) for at in (1, 3))
            along = by_x / np.linalg.norm(by_x, axis=1, keepdims=True)
            across = np.cross(up.reshape(-1, 5, 3)[:, 0], along)
            return np.stack(
                [np.stack([(by * axis).sum(axis=1) for by in (by_x, by_y)], axis=1) for axis in (along, across)], axis=1
            )

    def _middle(self, shapes: NDArray[Any]) -> tuple[Floats, Floats]:
        """The middle of each shape, and about how far it reaches in metres."""
        with np.errstate(all="ignore"):
            bounds = shapely.bounds(shapes)
            reach = (bounds[:, 2:] - bounds[:, :2]).max(axis=1) * self.metres_per_unit
            return (bounds[:, :2] + bounds[:, 2:]) / 2, reach

    def _in_pieces(self, shapes: NDArray[Any]) -> NDArray[Any]:
        """The shapes, with no edge longer than can be measured at once."""
        reach = self._middle(shapes)[1]
        wide = np.flatnonzero(reach > _LOCAL)
        longest = _LOCAL / self.metres_per_unit
        with np.errstate(all="ignore"):
            pieces = shapely.length(shapes[wide]).sum() / longest if len(wide) else 0.0
        if not 0 < pieces <= _MOST_PIECES:
            return shapes
        cut = shapes.copy()
        cut[wide] = shapely.segmentize(shapes[wide], longest)
        return cut

    def _equal_area(self, shapes: NDArray[Any]) -> Floats:
        """Areas between edges and equator in Lambert's cylindrical projection, which is true to area (Snyder, 10).

        A ring of projected coordinates may cross the date line, or have a pole inside.
        """
        found = vertices(self._in_pieces(shapes))
        begin = found.segments()
        ring = found.line[begin]
        count = len(found.owner)
        with np.errstate(all="ignore"):
            if self._to_degrees is None:
                lon, lat = found.xy[:, 0] * self._unit, found.xy[:, 1] * self._unit
                east = lon[begin + 1] - lon[begin]
            else:
                lon, lat = (np.radians(each) for each in self._to_degrees(found.xy[:, 0], found.xy[:, 1]))
                east = np.remainder(lon[begin + 1] - lon[begin] + np.pi, 2 * np.pi) - np.pi
            height = self._authalic(np.clip(lat, -np.pi / 2, np.pi / 2))
            start = height[found.first]  # small areas far from the equator would drown in rounding
            middle = (height[begin] + height[begin + 1]) / 2 - start[ring]
            turns = np.rint(np.bincount(ring, east, count) / (2 * np.pi))
            pole = np.copysign(self._authalic(np.array(np.pi / 2)), start) - start
            enclosed = np.abs(np.bincount(ring, east * middle, count) - turns * 2 * np.pi * pole)
            signed = np.where(found.outer, enclosed, -enclosed) * found.ring
            return np.bincount(found.owner, signed, len(shapes)).astype(np.float64) * self._major**2

    def _authalic(self, latitude: Floats) -> Floats:
        """The height of a latitude in the cylindrical equal-area projection, the semi-major axis being 1."""
        sine = np.sin(latitude)
        if not self._e2:
            return np.asarray(sine)
        turned = np.sqrt(self._e2) * sine
        return np.asarray((sine / (1 - turned**2) + np.arctanh(turned) / np.sqrt(self._e2)) * (1 - self._e2) / 2)


def _distinct(cells: Floats) -> tuple[Floats, Ints]:
    """The different ones among pairs of whole numbers, and the place of each among these."""
    low = cells.min(axis=0)
    wide, high = (cells.max(axis=0) - low + 1).tolist()
    if wide * high >= 2**53:
        found, place = np.unique(cells, axis=0, return_inverse=True)
        return found, place.reshape(-1)
    numbers = ((cells[:, 0] - low[0]) * high + (cells[:, 1] - low[1])).astype(np.int64)
    found, first, place = np.unique(numbers, return_index=True, return_inverse=True)
    return cells[first], place


def _diagonal(east: Floats, north: Floats, unit: float) -> Floats:
    made = np.zeros((len(east), 2, 2))
    made[:, 0, 0], made[:, 1, 1] = east * unit, north * unit
    return made


def _determinants(matrices: Floats) -> Floats:
    return np.asarray(matrices[:, 0, 0] * matrices[:, 1, 1] - matrices[:, 0, 1] * matrices[:, 1, 0])
