"""KML and KMZ: what strangers may put into them, folders, values, geometry; GDAL's LIBKML driver is the judge."""

from __future__ import annotations

import hashlib
import time
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyogrio
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cimkit
import cimkit.formats as formats
from cimkit.errors import SourceError
from cimkit.formats.kml import read as kml_read
from cimkit.formats.profile import Order
from cimkit.formats.writing import write

NS = 'xmlns="http://www.opengis.net/kml/2.2" xmlns:gx="http://www.google.com/kml/ext/2.2"'
POINT = "<Point><coordinates>114,22</coordinates></Point>"


def kml(path: Path, body: str, encoding: str = "UTF-8", before: str = "") -> Path:
    text = f'<?xml version="1.0" encoding="{encoding}"?>{before}<kml {NS}><Document>{body}</Document></kml>'
    path.write_bytes(text.encode(encoding))
    return path


def rows(layer: formats.Layer) -> list[dict[str, Any]]:
    read = layer.arrow().to_pylist()
    return [{**row, "geometry": row["geometry"] and shapely.from_wkb(row["geometry"]).wkt} for row in read]


def hints(layer: formats.Layer) -> dict[str, str]:
    with layer.stream() as stream:
        list(stream.batches)
        return {hint.code: hint.message for hint in stream.hints}


# ---- failure cases --------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["text", "attribute"])
def test_entities_are_refused_before_they_grow(tmp_path: Path, place: str) -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 20}">' for n in range(1, 9))
    bomb = f'<!DOCTYPE kml [<!ENTITY l0 "ha">{laughs}]>'
    inside = "<name>&l8;</name>" if place == "text" else '<Style id="&l8;"/>'
    start = time.process_time()
    with pytest.raises(SourceError, match="DOCTYPE"):
        formats.open(kml(tmp_path / "x.kml", f"<Placemark>{inside}</Placemark>", before=bomb))
    assert time.process_time() - start < 2


