"""TopoJSON: broken topologies first, then shared arcs, objects and values; GDAL is the judge of shapes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyogrio
import pytest
import shapely

import cimkit.formats as formats
from cimkit.errors import SourceError

#: Two squares side by side that share the arc 0.
ARCS = [[[1, 0], [1, 1]], [[1, 1], [0, 1], [0, 0], [1, 0]], [[1, 0], [2, 0], [2, 1], [1, 1]]]
LEFT, RIGHT = [[0, 1]], [[2, -1]]


def topology(path: Path, geometries: list[Any], arcs: Any = None, **members: Any) -> Path:
    objects = {"区": {"type": "GeometryCollection", "geometries": geometries}}
    document = {"type": "Topology", "objects": objects, "arcs": ARCS if arcs is None else arcs, **members}
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return path


def polygon(arcs: Any, properties: Any = None, **members: Any) -> dict[str, Any]:
    return {"type": "Polygon", "arcs": arcs, "properties": properties, **members}


def rows(layer: formats.Layer) -> list[dict[str, Any]]:
    read = layer.arrow().to_pylist()
    return [{**row, "geometry": row["geometry"] and shapely.from_wkb(row["geometry"]).wkt} for row in read]


@pytest.mark.parametrize(
    ("geometry", "said"),
    [
        (polygon([[9]]), "no arc 9"),
        (polygon([[-9]]), "no arc -9"),
        (polygon([["a"]]), "no arc a"),
        (polygon(None), "has no arcs"),
        ({"type": "Blob"}, "'Blob' is no kind"),
        ({"type": "Point", "coordinates": []}, "positions"),
        ("text", "no geometry"),
    ],
)
def test_a_broken_topology_is_no_layer(tmp_path: Path, geometry: Any, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        formats.open(topology(tmp_path / "x.json", [geometry])).layer().arrow()


def test_a_cut_file(tmp_path: Path) -> None:
    path = topology(tmp_path / "x.topojson", [polygon(LEFT)] * 50)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(SourceError, match="not JSON"):
        formats.open(path)


def test_collections_nested_too_deeply(tmp_path: Path) -> None:
    nested: dict[str, Any] = {"type": "Point", "coordinates": [1, 2]}
    for _ in range(40):
        nested = {"type": "GeometryCollection", "geometries": [nested]}
    with pytest.raises(SourceError, match="too deeply"):
        formats.open(topology(tmp_path / "x.json", [nested])).layer().arrow()


@pytest.mark.parametrize("late", [False, True])
def test_quantized_and_plain_arcs_are_the_same(tmp_path: Path, late: bool) -> None:
    plain = topology(tmp_path / "a.json", [polygon(LEFT), polygon(RIGHT)])
    steps = [
        [[100, 0], [0, 100]],
        [[100, 100], [-100, 0], [0, -100], [100, 0]],
        [[100, 0], [100, 0], [0, 100], [-100, 0]],
    ]
    transform = {"scale": [0.01, 0.01], "translate": [0, 0]}
    quantized = topology(tmp_path / "b.json", [polygon(LEFT), polygon(RIGHT)], steps, transform=transform)
    if not late:  # the transform may stand before or behind what it is for
        document = json.loads(quantized.read_text())
        quantized.write_text(json.dumps({"type": "Topology", "transform": document.pop("transform"), **document}))
    assert rows(formats.open(plain).layer()) == rows(formats.open(quantized).layer())
    judge = pyogrio.read_dataframe(quantized)
    assert [row["geometry"] for row in rows(formats.open(quantized).layer())] == judge.geometry.to_wkt().tolist()


def test_properties_ids_and_features_without_geometry(tmp_path: Path) -> None:
    geometries = [
        polygon(LEFT, {"名": "甲", "n": 2**53 + 1, "o": {"a": [1]}, "code": "010", "b": True}, id="a1"),
        {"type": None, "properties": {"名": None, "b": False}, "id": 7},
    ]
    path = topology(tmp_path / "x.json", geometries)
    assert rows(formats.open(path).layer()) == [
        {"名": "甲", "n": 2**53 + 1, "o": '{"a":[1]}', "code": "010", "b": True, "id": "a1",
         "geometry": "POLYGON ((1 0, 1 1, 0 1, 0 0, 1 0))", "_fid": "a1"},
        {"名": None, "n": None, "o": None, "code": None, "b": False, "id": "7", "geometry": None, "_fid": "7"},
    ]  # fmt: skip
    assert len(pyogrio.read_dataframe(path)) == 1  # GDAL drops the second


def test_an_id_beside_a_property_of_that_name(tmp_path: Path) -> None:
    path = topology(tmp_path / "x.json", [polygon(LEFT, {"id": 5}, id="f")])
    (row,) = rows(formats.open(path).layer())
    assert (row["id"], row["_fid"]) == (5, "f")


def test_every_object_is_a_layer(tmp_path: Path) -> None:
    path = topology(tmp_path / "x.json", [polygon(LEFT)])
    document = json.loads(path.read_text())
    document["objects"]["点"] = {"type": "Point", "coordinates": [3, 4], "properties": {"k": 1}}
    document["objects"]["空"] = {"type": "GeometryCollection", "geometries": []}
    path.write_text(json.dumps(document))
    dataset = formats.open(path)
    assert [layer.name for layer in dataset.layers] == ["区", "点", "空"]
    assert rows(dataset.layer("点")) == [{"k": 1, "geometry": "POINT (3 4)", "_fid": None}]
    assert dataset.layer("空").arrow().num_rows == 0


def test_kinds_of_geometry(tmp_path: Path) -> None:
    geometries = [
        {"type": "LineString", "arcs": [0]},
        {"type": "MultiLineString", "arcs": [[0], [1, 2]]},
        {"type": "MultiPolygon", "arcs": [LEFT, RIGHT]},
        {"type": "MultiPoint", "coordinates": [[1, 2], [3, 4]]},
        {"type": "GeometryCollection", "geometries": [{"type": "LineString", "arcs": [-1]}], "properties": {}},
    ]
    layer = formats.open(topology(tmp_path / "x.json", geometries)).layer()
    assert [row["geometry"] for row in rows(layer)] == [
        "LINESTRING (1 0, 1 1)",
        "MULTILINESTRING ((1 0, 1 1), (1 1, 0 1, 0 0, 1 0, 2 0, 2 1, 1 1))",
        "MULTIPOLYGON (((1 0, 1 1, 0 1, 0 0, 1 0)), ((1 0, 2 0, 2 1, 1 1, 1 0)))",
        shapely.MultiPoint([(1, 2), (3, 4)]).wkt,
        "GEOMETRYCOLLECTION (LINESTRING (1 1, 1 0))",
    ]
    assert [batch.num_rows for batch in layer.batches(2)] == [2, 2, 1]


def test_the_crs_is_not_guessed_where_coordinates_are_no_degrees(tmp_path: Path) -> None:
    degrees = formats.open(topology(tmp_path / "x.json", [polygon(LEFT)])).layer().crs
    assert (degrees.value, degrees.confidence) == ("EPSG:4326", 0.7)
    big = [[[x * 1000, y * 1000] for x, y in arc] for arc in ARCS]
    assert formats.open(topology(tmp_path / "x.json", [polygon(LEFT)], big)).layer().crs.value is None
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4547"}}
    assert formats.open(topology(tmp_path / "x.json", [polygon(LEFT)], big, crs=crs)).layer().crs.value == "EPSG:4547"
