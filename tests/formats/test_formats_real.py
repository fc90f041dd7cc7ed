"""Real files of real cities: counts, kinds, CRS and encoding pinned; other libraries asked for their view."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import geopandas
import numpy as np
import openpyxl
import pyarrow.parquet as pq
import pyogrio
import pytest

import cimkit.formats as formats
from cimkit.errors import SourceError

pytestmark = pytest.mark.shared


def facts(path: Path, layer: str | None = None) -> dict[str, Any]:
    layers: list[dict[str, Any]] = formats.inspect(path, layer=layer)["layers"]
    assert len(layers) == 1
    return layers[0]


RFC = ("EPSG:4326", "RFC 7946 default")
KML = ("EPSG:4326", "KML is always WGS 84")
MEMBER = ("EPSG:4326", "crs member (GeoJSON 2008)")
PROJJSON = ("EPSG:3035", "PROJJSON")
NONE = (None, "no geometry")
ENERGY = "washington_dc/2014-building-energy-and-water-performance-benchmarking.geojson"
LAMBERT = ("EPSG:31370", ".prj")
ZEROS, CUT, BLANK = {"codes.leading_zeros"}, {"names.truncated"}, {"geometry.missing"}
PINS = [
    # path, features, kinds, CRS and how, encoding, codes of hints
    ("data/washington_dc/parcel-lots.geojson", 1258, {"Polygon": 1236, "MultiPolygon": 22}, RFC, "UTF-8", ZEROS),
    ("data/washington_dc/litter-cans.geojson", 5265, {"Point": 5265}, RFC, "UTF-8", set()),
    (f"data/{ENERGY}", 1840, {"Unknown": 0}, RFC, "UTF-8", BLANK),
    ("data/alexandria_va/buildings.shp", 84, {"Polygon": 84}, ("EPSG:4326", ".prj"), "UTF-8", set()),
    ("data/alexandria_va/buildings.geojson", 84, {"MultiPolygon": 84}, MEMBER, "UTF-8", set()),
    ("data/shanghai/区县界_area.shp", 17, {"Polygon": 14, "MultiPolygon": 3}, ("EPSG:4326", ".prj"), "GB18030", CUT),
    ("data/shanghai/metroline2.shp", 2, {"LineString": 2}, (None, "there is no .prj"), "UTF-8", {"crs.missing"}),
    ("data/ghent/VRBG/Refgem.shp", 300, {"Polygon": 298, "MultiPolygon": 2}, LAMBERT, "ISO-8859-1", set()),
    ("data/ghent/vector/gent.geojson", 1, {"MultiPolygon": 1}, MEMBER, "UTF-8", set()),
    ("data/ghent/vector/parken-gent.geojson", 161, {"Polygon": 114, "MultiPolygon": 44}, RFC, "UTF-8", BLANK),
    ("data/kml/states.kml", 8, {"Polygon": 6, "MultiPolygon": 2}, KML, "UTF-8", set()),
    ("data/kml/time-stamp-point.kml", 361, {"Point Z": 361}, KML, "UTF-8", set()),
    ("data/china_admin/areas.csv", 2978, {}, NONE, "UTF-8", set()),
    ("data/air_quality_saxony/01/Dresden-Bergstraße.csv", 759, {}, NONE, "UTF-8", {"table.units_row"}),
    ("data/china_admin/pca-code.json", 31, {}, NONE, "UTF-8", set()),
    ("data/ghent_stats/data/verbruiksgegevens-per-maand.xlsx", 2625, {}, NONE, "UTF-8", set()),
    ("bench/buildings_eubucco/buildings-osm.parquet", 2227, {"Polygon": 2227}, PROJJSON, "UTF-8", set()),
    ("bench/buildings_eubucco/buildings-gov.parquet", 1351, {"Polygon": 1351}, PROJJSON, "UTF-8", set()),
    ("bench/buildings_eubucco/buildings-msft.parquet", 1877, {"Polygon": 1877}, PROJJSON, "UTF-8", set()),
    ("bench/buildings_eubucco/matching-pairs.parquet", 5854, {}, NONE, "UTF-8", set()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "features", "kinds", "crs", "encoding", "hints"), PINS, ids=[Path(pin[0]).name for pin in PINS]
)
def test_pinned(
    shared: Path,
    path: str,
    features: int,
    kinds: dict[str, int],
    crs: tuple[str | None, str],
    encoding: str,
    hints: set[str],
) -> None:
    about = facts(shared / path)
    assert (about["features"], about["geometry_kinds"]) == (features, kinds)
    assert (about["crs"]["value"], about["crs"]["how"]) == crs
    assert about["encoding"]["value"] == encoding
    assert {hint["code"] for hint in about["hints"]} == hints


@pytest.mark.filterwarnings("ignore:Could not parse column")  # GDAL calls mixed values JSON; geopandas tries it
def test_every_layer_of_washington_as_geopandas_reads_it(shared: Path) -> None:
    paths = sorted((shared / "data/washington_dc").glob("*.geojson"))
    assert len(paths) == 40
    for path in paths:
        layer = formats.open(path).layer()
        about = facts(path)
        judge = geopandas.read_file(path, DATE_AS_STRING="YES")
        frame = layer.to_geopandas()
        assert about["features"] == len(judge) == len(frame), path.name
        own = [name for name in judge.columns if name != "geometry"]
        assert [field["name"] for field in about["fields"]] == own, path.name
        assert frame.crs == judge.crs == "EPSG:4326"
        if about["bbox"]:
            np.testing.assert_allclose(about["bbox"], judge.total_bounds)
        kinds = judge.geom_type.dropna().value_counts().to_dict()
        assert {k: n for k, n in about["geometry_kinds"].items() if n} == kinds, path.name


def test_chinese_names_of_shanghai(shared: Path) -> None:
    folder = shared / "data/shanghai"
    names = formats.open(folder / "区县界_area.shp").layer().arrow()["NAME"].to_pylist()
    assert names[0] == "宝山区" and len(set(names)) == 17
    assert all("\u4e00" <= character <= "\u9fff" for name in names for character in name)
    lines = formats.open(folder / "metroline2.shp").layer().arrow()["linename"].to_pylist()
    assert lines[0] == "地铁2号线(徐泾东-浦东国际机场)"
    with pytest.raises(SourceError, match="is not UTF-8"):
        formats.open(folder / "区县界_area.shp", encoding="UTF-8")


ROADS = {
    "DcGisRoads.osm": {"points": 4324, "lines": 374},
    "DcGisRoads.pbf": {"points": 4324, "lines": 374},
    "DcOsmRoads.osm": {"points": 569, "lines": 365, "multipolygons": 2},
    "DcTigerRoads.osm": {"points": 3163, "lines": 227},
    "DcTigerRoads.pbf": {"points": 3163, "lines": 227},
}


@pytest.mark.parametrize("name", ROADS)
def test_three_providers_of_roads(shared: Path, name: str) -> None:
    path = shared / "data/washington_dc_roads_3providers" / name
    layers = {layer.name: layer.arrow() for layer in formats.open(path).layers}
    assert {layer: table.num_rows for layer, table in layers.items()} == ROADS[name]
    if path.suffix == ".osm":
        # Ways without nodes are ones an editor deleted.
        ways = {
            way.get("id")
            for way in ElementTree.parse(path).getroot().iter("way")
            if way.find("nd") is not None and way.find("tag") is not None
        }
        found = set(layers["lines"]["osm_id"].to_pylist())
        if "multipolygons" in layers:
            found |= set(layers["multipolygons"]["osm_way_id"].to_pylist())
        assert ways - found - {None} <= ways and len(ways - found) <= 3


def test_tables_as_the_standard_library_reads_them(shared: Path) -> None:
    paths = [*(shared / "data").glob("air_quality_saxony/*/*.csv"), *(shared / "data/china_admin").glob("*.csv")]
    assert len(paths) == 9
    for path in paths:
        with path.open(encoding="utf-8", newline="") as handle:
            judge = list(csv.DictReader(handle))
        if "saxony" in str(path):
            del judge[0]  # the row of units
        read = formats.open(path).layer().arrow().drop_columns("_fid").to_pylist()
        assert [{name: cell or "" for name, cell in row.items()} for row in read] == judge


def test_records_as_the_standard_library_reads_them(shared: Path) -> None:
    path = shared / "data/china_admin/pca-code.json"
    table = formats.open(path).layer().arrow()
    assert table.schema.field("children").metadata == {b"cimkit:json": b"true"}
    read = [{**row, "children": json.loads(row["children"])} for row in table.drop_columns("_fid").to_pylist()]
    assert read == json.loads(path.read_text(encoding="utf-8"))
    assert read[0]["code"] == "11"


def test_a_workbook_as_openpyxl_reads_it(shared: Path) -> None:
    path = shared / "data/ghent_stats/data/verbruiksgegevens-per-maand.xlsx"
    book = openpyxl.load_workbook(path, read_only=True)
    rows = [row for row in book.worksheets[0].iter_rows(values_only=True) if any(row)]
    book.close()
    table = formats.open(path).layer().arrow()
    assert table.column_names == [*rows[0], "_fid"]
    assert table.num_rows == len(rows) - 1
    first = table.slice(0, 1).drop_columns("_fid").to_pylist()[0]
    assert [first[name] for name in rows[0] if isinstance(rows[1][rows[0].index(name)], str)] == [
        cell for cell in rows[1] if isinstance(cell, str)
    ]


def test_benchmark_files_as_pyarrow_reads_them(shared: Path) -> None:
    for path in sorted((shared / "bench").glob("*/*.parquet")):
        layer = formats.open(path).layer()
        assert sum(batch.num_rows for batch in layer.batches(1000)) == pq.read_metadata(path).num_rows
        assert not any(name.startswith("__index") for name in layer.schema.names)


def test_every_shapefile_as_pyogrio_counts_it(shared: Path) -> None:
    for path in (shared / "data").rglob("*.shp"):
        info = pyogrio.read_info(path)
        about = facts(path)
        assert about["features"] == info["features"]
        np.testing.assert_allclose(about["bbox"], info["total_bounds"])
