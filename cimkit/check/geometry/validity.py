"""A layer's geometry held against its specification, one cause for each record.

Cheap tests come first and a geometry known to be broken is not tested further: missing,
unreadable, empty, of the wrong kind, without finite coordinates, invalid (OGC Simple
Features, as GEOS decides), too small. Shapely does it in batches, not DuckDB, whose WKB reader gives up
the whole connection on a geometry that is cut off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray

from cimkit import crs as reference_systems
from cimkit import wkb
from cimkit.check.columns import GEOMETRY, ROW
from cimkit.check.outcomes import Outcome
from cimkit.check.rules import Rule
from cimkit.messages import say
from cimkit.model import Mapped, Skipped
from cimkit.standard import GeometrySpec, LayerSchema

if TYPE_CHECKING:
    import duckdb

_BATCH = 16_384

#: OGC geometry types by their WKB numbers (OGC 06-103r4, table 7).
KINDS: Mapping[int, str] = {
    1: "Point", 2: "LineString", 3: "Polygon", 4: "MultiPoint", 5: "MultiLineString", 6: "MultiPolygon",
    7: "GeometryCollection", 8: "CircularString", 9: "CompoundCurve", 10: "CurvePolygon", 11: "MultiCurve",
    12: "MultiSurface", 15: "PolyhedralSurface", 16: "TIN", 17: "Triangle",
}  # fmt: skip
#: Kinds that GEOS does not read, so that nothing but their kind can be judged.
_BEYOND_GEOS = (8, 9, 10, 11, 12, 15, 16, 17)
_AREAS = (3, 6)
#: GEOS's type ids as WKB numbers: point, line, ring, polygon, their collections.
_BY_GEOS = np.array([1, 2, 2, 3, 4, 5, 6, 7])

_FINE, _UNJUDGED, _MISSING, _UNREADABLE, _EMPTY, _KIND, _COORDINATES, _INVALID, _SMALL = range(9)

# WGS 84, for areas of degrees; other ellipsoids differ by less than a thousandth.
_MAJOR_AXIS, _ECCENTRICITY2 = 6378137.0, 0.00669437999014

Verdicts = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class GeometryRule:
    """A rule about geometry: the verdicts that fail it, and those for which it was not asked."""

    rule: Rule
    fails: tuple[int, ...]
    unasked: tuple[int, ...]


def geometry_rules(layer: LayerSchema, crs: str | None, lang: str) -> tuple[list[GeometryRule], list[Skipped]]:
    """The rules of a layer's ``cim:geometry``, none where it has none."""
    spec = layer.geometry
    if spec is None:
        return [], []
    before = (_MISSING, _UNREADABLE, _EMPTY, _KIND, _UNJUDGED)
    rules = [
        _rule(layer, "kind", "geometry.kind", (_KIND,), before[:3], expected=list(spec.types)),
        _rule(layer, "empty", "geometry.empty", (_EMPTY,), before[:2]),
        _rule(layer, "finite", "geometry.coordinates", (_COORDINATES,), before),
        _rule(layer, "valid", "geometry.invalid", (_INVALID, _UNREADABLE), (_MISSING, *before[2:], _COORDINATES)),
    ]
    if spec.required:
        rules.insert(0, _rule(layer, "missing", "geometry.missing", (_MISSING,), ()))
    skipped = []
    if spec.min_area_m2 is not None:
        unasked = (*before, _COORDINATES, _INVALID)
        small = _rule(layer, "min_area", "geometry.small", (_SMALL,), unasked, expected=spec.min_area_m2)
        if crs is None:
            skipped.append(Skipped(small.rule.rule, say("skipped.no_unit", lang)))
        else:
            rules.append(small)
    return rules, skipped


def _rule(
    layer: LayerSchema,
    name: str,
    code: str,
    fails: tuple[int, ...],
    unasked: tuple[int, ...],
    expected: Any = None,
) -> GeometryRule:
    rule = Rule(
        rule=f"{layer.name}.{GEOMETRY}#{name}",
        code=code,
        layer=layer.name,
        field=GEOMETRY,
        bad="FALSE",
        applies="FALSE",
        expected=expected,
        pointer="/cim:geometry",
    )
    return GeometryRule(rule, fails, unasked)


def geometry_outcomes(
    con: duckdb.DuckDBPyConnection,
    mapped: Mapped,
    layer: LayerSchema,
    failures: str,
    samples: int | None,
    lang: str,
) -> tuple[list[Outcome], list[Skipped]]:
    """The outcomes of a layer's geometry rules; what fails is kept in a new table ``failures`` (rule, _row)."""
    rules, skipped = geometry_rules(layer, mapped.crs, lang)
    if layer.geometry is None:
        return [], skipped
    con.execute(f"CREATE TABLE {failures} (rule INTEGER, {ROW} BIGINT)")
    checked, failed = [0] * len(rules), [0] * len(rules)
    kept: list[list[int]] = [[] for _ in rules]
    for rows, found in verdicts(mapped, layer.geometry):
        for number, rule in enumerate(rules):
            checked[number] += int(np.count_nonzero(~np.isin(found, rule.unasked)))
            bad = rows[np.isin(found, rule.fails)]
            if not len(bad):
                continue
            failed[number] += len(bad)
            room = len(bad) if samples is None else samples - len(kept[number])
            kept[number] += bad[: max(room, 0)].tolist()
            pairs = pa.table([pa.array(np.full(len(bad), number), pa.int32()), pa.array(bad)], ["rule", ROW])
            con.register("bad_geometry", pairs)
            con.execute(f"INSERT INTO {failures} FROM bad_geometry")
            con.unregister("bad_geometry")
    outcomes = [
        Outcome(
            replace(rule.rule, bad=f"({ROW} IN (SELECT {ROW} FROM {failures} WHERE rule = {number}))"),
            checked[number],
            failed[number],
            tuple(sorted(kept[number])),
        )
        for number, rule in enumerate(rules)
    ]
    return outcomes, skipped


