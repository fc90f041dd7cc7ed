"""File Geodatabases: damaged, as others write them, and written. pyogrio and fiona (another GDAL) are the judges."""

from __future__ import annotations

import datetime as dt
import shutil
import struct
from pathlib import Path

import duckdb
import fiona
import pyarrow as pa
import pyogrio
import pytest
from round_trips import LONG_NAME, digests, held, listing, points, put, quietly, read, shapes, values, with_shapes
from round_trips import wkb as wkb_of

import cimkit.formats as formats
from cimkit.errors import SourceError, UsageError
from cimkit.formats.gdal.filegdb import _domain, _relationship, _xml
from cimkit.formats.gdal.filegdb_write import PROFILE


def small(count: int = 5) -> pa.Table:
    return with_shapes(pa.table({"a": list(range(count))}), points(count))


def table_files(path: Path) -> list[Path]:
    """The files of the user's own tables: the catalogue's come first."""
    return [file for file in sorted(path.glob("*.gdbtable")) if int(file.stem[1:], 16) > 7]


# ---- what must fail -------------------------------------------------------------------


def test_a_table_that_is_missing_is_named(tmp_path: Path) -> None:
    path = put(small(), tmp_path / "城.gdb")
    for file in table_files(path):
        file.unlink()
    with pytest.raises(SourceError, match=r"楼|城\.gdb"):
        [layer.arrow() for layer in formats.open(path).layers]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9])
def test_a_table_that_is_cut_off_is_never_read_as_whole(tmp_path: Path, share: float) -> None:
    path = put(small(2000), tmp_path / "x.gdb")
    (file,) = table_files(path)
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])
    with pytest.raises(SourceError, match=r"x\.gdb"):
        [layer.arrow() for layer in formats.open(path).layers]


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_catalogue_that_is_cut_off(tmp_path: Path, share: float) -> None:
    path = put(small(), tmp_path / "x.gdb")
    file = path / "a00000001.gdbtable"
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])
    with pytest.raises(SourceError, match=r"x\.gdb"):
        [layer.arrow() for layer in formats.open(path).layers]


def test_an_encoding_cannot_be_given(tmp_path: Path) -> None:
    path = put(small(), tmp_path / "x.gdb")
    with pytest.raises(UsageError, match="always UTF-8"):
        formats.open(path, encoding="GBK")


def test_points_and_areas_in_one_layer_are_refused(tmp_path: Path) -> None:
    mixed = with_shapes(pa.table({"a": [1, 2]}), ["POINT (1 2)", "POLYGON ((0 0, 1 0, 1 1, 0 0))"])
    with pytest.raises(SourceError, match="points or lines or areas"):
        put(mixed, tmp_path / "x.gdb")
    assert list(tmp_path.iterdir()) == []


# ---- reading --------------------------------------------------------------------------


def test_nothing_is_written_into_it(tmp_path: Path) -> None:
    path = put(small(), tmp_path / "x.gdb")
    before = listing(tmp_path)
    path.chmod(0o555)
    formats.inspect(path)
    path.chmod(0o755)
    assert listing(tmp_path) == before


@pytest.mark.parametrize("name", ["a!b.gdb", "a;b?c.gdb", "城 市.gdb"])
def test_any_folder_name(tmp_path: Path, name: str) -> None:
    path = put(small(), tmp_path / "x.gdb")
    path.rename(tmp_path / name)
    assert read(tmp_path / name)["a"].to_pylist() == [0, 1, 2, 3, 4]


def test_a_folder_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    path = put(small(), tmp_path / "x.gdb")
    path.rename(tmp_path / "delivery")
    dataset = formats.open(tmp_path / "delivery")
    assert dataset.delivery.format == "FileGDB"
    assert dataset.layer().arrow().num_rows == 5


def test_layers_tables_aliases_and_widths(tmp_path: Path) -> None:
    path = tmp_path / "x.gdb"
    field = pa.field("code", pa.string(), metadata={"GDAL:OGR:alternative_name": "建筑代码", "GDAL:OGR:width": "20"})
    table = pa.table([["a"], pa.array([wkb_of("POINT (1 2)")], pa.binary())], pa.schema([field, ("g", pa.binary())]))
    with quietly():
        pyogrio.write_arrow(
            table, path, driver="OpenFileGDB", layer="楼", geometry_name="g", geometry_type="Point", crs="EPSG:4490"
        )
        pyogrio.write_arrow(pa.table({"k": [1, 2]}), path, driver="OpenFileGDB", layer="码表", append=True)
    about = formats.inspect(path)
    assert [layer["name"] for layer in about["layers"]] == ["楼", "码表"] == [n for n, _ in pyogrio.list_layers(path)]
    first, second = about["layers"]
    assert first["fields"] == [{"name": "code", "type": "string", "width": 20}]
    assert first["crs"] == {"value": "EPSG:4490", "how": "declared in the geodatabase", "confidence": 1.0}
    assert "code = 建筑代码" in {hint["code"]: hint["message"] for hint in first["hints"]}["names.alias"]
    assert second["geometry_kinds"] == {} and second["features"] == 2


