"""The error layers: GeoJSON and GeoPackage, opened by GDAL, with the findings that have no place kept."""

from __future__ import annotations

import json
import sqlite3
import warnings
from pathlib import Path

import fiona
import geopandas
import pyogrio
import pytest
from report_samples import failing, hostile, passing

from cimkit import report as reports


def test_geojson_is_a_layer_of_points(tmp_path: Path) -> None:
    reports.write(hostile(), tmp_path / "r.geojson")
    document = json.loads((tmp_path / "r.geojson").read_text("utf-8"))
    assert set(document) == {"type", "features"}
    assert [f["geometry"] is None for f in document["features"]] == [f.point is None for f in hostile().findings]
    assert document["features"][2]["geometry"] == {"type": "Point", "coordinates": [121.4, 31.2]}
    assert document["features"][0]["properties"]["value"] == '{"=1+1": ["=1+1", 1.5, null]}'
    frame = geopandas.read_file(tmp_path / "r.geojson")
    assert len(frame) == len(hostile().findings)
    assert frame.crs == "EPSG:4326"
    assert frame.geometry.isna().sum() == sum(f.point is None for f in hostile().findings)


def test_an_empty_layer_is_a_layer(tmp_path: Path) -> None:
    reports.write(passing(), tmp_path / "r.geojson")
    assert json.loads((tmp_path / "r.geojson").read_text("utf-8")) == {"type": "FeatureCollection", "features": []}
    reports.write(passing(), tmp_path / "r.gpkg")
    info = pyogrio.read_info(tmp_path / "r.gpkg", layer="findings")
    assert (info["features"], info["crs"], info["geometry_type"]) == (0, "EPSG:4326", "Point")


def test_gdal_opens_the_geopackage_and_warns_of_nothing(tmp_path: Path) -> None:
    reports.write(hostile(), tmp_path / "r.gpkg")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frame = pyogrio.read_dataframe(tmp_path / "r.gpkg", layer="findings")
        rules = pyogrio.read_dataframe(tmp_path / "r.gpkg", layer="rules")
        with fiona.open(tmp_path / "r.gpkg", layer="findings") as layer:
            assert layer.schema["geometry"] == "Point"
            assert len(layer) == len(frame)
    assert frame.crs == "EPSG:4326"
    assert [point and (point.x, point.y) for point in frame.geometry] == [f.point for f in hostile().findings]
    assert frame["message"][0] == "=1+1 is not right"
    assert frame["source_fid"][0] == "=1+1"
    assert list(rules["failed"]) == [rule.failed for rule in hostile().rules]


def test_the_geopackage_keeps_the_rules_of_its_format(tmp_path: Path) -> None:
    """OGC 12-128r18: requirements 2, 3, 6, 10, 11, 13, 21, 29."""
    path = tmp_path / "r.gpkg"
    reports.write(failing(), path)
    assert path.read_bytes()[:16] == b"SQLite format 3\0"
    con = sqlite3.connect(path)
    try:
        assert con.execute("PRAGMA application_id").fetchone() == (0x47504B47,)
        assert con.execute("PRAGMA user_version").fetchone()[0] >= 10200
        assert con.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert con.execute("PRAGMA foreign_key_check").fetchall() == []
        ids = {row[0] for row in con.execute("SELECT srs_id FROM gpkg_spatial_ref_sys")}
        assert ids >= {-1, 0, 4326}
        contents = dict(con.execute("SELECT table_name, data_type FROM gpkg_contents").fetchall())
        assert contents == {"findings": "features", "rules": "attributes"}
        columns = con.execute("SELECT * FROM gpkg_geometry_columns").fetchall()
        assert columns == [("findings", "geom", "POINT", 4326, 0, 0)]
        times = con.execute("SELECT DISTINCT last_change FROM gpkg_contents").fetchall()
        assert times == [("1970-01-01T00:00:00.000Z",)]
    finally:
        con.close()


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".parquet"])
def test_every_finding_is_there_with_or_without_a_place(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"r{suffix}"
    reports.write(hostile(), path)
    if suffix == ".parquet":
        frame = geopandas.read_parquet(path)
    else:
        frame = pyogrio.read_dataframe(path, layer=pyogrio.list_layers(path)[0][0])
    assert list(frame["fingerprint"]) == [f.fingerprint for f in hostile().findings]
