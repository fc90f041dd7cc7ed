"""The stored findings as Parquet, with their places as GeoParquet 1.1: for queries, and for comparing runs."""

from __future__ import annotations

import itertools
import json
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cimkit.model import Report
from cimkit.report.rows import FindingRow, finding_rows

if TYPE_CHECKING:
    import pyarrow as pa

_AT_ONCE = 16_384
#: Little-endian WKB of a point.
_POINT = struct.Struct("<BIdd")


def write(report: Report, path: Path, lang: str = "en") -> None:
    """One row for each finding; the types are the same whatever was found, ``value`` is JSON."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema(report)
    rows = finding_rows(report)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while batch := list(itertools.islice(rows, _AT_ONCE)):
            columns: list[Iterable[Any]] = [*zip(*batch, strict=True), [_point(row) for row in batch]]
            arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _schema(report: Report) -> pa.Schema:
    import pyarrow as pa

    types = {"row": pa.int64(), "iso19157": pa.int32(), "longitude": pa.float64(), "latitude": pa.float64()}
    fields = [pa.field(name, types.get(name, pa.string())) for name in FindingRow._fields]
    column: dict[str, Any] = {"encoding": "WKB", "geometry_types": ["Point"]}
    box = _box(report)
    if box:
        column["bbox"] = box
    # Without a "crs" the coordinates are longitude and latitude of OGC:CRS84.
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
    return pa.schema([*fields, pa.field("geometry", pa.binary())], metadata={"geo": json.dumps(geo)})


def _box(report: Report) -> list[float] | None:
    """The extent of the places: west, south, east, north."""
    box: list[float] | None = None
    for finding in report.findings:
        if finding.point:
            x, y = finding.point
            box = [min(box[0], x), min(box[1], y), max(box[2], x), max(box[3], y)] if box else [x, y, x, y]
    return box


def _point(row: FindingRow) -> bytes | None:
    if row.longitude is None or row.latitude is None:
        return None
    return _POINT.pack(1, 1, row.longitude, row.latitude)
