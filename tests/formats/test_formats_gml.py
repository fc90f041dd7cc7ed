"""GML: broken, hostile, with every form of srsName and both orders of axes, and written. fiona is the judge."""

from __future__ import annotations

import datetime as dt
import shutil
import socket
from pathlib import Path

import duckdb
import fiona
import pyarrow as pa
import pytest
import shapely.geometry
from hypothesis import given as any_of
from hypothesis import settings
from hypothesis import strategies as st
from round_trips import LONG_NAME, digests, held, listing, points, put, quietly, read, shapes, values, with_shapes

import cimkit.formats as formats
from cimkit.errors import SourceError, UsageError
from cimkit.formats.gdal.gml_axes import decide
from cimkit.formats.gdal.gml_write import PROFILE
from cimkit.formats.probe import look
from cimkit.formats.registry import FORMATS
from cimkit.formats.srs_names import axes_as_defined, named_crs

GML3, GML2 = "http://www.opengis.net/gml/3.2", "http://www.opengis.net/gml"
HTTP_25832 = "http://www.opengis.net/def/crs/EPSG/0/25832"
SPACES = 'xmlns:app="http://example.org/app" xmlns:xlink="http://www.w3.org/1999/xlink"'


def feature(position: str = "39.9 116.4", srs: str | None = None, *, inside: str = "", kind: str = "路") -> str:
    said = f' srsName="{srs}"' if srs else ""
    return (
        f"<gml:featureMember><app:{kind}>{inside}<app:geom><gml:Point{said}><gml:pos>{position}</gml:pos></gml:Point>"
        f"</app:geom></app:{kind}></gml:featureMember>"
    )


HEAD = '<?xml version="1.0" encoding="UTF-8"?>'


def document(path: Path, *features: str, space: str = GML3, head: str = HEAD) -> Path:
    body = "".join(features)
    text = f'{head}<gml:FeatureCollection xmlns:gml="{space}" {SPACES}>{body}</gml:FeatureCollection>'
    path.write_text(text, encoding="utf-8")
    return path


# ---- what must fail -------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.4, 0.7, 0.95, 0.999])
def test_a_document_that_is_cut_off_is_never_read_as_whole(tmp_path: Path, share: float) -> None:
    path = document(tmp_path / "x.gml", *[feature(srs="EPSG:4326", inside=f"<app:a>{i}</app:a>") for i in range(200)])
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(SourceError, match=r"x\.gml is cut off or damaged") as error:
        formats.open(path).layer().arrow()
    assert "line" in str(error.value)


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE a [<!ENTITY b "c">]>',
        '<!DOCTYPE a SYSTEM "file:///etc/hostname">',
        '<!DOCTYPE a [<!ENTITY a0 "x"><!ENTITY a1 "&a0;&a0;">]>',
    ],
)
def test_a_document_type_is_refused(tmp_path: Path, head: str) -> None:
    path = document(tmp_path / "x.gml", feature(), head=f'<?xml version="1.0"?>{head}')
    with pytest.raises(SourceError, match="document type"):
        formats.open(path)


def test_a_document_nested_without_end_is_refused(tmp_path: Path) -> None:
    deep = "<app:a>" * 500 + "</app:a>" * 500
    with pytest.raises(SourceError, match="deep"):
        formats.open(document(tmp_path / "x.gml", feature(inside=deep)))


def test_another_encoding_than_it_says_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="UTF-8"):
        formats.open(document(tmp_path / "x.gml", feature()), encoding="GBK")
    path = document(tmp_path / "y.gml", feature(inside="<app:a>\U0001f600</app:a>"))
    path.write_bytes(path.read_bytes().replace(b'"UTF-8"', b'"Big5"'))
    with pytest.raises(SourceError, match="Big5"):
        formats.open(path)


def test_citygml_is_not_claimed(tmp_path: Path) -> None:
    path = tmp_path / "x.gml"
    path.write_text(
        '<core:CityModel xmlns:core="http://www.opengis.net/citygml/2.0" xmlns:gml="http://www.opengis.net/gml">'
        "<gml:featureMember/></core:CityModel>"
    )
    sniff = FORMATS["GML"].sniff
    assert sniff is not None and not sniff(look(path))


