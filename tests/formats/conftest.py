"""Makers of small source files, byte by byte where a library would not make them so badly."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import geopandas
import pytest
from shapely.geometry import Point

WGS84_PRJ = (
    'GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137.0,298.257223563]],'
    'PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]'
)


def dbf_bytes(
    fields: Sequence[tuple[bytes, int]], rows: Sequence[Sequence[bytes]], language: int = 0, kind: bytes = b"C"
) -> bytes:
    """A dBase III table of text columns: (name, width) and cells as raw bytes."""
    record = 1 + sum(width for _, width in fields)
    header = struct.pack("<BBBBIHH", 3, 124, 1, 1, len(rows), 32 + 32 * len(fields) + 1, record)
    header += b"\0" * 17 + bytes([language]) + b"\0\0"
    for name, width in fields:
        header += name[:10].ljust(11, b"\0") + kind + b"\0" * 4 + bytes([width, 0]) + b"\0" * 14
    body = b"".join(
        b" " + b"".join(cell[:width].ljust(width) for cell, (_, width) in zip(row, fields, strict=True)) for row in rows
    )
    return header + b"\r" + body + b"\x1a"


@pytest.fixture()
def shapefile(tmp_path: Path) -> Callable[..., Path]:
    """Makes a point shapefile at (114+i, 22+i) whose .dbf, .cpg and .prj are exactly as asked."""

    def make(
        fields: Sequence[tuple[bytes, int]] = ((b"name", 10),),
        rows: Sequence[Sequence[bytes]] = ((b"a",), (b"b",)),
        *,
        language: int = 0,
        cpg: str | None = None,
        prj: str | None = WGS84_PRJ,
        stem: str = "s",
    ) -> Path:
        path = tmp_path / f"{stem}.shp"
        points = [Point(114 + i / 10, 22 + i / 10) for i in range(len(rows))]
        geopandas.GeoDataFrame({"n": range(len(rows))}, geometry=points, crs=4326).to_file(path)
        path.with_suffix(".dbf").write_bytes(dbf_bytes(fields, rows, language))
        for suffix, text in ((".cpg", cpg), (".prj", prj)):
            path.with_suffix(suffix).unlink(missing_ok=True)
            if text is not None:
                path.with_suffix(suffix).write_text(text)
        return path

    return make


def feature(properties: dict[str, Any] | None = None, geometry: Any = "point", **members: Any) -> dict[str, Any]:
    """A GeoJSON feature, a point at (114, 22) if nothing else is said."""
    place = {"type": "Point", "coordinates": [114, 22]} if geometry == "point" else geometry
    return {"type": "Feature", "properties": properties, "geometry": place, **members}


@pytest.fixture()
def geojson(tmp_path: Path) -> Callable[..., Path]:
    """Writes a GeoJSON FeatureCollection of the given features; keywords become its own members."""

    def make(features: Sequence[dict[str, Any]], name: str = "x.geojson", **members: Any) -> Path:
        path = tmp_path / name
        document = {"type": "FeatureCollection", **members, "features": list(features)}
        path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
        return path

    return make
