"""IFC models: what is damaged or no IFC; records, numbers and footprints against the STEP text they were made of."""

from __future__ import annotations

import gc
import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from formats_ifc import Model, house

import cimkit.formats as formats
from cimkit.errors import SourceError
from cimkit.formats.columns import JSON_MARK
from cimkit.formats.models import ifc_model, ifc_shapes, ifc_tessellate


def rows(path: Path, layer: str, **wishes: Any) -> list[dict[str, Any]]:
    return formats.open(path, **wishes).layer(layer).to_geopandas().to_dict("records")  # type: ignore[return-value]


def codes(path: Path) -> set[str]:
    (asset,) = formats.open(path).assets
    return {hint.code for hint in asset.hints}


# ---- what must fail ---------------------------------------------------------------------


def test_a_cut_model_is_refused_though_the_library_opens_it(tmp_path: Path) -> None:
    import ifcopenshell

    path = house(tmp_path / "m.ifc")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert ifcopenshell.open(path).by_type("IfcBuilding")  # in silence
    with pytest.raises(SourceError, match="is cut off: it does not end with END-ISO-10303-21"):
        formats.open(path)
    path.write_bytes(data[:-20])
    with pytest.raises(SourceError, match="is cut off"):
        formats.open(path)


def test_salvage_reads_what_is_there_and_says_what_is_not(tmp_path: Path) -> None:
    path = house(tmp_path / "m.ifc")
    text = path.read_text()
    path.write_text(text[: text.index("IFCELEMENTQUANTITY")])
    layer = formats.open(path, salvage=True).layer("space")
    with layer.stream() as stream:
        assert sum(batch.num_rows for batch in stream.batches) == 2
    assert (stream.rejected[0].place, stream.rejected[0].reason) == (
        f"byte {path.stat().st_size}", "the file is cut off",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ("AUTOMOTIVE_DESIGN", "STEP of the schema AUTOMOTIVE_DESIGN, no IFC model"),
        ("IFC9", "of the schema IFC9, which is not read"),
        ("IFC2X2_FINAL", "of the schema IFC2X2_FINAL"),
    ],
)
def test_other_schemas_are_called_by_name(tmp_path: Path, schema: str, why: str) -> None:
    path = house(tmp_path / "m.ifc")
    path.write_text(path.read_text().replace("'IFC4'", f"'{schema}'"))
    with pytest.raises(SourceError, match=why) as caught:
        formats.open(path)
    assert caught.value.hint


def test_step_without_a_schema(tmp_path: Path) -> None:
    path = tmp_path / "m.ifc"
    path.write_text("ISO-10303-21;\nHEADER;\nENDSEC;\nDATA;\nENDSEC;\nEND-ISO-10303-21;\n")
    with pytest.raises(SourceError, match="STEP without a schema"):
        formats.open(path)


def test_ifcxml_is_refused_with_advice(tmp_path: Path) -> None:
    path = tmp_path / "m.ifcxml"
    path.write_text('<?xml version="1.0"?><ifcXML xmlns="http://www.buildingsmart-tech.org/ifcXML/IFC4/final"/>')
    with pytest.raises(SourceError, match="IFC model as XML") as caught:
        formats.open(path)
    assert caught.value.hint == "Export it as .ifc (STEP) from the program that made it."


def test_without_the_extra_the_error_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = house(tmp_path / "m.ifc")
    monkeypatch.setitem(sys.modules, "ifcopenshell", None)
    with pytest.raises(SourceError) as caught:
        formats.open(path)
    assert caught.value.hint == "pip install 'cimkit[ifc]'"


def test_a_model_that_fills_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ifc_model, "MOST_BYTES", 1000)
    with pytest.raises(SourceError, match="eight times as much memory"):
        formats.open(house(tmp_path / "m.ifc"))