def test_domains_and_relationships_are_told_in_words() -> None:
    coded = _xml(
        '<e:GPCodedValueDomain2 xmlns:e="x"><DomainName>用途</DomainName><CodedValues>'
        "<CodedValue><Name>住宅</Name><Code>1</Code></CodedValue><CodedValue><Name>商业</Name><Code>2</Code>"
        "</CodedValue></CodedValues></e:GPCodedValueDomain2>"
    )
    assert coded is not None and _domain(coded) == "1 = 住宅, 2 = 商业"
    ranged = _xml("<GPRangeDomain2><MaxValue>9</MaxValue><MinValue>0</MinValue></GPRangeDomain2>")
    assert ranged is not None and _domain(ranged) == "0 to 9"
    ends = "<R><OriginClassNames><Name>楼</Name></OriginClassNames><DestinationClassNames><Name>户</Name>"
    assert "from 楼 to 户" in _relationship("r", _xml(ends + "</DestinationClassNames></R>"))


@pytest.mark.parametrize("text", ["", None, "<a", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'])
def test_a_definition_that_is_no_plain_xml_is_no_definition(text: str | None) -> None:
    assert _xml(text) is None


def test_a_curve_is_read_as_a_curve(tmp_path: Path) -> None:
    ring = [(0, 0), (1, 1), (2, 0), (1, -1), (0, 0)]
    curve = struct.pack("<BIIBII", 1, 10, 1, 1, 8, 5) + b"".join(struct.pack("<dd", *point) for point in ring)
    path = put(with_shapes(pa.table({"a": [1]}), [curve]), tmp_path / "x.gdb", crs="EPSG:4326")
    assert formats.inspect(path)["layers"][0]["geometry_kinds"] == {"MultiSurface": 1}


def test_a_multipatch_is_read_as_what_it_is(tmp_path: Path) -> None:
    ring = struct.pack("<I", 4) + b"".join(
        struct.pack("<ddd", *p) for p in [(0, 0, 0), (1, 0, 0), (1, 1, 5), (0, 0, 0)]
    )
    surface = struct.pack("<BII", 1, 1015, 1) + struct.pack("<BII", 1, 1003, 1) + ring
    table = pa.table({"a": [1], "g": pa.array([surface], pa.binary())})
    with quietly():
        from cimkit.formats.gdal.kinds import taught

        taught()
        pyogrio.write_arrow(
            table,
            tmp_path / "x.gdb",
            driver="OpenFileGDB",
            layer="x",
            geometry_name="g",
            geometry_type="PolyhedralSurface Z",
            crs="EPSG:4326",
        )
    (kind,) = formats.inspect(tmp_path / "x.gdb")["layers"][0]["geometry_kinds"]
    assert kind in ("TIN Z", "PolyhedralSurface Z")


# ---- writing --------------------------------------------------------------------------


def test_every_value_is_as_the_profile_says(tmp_path: Path) -> None:
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        expected, losses = held(con, with_shapes(values(), points()), PROFILE)
    put(expected, tmp_path / "x.gdb")
    again = read(tmp_path / "x.gdb")
    for name in expected.schema.names:
        if name != "geometry":
            before = expected[name]
            assert again[name].cast(before.type).to_pylist() == before.to_pylist(), name
    assert losses == {
        "u64": ["type.dropped"],
        "ja": ["type.dropped"],
        "zeit": ["time.fraction"],
        "zone": ["time.zone"],
        "uhr": ["type.dropped"],
    }
    assert again[LONG_NAME].to_pylist() == ["1", "2", "3", "4", "5"]
    with fiona.open(tmp_path / "x.gdb") as judge:
        rows = [dict(row.properties) for row in judge]
    assert [row["i64"] for row in rows] == [2**53 + 1, None, 3, -(2**63), 2**63 - 1]
    assert [row["编号"] for row in rows] == ["010001", "", None, "x" * 300, "中" * 300]


def test_two_runs_give_the_same_files(tmp_path: Path) -> None:
    first = digests(put(with_shapes(values().select(["编号", "i64", "zeit"]), points()), tmp_path / "x.gdb"))
    assert first == digests(put(with_shapes(values().select(["编号", "i64", "zeit"]), points()), tmp_path / "x.gdb"))


def test_coordinates_lie_on_a_grid_as_the_profile_says(tmp_path: Path) -> None:
    assert PROFILE.decimals == (9, 4)
    degrees = with_shapes(pa.table({"a": [1]}), ["POINT (114.123456789012345 22.3)"])
    metres = with_shapes(pa.table({"a": [1]}), ["POINT (500000.123456789 2500000.98765432)"])
    for table, crs, near in ((degrees, "EPSG:4490", 5.1e-10), (metres, "EPSG:4547", 5.2e-5)):
        again = read(put(table, tmp_path / "x.gdb", crs=crs))
        (x, y), (there_x, there_y) = (
            map(float, text.removeprefix("POINT (").rstrip(")").split())
            for text in (shapes(table)[0] or "", shapes(again)[0] or "")
        )
        assert 0 < abs(x - there_x) <= near and abs(y - there_y) <= near


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["POLYGON ((0 0, 1 1, 1 0, 0 0))", None], ["MULTIPOLYGON (((0 0, 1 1, 1 0, 0 0)))", None]),
        (
            ["LINESTRING (0 0, 1 1)", "MULTILINESTRING ((0 0, 1 1), (2 2, 3 3))"],
            ["MULTILINESTRING ((0 0, 1 1))", "MULTILINESTRING ((0 0, 1 1), (2 2, 3 3))"],
        ),
        (["POINT Z (1 2 3)", "POINT Z (4 5 6)"], ["POINT Z (1 2 3)", "POINT Z (4 5 6)"]),
        (["LINESTRING ZM (1 2 3 4, 5 6 7 8)"], ["MULTILINESTRING ZM ((1 2 3 4, 5 6 7 8))"]),
        (["POINT M (1 2 3)"], ["POINT M (1 2 3)"]),
        (["MULTIPOINT (1 2, 3 4)"], ["MULTIPOINT ((1 2), (3 4))"]),
        ([None, None], [None, None]),
        (["POINT EMPTY"], [None]),
    ],
)
def test_geometries(tmp_path: Path, given: list[str | None], expected: list[str | None]) -> None:
    table = with_shapes(pa.table({"a": list(range(len(given)))}), given)
    again = read(put(table, tmp_path / "x.gdb", crs=None))
    assert shapes(again) == shapes(with_shapes(pa.table({"a": expected}), expected))


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:4490", "EPSG:4547", "EPSG:4526", "EPSG:31370", "GCJ-02", None])
def test_the_crs_survives(tmp_path: Path, crs: str | None) -> None:
    layer = formats.open(put(small(), tmp_path / "x.gdb", crs=crs)).layer()
    assert layer.crs.value == crs


