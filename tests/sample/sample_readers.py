"""The sample city's files read without cimkit: a second opinion on what was delivered.

Each reader gives the rows in source order as (columns, geometry); a missing cell is None.
"""

from __future__ import annotations

import csv
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fiona
import openpyxl
import pyarrow.parquet as pq
import shapely
from shapely.geometry import shape

Rows = list[tuple[dict[str, Any], Any]]


def read_dbf(path: Path, encoding: str) -> list[dict[str, Any]]:
    """A dBASE III table, cells as text."""
    data = path.read_bytes()
    count, start, width = struct.unpack("<I2H", data[4:12])
    fields = [data[32 * n : 32 * n + 32] for n in range(1, (start - 1) // 32)]
    rows = []
    for n in range(count):
        record = data[start + n * width : start + (n + 1) * width]
        at, row = 1, {}
        for field in fields:
            cell = record[at : at + field[16]].decode(encoding).strip()
            row[field[:11].rstrip(b"\0").decode("ascii")] = cell or None
            at += field[16]
        rows.append(row)
    return rows


def _features(path: Path, layer: str) -> Rows:
    with fiona.open(path, layer=layer) as source:
        return [(dict(f["properties"]), None if f["geometry"] is None else shape(f["geometry"])) for f in source]


def shapefile(path: Path, layer: str) -> Rows:
    geometries = [geometry for _, geometry in _features(path, layer)]
    return list(zip(read_dbf(path.with_suffix(".dbf"), "gb18030"), geometries, strict=True))


def geojson(path: Path, layer: str) -> Rows:
    features = json.loads(path.read_text(encoding="utf-8"))["features"]
    return [(f["properties"], None if f["geometry"] is None else shape(f["geometry"])) for f in features]


def parquet(path: Path, layer: str) -> Rows:
    rows = pq.read_table(path).to_pylist()
    return [(row, shapely.from_wkb(row.pop("geometry"))) for row in rows]


def workbook(path: Path, layer: str) -> Rows:
    header, *rows = openpyxl.load_workbook(path)[layer].iter_rows(values_only=True)
    return [(dict(zip(header, row, strict=True)), None) for row in rows]


def table(path: Path, layer: str) -> Rows:
    encoding = "gb18030" if path.stem == "suiyuan" else "utf-8-sig"
    with path.open(encoding=encoding, newline="") as file:
        return [({name: cell or None for name, cell in row.items()}, None) for row in csv.DictReader(file)]


def array(path: Path, layer: str) -> Rows:
    return [(row, None) for row in json.loads(path.read_text(encoding="utf-8"))]


READERS: dict[str, Callable[[Path, str], Rows]] = {
    ".shp": shapefile,
    ".geojson": geojson,
    ".parquet": parquet,
    ".gpkg": _features,
    ".xlsx": workbook,
    ".csv": table,
    ".json": array,
}


def read(path: Path, layer: str) -> Rows:
    """The rows of one layer of a delivered file."""
    return READERS[path.suffix](path, layer)


def read_ledger(folder: Path, name: str) -> list[dict[str, Any]]:
    """``defects`` or ``same``; ``row`` is a number."""
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return [{**row, "row": int(row["row"])} for row in csv.DictReader(file)]
