"""FlatGeobuf as it is written. fiona (another GDAL) is the judge."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import duckdb
import fiona
import pyarrow as pa
import pyogrio
import pytest
from round_trips import LONG_NAME, digests, held, points, put, quietly, read, shapes, values, with_shapes

import cimkit.formats as formats
from cimkit.formats.gdal.flatgeobuf_write import PROFILE


def has_index(path: Path) -> bool:
    """Whether the driver says that it can find records by place."""
    with quietly():
        return bool(pyogrio.read_info(path)["capabilities"]["fast_spatial_filter"])


def test_every_value_is_as_the_profile_says(tmp_path: Path) -> None:
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        expected, losses = held(con, with_shapes(values(), points()), PROFILE)
    path = put(expected, tmp_path / "x.fgb", in_order=True)
    again = read(path)
    for name in expected.schema.names:
        assert again[name].cast(expected[name].type).to_pylist() == expected[name].to_pylist(), name
    assert losses == {
        "u64": ["type.dropped"],
        "tag": ["type.dropped"],
        "zeit": ["time.fraction"],
        "zone": ["time.zone"],
        "uhr": ["type.dropped"],
    }
    with fiona.open(path) as judge:
        rows = [dict(row.properties) for row in judge]
    assert [row["i64"] for row in rows] == [2**53 + 1, None, 3, -(2**63), 2**63 - 1]
    assert [row["编号"] for row in rows] == ["010001", "", None, "x" * 300, "中" * 300]
    assert [row[LONG_NAME] for row in rows] == ["1", "2", "3", "4", "5"]


def test_the_index_sorts_and_the_profile_says_so(tmp_path: Path) -> None:
    chance = random.Random(1)
    places = [f"POINT ({chance.random()} {chance.random()})" for _ in range(200)]
    table = with_shapes(pa.table({"a": list(range(200))}), places)
    sorted_ = read(put(table, tmp_path / "x.fgb"))
    assert has_index(tmp_path / "x.fgb")
    assert sorted_["a"].to_pylist() != list(range(200)) and sorted(sorted_["a"].to_pylist()) == list(range(200))
    assert PROFILE.keeps_order is False
    assert read(put(table, tmp_path / "y.fgb", in_order=True))["a"].to_pylist() == list(range(200))
    assert not has_index(tmp_path / "y.fgb")


def test_records_without_geometry_cost_the_index_and_nothing_else(tmp_path: Path) -> None:
    given = ["POINT (1 2)", None, "POINT (3 4)"]
    path = put(with_shapes(pa.table({"a": [1, 2, 3]}), given), tmp_path / "x.fgb")
    assert shapes(read(path)) == given and not has_index(path)
    with fiona.open(path) as judge:
        assert [row.geometry is None for row in judge] == [False, True, False]


@pytest.mark.parametrize(
    "given",
    [
        ["POLYGON ((0 0, 1 0, 1 1, 0 0))", "MULTIPOLYGON (((5 5, 6 5, 6 6, 5 5)))", "POINT (1 2)"],
        ["POLYGON Z ((0 0 1, 1 0 2, 1 1 3, 0 0 1))", "MULTIPOLYGON Z (((5 5 1, 6 5 2, 6 6 3, 5 5 1)))"],
        ["LINESTRING ZM (1 2 3 4, 5 6 7 8)", "MULTILINESTRING ZM ((1 2 3 4, 5 6 7 8))"],
        ["POINT M (1 2 3)", "POINT M (4 5 6)"],
        ["POINT (114.123456789012345 22.3)"],
        ["GEOMETRYCOLLECTION (POINT (1 2), LINESTRING (0 0, 1 1))"],
    ],
)
def test_geometries_survive(tmp_path: Path, given: list[str]) -> None:
    table = with_shapes(pa.table({"a": list(range(len(given)))}), given)
    assert shapes(read(put(table, tmp_path / "x.fgb", in_order=True))) == shapes(table)


def test_curves_and_surfaces_survive(tmp_path: Path) -> None:
    ring = [(0, 0), (1, 1), (2, 0), (1, -1), (0, 0)]
    curve = struct.pack("<BIIBII", 1, 10, 1, 1, 8, 5) + b"".join(struct.pack("<dd", *point) for point in ring)
    face = struct.pack("<BIII", 1, 1003, 1, 4) + b"".join(
        struct.pack("<ddd", *corner) for corner in [(0, 0, 0), (1, 0, 0), (1, 1, 5), (0, 0, 0)]
    )
    surface = struct.pack("<BII", 1, 1015, 1) + face
    for value in (curve, surface):
        path = put(with_shapes(pa.table({"a": [1]}), [value]), tmp_path / "x.fgb")
        assert read(path)["geometry"].to_pylist() == [value]


def test_two_runs_give_the_same_file(tmp_path: Path) -> None:
    table = with_shapes(values().select(["编号", "i64", "zeit"]), points())
    assert digests(put(table, tmp_path / "x.fgb")) == digests(put(table, tmp_path / "x.fgb"))
    assert [path.name for path in tmp_path.iterdir()] == ["x.fgb"]


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:4490", "EPSG:4547", "EPSG:31370", "EPSG:4547+5737", "GCJ-02", None])
def test_the_crs_survives(tmp_path: Path, crs: str | None) -> None:
    table = with_shapes(pa.table({"a": [1]}), ["POINT (1 2)"])
    assert formats.open(put(table, tmp_path / "x.fgb", crs=crs)).layer().crs.value == crs


def test_no_geometry_at_all_and_no_rows(tmp_path: Path) -> None:
    nothing = with_shapes(pa.table({"a": [1, 2]}), [None, None])
    assert shapes(read(put(nothing, tmp_path / "x.fgb"))) == [None, None]
    assert read(put(nothing.slice(0, 0), tmp_path / "y.fgb")).num_rows == 0
    assert read(put(pa.table({"a": [1, 2]}), tmp_path / "z.fgb"))["a"].to_pylist() == [1, 2]


@pytest.mark.parametrize("indexed", [True, False])
def test_salvage_reads_what_is_before_the_cut_and_counts_it(tmp_path: Path, indexed: bool) -> None:
    table = with_shapes(pa.table({"a": list(range(1000))}), points(1000))
    path = put(table, tmp_path / "x.fgb", in_order=not indexed)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 8 // 10])
    with formats.open(path, salvage=True).layer().stream() as stream:
        rows = sum(batch.num_rows for batch in stream.batches)
        (rejected,) = stream.rejected
    assert 0 < rows < 1000
    assert rejected.place == f"record {rows + 1} and all that follow"
    assert "promises" not in rejected.reason or f"only {rows} are there" in rejected.reason