def test_a_placement_in_a_circle_would_end_the_process(tmp_path: Path) -> None:
    path = house(tmp_path / "m.ifc")
    text = path.read_text()
    path.write_text(re.sub(r"(#\d+)=IFCLOCALPLACEMENT\(\$,", r"\1=IFCLOCALPLACEMENT(\1,", text, count=1))
    with pytest.raises(SourceError, match=r"IfcLocalPlacement #\d+ is made of itself"):
        formats.open(path)


def test_a_shape_that_holds_itself_would_too(tmp_path: Path) -> None:
    model = Model()
    storey = model.storey(model.building(), "1", 0.0)
    point = model.add("IFCCARTESIANPOINT((0.,0.,0.))")
    origin = model.add(f"IFCAXIS2PLACEMENT3D({point},$,$)")
    target = model.add(f"IFCCARTESIANTRANSFORMATIONOPERATOR3D($,$,{point},$,$)")
    item = f"#{len(model.lines) + 3}"
    shape = model.add(f"IFCSHAPEREPRESENTATION({model.context},'Body','MappedRepresentation',({item}))")
    whole = model.add(f"IFCREPRESENTATIONMAP({origin},{shape})")
    assert model.add(f"IFCMAPPEDITEM({whole},{target})") == item
    model.wall(storey, "W", 0.0, 0.0, model.add(f"IFCPRODUCTDEFINITIONSHAPE($,$,({shape}))"))
    with pytest.raises(SourceError, match="is made of itself"):
        formats.open(model.write(tmp_path / "m.ifc"))


def test_placements_nested_without_end(tmp_path: Path) -> None:
    model = Model()
    place = model.site_place
    for _ in range(600):
        place = model.placed(within=place)
    with pytest.raises(SourceError, match="nested more than 500 deep"):
        formats.open(model.write(tmp_path / "m.ifc"))


def test_a_placement_that_is_none(tmp_path: Path) -> None:
    path = house(tmp_path / "m.ifc")
    path.write_text(re.sub(r"(IFCWALL\('\d+',\$,'[^']*',\$,\$,)#\d+", r"\1#1", path.read_text(), count=1))
    assert "ifc.placement" in codes(path)
    assert len(rows(path, "element")) == 5


def test_a_shape_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    path = house(tmp_path / "m.ifc")
    text = path.read_text()
    path.write_text(re.sub(r"(IFCEXTRUDEDAREASOLID\(#\d+,#\d+,#\d+,)[0-9.]+", r"\1'high'", text))
    layer = formats.inspect(path, layer="element")["layers"][0]
    assert {"ifc.shapes", "geometry.missing"} <= {hint["code"] for hint in layer["hints"]}


@pytest.mark.parametrize("garbage", [b"\x01((((('" * 200, b"\xff\0'("], ids=["long", "bytes"])
def test_broken_syntax(tmp_path: Path, garbage: bytes) -> None:
    """An open quote swallows what follows, of which the library says little."""
    path = house(tmp_path / "m.ifc")
    data = path.read_bytes()
    path.write_bytes(data[:2000] + garbage + data[2000:])
    with pytest.raises(SourceError, match=r"is damaged: \d+ of 138 entities|cannot be read as IFC"):
        formats.open(path)
    with formats.open(path, salvage=True).layer("site").stream() as stream:
        assert stream.rejected


def test_two_entities_of_one_number(tmp_path: Path) -> None:
    path = house(tmp_path / "m.ifc")
    text = path.read_text()
    wall = re.search(r"(#\d+)=IFCWALL", text)
    assert wall
    path.write_text(text.replace(f"{wall.group(1)}=IFCWALL", "#1=IFCWALL", 1))
    assert "ifc.dropped" in codes(path)


def test_entities_that_the_library_drops_are_told(tmp_path: Path) -> None:
    path = house(tmp_path / "m.ifc")
    path.write_text(path.read_text().replace("IFCWALL(", "IFCSOMETHING(", 1))
    assert codes(path) >= {"ifc.dropped"}
    found = formats.inspect(path)
    assert all("ifc.dropped" in {hint["code"] for hint in layer["hints"]} for layer in found["layers"])
    with formats.open(path).layer("space").stream() as stream:
        assert stream.rejected == []
    with formats.open(path, salvage=True).layer("space").stream() as stream:
        assert "IFCSOMETHING" in stream.rejected[0].reason and stream.rejected[0].place.startswith("byte ")


