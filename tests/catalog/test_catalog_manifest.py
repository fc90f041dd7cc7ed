"""Rules that hold for every manifest, every name and every content."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cimkit.catalog import content
from cimkit.catalog.layout import Layout, is_file_name
from cimkit.catalog.manifest import DataFile, Manifest, _lasting
from cimkit.errors import CatalogError

text = st.text(max_size=20)
count = st.integers(0, 2**53 - 1)
sha256 = st.text("0123456789abcdef", min_size=64, max_size=64)
number = st.floats(allow_nan=False, allow_infinity=False)
box = st.none() | st.tuples(number, number, number, number)
json_value = st.recursive(
    st.none() | st.booleans() | count | number | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
file_name = st.text(min_size=1, max_size=80).filter(is_file_name)
facts = st.dictionaries(st.text("abcxyz", min_size=1, max_size=8).map("x_".__add__), json_value, max_size=3)


@st.composite
def manifests(draw: Callable[..., Any]) -> Manifest:
    names = draw(st.lists(file_name, min_size=1, max_size=4, unique=True))
    files = tuple(
        DataFile("data" if i == 0 else "x" + name, name, draw(sha256), draw(count), draw(st.none() | count))
        for i, name in enumerate(names)
    )
    columns = st.fixed_dictionaries({"name": text, "type": text, "nulls": count})
    return Manifest(
        name=draw(st.from_regex(r"[a-z][a-z0-9_-]{0,62}", fullmatch=True)),
        version=draw(st.integers(1, 10**6)),
        previous=draw(st.none() | st.integers(1, 10**6)),
        title=draw(st.dictionaries(text, text, max_size=3)),
        crs=draw(st.none() | st.text(min_size=1, max_size=20)),
        bbox=draw(box),
        bbox_crs84=draw(box),
        rows=draw(count),
        geometry=draw(st.none() | st.fixed_dictionaries({"types": st.lists(text, max_size=2), "nulls": count})),
        columns=tuple(draw(st.lists(columns, max_size=3))),
        standard=draw(st.none() | st.fixed_dictionaries({"id": text, "version": text})),
        sources=tuple(draw(st.lists(st.fixed_dictionaries({"name": text, "sha256": sha256}), max_size=2))),
        check=draw(st.none() | st.fixed_dictionaries({"verdict": st.sampled_from(["pass", "fail"])})),
        licence=draw(st.none() | text),
        files=files,
        digest=draw(sha256),
        created_at="2024-05-01T00:00:00Z",
        message=draw(text),
        run=draw(facts),
        facts=draw(facts),
    )


@given(manifests())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_manifest_survives_the_disk(manifest: Manifest) -> None:
    data = manifest.dump("manifest.json")
    assert Manifest.from_dict(json.loads(data), "manifest.json") == manifest
    assert Manifest.from_dict(json.loads(data), "manifest.json").dump("manifest.json") == data


@given(st.text(max_size=100) | st.sampled_from(["..", ".", "a/..", "\\\\host\\x", "C:\\x", "x\x00", "nul/"]))
def test_a_file_name_never_leaves_its_folder(name: str) -> None:
    if is_file_name(name):
        folder = Path("/catalog/datasets/building/v000001")
        assert (folder / name).resolve() == folder / name
        assert (folder / name).parent == folder


@pytest.mark.parametrize("name", ["data.parquet", "quarantine-城市.parquet", "review.geojson", "a", "a b.csv"])
def test_names_that_are_fine(name: str) -> None:
    assert is_file_name(name)


def test_two_files_of_one_name_and_no_data() -> None:
    base = Manifest(
        name="a", version=1, previous=None, title={}, crs=None, bbox=None, bbox_crs84=None, rows=0, geometry=None,
        columns=(), standard=None, sources=(), check=None, licence=None, files=(), digest="0" * 64,
        created_at="2024-05-01T00:00:00Z", message="", run={},
    )  # fmt: skip
    file = {"role": "data", "path": "a.parquet", "sha256": "0" * 64, "bytes": 1, "rows": 1}
    for files in ([file, {**file, "role": "x"}], [{**file, "role": "x"}], [file, {**file, "path": "b.parquet"}]):
        with pytest.raises(CatalogError):
            Manifest.from_dict({**base.to_dict(), "files": files}, "manifest.json")


@given(json_value)
def test_what_passes_is_left_out_at_any_depth(value: Any) -> None:
    stamped = {"kept": [value, {"run_id": 1, "ended_at": 2}], "path": 3, "seconds": 4}
    assert _lasting(stamped) == {"kept": [_lasting(value), {}]}


# ---- content --------------------------------------------------------------------------

serial = itertools.count()  # of the files that were made
cells = st.none() | st.text(max_size=4)
rows = st.lists(
    st.tuples(cells, cells, st.none() | st.floats(allow_nan=False), st.none() | st.binary(max_size=4)), max_size=6
)


def digest(con: Any, folder: Path, table: pa.Table, **options: Any) -> str:
    # A name of its own each time: DuckDB keeps what it read of a path whose time and size look the same.
    path = folder / f"{next(serial)}.parquet"
    pq.write_table(table, path, **options)
    return content.read(con, path).digest


def as_table(records: list[tuple[Any, ...]]) -> pa.Table:
    a, b, x, g = zip(*records, strict=True) if records else ((), (), (), ())
    return pa.table(
        {
            "a": pa.array(a, pa.string()),
            "b": pa.array(b, pa.string()),
            "x": pa.array(x, pa.float64()),
            "geometry": pa.array(g, pa.binary()),
        }
    )


@given(rows, rows)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_equal_digests_mean_equal_records(connection: Any, tmp_path: Path, one: list[Any], two: list[Any]) -> None:
    def texts(records: list[Any]) -> list[str]:
        return sorted(map(repr, records))

    same = digest(connection, tmp_path, as_table(one)) == digest(connection, tmp_path, as_table(two))
    assert same == (texts(one) == texts(two))


@given(rows, st.randoms())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_order_and_encoding_do_not_count(connection: Any, tmp_path: Path, records: list[Any], random: Any) -> None:
    before = digest(connection, tmp_path, as_table(records))
    shuffled = random.sample(records, len(records))
    after = digest(connection, tmp_path, as_table(shuffled), compression="none", use_dictionary=False, row_group_size=2)
    assert before == after


def test_names_types_and_the_place_of_a_value_count(connection: Any, tmp_path: Path) -> None:
    tables = [
        pa.table({"a": ["1"], "b": ["2"]}),
        pa.table({"a": ["2"], "b": ["1"]}),
        pa.table({"a": ["12"], "b": [""]}),
        pa.table({"a": ["1"], "c": ["2"]}),
        pa.table({"a": [1], "b": ["2"]}),
        pa.table({"a": ["1"], "b": pa.array([None], pa.string())}),
        pa.table({"a": ["1", "1"], "b": ["2", "2"]}),
        pa.table({"a": ["1"]}),
    ]
    assert len({digest(connection, tmp_path, table) for table in tables}) == len(tables)


def test_a_link_that_turns_in_a_circle_is_refused(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises((CatalogError, OSError)):
        layout.inside(tmp_path / "a").read_bytes()
