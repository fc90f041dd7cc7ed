"""Files in which a reader underneath fails, guesses or says nothing."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import geopandas
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import pytest
import shapely

from cimkit.errors import SourceError
from cimkit.formats import inspect, open

BOX = shapely.box(121, 31, 121.1, 31.1)


def _gpkg(path: Path, **columns: Any) -> Path:
    frame = geopandas.GeoDataFrame({"a": [1, 2], **columns}, geometry=[BOX, None], crs=4326)
    frame.to_file(path, layer="L", driver="GPKG")
    return path


def _hints(path: Path) -> set[str]:
    return {hint["code"] for layer in inspect(path)["layers"] for hint in layer["hints"]}


def test_flatgeobuf_with_a_null_geometry(tmp_path: Path) -> None:
    frame = geopandas.GeoDataFrame({"a": [1, 2, 3]}, geometry=[BOX, None, BOX], crs=4326)
    frame.to_file(tmp_path / "x.fgb", driver="FlatGeobuf", SPATIAL_INDEX="NO")
    table = open(tmp_path / "x.fgb").layer().arrow()
    table.validate(full=True)
    assert table["geometry"].is_valid().to_pylist() == [True, False, True]
    assert shapely.from_wkb(table["geometry"][2].as_py()).equals(BOX)


def test_json_with_half_a_surrogate_pair(tmp_path: Path) -> None:
    for text in ('[{"a": "\\ud800"}]', '[{"\\ud800": 1}]', '[{"a": ["\\ud800"]}]', '["\\ud800"]'):
        path = tmp_path / "x.json"
        path.write_text(text)
        with pytest.raises(SourceError, match="surrogate"):
            inspect(path)


@pytest.mark.parametrize("text", ['[{"a": 1e400}]', '[{"a": [-1e999]}]'])
def test_json_number_out_of_range(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(SourceError, match="out of range"):
        inspect(path)


@pytest.mark.parametrize("escaped", [True, False])
def test_geojson_escaped_characters_outside_the_first_plane(tmp_path: Path, escaped: bool) -> None:
    values = ["\U0001d800", "\U0002d801名", "\U0001f600", "\U00020bb7"]
    features = [{"type": "Feature", "geometry": None, "properties": {"a": value, "n": 1}} for value in values]
    path = tmp_path / "x.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=escaped))
    table = open(path).layer().arrow()
    assert table["a"].to_pylist() == values
    assert table["n"].to_pylist() == [1, 1, 1, 1]


def _with_crs(path: Path, member: Any) -> dict[str, Any]:
    feature = {"type": "Feature", "properties": {"crs": "x"}, "geometry": {"type": "Point", "coordinates": [121, 31]}}
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": member, "features": [feature]}))
    crs: dict[str, Any] = inspect(path)["layers"][0]["crs"]
    return crs


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        ({"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}, "EPSG:4326"),
        ({"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4490"}}, "EPSG:4490"),
        ({"type": "EPSG", "properties": {"code": 4490}}, "EPSG:4490"),
        ("EPSG:4490", "EPSG:4490"),
        (None, "EPSG:4326"),
        ({"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::999999"}}, None),
        ({"type": "link", "properties": {"href": "http://example.com/crs"}}, None),
        ({}, None),
        (7, None),
    ],
)
def test_geojson_crs_member(tmp_path: Path, member: Any, expected: str | None) -> None:
    assert _with_crs(tmp_path / "x.geojson", member)["value"] == expected


@pytest.mark.parametrize(
    "text",
    [
        '{"type": "Feature", "properties": {"crs": "EPSG:4490"}, "geometry": null}',
        '{"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}, "properties": {"crs": "EPSG:4490"}}',
        '{"type": "FeatureCollection", "made": {"crs": "EPSG:4490"}, "features": []}',
    ],
)
def test_geojson_property_called_crs_is_no_crs_member(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.geojson"
    path.write_text(text)
    assert inspect(path)["layers"][0]["crs"]["how"] == "RFC 7946 default"


def test_gpkg_values_that_are_not_of_their_column_s_type(tmp_path: Path) -> None:
    path = _gpkg(tmp_path / "x.gpkg", half=[0.5, 1.5], day=["2024-05-01", "x"], time=["x", "x"], flag=[True, False])
    columns = {"day": "DATE", "time": "DATETIME", "_row": "INTEGER"}
    with sqlite3.connect(path) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f'DROP TRIGGER "{name}"')
        for name, kind in columns.items():
            database.execute(f"ALTER TABLE L ADD COLUMN {name}2 {kind}")
        database.execute("UPDATE L SET a = 'hello', flag = 7, _row2 = 2.5 WHERE fid = 1")
        database.execute("UPDATE L SET day2 = day, time2 = '2024-05-01T00:00:00Z'")
        database.execute("ALTER TABLE L RENAME COLUMN _row2 TO _row")
    database.close()
    table = open(path).layer().arrow()
    json_columns = {f.name for f in table.schema if b"cimkit:json" in (f.metadata or {})}
    assert json_columns == {"a", "day2", "flag", "_row_2"}
    assert table["a"].to_pylist() == ['"hello"', "2"]
    assert table["day2"].to_pylist() == ['"2024-05-01"', '"x"']
    assert table["flag"].to_pylist() == ["7", "false"]
    assert table["_row_2"].to_pylist() == ["2.5", None]
    assert str(table.schema.field("time2").type).startswith("timestamp")
    assert "values.other_type" in _hints(path)


@pytest.mark.parametrize("undefined", [-1, 0])
def test_gpkg_of_undefined_crs(tmp_path: Path, undefined: int) -> None:
    path = _gpkg(tmp_path / "x.gpkg")
    with sqlite3.connect(path) as database:
        database.execute(f"UPDATE gpkg_geometry_columns SET srs_id = {undefined}")
        database.execute(f"UPDATE gpkg_contents SET srs_id = {undefined}")
    database.close()
    layer = inspect(path)["layers"][0]
    assert layer["crs"]["value"] is None
    assert layer["bbox_crs84"] is None
    assert "crs.missing" in _hints(path)


def test_a_local_grid_has_no_place_on_the_earth(tmp_path: Path) -> None:
    grid = pyproj.CRS.from_wkt('LOCAL_CS["City grid",UNIT["metre",1],AXIS["E",EAST],AXIS["N",NORTH]]')
    frame = geopandas.GeoDataFrame({"a": [1]}, geometry=[shapely.box(0, 0, 10, 10)], crs=grid)
    frame.to_parquet(tmp_path / "x.parquet")
    layer = inspect(tmp_path / "x.parquet")["layers"][0]
    assert "City grid" in layer["crs"]["value"]
    assert layer["bbox_crs84"] is None


def test_shapefile_with_a_prj_of_nonsense(shapefile: Callable[..., Path]) -> None:
    path = shapefile()
    path.with_suffix(".prj").write_text("garbage")
    crs = inspect(path)["layers"][0]["crs"]
    assert crs["value"] is None
    assert ".prj" in crs["how"]


def test_parquet_whose_first_geometry_is_damaged(tmp_path: Path) -> None:
    values = pa.array([b"junk", None, shapely.to_wkb(BOX)])
    pq.write_table(pa.table({"geometry": values}), tmp_path / "x.parquet")
    assert inspect(tmp_path / "x.parquet")["layers"][0]["geometry_kinds"] == {"Polygon": 1}
    assert "geometry.unreadable" in _hints(tmp_path / "x.parquet")


@pytest.mark.parametrize("text", ['<osm version="0.6"><node id="1" lat="31" lo', '<osm version="0.6">'])
def test_osm_xml_that_breaks_off(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.osm"
    path.write_text(f'<?xml version="1.0"?>{text}')
    with pytest.raises(SourceError, match="cut off"):
        open(path)


@pytest.mark.shared
def test_osm_pbf_that_breaks_off(tmp_path: Path, shared: Path) -> None:
    whole = (shared / "data/washington_dc_roads_3providers/DcTigerRoads.pbf").read_bytes()
    path = tmp_path / "x.pbf"
    path.write_bytes(whole[:-100])
    with pytest.raises(SourceError, match="cut off"):
        open(path)
    path.write_bytes(whole)
    assert open(path).layers


def test_xlsx_with_a_chart_sheet(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["id", "name"])
    book.active.append([1, "a"])
    book.create_chartsheet("chart")
    book.save(tmp_path / "x.xlsx")
    assert [layer.name for layer in open(tmp_path / "x.xlsx").layers] == ["Sheet"]


def test_xlsx_formulas_that_nothing_has_computed(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["id", "twice"])
    for row in range(2, 5):
        book.active.append([row, f"=A{row}*2"])
    book.save(tmp_path / "x.xlsx")
    hints = inspect(tmp_path / "x.xlsx")["layers"][0]["hints"]
    assert [h["message"].split()[0] for h in hints if h["code"] == "xlsx.formulas"] == ["3"]


def test_a_column_name_with_a_nul(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a\0b": [1], "ab": [2]}), tmp_path / "x.parquet")
    assert open(tmp_path / "x.parquet").layer().schema.names == ["ab", "ab_2", "_fid"]


def test_parquet_decimals_of_more_digits_than_duckdb_has(tmp_path: Path) -> None:
    columns = {
        "short": pa.array([Decimal("1.50"), None], pa.decimal256(20, 2)),
        "long": pa.array([Decimal("1.50"), None], pa.decimal256(50, 2)),
    }
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    with duckdb.connect() as con:
        rows = open(tmp_path / "x.parquet").layer().to_duckdb(con).fetchall()
    assert rows == [(Decimal("1.50"), 1.5, None), (None, None, None)]


def test_parquet_whose_names_are_not_utf8(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a_name": [1]}), tmp_path / "x.parquet", store_schema=False)
    path = tmp_path / "x.parquet"
    path.write_bytes(path.read_bytes().replace(b"a_name", b"\xff_name"))
    with pytest.raises(SourceError, match=r"x\.parquet"):
        inspect(path)


def test_gpkg_whose_error_message_is_not_utf8(tmp_path: Path) -> None:
    path = _gpkg(tmp_path / "x.gpkg")
    data = path.read_bytes()
    at = data.index(b"CREATE TABLE gpkg_contents")
    path.write_bytes(data[: at + 13] + b"\xff(" + data[at + 15 :])
    with pytest.raises(SourceError, match=r"x\.gpkg"):
        inspect(path)


def test_link_to_nowhere(tmp_path: Path) -> None:
    (tmp_path / "x.csv").symlink_to("gone.csv")
    with pytest.raises(SourceError, match=r"a link to gone\.csv"):
        open(tmp_path / "x.csv")
