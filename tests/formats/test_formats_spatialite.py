"""SQLite databases: damaged, in use, with values of any type, and SpatiaLite as it is written. fiona is the judge."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import fiona
import pyarrow as pa
import pytest
from round_trips import LONG_NAME, digests, held, listing, points, put, read, shapes, values, with_shapes
from round_trips import wkb as wkb_of

import cimkit.formats as formats
from cimkit.errors import SourceError, UsageError
from cimkit.formats.gdal.spatialite_write import PROFILE


def plain(path: Path, *statements: str, rows: tuple[str, list[tuple[object, ...]]] | None = None) -> Path:
    with closing(sqlite3.connect(path)) as database:
        for statement in statements:
            database.execute(statement)
        if rows:
            database.executemany(*rows)
        database.commit()
    return path


def small(count: int = 5) -> pa.Table:
    return with_shapes(pa.table({"名称": [f"楼{i}" for i in range(count)]}), points(count))


# ---- what must fail -------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.01, 0.3, 0.7, 0.99])
def test_a_database_that_is_cut_off(tmp_path: Path, share: float) -> None:
    path = put(small(3000), tmp_path / "x.sqlite")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(SourceError, match=r"x\.sqlite"):
        [layer.arrow() for layer in formats.open(path).layers]


def test_an_encoding_cannot_be_given(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="always UTF-8"):
        formats.open(put(small(), tmp_path / "x.sqlite"), encoding="GBK")


def test_a_database_without_tables_says_so(tmp_path: Path) -> None:
    path = plain(tmp_path / "x.sqlite", "CREATE TABLE a (b)", "DROP TABLE a")
    with pytest.raises(SourceError, match="no layers"):
        formats.open(path).layer()


# ---- reading --------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_nothing_is_written_beside_it(tmp_path: Path, mode: str) -> None:
    path = plain(tmp_path / "x.sqlite", f"PRAGMA journal_mode={mode}", "CREATE TABLE a (b)", "INSERT INTO a VALUES (1)")
    before = listing(tmp_path)
    seen: list[set[str]] = []
    layer = formats.open(path).layer()
    with layer.stream() as stream:
        seen += [set(listing(tmp_path)) for _ in stream.batches]
    assert listing(tmp_path) == before and all(names == set(before) for names in seen)


def test_pending_changes_of_a_writer_are_read(tmp_path: Path) -> None:
    path = plain(tmp_path / "x.sqlite", "CREATE TABLE a (b)", "INSERT INTO a VALUES ('甲')")
    writer = sqlite3.connect(path)
    writer.execute("PRAGMA journal_mode=wal")
    writer.execute("UPDATE a SET b = '乙'")
    writer.commit()
    before = set(listing(tmp_path))
    assert read(path)["b"].to_pylist() == ["乙"]
    assert set(listing(tmp_path)) == before
    writer.close()


@pytest.mark.parametrize("name", ["a!b.sqlite", "a;b?c#d%20.sqlite", "城 市.db"])
def test_any_file_name(tmp_path: Path, name: str) -> None:
    put(small(), tmp_path / "x.sqlite").rename(tmp_path / name)
    assert read(tmp_path / name).num_rows == 5


def test_values_are_what_was_stored_whatever_was_declared(tmp_path: Path) -> None:
    kinds = [
        "INTEGER",
        "SMALLINT",
        "BIGINT",
        "BOOLEAN",
        "REAL",
        "NUMERIC",
        "TEXT",
        "VARCHAR(3)",
        "",
        "DATE",
        "DATETIME",
    ]
    columns = ", ".join(f"c{i} {kind}" for i, kind in enumerate(kinds))
    marks = ", ".join("?" * len(kinds))
    given = [2**40, 1, "x", 1.5, None, "010001", b"\x01"]
    path = plain(
        tmp_path / "x.sqlite",
        f"CREATE TABLE a ({columns})",
        rows=(f"INSERT INTO a VALUES ({marks})", [(value,) * len(kinds) for value in given]),
    )
    with closing(sqlite3.connect(path)) as database:
        truth = database.execute("SELECT * FROM a").fetchall()
    table = read(path)
    with duckdb.connect() as con:
        for place, name in enumerate(table.schema.names[:-1]):
            for row, value in enumerate(truth):
                found = table[name][row].as_py()
                expected = value[place]
                if isinstance(expected, bytes):
                    expected = expected.hex()
                if found is None or expected is None:
                    assert found is expected
                else:
                    assert con.execute("SELECT CAST(? AS JSON) ->> '$'", [found]).fetchone() == (str(expected),)
    codes = {hint.code for hint in formats.open(path).layer()._head.hints}
    assert "values.other_type" in codes


@pytest.mark.parametrize(
    ("declared", "given", "kind"),
    [
        ("INTEGER", [2**40, 1, None], pa.int64()),
        ("INTEGER", [1, -5, None], pa.int32()),
        ("NUMERIC", [1, 1.5, None], pa.float64()),
        ("", ["010001", None, "x"], pa.string()),
        ("DATE", ["not a date", None, "x"], pa.string()),
        ("DATE", ["2020-02-29", None, "1999-01-01"], pa.date32()),
        ("TIMESTAMP", ["2020-02-29T01:02:03+08:00", None, "2020-02-29T01:02:03"], pa.string()),
        ("TEXT", ["", None, "中"], pa.string()),
        ("BLOB", [b"\x00\x01", None, b""], pa.binary()),
    ],
)
def test_a_column_gets_the_type_of_its_values(
    tmp_path: Path, declared: str, given: list[object], kind: pa.DataType
) -> None:
    rows = ("INSERT INTO a VALUES (?)", [(value,) for value in given])
    column = read(plain(tmp_path / "x.sqlite", f"CREATE TABLE a (c {declared})", rows=rows))["c"]
    assert column.type == kind
    if not pa.types.is_date(kind):
        assert column.to_pylist() == given


def test_tables_of_all_sorts(tmp_path: Path) -> None:
    path = plain(
        tmp_path / "x.sqlite",
        "CREATE TABLE 码表 (id INTEGER PRIMARY KEY, v TEXT)",
        "INSERT INTO 码表 VALUES (7, 'a')",
        "CREATE TABLE nokey (a TEXT)",
        "CREATE TABLE worded (code TEXT PRIMARY KEY, n INTEGER) WITHOUT ROWID",
        "INSERT INTO worded VALUES ('010001', 1)",
        "CREATE VIRTUAL TABLE tree USING rtree(id, a, b)",
        "CREATE VIEW looked AS SELECT v FROM 码表",
        "CREATE TABLE spatial_ref_sys (srid INTEGER UNIQUE, auth_name TEXT, auth_srid TEXT, srtext TEXT)",
    )
    dataset = formats.open(path)
    assert [layer.name for layer in dataset.layers] == ["码表", "nokey", "worded"]
    assert dataset.layer("码表").arrow().to_pylist() == [{"id": 7, "v": "a", "_fid": "7"}]
    assert dataset.layer("nokey").arrow().num_rows == 0
    assert dataset.layer("worded").arrow().to_pylist()[0]["code"] == "010001"
    assert [hint.message for hint in dataset.hints] == ["The view 'looked' is not read."]


def test_tables_without_geometry_beside_layers(tmp_path: Path) -> None:
    path = plain(put(small(), tmp_path / "x.sqlite"), "CREATE TABLE 码表 (k TEXT)", "INSERT INTO 码表 VALUES ('a')")
    dataset = formats.open(path)
    assert [layer.name for layer in dataset.layers] == ["楼", "码表"]
    assert dataset.layer("码表").arrow()["k"].to_pylist() == ["a"]


def test_a_column_of_wkb_is_the_geometry_and_one_of_wkt_is_told(tmp_path: Path) -> None:
    path = plain(
        tmp_path / "x.sqlite",
        "CREATE TABLE a (n INTEGER, geom BLOB, m TEXT)",
        "CREATE TABLE b (wkt TEXT)",
        "CREATE TABLE c (geom BLOB)",
        "INSERT INTO b VALUES ('POINT (1 2)')",
        "INSERT INTO c VALUES (x'00ff')",
        rows=("INSERT INTO a VALUES (?, ?, ?)", [(1, wkb_of("POINT (1 2)"), "x"), (2, None, None)]),
    )
    dataset = formats.open(path)
    table = dataset.layer("a").arrow()
    assert table.schema.names == ["n", "m", "geometry", "_fid"]
    assert shapes(table) == ["POINT (1 2)", None] and table["m"].to_pylist() == ["x", None]
    about = {layer["name"]: layer for layer in formats.inspect(path)["layers"]}
    assert "geometry.wkb_column" in {hint["code"] for hint in about["a"]["hints"]}
    assert "geometry.wkt_column" in {hint["code"] for hint in about["b"]["hints"]}
    assert about["a"]["crs"]["value"] is None and about["c"]["geometry_kinds"] == {}


@pytest.mark.shared
def test_real_databases_of_delft(shared: Path) -> None:
    folder = shared / "data" / "delft" / "bgt"
    before = listing(folder)
    for path in sorted(folder.glob("*.sqlite")):
        layer = formats.open(path).layer()
        table = layer.arrow()
        with fiona.open(path) as judge:
            rows = list(judge)
        assert table.num_rows == len(rows)
        assert layer.crs.value == "EPSG:28992" and layer.crs.how == "spatial_ref_sys"
        assert table["lokaalid"].to_pylist() == [row.properties["lokaalid"] for row in rows]
        assert table["geometry"].null_count == sum(row.geometry is None for row in rows)
    assert listing(folder) == before


# ---- writing --------------------------------------------------------------------------


def test_every_value_is_as_the_profile_says(tmp_path: Path) -> None:
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        expected, losses = held(con, with_shapes(values(), points()), PROFILE)
    path = put(expected, tmp_path / "x.sqlite")
    again = read(path)
    for name in expected.schema.names:
        assert again[name].cast(expected[name].type).to_pylist() == expected[name].to_pylist(), name
    assert losses == {
        "u64": ["type.dropped"],
        "zeit": ["time.fraction"],
        "zone": ["time.zone"],
        "uhr": ["type.dropped"],
    }
    with fiona.open(path) as judge:
        rows = [dict(row.properties) for row in judge]
    assert [row["i64"] for row in rows] == [2**53 + 1, None, 3, -(2**63), 2**63 - 1]
    assert [row["编号"] for row in rows] == ["010001", "", None, "x" * 300, "中" * 300]
    assert [row[LONG_NAME] for row in rows] == ["1", "2", "3", "4", "5"]
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT count(*) FROM spatialite_history").fetchone() == (0,)
        assert database.execute("SELECT f_table_name, srid FROM geometry_columns").fetchall() == [("楼", 4547)]


def test_two_runs_give_the_same_file(tmp_path: Path) -> None:
    table = with_shapes(values().select(["编号", "i64", "zeit"]), points())
    assert digests(put(table, tmp_path / "x.sqlite")) == digests(put(table, tmp_path / "x.sqlite"))
    assert [path.name for path in tmp_path.iterdir()] == ["x.sqlite"]


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("Unknown", ["POLYGON ((0 0, 1 0, 1 1, 0 0))", "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)))", None, "POINT (1 2)"]),
        ("Unknown", ["LINESTRING ZM (1 2 3 4, 5 6 7 8)"]),
        ("Unknown", ["POINT M (1 2 3)"]),
        ("Point Z", ["POINT Z (114.123456789012345 22.3 5.123456789)"]),
        ("GeometryCollection", ["GEOMETRYCOLLECTION (POINT (1 2), LINESTRING (0 0, 1 1))"]),
        ("Polygon", ["POLYGON EMPTY"]),
        ("MultiPoint", ["MULTIPOINT ((1 2), (3 4))"]),
    ],
)
def test_geometries_survive(tmp_path: Path, kind: str, given: list[str | None]) -> None:
    table = with_shapes(pa.table({"a": list(range(len(given)))}), given)
    path = put(table, tmp_path / "x.sqlite", geometry_type=kind, has_m="M" in (given[0] or "").split(" (")[0][-3:])
    assert shapes(read(path)) == shapes(table)


@pytest.mark.parametrize(
    "crs",
    ["EPSG:4326", "EPSG:4490", "EPSG:4547", "EPSG:4526", "EPSG:31370", "EPSG:4547+5737", "GCJ-02", None],
)
def test_the_crs_survives(tmp_path: Path, crs: str | None) -> None:
    assert formats.open(put(small(), tmp_path / "x.sqlite", crs=crs)).layer().crs.value == crs


def test_any_column_name(tmp_path: Path) -> None:
    given = ["fid", "geom", "ogc_geom", "select", "a b", "1a", "中" * 65, "x'y", 'q"q', "a.b"]
    table = with_shapes(pa.table({name: [f"v{i}"] for i, name in enumerate(given)}), ["POINT (1 2)"])
    again = read(put(table, tmp_path / "x.sqlite"))
    assert again.schema.names == [*given, "geometry", "_fid"]
    assert [again[name][0].as_py() for name in given] == [f"v{i}" for i in range(len(given))]


def test_a_column_that_would_end_the_process_is_refused(tmp_path: Path) -> None:
    assert PROFILE.naming is not None and PROFILE.naming.names(["GEOMETRY"]) == {"GEOMETRY": "GEOMETRY_1"}
    with pytest.raises(SourceError, match="GEOMETRY"):
        put(with_shapes(pa.table({"GEOMETRY": ["a"]}), ["POINT (1 2)"]), tmp_path / "x.sqlite")


def test_a_table_without_geometry(tmp_path: Path) -> None:
    path = put(pa.table({"a": [7, None]}), tmp_path / "x.sqlite")
    assert read(path)["a"].to_pylist() == [7, None]