# ---- axes -----------------------------------------------------------------------------

URN, HTTP = "urn:ogc:def:crs:EPSG::{}", "http://www.opengis.net/def/crs/EPSG/0/{}"
PLAIN, OLD = "EPSG:{}", "http://www.opengis.net/gml/srs/epsg.xml#{}"
BEIJING, ZONE = (116.4, 39.9), (500100.0, 3400100.0)


@pytest.mark.parametrize("form", [URN, HTTP, PLAIN, OLD])
@pytest.mark.parametrize(("code", "place"), [(4326, BEIJING), (4490, BEIJING), (4547, ZONE)])
@pytest.mark.parametrize("northing_first", [False, True])
def test_every_form_in_every_order_ends_as_x_y(
    tmp_path: Path, form: str, code: int, place: tuple[float, float], northing_first: bool
) -> None:
    x, y = place
    position = f"{y} {x}" if northing_first else f"{x} {y}"
    srs = form.format(code)
    layer = formats.open(document(tmp_path / "x.gml", feature(position, srs))).layer()
    assert shapes(layer.arrow()) == [f"POINT ({x:g} {y:g})" if code != 4547 else f"POINT ({x:.0f} {y:.0f})"]
    assert layer.crs.value == f"EPSG:{code}" and srs in layer.crs.how
    as_the_form_says = northing_first == (form in (URN, HTTP))
    assert layer.crs.confidence == (1.0 if as_the_form_says else 0.7)
    assert [hint.code for hint in layer._head.hints] == ([] if as_the_form_says else ["crs.axis_order"])


@pytest.mark.parametrize(("form", "confidence", "codes"), [(PLAIN, 0.5, ["crs.axis_order"]), (URN, 0.9, [])])
def test_where_both_orders_are_possible_the_form_decides_and_says_how_sure(
    tmp_path: Path, form: str, confidence: float, codes: list[str]
) -> None:
    layer = formats.open(document(tmp_path / "x.gml", feature("52 4.4", form.format(4326)))).layer()
    assert shapes(layer.arrow()) == (["POINT (52 4.4)"] if form == PLAIN else ["POINT (4.4 52)"])
    assert layer.crs.confidence == confidence
    assert [hint.code for hint in layer._head.hints] == codes


def test_axis_labels_decide_where_both_orders_are_possible(tmp_path: Path) -> None:
    labelled = feature("52 4.4", 'EPSG:4326" axisLabels="Lat Long')
    layer = formats.open(document(tmp_path / "x.gml", labelled)).layer()
    assert shapes(layer.arrow()) == ["POINT (4.4 52)"] and "axisLabels" in layer.crs.how


def test_no_srs_name_is_no_crs_and_nothing_is_turned(tmp_path: Path) -> None:
    path = document(tmp_path / "x.gml", feature("39.9 116.4"))
    about = formats.inspect(path)["layers"][0]
    assert about["crs"]["value"] is None and about["bbox"] == [39.9, 116.4, 39.9, 116.4]
    assert "latitude and longitude" in {hint["code"]: hint["message"] for hint in about["hints"]}["crs.missing"]
    given = formats.open(path, crs="EPSG:4490").layer()
    assert shapes(given.arrow()) == ["POINT (116.4 39.9)"]
    assert given.crs.value == "EPSG:4490"


def test_an_unknown_srs_name_is_told(tmp_path: Path) -> None:
    layer = formats.open(document(tmp_path / "x.gml", feature("1 2", "EPSG:99999"))).layer()
    assert layer.crs.value is None and "EPSG:99999" in layer.crs.how


def test_several_srs_names_are_told(tmp_path: Path) -> None:
    mixed = [feature("116.4 39.9", "EPSG:4326"), feature("500100 3400100", "EPSG:4547"), feature("1 2", "EPSG:4326")]
    layer = formats.open(document(tmp_path / "x.gml", *mixed)).layer()
    assert "crs.mixed" in {hint.code for hint in layer._head.hints} and layer.crs.confidence <= 0.3


