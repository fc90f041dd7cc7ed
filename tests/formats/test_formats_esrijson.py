"""ESRI JSON: answers that are cut or broken first, then types, geometry and what a service says of itself."""

from __future__ import annotations

import datetime
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely

import cimkit.formats as formats
from cimkit.errors import SourceError

SQUARE = [[0, 0], [0, 10], [10, 10], [10, 0], [0, 0]]
HOLE = [[2, 2], [4, 2], [4, 4], [2, 2]]
FAR = [[20, 20], [20, 30], [30, 30], [20, 20]]
KINDS = {
    "type": "codedValue",
    "name": "kinds",
    "codedValues": [{"name": "住宅", "code": 1}, {"name": "商业", "code": 2}],
}
FIELDS = [
    {"name": "OBJECTID", "type": "esriFieldTypeOID", "alias": "OBJECTID"},
    {"name": "HGT", "type": "esriFieldTypeDouble", "alias": "高度"},
    {"name": "D", "type": "esriFieldTypeDate"},
    {"name": "T", "type": "esriFieldTypeSmallInteger", "domain": KINDS},
    {"name": "CODE", "type": "esriFieldTypeString", "length": 6},
]


def answer(path: Path, features: list[Any], kind: str | None = "esriGeometryPolygon", **members: Any) -> Path:
    document = {
        "spatialReference": {"wkid": 102100, "latestWkid": 3857},
        "fields": FIELDS,
        "features": features,
        **members,
    }
    if kind:
        document["geometryType"] = kind
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return path


def feature(geometry: Any = None, **attributes: Any) -> dict[str, Any]:
    return {"attributes": {"OBJECTID": 1} | attributes, "geometry": geometry}


def rows(layer: formats.Layer) -> list[dict[str, Any]]:
    read = layer.arrow().to_pylist()
    return [{**row, "geometry": row["geometry"] and shapely.from_wkb(row["geometry"]).wkt} for row in read]


def hints(layer: formats.Layer) -> dict[str, str]:
    with layer.stream() as stream:
        list(stream.batches)
        return {hint.code: hint.message for hint in stream.hints}


@pytest.mark.parametrize("where", ["top", "properties"])
def test_an_answer_that_the_service_cut_is_told_loudly(tmp_path: Path, where: str) -> None:
    flag = {"exceededTransferLimit": True}
    path = answer(tmp_path / "x.json", [feature()], **(flag if where == "top" else {"properties": flag}))
    assert "INCOMPLETE" in hints(formats.open(path).layer())["records.incomplete"]
    whole = answer(tmp_path / "x.json", [feature()], exceededTransferLimit=False)
    assert "records.incomplete" not in hints(formats.open(whole).layer())


def test_a_cut_file_and_features_that_are_none(tmp_path: Path) -> None:
    path = answer(tmp_path / "x.json", [feature({"rings": [SQUARE]}, CODE="010")] * 50)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(SourceError, match="not JSON"):
        formats.open(path).layer().arrow()
    with pytest.raises(SourceError, match=r"Feature 1 .* no object"):
        formats.open(answer(tmp_path / "x.json", [feature(), {"attributes": [1]}])).layer().arrow()


@pytest.mark.parametrize(
    "geometry", [{"rings": [[["a", 1], [2, 3], [4, 5]]]}, {"blob": 1}, {"curvePaths": [[{"c": [[1, 1], [2, 2]]}]]}]
)
def test_geometry_that_cannot_be_built_is_told(tmp_path: Path, geometry: Any) -> None:
    layer = formats.open(answer(tmp_path / "x.json", [feature({"rings": [SQUARE]}), feature(geometry)])).layer()
    assert [row["geometry"] is None for row in rows(layer)] == [False, True]
    assert "feature 1" in hints(layer)["geometry.unbuilt"]


