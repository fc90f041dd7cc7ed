"""MapInfo TAB and MIF: sets that are not whole, charsets that are wrong, and what is written. fiona is the judge."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import duckdb
import fiona
import pyarrow as pa
import pyogrio
import pytest
import shapely
from round_trips import LONG_NAME, digests, held, listing, points, put, quietly, read, shapes, values, with_shapes

import cimkit.formats as formats
from cimkit.errors import SourceError
from cimkit.formats.gdal import mapinfo_write, mif_write
from cimkit.formats.gdal.mapinfo_header import rows_of_mid
from cimkit.formats.profile import Profile

SUFFIXES = (".tab", ".mif")
PROFILES: dict[str, Profile] = {".tab": mapinfo_write.PROFILE, ".mif": mif_write.PROFILE}
PARTS = {".tab": (".dat", ".map", ".id"), ".mif": (".mid",)}


def small(count: int = 5) -> pa.Table:
    names = pa.array([f"楼{i}" for i in range(count)])
    return with_shapes(pa.table({"名称": names, "n": pa.array(range(count), pa.int32())}), points(count))


def gdal(path: Path, table: pa.Table, encoding: str, crs: str | None = "EPSG:4326") -> Path:
    """What GDAL writes by itself."""
    with quietly():
        pyogrio.write_arrow(
            table,
            path,
            driver="MapInfo File",
            layer="x",
            geometry_name="geometry",
            geometry_type="Unknown",
            crs=crs,
            layer_options={"ENCODING": encoding} if encoding else {},
        )
    return path


def as_neutral(path: Path) -> Path:
    """The file with a charset that says nothing, its bytes as they were."""
    raw = path.read_bytes()
    for said in (b"WindowsSimpChinese", b"WindowsTradChinese", b"WindowsLatin1", b"UTF-8"):
        raw = raw.replace(said, b"Neutral")
    path.write_bytes(raw)
    return path


# ---- what must fail -------------------------------------------------------------------


@pytest.mark.parametrize(("suffix", "part"), [(".tab", ".dat"), (".tab", ".map"), (".tab", ".id"), (".mif", ".mid")])
def test_a_missing_part_is_named(tmp_path: Path, suffix: str, part: str) -> None:
    path = put(small(), tmp_path / f"城{suffix}")
    path.with_suffix(part).unlink()
    with pytest.raises(SourceError, match=rf"without its \{part}") as error:
        formats.open(path)
    assert f"城{part}" in (error.value.hint or "")


@pytest.mark.parametrize("share", [0.0, 0.4, 0.8, 0.99])
@pytest.mark.parametrize("part", [".tab", ".dat", ".map", ".id", ".mif", ".mid"])
def test_a_part_that_is_cut_off_is_never_read_as_whole(tmp_path: Path, part: str, share: float) -> None:
    suffix = ".mif" if part in (".mif", ".mid") else ".tab"
    path = put(small(300), tmp_path / f"x{suffix}")
    file = path.with_suffix(part)
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])
    with pytest.raises(SourceError, match="x"):
        formats.open(path).layer().arrow()


@pytest.mark.parametrize("part", [".dat", ".map"])
@pytest.mark.parametrize("share", [0.5, 0.8])
def test_salvage_reads_what_is_before_the_cut_and_tells_of_the_rest(tmp_path: Path, part: str, share: float) -> None:
    path = gdal(tmp_path / "x.tab", small(1000), "UTF-8")
    file = path.with_suffix(part)
    kept = int(file.stat().st_size * share)
    file.write_bytes(file.read_bytes()[: kept - kept % 512])
    with formats.open(path, salvage=True).layer().stream() as stream:
        rows = sum(batch.num_rows for batch in stream.batches)
        (rejected,) = stream.rejected
    assert 0 < rows < 1000
    assert rejected.place == f"record {rows + 1} and all that follow"
    assert f"promises 1000 records, but only {rows} are there" in rejected.reason


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_wrong_encoding_is_refuted_by_the_bytes(tmp_path: Path, suffix: str) -> None:
    path = put(small(30), tmp_path / f"x{suffix}")
    with pytest.raises(SourceError, match="not Big5"):
        formats.open(path, encoding="Big5").layer().arrow()


def test_a_tab_of_an_image_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "x.tab"
    path.write_text('!table\n!version 300\n!charset Neutral\n\nDefinition Table\n  File "x.tif"\n  Type "RASTER"\n')
    with pytest.raises(SourceError, match="image"):
        formats.open(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("shape", ["MULTIPOINT (1 2, 3 4)", "GEOMETRYCOLLECTION (POINT (1 2), LINESTRING (0 0, 1 1))"])
def test_what_would_become_several_records_is_refused(tmp_path: Path, suffix: str, shape: str) -> None:
    with pytest.raises(SourceError, match="records of their own"):
        put(with_shapes(pa.table({"a": [1]}), [shape]), tmp_path / f"x{suffix}")
    assert list(tmp_path.iterdir()) == []


# ---- reading --------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    ("encoding", "text", "found"),
    [
        ("CP936", "中国北京市朝阳区", "GB18030"),
        ("UTF-8", "中国北京市朝阳区", "UTF-8"),
        ("CP950", "臺北市中正區重慶南路", "Big5"),
        ("CP1252", "Straße Größe", "windows-1252"),
    ],
)
@pytest.mark.parametrize("neutral", [False, True])
def test_the_charset_is_found_whatever_is_declared(
    tmp_path: Path, suffix: str, encoding: str, text: str, found: str, neutral: bool
) -> None:
    name = "街道名稱" if encoding == "CP950" else "Straße" if encoding == "CP1252" else "街道名称"
    table = with_shapes(pa.table({name: [text + str(i) for i in range(30)], "n": list(range(30))}), points(30))
    path = gdal(tmp_path / f"x{suffix}", table, encoding)
    if neutral:
        as_neutral(path)
    before = listing(tmp_path)
    layer = formats.open(path).layer()
    assert layer.arrow()[name].to_pylist() == table[name].to_pylist()
    assert layer.encoding.value == found
    assert layer.encoding.confidence >= (0.3 if neutral else 0.9)
    assert neutral == ("Neutral" in layer.encoding.how)
    assert listing(tmp_path) == before


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_wrong_declaration_is_overruled(tmp_path: Path, suffix: str) -> None:
    table = with_shapes(pa.table({"名称": [f"中国北京市{i}" for i in range(30)]}), points(30))
    path = gdal(tmp_path / f"x{suffix}", table, "CP936")
    path.write_bytes(path.read_bytes().replace(b"WindowsSimpChinese", b"WindowsLatin1"))
    layer = formats.open(path).layer()
    assert layer.encoding.value == "GB18030"
    assert layer.arrow()["名称"].to_pylist() == table["名称"].to_pylist()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_encoding_can_be_given(tmp_path: Path, suffix: str) -> None:
    table = with_shapes(pa.table({"a": ["路"]}), points(1))
    path = as_neutral(gdal(tmp_path / f"x{suffix}", table, "CP936"))
    layer = formats.open(path, encoding="GBK").layer()
    assert layer.arrow()["a"].to_pylist() == ["路"]
    assert (layer.encoding.value, layer.encoding.how) == ("GB18030", "given")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", ["a!b", "a;b", "城 市#1"])
def test_any_file_name_and_suffixes_in_capitals(tmp_path: Path, suffix: str, name: str) -> None:
    path = put(small(), tmp_path / f"x{suffix}")
    for part in (suffix, *PARTS[suffix]):
        path.with_suffix(part).rename(tmp_path / f"{name}{part.upper()}")
    assert read(tmp_path / f"{name}{suffix.upper()}")["名称"].to_pylist() == [f"楼{i}" for i in range(5)]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_copy_somewhere_else_reads_the_same(tmp_path: Path, suffix: str) -> None:
    path = put(small(), tmp_path / f"x{suffix}")
    (tmp_path / "there").mkdir()
    for part in (suffix, *PARTS[suffix]):
        shutil.copy(path.with_suffix(part), tmp_path / "there")
    one, other = formats.open(path).layer(), formats.open(tmp_path / "there" / path.name).layer()
    assert one.source.sha256 == other.source.sha256 and one.arrow() == other.arrow()


def test_a_table_without_geometry_says_that_a_map_may_be_missing(tmp_path: Path) -> None:
    path = put(small().drop_columns(["geometry"]), tmp_path / "x.tab")
    for part in (".map", ".id"):
        path.with_suffix(part).unlink(missing_ok=True)
    about = formats.inspect(path)["layers"][0]
    assert about["features"] == 5 and about["geometry_kinds"] == {}
    assert "mapinfo.no_map" in {hint["code"] for hint in about["hints"]}


def test_a_line_break_in_quotes_begins_no_record(tmp_path: Path) -> None:
    (tmp_path / "x.mid").write_bytes(b'"x\r\nz",1\r\n"y",2')
    assert rows_of_mid(tmp_path / "x.mid") == 2


# ---- writing --------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_value_is_as_the_profile_says(tmp_path: Path, suffix: str) -> None:
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        expected, losses = held(con, with_shapes(values(), points()), PROFILES[suffix])
    path = put(expected, tmp_path / f"x{suffix}")
    again = read(path)
    for name in expected.schema.names:
        if name != "geometry":
            before = expected[name]
            found = again[name].cast(before.type).to_pylist()
            assert found == before.to_pylist(), name
    number, null = ["number.precision", "null.merged"], ["null.merged"]
    assert losses == {
        "编号": ["null.merged", "text.cut"],
        **dict.fromkeys(["i8", "i16", "i32", "i64", "u32", "ja"], null),
        "u64": ["null.merged", "type.dropped"],
        "f64": sorted(number) if suffix == ".mif" else null,
        "f32": null,
        "dec": null,
        "zeit": ["time.fraction"],
        "zone": ["time.zone"],
        "uhr": ["null.merged", "type.dropped"],
        "roh": ["null.merged", "type.dropped"],
        LONG_NAME: ["name.changed"],
    }
    with fiona.open(path) as judge:
        rows = [dict(row.properties) for row in judge]
    assert [row["编号"] for row in rows] == ["010001", "", "", "x" * 254, "中" * 84]
    assert [row["i64"] for row in rows] == [2**53 + 1, 0, 3, -(2**63), 2**63 - 1]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_two_runs_give_the_same_files(tmp_path: Path, suffix: str) -> None:
    table = with_shapes(values().select(["编号", "i64", "zeit"]), points())
    runs = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        runs.append(digests(put(table, tmp_path / folder / f"x{suffix}")))
    assert runs[0] == runs[1] and set(runs[0]) == {f"x{part}" for part in (suffix, *PARTS[suffix])}


@pytest.mark.parametrize(("suffix", "near"), [(".tab", (1e-9, 1e-4)), (".mif", (1e-12, 1e-8))])
def test_a_city_keeps_its_places(tmp_path: Path, suffix: str, near: tuple[float, float]) -> None:
    for crs, box, apart in (("EPSG:4326", (113.7, 22.4, 114.6, 22.9), near[0]),
                            ("EPSG:4526", (38470000.0, 2470000.0, 38540000.0, 2530000.0), near[1])):  # fmt: skip
        xs = [box[0] + (box[2] - box[0]) * i / 7 for i in range(8)]
        given = [f"POINT ({x!r} {box[1] + (box[3] - box[1]) * i / 7!r})" for i, x in enumerate(xs)]
        again = shapes(read(put(with_shapes(pa.table({"a": list(range(8))}), given), tmp_path / f"x{suffix}", crs=crs)))
        distances = [shapely.from_wkt(a).distance(shapely.from_wkt(b)) for a, b in zip(given, again, strict=True)]
        assert max(distances) <= apart * 1.5


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_geometries(tmp_path: Path, suffix: str) -> None:
    square, two = "POLYGON ((0 0, 1 0, 1 1, 0 0))", "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))"
    one, lines = "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)))", "MULTILINESTRING ((0 0, 1 1))"
    given = [square, two, one, None, "POINT (3 4)", "LINESTRING (0 0, 1 1)", lines, "POINT Z (3 4 5)"]
    expected = [square, two, square, None, "POINT (3 4)", "LINESTRING (0 0, 1 1)", lines, "POINT (3 4)"]
    if 5 in PROFILES[suffix].unwraps:
        expected[6] = "LINESTRING (0 0, 1 1)"
    table = with_shapes(pa.table({"a": list(range(len(given)))}), given)
    again = [text and shapely.from_wkt(text) for text in shapes(read(put(table, tmp_path / f"x{suffix}")))]
    for found, wanted in zip(again, expected, strict=True):
        if wanted is None:
            assert found is None
            continue
        assert found is not None and found.geom_type == shapely.from_wkt(wanted).geom_type
        assert shapely.get_num_coordinates(found) == shapely.get_num_coordinates(shapely.from_wkt(wanted))
        assert shapely.hausdorff_distance(found, shapely.from_wkt(wanted)) < 1e-6 and not found.has_z


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:4490", "EPSG:4547", "EPSG:31370", "EPSG:4547+5737", "GCJ-02", None])
def test_a_crs_comes_back_as_the_profile_says(tmp_path: Path, suffix: str, crs: str | None) -> None:
    layer = formats.open(put(small(), tmp_path / f"x{suffix}", crs=crs)).layer()
    said = PROFILES[suffix].said_crs
    assert said is not None
    assert layer.crs.value == (said(crs) if crs else None)
    assert (layer.crs.value == crs) == (crs in ("EPSG:4326", "EPSG:31370", None))
    if crs == "EPSG:4490":
        assert layer.crs.value == "EPSG:4326"


def test_the_projection_of_a_cgcs2000_zone_is_recognised(tmp_path: Path) -> None:
    for crs in ("EPSG:4547", "EPSG:4526"):
        hints = formats.inspect(put(small(), tmp_path / "x.tab", crs=crs))["layers"][0]["hints"]
        assert crs in {hint["code"]: hint["message"] for hint in hints}["crs.cgcs2000_suspected"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_names_are_what_the_profile_says(tmp_path: Path, suffix: str) -> None:
    given = ["fid", "select", "a b", "a-b", "1a", "中" * 11, "中" * 12, "<a>", "名 称", "x" * 31, "x" * 32, "É", "a.b"]
    naming = PROFILES[suffix].naming
    assert naming is not None
    new = naming.names(given)
    table = with_shapes(pa.table({name: [i + 1] for i, name in enumerate(new.values())}), ["POINT (1 2)"])
    again = read(put(table, tmp_path / f"x{suffix}"))
    own = [name for name in again.schema.names if name not in ("geometry", "_fid")]
    assert own == list(new.values())
    assert [again[name][0].as_py() for name in own] == list(range(1, len(given) + 1))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_dates_and_nothing(tmp_path: Path, suffix: str) -> None:
    table = with_shapes(pa.table({"d": [dt.date(2020, 2, 29), None]}), [None, None])
    again = read(put(table, tmp_path / f"x{suffix}"))
    assert again["d"].to_pylist() == [dt.date(2020, 2, 29), None]
    assert again.num_rows == 2
    assert read(put(table.slice(0, 0), tmp_path / f"x{suffix}")).num_rows == 0