def test_numbers_that_are_none(tmp_path: Path) -> None:
    path = house(tmp_path / "m.ifc")
    path.write_text(re.sub(r"\.ELEMENT\.,3\.0\)", ".ELEMENT.,'three')", path.read_text()))
    storeys = rows(path, "building_storey")
    assert [row["elevation_m"] for row in storeys] == [-3, 0, 3, 6]  # the placement says it too


def test_a_model_of_nothing(tmp_path: Path) -> None:
    path = tmp_path / "m.ifc"
    text = Model().text
    path.write_text(text[: text.index("DATA;")] + "DATA;\nENDSEC;\nEND-ISO-10303-21;\n")
    assert formats.open(path).layers == () and codes(path) == {"crs.local", "ifc.no_products"}


# ---- text -------------------------------------------------------------------------------


@pytest.mark.parametrize(("encoding", "found"), [("ascii", "UTF-8"), ("utf-8", "UTF-8"), ("gb18030", "GB18030")])
def test_names_in_any_encoding(tmp_path: Path, encoding: str, found: str) -> None:
    """ISO 10303-21 asks for escapes; many programs write the bytes of their own encoding, which the library drops."""
    path = house(tmp_path / "模型.ifc", encoding=encoding, names_as_they_are=encoding != "ascii")
    storeys = rows(path, "building_storey")
    assert [row["name"] for row in storeys] == ["地下室", "一层", "二层", "屋面"]
    assert formats.open(path).layer("element").encoding.value == found
    values = [value for value in formats.open(path).layer("element").arrow()["properties"].to_pylist() if value]
    assert json.loads(values[0])["Pset_WallCommon"]["厚度"] == 0.3


def test_a_given_encoding_decides(tmp_path: Path) -> None:
    model = Model(names_as_they_are=True)
    model.building("市政府大樓")
    path = model.write(tmp_path / "m.ifc", "big5")
    (row,) = rows(path, "building", encoding="Big5")
    assert row["name"] == "市政府大樓" and formats.open(path, encoding="Big5").layer("building").encoding.how == "given"


def test_rare_characters(tmp_path: Path) -> None:
    model = Model(names_as_they_are=True)
    model.building("𬱖家楼 \\X2\\4E00\\X0\\")
    (row,) = rows(model.write(tmp_path / "m.ifc", "gb18030"), "building", encoding="GB18030")
    assert row["name"] == "𬱖家楼 一"


# ---- records ----------------------------------------------------------------------------


@pytest.mark.parametrize("schema", ["IFC2X3", "IFC4", "IFC4X3_ADD2", "IFC4X3", "IFC4_ADD2", "IFC2X3_TC1"])
def test_the_layers_of_every_schema(tmp_path: Path, schema: str) -> None:
    path = house(tmp_path / "m.ifc", schema)
    counts = {layer.name: layer.arrow().num_rows for layer in formats.open(path).layers}
    assert counts == {"site": 1, "building": 1, "building_storey": 4, "space": 2, "element": 5}
    assert ("ifc.schema" in codes(path)) is (schema not in ("IFC2X3", "IFC4", "IFC4X3_ADD2"))
    (asset,) = formats.open(path).assets
    assert asset.about["schema"] == schema and asset.about["classes"]["IfcSlab"] == 3


