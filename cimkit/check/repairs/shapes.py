"""Repairs of geometry: rings that are not closed, shapes that are not valid, axes that are swapped.

A shape is mended by GEOS (`make_valid`, structure method: what a ring encloses stays enclosed), and
kept only where it is of a kind that the layer may have and lies within the box of what it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from cimkit import wkb
from cimkit.formats import stored
from cimkit.formats.columns import GEOMETRY, ROW
from cimkit.model import Staged

#: By GEOS's type ids.
_NAMES = np.array(
    [
        "Point", "LineString", "LinearRing", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon",
        "GeometryCollection",
    ]
)  # fmt: skip
_POLYGONS = np.array([3, 6])
SWAPPED, AXES = "crs.swapped_axes", "repair.axes"
_COLLECTION = 7
#: How much further than its old box a mended shape may reach, as a share of the box.
_ROOM = 1e-9


def mended(staged: Staged, kinds: tuple[str, ...], suspicions: set[str]) -> Iterator[pa.Table]:
    """Tables of (_row, geometry, codes, before, after) of the records whose geometry changes.

    ``kinds`` are the OGC names that the layer may have (none: any); ``suspicions`` are codes of
    what is believed of its CRS. ``before`` and ``after`` are words for a report.
    """
    swapped = SWAPPED in suspicions and _all_plain(staged)
    for batch in stored.batches(staged, [ROW, GEOMETRY]):
        data, rows = batch.column(1), batch.column(0).to_numpy()
        closed, was_open = _closed(data)
        shapes = _swapped(closed) if swapped else closed
        invalid = ~shapely.is_missing(shapes) & ~shapely.is_valid(shapes)
        reasons = shapely.is_valid_reason(shapes[invalid])
        valid, sound = _made_valid(shapes[invalid], kinds)
        shapes[np.flatnonzero(invalid)[sound]] = valid[sound]
        codes: list[list[str]] = [[] for _ in rows]
        words = np.full(len(rows), "", dtype=object)
        for index in np.flatnonzero(was_open):
            codes[index].append("repair.ring")
            words[index] = "Ring is not closed"
        for index, reason in zip(np.flatnonzero(invalid)[sound], reasons[sound], strict=True):
            codes[index].append("repair.valid")
            words[index] = reason.partition("[")[0]
        for index in np.flatnonzero(~shapely.is_missing(shapes)) if swapped else ():
            codes[index].append(AXES)
            words[index] = words[index] or _corner(closed[index])
        changed = np.array([bool(each) for each in codes], dtype=bool)
        if changed.any():
            yield _table(rows[changed], shapes[changed], [each for each in codes if each], words[changed])


def _closed(data: pa.Array) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """The shapes that GEOS reads, with rings closed; and which of them were open."""
    heads, _, _ = wkb.heads(data)
    harmless, _ = wkb.mended(data)
    raw = np.array([bytes(each) if each else None for each in harmless.to_pylist()], dtype=object)
    raw[heads == 0] = None
    shapes = shapely.from_wkb(raw, on_invalid="ignore")
    unread = shapely.is_missing(shapes) & (raw != None)  # noqa: E711
    shapes[unread] = shapely.from_wkb(raw[unread], on_invalid="fix")
    return shapes, unread & ~shapely.is_missing(shapes)


def _all_plain(staged: Staged) -> bool:
    """Whether the axes of every geometry can be swapped: none is one that GEOS does not read, or drops M of."""
    for batch in stored.batches(staged, [GEOMETRY]):
        kinds, _, has_m = wkb.heads(batch.column(0))
        if ((kinds < 0) | (kinds > _COLLECTION) | has_m).any():
            return False
    return True


def _swapped(geometries: NDArray[np.object_]) -> NDArray[np.object_]:
    """The same with x and y in each other's place; Z stays."""
    solid = shapely.has_z(geometries)
    result = shapely.transform(geometries, lambda xy: xy[:, ::-1])
    result[solid] = shapely.transform(geometries[solid], lambda xyz: xyz[:, [1, 0, 2]], include_z=True)
    return np.asarray(result)


def _corner(shape: shapely.Geometry) -> str:
    """The first point as words."""
    x, y = shapely.get_coordinates(shape)[0] if not shape.is_empty else (np.nan, np.nan)
    return f"{x:.10g} {y:.10g}"


def _made_valid(shapes: NDArray[np.object_], kinds: tuple[str, ...]) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """Valid shapes, and which of them are surely what was meant."""
    if not len(shapes):
        return shapes, np.zeros(0, dtype=bool)
    areas = np.isin(shapely.get_type_id(shapes), _POLYGONS)
    # GEOS loses the measures of parts that it cuts.
    finite = np.isfinite(shapely.bounds(shapes)).all(axis=1) & ~shapely.has_m(shapes)
    valid = np.full(len(shapes), None, dtype=object)
    valid[finite] = shapely.make_valid(shapes[finite], method="structure", keep_collapsed=False)
    allowed = np.ones(len(shapes), dtype=bool)
    if kinds:
        allowed = np.isin(_NAMES[np.maximum(shapely.get_type_id(valid), 0)], kinds)
    still_areas = ~areas | np.isin(shapely.get_type_id(valid), _POLYGONS)
    old, new = shapely.bounds(shapes), shapely.bounds(valid)
    room = _ROOM * np.abs(old).max(axis=1, keepdims=True)
    within = ((new[:, :2] >= old[:, :2] - room) & (new[:, 2:] <= old[:, 2:] + room)).all(axis=1)
    return valid, finite & allowed & still_areas & within & ~shapely.is_missing(valid) & ~shapely.is_empty(valid)


def _after(shape: shapely.Geometry, codes: list[str]) -> str:
    """What became of a shape, in words."""
    return _corner(shape) if codes == [AXES] else f"valid {_NAMES[shapely.get_type_id(shape)]}"


def _table(
    rows: NDArray[np.int64], shapes: NDArray[np.object_], codes: list[list[str]], words: NDArray[Any]
) -> pa.Table:
    return pa.table(
        {
            ROW: pa.array(rows),
            GEOMETRY: pa.array(shapely.to_wkb(shapes), pa.binary()),
            "codes": pa.array(codes, pa.list_(pa.string())),
            "before": pa.array(words.tolist(), pa.string()),
            "after": pa.array(list(map(_after, shapes, codes)), pa.string()),
        }
    )
