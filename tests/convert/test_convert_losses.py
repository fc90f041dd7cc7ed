"""Every loss is told with its exact count, and what is not told is not lost: the file read again says so."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas
import jsonschema
import numpy as np
import pyarrow as pa
import pyogrio
import pytest
import shapely
from convert_sources import ARC, CIRCLE, MOMENT, SURFACE

import cimkit
from cimkit import formats, wkb
from cimkit.convert import conversion
from cimkit.model import LossReport

SUFFIXES = [".gpkg", ".geojson", ".csv", ".parquet"]


def told(report: LossReport) -> dict[tuple[str, str | None], int]:
    return {(loss.code, loss.field): loss.count for loss in report.losses}


VALUES = {
    ".gpkg": {
        ("type.dropped", "unsigned"): 2,
        ("number.precision", "exact"): 1,
        ("number.not_finite", "real"): 1,
        ("type.dropped", "clock"): 1,
        ("time.fraction", "moment"): 1,
        ("time.zone", "moment"): 2,
        ("time.fraction", "instant"): 1,
        ("type.dropped", "list"): 2,
        ("type.dropped", "record"): 2,
    },
    ".geojson": {
        ("crs.relabelled", None): 2,
        ("type.dropped", "unsigned"): 2,
        ("number.precision", "exact"): 1,
        ("number.not_finite", "real"): 2,
        ("type.dropped", "raw"): 2,
    },
    ".csv": {
        ("crs.dropped", None): 2,
        ("number.not_finite", "real"): 2,
        ("type.dropped", "raw"): 2,
        ("type.dropped", "list"): 2,
        ("type.dropped", "record"): 2,
    },
    ".parquet": {("rows.reordered", None): 3},
}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_values_of_every_type(everything: Path, tmp_path: Path, root: Path, suffix: str) -> None:
    report = cimkit.convert(everything, tmp_path / f"out{suffix}", verify=True)
    assert told(report) == VALUES[suffix]
    assert report.verified is True
    assert (report.rows_read, report.rows_written) == (3, 3)
    schema = json.loads((root / "schemas" / "loss-report.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(json.loads(json.dumps(report.to_dict())), schema)


def test_an_example_says_the_first_row_and_both_values(everything: Path, tmp_path: Path) -> None:
    report = cimkit.convert(everything, tmp_path / "out.gpkg")
    examples = {(loss.code, loss.field): loss.example for loss in report.losses}
    assert examples["number.precision", "exact"] == {
        "row": 1, "before": "12345678901234567.89", "after": 12345678901234568.0,
    }  # fmt: skip
    assert examples["time.fraction", "moment"] == {
        "row": 0, "before": MOMENT.isoformat(), "after": "2024-05-01T12:30:15.123000",
    }  # fmt: skip
    assert examples["number.not_finite", "real"] == {"row": 1, "before": "nan", "after": None}


def test_geopackage_values_as_pyogrio_reads_them(everything: Path, tmp_path: Path) -> None:
    cimkit.convert(everything, tmp_path / "out.gpkg")
    rows = pyogrio.read_arrow(tmp_path / "out.gpkg")[1].to_pylist()
    assert [row["编号"] for row in rows] == ["010001", "", None]
    assert [row["big"] for row in rows] == [2**53 + 1, None, -1]
    assert [row["unsigned"] for row in rows] == [str(2**64 - 1), "2", None]
    assert [row["real"] for row in rows] == [0.34349071000000003, None, float("inf")]
    assert [row["looks"] for row in rows] == ['{"a": 1}', "[1]", "2024-05-01"]
    assert json.loads(rows[0]["record"]) == {"a": 1.5, "b": "x"}


@pytest.mark.parametrize(("suffix", "fractions"), [(".gpkg", 2), (".xlsx", 1), (".sqlite", 2), (".csv", 0)])
def test_times_far_from_today(parquet: Callable[..., Path], tmp_path: Path, suffix: str, fractions: int) -> None:
    texts = ["1950-06-09T20:28:59.857", "1600-01-01T00:00:00", "9999-12-31T23:59:59", "2024-05-01T10:00:00.123456"]
    times = pa.array([datetime.datetime.fromisoformat(text) for text in texts], pa.timestamp("us"))
    report = cimkit.convert(parquet(t=times, a=[1, 2, 3, 4]), tmp_path / f"out{suffix}", verify=True)
    assert report.verified is True
    assert told(report).get(("time.fraction", "t"), 0) == fractions
    messages = [loss.message for loss in report.losses if loss.code == "time.fraction"]
    assert all(("before 1970" in message) == (fractions == 2) for message in messages)


@pytest.mark.parametrize("suffix", [".gpkg", ".sqlite", ".gdb", ".gml", ".kml", ".tab"])
@pytest.mark.parametrize("name", ["TimeStamp'ed", 'a"b', " ", "gpkg_x", "sqlite_x", "geometry_columns"])
def test_layers_of_any_name_keep_their_geometry(
    parquet: Callable[..., Path], tmp_path: Path, name: str, suffix: str
) -> None:
    points = shapely.to_wkb([shapely.Point(111, 40), shapely.Point(112, 41)])
    report = cimkit.convert(parquet(points, file=f"{name}.parquet", a=[1, 2]), tmp_path / f"out{suffix}", verify=True)
    assert report.verified is True


def test_mapinfo_text_of_several_lines(parquet: Callable[..., Path], tmp_path: Path) -> None:
    point = shapely.to_wkb(shapely.Point(111, 40))
    texts = ["first\nsecond", "first\r\nsecond", "a\\nb", "plain"]
    report = cimkit.convert(parquet([point] * 4, t=texts), tmp_path / "out.mif", verify=True)
    assert report.verified is True
    assert told(report)["text.characters", "t"] == 2
    again = pyogrio.read_dataframe(tmp_path / "out.mif")
    assert list(again["t"]) == ["first\\nsecond", "first\\nsecond", "a\\nb", "plain"]


@pytest.mark.parametrize("suffix", [".geojson", ".geojsonl", ".geojsons", ".gpkg", ".tab", ".mif", ".kml", ".xlsx"])
@pytest.mark.parametrize("columns", [{"a": pa.array([], pa.int64()), "b": pa.array([], pa.string())}, {}])
def test_an_empty_layer_is_read_again_as_one(
    parquet: Callable[..., Path], tmp_path: Path, columns: dict[str, Any], suffix: str
) -> None:
    report = cimkit.convert(parquet([], **columns), tmp_path / f"out{suffix}", verify=True)
    assert report.verified is True
    if not columns:
        assert told(report) == ({("column.added", "FID"): 1} if suffix in (".tab", ".mif") else {})
    else:
        assert told(report) == ({("column.missing", None): 2} if suffix.startswith(".geojson") else {})


@pytest.mark.parametrize("suffix", [".tab", ".mif"])
def test_mapinfo_numbers_records_that_have_no_column(parquet: Callable[..., Path], tmp_path: Path, suffix: str) -> None:
    points = shapely.to_wkb([shapely.Point(111, 40), shapely.Point(112, 41)])
    report = cimkit.convert(parquet(list(points), a=[1, 2]), tmp_path / f"out{suffix}", select=[], verify=True)
    assert report.verified is True
    assert told(report)["column.added", "FID"] == 1
    assert list(pyogrio.read_dataframe(tmp_path / f"out{suffix}")["FID"]) == [0, 1]


def test_geojson_values_as_json_reads_them(everything: Path, tmp_path: Path) -> None:
    cimkit.convert(everything, tmp_path / "out.geojson")
    document = json.loads((tmp_path / "out.geojson").read_text(encoding="utf-8"))
    first, second, third = (feature["properties"] for feature in document["features"])
    assert first["real"] == 0.34349071000000003 and second["real"] is None
    assert first["record"] == {"a": 1.5, "b": "x"} and first["list"] == [1, 2] and second["list"] == []
    assert [row["looks"] for row in (first, second, third)] == ['{"a": 1}', "[1]", "2024-05-01"]
    assert first["moment"] == "2024-05-01T12:30:15.123456" and second["moment"] == "2024-05-01T12:30:15"
    assert first["instant"] == "2024-05-01T12:30:15.123456Z" and second["instant"] == "2024-05-01T12:30:15.005Z"
    assert [first["day"], third["day"], first["clock"]] == ["2024-05-01", "1900-01-01", "01:02:03.456789"]
    assert document["features"][2]["geometry"] is None


def test_mixed_json_values_stay_what_they_are(tmp_path: Path) -> None:
    values = ["Not Applicable", 3987077, 1.50, True, None, {"a": [1]}]
    features = [{"type": "Feature", "properties": {"v": v}, "geometry": None} for v in values]
    source = tmp_path / "in.geojson"
    source.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    report = cimkit.convert(source, tmp_path / "out.geojson", verify=True)
    again = json.loads((tmp_path / "out.geojson").read_text())
    assert [feature["properties"]["v"] for feature in again["features"]] == values
    assert report.losses == () and report.verified
    report = cimkit.convert(source, tmp_path / "out.csv", verify=True)
    assert told(report) == {("type.dropped", "v"): 1} and report.verified


# ---- geometry

MEASURED = shapely.to_wkb(shapely.from_wkt("POINT ZM (111 40 5 7)"), flavor="iso")
GEOMETRIES = [ARC, CIRCLE, shapely.Point(111, 40).wkb, MEASURED, None]


@pytest.mark.parametrize(
    ("suffix", "expected"),
    [
        (".gpkg", {}),
        (".geojson", {("geometry.curve", "geometry"): 2, ("geometry.dimension", "geometry"): 1}),
        (".csv", {("crs.dropped", None): 4, ("geometry.curve", "geometry"): 2}),
        (".parquet", {("rows.reordered", None): 5, ("geometry.curve", "geometry"): 2}),
    ],
)
def test_curves_and_measures(
    geopackage: Callable[..., Path], tmp_path: Path, suffix: str, expected: dict[Any, int]
) -> None:
    report = cimkit.convert(geopackage(GEOMETRIES), tmp_path / f"out{suffix}", verify=True)
    assert told(report) == expected
    assert report.verified is True
    if suffix == ".parquet":
        frame = geopandas.read_parquet(tmp_path / "out.parquet").set_index("n")
        assert frame.geometry[0].geom_type == "LineString" and len(frame.geometry[0].coords) == 47
        assert frame.geometry[1].geom_type == "Polygon"
        assert frame.geometry[1].area == pytest.approx(np.pi * 0.01, rel=1e-2)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_surfaces_become_multipolygons(parquet: Callable[..., Path], tmp_path: Path, suffix: str) -> None:
    source = parquet([SURFACE], n=[1], crs="EPSG:4326")
    report = cimkit.convert(source, tmp_path / f"out{suffix}", verify=True)
    assert told(report)["geometry.flattened", "geometry"] == 1
    assert report.verified is True
    if suffix in (".gpkg", ".geojson"):
        shape = pyogrio.read_dataframe(tmp_path / f"out{suffix}").geometry[0]
        assert shape.geom_type == "MultiPolygon" and len(shape.geoms) == 2 and shape.has_z


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("to_crs", [None, "EPSG:4547"])
def test_damaged_geometry_ends_only_itself(
    parquet: Callable[..., Path], tmp_path: Path, suffix: str, to_crs: str | None
) -> None:
    good = shapely.Point(114, 30).wkb
    bad = [b"", b"no wkb", good[:-1], b"\x01\x06\x00\x00\x00\x01\x00\x00\x00" + good]
    source = parquet([good, *bad, None, good], n=list(range(7)))
    report = cimkit.convert(source, tmp_path / f"out{suffix}", to_crs=to_crs, verify=True)
    assert (report.rows_read, report.rows_written) == (7, 7)
    dropped = told(report).get(("geometry.dropped", "geometry"))
    assert dropped == (None if suffix == ".parquet" and to_crs is None else 4)
    if suffix == ".parquet" and to_crs is None:
        assert geopandas.pd.read_parquet(tmp_path / "out.parquet")["geometry"].notna().sum() == 6
    elif suffix != ".csv":
        read = geopandas.read_parquet if suffix == ".parquet" else geopandas.read_file
        assert read(tmp_path / f"out{suffix}").geometry.notna().sum() == 2
    assert report.verified is True


def test_what_has_no_place_in_the_target_is_counted(parquet: Callable[..., Path], tmp_path: Path) -> None:
    source = parquet([shapely.Point(114, 30).wkb, shapely.Point(1e9, 30).wkb], n=[1, 2])
    report = cimkit.convert(source, tmp_path / "out.gpkg", to_crs="EPSG:4547", verify=True)
    assert told(report) == {("geometry.dropped", "geometry"): 1}
    assert report.verified is True


# ---- CRS


@pytest.mark.parametrize(
    ("own", "asked", "suffix", "code"),
    [
        ("EPSG:4490", None, ".geojson", "crs.relabelled"),
        ("EPSG:4326", None, ".geojson", None),
        ("EPSG:31370", None, ".geojson", "crs.reprojected"),
        (None, None, ".geojson", "crs.relabelled"),
        ("EPSG:4490", "EPSG:4547", ".geojson", None),
        ("EPSG:4490", "EPSG:4326", ".gpkg", "crs.relabelled"),
        ("EPSG:4490", "EPSG:4547", ".gpkg", None),
        ("EPSG:4326", "GCJ-02", ".gpkg", "crs.accuracy"),
        ("EPSG:4490", None, ".csv", "crs.dropped"),
        (None, None, ".csv", None),
        (None, None, ".gpkg", None),
    ],
)
def test_what_becomes_of_the_crs(
    parquet: Callable[..., Path], tmp_path: Path, own: str | None, asked: str | None, suffix: str, code: str | None
) -> None:
    place = shapely.Point(104_000, 193_000) if own == "EPSG:31370" else shapely.Point(114, 30)
    report = cimkit.convert(parquet([place.wkb], crs=own, n=[1]), tmp_path / f"out{suffix}", to_crs=asked, verify=True)
    assert [loss.code for loss in report.losses] == ([code] if code else [])
    assert report.verified is True


def test_an_offset_datum_is_not_passed_off_as_wgs84(parquet: Callable[..., Path], tmp_path: Path) -> None:
    source = parquet([shapely.Point(116.404, 39.915).wkb], crs="EPSG:4326", n=[1])
    cimkit.convert(source, tmp_path / "gcj.gpkg", to_crs="GCJ-02")
    assert cimkit.open(tmp_path / "gcj.gpkg").layer().crs.value == "GCJ-02"
    back = cimkit.convert(tmp_path / "gcj.gpkg", tmp_path / "back.geojson")
    assert [loss.code for loss in back.losses] == ["crs.reprojected"]
    point = geopandas.read_file(tmp_path / "back.geojson").geometry[0]
    assert (point.x, point.y) == pytest.approx((116.404, 39.915), abs=1e-8)


# ---- the proof


def test_renamed_columns_are_told(parquet: Callable[..., Path], tmp_path: Path) -> None:
    source = parquet(None, a=[1], A=[2], _row=[3])
    report = cimkit.convert(source, tmp_path / "out.gpkg", verify=True)
    assert {loss.field for loss in report.losses if loss.code == "name.changed"} == {"A", "_row"}
    assert report.verified is True


@pytest.fixture()
def carelessly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Makes convert write another value in a column than it should."""
    honest = conversion._write

    def make(column: str, value: str) -> None:
        def careless(con: Any, records: Any, *rest: Any) -> int:
            bad = tmp_path / "bad.parquet"
            con.execute(f"COPY (SELECT * REPLACE ({value} AS {column}) FROM '{records.path}') TO '{bad}'")
            return honest(con, replace(records, path=bad), *rest)

        monkeypatch.setattr(conversion, "_write", careless)

    return make


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".shp"])
def test_verification_sees_what_is_changed_behind_its_back(
    everything: Path, tmp_path: Path, suffix: str, carelessly: Callable[[str, str], None]
) -> None:
    carelessly("编号", "'010002'")
    report = cimkit.convert(everything, tmp_path / f"out{suffix}", verify=True)
    assert report.verified is False
    assert told(report)["value.changed", "编号"] == 3
    assert formats.open(tmp_path / f"out{suffix}")


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".shp"])
def test_verification_sees_a_geometry_that_moved(
    parquet: Callable[..., Path], tmp_path: Path, suffix: str, carelessly: Callable[[str, str], None]
) -> None:
    carelessly("geometry", "ST_AsWKB(ST_Translate(ST_GeomFromWKB(geometry), 1e-6, 0))")
    source = parquet([shapely.Point(114, 30).wkb, shapely.Point(114.5, 30).wkb], crs="EPSG:4326", n=[1, 2])
    report = cimkit.convert(source, tmp_path / f"out{suffix}", verify=True)
    assert report.verified is False
    assert told(report)["value.changed", "geometry"] == 2


def test_soundness_is_asked_of_curves_too(parquet: Callable[..., Path], tmp_path: Path) -> None:
    assert wkb.sound(pa.array([ARC[:-4], ARC])).tolist() == [False, True]
    report = cimkit.convert(parquet([ARC[:-4], ARC], n=[1, 2], crs="EPSG:4326"), tmp_path / "out.gpkg", verify=True)
    assert told(report) == {("geometry.dropped", "geometry"): 1}
