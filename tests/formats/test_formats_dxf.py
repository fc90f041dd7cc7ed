"""DXF: damage, encodings and georeferences first, then entities, blocks and the way of big files; ezdxf writes them."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ezdxf
import pyproj
import pytest
import shapely
from ezdxf.document import Drawing

import cimkit.formats as formats
from cimkit.errors import SourceError
from cimkit.formats.models import dxf as dxf_reader
from cimkit.formats.models.dxf_table import decoded

EPSG = (
    '<?xml version="1.0" encoding="UTF-16"?><Dictionary><ProjectedCoordinateSystem id="X"/>'
    '<Alias id="7030" type="Ellipsoid"><Namespace>EPSG Code</Namespace></Alias>'
    '<Alias id="4547" type="CoordinateSystem"><ObjectId>X</ObjectId><Namespace>EPSG Code</Namespace></Alias>'
    "<CoordinateSystemAxis><AxisOrder>1</AxisOrder><AxisAbbreviation>E</AxisAbbreviation></CoordinateSystemAxis>"
    "</Dictionary>"
)
Make = Callable[..., Path]


@pytest.fixture()
def drawing(tmp_path: Path) -> Make:
    """Saves what a function draws into the model space."""

    def make(
        draw: Callable[[Any, Drawing], Any], version: str = "R2010", encoding: str = "", name: str = "x.dxf", **how: Any
    ) -> Path:
        doc = ezdxf.new(version)
        if encoding:
            doc.encoding = encoding
        draw(doc.modelspace(), doc)
        doc.saveas(tmp_path / name, **how)
        return tmp_path / name

    return make


@pytest.fixture()
def bulk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dxf_reader, "BULK_BYTES", 0)


def rows(path: Path, **wishes: Any) -> list[dict[str, Any]]:
    read = formats.open(path, **wishes).layer().arrow().to_pylist()
    for row in read:
        row["geometry"] = row["geometry"] and shapely.from_wkb(row["geometry"])
    return read


def hints(path: Path) -> dict[str, str]:
    with formats.open(path).layer().stream() as stream:
        list(stream.batches)
        return {hint.code: hint.message for hint in stream.hints}


# ---- failure cases --------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.2, 0.6, 0.98])
@pytest.mark.parametrize("way", ["ezdxf", "gdal"])
def test_a_cut_file_is_refused(drawing: Make, monkeypatch: pytest.MonkeyPatch, share: float, way: str) -> None:
    path = drawing(lambda msp, doc: [msp.add_line((n, 0), (n, 1)) for n in range(200)])
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    if way == "gdal":
        monkeypatch.setattr(dxf_reader, "BULK_BYTES", 0)
    with pytest.raises(SourceError, match=r"x\.dxf") as error:
        formats.open(path)
    assert "end" in (error.value.hint or "") or "cut off" in str(error.value)


def test_salvage_reads_what_is_there(drawing: Make) -> None:
    path = drawing(lambda msp, doc: [msp.add_text(f"房{n}") for n in range(200)], "R2000", "gbk")
    data = path.read_bytes()
    path.write_bytes(data[: data.rfind("房150".encode("gbk"))])
    read = rows(path, salvage=True)
    assert 140 < len(read) < 160 and read[0]["text"] == "房0"


def test_garbage_behind_a_right_beginning(tmp_path: Path) -> None:
    path = tmp_path / "x.dxf"
    for rest in (b"garbage\r\n" * 50, b"  2\r\nHEADER\r\n  9\r\n$ACADVER\r\nx\r\n", bytes(range(256)) * 10):
        path.write_bytes(b"  0\r\nSECTION\r\n" + rest)
        with pytest.raises(SourceError):
            formats.open(path)
    path.write_bytes(dxf_reader.BINARY + bytes(range(256)) * 10)
    with pytest.raises(SourceError):
        formats.open(path)


def test_without_ezdxf_the_command_is_named(drawing: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    path = drawing(lambda msp, doc: msp.add_point((1, 2)))
    monkeypatch.setitem(sys.modules, "ezdxf", None)
    with pytest.raises(SourceError) as error:
        formats.open(path)
    assert "pip install 'cimkit[dxf]'" in (error.value.hint or "")


def test_points_that_are_no_numbers(drawing: Make) -> None:
    path = drawing(lambda msp, doc: (msp.add_line((0, 0), (math.inf, 1)), msp.add_point((1, 2))))
    assert [row["geometry"] and row["geometry"].wkt for row in rows(path)] == [None, "POINT (1 2)"]
    assert "1 entities" in hints(path)["geometry.unbuilt"]


def test_blocks_in_blocks_without_end(drawing: Make) -> None:
    def draw(msp: Any, doc: Drawing) -> None:
        for level in range(30):
            block = doc.blocks.new(f"b{level}")
            for _ in range(10):
                block.add_blockref(f"b{level + 1}", (0, 0)) if level < 29 else block.add_point((1, 1))
        loop = doc.blocks.new("loop")
        loop.add_blockref("loop", (0, 0))
        msp.add_blockref("loop", (0, 0))
        msp.add_blockref("b20", (0, 0))  # a thousand million points

    assert len(rows(drawing(draw))) < 110_000


def test_curves_and_kinds_that_are_not_read_are_counted(drawing: Make) -> None:
    path = drawing(lambda msp, doc: (msp.add_ray((0, 0), (1, 0)), msp.add_circle((0, 0), 1)))
    told = hints(path)
    assert "1 RAY" in told["geometry.unread"]
    assert "Curves of 1 entities" in told["geometry.linearised"]


# ---- encodings ------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "encoding"), [("R12", "gbk"), ("R2000", "gbk"), ("R2004", "cp950"), ("R2010", "")])
@pytest.mark.parametrize("form", ["asc", "bin"])
def test_any_code_page(drawing: Make, version: str, encoding: str, form: str) -> None:
    name = "建築" if encoding == "cp950" else "建筑"

    def draw(msp: Any, doc: Drawing) -> None:
        doc.layers.add(name)
        msp.add_text(name + "一二三四", dxfattribs={"layer": name})

    path = drawing(draw, version, encoding, fmt=form)
    (row,) = rows(path)
    assert (row["layer"], row["text"]) == (name, name + "一二三四")
    wanted = {"gbk": "GB18030", "cp950": "Big5"}.get(encoding, "UTF-8")
    assert formats.open(path).layer().encoding.value == wanted


@pytest.mark.parametrize("way", ["ezdxf", "gdal"])
def test_a_wrong_code_page_is_overruled_by_the_bytes(drawing: Make, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    path = drawing(lambda msp, doc: [msp.add_text(f"建筑物{n}") for n in range(30)], "R2000", "gbk")
    path.write_bytes(path.read_bytes().replace(b"ANSI_936", b"ANSI_1252"))
    if way == "gdal":
        monkeypatch.setattr(dxf_reader, "BULK_BYTES", 0)
    layer = formats.open(path).layer()
    assert layer.encoding.value == "GB18030" and "against the declared ANSI_1252" in layer.encoding.how
    assert layer.arrow()["text"][0].as_py() == "建筑物0"
    assert formats.open(path, encoding="gbk").layer().encoding.how == "given"
    with pytest.raises(SourceError, match="is not Big5"):
        formats.open(path, encoding="big5")


def test_bytes_that_are_damaged_are_told(drawing: Make) -> None:
    path = drawing(lambda msp, doc: [msp.add_text(f"建筑物{n}") for n in range(30)])
    path.write_bytes(path.read_bytes().replace("建筑物7\n".encode(), "建筑".encode() + b"\xe7\x89\n", 1))
    assert "1 lines" in hints(path)["encoding.damaged"]
    assert rows(path)[7]["text"] == "建筑\ufffd"


def test_escapes_of_old_releases() -> None:
    assert decoded(r"\U+5EFA\U+7B51 \M+5BDA8 \M+1xxxx a\b") == "建筑 建 \\M+1xxxx a\\b"


# ---- where it lies --------------------------------------------------------------------------


def referenced(msp: Any, **attributes: Any) -> None:
    geodata = msp.new_geodata()
    geodata.coordinate_system_definition = EPSG
    geodata.dxf.update(
        {"coordinate_type": 1, "design_point": (100, 200), "reference_point": (500000, 2500000), **attributes}
    )
    msp.add_point((110, 220, 5))


@pytest.mark.parametrize(
    ("attributes", "place"),
    [
        ({}, (500010, 2500020, 5)),
        ({"horizontal_unit_scale": 0.001, "vertical_unit_scale": 0.001}, (500000.01, 2500000.02, 0.005)),
        ({"north_direction": (1, 0)}, (499980, 2500010, 5)),
        ({"scale_estimation_method": 2, "user_scale_factor": 2}, (500020, 2500040, 5)),
        ({"coordinate_type": 2}, (110, 220, 5)),
    ],
)
def test_geodata_moves_the_drawing(drawing: Make, bulk: None, attributes: Any, place: Any) -> None:
    path = drawing(lambda msp, doc: referenced(msp, **attributes))
    for limit in (0, 1 << 20):
        dxf_reader.BULK_BYTES = limit
        layer = formats.open(path).layer()
        assert (layer.crs.value, layer.crs.how) == ("EPSG:4547", "EPSG code in GEODATA")
        (point,) = layer.to_geopandas().geometry
        assert point.coords[0] == pytest.approx(place, abs=1e-6)
        assert ("dxf.moved" in hints(path)) == (attributes.get("coordinate_type") != 2)


def test_georeferences_that_cannot_be_followed(drawing: Make) -> None:
    path = drawing(lambda msp, doc: referenced(msp, up_direction=(0, 1, 0)))
    assert formats.open(path).layer().crs.value is None and "dxf.not_moved" in hints(path)
    path = drawing(lambda msp, doc: referenced(msp, scale_estimation_method=3))
    assert "dxf.scale_factor" in hints(path)

    def named(msp: Any, doc: Drawing) -> None:
        referenced(msp)
        msp.get_geodata().coordinate_system_definition = (
            '<Dictionary><ProjectedCoordinateSystem id="LOCAL-7"/></Dictionary>'
        )

    crs = formats.open(drawing(named)).layer().crs
    assert crs.value is None and "LOCAL-7" in crs.how


def test_a_prj_beside_it_and_none_at_all(drawing: Make, tmp_path: Path) -> None:
    path = drawing(lambda msp, doc: msp.add_point((500000, 2500000)))
    assert formats.open(path).layer().crs.value is None
    (tmp_path / "x.PRJ").write_text(pyproj.CRS.from_epsg(4547).to_wkt("WKT1_ESRI"))
    dataset = formats.open(path)
    assert (dataset.layer().crs.value, dataset.layer().crs.how) == ("EPSG:4547", ".prj")
    assert [file.name for file in dataset.delivery.files] == ["x.dxf", "x.PRJ"]
    assert formats.open(path, crs="EPSG:4490").layer().crs.how == "given"


def test_what_arcgis_leaves_in_a_drawing(drawing: Make) -> None:
    def draw(msp: Any, doc: Drawing) -> None:
        msp.add_point((1, 2))
        doc.rootdict.add_xrecord("ESRI_PRJ").reset([(1, pyproj.CRS.from_epsg(4547).to_wkt("WKT1_ESRI"))])

    assert formats.open(drawing(draw)).layer().crs.value == "EPSG:4547"


def test_the_unit_is_told(drawing: Make) -> None:
    def draw(msp: Any, doc: Drawing) -> None:
        doc.header["$INSUNITS"] = 4

    assert "in millimetres ($INSUNITS 4)" in hints(drawing(draw))["dxf.units"]


# ---- entities -------------------------------------------------------------------------------


def test_geometry_of_entities(drawing: Make) -> None:
    half = math.tan(math.pi / 4)

    def draw(msp: Any, doc: Drawing) -> None:
        msp.add_line((0, 0), (1, 1, 2))
        msp.add_lwpolyline([(0, 0), (5, 0), (5, 5)], close=True)
        msp.add_lwpolyline([(0, 0), (1, 0)], dxfattribs={"elevation": 12.5})
        msp.add_lwpolyline([(-5, 0, half), (5, 0, half)], format="xyb", close=True)  # a circle of two arcs
        msp.add_polyline3d([(0, 0, 1), (1, 1, 2)])
        msp.add_polyline2d([(0, 0), (4, 0), (4, 4)], close=True)
        msp.add_circle((10, 20), 5)
        msp.add_arc((0, 0), 5, 270, 90)
        msp.add_ellipse((0, 0), (6, 0), 0.5)
        msp.add_open_spline([(0, 0), (1, 3), (2, 0)], degree=2)
        msp.add_solid([(0, 0), (1, 0), (0, 1), (1, 1)])
        msp.add_3dface([(0, 0, 0), (1, 0, 0), (1, 1, 1), (0, 1, 1)])
        msp.add_circle((1, 2), 1, dxfattribs={"extrusion": (0, 0, -1)})  # seen from below: x is mirrored
        hatch = msp.add_hatch()
        hatch.paths.add_polyline_path([(0, 0), (10, 0), (10, 10), (0, 10)])
        hatch.paths.add_polyline_path([(2, 2), (4, 2), (4, 4), (2, 4)])
        mesh = msp.add_mesh()
        with mesh.edit_data() as data:
            data.vertices, data.faces = [(0, 0, 0), (1, 0, 0), (1, 1, 1), (0, 1, 1)], [(0, 1, 2), (0, 2, 3)]

    read = rows(drawing(draw))
    shapes = [row["geometry"] for row in read]
    assert shapes[0].wkt == "LINESTRING Z (0 0 0, 1 1 2)"
    assert shapes[1].wkt == "POLYGON ((0 0, 5 0, 5 5, 0 0))"
    assert shapes[2].wkt == "LINESTRING Z (0 0 12.5, 1 0 12.5)" and read[2]["elevation"] == 12.5
    assert shapes[3].geom_type == "Polygon" and shapes[3].area == pytest.approx(math.pi * 25, rel=2e-3)
    assert shapes[4].wkt == "LINESTRING Z (0 0 1, 1 1 2)"
    assert shapes[5].wkt == "POLYGON ((0 0, 4 0, 4 4, 0 0))"
    assert (
        shapes[6].area == pytest.approx(math.pi * 25, rel=2e-3)
        and shapes[6].centroid.distance(shapely.Point(10, 20)) < 1e-9
    )
    assert shapes[7].bounds == pytest.approx((0, -5, 5, 5), abs=1e-2) and shapes[7].length == pytest.approx(
        math.pi * 5, rel=1e-3
    )
    assert shapes[8].area == pytest.approx(math.pi * 18, rel=2e-3)
    assert shapes[9].geom_type == "LineString"
    assert shapes[10].wkt == "POLYGON ((0 0, 1 0, 1 1, 0 1, 0 0))"
    assert shapes[11].has_z
    assert shapes[12].centroid.x == pytest.approx(-1)
    assert shapes[13].area == 96
    assert shapes[14].geom_type == "MultiPolygon" and shapes[14].has_z


def test_texts_and_what_hangs_on_entities(drawing: Make) -> None:
    def draw(msp: Any, doc: Drawing) -> None:
        doc.layers.add("注记", color=3, linetype="Continuous")
        doc.appids.add("SOUTH")
        text = msp.add_text("管%%d一", height=3.5, rotation=30, dxfattribs={"layer": "注记"})
        text.set_placement((5, 6), align=ezdxf.enums.TextEntityAlignment.MIDDLE_CENTER)
        msp.add_mtext("{\\fSimSun;一}\\P二", dxfattribs={"insert": (1, 2), "color": 1})
        point = msp.add_point((1, 2), dxfattribs={"true_color": 0x112233})
        point.set_xdata("SOUTH", [(1000, "141121"), (1040, 2.5)])

    text, mtext, point = rows(drawing(draw))
    assert (text["text"], text["text_height"], text["rotation"], text["colour"]) == ("管°一", 3.5, 30, 3)
    assert text["geometry"].coords[0] == pytest.approx((5, 6))
    assert (mtext["text"], mtext["colour"]) == ("一\n二", 1)
    assert (point["rgb"], point["xdata"]) == ("#112233", '{"SOUTH":["141121",2.5]}')


def test_blocks_are_points_with_attributes_or_parts_of_the_drawing(drawing: Make) -> None:
    def draw(msp: Any, doc: Drawing) -> None:
        valve = doc.blocks.new("阀门")
        valve.add_circle((0, 0), 1)
        for number, place in (("010001", (10, 20)), ("2", (30, 40))):
            insert = msp.add_blockref("阀门", place, dxfattribs={"layer": "GX", "rotation": 30, "xscale": 2})
            insert.add_attrib("编号", number, place)
        msp.add_blockref(
            "阀门", (5, 5), dxfattribs={"row_count": 2, "column_count": 3, "row_spacing": 1, "column_spacing": 1}
        )
        part = doc.blocks.new("底图")
        part.add_lwpolyline([(0, 0), (1, 0), (1, 1)], close=True)  # on layer 0: that of the insertion
        part.add_line((0, 0), (1, 1), dxfattribs={"layer": "own"})
        msp.add_blockref("底图", (0, 0), dxfattribs={"layer": "base"})

    path = drawing(draw)
    read = rows(path)
    assert [(r["entity"], r["layer"], r["block"], r["编号"]) for r in read] == [
        ("INSERT", "GX", "阀门", "010001"), ("INSERT", "GX", "阀门", "2"), ("INSERT", "0", "阀门", None),
        ("LWPOLYLINE", "base", "底图", None), ("LINE", "own", "底图", None),
    ]  # fmt: skip
    assert (read[0]["geometry"].wkt, read[0]["rotation"], read[0]["scale"]) == ("POINT (10 20)", 30, 2)
    assert len(read[2]["geometry"].geoms) == 6
    told = hints(path)
    assert "'阀门' 3 times" in told["dxf.blocks"] and "'底图'" in told["dxf.blocks_apart"]


def test_sheets_of_paper_and_other_files_are_told(drawing: Make) -> None:
    def draw(msp: Any, doc: Drawing) -> None:
        doc.layout("Layout1").add_line((0, 0), (1, 0))
        doc.add_xref_def("C:\\maps\\base.dwg", "base")
        msp.add_blockref("base", (0, 0))

    told = hints(drawing(draw))
    assert "'Layout1' (1)" in told["dxf.paper_space"]
    assert "base.dwg" in told["dxf.external"]


def test_an_empty_drawing_is_an_empty_layer(drawing: Make) -> None:
    layer = formats.open(drawing(lambda msp, doc: None)).layer()
    assert layer.arrow().num_rows == 0 and layer.schema.names[:3] == ["layer", "entity", "block"]


def test_a_picture_beside_the_drawing_is_found_by_its_bare_name(drawing: Make, tmp_path: Path) -> None:
    def draw(msp: Any, doc: Drawing) -> None:
        for name in ("..\\..\\etc\\A.PNG", "missing.png"):
            msp.add_image(doc.add_image_def(name, (10, 20)), (0, 0), (5, 10))

    (tmp_path / "a.png").write_bytes(b"12345")
    there, missing = formats.open(drawing(draw)).assets
    assert (there.path, there.bytes, there.hints) == (str(tmp_path / "a.png"), 5, ())
    assert missing.bytes == 0 and missing.hints[0].code == "asset.missing"
    assert there.bbox == pytest.approx((0, 0, 5, 10), abs=1e-9)


# ---- big files ------------------------------------------------------------------------------


def test_a_big_file_has_the_same_columns_and_says_what_is_left_out(drawing: Make, bulk: None) -> None:
    def draw(msp: Any, doc: Drawing) -> None:
        block = doc.blocks.new("阀门")
        block.add_circle((0, 0), 1)
        msp.add_blockref("阀门", (10, 20), dxfattribs={"layer": "管线", "rotation": 30}).add_attrib(
            "编号", "010 a", (0, 0)
        )
        msp.add_lwpolyline([(0, 0), (5, 0), (5, 5)], close=True, dxfattribs={"elevation": 3})
        msp.add_text("房屋", dxfattribs={"insert": (1, 2)})
        msp.add_circle((0, 0), 5)
        msp.add_hatch().paths.add_polyline_path([(0, 0), (1, 0), (1, 1)])
        msp.add_image(doc.add_image_def("x.png", (1, 1)), (0, 0), (1, 1))
        doc.layout("Layout1").add_line((0, 0), (1, 0))

    for version, encoding in (("R2000", "gbk"), ("R2010", "")):
        path = drawing(draw, version, encoding)
        read = rows(path)
        assert [row["entity"] for row in read] == ["INSERT", "LWPOLYLINE", "TEXT", "CIRCLE", "HATCH"]
        assert (read[0]["layer"], read[0]["block"], json.loads(read[0]["attributes"])) == (
            "管线",
            "阀门",
            {"编号": "010 a"},
        )
        assert read[1]["geometry"].geom_type == "Polygon" and read[1]["elevation"] == 3
        assert (read[2]["text"], read[2]["geometry"].wkt) == ("房屋", "POINT (1 2)")
        assert read[3]["geometry"].area == pytest.approx(math.pi * 25, rel=2e-3)
        assert read[4]["text"] is None
        assert all(row["_fid"] == row["handle"] for row in read)
        told = hints(path)
        assert "1 IMAGE" in told["dxf.left_out"] and "1 entities" in told["dxf.paper_space"] and "dxf.bulk" in told


# ---- real files -----------------------------------------------------------------------------


@pytest.mark.shared
def test_a_real_drawing_of_pictures_alone(shared: Path) -> None:
    """GDAL finds nothing in it: eight pictures around Graz, placed by GEODATA."""
    dataset = formats.open(shared / "data/dxf/Graz_10km_3m.dxf")
    about = formats.inspect(shared / "data/dxf/Graz_10km_3m.dxf")
    (layer,) = about["layers"]
    assert (layer["features"], layer["crs"]["value"]) == (8, "EPSG:3395")
    assert layer["bbox_crs84"] == pytest.approx([15.3884, 47.0360, 15.4782, 47.0973], abs=1e-3)
    assert len(dataset.assets) == 8 and all(asset.kind == "image" for asset in dataset.assets)
    assert dataset.assets[0].name == "gebaeude.3395(3)1.jpeg"
    assert dataset.assets[0].about["width"] == 2048
