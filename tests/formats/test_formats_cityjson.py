"""CityJSON 1.0 to 2.0 and CityJSONSeq: the same layers as CityGML, from documents and from sequences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import shapely
from city_models import (
    SQUARE,
    TRANSFORM,
    UTM,
    Corner,
    Vertices,
    X,
    Y,
    block_building,
    building,
    citygml,
    cityjson,
    hint_codes,
    layer_names,
    row,
    rows,
    save,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cimkit.formats as formats
from cimkit.formats.json import stream

RECTANGLE = shapely.Polygon(SQUARE)
RIGHT = tuple((x + 10, y) for x, y in SQUARE)


def block(attributes: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    """A document of one block-shaped building."""
    vertices = Vertices()
    thing = {"type": "Building", "attributes": attributes or {}, "geometry": [vertices.block(SQUARE, 5, 14)], **members}
    return cityjson({"B1": thing}, vertices)


def one(tmp_path: Path, document: dict[str, Any], layer: str | None = None) -> dict[str, Any]:
    return row(save(tmp_path / "a.json", document), layer)


@pytest.fixture()
def valid(shared: Path) -> Any:
    """Validates a document against the schema that CityJSON 2.0 comes with."""
    folder = shared / "suites/cityjson-specs/schemas"
    schema = json.loads((folder / "cityjson.min.schema.json").read_text("utf-8"))
    return jsonschema.Draft7Validator(schema).validate


# ---- recognition ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.json", "a.city.json", "a"])
def test_a_document_is_known_by_its_members(tmp_path: Path, name: str) -> None:
    path = save(tmp_path / name, block())
    assert formats.open(path).delivery.format == "CityJSON"
    assert layer_names(path) == ["building"]


def test_a_long_document_whose_type_comes_last_is_known(tmp_path: Path) -> None:
    document = block()
    objects = {f"B{i}": document["CityObjects"]["B1"] for i in range(1500)}
    turned = {"CityObjects": objects, **{k: v for k, v in document.items() if k != "CityObjects"}}
    path = save(tmp_path / "a.json", turned)
    assert path.stat().st_size > 1 << 18
    assert formats.open(path).layer().arrow().num_rows == 1500


@pytest.mark.parametrize("name", ["a.city.jsonl", "a.jsonl", "a.json"])
def test_a_sequence_is_known_by_its_first_line(tmp_path: Path, name: str) -> None:
    path = save(tmp_path / name, sequence(block()))
    assert formats.open(path).delivery.format == "CityJSONSeq"
    assert row(path)["height_m"] == 9.0


def sequence(document: dict[str, Any]) -> list[dict[str, Any]]:
    header = {**document, "CityObjects": {}, "vertices": []}
    tops = {name: each for name, each in document["CityObjects"].items() if not each.get("parents")}
    lines = [header]
    for name in tops:
        objects = {name: document["CityObjects"][name]}
        for inner in list(objects.values()):
            objects |= {child: document["CityObjects"][child] for child in inner.get("children", [])}
        lines.append({"type": "CityJSONFeature", "id": name, "CityObjects": objects, "vertices": document["vertices"]})
    return lines


@pytest.mark.shared
def test_the_makers_of_these_tests_make_valid_cityjson(valid: Any) -> None:
    valid(block({"measuredHeight": 3}))
    with pytest.raises(jsonschema.ValidationError):
        valid({**block(), "version": "7"})


# ---- attributes -----------------------------------------------------------------------------


def test_a_block_gives_footprint_height_and_level(tmp_path: Path) -> None:
    found = one(tmp_path, block())
    assert found["geometry"].equals(RECTANGLE)
    assert (found["geometry_from"], found["lod"], found["lods"]) == ("projection of LoD 1", "1", "1")
    assert (found["height_m"], found["height_from"], found["base_elevation_m"]) == (9.0, "geometry", 5.0)
    assert (found["solids"], found["solids_closed"]) == (1, 1)


def test_attributes_keep_their_types(tmp_path: Path) -> None:
    attributes = {"n": 3, "x": 0.5, "flag": True, "text": "007", "nested": {"a": [1]}, "list": [2.0], "none": None}
    found = one(
        tmp_path, block({**attributes, "measuredHeight": 8, "storeysAboveGround": 2, "yearOfConstruction": 1990})
    )
    assert {name: found[name] for name in ("n", "x", "flag", "text", "none")} == {
        "n": 3, "x": 0.5, "flag": True, "text": "007", "none": None,
    }  # fmt: skip
    assert (found["nested"], found["list"]) == ('{"a":[1]}', "[2.0]")
    assert (found["height_m"], found["height_from"]) == (8.0, "measuredHeight")
    assert (found["floors_above"], found["year_built"]) == (2, 1990)


def test_a_column_of_mixed_types_is_json(tmp_path: Path) -> None:
    document = block({"mixed": 1})
    document["CityObjects"]["B2"] = {"type": "Building", "attributes": {"mixed": "1"}}
    found = rows(formats.open(save(tmp_path / "a.json", document)))
    assert [each["mixed"] for each in found] == ["1", '"1"']


def test_members_of_extensions_are_attributes(tmp_path: Path) -> None:
    vertices = Vertices()
    objects = {"N": {"type": "+NoiseCityFurnitureSegment", "+noise": 5, "geometry": [vertices.surface(
        [(x, y, 0.0) for x, y in SQUARE])]}}  # fmt: skip
    document = cityjson(objects, vertices, extensions={"Noise": {"url": "https://example.org", "version": "2.0"}})
    path = save(tmp_path / "a.json", document)
    found = row(path, "noise_city_furniture_segment")
    assert (found["object_class"], found["+noise"]) == ("+NoiseCityFurnitureSegment", 5)
    assert "extensions" in hint_codes(path)
    document["+census"] = {"households": 9}
    assert "extensions.left_out" in hint_codes(save(path, document))


def test_addresses_become_one_text_and_all_as_they_stand(tmp_path: Path) -> None:
    address = {"Country": "Canada", "City": "Chibougamau", "location": {"type": "MultiPoint", "boundaries": [0]}}
    found = one(tmp_path, block(address=[address]))
    assert found["address"] == "Canada Chibougamau"
    assert json.loads(found["address_members"]) == [{"Country": "Canada", "City": "Chibougamau"}]


# ---- geometry -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["MultiSolid", "CompositeSolid"])
def test_several_solids(tmp_path: Path, kind: str) -> None:
    vertices = Vertices()
    both = [vertices.block(corners, 0, 9)["boundaries"] for corners in (SQUARE, RIGHT)]
    objects = {"B1": {"type": "Building", "geometry": [{"type": kind, "lod": "2.2", "boundaries": both}]}}
    found = one(tmp_path, cityjson(objects, vertices))
    assert (found["geometry"].area, found["geometry"].geom_type) == (160, "Polygon")
    assert (found["solids"], found["solids_closed"], found["lod"]) == (2, 2, "2.2")


def test_the_meaning_of_surfaces_finds_the_ground(tmp_path: Path) -> None:
    vertices = Vertices()
    solid = vertices.block(SQUARE, 0, 9, lod="2")
    eaves = [
        (x + dx, y + dy, 9.0) for (x, y), (dx, dy) in zip(SQUARE, ((-1, -1), (1, -1), (1, 1), (-1, 1)), strict=True)
    ]
    solid["boundaries"][0].append([vertices.of(eaves)])
    kinds = [{"type": "GroundSurface"}, {"type": "RoofSurface"}, {"type": "WallSurface"}]
    solid["semantics"] = {"surfaces": kinds, "values": [[0, 1, 2, 2, 2, None, 1]]}
    found = one(tmp_path, cityjson({"B1": {"type": "Building", "geometry": [solid]}}, vertices))
    assert found["geometry"].equals(RECTANGLE)
    assert found["geometry_from"] == "GroundSurface"
    assert found["solids_closed"] == 0


@pytest.mark.parametrize("parts_first", [True, False])
@pytest.mark.parametrize("lines", [True, False], ids=["sequence", "document"])
def test_a_building_of_parts(tmp_path: Path, parts_first: bool, lines: bool) -> None:
    vertices = Vertices()
    lod0 = vertices.surface([(x, y, 0.0) for x, y in (SQUARE[0], RIGHT[1], RIGHT[2], SQUARE[3])], lod="0")
    parts = {
        name: {"type": "BuildingPart", "parents": ["B1"], "geometry": [vertices.block(corners, 0, high, lod="2.2")]}
        for name, corners, high in (("P1", SQUARE, 9), ("P2", RIGHT, 20))
    }
    whole = {"B1": {"type": "Building", "children": ["P1", "P2"], "geometry": [lod0]}}
    bare = {"B2": {"type": "Building", "children": ["P3"]}}
    last = {"P3": {**parts["P1"], "parents": ["B2"]}}
    objects = {**parts, **last, **whole, **bare} if parts_first else {**whole, **bare, **parts, **last}
    document = cityjson(objects, vertices)
    path = save(tmp_path / ("a.jsonl" if lines else "a.json"), sequence(document) if lines else document)
    found = {each["id"]: each for each in rows(formats.open(path), "building")}
    told = {
        name: (each["geometry"].area, each["geometry_from"], each["height_m"], each["lods"])
        for name, each in found.items()
    }
    assert told == {"B1": (160, "lod0", 20.0, "0,2.2"), "B2": (80, "parts", 9.0, "2.2")}
    inside = rows(formats.open(path), "building_part")
    assert {each["id"]: each["parent_id"] for each in inside} == {"P1": "B1", "P2": "B1", "P3": "B2"}


@pytest.mark.parametrize("lines", [True, False], ids=["sequence", "document"])
def test_storeys_land_with_number_elevation_and_building(tmp_path: Path, lines: bool) -> None:
    vertices = Vertices()
    storeys = {
        f"S{n}": {"type": "BuildingStorey", "parents": ["B1"], "attributes": {"sortKey": n},
                  "geometry": [vertices.block(SQUARE, 50 + 3 * n, 53 + 3 * n)]}
        for n in (-1, 1)
    }  # fmt: skip
    document = cityjson({"B1": {"type": "Building", "children": ["S-1", "S1"]}, **storeys}, vertices)
    path = save(tmp_path / ("a.jsonl" if lines else "a.json"), sequence(document) if lines else document)
    found = rows(formats.open(path), "building_storey")
    told = [[s[n] for n in ("building_id", "storey_number", "elevation_m", "storey_height_m")] for s in found]
    assert told == [["B1", -1, 47.0, 3.0], ["B1", 1, 53.0, 3.0]]


def test_templates_are_put_in_their_places(tmp_path: Path) -> None:
    own = Vertices()
    own.listed = [[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]
    template = {"type": "MultiSurface", "lod": "2", "boundaries": [[[0, 1, 2, 3]]]}
    vertices = Vertices()
    instance = {
        "type": "GeometryInstance", "template": 0, "boundaries": vertices.of([(X + 50, Y, 7)]),
        "transformationMatrix": [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 1, 0, 0, 0, 1],
    }  # fmt: skip
    templates = {"templates": [template], "vertices-templates": own.listed}
    objects = {"T": {"type": "SolitaryVegetationObject", "geometry": [instance]}}
    found = one(tmp_path, cityjson(objects, vertices, **{"geometry-templates": templates}))
    assert found["geometry"].bounds == (X + 48, Y - 2, X + 52, Y + 2)
    assert (found["base_elevation_m"], found["lod"]) == (8.0, "2")


def test_surfaces_lines_and_points(tmp_path: Path) -> None:
    vertices = Vertices()
    flat = [(x, y, 2.0) for x, y in SQUARE]
    upright: list[Corner] = [(X, Y, 2.0), (X + 10, Y, 2.0), (X + 10, Y, 0.0), (X, Y, 0.0)]
    line = {"type": "MultiLineString", "lod": "0", "boundaries": [vertices.of([(X, Y, 0), (X + 5, Y, 1)])]}
    tin = vertices.surface(flat[:3], [flat[0], *flat[2:]], kind="CompositeSurface")
    point = {"type": "MultiPoint", "lod": "1", "boundaries": vertices.of([(X, Y, 3)])}
    objects = {
        "R": {"type": "Road", "geometry": [vertices.surface(flat, upright)]},
        "W": {"type": "Waterway", "geometry": [line]},
        "F": {"type": "CityFurniture", "geometry": [point]},
        "T": {"type": "TINRelief", "geometry": [tin]},
        "G": {"type": "CityObjectGroup", "children": ["R", "W"], "children_roles": ["a", "b"]},
    }
    path = save(tmp_path / "a.json", cityjson(objects, vertices))
    assert layer_names(path) == ["road", "waterway", "city_furniture", "relief", "city_object_group"]
    texts = [shapely.to_wkt(row(path, name)["geometry"]) for name in ("waterway", "city_furniture")]
    assert texts == [f"LINESTRING Z ({X:.0f} {Y:.0f} 0, {X + 5:.0f} {Y:.0f} 1)", f"POINT Z ({X:.0f} {Y:.0f} 3)"]
    road, relief = row(path, "road")["geometry"], row(path, "relief")["geometry"]
    assert (road.geom_type, road.has_z, road.area) == ("Polygon", True, 80)
    assert (relief.geom_type, relief.has_z, len(relief.geoms)) == ("MultiPolygon", True, 2)
    assert row(path, "city_object_group")["members"] == '["R","W"]'


# ---- versions and CRS -----------------------------------------------------------------------


def test_version_1_0_with_coordinates_for_vertices_and_numbers_for_levels(tmp_path: Path) -> None:
    document = block()
    scaled = [[n * s + t for n, s, t in zip(v, TRANSFORM["scale"], TRANSFORM["translate"], strict=True)]
              for v in document["vertices"]]  # fmt: skip
    del document["transform"]
    document |= {"version": "1.0", "vertices": scaled}
    document["CityObjects"]["B1"]["geometry"][0]["lod"] = 1.2
    path = save(tmp_path / "a.json", document)
    found = row(path)
    assert found["geometry"].symmetric_difference(RECTANGLE).area < 1e-6
    assert (found["lod"], found["solids_closed"]) == ("1.2", 1)
    assert hint_codes(path) == set()


@pytest.mark.parametrize(("metadata", "expected"), [
    ({"referenceSystem": "https://www.opengis.net/def/crs/EPSG/0/7415"}, "EPSG:7415"),
    ({"referenceSystem": "http://www.opengis.net/def/crs/EPSG/6.12/3068"}, "EPSG:3068"),
    ({"referenceSystem": "urn:ogc:def:crs:EPSG::25832"}, "EPSG:25832"),
    ({"referenceSystem": "EPSG:25832"}, "EPSG:25832"),
    ({"crs": {"epsg": 25832}}, "EPSG:25832"),
    ({"referenceSystem": "urn:nobody:knows"}, None),
    ({}, None),
])  # fmt: skip
def test_the_crs_by_any_of_its_names(tmp_path: Path, metadata: dict[str, Any], expected: str | None) -> None:
    path = save(tmp_path / "a.json", {**block(), "metadata": metadata})
    assert formats.open(path).layer().crs.value == expected


def test_northing_first_is_turned_where_only_that_lies_in_the_area(tmp_path: Path) -> None:
    document = block()
    document["vertices"] = [[y, x, z] for x, y, z in document["vertices"]]
    document["transform"] = {"scale": [0.001] * 3, "translate": [Y, X, 0]}
    path = save(tmp_path / "a.json", document)
    assert row(path)["geometry"].equals(RECTANGLE)
    assert "crs.axis_order" in hint_codes(path)


def test_colours_and_textures_are_told(tmp_path: Path) -> None:
    assert "appearance.left_out" in hint_codes(
        save(tmp_path / "a.json", {**block(), "appearance": {"materials": [{}]}})
    )


def test_an_empty_document_has_no_layers(tmp_path: Path) -> None:
    assert formats.open(save(tmp_path / "a.json", cityjson({}, Vertices()))).layers == ()


# ---- the same from each format --------------------------------------------------------------


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(*(st.integers(1, 40_000),) * 3, st.integers(-5000, 5000)), min_size=1, max_size=4))
def test_three_formats_say_the_same(tmp_path: Path, sizes: list[tuple[int, int, int, int]]) -> None:
    vertices, objects, members = Vertices(), {}, []
    for number, (width, depth, height, base) in enumerate(sizes):
        left, low, high = X + 100 * number, base / 1000, (base + height) / 1000
        corners = [
            (left, Y),
            (left + width / 1000, Y),
            (left + width / 1000, Y + depth / 1000),
            (left, Y + depth / 1000),
        ]
        objects[f"B{number}"] = {"type": "Building", "geometry": [vertices.block(corners, low, high)]}
        members.append(block_building(f"B{number}", corners, low, high))
    document = cityjson(objects, vertices, metadata={"referenceSystem": UTM})
    paths = [
        save(tmp_path / "a.gml", citygml(*members)),
        save(tmp_path / "a.json", document),
        save(tmp_path / "a.jsonl", sequence(document)),
    ]
    first, *others = (rows(formats.open(path)) for path in paths)
    for other in others:
        for one_, same in zip(first, other, strict=True):
            assert {n: one_[n] for n in ("id", "lods", "geometry_from", "solids")} == {
                n: same[n] for n in ("id", "lods", "geometry_from", "solids")
            }
            assert one_["height_m"] == pytest.approx(same["height_m"], abs=1e-6)
            assert one_["base_elevation_m"] == pytest.approx(same["base_elevation_m"], abs=1e-6)
            assert one_["geometry"].area == pytest.approx(same["geometry"].area, rel=1e-6)
    assert [list(formats.open(path).layer().schema.names) for path in paths[1:]] == [
        formats.open(paths[0]).layer().schema.names
    ] * 2


def test_classes_have_the_same_layers_in_both(tmp_path: Path) -> None:
    pairs = {
        "bldg:Room": "BuildingRoom", "tran:Square": "TransportSquare", "dem:TINRelief": "TINRelief",
        "brid:BridgeConstructionElement": "BridgeConstructiveElement", "gen:GenericCityObject": "GenericCityObject",
        "veg:PlantCover": "PlantCover", "tran:Road": "Road", "grp:CityObjectGroup": "CityObjectGroup",
        "bldg:IntBuildingInstallation": "BuildingInstallation", "brid:BridgeRoom": "BridgeRoom",
    }  # fmt: skip
    gml = save(tmp_path / "a.gml", citygml(*(building("", f"X{i}", kind) for i, kind in enumerate(pairs))))
    objects = {f"X{i}": {"type": kind} for i, kind in enumerate(pairs.values())}
    assert layer_names(gml) == layer_names(save(tmp_path / "a.json", cityjson(objects, Vertices())))


# ---- reading piece by piece -----------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-1, 1) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.text(max_size=4), VALUES, max_size=4),
    st.dictionaries(st.text(max_size=4), VALUES, max_size=5),
    st.lists(st.lists(st.integers() | st.floats(-1e9, 1e9), max_size=3), max_size=9),
    st.sampled_from([None, 0, 2]),
)
def test_members_one_by_one_are_the_document(
    tmp_path: Path, others: dict[str, Any], entries: dict[str, Any], items: list[Any], indent: int | None
) -> None:
    document = {**others, "entries": entries, "items": items}
    path = save(tmp_path / "a.json", json.dumps(document, indent=indent))
    read: dict[str, Any] = {"entries": {}, "items": []}
    for member, key, value in stream.members(path, entries=("entries",), chunks=("items",)):
        if member == "entries":
            read["entries"][key] = value
        elif member == "items":
            read["items"] += value
        else:
            read[member] = value
    assert read == document


def test_long_arrays_come_in_pieces(tmp_path: Path) -> None:
    items = [[i, i / 7, -i] for i in range(60_000)]
    path = save(tmp_path / "a.json", {"items": items, "last": 1})
    pieces = [value for member, _, value in stream.members(path, chunks=("items",)) if member == "items"]
    assert len(pieces) > 3
    assert [item for piece in pieces for item in piece] == items
