"""CityGML that is damaged, or meant to do harm: an error that says what and where, or a record set aside."""

from __future__ import annotations

from pathlib import Path

import pytest
from city_models import (
    NAMESPACES_2,
    SQUARE,
    X,
    Y,
    block_building,
    building,
    citygml,
    hint_codes,
    multi_surface,
    polygon,
    raised,
    row,
    rows,
    save,
    solid,
)

import cimkit.formats as formats
from cimkit.errors import SourceError, UsageError

GOOD = block_building("GOOD")


def footprint(inner: str, id: str = "B1") -> str:
    return building(f"<bldg:lod0FootPrint>{multi_surface(inner)}</bldg:lod0FootPrint>", id)


def read(path: Path) -> None:
    for layer in formats.open(path).layers:
        layer.arrow()


def test_cut_off_in_a_building(tmp_path: Path) -> None:
    text = citygml(GOOD, block_building("B2"))
    path = save(tmp_path / "a.gml", text[: text.index("B2") + 400])
    with pytest.raises(SourceError, match=r"a\.gml is not well-formed XML \(line \d+\)") as raised_:
        read(path)
    assert raised_.value.hint == "Was it copied or exported to the end?"


def test_salvage_reads_what_stands_before_the_cut(tmp_path: Path) -> None:
    text = citygml(GOOD, block_building("B2"))
    path = save(tmp_path / "a.gml", text[: text.index("B2") + 400])
    dataset = formats.open(path, salvage=True)
    assert [each["id"] for each in rows(dataset)] == ["GOOD"]
    assert [(reject.place, "well-formed" in reject.reason) for reject in dataset.unread] == [
        ("the rest of the file", True)
    ]


def test_cut_off_between_buildings_is_told_too(tmp_path: Path) -> None:
    text = citygml(GOOD, GOOD.replace("GOOD", "B2"))
    path = save(tmp_path / "a.gml", text[: text.index("</core:CityModel>")])
    with pytest.raises(SourceError, match="not well-formed"):
        read(path)


@pytest.mark.parametrize("declared", ["UTF-8", "GB2312"])
def test_bytes_in_another_encoding_than_declared(tmp_path: Path, declared: str) -> None:
    text = citygml(
        building("<gml:name>Rathausstraße</gml:name>"), declaration=f'<?xml version="1.0" encoding="{declared}"?>'
    )
    path = save(tmp_path / "a.gml", text, encoding="latin-1")
    with pytest.raises(SourceError, match="not well-formed") as raised_:
        read(path)
    assert raised_.value.hint == "Say the encoding with --encoding."


def test_an_encoding_given_overrules_the_declared_one(tmp_path: Path) -> None:
    text = citygml(building("<gml:name>人民路</gml:name>"))
    path = save(tmp_path / "a.gml", text, encoding="gb18030")
    (found,) = rows(formats.open(path, encoding="GB18030"))
    assert found["name"] == "人民路"


def test_an_encoding_that_is_declared_rightly_is_read(tmp_path: Path) -> None:
    text = citygml(building("<gml:name>人民路</gml:name>"), declaration='<?xml version="1.0" encoding="GB18030"?>')
    path = save(tmp_path / "a.gml", text, encoding="gb18030")
    assert row(path)["name"] == "人民路"
    assert formats.open(path).layer().encoding.value == "GB18030"


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE core:CityModel [<!ENTITY x "boo">]>',
        '<!DOCTYPE core:CityModel SYSTEM "http://example.org/evil.dtd">',
        '<!DOCTYPE core:CityModel [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    ],
)
def test_a_doctype_is_refused(tmp_path: Path, doctype: str) -> None:
    text = citygml(building("<gml:name>&x;</gml:name>" if "ENTITY" in doctype else "<gml:name>x</gml:name>"))
    path = save(tmp_path / "a.gml", text.replace("?>\n", f"?>\n{doctype}\n", 1))
    with pytest.raises(SourceError, match="DOCTYPE"):
        read(path)
    with pytest.raises(SourceError, match="DOCTYPE"):
        assert not formats.open(path, salvage=True).layers
        raise SourceError("DOCTYPE: nothing was read")