@pytest.mark.parametrize("crs", ["EPSG:4547+5737", "EPSG:7415"])
def test_a_compound_crs(tmp_path: Path, crs: str) -> None:
    table = with_shapes(pa.table({"a": [1]}), ["POINT Z (1 2 3)"])
    assert formats.open(put(table, tmp_path / "x.gdb", crs=crs)).layer().crs.value == crs


def test_names_are_what_the_profile_says(tmp_path: Path) -> None:
    given = ["fid", "OBJECTID", "Shape", "select", "a b", "a-b", "1a", "中" * 65, "😀", "<a>", "中文 名", "x" * 64]
    assert PROFILE.naming is not None
    new = PROFILE.naming.names(given)
    assert len({name.lower() for name in new.values()}) == len(given)
    table = with_shapes(pa.table({name: [i] for i, name in enumerate(new.values())}), ["POINT (1 2)"])
    again = read(put(table, tmp_path / "x.gdb", crs=None))
    own = [name for name in again.schema.names if name not in ("geometry", "_fid")]
    assert own == list(new.values())
    assert [again[name][0].as_py() for name in own] == list(range(len(given)))


def test_times_before_1970_keep_their_second(tmp_path: Path) -> None:
    times = [dt.datetime(1950, 6, 9, 20, 28, 59, 857000), dt.datetime(1969, 12, 31, 23, 59, 59)]
    table = pa.table({"t": pa.array(times, pa.timestamp("us"))})
    with duckdb.connect() as con:
        expected, losses = held(con, table, PROFILE)
    assert losses == {"t": ["time.fraction", "time.fraction"]}
    assert expected["t"].to_pylist() == [times[0].replace(microsecond=0), times[1]]
    again = read(put(expected, tmp_path / "x.gdb"))["t"].to_pylist()
    assert all(abs(a - b) <= dt.timedelta(seconds=1) for a, b in zip(again, expected["t"].to_pylist(), strict=True))


def test_a_table_without_geometry_and_an_old_target(tmp_path: Path) -> None:
    path = put(small(), tmp_path / "x.gdb")
    put(pa.table({"a": [7]}), path)
    assert read(path).to_pylist() == [{"a": 7, "_fid": "1"}]
    shutil.rmtree(path)
    assert list(tmp_path.iterdir()) == []