@pytest.mark.parametrize(
    ("srs", "expected"),
    [
        ("urn:ogc:def:crs:EPSG::4547", ("EPSG:4547", True)),
        ("urn:ogc:def:crs:EPSG:6.9:4326", ("EPSG:4326", True)),
        ("urn:x-ogc:def:crs:EPSG:4326", ("EPSG:4326", True)),
        ("urn:adv:crs:ETRS89_UTM32", ("EPSG:25832", False)),
        ("urn:ogc:def:crs:ESRI::54030", ("ESRI:54030", True)),
        ("urn:ogc:def:crs:OGC:1.3:CRS84", ("EPSG:4326", False)),
        ("http://www.opengis.net/def/crs/OGC/1.3/CRS84", ("EPSG:4326", False)),
        ("https://www.opengis.net/def/crs/EPSG/0/31370", ("EPSG:31370", True)),
        ("http://www.opengis.net/gml/srs/epsg.xml#28992", ("EPSG:28992", False)),
        ("urn:ogc:def:crs,crs:EPSG::28992,crs:EPSG::5709", ("EPSG:7415", True)),
        ("EPSG:4490", ("EPSG:4490", False)),
        ("local", (None, False)),
        ("", (None, False)),
    ],
)
def test_forms_of_names(srs: str, expected: tuple[str | None, bool]) -> None:
    assert (named_crs(srs), axes_as_defined(srs)) == expected


@any_of(st.floats(74, 134), st.floats(19, 53), st.booleans(), st.sampled_from([URN, HTTP, PLAIN, OLD]))
@settings(max_examples=200, deadline=None)
def test_an_order_against_the_form_is_never_taken_in_silence(x: float, y: float, turned: bool, form: str) -> None:
    raw = (y, x, y, x) if turned else (x, y, x, y)
    axes = decide(form.format(4490), raw)
    by_rule = form in (URN, HTTP)
    assert axes.swap == by_rule or axes.hints
    assert axes.swap == turned or axes.hints or axes.crs.confidence < 1.0


# ---- reading --------------------------------------------------------------------------


def test_nothing_is_written_beside_it_and_a_stale_gfs_is_not_believed(tmp_path: Path) -> None:
    inside = "<app:code>010001</app:code><app:n>7</app:n><app:leer></app:leer>"
    path = document(tmp_path / "x.gml", feature(srs="EPSG:4326", inside=inside))
    (tmp_path / "x.gfs").write_text("<GMLFeatureClassList><GMLFeatureClass><Name>falsch</Name></GMLFeatureClass>")
    before = listing(tmp_path)
    layer = formats.open(path).layer()
    row = layer.arrow().to_pylist()[0]
    assert (row["code"], row["n"], row["leer"]) == ("010001", "7", "") and layer.text_cells
    assert layer.name == "路"
    assert listing(tmp_path) == before


def test_feature_types_are_layers_in_gml_2_and_3(tmp_path: Path) -> None:
    two = (
        '<gml:featureMember><app:点 fid="p.1"><app:geom><gml:Point srsName="EPSG:4326"><gml:coordinates>116.4,39.9'
        "</gml:coordinates></gml:Point></app:geom></app:点></gml:featureMember>"
    )
    dataset = formats.open(document(tmp_path / "x.gml", two, feature(srs="EPSG:4326"), two, space=GML2))
    assert {layer.name: layer.arrow().num_rows for layer in dataset.layers} == {"点": 2, "路": 1}


def test_what_gdal_leaves_out_is_told(tmp_path: Path) -> None:
    inside = (
        '<app:name>a</app:name><app:lies xlink:href="#r2"/>'
        "<app:mitte><gml:Point><gml:pos>1 2</gml:pos></gml:Point></app:mitte>"
    )
    about = formats.inspect(document(tmp_path / "x.gml", feature(srs="EPSG:4326", inside=inside)))["layers"][0]
    messages = {hint["code"]: hint["message"] for hint in about["hints"]}
    assert "geom, mitte" in messages["geometry.left_out"]
    assert messages["gml.links"].startswith("1 ref")


WFS = "http://www.opengis.net/wfs/2.0"