def test_billion_laughs_is_refused_at_once(tmp_path: Path) -> None:
    entities = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
    text = citygml(building("<gml:name>&a9;</gml:name>"))
    path = save(tmp_path / "a.gml", text.replace("?>\n", f"?>\n<!DOCTYPE x [{entities}]>\n", 1))
    with pytest.raises(SourceError, match="DOCTYPE"):
        read(path)


def test_elements_nested_without_end_are_refused(tmp_path: Path) -> None:
    deep = "<uro:a>" * 5000 + "</uro:a>" * 5000
    path = save(tmp_path / "a.gml", citygml(building(deep)))
    with pytest.raises(SourceError, match="not well-formed") as raised_:
        read(path)
    assert "deeper" in str(raised_.value.hint)


# ---- geometry -------------------------------------------------------------------------------

OPEN_RING = polygon(raised(SQUARE, 0), close=False)
ODD = polygon(raised(SQUARE, 0)).replace("</gml:posList>", " 7</gml:posList>")
TEXT = polygon(raised(SQUARE, 0)).replace(f"{X + 10!r}", "here", 1)
INFINITE = polygon(raised(SQUARE, 0)).replace(f"{X + 10!r}", "inf", 1)
FLAT_SAID_AS_SPACE = polygon(SQUARE, attributes=' srsDimension="3"').replace("</gml:posList>", "</gml:posList>")
BAD_GEOMETRY = [
    (OPEN_RING, "does not end where it begins"),
    (ODD, "16 numbers are no positions of 3 coordinates"),
    (TEXT, "no number"),
    (INFINITE, "not a finite number"),
    (FLAT_SAID_AS_SPACE, "10 numbers are no positions of 3 coordinates"),
    (polygon(raised(SQUARE, 0), attributes=' srsName="EPSG:28992"'), None),
]


@pytest.mark.parametrize(("geometry", "why"), BAD_GEOMETRY[:5], ids=["open", "odd", "text", "infinite", "dimension"])
def test_geometry_that_cannot_be_read(tmp_path: Path, geometry: str, why: str) -> None:
    path = save(tmp_path / "a.gml", citygml(GOOD, footprint(geometry, "BAD")))
    with pytest.raises(SourceError, match=f"the geometry of feature BAD cannot be read: .*{why}") as raised_:
        read(path)
    assert "--salvage" in str(raised_.value.hint)
    with formats.open(path, salvage=True).layer().stream() as stream:
        ids = [value for batch in stream.batches for value in batch.column("id").to_pylist()]
        assert ids == ["GOOD"]
        assert [(reject.row, reject.place) for reject in stream.rejected] == [(1, "feature BAD")]
        assert why in stream.rejected[0].reason


def test_geometry_in_another_crs_than_the_file(tmp_path: Path) -> None:
    other = '<bldg:lod0FootPrint><gml:MultiSurface srsName="EPSG:28992">' + (
        f"<gml:surfaceMember>{polygon(raised(SQUARE, 0))}</gml:surfaceMember></gml:MultiSurface></bldg:lod0FootPrint>"
    )
    path = save(tmp_path / "a.gml", citygml(building(other)))
    with pytest.raises(SourceError, match="it is in EPSG:28992, the file in EPSG:25832"):
        read(path)


def test_links_that_lead_back_to_themselves(tmp_path: Path) -> None:
    circle = '<gml:CompositeSurface gml:id="C"><gml:surfaceMember xlink:href="#C"/></gml:CompositeSurface>'
    path = save(tmp_path / "a.gml", citygml(footprint(circle)))
    with pytest.raises(SourceError, match="links lead back to themselves"):
        read(path)


def test_links_that_lead_nowhere_are_told(tmp_path: Path) -> None:
    content = f"<bldg:lod1Solid>{solid('#nowhere')}</bldg:lod1Solid>"
    path = save(tmp_path / "a.gml", citygml(building(content)))
    assert row(path)["geometry"] is None
    assert "geometry.links" in hint_codes(path)


