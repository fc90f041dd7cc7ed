"""Parquet that is read where it lies: the same as a copy of it, or copied where there is a doubt."""

from __future__ import annotations

import decimal
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

import cimkit
import cimkit.formats as formats
from cimkit import duck
from cimkit.check.staging import Attempt
from cimkit.errors import SourceError
from cimkit.formats import stored
from cimkit.model import Report, Staged

POINTS = pa.array(shapely.to_wkb(shapely.points(np.arange(8), np.arange(8) / 10)).tolist(), pa.binary())
SCHEMA = {
    "$id": "urn:test:thing",
    "properties": {"name": {"minLength": 2}, "n": {"type": "integer", "maximum": 5}, "day": {"const": "2024-01-02"}},
    "required": ["n"],
}


def geo(column: str = "geometry") -> dict[bytes, bytes]:
    about = {"encoding": "WKB", "geometry_types": [], "crs": None}
    return {b"geo": json.dumps({"version": "1.1.0", "primary_column": column, "columns": {column: about}}).encode()}


def write(path: Path, columns: dict[str, Any], *, geometry: str | None = None, **options: Any) -> Path:
    table = pa.table(columns)
    pq.write_table(table.replace_schema_metadata(geo(geometry)) if geometry else table, path, **options)
    return path


def both(path: Path, folder: Path) -> tuple[Staged, Staged]:
    layer = formats.open(path).layer()
    return formats.stage(layer, folder), formats.stage(layer, folder, in_place=True)


def rows(staged: Staged) -> list[dict[str, Any]]:
    with duck.connect() as con:
        found: list[dict[str, Any]] = con.execute(f"FROM {stored.table(staged)}").to_arrow_table().to_pylist()
    return found


KINDS: dict[str, Callable[[], dict[str, Any]]] = {
    "numbers": lambda: {"a": pa.array([1, None] * 4, pa.int16()), "b": np.arange(8) / 3, "c": [True, None] * 4},
    "texts": lambda: {"a": ["01", "x"] * 4, "b": pa.array(["y"] * 8, pa.large_string()), "c": ["", None] * 4},
    "dictionaries": lambda: {"a": pa.array(["u", "v"] * 4).dictionary_encode()},
    "times": lambda: {
        "a": [date(2024, 1, 2), None] * 4,
        "b": pa.array([datetime(2024, 1, 2, 3, 4, 5, 6, UTC)] * 8, pa.timestamp("us", "Asia/Shanghai")),
        "c": pa.array([datetime(2024, 1, 2)] * 8, pa.timestamp("ns")),
        "d": pa.array([datetime(2024, 1, 2)] * 8, pa.timestamp("ms")),
    },
    "decimals": lambda: {"a": [decimal.Decimal("1.20"), None] * 4},
    "nested": lambda: {"a": [["x"], [], None, ["y", None]] * 2, "b": [{"k": 1, "l": {"m": "n"}}, None] * 4},
    "half floats": lambda: {"a": pa.array([1.5, None] * 4, pa.float16())},
    "binary": lambda: {"a": [b"\0\xff", None] * 4},
    "reserved": lambda: {"_row": list("abcdefgh"), "_fid": range(8), 'odd "name"': range(8), "a.b": range(8)},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [{}, {"row_group_size": 1}, {"data_page_version": "2.0", "compression": "zstd"}])
def test_it_is_the_same_as_a_copy(tmp_path: Path, kind: str, options: dict[str, Any]) -> None:
    path = write(tmp_path / "x.parquet", {**KINDS[kind](), "shape": POINTS}, geometry="shape", **options)
    copy, lies = both(path, tmp_path / "copies")
    assert lies.path == path and not lies.numbered
    assert asdict(lies.facts) == asdict(copy.facts)
    assert lies.source == copy.source
    assert rows(lies) == rows(copy)
    assert {f.name: f.type for f in stored.schema(lies)} == {f.name: f.type for f in stored.schema(copy)}
    names = stored.schema(copy).names
    taken = [batch.to_pylist() for batch in stored.batches(lies, names, 3)]
    assert [len(batch) for batch in taken] == [3, 3, 2] or options.get("row_group_size") == 1
    assert [row for batch in taken for row in batch] == pq.read_table(copy.path).to_pylist()
    assert stored.rows(lies) == 8


def test_geopandas_with_a_covering_and_an_index(tmp_path: Path) -> None:
    frame = geopandas.GeoDataFrame({"n": [1, 2]}, geometry=geopandas.points_from_xy([1, 2], [3, 4]), crs=4326)
    frame.index = pa.array(["p", "q"]).to_pandas()
    frame.to_parquet(tmp_path / "x.parquet", write_covering_bbox=True)
    copy, lies = both(tmp_path / "x.parquet", tmp_path / "copies")
    assert not lies.numbered
    assert set(lies.columns or ()) == {"n", "geometry"}
    assert rows(lies) == rows(copy)
    assert asdict(lies.facts) == asdict(copy.facts)


def test_an_empty_file_and_null_geometry(tmp_path: Path) -> None:
    empty = write(tmp_path / "x.parquet", {"geometry": pa.array([], pa.binary())}, geometry="geometry")
    nulls = write(tmp_path / "y.parquet", {"geometry": pa.array([None, b""], pa.binary())}, geometry="geometry")
    for path in (empty, nulls):
        copy, lies = both(path, tmp_path / "copies")
        assert asdict(lies.facts) == asdict(copy.facts)
        assert rows(lies) == rows(copy)


def cut(value: bytes) -> bytes:
    return value[:-3]