def answer(path: Path, *members: str, said: str = "") -> Path:
    spaces = f'xmlns:wfs="{WFS}" xmlns:gml="{GML3}" {SPACES} xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    body = "".join(f"<wfs:member>{member}</wfs:member>" for member in members)
    path.write_text(f"{HEAD}<wfs:FeatureCollection {spaces} {said}>{body}</wfs:FeatureCollection>", encoding="utf-8")
    return path


def parcel(patches: str, inside: str = "", srs: str = HTTP_25832) -> str:
    surface = f'<gml:Surface gml:id="s" srsName="{srs}"><gml:patches>{patches}</gml:patches></gml:Surface>'
    return f'<app:Parcel gml:id="p">{inside}<app:geometry>{surface}</app:geometry></app:Parcel>'


def patch(x: int, y: int, kind: str = "PolygonPatch") -> str:
    ring = f"{x} {y} {x + 10} {y} {x + 10} {y + 10} {x} {y + 10} {x} {y}"
    positions = f"<gml:LinearRing><gml:posList>{ring}</gml:posList></gml:LinearRing>"
    return f"<gml:{kind}><gml:exterior>{positions}</gml:exterior></gml:{kind}>"


def test_surfaces_of_patches_are_polygons(tmp_path: Path) -> None:
    two = patch(500100, 5700000) + patch(500200, 5700000)
    path = answer(
        tmp_path / "x.gml", parcel(patch(500000, 5700000)), parcel(two), parcel(patch(500300, 5700000, "Rectangle"))
    )
    with fiona.open(shutil.copy(path, tmp_path / "judge.gml")) as judge:
        expected = [shapely.geometry.shape(each.geometry) for each in judge]
    found = [shapely.from_wkb(each) for each in formats.open(path).layer().arrow()["geometry"].to_pylist()]
    assert [shape.area for shape in found] == [100, 200, 100]
    assert all(shape.equals(other) for shape, other in zip(found, expected, strict=True))


def test_values_in_attributes_are_columns(tmp_path: Path) -> None:
    inside = (
        '<app:use xlink:href="http://example.org/residential"/><app:height uom="m">12.5</app:height>'
        '<app:until xsi:nil="true" nilReason="unpopulated"/>'
    )
    table = formats.open(answer(tmp_path / "x.gml", parcel(patch(500000, 5700000), inside))).layer().arrow()
    assert table["use_href"].to_pylist() == ["http://example.org/residential"]
    assert (table["height"].to_pylist(), table["height_uom"].to_pylist()) == (["12.5"], ["m"])
    assert table["until"].to_pylist() == [None]


def test_empty_geometries_and_boxes_make_no_columns(tmp_path: Path) -> None:
    box = (
        f'<gml:boundedBy><gml:Envelope srsName="{HTTP_25832}"><gml:lowerCorner>500000 5700000</gml:lowerCorner>'
        "<gml:upperCorner>500010 5700010</gml:upperCorner></gml:Envelope></gml:boundedBy><app:a>1</app:a>"
    )
    nothing = '<app:Parcel gml:id="q"><app:geometry/></app:Parcel>'
    layer = formats.open(answer(tmp_path / "x.gml", parcel(patch(500000, 5700000), box), nothing)).layer()
    assert layer.arrow().schema.names == ["gml_id", "a", "geometry", "_fid"]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('numberMatched="400" numberReturned="2"', "398 of the 400 records that the service found"),
        ('numberMatched="4" numberReturned="4"', "2 of the 4 records that it promises"),
        ('numberOfFeatures="3"', "1 of the 3 records that it promises"),
        ('numberMatched="unknown" numberReturned="2" next="http://example.org/wfs?startIndex=2"', "those that follow"),
        ('numberMatched="unknown" numberReturned="2"', None),
        ('numberMatched="2" numberReturned="2"', None),
        ('numberMatched="-1" numberReturned="many"', None),
        ('numberOfFeatures="2"', None),
    ],
)
def test_an_answer_that_is_not_all_of_it_is_told(tmp_path: Path, said: str, words: str | None) -> None:
    members = [parcel(patch(500000, 5700000))] * 2
    about = formats.inspect(answer(tmp_path / "x.gml", *members, said=said))["layers"][0]
    told = [hint["message"] for hint in about["hints"] if hint["code"] == "records.incomplete"]
    assert [message for message in told if words and words in message] == told
    assert bool(told) == bool(words)


