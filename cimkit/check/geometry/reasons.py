"""Why a geometry is not valid and where: GEOS's words, also in Chinese, and what ails bytes that GEOS does not read."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from cimkit import wkb
from cimkit.messages import say

Point = tuple[float, float]

#: What GEOS says (TopologyValidationError.cpp of GEOS 3.14) -> the message's code.
_REASONS = {
    "Self-intersection": "reason.self_intersection",
    "Ring Self-intersection": "reason.ring_self_intersection",
    "Hole lies outside shell": "reason.hole_outside",
    "Holes are nested": "reason.nested_holes",
    "Nested shells": "reason.nested_shells",
    "Interior is disconnected": "reason.disconnected_interior",
    "Duplicate Rings": "reason.duplicate_rings",
    "Too few points in geometry component": "reason.too_few_points",
    "Ring is not closed": "reason.not_closed",
    "Invalid Coordinate": "reason.coordinate",
}
_RINGS = (3, 17)
_FEWEST = 4


def why_invalid(shape: Any) -> tuple[str, Point | None]:
    """Why a geometry is not valid, as GEOS calls it, and where: ``Self-intersection``, (0.5, 0.5)."""
    text, _, at = shapely.is_valid_reason(shape).partition("[")
    numbers = at.rstrip("]").split()
    return text.strip(), (float(numbers[0]), float(numbers[1])) if len(numbers) >= 2 else None


def why_unread(cell: bytes) -> tuple[str, Point | None]:
    """Why bytes are no geometry to GEOS, by the code of the message, and where: an open ring is the usual case."""
    try:
        for points, _ in wkb.coordinates(bytearray(cell)):
            if len(points) and int(wkb.heads(_alone(cell))[0][0]) in (3, 6) and np.isfinite(points[:, :2]).all():
                place = (float(points[0, 0]), float(points[0, 1]))
                if (points[0, :2] != points[-1, :2]).any():
                    return "reason.not_closed", place
                if len(points) < _FEWEST:
                    return "reason.too_few_points", place
    except ValueError:
        return "word.no_geometry", None
    return "word.no_geometry", None


def _alone(cell: bytes) -> Any:
    import pyarrow as pa

    return pa.array([cell], pa.binary())


def spoken(reason: str, lang: str) -> str:
    """A reason of GEOS in a language; one it has learned since stays as it is."""
    code = _REASONS.get(reason)
    return say(code, lang) if code else reason


def places(shapes: NDArray[np.object_]) -> NDArray[np.float64]:
    """The place of every shape, as :func:`place` has it; an array of (n, 2)."""
    try:
        sound = ~shapely.is_missing(shapes) & ~shapely.is_empty(shapes) & shapely.is_valid(shapes)
    except shapely.errors.GEOSException:  # one of them has a curve in it
        sound = np.zeros(len(shapes), dtype=bool)
    found = np.full((len(shapes), 2), np.nan)
    inside = shapely.point_on_surface(shapes[sound])
    found[sound] = np.column_stack([shapely.get_x(inside), shapely.get_y(inside)])
    for index in np.flatnonzero(~sound):
        found[index] = place(shapes[index])
    return found


def place(shape: Any) -> Point:
    """A place to show a geometry at: where it is broken, else inside it, else its first coordinate; or NaN."""
    try:
        if shape is None or shape.is_empty:
            return np.nan, np.nan
        if shape.is_valid:
            point = shape.point_on_surface()
            return float(point.x), float(point.y)
        at = why_invalid(shape)[1]
        x, y = at if at else shapely.get_coordinates(shape)[0].tolist()
    except shapely.errors.GEOSException:
        return np.nan, np.nan
    return float(x), float(y)