@pytest.mark.parametrize(
    ("options", "per_metre"),
    [({}, 1.0), ({"prefix": ".MILLI."}, 1000.0), ({"foot": True}, 1 / 0.3048)],
    ids=["metre", "millimetre", "foot"],
)
def test_every_number_is_in_metres(tmp_path: Path, options: dict[str, Any], per_metre: float) -> None:
    path = house(tmp_path / "m.ifc", per_metre=per_metre, **options)
    storeys = rows(path, "building_storey")
    assert [row["elevation_m"] for row in storeys] == pytest.approx([-3, 0, 3, 6])
    assert [row["storey_height_m"] for row in storeys[:3]] == pytest.approx([3, 3, 3])
    assert [row["storey_number"] for row in storeys] == [-1, 1, 2, 3]
    assert [row["geometry"].area for row in storeys] == pytest.approx([40, 80, 69.56, 99], abs=0.01)
    (building,) = rows(path, "building")
    assert (building["height_m"], building["height_how"]) == (pytest.approx(6.3, abs=1e-3), "shapes")
    assert building["geometry"].area == pytest.approx(10 * 0.3 + 9.4 * 7.4, abs=0.01)
    assert building["geometry"].bounds == pytest.approx((0, 0, 10, 7.7), abs=1e-3)
    first, second = rows(path, "space")
    assert (first["area_m2"], first["area_how"]) == (69.5, "quantity")
    assert (second["area_m2"], second["area_how"]) == (pytest.approx(69.56, abs=0.01), "footprint")
    slab = next(row for row in rows(path, "element") if row["predefined_type"] == "ROOF")
    assert slab["geometry"].bounds == pytest.approx((-0.5, -0.5, 10.5, 8.5), abs=1e-3)


def test_who_belongs_to_whom(tmp_path: Path) -> None:
    path = house(tmp_path / "m.ifc")
    (site,), (building,) = rows(path, "site"), rows(path, "building")
    storeys, spaces = rows(path, "building_storey"), rows(path, "space")
    assert building["parent_id"] == site["id"] and {row["parent_id"] for row in storeys} == {building["id"]}
    assert {row["building_id"] for row in storeys} == {building["id"]}
    assert [(row["number"], row["name"], row["storey"]) for row in spaces] == [
        ("101", "客厅", "一层"), ("201", "卧室", "二层"),
    ]  # fmt: skip
    assert [row["storey_id"] for row in spaces] == [storeys[1]["id"], storeys[2]["id"]]
    wall = next(row for row in rows(path, "element") if row["class"] == "IfcWall")
    assert (wall["name"], wall["tag"], wall["storey_id"]) == ("南墙", "tag-南墙", storeys[1]["id"])
    assert (wall["load_bearing"], wall["is_external"], wall["fire_rating"]) == (True, False, "F90")
    assert (building["storeys"], building["name"]) == (4, "一号楼")
    ids = [row["id"] for layer in formats.open(path).layers for row in layer.arrow().to_pylist()]
    assert len(set(ids)) == len(ids) == 13


def test_what_the_footprints_are_of(tmp_path: Path) -> None:
    path = house(tmp_path / "m.ifc")
    made = [row["footprint_how"] for row in rows(path, "building_storey")]
    assert made == ["spaces and slabs", "spaces and slabs", "spaces and slabs", "roof"]
    assert rows(path, "building")[0]["footprint_how"] == "spaces and walls above ground"
    assert {row["footprint_how"] for row in rows(path, "element")} == {"projection"}


def test_properties_are_json(tmp_path: Path) -> None:
    layer = formats.open(house(tmp_path / "m.ifc")).layer("element")
    assert (layer.schema.field("properties").metadata or {}).get(JSON_MARK) == b"true"
    values = [value for value in layer.arrow()["properties"].to_pylist() if value]
    assert [json.loads(value) for value in values] == [
        {"Pset_WallCommon": {"LoadBearing": True, "IsExternal": False, "FireRating": "F90", "厚度": 0.3}}
    ]


