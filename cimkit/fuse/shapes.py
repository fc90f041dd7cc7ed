"""Geometries in arrays: parsed, judged, and made fit for comparison."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from cimkit.fuse.arrays import Flags, Floats

#: An array of shapely geometries, None where there is none.
Shapes = Any
#: No projected coordinate on earth is larger, zone number and all; beyond it arithmetic with areas would overflow.
_FARTHEST_M = 1e9


def parse(array: pa.Array) -> Shapes:
    """WKB as shapes; None for what GEOS does not read (damaged bytes, curves)."""
    import shapely

    values = array.to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore"):
        try:
            return shapely.from_wkb(values, on_invalid="ignore")
        except NotImplementedError:  # a curve among the parts of a single one spoils the whole array
            return np.array([_parse_one(value) for value in values], dtype=object)


def _parse_one(value: bytes | None) -> Any:
    import shapely

    try:
        return shapely.from_wkb(value, on_invalid="ignore")
    except NotImplementedError:
        return None


def bounds(shapes: Shapes) -> Floats:
    """Bounds, a row a shape; NaN where any coordinate is not a finite number (GEOS itself skips over NaN)."""
    import shapely

    with np.errstate(invalid="ignore"):
        found: Floats = shapely.bounds(shapes)
        coordinates, owner = shapely.get_coordinates(shapes, return_index=True)
    found[owner[~np.isfinite(coordinates).all(axis=1)]] = np.nan
    return found


def placed(shapes: Shapes) -> Flags:
    """Which shapes are somewhere: not missing, not empty, every coordinate a possible number of metres."""
    return np.asarray((np.nan_to_num(np.abs(bounds(shapes)), nan=np.inf) <= _FARTHEST_M).all(axis=1))


def as_points(shapes: Shapes) -> Shapes:
    """The centroid of each shape."""
    import shapely

    return shapely.centroid(shapes)


def as_areas(shapes: Shapes) -> Shapes:
    """Each shape as sound geometry: a bow tie becomes two triangles; what collapses is empty."""
    import shapely

    broken = ~shapely.is_valid(shapes)
    if broken.any():
        shapes = shapes.copy()
        shapes[broken] = shapely.make_valid(shapes[broken], method="structure", keep_collapsed=False)
    return shapes