def test_an_answer_without_records_says_so(tmp_path: Path) -> None:
    for said in ('numberMatched="40" numberReturned="0"', 'numberMatched="0" numberReturned="0"'):
        about = formats.inspect(answer(tmp_path / "x.gml", said=said))
        assert about["layers"] == []
        assert [hint["code"] for hint in about["hints"]] == ["records.incomplete" if "40" in said else "source.nothing"]


def test_cadastral_data_of_germany_is_read(tmp_path: Path) -> None:
    area = parcel(patch(500000, 5700000), "<app:nummer>0012</app:nummer>", "urn:adv:crs:ETRS89_UTM32")
    inner = answer(tmp_path / "inner.gml", area).read_text(encoding="utf-8").removeprefix(HEAD)
    path = tmp_path / "nas.xml"
    path.write_text(
        f'{HEAD}<AX_Bestandsdatenauszug xmlns="urn:x"><enthaelt>{inner}</enthaelt></AX_Bestandsdatenauszug>'
    )
    layer = formats.open(path).layer()
    assert layer.crs.value == "EPSG:25832" and layer.arrow()["nummer"].to_pylist() == ["0012"]


def test_salvage_keeps_what_is_whole(tmp_path: Path) -> None:
    features = [feature(f"{i} {i}", "EPSG:28992", inside=f"<app:a>{i}</app:a>") for i in range(9)]
    features[3] = features[3].replace("</app:a>", "</app:b>")
    path = document(tmp_path / "x.gml", *features)
    path.write_bytes(path.read_bytes()[:-60])
    layer = formats.open(path, salvage=True).layer()
    with layer.stream() as stream:
        rows = [value for batch in stream.batches for value in batch.column("a").to_pylist()]
        rejected = [reject.place for reject in stream.rejected]
    assert rows == ["0", "1", "2", "4", "5", "6", "7"]
    assert len(rejected) == 3 and "line" in rejected[0]


def test_an_encoding_that_expat_does_not_know(tmp_path: Path) -> None:
    path = document(tmp_path / "x.gml", feature(srs="EPSG:4326", inside="<app:名称>朝阳路</app:名称>"))
    path.write_bytes(path.read_text(encoding="utf-8").replace('"UTF-8"', '"GB2312"').encode("gb18030"))
    layer = formats.open(path).layer()
    assert layer.arrow()["名称"].to_pylist() == ["朝阳路"]
    assert (layer.encoding.value, layer.encoding.how) == ("GB18030", "declared as GB2312")


def surface(patches: str) -> str:
    ring = "<gml:LinearRing><gml:posList>0 0 1 0 1 2 1 1 3 0 0 1</gml:posList></gml:LinearRing>"
    patch = f"<gml:PolygonPatch><gml:exterior>{ring}</gml:exterior></gml:PolygonPatch>"
    whole = f"<gml:{patches}>{patch}</gml:{patches}>"
    return f'<gml:PolyhedralSurface srsName="EPSG:28992" srsDimension="3">{whole}</gml:PolyhedralSurface>'


def solid(geometry: str) -> str:
    return f"<gml:featureMember><app:a><app:g>{geometry}</app:g></app:a></gml:featureMember>"


POINT_Z = '<gml:Point srsName="EPSG:28992"><gml:pos>1 2 3</gml:pos></gml:Point>'


def test_heights_of_mixed_kinds_and_surfaces_are_read(tmp_path: Path) -> None:
    path = document(tmp_path / "x.gml", solid(surface("polygonPatches")), solid(POINT_Z))
    assert formats.inspect(path)["layers"][0]["geometry_kinds"] == {"Point Z": 1, "PolyhedralSurface Z": 1}


