"""GeoPackage, GeoJSON and CSV as others read them: pyogrio, fiona, json and pandas are the judges."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import fiona
import pyarrow as pa
import pyogrio
import pytest
import shapely

from cimkit.errors import SourceError, UsageError
from cimkit.formats.profile import Order
from cimkit.formats.writing import write

SHAPES = shapely.from_wkt(["POINT (120.15 30.28)", "POLYGON ((120 30, 120.1 30, 120.1 30.1, 120 30))", "POINT (1 2)"])


def table(**columns: Any) -> pa.Table:
    given = {"编号": ["010001", "", None], "n": pa.array([2**53 + 1, None, 3], pa.int64()), **columns}
    return pa.table({**given, "geometry": pa.array([*shapely.to_wkb(SHAPES[:2]), None], pa.binary())})


def written(target: Path, given: pa.Table | None = None, **options: Any) -> int:
    reader = (table() if given is None else given).to_reader()
    return write(reader, target, Order(**{"crs": "EPSG:4326", "layer": "楼", **options}))


def test_an_unknown_suffix_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        written(tmp_path / "x.docx")
    assert ".gpkg" in (error.value.hint or "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".csv"])
def test_a_stream_that_breaks_leaves_the_old_file_and_nothing_else(tmp_path: Path, suffix: str) -> None:
    def batches() -> Any:
        yield from table().to_batches()
        raise OSError(28, "No space left on device")

    target = tmp_path / f"x{suffix}"
    target.write_bytes(b"old")
    with pytest.raises((SourceError, OSError)):
        write(pa.RecordBatchReader.from_batches(table().schema, batches()), target, Order(None, "x"))
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".csv"])
def test_two_runs_give_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    digests = set()
    for _ in range(2):
        written(tmp_path / f"x{suffix}")
        digests.add(hashlib.sha256((tmp_path / f"x{suffix}").read_bytes()).hexdigest())
    assert len(digests) == 1


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson"])
def test_values_and_order_survive(tmp_path: Path, suffix: str) -> None:
    assert written(tmp_path / f"x{suffix}") == 3
    with fiona.open(tmp_path / f"x{suffix}") as source:
        rows = list(source)
        assert source.crs.to_epsg() == 4326
    assert [row.properties["编号"] for row in rows] == ["010001", "", None]
    assert [row.properties["n"] for row in rows] == [2**53 + 1, None, 3]
    assert [row.geometry and row.geometry["type"] for row in rows] == ["Point", "Polygon", None]


def test_geopackage_keeps_columns_that_bear_its_own_names(tmp_path: Path) -> None:
    given = table(fid=["a", "b", "c"], GEOM=[1, 2, 3], ogc_fid=["d", "e", "f"])
    written(tmp_path / "x.gpkg", given, geometry_type="Unknown")
    info = pyogrio.read_info(tmp_path / "x.gpkg")
    assert list(info["fields"]) == ["编号", "n", "fid", "GEOM", "ogc_fid"]
    assert info["layer_name"] == "楼"
    assert pyogrio.read_dataframe(tmp_path / "x.gpkg")["fid"].tolist() == ["a", "b", "c"]


def test_geopackage_without_geometry_is_a_table(tmp_path: Path) -> None:
    written(tmp_path / "x.gpkg", table().drop_columns(["geometry"]), crs=None)
    assert pyogrio.read_info(tmp_path / "x.gpkg")["geometry_type"] is None


def test_geojson_in_wgs84_follows_the_rfc(tmp_path: Path) -> None:
    clockwise = shapely.from_wkt("POLYGON ((120 30, 120 30.1, 120.1 30.1, 120 30))")
    given = pa.table({"n": [1], "geometry": pa.array([clockwise.wkb])})
    written(tmp_path / "x.geojson", given)
    document = json.loads((tmp_path / "x.geojson").read_text())
    assert "crs" not in document
    ring = document["features"][0]["geometry"]["coordinates"][0]
    assert shapely.LinearRing(ring).is_ccw
    assert [120, 30] in ring


def test_geojson_in_another_crs_says_so(tmp_path: Path) -> None:
    written(tmp_path / "x.geojson", crs="EPSG:4547")
    assert "4547" in json.loads((tmp_path / "x.geojson").read_text())["crs"]["properties"]["name"]


def test_geojson_coordinates_are_kept_to_a_tenth_of_a_millimetre(tmp_path: Path) -> None:
    point = shapely.Point(120.123456789012, 30.987654321098)
    written(tmp_path / "x.geojson", pa.table({"geometry": pa.array([point.wkb])}))
    x, y = json.loads((tmp_path / "x.geojson").read_text())["features"][0]["geometry"]["coordinates"]
    assert abs(x - point.x) < 1e-9 and abs(y - point.y) < 1e-9


def test_csv_tells_null_from_the_empty_text_and_quotes_what_needs_it(tmp_path: Path) -> None:
    given = table(text=['a "b"', "c,d", "line\nbreak"])
    assert written(tmp_path / "x.csv", given) == 3
    raw = (tmp_path / "x.csv").read_text(encoding="utf-8").splitlines()
    assert raw[0] == '"编号","n","text","WKT"'
    assert raw[2].startswith('"",,"c,d"')
    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [row["编号"] for row in rows] == ["010001", "", ""]
    assert [row["text"] for row in rows] == given["text"].to_pylist()
    assert rows[0]["WKT"] == "POINT (120.15 30.28)" and rows[2]["WKT"] == ""


def test_csv_keeps_every_digit_and_dimension(tmp_path: Path) -> None:
    shapes = [shapely.Point(0.1 + 0.2, 1 / 3), *shapely.from_wkt(["POINT ZM (1 2 3 4)", "POINT M (1 2 4)"])]
    written(tmp_path / "x.csv", pa.table({"geometry": pa.array(shapely.to_wkb(shapes, flavor="iso"))}))
    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as handle:
        read = [shapely.from_wkt(row["WKT"]) for row in csv.DictReader(handle)]
    assert all(a.equals_exact(b, 0) and a.has_z == b.has_z for a, b in zip(read, shapes, strict=True))
    assert [shapely.has_m(shape) for shape in read] == [False, True, True]


def test_csv_with_a_column_called_wkt(tmp_path: Path) -> None:
    written(tmp_path / "x.csv", table(wkt=["a", "b", "c"]))
    assert (tmp_path / "x.csv").read_text(encoding="utf-8").splitlines()[0] == '"编号","n","wkt","geometry_WKT"'


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".csv"])
def test_no_rows_at_all(tmp_path: Path, suffix: str) -> None:
    assert written(tmp_path / f"x{suffix}", table().slice(0, 0)) == 0
    assert (tmp_path / f"x{suffix}").exists()
