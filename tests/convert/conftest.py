"""Sources made on the spot, each with something a target cannot hold."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import geopandas
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely
from convert_sources import MOMENT


@pytest.fixture()
def parquet(tmp_path: Path) -> Callable[..., Path]:
    """Writes columns and WKB geometries to a Parquet file; its CRS is what a GeoDataFrame would say."""

    def make(geometry: Any = None, *, crs: str | None = "EPSG:4490", file: str = "in.parquet", **columns: Any) -> Path:
        path = tmp_path / "in" / file
        path.parent.mkdir(exist_ok=True)
        table = pa.table({key: pa.array(value) if isinstance(value, list) else value for key, value in columns.items()})
        if geometry is None:
            pq.write_table(table, path)
            return path
        frame = geopandas.GeoDataFrame({"n": [1]}, geometry=[shapely.Point(111, 40)], crs=crs)
        frame.to_parquet(path)
        geo = pq.read_schema(path).metadata[b"geo"]
        if crs is None:
            geo = geo.replace(b'"crs": {}', b'"crs": null')
        table = table.append_column("geometry", pa.array(geometry, pa.binary()))
        pq.write_table(table.replace_schema_metadata({b"geo": geo}), path)
        return path

    return make


@pytest.fixture()
def everything(parquet: Callable[..., Path]) -> Path:
    """Three records with a column of every type."""
    points = [*shapely.to_wkb([shapely.Point(111 + i / 10, 40) for i in range(2)]), None]
    return parquet(
        points,
        编号=["010001", "", None],
        flag=[True, None, False],
        small=pa.array([1, None, -3], pa.int8()),
        big=pa.array([2**53 + 1, None, -1], pa.int64()),
        unsigned=pa.array([2**64 - 1, 2, None], pa.uint64()),
        exact=pa.array([Decimal("1.10"), Decimal("12345678901234567.89"), None], pa.decimal128(19, 2)),
        real=[0.34349071000000003, float("nan"), float("inf")],
        single=pa.array([1.1, None, 2.5], pa.float32()),
        day=[datetime.date(2024, 5, 1), None, datetime.date(1900, 1, 1)],
        clock=[datetime.time(1, 2, 3, 456789), None, None],
        moment=pa.array([MOMENT, MOMENT.replace(microsecond=0), None], pa.timestamp("us")),
        instant=pa.array([MOMENT, MOMENT.replace(microsecond=5000), None], pa.timestamp("us", "UTC")),
        raw=[b"\x00\xff", None, b""],
        list=[[1, 2], [], None],
        record=[{"a": 1.5, "b": "x"}, None, {"a": None, "b": "文"}],
        looks=['{"a": 1}', "[1]", "2024-05-01"],
    )


@pytest.fixture()
def geopackage(tmp_path: Path) -> Callable[..., Path]:
    """Writes WKB geometries to a GeoPackage, curves and surfaces too."""

    def make(geometry: list[bytes | None], crs: str | None = "EPSG:4326") -> Path:
        path = tmp_path / "in" / "in.gpkg"
        path.parent.mkdir(exist_ok=True)
        table = pa.table({"n": range(len(geometry)), "geometry": pa.array(geometry, pa.binary())})
        pyogrio.write_arrow(table, path, driver="GPKG", geometry_name="geometry", geometry_type="Unknown", crs=crs)
        return path

    return make
