"""GeoJSON, written batch by batch: properties by DuckDB, geometry by GEOS.

Not by GDAL, whose writer drops the last digits of some numbers, rewrites text that looks like
JSON, and turns JSON numbers and words into quoted text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from cimkit import crs as reference_systems
from cimkit import duck
from cimkit.formats.profile import (
    HUGE,
    NUMBERS,
    TIMES,
    WORDS,
    Order,
    Profile,
    as_double,
    as_text,
    finite,
    hexadecimal,
    iso_time,
    json_value,
    plain_text,
)

if TYPE_CHECKING:
    import duckdb

_GEOMETRY = "geometry"
#: Decimals of coordinates: 0.1 mm for degrees, 1 µm for metres.
_DECIMALS = {True: 9, False: 6}

PROFILE = Profile(
    columns={
        **dict.fromkeys(TIMES, iso_time),
        **dict.fromkeys(NUMBERS, finite),
        **dict.fromkeys(HUGE, as_text),
        **dict.fromkeys((*WORDS, "DATE", "TIME"), plain_text),
        "DECIMAL": as_double,
        "BLOB": hexadecimal,
    },
    nested=json_value,
    measures=False,
    names_in_records=True,
    crs="codes",
    usual_crs=reference_systems.WGS84,
    finite_only=True,  # JSON has no NaN and no infinity
    open_rings=False,
    empty_geometry=False,  # readers may take it for null, says RFC 7946 (3.1), and GDAL does so with points
    decimals=(_DECIMALS[True], _DECIMALS[False]),
)


def write(reader: pa.RecordBatchReader, path: Path, order: Order) -> None:
    """A FeatureCollection of the stream's records, one line each.

    In EPSG:4326, and where the CRS is unknown, it follows RFC 7946: longitude first, rings by
    the right-hand rule. In another CRS it has the ``crs`` member of GeoJSON 2008. M is left
    out, and a geometry that GEOS does not read is null. Text columns are strings, columns of
    the type ``arrow.json`` are the JSON they hold.
    """
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(_opening(order.crs, order.layer))
        separator = "\n"
        for texts in features(reader, order, decimals(order.crs)):
            file.write(separator + ",\n".join(texts))
            separator = ",\n"
        file.write("\n]}\n")


def decimals(crs: str | None) -> int:
    """How many decimals coordinates get."""
    return _DECIMALS[crs is None or reference_systems.is_geographic(crs)]


def features(reader: pa.RecordBatchReader, order: Order, decimals: int) -> Iterator[list[str]]:
    """The stream's records as texts of GeoJSON features, batch by batch."""
    if order.con is not None:
        yield from _features(reader, decimals, order.con)
        return
    with duck.connect() as con:
        yield from _features(reader, decimals, con)


def _features(reader: pa.RecordBatchReader, decimals: int, con: duckdb.DuckDBPyConnection) -> Iterator[list[str]]:
    for batch in reader:
        if batch.num_rows:
            yield list(map(_feature, _properties(con, batch), _geometries(batch, decimals)))


def _feature(properties: str, geometry: str) -> str:
    return f'{{"type":"Feature","properties":{properties},"geometry":{geometry}}}'


def _opening(crs: str | None, layer: str) -> str:
    head: dict[str, Any] = {"type": "FeatureCollection", "name": layer}
    if crs and crs != reference_systems.WGS84 and crs.removeprefix("EPSG:").isdigit():
        name = f"urn:ogc:def:crs:EPSG::{crs.removeprefix('EPSG:')}"
        head["crs"] = {"type": "name", "properties": {"name": name}}
    return json.dumps(head, ensure_ascii=False)[:-1] + ', "features": ['


def _properties(con: duckdb.DuckDBPyConnection, batch: pa.RecordBatch) -> list[str]:
    """Each record's properties as JSON text; numbers with as many digits as bring them back."""
    names = [name for name in batch.schema.names if name != _GEOMETRY]
    if not names:
        return ["{}"] * batch.num_rows
    members = ", ".join(f"{duck.literal(name)}: {duck.identifier(name)}" for name in names)
    con.register("records", pa.Table.from_batches([batch.select(names)]))
    rows = con.execute(f"SELECT CAST(to_json({{{members}}}) AS VARCHAR) AS properties FROM records")
    texts: list[str] = rows.to_arrow_table()["properties"].to_pylist()
    con.unregister("records")
    return texts


def _geometries(batch: pa.RecordBatch, decimals: int) -> list[str]:
    import shapely

    if _GEOMETRY not in batch.schema.names:
        return ["null"] * batch.num_rows
    with np.errstate(invalid="ignore"):
        shapes = shapely.from_wkb(batch.column(_GEOMETRY).to_numpy(zero_copy_only=False), on_invalid="ignore")
    for with_z in (False, True):
        rows = np.flatnonzero(shapely.is_geometry(shapes) & (shapely.has_z(shapes) == with_z))
        points = shapely.get_coordinates(shapes[rows], include_z=with_z)
        with np.errstate(over="ignore", invalid="ignore"):
            rounded = np.round(points[:, :2], decimals)
        points[:, :2] = np.where(np.isfinite(rounded), rounded, points[:, :2])
        shapes[rows] = shapely.orient_polygons(shapely.set_coordinates(shapes[rows], points))
    return [text or "null" for text in shapely.to_geojson(shapes)]
