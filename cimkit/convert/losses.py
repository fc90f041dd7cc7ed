"""What will be lost: known from the columns and the target, confirmed by counting.

Codes, never reused: ``name.changed``, ``type.dropped``, ``number.precision``,
``number.not_finite``, ``time.fraction``, ``time.zone``, ``value.unreadable`` (text that is not of
the standard's type) · ``geometry.curve``, ``geometry.flattened``, ``geometry.dimension``,
``geometry.dropped`` · ``crs.relabelled`` (same numbers, another name), ``crs.reprojected`` (the
target's CRS, unasked for), ``crs.accuracy``, ``crs.dropped`` · ``rows.reordered``; after reading
again ``value.changed``, ``column.missing``, ``rows.changed``; and those of the crosswalk.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cimkit import crs as reference_systems
from cimkit import duck
from cimkit.convert.records import ROW, Records
from cimkit.convert.shapes import Shapes
from cimkit.convert.straight import CURVES, SURFACES
from cimkit.crs import Transform
from cimkit.formats.profile import Change, Held
from cimkit.messages import say
from cimkit.model import Loss

if TYPE_CHECKING:
    import duckdb

_GEOMETRY = "geometry"
GEOPARQUET, GPKG, GEOJSON, CSV = "Parquet", "GPKG", "GeoJSON", "CSV"


def of_columns(con: duckdb.DuckDBPyConnection, records: Records, written: Sequence[Held]) -> list[Loss]:
    """Names and values that change, each with its exact count and its first record."""
    losses = [
        Loss("name.changed", original, records.rows, f"The column '{original}' is called '{name}'.")
        for name, original in records.renamed.items()
        if name in {column.name for column in records.columns}
    ]
    asked = [(column, change) for column, held in zip(records.columns, written, strict=True) for change in held.changes]
    if not asked:
        return losses
    table = duck.parquet(records.path)
    counts = ", ".join(f"count(*) FILTER ({p.condition}), min({ROW}) FILTER ({p.condition})" for _, p in asked)
    found = con.execute(f"SELECT {counts} FROM {table}").fetchone() or ()
    for (column, change), count, row in zip(asked, found[0::2], found[1::2], strict=True):
        if count:
            example = _example(con, table, column.sql, change, row)
            message = say(f"loss.{change.why}", "en", field=column.name, **change.values)
            losses.append(Loss(change.code, column.name, count, message, example))
    return losses


def _example(con: duckdb.DuckDBPyConnection, table: str, column: str, change: Change, row: int) -> dict[str, Any]:
    pair = con.execute(f"SELECT {column}, {change.after} FROM {table} WHERE {ROW} = {row}").fetchone()
    assert pair is not None
    return {"row": row, "before": _plain(pair[0]), "after": _plain(pair[1])}


def _plain(value: Any) -> Any:
    """A value as JSON can say it."""
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, bytes):
        return value[:40].hex()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def of_geometry(found: Shapes, lost: int, way: Transform, format: str, version: str) -> list[Loss]:
    """Kinds and dimensions that the format has no place for, and geometries that end here."""
    losses = []
    kept = format == GEOPARQUET and version == "1.1" and not way.steps
    if found.damaged and not kept:
        losses.append(_of("geometry.dropped", found.damaged, "Geometries whose bytes are damaged become null."))
    if lost:
        losses.append(_of("geometry.dropped", lost, "Geometries that have no place in the target CRS become null."))
    if found.of(CURVES) and format != GPKG:
        losses.append(_of("geometry.curve", found.of(CURVES), "Curves become lines of chords of at most 4 degrees."))
    if found.of(SURFACES):
        message = "Polyhedral surfaces and TINs become multipolygons."
        losses.append(_of("geometry.flattened", found.of(SURFACES), message))
    if found.measured and format == GEOJSON:
        losses.append(_of("geometry.dimension", found.measured, "GeoJSON has no M: measures are left out."))
    return losses


def _of(code: str, count: int, message: str) -> Loss:
    return Loss(code, _GEOMETRY, count, message)


def of_rows(rows: int, sorted_: bool) -> list[Loss]:
    """What happens to their order."""
    if not sorted_ or rows < 2:
        return []
    return [Loss("rows.reordered", None, rows, "Records are sorted along a Hilbert curve, so that a map reads few.")]


def of_crs(source: str | None, asked: str | None, way: Transform, found: Shapes, format: str) -> list[Loss]:
    """What happens to the coordinates' meaning. ``asked`` is the CRS the user wants, or None."""
    if not found.placed:
        return []
    losses = []
    if format == GEOJSON and asked is None:
        losses += _into_wgs84(source, way, found.placed)
    elif way.note:
        code = "crs.relabelled" if way.equated else "crs.accuracy"
        losses.append(Loss(code, None, found.placed, way.note))
    if format == CSV and way.target:
        losses.append(Loss("crs.dropped", None, found.placed, f"CSV cannot say that the coordinates are {way.target}."))
    if format == GEOJSON and asked is not None and not _has_code(way.target):
        losses.append(
            Loss("crs.dropped", None, found.placed, f"GeoJSON cannot say that the coordinates are {way.target}.")
        )
    return losses


def _into_wgs84(source: str | None, way: Transform, count: int) -> list[Loss]:
    if source is None:
        message = "GeoJSON is in WGS 84 (RFC 7946); the source declares no CRS, so its coordinates are taken for that."
        return [Loss("crs.relabelled", None, count, message)]
    if source == reference_systems.WGS84:
        return []
    note = f" {way.note}" if way.note else ""
    if way.equated and reference_systems.is_geographic(source):
        message = f"GeoJSON is in WGS 84 (RFC 7946): coordinates of {source} are written as they are.{note}"
        return [Loss("crs.relabelled", None, count, message)]
    message = f"GeoJSON is in WGS 84 (RFC 7946): coordinates are converted from {source}.{note}"
    return [Loss("crs.reprojected", None, count, message)]


def _has_code(crs: str) -> bool:
    return crs.startswith("EPSG:") and "+" not in crs
