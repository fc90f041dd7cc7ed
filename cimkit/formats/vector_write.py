"""GeoPackage, GeoJSON and CSV, written from a stream of record batches.

Rows keep their order, NULL and the empty text stay apart, and two runs give the same bytes.
Geometry is of the simple kinds, and values are of types that the format has; what it cannot
hold is for the caller to turn into something it can, and to tell: see :mod:`cimkit.convert`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from cimkit import atomic, duck
from cimkit.errors import UsageError

if TYPE_CHECKING:
    import duckdb


def write(
    reader: pa.RecordBatchReader,
    target: Path,
    *,
    crs: str | None,
    layer: str,
    geometry_type: str = "Unknown",
    con: duckdb.DuckDBPyConnection | None = None,
) -> int:
    """Write a stream to the format that the target's suffix names (.gpkg, .geojson, .json, .csv); how many rows.

    Args:
        reader: the columns, among them ``geometry`` as WKB, or none.
        crs: the CRS of the geometry, None where it is unknown. GeoJSON in EPSG:4326 follows RFC 7946;
            in another CRS it gets the older ``crs`` member.
        layer: the name of the layer, where the format has one.
        geometry_type: the one kind all geometries are of ("Polygon", "Point Z" …), for formats that declare it.
        con: a connection of :func:`cimkit.duck.connect` to compute with, other than the one the stream
            comes from; where none is given, one is opened if need be.

    Raises:
        UsageError: no writer knows the suffix.
        SourceError: the file cannot be written.
    """
    try:
        writer = _WRITERS[target.suffix.lower()]
    except KeyError:
        raise UsageError(
            f"'{target.suffix}' is no format that can be written ({target}).", hint=f"Known: {', '.join(_WRITERS)}."
        ) from None
    counted = _Counted(reader)
    with atomic.replacing(target) as path:
        writer(counted.reader, path, _Order(crs, layer, geometry_type, con))
    return counted.rows


class _Counted:
    """A stream that counts its rows as they pass."""

    def __init__(self, reader: pa.RecordBatchReader) -> None:
        self.rows = 0
        self.reader = pa.RecordBatchReader.from_batches(reader.schema, self._batches(reader))

    def _batches(self, reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        for batch in reader:
            self.rows += batch.num_rows
            yield batch


@dataclass(frozen=True)
class _Order:
    """What :func:`write` was told."""

    crs: str | None
    layer: str
    geometry_type: str
    con: duckdb.DuckDBPyConnection | None


def _geopackage(reader: pa.RecordBatchReader, path: Path, order: _Order) -> None:
    from cimkit.formats.geopackage_write import write_geopackage

    write_geopackage(reader, path, crs=order.crs, layer=order.layer, geometry_type=order.geometry_type)


def _geojson(reader: pa.RecordBatchReader, path: Path, order: _Order) -> None:
    from cimkit.formats.geojson_write import write_geojson

    if order.con is not None:
        write_geojson(reader, path, crs=order.crs, layer=order.layer, con=order.con)
        return
    with duck.connect() as con:
        write_geojson(reader, path, crs=order.crs, layer=order.layer, con=con)


def _csv(reader: pa.RecordBatchReader, path: Path, order: _Order) -> None:
    from cimkit.formats.csv_write import write_csv

    write_csv(reader, path)


_WRITERS: Mapping[str, Callable[[pa.RecordBatchReader, Path, _Order], None]] = {
    ".gpkg": _geopackage,
    ".geojson": _geojson,
    ".json": _geojson,
    ".csv": _csv,
}
