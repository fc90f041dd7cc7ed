"""Writers whose output is the same in every run: no dates of today, no random order."""

from __future__ import annotations

import csv
import io
import json
import struct
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pyproj
import shapely
from shapely.geometry import mapping

DAY = (2024, 5, 20)  # the day of delivery, wherever a format wants one
STAMP = "2024-05-20T00:00:00.000Z"


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]], encoding: str = "utf-8", newline: str = "\n") -> None:
    """Cells as text; None is an unquoted empty cell."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=newline)
    writer.writerow(rows[0])
    writer.writerows(row.values() for row in rows)
    path.write_bytes(text.getvalue().encode(encoding))


def write_json(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """An array of flat records, one per line."""
    lines = ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8", newline="\n")


def write_geojson(path: Path, rows: Sequence[Mapping[str, Any]], geometries: Sequence[Any]) -> None:
    """A FeatureCollection, one feature per line; tags that are None are left out, as in an OSM export."""
    lines = []
    for row, geometry in zip(rows, geometries, strict=True):
        feature = {
            "type": "Feature",
            "properties": {k: v for k, v in row.items() if v is not None},
            "geometry": None if geometry is None else mapping(geometry),
        }
        lines.append(json.dumps(feature, ensure_ascii=False, separators=(",", ":")))
    body = ",\n".join(lines)
    path.write_text(f'{{"type":"FeatureCollection","features":[\n{body}\n]}}\n', encoding="utf-8", newline="\n")


def write_shapefile(
    path: Path,
    rows: Sequence[Mapping[str, Any]],
    geometries: Sequence[Any],
    columns: Mapping[str, tuple[str, int, int]],
    crs: str,
    encoding: str,
) -> None:
    """.shp, .shx, .dbf and .prj. The .dbf says nothing of its encoding: LDID 0 and no .cpg."""
    pyogrio.raw.write(
        path,
        geometry=shapely.to_wkb(np.array(geometries, dtype=object)),
        field_data=[np.arange(len(rows), dtype="int32")],
        fields=["n"],
        geometry_type="Polygon",
        crs=crs,
        driver="ESRI Shapefile",
        encoding="UTF-8",
    )
    path.with_suffix(".cpg").unlink(missing_ok=True)
    path.with_suffix(".dbf").write_bytes(_dbf(rows, columns, encoding))


def _dbf(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, tuple[str, int, int]], encoding: str) -> bytes:
    """A dBASE III table. ``columns``: name -> type (C or N), width in bytes, decimals."""
    length = 1 + sum(width for _, width, _ in columns.values())
    header = struct.pack("<4B I 2H 20x", 3, DAY[0] - 1900, DAY[1], DAY[2], len(rows), 33 + 32 * len(columns), length)
    out = [header]
    for name, (kind, width, decimals) in columns.items():
        out.append(struct.pack("<11s c 4x 2B 14x", name.encode("ascii"), kind.encode("ascii"), width, decimals))
    out.append(b"\r")
    for row in rows:
        out.append(b" ")
        for name, (kind, width, decimals) in columns.items():
            value = row[name]
            if kind == "N":
                cell = b"" if value is None else f"{value:.{decimals}f}".encode("ascii")
                cell = cell.rjust(width)
            else:
                cell = (value or "").encode(encoding).ljust(width)
            if len(cell) != width:
                raise ValueError(f"{name}: {value!r} does not fit into {width} bytes")
            out.append(cell)
    out.append(b"\x1a")
    return b"".join(out)


def write_xlsx(path: Path, sheets: Mapping[str, Sequence[Sequence[Any]]], formats: Mapping[str, str]) -> None:
    """Sheets of rows; ``formats`` gives the number format of the columns with these headings."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
        for column, heading in enumerate(rows[0], start=1):
            if heading in formats:
                for (cell,) in sheet.iter_rows(min_row=2, min_col=column, max_col=column):
                    cell.number_format = formats[heading]
    saved = io.BytesIO()
    book.save(saved)
    path.write_bytes(_undated(saved))


def _undated(saved: io.BytesIO) -> bytes:
    """The same workbook with the day of delivery in the place of the moment of writing."""
    result = io.BytesIO()
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "docProps/core.xml":
                for tag in (b"created", b"modified"):
                    before, _, rest = data.partition(b"<dcterms:" + tag)
                    opening, _, rest = rest.partition(b">")
                    _, _, after = rest.partition(b"<")
                    data = before + b"<dcterms:" + tag + opening + b">" + STAMP[:19].encode() + b"Z<" + after
            entry = zipfile.ZipInfo(name, (*DAY, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(entry, data)
    return result.getvalue()


def write_gpkg(
    path: Path, layer: str, rows: Sequence[Mapping[str, Any]], geometries: Sequence[Any], geometry_type: str, crs: str
) -> None:
    """One layer of a GeoPackage; the file is made with its first layer."""
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": STAMP})
    try:
        names = list(rows[0])
        columns, masks = [], []
        for name in names:
            values = [row[name] for row in rows]
            masks.append(np.array([value is None for value in values]))
            columns.append(_column(values))
        pyogrio.raw.write(
            path,
            geometry=shapely.to_wkb(np.array(geometries, dtype=object)),
            field_data=columns,
            fields=names,
            field_mask=masks,
            layer=layer,
            geometry_type=geometry_type,
            crs=crs,
            driver="GPKG",
            append=path.exists(),
        )
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})


def _column(values: Iterable[Any]) -> np.ndarray[Any, Any]:
    known = [value for value in values if value is not None]
    if all(isinstance(value, int) for value in known):
        return np.array([0 if value is None else value for value in values], dtype="int32")
    if all(isinstance(value, (int, float)) for value in known):
        return np.array([0.0 if value is None else value for value in values], dtype="float64")
    return np.array(values, dtype=object)


def write_geoparquet(path: Path, table: pa.Table, geometries: Sequence[Any], crs: str) -> None:
    """GeoParquet 1.0 as machine-made footprints come: one row group, no covering."""
    encoded = [None if g is None else shapely.to_wkb(g, include_srid=False) for g in geometries]
    kinds = sorted({g.geom_type for g in geometries if g is not None})
    geo = {
        "version": "1.0.0",
        "primary_column": "geometry",
        "columns": {
            "geometry": {
                "encoding": "WKB",
                "geometry_types": kinds,
                "crs": pyproj.CRS(crs).to_json_dict(),
            }
        },
    }
    table = table.append_column("geometry", pa.array(encoded, pa.binary()))
    table = table.replace_schema_metadata({"geo": json.dumps(geo, sort_keys=True)})
    pq.write_table(table, path, compression="zstd")
