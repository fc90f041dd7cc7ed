"""GeoPackage, FlatGeobuf, KML and OSM as other libraries read them."""

from __future__ import annotations

import sqlite3
import struct
from pathlib import Path

import fiona
import geopandas
import pandas
import pytest
import shapely
from shapely.geometry import Point, Polygon

import cimkit.formats as formats


def frame(crs: int | None = 4547) -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame(
        {
            "n": [1, 2, None],
            "name": ["甲", "", None],
            "when": pandas.to_datetime(["2020-01-01 10:00", None, "2021-05-05 00:00"]).astype("datetime64[ms]"),
            "ok": [True, False, True],
            "code": ["010001", "7", None],
        },
        geometry=[Point(500000, 2500000), Point(500001, 2500001), None],
        crs=crs,
    )


@pytest.mark.parametrize("name", ["x.gpkg", "x.fgb"])
def test_a_frame_survives(tmp_path: Path, name: str) -> None:
    source = frame() if name == "x.gpkg" else frame().iloc[:2]
    source.to_file(tmp_path / name)
    layer = formats.open(tmp_path / name).layer()
    judge = geopandas.read_file(tmp_path / name)
    read = layer.to_geopandas()
    assert list(read.columns) == list(judge.columns)
    assert read.crs == judge.crs and layer.crs.value == "EPSG:4547"
    # Both keep '' and NULL apart; FlatGeobuf sorts along a Hilbert curve.
    rows = layer.arrow().to_pylist()
    assert [row["name"] for row in rows] == (["甲", "", None] if name == "x.gpkg" else ["", "甲"])
    assert [row["_fid"] for row in rows] == (["1", "2", "3"] if name == "x.gpkg" else ["0", "1"])
    with fiona.open(tmp_path / name) as records:
        assert [r["properties"]["code"] for r in records] == [row["code"] for row in rows]
    assert layer.text_cells is False
    assert (layer.encoding.value, layer.encoding.confidence) == ("UTF-8", 1.0)


def test_layers_tables_and_bookkeeping(tmp_path: Path) -> None:
    path = tmp_path / "x.gpkg"
    for name in ("b", "a"):
        frame().to_file(path, layer=name)
    with sqlite3.connect(path) as database:
        for table in ("owners", "layer_styles"):
            database.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, v TEXT)")
            row = (table, "attributes", table)
            database.execute("INSERT INTO gpkg_contents (table_name, data_type, identifier) VALUES (?, ?, ?)", row)
        database.execute("INSERT INTO owners VALUES (5, 'x')")
    dataset = formats.open(path)
    assert [layer.name for layer in dataset.layers] == ["b", "a", "owners"]
    assert dataset.layer("owners").arrow().to_pylist() == [{"id": 5, "v": "x", "_fid": "5"}]
    assert isinstance(dataset.layer("owners").to_geopandas(), pandas.DataFrame)


def test_pending_changes_of_a_writer_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x.gpkg"
    frame().to_file(path, SPATIAL_INDEX="NO")
    writer = sqlite3.connect(path)
    writer.execute("PRAGMA journal_mode=wal")
    writer.execute("UPDATE x SET name = '乙'")
    writer.commit()
    assert formats.open(path).layer().arrow()["name"].to_pylist() == ["乙"] * 3
    writer.close()


def test_no_crs_is_none(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="crs"):
        frame(None).to_file(tmp_path / "x.gpkg")
    layer = formats.open(tmp_path / "x.gpkg").layer()
    assert layer.crs.value is None
    assert layer.to_geopandas().crs is None