DOUBTFUL: dict[str, Callable[[Path], Path]] = {
    "names that differ in case": lambda at: write(at / "x.parquet", {"a": [1], "A": [2]}),
    "DuckDB's own column": lambda at: write(at / "x.parquet", {"file_row_number": [1]}),
    "a name that is a pattern": lambda at: write(at / "x[1].parquet", {"a": [1]}),
    "nothing but nulls": lambda at: write(at / "x.parquet", {"a": pa.nulls(3)}),
    "many tiny row groups": lambda at: write(at / "x.parquet", {"a": range(200)}, row_group_size=2),
    "bytes that are no geometry": lambda at: write(
        at / "x.parquet", {"geometry": pa.array([cut(POINTS[0].as_py())], pa.binary())}, geometry="geometry"
    ),
    "a point among polygons": lambda at: write(
        at / "x.parquet",
        {"geometry": pa.array([bytes.fromhex("0106000000010000000101000000") + bytes(16)], pa.binary())},
        geometry="geometry",
    ),
}


@pytest.mark.parametrize("doubt", DOUBTFUL)
def test_what_leaves_a_doubt_is_copied(tmp_path: Path, doubt: str) -> None:
    path = DOUBTFUL[doubt](tmp_path)
    _, staged = both(path, tmp_path / "copies")
    assert staged.numbered and staged.path != path
    assert cimkit.check(path, schema={}, level="L2").coverage.features_checked == staged.facts.features


def test_a_folder_that_looks_like_a_partition_is_no_column(tmp_path: Path) -> None:
    (tmp_path / "year=2024").mkdir()
    path = write(tmp_path / "year=2024" / "x.parquet", {"n": [1]})
    _, lies = both(path, tmp_path / "copies")
    assert not lies.numbered
    assert [list(row) for row in rows(lies)] == [["n", "_row", "_fid"]]


@pytest.fixture
def things(tmp_path: Path) -> Path:
    numbers = np.arange(30_000)
    columns = {
        "name": ["x" * (n % 7) for n in numbers],
        "n": numbers % 9,
        "day": [date(2024, 1, 1 + n % 3) for n in numbers.tolist()],
        "extra": [f"e{n}" for n in numbers],
        "geometry": pa.array(shapely.to_wkb(shapely.points(numbers, numbers)).tolist(), pa.binary()),
    }
    return write(tmp_path / "things.parquet", columns, geometry="geometry", row_group_size=10_000)


def held(path: Path, monkeypatch: pytest.MonkeyPatch, in_place: bool, **more: Any) -> Report:
    monkeypatch.setattr(import_module("cimkit.check.check"), "attempts", lambda: iter([Attempt(in_place)]))
    monkeypatch.setattr(Attempt, "__exit__", lambda *_: False)
    return cimkit.check(path, schema=SCHEMA, clock="2024-05-01", **more)


@pytest.mark.parametrize("samples", [0, 3, None])
def test_the_report_is_the_same(things: Path, monkeypatch: pytest.MonkeyPatch, samples: int | None) -> None:
    before = things.stat()
    lies = held(things, monkeypatch, True, samples=samples)
    assert lies.totals["error"] > 0
    assert lies.to_dict() == held(things, monkeypatch, False, samples=samples).to_dict()
    after = things.stat()
    assert (before.st_mtime_ns, before.st_ctime_ns) == (after.st_mtime_ns, after.st_ctime_ns)
    assert [each.name for each in things.parent.iterdir()] == [things.name]


def damages() -> Iterator[int]:
    yield from range(40)


@pytest.mark.parametrize("seed", damages())
def test_a_damaged_file_is_an_error_with_its_name_or_reads_as_a_copy_does(
    things: Path, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    raw = bytearray(things.read_bytes())
    footer = int.from_bytes(raw[-8:-4], "little")
    for _ in range(chance.choice([1, 3, 30])):
        at = chance.randrange(4, len(raw) - 8 - (0 if seed % 3 else footer))
        raw[at] = chance.choice([0, 255, chance.randrange(256)])
    things.write_bytes(raw)
    try:
        report = cimkit.check(things, schema=SCHEMA, clock="2024-05-01")
    except SourceError as error:
        assert str(things) in str(error)
    else:
        assert report.coverage.features_checked > 0


@pytest.mark.parametrize("column", ["name", "n", "day", "extra", "geometry"])
def test_damage_in_any_column_is_found(things: Path, column: str) -> None:
    about = pq.read_metadata(things).row_group(1)
    chunk = next(c for c in map(about.column, range(about.num_columns)) if c.path_in_schema == column)
    raw = bytearray(things.read_bytes())
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    raw[start : start + chunk.total_compressed_size] = b"\xa5" * chunk.total_compressed_size
    things.write_bytes(raw)
    with pytest.raises(SourceError, match="cannot be read as Parquet"):
        cimkit.check(things, schema=SCHEMA)


def test_a_file_that_vanishes_or_changes(things: Path) -> None:
    raw = things.read_bytes()

    def vanish(what: str, done: int, total: int | None) -> None:
        if what == "check":
            things.unlink(missing_ok=True)

    with pytest.raises(SourceError, match=r"things\.parquet"):
        cimkit.check(things, schema=SCHEMA, progress=vanish)
    things.write_bytes(raw)

    def change(what: str, done: int, total: int | None) -> None:
        if what == "check":
            things.write_bytes(raw)

    with pytest.raises(SourceError, match="changed while it was checked"):
        cimkit.check(things, schema=SCHEMA, progress=change)
