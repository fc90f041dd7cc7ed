"""GeoParquet, written out of core by DuckDB: Hilbert-sorted, with a covering, the same bytes every time.

Version 1.1 holds geometry as WKB and a ``bbox`` struct (the covering of the specification)
whose floats are rounded outwards, so that a reader that prunes by it never misses a record.
Version 2.0 holds Parquet's own geometry type, whose statistics do the same.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cimkit import atomic, duck, wkb
from cimkit import crs as reference_systems
from cimkit.errors import SourceError, UsageError
from cimkit.formats.profile import Profile
from cimkit.model import BBox

if TYPE_CHECKING:
    import duckdb

VERSIONS = ("1.1", "2.0")
PROFILE = Profile(keeps_order=False, damaged=True)
ROW_GROUP_ROWS = 65_536

_GEOMETRY = "geometry"
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
#: A geometry that is nowhere (empty, infinite) has no corners, or a left one to the right of the right one.
_PLACED = "isfinite(xmin) AND isfinite(ymin) AND isfinite(xmax) AND isfinite(ymax) AND xmin <= xmax AND ymin <= ymax"
#: DuckDB's name of each geometry type, and the specification's.
_TYPES = {
    "POINT": "Point",
    "LINESTRING": "LineString",
    "POLYGON": "Polygon",
    "MULTIPOINT": "MultiPoint",
    "MULTILINESTRING": "MultiLineString",
    "MULTIPOLYGON": "MultiPolygon",
    "GEOMETRYCOLLECTION": "GeometryCollection",
}


def write_geoparquet(
    con: duckdb.DuckDBPyConnection,
    query: str,
    target: Path,
    *,
    crs: str | None,
    version: str = "1.1",
    sort: bool = True,
) -> int:
    """Write what ``query`` yields to a GeoParquet file; how many rows.

    Args:
        con: a connection of :func:`cimkit.duck.connect`.
        query: yields the columns, among them ``geometry`` as a WKB blob; it is run twice, so it
            must yield the same rows each time. Without ``geometry`` the file is plain Parquet,
            in the order of the query.
        crs: the CRS of the geometry, None where it is unknown.
        version: "1.1" or "2.0" of GeoParquet.
        sort: along a Hilbert curve, so that a map reads few rows; else the query's order is kept.

    Geometries must be sound, or marked as damaged, as staging leaves them (:func:`cimkit.wkb.mended`).
    One that DuckDB cannot read (damaged, a curve) stays as it is in version 1.1 and
    has no bbox; version 2.0 has no place for it, so it becomes null.

    Raises:
        UsageError: the version or the CRS is unknown.
        SourceError: the file cannot be written.
    """
    if version not in VERSIONS:
        raise UsageError(f"GeoParquet {version} cannot be written.", hint=f"Known: {', '.join(VERSIONS)}.")
    columns = _columns(con, query)
    with atomic.replacing(target) as path:
        if _GEOMETRY not in columns:
            return _copy(con, query, path, {})
        shape = _Shape.of(con, query)
        select = _with_covering(query, columns, shape, crs, version, sort)
        covering = _free("bbox", columns) if version == "1.1" else None
        return _copy(con, select, path, {"geo": json.dumps(shape.metadata(crs, version, covering), ensure_ascii=False)})


def _columns(con: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    return [str(row[0]) for row in con.execute(f"DESCRIBE {query}").fetchall()]


class _Shape:
    """What one look at all geometries showed: their extent and their types."""

    def __init__(self, bbox: BBox | None, types: list[str]) -> None:
        self.bbox = bbox
        self.types = types

    @classmethod
    def of(cls, con: duckdb.DuckDBPyConnection, query: str) -> _Shape:
        rows = con.execute(
            f"""
            SELECT CAST(ST_GeometryType(g) AS VARCHAR), ST_HasZ(g), ST_HasM(g), bool_or(known AND g IS NULL),
                {", ".join(f"{c[1:]}({c}) FILTER ({_PLACED})" for c in _CORNERS)}
            FROM (
                SELECT g, known, {_corners("g")}
                FROM (SELECT {wkb.geometry_sql("geometry")} AS g, geometry IS NOT NULL AS known FROM ({query}))
            )
            GROUP BY ALL
            """
        ).fetchall()
        boxes = [row[4:] for row in rows if None not in row[4:]]
        low, high = (lambda i: min(box[i] for box in boxes)), (lambda i: max(box[i] for box in boxes))
        bbox = (low(0), low(1), high(2), high(3)) if boxes else None
        named = {
            _TYPES[kind] + (" Z" if has_z else "") for kind, has_z, has_m, _, *_ in rows if kind in _TYPES and not has_m
        }
        # The list is a promise; where something else is among them there is no word for it.
        strange = any(
            unread or (kind is not None and (has_m or kind not in _TYPES)) for kind, _, has_m, unread, *_ in rows
        )
        return cls(bbox, [] if strange else sorted(named))

    def metadata(self, crs: str | None, version: str, covering: str | None) -> dict[str, Any]:
        """The ``geo`` metadata of the specification. An unknown CRS is null, as it says."""
        column: dict[str, Any] = {
            "encoding": "WKB",
            "geometry_types": self.types,
            "crs": reference_systems.projjson(crs) if crs else None,
        }
        if self.bbox:
            column["bbox"] = list(self.bbox)
        if covering:
            column["covering"] = {"bbox": {corner: [covering, corner] for corner in _CORNERS}}
        return {"version": f"{version}.0", "primary_column": _GEOMETRY, "columns": {_GEOMETRY: column}}


def _with_covering(query: str, columns: list[str], shape: _Shape, crs: str | None, version: str, sort: bool) -> str:
    """The rows with their covering, along a Hilbert curve over the layer's extent, records without a place last.

    Rows at the same place follow the hash of all they hold, so that the order does not hang
    on which thread was first.
    """
    names = [duck.identifier(name) for name in columns]
    row, place, content = (duck.identifier(_free(f"cimkit:{name}", columns)) for name in ("row", "place", "content"))
    box = shape.bbox or (0.0, 0.0, 1.0, 1.0)
    extent = ", ".join(
        f"'{key}': {duck.literal(float(value))}"
        for key, value in zip(("min_x", "min_y", "max_x", "max_y"), box, strict=True)
    )
    if version == "1.1":
        covering = duck.identifier(_free("bbox", columns))
        held = f"CASE WHEN {_PLACED} THEN {{{', '.join(_outwards(corner) for corner in _CORNERS)}}} END AS {covering}"
        chosen = [f"{row}.{name}" for name in names] + [held]
        kept = [*names, covering]
    else:
        typed = f"ST_SetCRS(g, {duck.literal(json.dumps(reference_systems.projjson(crs)))})" if crs else "g"
        chosen = [f"{typed} AS geometry" if name == '"geometry"' else f"{row}.{name}" for name in names]
        kept = names
    # The columns stay in a struct of their own, so that no name of theirs meets one of ours.
    return f"""
        SELECT {", ".join(kept)} FROM (
            SELECT {", ".join(chosen)},
                CASE WHEN {_PLACED} THEN ST_Hilbert(g, {{{extent}}}::BOX_2D) END AS {place},
                hash({", ".join(f"{row}.{name}" for name in names)}) AS {content}
            FROM (
                SELECT {row}, g, {_corners("g")}
                FROM (SELECT {row}, {wkb.geometry_sql(f"{row}.geometry")} AS g FROM ({query}) AS {row})
            )
        )
        {f"ORDER BY {place} NULLS LAST, {content}" if sort else ""}
    """


def _corners(geometry: str) -> str:
    made = {"xmin": "ST_XMin", "ymin": "ST_YMin", "xmax": "ST_XMax", "ymax": "ST_YMax"}
    return ", ".join(f"{function}({geometry}) AS {corner}" for corner, function in made.items())


def _outwards(corner: str) -> str:
    """A corner as the next float away from the box; beyond the range of floats, infinity."""
    low = corner.endswith("min")
    inside, end = (">", "-infinity") if low else ("<", "infinity")
    single = f"TRY_CAST({corner} AS FLOAT)"
    return (
        f"'{corner}': CASE WHEN {single} IS NULL THEN CAST('{end}' AS FLOAT) "
        f"WHEN CAST({single} AS DOUBLE) {inside} {corner} THEN nextafter({single}, CAST('{end}' AS FLOAT)) "
        f"ELSE {single} END"
    )


def _free(name: str, columns: list[str]) -> str:
    """A name for a column of the writer's own that no column of the data has."""
    taken = {column.lower() for column in columns}
    while name in taken:
        name = f"geometry_{name}"
    return name


def _copy(con: duckdb.DuckDBPyConnection, query: str, path: Path, metadata: dict[str, str]) -> int:
    import duckdb

    pairs = ", ".join(f"{key}: {duck.literal(value)}" for key, value in metadata.items())
    extra = f", KV_METADATA {{{pairs}}}" if pairs else ""
    # 'NONE' because the metadata is ours: DuckDB's own is version 1.0, without a covering.
    try:
        row = con.execute(
            f"COPY ({query}) TO {duck.literal(str(path))} (FORMAT parquet, COMPRESSION zstd, "
            f"ROW_GROUP_SIZE {ROW_GROUP_ROWS}, GEOPARQUET_VERSION 'NONE'{extra})"
        ).fetchone()
    except duckdb.IOException as error:
        reason = str(error).splitlines()[0].replace(str(path), path.name)
        raise SourceError(
            f"{path.name} cannot be written: {reason}", hint="Is there enough room on the disk?"
        ) from error
    return int(row[0]) if row else 0