def test_an_opening_a_type_and_a_material(tmp_path: Path) -> None:
    model = Model()
    storey = model.storey(model.building(), "一层", 0.0)
    wall = model.wall(storey, "W", 0.0, 0.0, model.block(4, 0.2, 3))
    hole = model.add(f"IFCOPENINGELEMENT({model.guid()},$,'hole',$,$,{model.placed()},{model.block(1, 0.2, 2)},$,$)")
    model.add(f"IFCRELVOIDSELEMENT({model.guid()},$,$,$,{wall},{hole})")
    kind = model.add(f"IFCWALLTYPE({model.guid()},$,'外墙200',$,$,$,$,$,$,.SOLIDWALL.)".replace("外墙200", "Outer 200"))
    model.add(f"IFCRELDEFINESBYTYPE({model.guid()},$,$,$,({wall}),{kind})")
    brick = model.add("IFCMATERIAL('Brick',$,$)")
    model.add(f"IFCRELASSOCIATESMATERIAL({model.guid()},$,$,$,({wall}),{brick})")
    path = model.write(tmp_path / "m.ifc")
    made = {row["name"]: row for row in rows(path, "element")}
    assert (made["W"]["type_name"], made["W"]["material"], made["W"]["predefined_type"]) == (
        "Outer 200", "Brick", "SOLIDWALL",
    )  # fmt: skip
    assert made["hole"]["parent_id"] == made["W"]["id"] and made["hole"]["storey"] == "一层"
    assert made["W"]["geometry"].area == pytest.approx(0.8)  # the opening changes no footprint


def test_what_the_building_says_of_itself(tmp_path: Path) -> None:
    model = Model()
    building = model.building(height="45.5")
    model.properties(building, "Pset_BuildingCommon", [
        ("NumberOfStoreys", "IFCINTEGER(3)"), ("YearOfConstruction", "IFCLABEL('2011 - 2012')"),
        ("OccupancyType", "IFCLABEL('Residential')"),
    ])  # fmt: skip
    model.quantity(building, "Qto_BuildingBaseQuantities", "LENGTH", "Height", 9.5)
    (row,) = rows(model.write(tmp_path / "m.ifc"), "building")
    assert (row["declared_storeys"], row["year_built"], row["occupancy"]) == (3, 2011, "Residential")
    assert (row["height_m"], row["height_how"], row["base_elevation_m"]) == (9.5, "quantity", 45.5)


def test_storeys_without_elevation_use_their_placement(tmp_path: Path) -> None:
    model = Model()
    building = model.building(z=100.0)
    model.storey(building, "a", None, 0.0)
    model.storey(building, "b", None, 4.0)
    storeys = rows(model.write(tmp_path / "m.ifc"), "building_storey")
    assert [(row["elevation_m"], row["storey_number"]) for row in storeys] == [(0, 1), (4, 2)]
    assert all(row["geometry"] is None for row in storeys)


def test_two_buildings_count_their_storeys_by_themselves(tmp_path: Path) -> None:
    model = Model()
    for name in ("a", "b"):
        building = model.building(name)
        model.storey(building, f"{name}1", 0.1)
        model.storey(building, f"{name}0", -2.8)
    storeys = rows(model.write(tmp_path / "m.ifc"), "building_storey")
    assert [(row["name"], row["storey_number"]) for row in storeys] == [("a1", 1), ("a0", -1), ("b1", 1), ("b0", -1)]


def test_bridges_of_ifc4x3_are_facilities(tmp_path: Path) -> None:
    model = Model("IFC4X3_ADD2")
    bridge = model.add(f"IFCBRIDGE({model.guid()},$,'Bridge',$,$,{model.placed()},$,$,.ELEMENT.,.ARCHED.)")
    part = model.add(f"IFCBRIDGEPART({model.guid()},$,'Deck',$,$,{model.placed()},$,$,.ELEMENT.,.LATERAL.,.DECK.)")
    model.part(model.site, bridge)
    model.part(bridge, part)
    found = rows(model.write(tmp_path / "m.ifc"), "facility")
    assert [(row["class"], row["name"]) for row in found] == [("IfcBridge", "Bridge"), ("IfcBridgePart", "Deck")]
    assert found[1]["parent_id"] == found[0]["id"]


# ---- bounds, and the folder -------------------------------------------------------------


