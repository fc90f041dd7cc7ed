"""Is a layer's geometry sound? One verdict for each record.

Cheap tests come first and a geometry known to be broken is not tested further: missing,
unreadable, empty, of the wrong kind, without finite coordinates, invalid (OGC Simple Features, as GEOS
decides). Shapely does it in batches, not DuckDB, whose WKB reader gives up the whole
connection on a geometry that is cut off.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from cimkit import wkb
from cimkit.check.columns import GEOMETRY, ROW
from cimkit.check.geometry.convex import surely_valid
from cimkit.check.geometry.vertices import Flags, Ints
from cimkit.formats import stored
from cimkit.model import Mapped

_BATCH = 16_384
_POLYGON = 3
#: Looking for polygons that are plainly valid pays where so many are.
_WORTH = 0.2

#: OGC geometry types by their WKB numbers (OGC 06-103r4, table 7).
KINDS: Mapping[int, str] = {
    1: "Point", 2: "LineString", 3: "Polygon", 4: "MultiPoint", 5: "MultiLineString", 6: "MultiPolygon",
    7: "GeometryCollection", 8: "CircularString", 9: "CompoundCurve", 10: "CurvePolygon", 11: "MultiCurve",
    12: "MultiSurface", 15: "PolyhedralSurface", 16: "TIN", 17: "Triangle",
}  # fmt: skip
#: Kinds that GEOS does not read, so that nothing but their kind and their bytes can be judged.
BEYOND_GEOS = (8, 9, 10, 11, 12, 15, 16, 17)
#: GEOS's type ids as WKB numbers: point, line, ring, polygon, their collections.
_BY_GEOS = np.array([1, 2, 2, 3, 4, 5, 6, 7])

SOUND, UNJUDGED, MISSING, UNREADABLE, EMPTY, KIND, COORDINATES, INVALID = range(8)
#: Verdicts on geometries that nothing else can be done with.
BROKEN = (MISSING, UNREADABLE, EMPTY, KIND, COORDINATES, INVALID)

Verdicts = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Judged:
    """A batch of records: their rows, their geometries as far as GEOS reads them, their WKB kinds, the verdicts.

    Where no geometries were asked for, those are missing that were judged without GEOS.
    """

    rows: Ints
    shapes: NDArray[Any]
    kinds: Ints
    verdicts: Verdicts


def judged(mapped: Mapped, types: Collection[str], *, shapes: bool = True) -> Iterator[Judged]:
    """Every batch of a layer, whose geometries may be of these OGC types; ``shapes``: they are needed further."""
    quick = not shapes and "Polygon" in types
    allowed = np.array([number for number, kind in KINDS.items() if kind in types])
    has_geometry = GEOMETRY in stored.schema(mapped).names
    for batch in stored.batches(mapped, [ROW, GEOMETRY] if has_geometry else [ROW], _BATCH):
        rows = batch.column(ROW).to_numpy()
        if has_geometry and quick:
            found, share = _quickly(rows, batch.column(GEOMETRY), allowed)
            quick = share >= _WORTH
            yield found
        elif has_geometry:
            yield _judged(rows, batch.column(GEOMETRY), allowed)
        else:
            nothing = np.full(len(rows), None, dtype=object)
            yield Judged(rows, nothing, np.zeros(len(rows), np.int64), np.full(len(rows), MISSING, np.int8))


def _quickly(rows: Ints, array: pa.Array, allowed: Ints) -> tuple[Judged, float]:
    """The verdicts, GEOS asked only of what is not plainly valid; and the share of what is."""
    sure = surely_valid(array)
    share = float(sure.mean()) if len(sure) else 1.0
    if not sure.any():
        return _judged(rows, array, allowed), share
    left = np.flatnonzero(~sure)
    kinds, found = np.full(len(rows), _POLYGON, np.int64), np.full(len(rows), SOUND, np.int8)
    shapes = np.full(len(rows), None, dtype=object)
    if len(left):
        others = _judged(rows[left], array.take(pa.array(left)), allowed)
        kinds[left], found[left], shapes[left] = others.kinds, others.verdicts, others.shapes
    return Judged(rows, shapes, kinds, found), share


def _judged(rows: Ints, array: pa.Array, allowed: Ints) -> Judged:
    kinds, _, _ = wkb.heads(array)
    shapes, beyond_geos = _read(array, kinds)
    ids = shapely.get_type_id(shapes)  # -1 where there is none
    read_by_geos = ids >= 0
    kinds = np.where(read_by_geos, _BY_GEOS[ids], kinds)
    found: Verdicts = np.full(len(array), SOUND, np.int8)
    if not read_by_geos.all():
        found[~read_by_geos] = np.where(beyond_geos[~read_by_geos], UNJUDGED, UNREADABLE)
        found[kinds == 0] = MISSING
        for index in np.flatnonzero(found == UNJUDGED):
            found[index] = _bytes_alone(array[int(index)].as_py())
    found[shapely.is_empty(shapes)] = EMPTY
    found[np.isin(found, (SOUND, UNJUDGED)) & ~np.isin(kinds, allowed)] = KIND

    left = np.flatnonzero(found == SOUND)
    valid, unjudged = _valid(shapes if len(left) == len(shapes) else shapes[left])
    if not valid.all():
        found[left[unjudged]] = UNJUDGED
        invalid = left[~valid & ~unjudged]
        found[invalid] = INVALID
        coordinates, owner = shapely.get_coordinates(shapes[invalid], return_index=True)
        found[invalid[owner[~np.isfinite(coordinates).all(axis=1)]]] = COORDINATES
    return Judged(rows, shapes, kinds, found)


def _bytes_alone(cell: bytes) -> int:
    """The verdict on a curve, polyhedral surface or TIN, as far as its bytes tell."""
    some = False
    try:
        for points, _ in wkb.coordinates(bytearray(cell)):
            some = some or len(points) > 0
            if not np.isfinite(points[:, :2]).all():
                return COORDINATES
    except ValueError:
        return UNREADABLE
    return UNJUDGED if some else EMPTY


def _valid(shapes: NDArray[Any]) -> tuple[Flags, Flags]:
    """Which geometries are valid, and of which GEOS cannot say (collections with a curve in them)."""
    unjudged = np.zeros(len(shapes), dtype=bool)
    try:
        return np.asarray(shapely.is_valid(shapes)), unjudged
    except shapely.errors.GEOSException:
        valid = np.zeros(len(shapes), dtype=bool)
        for index, shape in enumerate(shapes):
            try:
                valid[index] = shape.is_valid
            except shapely.errors.GEOSException:
                unjudged[index] = True
        return valid, unjudged


def read(array: pa.Array) -> NDArray[Any]:
    """WKB as shapely geometries; None where there is none, or GEOS cannot read it."""
    return _read(array, wkb.heads(array)[0])[0]


def _read(array: pa.Array, kinds: Ints) -> tuple[NDArray[Any], Flags]:
    """The geometries, and which are of kinds that shapely has not, itself or inside a collection."""
    cells = array.to_numpy(zero_copy_only=False)
    beyond = np.isin(kinds, BEYOND_GEOS)
    if beyond.any():
        cells = cells.copy()
        cells[beyond] = None
    with np.errstate(all="ignore"):  # NaN coordinates are a finding, not a warning
        try:
            return shapely.from_wkb(cells, on_invalid="ignore"), beyond
        except NotImplementedError:
            shapes = np.full(len(cells), None, dtype=object)
            for index, cell in enumerate(cells):
                try:
                    shapes[index] = shapely.from_wkb(cell, on_invalid="ignore")
                except NotImplementedError:
                    beyond[index] = True
            return shapes, beyond
