"""GeoParquet of every version and writer, and plain Parquet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas
import pandas
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal
from shapely.geometry import Point

import cimkit.formats as formats
from cimkit import duck
from cimkit.errors import SourceError


def frame(crs: Any = 4547) -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame(
        {"id": ["01", "2"], "n": [1, None]}, geometry=[Point(500000, 2500000), Point(500001, 2500001)], crs=crs
    )


def test_geopandas_with_a_covering(tmp_path: Path) -> None:
    frame().rename_geometry("shape").to_parquet(tmp_path / "x.parquet", write_covering_bbox=True)
    dataset = formats.open(tmp_path / "x.parquet")
    layer = dataset.layer()
    assert dataset.source.format == "GeoParquet"
    assert layer.schema.names == ["id", "n", "geometry", "_fid"]
    assert (layer.crs.value, layer.crs.how, layer.crs.confidence) == ("EPSG:4547", "PROJJSON", 1.0)
    judge = geopandas.read_parquet(tmp_path / "x.parquet").rename_geometry("geometry")
    assert_geodataframe_equal(layer.to_geopandas(), judge[["id", "n", "geometry"]], check_dtype=False)


@pytest.mark.parametrize("version", ["V1", "V2", "BOTH", "NONE"])
@pytest.mark.parametrize("crs", ["EPSG:4547", None])
def test_duckdb_writes_and_we_read(tmp_path: Path, version: str, crs: str | None) -> None:
    target = tmp_path / "x.parquet"
    point = f"ST_SetCRS(ST_Point(1, 2), '{crs}')" if crs else "ST_Point(1, 2)"
    with duck.connect() as con:
        con.execute("SET GLOBAL enable_geoparquet_conversion = true")
        con.execute(
            f"COPY (SELECT 7 AS a, {point} AS g) TO '{target}' (FORMAT parquet, GEOPARQUET_VERSION '{version}')"
        )
    layer = formats.open(target).layer()
    assert layer.crs.value == (crs or "EPSG:4326")
    row = layer.arrow().to_pylist()[0]
    assert (row["a"], shapely.from_wkb(row["geometry"])) == (7, Point(1, 2))


def with_geo(path: Path, geo: Any, **columns: Any) -> Path:
    table = pa.table({"a": ["x"], "geometry": pa.array([shapely.to_wkb(Point(1, 2))], pa.binary()), **columns})
    raw = geo if isinstance(geo, bytes) else json.dumps(geo).encode()
    pq.write_table(table.replace_schema_metadata({b"geo": raw}), path)
    return path


def geo(**about: Any) -> dict[str, Any]:
    return {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": {"encoding": "WKB", **about}}}


def test_no_crs_is_crs84_and_null_is_unknown(tmp_path: Path) -> None:
    assert formats.open(with_geo(tmp_path / "a.parquet", geo())).layer().crs.value == "EPSG:4326"
    layer = formats.open(with_geo(tmp_path / "b.parquet", geo(crs=None))).layer()
    assert layer.crs.value is None
    assert layer.to_geopandas().crs is None


def test_only_a_declared_covering_is_dropped(tmp_path: Path) -> None:
    box = pa.array([{"xmin": 1.0, "ymin": 2.0, "xmax": 1.0, "ymax": 2.0}])
    covering = {"bbox": {corner: ["box", corner] for corner in ("xmin", "ymin", "xmax", "ymax")}}
    path = with_geo(tmp_path / "a.parquet", geo(covering=covering), box=box)
    assert "box" not in formats.open(path).layer().schema.names
    assert "box" in formats.open(with_geo(tmp_path / "b.parquet", geo(), box=box)).layer().schema.names


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        (b"{", "not GeoParquet metadata"),
        ([], "not GeoParquet metadata"),
        ({"primary_column": "g"}, "not GeoParquet metadata"),
        ({"primary_column": "g", "columns": {"g": {}}}, "none of that name"),
        (geo() | {"columns": {"geometry": {"encoding": "point"}}}, "GeoArrow"),
    ],
)
def test_metadata_that_is_wrong(tmp_path: Path, metadata: Any, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        formats.open(with_geo(tmp_path / "x.parquet", metadata))


def test_wkb_in_plain_parquet(tmp_path: Path) -> None:
    table = pa.table({"geom": pa.array([None, shapely.to_wkb(Point(1, 2))], pa.binary()), "raw": [b"ab", b"cd"]})
    pq.write_table(table, tmp_path / "x.parquet")
    dataset = formats.open(tmp_path / "x.parquet")
    assert dataset.source.format == "GeoParquet"
    assert dataset.layer().crs.value is None
    assert dataset.layer().schema.names == ["raw", "geometry", "_fid"]


def test_plain_parquet_keeps_its_types(tmp_path: Path) -> None:
    table = pa.table(
        {
            "category": pa.array(["a", "b", "a"]).dictionary_encode(),
            "large": pa.array(["x", None, "z"], pa.large_string()),
            "n": pa.array([1, 2, 3], pa.int8()),
            "nothing": pa.nulls(3),
            "list": [["a"], [], None],
            "struct": [{"x": 1}, None, {"x": 2}],
            "when": pa.array([0, 1, 2], pa.timestamp("us", "UTC")),
            "geometry": ["no", "such", "thing"],
        }
    )
    pq.write_table(table, tmp_path / "x.parquet")
    dataset = formats.open(tmp_path / "x.parquet")
    layer = dataset.layer()
    assert dataset.source.format == "Parquet"
    assert {f.name: str(f.type) for f in layer.schema} == {
        "category": "string",
        "large": "string",
        "n": "int8",
        "nothing": "string",
        "list": "list<item: string>",
        "struct": "struct<x: int64>",
        "when": "timestamp[us, tz=UTC]",
        "geometry_2": "string",
        "_fid": "string",
    }
    assert layer.arrow()["category"].to_pylist() == ["a", "b", "a"]
    assert layer.text_cells is False
    assert isinstance(layer.to_geopandas(), pandas.DataFrame)


def test_the_index_of_pandas_is_no_column(tmp_path: Path) -> None:
    pandas.DataFrame({"a": [1, 2, 3]}).query("a > 1").to_parquet(tmp_path / "x.parquet")
    assert formats.open(tmp_path / "x.parquet").layer().schema.names == ["a", "_fid"]


def test_more_than_one_geometry(tmp_path: Path) -> None:
    source = frame()
    source["middle"] = source.geometry.buffer(1)
    source.to_parquet(tmp_path / "x.parquet")
    about = formats.inspect(tmp_path / "x.parquet")["layers"][0]
    assert about["geometry_kinds"] == {"Point": 2}
    assert [hint["code"] for hint in about["hints"]] == ["codes.leading_zeros", "geometry.more"][::-1]