def test_types_dates_zeros_and_the_id(tmp_path: Path) -> None:
    path = answer(
        tmp_path / "x.json",
        [feature(None, HGT=3, D=1577872800123, T=1, CODE="010"), {"attributes": {"OBJECTID": 2, "D": -1, "new": [1]}}],
    )
    layer = formats.open(path).layer()
    first, second = rows(layer)
    when = datetime.datetime(2020, 1, 1, 10, 0, 0, 123000, datetime.UTC)
    assert (first["HGT"], first["D"], first["T"], first["CODE"], first["_fid"]) == (3.0, when, 1, "010", "1")
    assert (second["HGT"], second["new"], second["_fid"]) == (None, "[1]", "2")
    assert str(layer.schema.field("D").type) == "timestamp[ms, tz=UTC]"
    assert layer.text_cells is False


def test_values_of_another_type_than_declared_stay_what_they_are(tmp_path: Path) -> None:
    layer = formats.open(answer(tmp_path / "x.json", [feature(None, T="x", HGT=1.5), feature(None, T=1)])).layer()
    assert layer.arrow()["T"].to_pylist() == ['"x"', "1"]
    assert "esriFieldTypeSmallInteger" in hints(layer)["values.other_type"]


def test_aliases_and_domains_are_told(tmp_path: Path) -> None:
    told = hints(formats.open(answer(tmp_path / "x.json", [feature()])).layer())
    assert "'HGT' is '高度'" in told["fields.aliases"] and "OBJECTID" not in told["fields.aliases"]
    assert "'T' has the domain 'kinds': 1 = 住宅, 2 = 商业" in told["fields.domain"]


def test_rings_holes_and_parts_as_gdal_builds_them(tmp_path: Path) -> None:
    rings = [[SQUARE, HOLE], [SQUARE, FAR], [FAR, HOLE, SQUARE], [SQUARE[::-1], HOLE[::-1]]]
    path = answer(tmp_path / "x.json", [feature({"rings": each}, OBJECTID=n) for n, each in enumerate(rings)])
    read = formats.open(path).layer().to_geopandas().geometry
    judge = pyogrio.read_dataframe(path).geometry
    assert shapely.equals(read.values, judge.values).all()
    assert [len(getattr(shape, "geoms", [shape])) for shape in read] == [1, 2, 2, 1]


def test_points_lines_and_nothing(tmp_path: Path) -> None:
    shapes = [
        ({"x": 1, "y": 2}, "POINT (1 2)"),
        ({"x": 1, "y": 2, "z": 3}, "POINT Z (1 2 3)"),
        ({"x": "NaN", "y": "NaN"}, None),
        ({"x": None}, None),
        ({"points": [[1, 2], [3, 4]]}, "MULTIPOINT (1 2, 3 4)"),
        ({"paths": [[[0, 0], [1, 1]]]}, "LINESTRING (0 0, 1 1)"),
        ({"paths": [[[0, 0], [1, 1]], [[2, 2], [3, 3]]]}, "MULTILINESTRING ((0 0, 1 1), (2 2, 3 3))"),
        ({"hasZ": True, "paths": [[[0, 0, 5], [1, 1, None]]]}, "LINESTRING Z (0 0 5, 1 1 0)"),
        ({"hasM": True, "paths": [[[0, 0, 5], [1, 1, 6]]]}, "LINESTRING (0 0, 1 1)"),
        ({"paths": []}, None),
        ({"rings": []}, None),
        ({"xmin": 0, "ymin": 0, "xmax": 1, "ymax": 2}, "POLYGON ((1 0, 1 2, 0 2, 0 0, 1 0))"),
        (None, None),
    ]
    layer = formats.open(answer(tmp_path / "x.json", [feature(geometry) for geometry, _ in shapes])).layer()
    assert [row["geometry"] for row in rows(layer)] == [wkt and shapely.from_wkt(wkt).wkt for _, wkt in shapes]
    assert "1 geometries" in hints(layer)["geometry.measures"]


