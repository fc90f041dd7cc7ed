"""Shapefiles: encodings by evidence, names and cells cut at bytes, CRS from .prj or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import fiona
import geopandas
import pyproj
import pytest
from formats_sources import dbf_bytes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import Point

import cimkit.formats as formats
from cimkit.errors import SourceError
from cimkit.formats.gdal import dbf

NAMES = ("中国建筑大厦", "上海市人民广场", "地铁二号线")
Maker = Callable[..., Path]


def hints(layer: formats.Layer) -> set[str]:
    with layer.stream() as stream:
        return {hint.code for hint in stream.hints}


@pytest.mark.parametrize("language", [0x00, 0x03, 0x57, 0x4D, 0x7A])
@pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
@pytest.mark.parametrize("cpg", [None, "right", "wrong"])
def test_text_is_right_whatever_the_sidecars_say(
    shapefile: Maker, language: int, encoding: str, cpg: str | None
) -> None:
    said = {"right": encoding, "wrong": "utf-8" if encoding == "gbk" else "gbk"}.get(cpg or "")
    rows = [(name.encode(encoding),) for name in NAMES]
    path = shapefile([("名称".encode(encoding), 40)], rows, language=language, cpg=said)
    layer = formats.open(path).layer()
    assert layer.schema.names == ["名称", "geometry", "_fid"]
    assert layer.arrow()["名称"].to_pylist() == list(NAMES)
    assert layer.encoding.value == {"gbk": "GB18030", "utf-8": "UTF-8"}[encoding]
    assert layer.encoding.confidence >= 0.7
    assert layer.text_cells


def test_rare_characters_of_real_names(shapefile: Maker) -> None:
    names = ["䶮", "𬭖字", "中国建筑", "上海人民", "天安门广场"]
    path = shapefile([(b"name", 40)], [(name.encode("gb18030"),) for name in names])
    assert formats.open(path).layer().arrow()["name"].to_pylist() == names


def test_big5(shapefile: Maker) -> None:
    names = ["臺北市政府大樓", "高雄車站", "中正紀念堂", "國立故宮博物院"]
    path = shapefile([(b"name", 40)], [(name.encode("big5"),) for name in names])
    layer = formats.open(path).layer()
    assert layer.arrow()["name"].to_pylist() == names
    assert layer.encoding.value == "Big5"


def test_latin_text(shapefile: Maker) -> None:
    names = ["Straße", "Übergröße", "Façade"]
    path = shapefile([(b"name", 40)], [(name.encode("cp1252"),) for name in names], cpg="1252")
    layer = formats.open(path).layer()
    assert layer.arrow()["name"].to_pylist() == names


def test_ascii_needs_no_guess(shapefile: Maker) -> None:
    layer = formats.open(shapefile()).layer()
    assert (layer.encoding.value, layer.encoding.confidence) == ("UTF-8", 1.0)


@pytest.mark.parametrize(
    ("encoding", "given"), [("gbk", "utf-8"), ("utf-8", "gbk"), ("gbk", "latin1"), ("utf-8", "1252")]
)
def test_a_wrong_encoding_is_refused_and_never_mojibake(shapefile: Maker, encoding: str, given: str) -> None:
    rows = [(f"{name}{i}号".encode(encoding),) for i in range(10) for name in NAMES]
    path = shapefile([(b"name", 60)], rows)
    with pytest.raises(SourceError) as caught:
        formats.open(path, encoding=given)
    assert "s.dbf is not" in str(caught.value)
    assert "say" in (caught.value.hint or "")


def test_a_right_encoding_may_be_given(shapefile: Maker) -> None:
    rows = [(name.encode("gbk"),) for name in NAMES]
    layer = formats.open(shapefile([(b"name", 40)], rows), encoding="GB2312").layer()
    assert layer.arrow()["name"].to_pylist() == list(NAMES)
    assert (layer.encoding.value, layer.encoding.how) == ("GB18030", "given")


def test_a_name_cut_in_the_middle_of_a_character(shapefile: Maker) -> None:
    path = shapefile([("建筑物名称".encode(), 40)], [(name.encode(),) for name in NAMES])
    layer = formats.open(path).layer()
    assert layer.schema.names[0] == "建筑物"
    assert layer.arrow()["建筑物"].to_pylist() == list(NAMES)
    assert "names.truncated" in hints(layer)


def test_cells_cut_in_the_middle_of_a_character(shapefile: Maker) -> None:
    for encoding, cut in (("utf-8", "中国建筑"), ("gbk", "中国建筑大")):
        width = 13 if encoding == "utf-8" else 11
        path = shapefile([(b"name", width)], [("中国建筑大厦".encode(encoding),), ("上海市".encode(encoding),)] * 5)
        layer = formats.open(path).layer()
        assert layer.arrow()["name"].to_pylist() == [cut, "上海市"] * 5
        assert "text.cut" in hints(layer)


def test_one_damaged_cell_spoils_no_other(shapefile: Maker) -> None:
    rows = [(f"中国建筑大厦{i}".encode(),) for i in range(40)]
    rows[7] = (b"\xff\xfe\xfd ok",)
    layer = formats.open(shapefile([(b"name", 40)], rows)).layer()
    read = layer.arrow()["name"].to_pylist()
    assert "\ufffd" in read[7] and read[7].endswith(" ok")
    assert read[:7] + read[8:] == [row[0].decode() for row in rows[:7] + rows[8:]]
    assert "encoding.damaged" in hints(layer)


def test_deleted_records_and_nulls(shapefile: Maker) -> None:
    path = shapefile([(b"name", 10)], [(b"a",), (b"",), (b"c",)])
    data = bytearray(path.with_suffix(".dbf").read_bytes())
    data[65] = ord("*")  # the deletion mark of the first record
    path.with_suffix(".dbf").write_bytes(data)
    layer = formats.open(path).layer()
    table = layer.arrow()
    assert table["name"].to_pylist() == [None, "c"]
    assert table["_fid"].to_pylist() == ["1", "2"]


def test_names_that_collide(shapefile: Maker) -> None:
    fields = [(b"name", 4), (b"NAME", 4), (b"geometry", 4), (b"_row", 4), (b"_fid", 4)]
    layer = formats.open(shapefile(fields, [(b"1", b"2", b"3", b"4", b"5")])).layer()
    row = layer.arrow().drop_columns("geometry").to_pylist()[0]
    assert row == {"name": "1", "NAME_2": "2", "geometry_2": "3", "_row_2": "4", "_fid_2": "5", "_fid": "0"}
    assert {"names.duplicate", "names.reserved"} <= hints(layer)
    assert layer.schema.field("NAME_2").metadata == {b"cimkit:name": b"NAME"}


def test_full_names_get_a_hint(shapefile: Maker) -> None:
    assert "names.truncated" in hints(formats.open(shapefile([(b"building_h", 4)])).layer())
    assert "names.truncated" not in hints(formats.open(shapefile([(b"height", 4)])).layer())


def test_widths_are_the_tables_own(shapefile: Maker) -> None:
    about = formats.inspect(shapefile([("名".encode("gbk"), 12), (b"b", 3)], [("中国建筑".encode("gbk"), b"x")]))
    fields = about["layers"][0]["fields"]
    assert fields == [{"name": "名", "type": "string", "width": 12}, {"name": "b", "type": "string", "width": 3}]


def test_no_prj_is_no_crs(shapefile: Maker) -> None:
    about = formats.inspect(shapefile(prj=None))["layers"][0]
    assert about["crs"] == {"value": None, "how": "there is no .prj", "confidence": 1.0}
    assert about["bbox_crs84"] is None
    assert [hint["code"] for hint in about["hints"]] == ["crs.missing"]


@pytest.mark.parametrize("code", [4490, 4547, 4526, 4549, 2326, 31370, 3857, 32650])
def test_the_crs_of_an_esri_prj(shapefile: Maker, code: int) -> None:
    layer = formats.open(shapefile(prj=pyproj.CRS.from_epsg(code).to_wkt("WKT1_ESRI"))).layer()
    assert (layer.crs.value, layer.crs.how) == (f"EPSG:{code}", ".prj")
    assert layer.to_geopandas().crs == pyproj.CRS.from_epsg(code)


def test_a_given_crs_overrules_with_a_hint(shapefile: Maker) -> None:
    layer = formats.open(shapefile(), crs="4490").layer()
    assert (layer.crs.value, layer.crs.how) == ("EPSG:4490", "given")
    assert "crs.overruled" in hints(layer)
    assert "crs.overruled" not in hints(formats.open(shapefile(prj=None), crs="GCJ-02").layer())


def test_capital_suffixes_and_chinese_paths(tmp_path: Path, shapefile: Maker) -> None:
    path = shapefile([(b"name", 40)], [(NAMES[0].encode("gbk"),)])
    folder = tmp_path / "数据 #1!"
    folder.mkdir()
    for part in (".shp", ".shx", ".dbf", ".prj"):
        shutil.copy(path.with_suffix(part), folder / f"建筑{part.upper()}")
    dataset = formats.open(folder / "建筑.SHP")
    assert dataset.layer("建筑").arrow()["name"].to_pylist() == [NAMES[0]]
    assert dataset.layer().crs.value == "EPSG:4326"


def test_the_checksum_covers_every_part(shapefile: Maker) -> None:
    path = shapefile(cpg="UTF-8")
    first = formats.open(path).source
    assert first.bytes == sum(path.with_suffix(s).stat().st_size for s in (".shp", ".shx", ".dbf", ".prj", ".cpg"))
    assert formats.open(path).source == first
    for suffix in (".dbf", ".prj", ".cpg"):
        before = path.with_suffix(suffix).read_bytes()
        path.with_suffix(suffix).write_bytes(before + b" ")
        assert formats.open(path).source.sha256 != first.sha256
        path.with_suffix(suffix).write_bytes(before)


def test_counts_that_differ(tmp_path: Path, shapefile: Maker) -> None:
    path = shapefile()
    path.with_suffix(".dbf").write_bytes(dbf_bytes([(b"name", 10)], [(b"a",)]))
    assert "shapefile.counts_differ" in hints(formats.open(path).layer())


def test_types_and_values_as_fiona_reads_them(tmp_path: Path) -> None:
    frame = geopandas.GeoDataFrame(
        {"i": [1, -5], "big": [2**40, 3], "f": [1.5, None], "t": ["a", None]}, geometry=[Point(1, 2), None], crs=4326
    )
    frame.to_file(tmp_path / "x.shp")
    rows = formats.open(tmp_path / "x.shp").layer().arrow().drop_columns(["geometry", "_fid"]).to_pylist()
    with fiona.open(tmp_path / "x.shp") as judge:
        assert rows == [dict(record["properties"]) for record in judge]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.text(st.characters(codec="gb18030", exclude_characters="\0"), max_size=20), max_size=20),
    encoding=st.sampled_from(["gb18030", "utf-8"]),
)
def test_recoding_gives_back_any_text(texts: list[str], encoding: str) -> None:
    import pyarrow as pa

    as_read = pa.array([text.encode(encoding).decode("latin-1") for text in texts] + [None], pa.string())
    assert dbf.recode(as_read, encoding).to_pylist() == [*texts, None]


@settings(max_examples=60, deadline=None)
@given(
    text=st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=10),
    width=st.integers(1, 30),
)
def test_a_cut_cell_keeps_its_whole_characters(text: str, width: int) -> None:
    for encoding in ("gb18030", "utf-8"):
        assert text.startswith(dbf.decode(text.encode(encoding)[:width], encoding))