def test_curves_m_values_and_nulls_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "x.gpkg"
    with pytest.warns(UserWarning, match="crs"):
        geopandas.GeoDataFrame({"n": range(5)}, geometry=[Point(0, 0)] * 5).to_file(path, geometry_type="Unknown")
    texts = ["CURVEPOLYGON", "POINT M (3 4 9)", "POINT ZM (1 2 3 4)", None, "POINT EMPTY"]
    with sqlite3.connect(path) as database:
        for row, text in enumerate(texts, start=1):
            blob = None if text is None else b"GP\0\1" + b"\0" * 4 + _wkb(text)
            database.execute("DROP TRIGGER IF EXISTS rtree_x_geom_update1")
            for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                database.execute(f'DROP TRIGGER "{trigger}"')
            database.execute("UPDATE x SET geom = ? WHERE fid = ?", (blob, row))
    about = formats.inspect(path)["layers"][0]
    assert about["geometry_kinds"] == {"CurvePolygon": 1, "Point": 1, "Point M": 1, "Point ZM": 1}
    assert about["bbox"] == [0.0, -1.0, 3.0, 4.0]
    messages = {hint["code"]: hint["message"] for hint in about["hints"]}
    assert messages["geometry.missing"].startswith("1 of 5")
    assert messages["geometry.empty"].startswith("1 of 5")


def _wkb(text: str) -> bytes:
    if text.startswith("CURVEPOLYGON"):
        ring = [(0, 0), (1, 1), (2, 0), (1, -1), (0, 0)]
        return struct.pack("<BIIBII", 1, 10, 1, 1, 8, 5) + b"".join(struct.pack("<dd", *point) for point in ring)
    return bytes(shapely.to_wkb(shapely.from_wkt(text), output_dimension=4, flavor="iso"))


def test_kml(tmp_path: Path) -> None:
    path = tmp_path / "x.kml"
    path.write_text(
        '<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>'
        "<Folder><name>空</name></Folder><Folder><name>点</name><Placemark><name>甲</name>"
        "<Point><coordinates>114,22</coordinates></Point></Placemark></Folder></Document></kml>",
        encoding="utf-8",
    )
    layer = formats.open(path).layer("点")
    assert (layer.crs.value, layer.crs.how) == ("EPSG:4326", "KML is always WGS 84")
    assert layer.text_cells
    assert layer.arrow()["Name"].to_pylist() == ["甲"]
    assert layer.to_geopandas().geometry.iloc[0].x == 114


OSM = """<?xml version="1.0"?><osm version="0.6">
<node id="-1" lat="38.9" lon="-77.0" version="1"><tag k="shop" v="bakery"/><tag k="name" v="B"/></node>
<node id="-2" lat="38.9" lon="-77.1" version="1"/><node id="-3" lat="38.8" lon="-77.1" version="1"/>
<way id="-9" version="1"><nd ref="-1"/><nd ref="-2"/><tag k="highway" v="road"/><tag k="lanes" v="2"/></way>
<way id="-8" version="1"><nd ref="-1"/><nd ref="-2"/><nd ref="-3"/><nd ref="-1"/><tag k="building" v="yes"/></way>
</osm>"""


def test_osm_layers_with_negative_ids(tmp_path: Path) -> None:
    (tmp_path / "x.osm").write_text(OSM)
    dataset = formats.open(tmp_path / "x.osm")
    assert [layer.name for layer in dataset.layers] == ["points", "lines", "multipolygons"]
    line = dataset.layer("lines").arrow().to_pylist()[0]
    assert (line["osm_id"], line["highway"], line["other_tags"]) == ("-9", "road", '"lanes"=>"2"')
    assert dataset.layer("lines").crs.value == "EPSG:4326"
    assert dataset.layer("multipolygons").to_geopandas().geom_type.tolist() == ["MultiPolygon"]
    assert all(layer.text_cells for layer in dataset.layers)


@pytest.mark.parametrize("name", ["a!b", "a;b", "a b", "a#b?c%20", "建筑"])
@pytest.mark.parametrize("suffix", [".gpkg", ".fgb", ".shp", ".geojson"])
def test_any_file_name(tmp_path: Path, name: str, suffix: str) -> None:
    polygon = Polygon([(0, 0), (1, 0), (1, 1)])
    plain = tmp_path / f"x{suffix}"
    geopandas.GeoDataFrame({"a": ["中"]}, geometry=[polygon], crs=4326).to_file(plain)
    for part in list(tmp_path.iterdir()):
        part.rename(tmp_path / part.name.replace("x.", f"{name}.", 1))
    layer = formats.open(tmp_path / f"{name}{suffix}").layer()
    assert layer.arrow()["a"].to_pylist() == ["中"]
    assert layer.crs.value == "EPSG:4326"