@pytest.mark.parametrize(
    "ring",
    [
        [[-5, 0], {"c": [[5, 0], [0, 5]]}, {"c": [[-5, 0], [0, -5]]}],
        [[-5, 0], {"a": [[5, 0], [0, 0], 1, 1]}, {"a": [[-5, 0], [0, 0], 1, 1]}],
        [[-5, 0], {"a": [[-5, 0], [0, 0], 0, 0, 0.5, 5, 1]}],
    ],
)
def test_arcs_lie_on_their_circle(tmp_path: Path, ring: Any) -> None:
    layer = formats.open(answer(tmp_path / "x.json", [feature({"curveRings": [ring]})])).layer()
    shape = layer.to_geopandas().geometry.iloc[0]
    assert shape.area == pytest.approx(math.pi * 25, rel=2e-3)
    assert np.hypot(*shape.exterior.coords.xy) == pytest.approx(5)
    assert "1 geometries" in hints(layer)["geometry.linearised"]


def test_an_ellipse_and_a_bezier_curve(tmp_path: Path) -> None:
    ellipse = [[-6, 0], {"a": [[-6, 0], [0, 0], 0, 1, 0, 6, 0.5]}]
    bezier = [[0, 0], {"b": [[4, 0], [0, 4], [4, 4]]}]
    path = answer(tmp_path / "x.json", [feature({"curveRings": [ellipse]}), feature({"curvePaths": [bezier]})])
    first, second = formats.open(path).layer().to_geopandas().geometry
    assert first.area == pytest.approx(math.pi * 6 * 3, rel=2e-3)
    assert second.interpolate(0.5, normalized=True).coords[0] == pytest.approx((2, 3), abs=1e-6)
    assert second.coords[-1] == (4, 0)


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ({"wkid": 4490}, "EPSG:4490"),
        ({"wkid": 102100, "latestWkid": 3857}, "EPSG:3857"),
        ({"wkid": 102008}, "ESRI:102008"),
        ({"wkid": 4547, "vcsWkid": 5737}, "EPSG:4547+5737"),
        ({"wkid": 999999}, None),
        ({}, None),
    ],
)
def test_the_crs(tmp_path: Path, reference: Any, found: str | None) -> None:
    path = answer(tmp_path / "x.json", [feature({"rings": [SQUARE]})], spatialReference=reference)
    assert formats.open(path).layer().crs.value == found


def test_a_wkt_reference(tmp_path: Path) -> None:
    import pyproj

    wkt = pyproj.CRS.from_epsg(4547).to_wkt("WKT1_ESRI")
    path = answer(tmp_path / "x.json", [feature({"rings": [SQUARE]})], spatialReference={"wkt": wkt})
    assert formats.open(path).layer().crs.value == "EPSG:4547"


def test_a_table_and_an_empty_answer(tmp_path: Path) -> None:
    table = formats.open(answer(tmp_path / "x.json", [{"attributes": {"OBJECTID": 1}}], None)).layer()
    assert "geometry" not in table.schema.names
    empty = formats.open(answer(tmp_path / "x.json", [])).layer()
    assert empty.arrow().num_rows == 0 and empty.schema.names[:2] == ["OBJECTID", "HGT"]


def test_a_long_answer_is_known_by_its_beginning(tmp_path: Path) -> None:
    features = [feature({"rings": [SQUARE]}, CODE="x" * 200) for _ in range(3000)]
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"features": features, "fields": FIELDS, "spatialReference": {"wkid": 4490}}))
    dataset = formats.open(path)
    assert dataset.delivery.format == "ESRI JSON"
    assert [batch.num_rows for batch in dataset.layer().batches(2000)] == [2000, 1000]


def test_plain_json_with_features_is_no_feature_set(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"features": [{"name": "a"}], "fields": 1}')
    assert formats.open(tmp_path / "x.json").delivery.format == "JSON"
