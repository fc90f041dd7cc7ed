"""Rows sorted along the curve in files: nothing lost, the same bytes whatever the cuts, bounded row groups."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cimkit import duck
from cimkit.errors import SourceError, UsageError
from cimkit.formats.tables import geoparquet_write, hilbert, row_groups, spool
from cimkit.formats.tables.geoparquet_write import rewrite_geoparquet, write_geoparquet
from cimkit.formats.tables.spool import Spool


@pytest.fixture(scope="module")
def con() -> Iterator[Any]:
    with duck.connect() as connection:
        yield connection


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def scattered(count: int, seed: int = 4) -> pa.Table:
    """Polygons of many sizes, some records at one place, some at none."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(500_000, 560_000, count).round(-3), rng.uniform(3_000_000, 3_060_000, count).round(-3)
    shapes = shapely.buffer(shapely.points(x, y), 20, quad_segs=4)
    shapes[rng.integers(0, count, count // 10)] = None
    shapes[rng.integers(0, count, count // 50)] = shapely.Polygon()
    return pa.table(
        {"id": np.arange(count), "name": [f"n{i % 7}" for i in range(count)], "geometry": shapely.to_wkb(shapes)}
    )


# ---- the curve


@pytest.mark.parametrize("scale", [1, 256])
def test_the_curve_visits_every_cell_and_steps_to_a_neighbour(scale: int) -> None:
    x, y = (axis.ravel().astype(np.uint32) for axis in np.meshgrid(np.arange(256), np.arange(256)))
    order = np.argsort(hilbert.along(x * scale, y * scale))
    steps = np.abs(np.diff(x[order].astype(int))) + np.abs(np.diff(y[order].astype(int)))
    assert (steps == 1).all()


def test_places_without_a_middle_and_outside_the_extent() -> None:
    boxes = np.array(
        [[0, 0, 0, 0], [-np.inf, 0, np.inf, 0], [np.nan] * 4, [-9, -9, -9, -9], [9, 9, 9, 9], [1, 1, 1, 1]], np.float32
    )
    found = hilbert.places(boxes, (0.0, 0.0, 1.0, 1.0))
    assert found[0] == found[1] == found[2] == found[3] == 0
    assert found[4] == found[5]
    assert (hilbert.places(boxes[:1], (3.0, 3.0, 3.0, 3.0)) == 0).all()


# ---- the spool


def key(table: pa.Table) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    return table["a"].to_numpy(), table["b"].to_numpy()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=400),
    st.integers(1, 60),
    st.sampled_from([100, 1000, 1 << 20]),
    st.sampled_from([4, 1 << 16]),
)
def test_what_goes_in_comes_out_sorted(numbers: list[int], step: int, bucket: int, sample: int) -> None:
    rng = np.random.default_rng(1)
    first = np.array(numbers, dtype=np.uint64)
    second = rng.integers(0, 9, len(first)).astype(np.uint64)
    table = pa.table({"a": first, "b": second, "wkb": pa.array([b"x" * int(n) for n in first])})
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        patch.setattr(spool, "BUCKET_BYTES", bucket)
        patch.setattr(spool, "_SAMPLE_ROWS", sample)
        sorter = Spool(Path(folder), table.schema, large="wkb", by=["a", "b"])
        for start in range(0, len(table), step):
            sorter.add(table.slice(start, step))
        result = pa.concat_tables(sorter.sorted(key))
        assert list(Path(folder).iterdir()) == []
    assert (
        result.equals(table.take(np.lexsort((second, first))).combine_chunks())
        or result.to_pylist() == table.take(np.lexsort((second, first))).to_pylist()
    )


# ---- the file


@pytest.mark.parametrize("version", ["1.1", "2.0"])
def test_the_bytes_do_not_hang_on_the_buckets(
    con: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    con.register("given", scattered(5000))
    write_geoparquet(con, "FROM given", tmp_path / "a.parquet", crs="EPSG:4547", version=version)
    monkeypatch.setattr(spool, "BUCKET_BYTES", 50_000)
    monkeypatch.setattr(geoparquet_write, "_BATCH_ROWS", 700)
    write_geoparquet(con, "FROM given ORDER BY hash(id)", tmp_path / "b.parquet", crs="EPSG:4547", version=version)
    assert digest(tmp_path / "a.parquet") == digest(tmp_path / "b.parquet")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.parquet", "b.parquet"]


def test_a_file_is_rewritten_as_a_query_is_and_keeps_the_order_of_equals(
    con: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = scattered(5000)
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=900)
    columns = {"name": "Name", "id": "a.b", "geometry": "geometry"}
    digests = set()
    for bucket in (16 << 20, 40_000):
        monkeypatch.setattr(spool, "BUCKET_BYTES", bucket)
        assert rewrite_geoparquet(tmp_path / "in.parquet", columns, tmp_path / "x.parquet", crs="EPSG:4547") == 5000
        digests.add(digest(tmp_path / "x.parquet"))
    assert len(digests) == 1
    read = pq.read_table(tmp_path / "x.parquet")
    assert read.column_names == ["Name", "a.b", "geometry", "bbox"]
    assert sorted(read["a.b"].to_pylist()) == table["id"].to_pylist()
    ids, boxes = read["a.b"].to_numpy(), read["bbox"].to_pylist()
    assert all(boxes[i] != boxes[i + 1] or ids[i] < ids[i + 1] for i in range(len(ids) - 1))
    con.register("given", table)
    write_geoparquet(con, "FROM given", tmp_path / "y.parquet", crs="EPSG:4547")
    assert [pq.read_table(tmp_path / f"{n}.parquet")["bbox"].to_pylist() for n in "xy"] == [boxes] * 2


def test_columns_with_dots_beside_structs_are_not_mixed_up(tmp_path: Path) -> None:
    table = pa.table({"a": [{"b": 1}], "a.b": [2], "geometry": [shapely.Point(1, 2).wkb]})
    pq.write_table(table, tmp_path / "in.parquet")
    rewrite_geoparquet(tmp_path / "in.parquet", {n: n for n in table.column_names}, tmp_path / "x.parquet", crs=None)
    assert pq.read_table(tmp_path / "x.parquet").drop_columns("bbox").to_pylist() == table.to_pylist()


def test_without_geometry_the_file_is_plain_and_in_order(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": np.arange(100_000)[::-1]}), tmp_path / "in.parquet")
    assert rewrite_geoparquet(tmp_path / "in.parquet", {"n": "n"}, tmp_path / "x.parquet", crs=None) == 100_000
    assert pq.read_table(tmp_path / "x.parquet")["n"].to_pylist()[:2] == [99_999, 99_998]
    assert b"geo" not in pq.read_metadata(tmp_path / "x.parquet").metadata


def test_no_rows(tmp_path: Path) -> None:
    empty = scattered(10).slice(0, 0)
    pq.write_table(empty, tmp_path / "in.parquet")
    columns = {name: name for name in empty.column_names}
    for version in ("1.1", "2.0"):
        assert (
            rewrite_geoparquet(tmp_path / "in.parquet", columns, tmp_path / "x.parquet", crs=None, version=version) == 0
        )
        assert pq.read_table(tmp_path / "x.parquet").num_rows == 0
        assert (
            "bbox" not in json.loads(pq.read_metadata(tmp_path / "x.parquet").metadata[b"geo"])["columns"]["geometry"]
        )


def test_big_geometries_make_small_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_groups, "ROW_GROUP_BYTES", 10_000)
    lines = [shapely.LineString(np.random.default_rng(i).uniform(0, 9, (60 if i % 50 else 900, 2))) for i in range(200)]
    pq.write_table(pa.table({"geometry": shapely.to_wkb(lines)}), tmp_path / "in.parquet")
    rewrite_geoparquet(tmp_path / "in.parquet", {"geometry": "geometry"}, tmp_path / "x.parquet", crs=None)
    file = pq.ParquetFile(tmp_path / "x.parquet")
    sizes = [
        [len(value) for value in file.read_row_group(i, ["geometry"])["geometry"].to_pylist()]
        for i in range(file.num_row_groups)
    ]
    assert sum(map(len, sizes)) == 200
    assert all(sum(group) <= 10_000 or len(group) == 1 for group in sizes)
    assert len(sizes) < 60


def test_a_failure_in_the_middle_of_a_query_leaves_nothing(con: Any, tmp_path: Path) -> None:
    import duckdb

    query = "SELECT CASE WHEN range = 200000 THEN error('late') ELSE range END AS n FROM range(300000)"
    with pytest.raises(duckdb.Error):
        write_geoparquet(con, query, tmp_path / "x.parquet", crs=None)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq.write_table(scattered(2000), tmp_path / "in.parquet")
    monkeypatch.setattr(spool, "BUCKET_BYTES", 10_000)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pa.ipc, "new_file", full)
    with pytest.raises(SourceError, match="No space left"):
        rewrite_geoparquet(tmp_path / "in.parquet", {"geometry": "geometry"}, tmp_path / "x.parquet", crs=None)
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


def test_an_unknown_version(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        rewrite_geoparquet(tmp_path / "in.parquet", {"a": "a"}, tmp_path / "x.parquet", crs=None, version="3.0")


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("1::HUGEINT", pa.float64()),
        ("'b'::ENUM('a','b')", pa.string()),
        ("INTERVAL 1 DAY", pa.string()),
        ("'6f9619ff-8b86-d011-b42d-00cf4fc964ff'::UUID", pa.string()),
        ("'101'::BIT", pa.string()),
        ("""'{"a":1}'::JSON""", pa.json_()),
        ("{'a': [1]}", pa.struct([("a", pa.list_(pa.int32()))])),
    ],
)
def test_types_that_arrow_or_parquet_lack(con: Any, tmp_path: Path, value: str, kind: pa.DataType) -> None:
    query = f"SELECT {value} AS v, ST_AsWKB(ST_Point(1, 2)) AS geometry"
    assert write_geoparquet(con, query, tmp_path / "x.parquet", crs=None) == 1
    assert pq.read_schema(tmp_path / "x.parquet").field("v").type == kind


def test_the_extended_dialect_becomes_iso_in_version_2(con: Any, tmp_path: Path) -> None:
    point = shapely.Point(1, 2, 3)
    extended = shapely.to_wkb(shapely.set_srid(point, 4547), include_srid=True, flavor="extended")
    con.register("given", pa.table({"geometry": pa.array([extended])}))
    write_geoparquet(con, "FROM given", tmp_path / "x.parquet", crs=None, version="2.0")
    read = pq.ParquetFile(tmp_path / "x.parquet", arrow_extensions_enabled=False).read()
    assert read["geometry"].to_pylist() == [shapely.to_wkb(point, flavor="iso")]


# ---- memory


def test_reading_parquet_does_not_hold_what_was_read(tmp_path: Path) -> None:
    from cimkit import formats

    peaks = []
    for count in (100_000, 400_000):
        rng = np.random.default_rng(1)
        table = pa.table({"n": rng.uniform(size=count), "m": rng.uniform(size=count)})
        pq.write_table(table, tmp_path / f"{count}.parquet", row_group_size=20_000)
        del table
        before, peak = pa.total_allocated_bytes(), 0
        for _ in formats.open(tmp_path / f"{count}.parquet").layer().batches(10_000):
            peak = max(peak, pa.total_allocated_bytes() - before)
        peaks.append(peak)
    assert peaks[1] < 1.3 * peaks[0]


def test_sorting_holds_a_few_buckets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "BUCKET_BYTES", 1 << 20)
    peaks = []
    for count in (50_000, 150_000):
        pq.write_table(scattered(count), tmp_path / f"{count}.parquet", row_group_size=4096)
        sorter, before, peak = None, pa.total_allocated_bytes(), 0
        with pq.ParquetFile(tmp_path / f"{count}.parquet", pre_buffer=False) as file:
            for batch in file.iter_batches(2048):
                ranks = pa.array(np.arange(batch.num_rows, dtype=np.uint64))
                table = pa.Table.from_batches([batch]).append_column("a", ranks).append_column("b", ranks)
                sorter = sorter or Spool(tmp_path, table.schema, large="geometry", by=["a", "b"])
                sorter.add(table)
                peak = max(peak, pa.total_allocated_bytes() - before)
        assert sorter is not None
        for _ in sorter.sorted(key):
            peak = max(peak, pa.total_allocated_bytes() - before)
        peaks.append(peak)
    assert peaks[1] < peaks[0] + (3 << 20)