def test_an_external_entity_is_not_fetched(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    outside = f'<!DOCTYPE kml [<!ENTITY x SYSTEM "{(tmp_path / "secret").as_uri()}">]>'
    with pytest.raises(SourceError, match="DOCTYPE"):
        formats.open(kml(tmp_path / "x.kml", "<Placemark><name>&x;</name></Placemark>", before=outside))


def test_a_cut_file_names_the_line_and_salvage_keeps_what_came_before(tmp_path: Path) -> None:
    body = "\n".join(f"<Placemark><name>{n}</name>{POINT}</Placemark>" for n in range(50))
    path = kml(tmp_path / "x.kml", body)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(SourceError, match=r"not well-formed XML \(line 3\d\)"):
        formats.open(path)
    layer = formats.open(path, salvage=True).layer()
    with layer.stream() as stream:
        read = sum(batch.num_rows for batch in stream.batches)
        assert 25 < read < 40
        assert [reject.place for reject in stream.rejected] == ["the rest of the file"]


@pytest.mark.parametrize(
    ("coordinates", "why"),
    [("abc,1", "could not convert"), ("1", "no position"), ("1,2,3,4", "no position"), ("nan,2", "not finite")],
)
def test_coordinates_that_are_none_are_told(tmp_path: Path, coordinates: str, why: str) -> None:
    bad = f"<Placemark><Point><coordinates>{coordinates}</coordinates></Point></Placemark>"
    path = kml(tmp_path / "x.kml", f"<Placemark>{POINT}</Placemark>\n{bad}")
    layer = formats.open(path).layer()
    assert [row["geometry"] for row in rows(layer)] == ["POINT (114 22)", None]
    assert "1 placemarks" in hints(layer)["geometry.unbuilt"] and why in hints(layer)["geometry.unbuilt"]
    with formats.open(path, salvage=True).layer().stream() as stream:
        list(stream.batches)
        assert [(reject.row, reject.place) for reject in stream.rejected] == [(1, "line 2")]


def test_nothing_is_followed(tmp_path: Path) -> None:
    body = (
        "<NetworkLink><Link><href>http://example.invalid/a.kml</href></Link></NetworkLink>"
        "<GroundOverlay><name>g</name></GroundOverlay><ScreenOverlay/>"
        f"<Placemark>{POINT}</Placemark>"
    )
    dataset = formats.open(kml(tmp_path / "x.kml", body))
    told = {hint.code: hint.message for hint in dataset.hints}
    assert "example.invalid" in told["kml.links"]
    assert "1 GroundOverlay, 1 ScreenOverlay" in told["kml.left_out"]
    # GDAL makes records of overlays.
    assert dataset.layer().arrow().num_rows == 1


def test_a_kmz_that_is_damaged_protected_or_a_bomb(tmp_path: Path) -> None:
    path = tmp_path / "x.kmz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("doc.kml", f"<kml {NS}><Document><Placemark>{POINT}</Placemark></Document></kml>")
    whole = path.read_bytes()
    at = whole.find(b"doc.kml") + 20
    path.write_bytes(whole[:at] + bytes(byte ^ 0x5A for byte in whole[at : at + 20]) + whole[at + 20 :])
    with pytest.raises(SourceError, match=r"doc\.kml"):
        formats.open(path)
    protected = bytearray(whole)
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        protected[whole.find(magic) + offset] |= 1
    path.write_bytes(protected)
    with pytest.raises(SourceError, match="cannot be unpacked"):
        formats.open(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("doc.kml", "w") as member:
        for _ in range(300):
            member.write(b" " * (1 << 20))
    with pytest.raises(SourceError, match="no honest KMZ"):
        formats.open(path)


def test_utf8_that_is_gbk(tmp_path: Path) -> None:
    body = "".join(f"<Placemark><name>中国建筑大厦{n}</name>{POINT}</Placemark>" for n in range(30))
    path = kml(tmp_path / "x.kml", body)
    path.write_bytes(path.read_text(encoding="utf-8").encode("gbk"))
    layer = formats.open(path).layer()
    assert layer.arrow()["Name"][0].as_py() == "中国建筑大厦0"
    assert layer.encoding.value == "GB18030" and "against the declared UTF-8" in layer.encoding.how
    assert formats.open(path, encoding="gbk").layer().encoding.how == "given"


# ---- what is read ---------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["UTF-8", "GBK", "GB2312", "UTF-16", "Big5", "ISO-8859-1"])
def test_any_declared_encoding(tmp_path: Path, encoding: str) -> None:
    name = "Straße" if encoding == "ISO-8859-1" else "建築" if encoding == "Big5" else "建筑"
    layer = formats.open(
        kml(tmp_path / "x.kml", f"<Placemark><name>{name}</name>{POINT}</Placemark>", encoding)
    ).layer()
    assert layer.arrow()["Name"].to_pylist() == [name]


def test_gbk_beyond_gb2312(tmp_path: Path) -> None:
    path = kml(tmp_path / "x.kml", f"<Placemark><name>朱镕基䶮</name>{POINT}</Placemark>", "GB18030")
    path.write_bytes(path.read_bytes().replace(b"GB18030", b"GB2312"))
    assert formats.open(path).layer().arrow()["Name"].to_pylist() == ["朱镕基䶮"]


def test_folders_are_layers_and_names_are_told_apart(tmp_path: Path) -> None:
    place = f"<Placemark>{POINT}</Placemark>"
    body = (
        f"<name>D</name>{place}<Folder><name>A</name>{place}<Folder><name>B</name>{place}</Folder></Folder>"
        f"<Folder><name>B</name>{place}</Folder><Folder><name>B</name>{place}</Folder><Folder>{place}</Folder>"
        "<Folder><name>空</name></Folder>"
    )
    dataset = formats.open(kml(tmp_path / "x.kml", body))
    assert [layer.name for layer in dataset.layers] == ["D", "A", "D/A/B", "D/B", "D/B (2)", "x"]
    assert sum(len(layer.arrow()) for layer in dataset.layers) == 6


def test_a_folder_for_each_placemark_is_one_layer(tmp_path: Path) -> None:
    count = kml_read.MOST_LAYERS + 1
    body = "".join(f"<Folder><name>f{n}</name><Placemark>{POINT}</Placemark></Folder>" for n in range(count))
    dataset = formats.open(kml(tmp_path / "x.kml", body))
    layer = dataset.layer()
    assert layer.arrow()["folder"].to_pylist() == [f"f{n}" for n in range(count)]
    assert [hint.code for hint in dataset.hints] == ["kml.folders"]


def test_extended_data_keep_types_zeros_and_whole_numbers(tmp_path: Path) -> None:
    schema = (
        '<Schema name="S" id="S"><SimpleField name="h" type="double"/><SimpleField name="code" type="int"/>'
        '<SimpleField name="big" type="int"/><SimpleField name="ok" type="bool"/><SimpleField name="empty" type="int"/>'
        "</Schema>"
    )
    data = (
        '<SimpleData name="h">1.50</SimpleData><SimpleData name="code">007</SimpleData>'
        '<SimpleData name="big">9007199254740993</SimpleData><SimpleData name="ok">1</SimpleData>'
    )
    mark = (
        f'<Placemark id="p"><name>a</name><ExtendedData><Data name="门牌"><value/></Data>'
        f'<Data name="none"/><SchemaData schemaUrl="#S">{data}</SchemaData></ExtendedData>{POINT}</Placemark>'
    )
    for body in (schema + mark, mark + schema):  # the schema may stand behind the data
        (row,) = rows(formats.open(kml(tmp_path / "x.kml", body)).layer())
        assert row == {
            "id": "p", "Name": "a", "门牌": "", "none": None, "h": 1.5, "code": "007", "big": 2**53 + 1, "ok": True,
            "empty": None, "geometry": "POINT (114 22)", "_fid": "p",
        }  # fmt: skip


def test_only_columns_that_say_something_are_there(tmp_path: Path) -> None:
    body = (
        "<Placemark><name>a</name><visibility>1</visibility><LineString><extrude>0</extrude><altitudeMode>"
        "clampToGround</altitudeMode><coordinates>1,2 3,4</coordinates></LineString></Placemark>"
        "<Placemark><visibility>1</visibility></Placemark>"
    )
    path = kml(tmp_path / "x.kml", body)
    assert formats.open(path).layer().schema.names == ["Name", "geometry", "_fid"]
    assert len(pyogrio.read_info(path)["fields"]) == 12  # GDAL's
    path = kml(
        tmp_path / "x.kml", body.replace("clampToGround", "absolute").replace("<visibility>1", "<visibility>0", 1)
    )
    assert formats.open(path).layer().schema.names == ["Name", "altitudeMode", "visibility", "geometry", "_fid"]


def test_every_kind_of_geometry(tmp_path: Path) -> None:
    ring = "<LinearRing><coordinates>0,0 9,0 9,9 0,0</coordinates></LinearRing>"
    hole = "<LinearRing><coordinates>5,1, 5,2 4,1</coordinates></LinearRing>".replace("1, 5", "1 5")
    shapes = {
        "<Point><coordinates>1, 2, 3</coordinates></Point>": "POINT Z (1 2 3)",
        "<LineString><coordinates>1,2 3,4,5</coordinates></LineString>": "LINESTRING Z (1 2 0, 3 4 5)",
        f"<Polygon><outerBoundaryIs>{ring}</outerBoundaryIs><innerBoundaryIs>{hole}</innerBoundaryIs></Polygon>": (
            "POLYGON ((0 0, 9 0, 9 9, 0 0), (5 1, 5 2, 4 1, 5 1))"
        ),
        f"<MultiGeometry>{POINT}{POINT}</MultiGeometry>": "MULTIPOINT (114 22, 114 22)",
        f"<MultiGeometry>{POINT}<MultiGeometry>{ring}</MultiGeometry></MultiGeometry>": (
            "GEOMETRYCOLLECTION (POINT (114 22), LINESTRING (0 0, 9 0, 9 9, 0 0))"
        ),
        "<gx:Track><when>2010</when><when>2011</when><gx:coord>1 2 3</gx:coord><gx:coord>4 5 6</gx:coord></gx:Track>": (
            "LINESTRING Z (1 2 3, 4 5 6)"
        ),
        "<Model><Location><longitude>1</longitude><latitude>2</latitude></Location></Model>": "POINT (1 2)",
        "<Point><coordinates> </coordinates></Point>": None,
    }
    layer = formats.open(kml(tmp_path / "x.kml", "".join(f"<Placemark>{s}</Placemark>" for s in shapes))).layer()
    wanted = [w and shapely.from_wkt(w).wkt for w in shapes.values()]
    assert [row["geometry"] for row in rows(layer)] == wanted
    assert [row["when"] for row in rows(layer)][5] == '["2010", "2011"]'


def test_other_namespaces_and_a_prefix_without_one(tmp_path: Path) -> None:
    for head in ("<kml>", '<kml xmlns="http://earth.google.com/kml/2.1">', '<k:kml xmlns:k="http://x">'):
        mark = f"<Placemark><name>a</name>{POINT}<gx:balloonVisibility>0</gx:balloonVisibility></Placemark>"
        close = "</k:kml>" if head.startswith("<k:") else "</kml>"
        (tmp_path / "x.kml").write_text(f"{head}<Document>{mark}</Document>{close}")
        assert rows(formats.open(tmp_path / "x.kml").layer())[0]["Name"] == "a"


def test_a_description_with_a_table_is_told(tmp_path: Path) -> None:
    body = f"<Placemark><description><![CDATA[<table><tr><td>1</td></tr></table>]]></description>{POINT}</Placemark>"
    assert "kml.html_tables" in hints(formats.open(kml(tmp_path / "x.kml", body)).layer())


def test_a_polygon_of_many_corners(tmp_path: Path) -> None:
    corners = " ".join(f"{n / 1e6:.6f},{(n % 1000) / 1e6:.6f}" for n in range(700_000))  # libxml2 allows 10 MB
    ring = f"<LinearRing><coordinates>{corners}</coordinates></LinearRing>"
    path = kml(
        tmp_path / "x.kml", f"<Placemark><Polygon><outerBoundaryIs>{ring}</outerBoundaryIs></Polygon></Placemark>"
    )
    assert path.stat().st_size > 12_000_000
    (batch,) = formats.open(path).layer().batches()
    assert shapely.get_num_coordinates(shapely.from_wkb(batch["geometry"][0].as_py())) == 700_001


def test_a_kmz_with_several_documents_and_pictures(tmp_path: Path) -> None:
    path = tmp_path / "城.kmz"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("files/路.kml", "doc.kml"):
            archive.writestr(name, f"<kml {NS}><Document><Placemark>{POINT}</Placemark></Document></kml>")
        archive.writestr("files/icon.png", b"\x89PNG")
        archive.writestr("__MACOSX/._doc.kml", b"x")
    dataset = formats.open(path)
    assert dataset.delivery.format == "KML"
    assert [layer.name for layer in dataset.layers] == ["doc/doc", "路/路"]
    assert "1 pictures" in dataset.hints[0].message


# ---- writing --------------------------------------------------------------------------------


def written(target: Path, given: pa.Table) -> Path:
    write(given.to_reader(), target, Order("EPSG:4326", "楼"))
    return target


@pytest.mark.parametrize("suffix", [".kml", ".kmz"])
def test_what_is_written_comes_back_and_gdal_reads_it(tmp_path: Path, suffix: str) -> None:
    shapes = [shapely.from_wkt(wkt) for wkt in ("POINT (0.1 0.2)", "MULTIPOINT (1 2)", "POINT Z (1 2 0)")]
    table = pa.table(
        {
            "name": ['甲<&>"', "", None],
            "id": ["010", " x ", "a\rb\n"],
            "n": pa.array([1, None, -5], pa.int32()),
            "wide": [2**53 + 1, 1, None],
            "d": [0.1, None, 1e-300],
            "ok": [True, None, False],
            "空": pa.nulls(3, pa.string()),
            "geometry": pa.array([*shapely.to_wkb(shapes, flavor="iso")]),
        }
    )
    path = written(tmp_path / f"x{suffix}", table)
    layer = formats.open(path).layer()
    assert layer.name == "楼"
    back = layer.arrow().drop_columns(["_fid"])
    assert back.drop_columns(["wide", "n"]).to_pylist() == table.drop_columns(["wide", "n"]).to_pylist()
    assert back["n"].to_pylist() == [1, None, -5] and back.schema.field("n").type == pa.int64()
    # GDAL reads an int of more than 32 bits as 2147483647, so such a column is declared as text.
    assert back["wide"].to_pylist() == [str(2**53 + 1), "1", None]
    judge = pyogrio.read_dataframe(path)
    assert judge["Name"].tolist()[0] == '甲<&>"' and judge["wide"].tolist()[0] == str(2**53 + 1)
    assert judge.geometry.iloc[0].wkt == "POINT (0.1 0.2)"


def test_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    table = pa.table({"a": ["x"], "geometry": pa.array([shapely.Point(1, 2).wkb])})
    digests = {hashlib.sha256(written(tmp_path / "x.kmz", table).read_bytes()).hexdigest() for _ in range(2)}
    assert len(digests) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["x.kmz"]


def test_an_empty_layer_keeps_its_columns(tmp_path: Path) -> None:
    table = pa.table(
        {"a": pa.array([], pa.string()), "n": pa.array([], pa.int32()), "geometry": pa.array([], pa.binary())}
    )
    layer = formats.open(written(tmp_path / "x.kml", table)).layer()
    assert layer.schema.names == ["a", "n", "geometry", "_fid"]
    assert layer.arrow().num_rows == 0


def test_measures_are_left_out_and_the_rest_kept(tmp_path: Path) -> None:
    shapes = [shapely.from_wkt(wkt) for wkt in ("POINT M (1 2 9)", "POINT ZM (1 2 3 9)", "POINT EMPTY")]
    given_ = shapely.to_wkb(shapes, output_dimension=4, flavor="iso")
    path = written(tmp_path / "x.kml", pa.table({"geometry": pa.array(list(given_))}))
    read = [row["geometry"] for row in rows(formats.open(path).layer())]
    assert read == ["POINT (1 2)", "POINT Z (1 2 3)", None]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5))
