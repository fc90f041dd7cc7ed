"""The written file read again and held against what was to be written, column by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from cimkit import duck, formats, wkb
from cimkit.convert.records import GEOMETRY, Records
from cimkit.duck import identifier
from cimkit.formats.columns import JSON_MARK
from cimkit.formats.profile import Held
from cimkit.model import Loss

if TYPE_CHECKING:
    import duckdb

_WKT = "WKT"
GEOPARQUET, GPKG, GEOJSON, CSV = "Parquet", "GPKG", "GeoJSON", "CSV"


def verify(
    con: duckdb.DuckDBPyConnection,
    target: Path,
    records: Records,
    written: Sequence[Held],
    *,
    format: str,
    near: float,
    folder: Path,
) -> list[Loss]:
    """Every column in which the file, read again, differs from what was to be written.

    Rows are compared by their place where the format keeps it, else as a set. ``near`` is how far,
    in the unit of the CRS, GeoJSON's rounded coordinates may be from the true ones.

    Raises:
        SourceError: the file cannot be read again.
    """
    again = formats.stage(formats.open(target).layer(), folder)
    read_schema = pq.read_schema(again.path)
    losses = []
    if again.facts.features != records.rows:
        message = f"{records.rows} records were to be written; the file has {again.facts.features}."
        losses.append(Loss("rows.changed", None, abs(records.rows - again.facts.features), message))
    kinds = {str(row[0]): str(row[1]) for row in con.execute(f"DESCRIBE {_all(again.path)}").fetchall()}
    names = _names(records, read_schema.names)
    for column, held in zip(records.columns, written, strict=True):
        there = names.get(column.name)
        if there is None:
            message = f"The column '{column.name}' is not in the file."
            losses.append(Loss("column.missing", column.name, records.rows, message))
            continue
        kind = _kind(con, records.path, held.sql)
        is_json = JSON_MARK in (read_schema.field(there).metadata or {})
        expected, found = _alike(held.sql, kind, identifier(there), "JSON" if is_json else kinds[there], format)
        losses += _compared(con, column.name, expected, found, records.path, again.path, format)
    if records.has_geometry:
        losses += _geometries(con, records, again.path, kinds, format, near)
    return losses


def _all(path: Path) -> str:
    return f"SELECT * FROM {duck.parquet(path)}"


def _names(records: Records, names: Sequence[str]) -> Mapping[str, str]:
    """Each column's name in the file as it is read."""
    lowered = {name.lower(): name for name in names}
    return {c.name: lowered[c.name.lower()] for c in records.columns if c.name.lower() in lowered}


def _kind(con: duckdb.DuckDBPyConnection, path: Path, sql: str) -> str:
    row = con.execute(f"DESCRIBE SELECT {sql} AS value FROM {duck.parquet(path)}").fetchone()
    assert row is not None
    return str(row[1])


def _alike(expected: str, kind: str, found: str, read_as: str, format: str) -> tuple[str, str]:
    """The two columns so that equal values are equal, whichever of their types the format gave back."""
    if kind.startswith("TIMESTAMP"):
        found = f"TRY_CAST({found} AS {kind})"
        # GeoPackage keeps milliseconds; that loss is counted already.
        precise = "round(epoch_us({}) / 1000)" if format == GPKG else "epoch_us({})"
        return precise.format(expected), precise.format(found)
    if kind == "JSON" and read_as == "JSON":
        return f"CAST(json({expected}) AS VARCHAR)", f"CAST(json({found}) AS VARCHAR)"
    if kind == "JSON":
        return f"TRY_CAST(({expected} ->> '$') AS {read_as})", found
    return expected, found if read_as == kind else f"TRY_CAST({found} AS {kind})"


def _compared(
    con: duckdb.DuckDBPyConnection, name: str, expected: str, found: str, source: Path, again: Path, format: str
) -> list[Loss]:
    """One loss if the two columns differ."""
    place = "" if format == GEOPARQUET else "number AS place, "
    left = f"SELECT {place}{expected} AS value FROM {_numbered(source)}"
    right = f"SELECT {place}{found} AS value FROM {_numbered(again)}"
    digest = "count(*), sum(hash(t)::HUGEINT), bit_xor(hash(t))"
    sums = {con.execute(f"SELECT {digest} FROM ({query}) AS t").fetchone() for query in (left, right)}
    if len(sums) == 1:
        return []
    row = con.execute(f"SELECT count(*) FROM ({left} EXCEPT ALL {right})").fetchone()
    count = int(row[0]) if row else 0
    return [Loss("value.changed", name, count, f"'{name}': read again, values differ from what was to be written.")]


def _numbered(path: Path) -> str:
    return f"(SELECT *, file_row_number AS number FROM read_parquet({duck.literal(str(path))}, file_row_number = true))"


def _geometries(
    con: duckdb.DuckDBPyConnection, records: Records, again: Path, kinds: Mapping[str, str], format: str, near: float
) -> list[Loss]:
    own = wkb.geometry_sql(GEOMETRY)
    if format == CSV:
        wkt = next((name for name in kinds if name.upper().endswith(_WKT) and name not in _own(records)), None)
        there = f"TRY(ST_GeomFromText(CAST({identifier(wkt)} AS VARCHAR)))" if wkt else "NULL"
    else:
        there = own if GEOMETRY in kinds else "NULL"
    if format != GEOJSON:
        return _compared(con, GEOMETRY, f"ST_AsWKB({own})", f"ST_AsWKB({there})", records.path, again, format)
    apart = " OR ".join(
        f"abs({corner}(a.g) - {corner}(b.g)) > {near}" for corner in ("ST_XMin", "ST_YMin", "ST_XMax", "ST_YMax")
    )
    same = (
        "ST_GeometryType(a.g) = ST_GeometryType(b.g) AND ST_NPoints(a.g) = ST_NPoints(b.g) "
        f"AND abs(ST_Area(a.g) - ST_Area(b.g)) <= {near} * (1 + ST_Length(ST_Boundary(a.g)) + ST_Area(a.g))"
    )
    row = con.execute(
        f"""
        SELECT count(*) FROM (SELECT number, {own} AS g FROM {_numbered(records.path)}) AS a
        JOIN (SELECT number, {there} AS g FROM {_numbered(again)}) AS b USING (number)
        WHERE (a.g IS NULL) <> (b.g IS NULL) OR (a.g IS NOT NULL AND (NOT ({same}) OR {apart}))
        """
    ).fetchone()
    count = int(row[0]) if row else 0
    message = "Geometries, read again, differ from what was to be written."
    return [Loss("value.changed", GEOMETRY, count, message)] if count else []


def _own(records: Records) -> set[str]:
    return {column.name for column in records.columns}