@pytest.mark.parametrize("first", [True, False])
def test_a_geometry_that_gdal_cannot_build_ends_nothing_in_silence(tmp_path: Path, first: bool) -> None:
    members = [solid(surface("patches")), solid(POINT_Z)]
    path = document(tmp_path / "x.gml", *(members if first else members[::-1]))
    with pytest.raises(SourceError, match=f"Only {0 if first else 1} of the 2 features 'a'"):
        formats.open(path).layer().arrow()


def test_a_schema_types_only_what_is_of_its_types(tmp_path: Path) -> None:
    table = pa.table(
        {
            "n": [1, 2],
            "k": [1, 2],
            "t": pa.array([dt.datetime(2020, 1, 1), None], pa.timestamp("us")),
            "z": pa.array([dt.datetime(2020, 1, 1, tzinfo=dt.UTC), None], pa.timestamp("us", "UTC")),
        }
    )
    path = put(with_shapes(table, points(2)), tmp_path / "x.gml")
    path.write_text(
        path.read_text(encoding="utf-8")
        .replace("<ogr:n>1</ogr:n>", "<ogr:n>1x</ogr:n><ogr:mehr>m</ogr:mehr>")
        .replace("00:00:00Z", "08:00:00+08:00"),
        encoding="utf-8",
    )
    again = read(path)
    assert again["n"].to_pylist() == ["1x", "2"] and again["k"].to_pylist() == [1, 2]
    assert again["mehr"].to_pylist() == ["m", None]
    assert again["t"].to_pylist() == [dt.datetime(2020, 1, 1), None]
    assert again["z"].to_pylist() == [dt.datetime(2020, 1, 1, tzinfo=dt.UTC), None]