def test_any_text_comes_back_or_is_told(tmp_path: Path, texts: list[str]) -> None:
    import pyarrow.parquet as pq

    source = tmp_path / "s.parquet"
    pq.write_table(pa.table({"Text<1>": texts}), source)
    report = cimkit.convert(source, tmp_path / "x.kml", verify=True)
    assert report.verified
    back = formats.open(tmp_path / "x.kml").layer().arrow()["Text<1>"].to_pylist()
    changed = [(a, b) for a, b in zip(texts, back, strict=True) if a != b]
    told = {loss.code: loss.count for loss in report.losses}
    assert told.get("text.characters", 0) == len(changed)


# ---- real files -----------------------------------------------------------------------------


@pytest.mark.shared
def test_real_files(shared: Path) -> None:
    points = formats.open(shared / "data/kml/time-stamp-point.kml").layer()
    table = points.arrow()
    assert table.num_rows == 361 and table.schema.names == ["timestamp", "styleUrl", "geometry", "_fid"]
    assert table["timestamp"][0].as_py() == "2007-01-14T21:05:02Z"
    dataset = formats.open(shared / "data/kml/states.kml")
    assert [layer.name for layer in dataset.layers] == ["States"]
    judge = pyogrio.read_dataframe(shared / "data/kml/states.kml", layer="States")
    read = dataset.layer().to_geopandas()
    assert shapely.equals(read.geometry.values, judge.geometry.values).all()
    assert read["Name"].tolist() == judge["Name"].tolist()
    assert "view-area.kml" in dataset.hints[0].message
