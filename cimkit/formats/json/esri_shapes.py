"""Geometry objects of ArcGIS services as WKB: points, paths and rings, with arcs and curves made straight."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cimkit.formats import arcs
from cimkit.formats.rings import polygons
from cimkit.model import Hint

Points = NDArray[np.float64]
_BEZIER_CHORDS = 32


class EsriShapes:
    """Builds geometries, and remembers what was not, or not exactly, built."""

    def __init__(self) -> None:
        self._bent = self._measured = self._unbuilt = 0
        self._reason = ""
        self._number = 0

    def wkb(self, geometries: Iterable[Any]) -> pa.Array:
        """The WKB of some geometry objects; null where there is none."""
        import shapely

        shapes = []
        for geometry in geometries:
            shape = None
            try:
                shape = self._shape(geometry) if geometry else None
            except (ValueError, TypeError, LookupError, shapely.errors.GEOSException) as error:
                self._unbuilt += 1
                self._reason = self._reason or f"feature {self._number}: {str(error).rstrip('.')}"
            self._number += 1
            shapes.append(shape)
        return pa.array(shapely.to_wkb(shapes, flavor="iso"), pa.binary())

    def hints(self) -> list[Hint]:
        """What became of geometries."""
        hints = []
        if self._unbuilt:
            message = f"{self._unbuilt} geometries cannot be built and are null, the first of {self._reason}."
            hints.append(Hint("geometry.unbuilt", message))
        if self._bent:
            message = f"Curves of {self._bent} geometries are read as lines of chords of at most 4 degrees."
            hints.append(Hint("geometry.linearised", message))
        if self._measured:
            hints.append(Hint("geometry.measures", f"The M of {self._measured} geometries is not read."))
        return hints

    def _shape(self, geometry: dict[str, Any]) -> Any:
        import shapely

        # Without flags, three numbers are x, y, z; hasM without hasZ makes them x, y, m.
        only_m = bool(geometry.get("hasM")) and not geometry.get("hasZ")
        self._measured += bool(geometry.get("hasM")) or "m" in geometry
        if "x" in geometry:
            place = [_number(geometry.get(axis)) for axis in ("x", "y")]
            if None in place:
                return None
            z = _number(geometry.get("z"))
            return shapely.Point([*place, z] if z is not None else place)
        if "points" in geometry:
            return shapely.MultiPoint(_points(geometry["points"], only_m)) if geometry["points"] else None
        if "xmin" in geometry:
            corners = [_number(geometry.get(edge)) for edge in ("xmin", "ymin", "xmax", "ymax")]
            return None if None in corners else shapely.box(*corners)
        for name, curves in (("paths", "curvePaths"), ("rings", "curveRings")):
            if name not in geometry and curves not in geometry:
                continue
            lines = [_points(line, only_m) for line in geometry.get(name) or () if line]
            bent = [_straight(line, only_m) for line in geometry.get(curves) or () if line]
            self._bent += bool(bent)
            lines = _of_one_width(lines + bent)
            if name == "rings":
                return polygons(lines)
            made = [shapely.LineString(line) for line in lines]
            return None if not made else made[0] if len(made) == 1 else shapely.MultiLineString(made)
        raise ValueError("it is no point, multipoint, polyline, polygon or envelope")


def _number(value: Any) -> float | None:
    """A coordinate; services write "NaN" or null for that of an empty point."""
    if value is None or value == "NaN":
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def _points(rows: Sequence[Any], only_m: bool) -> Points:
    """Positions of two or three numbers; a z that is null is 0 where others have one."""
    width = 2 if only_m else min(3, max(len(row) for row in rows))
    filled = [[*row[:width], *[0.0] * (width - len(row))] for row in rows]
    points = np.array([[0.0 if v in (None, "NaN") else v for v in row] for row in filled], dtype=np.float64)
    if not np.isfinite(points).all():
        raise ValueError("a position is not finite")
    return points


def _of_one_width(lines: list[Points]) -> list[Points]:
    widest = max((line.shape[1] for line in lines), default=2)
    return [
        line if line.shape[1] == widest else np.column_stack([line, np.zeros((len(line), widest - line.shape[1]))])
        for line in lines
    ]


# ---- curves (ArcGIS REST API, "Geometry objects": curve objects) ---------------------------


def _straight(segments: Sequence[Any], only_m: bool) -> Points:
    """The points of a path whose segments are positions, arcs (c, a) and Bézier curves (b)."""
    pieces: list[Points] = []
    for segment in segments:
        if not isinstance(segment, dict):
            pieces.append(_flat([segment]))
        elif not pieces:
            raise ValueError("a path begins with a curve")
        elif "c" in segment:
            pieces.append(arcs.through(pieces[-1][-1], *_flat(segment["c"][1::-1])))
        elif "a" in segment:
            pieces.append(_elliptic(pieces[-1][-1], segment["a"]))
        elif "b" in segment:
            end, first, second = _flat(segment["b"][:3])
            pieces.append(_bezier(pieces[-1][-1], first, second, end))
        else:
            raise ValueError("a segment is no curve that is known")
    return np.concatenate(pieces)


def _flat(rows: Sequence[Any]) -> Points:
    points = np.array([row[:2] for row in rows], dtype=np.float64)
    if not np.isfinite(points).all():
        raise ValueError("a position is not finite")
    return points


def _elliptic(start: Points, values: Sequence[Any]) -> Points:
    """The points behind the start of an arc [end, centre, minor, clockwise, rotation, semi-major, ratio]."""
    end, centre = _flat(values[:2])
    minor, clockwise = bool(values[2]), bool(values[3])
    rotation, ratio = (float(values[4]), float(values[6])) if len(values) > 6 else (0.0, 1.0)
    if not ratio:
        return end[None]
    turn = np.array([[math.cos(rotation), math.sin(rotation)], [-math.sin(rotation), math.cos(rotation)]])
    squash = np.array([1.0, 1.0 / ratio])
    first, last = (turn @ (start - centre)) * squash, (turn @ (end - centre)) * squash
    forward = (arcs.angle(last) - arcs.angle(first)) % (2 * math.pi)
    if np.array_equal(start, end):
        sweep = -2 * math.pi if clockwise else 2 * math.pi
    elif len(values) > 3:
        sweep = forward - 2 * math.pi if clockwise else forward
    else:
        sweep = forward if (forward <= math.pi) == minor else forward - 2 * math.pi
    return arcs.turned(first, sweep, end, lambda around: centre + (around / squash) @ turn)


def _bezier(start: Points, first: Points, second: Points, end: Points) -> Points:
    t = (np.arange(1, _BEZIER_CHORDS + 1) / _BEZIER_CHORDS)[:, None]
    points: Points = (1 - t) ** 3 * start + 3 * (1 - t) ** 2 * t * first + 3 * (1 - t) * t**2 * second + t**3 * end
    points[-1] = end
    return points