def test_rings_of_too_few_positions_are_left_out_and_told(tmp_path: Path) -> None:
    sliver = polygon([(X, Y, 0.0), (X + 1, Y, 0.0)])
    content = f"<bldg:lod0FootPrint>{multi_surface(sliver, polygon(raised(SQUARE, 0)))}</bldg:lod0FootPrint>"
    path = save(tmp_path / "a.gml", citygml(building(content)))
    assert row(path)["geometry"].area == 80
    assert "geometry.degenerate" in hint_codes(path)


# ---- what stands around it ------------------------------------------------------------------


def test_a_prefix_without_a_namespace_is_read_and_told(tmp_path: Path) -> None:
    path = save(tmp_path / "a.gml", citygml(building("<energy:isHeated>true</energy:isHeated>")))
    assert row(path)["energy:isHeated"] == "true"
    assert "xml.namespace" in hint_codes(path)


def test_an_empty_model_has_no_layers(tmp_path: Path) -> None:
    dataset = formats.open(save(tmp_path / "a.gml", citygml()))
    assert dataset.layers == ()
    with pytest.raises(SourceError, match="holds no layers"):
        dataset.layer()


def test_an_object_without_geometry_or_id_is_a_record(tmp_path: Path) -> None:
    path = save(tmp_path / "a.gml", citygml("<bldg:Building><gml:name>x</gml:name></bldg:Building>"))
    found = row(path)
    assert (found["id"], found["name"], found["geometry"], found["lod"]) == (None, "x", None, None)


def test_a_layer_that_is_not_there(tmp_path: Path) -> None:
    path = save(tmp_path / "a.gml", citygml(GOOD))
    with pytest.raises(UsageError, match="no layer 'buildings'") as raised_:
        formats.open(path).layer("buildings")
    assert raised_.value.hint == "Did you mean 'building'?"


def test_xml_that_only_mentions_citygml_is_none(tmp_path: Path) -> None:
    text = '<?xml version="1.0"?><!-- http://www.opengis.net/citygml/2.0 --><note>about CityGML</note>'
    with pytest.raises(SourceError):
        formats.open(save(tmp_path / "a.xml", text))


def test_code_lists_outside_the_delivered_folders_are_not_opened(tmp_path: Path) -> None:
    secret = tmp_path / "secret.xml"
    secret.write_text(
        '<gml:Dictionary xmlns:gml="http://www.opengis.net/gml"><gml:dictionaryEntry><gml:Definition>'
        "<gml:description>top secret</gml:description><gml:name>1</gml:name>"
        "</gml:Definition></gml:dictionaryEntry></gml:Dictionary>"
    )
    folder = tmp_path / "a/b/c/d/e/f"
    folder.mkdir(parents=True)
    (folder / "link.xml").symlink_to(secret)
    spaces = [
        str(secret), secret.as_uri(), "../../../../../../secret.xml", "x/../../../secret.xml", "link.xml",
        "http://example.org/list.xml", "\\\\host\\share\\list.xml", "",
    ]  # fmt: skip
    usages = "".join(f'<bldg:usage codeSpace="{space}">1</bldg:usage>' for space in spaces)
    path = save(folder / "a.gml", citygml(building(usages)))
    found = row(path)
    assert "top secret" not in str(found)
    assert "codes.list_missing" in hint_codes(path)
    assert formats.open(path).delivery.files == (path,)


def test_nothing_is_written_beside_the_input(tmp_path: Path) -> None:
    path = save(tmp_path / "a.gml", citygml(GOOD))
    read(path)
    assert [each.name for each in tmp_path.iterdir()] == ["a.gml"]


def test_every_prefix_is_only_a_prefix(tmp_path: Path) -> None:
    renamed = {f"n{i}": uri for i, uri in enumerate(NAMESPACES_2.values())}
    text = citygml(GOOD)
    for new, old in zip(renamed, NAMESPACES_2, strict=True):
        text = text.replace(f"xmlns:{old}=", f"xmlns:{new}=").replace(f"<{old}:", f"<{new}:")
        text = text.replace(f"</{old}:", f"</{new}:").replace(f" {old}:", f" {new}:")
    assert row(save(tmp_path / "a.gml", text))["height_m"] == 9.0
