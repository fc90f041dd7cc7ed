"""Makers of small source files, byte by byte where a library would not make them so badly."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import geopandas
import pytest
from formats_sources import dbf_bytes
from shapely.geometry import Point

WGS84_PRJ = (
    'GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137.0,298.257223563]],'
    'PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]'
)


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


@pytest.fixture()
def geojson(tmp_path: Path) -> Callable[..., Path]:
    """Writes a GeoJSON FeatureCollection of the given features; keywords become its own members."""

    def make(features: Sequence[dict[str, Any]], name: str = "x.geojson", **members: Any) -> Path:
        path = tmp_path / name
        document = {"type": "FeatureCollection", **members, "features": list(features)}
        path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
        return path

    return make