def test_no_schema_is_fetched_and_no_link_followed(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        inside = f'<app:geom2 xlink:href="{address}/y.gml#r1"/>'
        path = document(tmp_path / "x.gml", feature(srs="EPSG:4326", inside=inside))
        space = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        said = f'{space} xsi:schemaLocation="http://example.org/app {address}/x.xsd"'
        path.write_text(path.read_text(encoding="utf-8").replace("xmlns:app", f"{said} xmlns:app", 1), encoding="utf-8")
        assert read(path).num_rows == 1
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize("name", ["a!b.gml", "a;b#c?d.gml", "城 市.gml"])
def test_any_file_name(tmp_path: Path, name: str) -> None:
    assert read(document(tmp_path / name, feature(srs="EPSG:4326"))).num_rows == 1


@pytest.mark.shared
def test_real_citygml_is_left_to_its_reader(shared: Path) -> None:
    sniff = FORMATS["GML"].sniff
    files = sorted((shared / "data").rglob("*.gml"))
    assert files and sniff is not None
    assert not [path for path in files if path.stat().st_size and sniff(look(path))]


# ---- writing --------------------------------------------------------------------------


def test_every_value_is_as_the_profile_says(tmp_path: Path) -> None:
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        strange = pa.array(["a\x01b", "c\rd", "<&>\"'\t\n", "\ufffe", ""])
        expected, losses = held(con, with_shapes(values().append_column("xml", strange), points()), PROFILE)
    path = put(expected, tmp_path / "x.gml")
    again = read(path)
    for name in expected.schema.names:
        if name == "geometry":
            continue
        assert again[name].cast(expected[name].type).to_pylist() == expected[name].to_pylist(), name
    assert losses == {
        "u64": ["type.dropped"],
        "f64": ["number.precision"],
        "zeit": ["time.fraction"],
        "uhr": ["type.dropped"],
        "roh": ["type.dropped"],
        "xml": ["text.cut"],
    }
    with quietly(), fiona.open(path) as judge:
        rows = [dict(row.properties) for row in judge]
    assert [row["i64"] for row in rows] == [2**53 + 1, None, 3, -(2**63), 2**63 - 1]
    assert [row["编号"] for row in rows] == ["010001", None, None, "x" * 300, "中" * 300]
    assert [row[LONG_NAME] for row in rows] == ["1", "2", "3", "4", "5"]


def test_axes_are_written_as_the_authority_has_them(tmp_path: Path) -> None:
    for crs, text in (("EPSG:4490", "39.9 116.4"), ("EPSG:28992", "116.4 39.9"), ("EPSG:4547", "39.9 116.4")):
        path = put(with_shapes(pa.table({"a": [1]}), ["POINT (116.4 39.9)"]), tmp_path / "x.gml", crs=crs)
        raw = path.read_text(encoding="utf-8")
        assert f"<gml:pos>{text}</gml:pos>" in raw and f"urn:ogc:def:crs:EPSG::{crs[5:]}" in raw
        with quietly(), fiona.open(path) as judge:
            assert next(iter(judge)).geometry["coordinates"] == (116.4, 39.9)


def test_two_runs_give_the_same_files(tmp_path: Path) -> None:
    table = with_shapes(values().select(["编号", "i64", "zeit"]), points())
    first = digests(put(table, tmp_path / "x.gml"))
    assert first == digests(put(table, tmp_path / "x.gml")) and set(first) == {"x.gml", "x.xsd"}


@pytest.mark.parametrize(
    "given",
    [
        ["POLYGON ((0 0, 1 0, 1 1, 0 0))", "MULTIPOLYGON (((5 5, 6 5, 6 6, 5 5)))", None, "POINT (1 2)"],
        ["POLYGON Z ((0 0 1, 1 0 2, 1 1 3, 0 0 1))", "MULTIPOLYGON Z (((5 5 1, 6 5 2, 6 6 3, 5 5 1)))"],
        ["MULTILINESTRING ((0 0, 1 1), (2 2, 3 3))", "LINESTRING (0 0, 1 1)", "MULTIPOINT ((1 2))"],
        ["GEOMETRYCOLLECTION (POINT (1 2), LINESTRING (0 0, 1 1))"],
    ],
)
def test_geometries_survive(tmp_path: Path, given: list[str | None]) -> None:
    table = with_shapes(pa.table({"a": list(range(len(given)))}), given)
    assert shapes(read(put(table, tmp_path / "x.gml", crs="EPSG:28992"))) == shapes(table)


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:4490", "EPSG:4547", "EPSG:4526", "EPSG:31370"])
def test_a_crs_with_a_code_survives(tmp_path: Path, crs: str) -> None:
    zones = {"EPSG:4547": "POINT (500100 3400100)", "EPSG:4526": "POINT (38500100 3400100)"}
    place = zones.get(crs, "POINT (116.4 39.9)")
    layer = formats.open(put(with_shapes(pa.table({"a": [1]}), [place]), tmp_path / "x.gml", crs=crs)).layer()
    assert layer.crs.value == crs and shapes(layer.arrow()) == [place]


@pytest.mark.parametrize("crs", ["EPSG:4547+5737", "GCJ-02", None])
def test_another_crs_is_dropped_as_the_profile_says(tmp_path: Path, crs: str | None) -> None:
    assert PROFILE.crs == "codes"
    layer = formats.open(put(with_shapes(pa.table({"a": [1]}), points(1)), tmp_path / "x.gml", crs=crs)).layer()
    assert layer.crs.value is None and shapes(layer.arrow()) == points(1)


def test_names_are_what_the_profile_says(tmp_path: Path) -> None:
    given = ["fid", "gml_id", "select", "a b", "a-b", "1a", "中" * 65, "<a>", "名 称", "a.b", "a:b", "É", "geometry_"]
    assert PROFILE.naming is not None
    new = PROFILE.naming.names(given)
    table = with_shapes(pa.table({name: [f"v{i}"] for i, name in enumerate(new.values())}), ["POINT (1 2)"])
    again = read(put(table, tmp_path / "x.gml", layer="a b/c"))
    own = [name for name in again.schema.names if name not in ("gml_id", "geometry", "_fid")]
    assert own == list(new.values())
    assert [again[name][0].as_py() for name in own] == [f"v{i}" for i in range(len(given))]


def test_a_table_without_geometry_and_one_without_rows(tmp_path: Path) -> None:
    assert read(put(pa.table({"a": [7, None]}), tmp_path / "x.gml"))["a"].to_pylist() == [7, None]
    nothing = with_shapes(pa.table({"a": [1]}), [None]).slice(0, 0)
    assert [layer.arrow().num_rows for layer in formats.open(put(nothing, tmp_path / "y.gml")).layers] in ([], [0])
