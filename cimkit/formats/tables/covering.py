"""The covering of GeoParquet 1.1: the box of every geometry, and what all boxes of a file show together."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cimkit import wkb
from cimkit.model import BBox

CORNERS = ("xmin", "ymin", "xmax", "ymax")
BOX = pa.struct([pa.field(corner, pa.float32()) for corner in CORNERS])
#: The kinds the specification has names for.
_KINDS = {
    1: "Point",
    2: "LineString",
    3: "Polygon",
    4: "MultiPoint",
    5: "MultiLineString",
    6: "MultiPolygon",
    7: "GeometryCollection",
}
_COLLECTION = 7


class Coverage:
    """Adds up the extent and the kinds of a file's geometries batch by batch."""

    def __init__(self) -> None:
        self._kinds: Counter[int] = Counter()
        self._low = np.array([np.inf, np.inf])
        self._high = np.array([-np.inf, -np.inf])
        self._strange = False

    def add(self, array: pa.Array) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """The bounds of each geometry, NaN where it has no place, and which are not of the simple kinds or damaged."""
        found = wkb.extents(array)
        kind, bounds, strange = found.kind, found.bounds, (found.kind != 0) & ~found.built
        # GEOS builds nothing of a ring that does not close; it has a place all the same.
        for row in np.flatnonzero(strange & (kind > 0) & (kind < _COLLECTION)):
            bounds[row], whole = wkb.outline(array[int(row)].as_py())
            strange[row] = not whole
        bounds[strange | ~np.isfinite(bounds).all(axis=1) | (bounds[:, 0] > bounds[:, 2])] = np.nan
        placed = bounds[~np.isnan(bounds[:, 0])]
        if len(placed):
            self._low = np.minimum(self._low, placed[:, :2].min(axis=0))
            self._high = np.maximum(self._high, placed[:, 2:].max(axis=0))
        self._strange |= bool((strange | found.has_m & (kind > 0)).any())
        self._kinds.update(np.unique((kind * 2 + found.has_z)[(kind > 0) & ~strange]).tolist())
        return bounds, strange

    @property
    def extent(self) -> BBox | None:
        """Min x, min y, max x, max y of all geometries that have a place."""
        if not np.isfinite(self._low).all():
            return None
        return (float(self._low[0]), float(self._low[1]), float(self._high[0]), float(self._high[1]))

    @property
    def types(self) -> list[str]:
        """The kinds there are, as the specification names them.

        The list is a promise; where something else is among them there is no word for it.
        """
        if self._strange:
            return []
        return sorted(_KINDS[code // 2] + (" Z" if code & 1 else "") for code in self._kinds)


def boxes(bounds: NDArray[np.float64]) -> pa.StructArray:
    """Boxes of single floats that hold these bounds, null where there are none."""
    none = np.isnan(bounds[:, 0])
    held = np.where(none[:, None], 0.0, bounds)
    with np.errstate(over="ignore", under="ignore"):
        single = held.astype(np.float32)
        low, high = single[:, :2], single[:, 2:]
        below = np.where(low > held[:, :2], np.nextafter(low, np.float32(-np.inf)), low)
        above = np.where(high < held[:, 2:], np.nextafter(high, np.float32(np.inf)), high)
    # Beyond the range of floats lies infinity.
    below[np.isinf(low)], above[np.isinf(high)] = -np.inf, np.inf
    corners: list[Any] = [np.ascontiguousarray(side[:, axis]) for side in (below, above) for axis in (0, 1)]
    return pa.StructArray.from_arrays([pa.array(c) for c in corners], fields=list(BOX), mask=pa.array(none))


def corners(array: pa.StructArray) -> NDArray[np.float32]:
    """The boxes of an array as rows of min x, min y, max x, max y; of any numbers where it is null."""
    return np.stack([array.field(corner).to_numpy() for corner in CORNERS], axis=1)