def verdicts(mapped: Mapped, spec: GeometrySpec) -> Iterator[tuple[NDArray[np.int64], Verdicts]]:
    """(rows, verdicts) of every batch of a layer."""
    allowed = np.array([number for number, kind in KINDS.items() if kind in spec.types])
    square_metres = None
    if spec.min_area_m2 is not None and mapped.crs is not None:
        square_metres = area_measure(mapped.crs)
    with pq.ParquetFile(mapped.path, pre_buffer=False) as file:
        has_geometry = GEOMETRY in file.schema_arrow.names
        columns = [ROW, GEOMETRY] if has_geometry else [ROW]
        for batch in file.iter_batches(_BATCH, columns=columns):
            rows = batch.column(ROW).to_numpy()
            if has_geometry:
                yield rows, _judge(batch.column(GEOMETRY), allowed, spec.min_area_m2, square_metres)
            else:
                yield rows, np.full(len(rows), _MISSING, np.int8)


def _judge(
    array: pa.Array,
    allowed: NDArray[np.int64],
    least: float | None,
    square_metres: Callable[[NDArray[Any]], NDArray[np.float64]] | None,
) -> Verdicts:
    kinds, _, _ = wkb.heads(array)
    shapes, beyond_geos = _read(array, kinds)
    read_by_geos = ~shapely.is_missing(shapes)
    kinds[read_by_geos] = _BY_GEOS[shapely.get_type_id(shapes[read_by_geos])]
    result: Verdicts = np.full(len(array), _FINE, np.int8)
    result[~read_by_geos] = np.where(beyond_geos[~read_by_geos], _UNJUDGED, _UNREADABLE)
    result[kinds == 0] = _MISSING
    result[shapely.is_empty(shapes)] = _EMPTY
    result[np.isin(result, (_FINE, _UNJUDGED)) & ~np.isin(kinds, allowed)] = _KIND

    left = np.flatnonzero(result == _FINE)
    valid, unjudged = _valid(shapes[left])
    result[left[unjudged]] = _UNJUDGED
    invalid = left[~valid & ~unjudged]
    result[invalid] = _INVALID
    if len(invalid):
        coordinates, owner = shapely.get_coordinates(shapes[invalid], return_index=True)
        result[invalid[owner[~np.isfinite(coordinates).all(axis=1)]]] = _COORDINATES
    if square_metres is not None and least is not None:
        areas = np.flatnonzero((result == _FINE) & np.isin(kinds, _AREAS))
        result[areas[square_metres(shapes[areas]) < least]] = _SMALL
    return result


def _valid(shapes: NDArray[Any]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
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


def place(shape: Any) -> tuple[float, float]:
    """A place to show a geometry at: where it is broken, else inside it, else its first coordinate; or NaN."""
    try:
        if shape is None or shape.is_empty:
            return np.nan, np.nan
        if shape.is_valid:
            point = shape.point_on_surface()
            return float(point.x), float(point.y)
        numbers = reason(shape)[1]
        x, y = numbers if numbers else shapely.get_coordinates(shape)[0].tolist()
    except shapely.errors.GEOSException:
        return np.nan, np.nan
    return float(x), float(y)


def reason(shape: Any) -> tuple[str, tuple[float, float] | None]:
    """Why a geometry is not valid, and where, as GEOS says it: ``Self-intersection[0.5 0.5]``."""
    text, _, at = shapely.is_valid_reason(shape).partition("[")
    numbers = at.rstrip("]").split()
    return text, (float(numbers[0]), float(numbers[1])) if len(numbers) >= 2 else None


def read(array: pa.Array) -> NDArray[Any]:
    """WKB as shapely geometries; None where there is none, or GEOS cannot read it."""
    return _read(array, wkb.heads(array)[0])[0]


def _read(array: pa.Array, kinds: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """The geometries, and which are of kinds that shapely has not, itself or inside a collection."""
    cells = array.to_numpy(zero_copy_only=False).copy()
    beyond = np.isin(kinds, _BEYOND_GEOS)
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


def area_measure(crs: str) -> Callable[[NDArray[Any]], NDArray[np.float64]]:
    """How the area on the ground, in square metres, is found for shapes in a CRS.

    In degrees it is the planar area times the area of a square degree at the middle latitude
    of the shape (meridian times parallel radius of the ellipsoid), good to a thousandth for shapes
    of the size of a city block.
    """
    if not reference_systems.is_geographic(crs):
        scale = reference_systems.metres_per_unit(crs) ** 2
        return lambda shapes: np.asarray(shapely.area(shapes) * scale, dtype=np.float64)

    def measure(shapes: NDArray[Any]) -> NDArray[np.float64]:
        bounds = shapely.bounds(shapes)
        latitude = np.radians((bounds[:, 1] + bounds[:, 3]) / 2)
        curvature = (1 - _ECCENTRICITY2 * np.sin(latitude) ** 2) ** 2
        radii = _MAJOR_AXIS**2 * (1 - _ECCENTRICITY2) * np.cos(latitude) / curvature
        return np.asarray(shapely.area(shapes) * np.radians(1) ** 2 * radii, dtype=np.float64)

    return measure