def test_beyond_the_bound_there_are_no_footprints_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = house(tmp_path / "m.ifc")
    monkeypatch.setattr(ifc_shapes, "MOST_SHAPES", 4)
    monkeypatch.setattr("cimkit.formats.models.ifc.MOST_SHAPES", 4)
    layer = formats.open(path).layer("element")
    with layer.stream() as stream:
        table = [row for batch in stream.batches for row in batch.to_pylist()]
    assert [row["geometry"] is not None for row in table] == [True, True, False, False, False]
    (message,) = [hint.message for hint in stream.hints if hint.code == "ifc.shapes_limited"]
    assert message == "3 shapes beyond the first 4 are not made."


def test_a_shape_of_many_triangles_is_a_hull(monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.array([[0, 0, 0], [4, 0, 0], [4, 4, 0], [0, 4, 0], [2, 2, 1.0]])
    faces = np.array([[0, 1, 4], [1, 2, 4], [2, 3, 4]])
    made = ifc_tessellate.projected(points, faces)
    assert made is not None and (made[0].area, made[1]) == (12, False)
    monkeypatch.setattr(ifc_tessellate, "MOST_TRIANGLES", 2)
    made = ifc_tessellate.projected(points, faces)
    assert made is not None and (made[0].area, made[1]) == (16, True)
    assert ifc_tessellate.projected(points * np.nan, faces) is None
    assert ifc_tessellate.projected(points[:, [0, 2, 1]] * (1, 0, 1), faces) is None  # upright


def test_the_shapes_are_made_when_the_records_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = house(tmp_path / "m.ifc")

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a shape was made")

    monkeypatch.setattr(ifc_shapes.subprocess, "Popen", refuse)
    dataset = formats.open(path)
    assert [layer.schema.names[0] for layer in dataset.layers] == ["id"] * 5
    with pytest.raises(AssertionError, match="a shape was made"):
        dataset.layer("element").arrow()


def test_a_shape_that_ends_the_kernel_ends_not_cimkit(tmp_path: Path) -> None:
    """The kernels end their process over a representation that is an axis placement's kin (seen by trying)."""
    path = house(tmp_path / "m.ifc")
    text = path.read_text()
    first = re.search(r"#(\d+)=IFCRELAGGREGATES\('\d+',\$,\$,\$,(#\d+),\((#\d+)\)\);(?=(?:.|\n)*?IFCSLAB)", text)
    slab = re.search(r"(#\d+)=IFCSLAB", text)
    site = re.search(r"(#\d+)=IFCSITE", text)
    assert first and slab and site
    axis = re.search(r"(#\d+)=IFCPRODUCTDEFINITIONSHAPE", text[slab.start() :])
    assert axis
    damaged = text.replace(f"$,$,$,{site.group(1)},(", f"$,$,$,{axis.group(1)},(", 1)
    path.write_text(damaged)
    layer = formats.inspect(path, layer="element")["layers"][0]
    assert layer["features"] == 5
    assert "ifc.shapes" in {hint["code"] for hint in layer["hints"]}


def test_the_copy_of_a_model_goes_away_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp"))
    (tmp_path / "temp").mkdir()
    path = house(tmp_path / "m.ifc", encoding="gb18030", names_as_they_are=True)
    dataset = formats.open(path)
    assert [each.name[:10] for each in (tmp_path / "temp").iterdir()] == ["cimkit-ifc"]
    assert dataset.layer("building").arrow()["footprint_how"].to_pylist() == ["spaces and walls above ground"]
    del dataset
    gc.collect()
    assert list((tmp_path / "temp").iterdir()) == []


def test_two_reads_are_the_same_and_write_nothing(tmp_path: Path) -> None:
    path = house(tmp_path / "m.ifc", encoding="gb18030", names_as_they_are=True)
    before = {each: each.stat().st_mtime_ns for each in tmp_path.iterdir()}
    first = [layer.arrow() for layer in formats.open(path).layers]
    assert [layer.arrow() for layer in formats.open(path).layers] == first
    small = [batch for layer in formats.open(path).layers for batch in layer.batches(1)]
    assert len(small) == 13
    assert {each: each.stat().st_mtime_ns for each in tmp_path.iterdir()} == before
