"""JSON records: types from the whole file, nested and mixed values as JSON text, any value per line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cimkit.formats as formats
from cimkit.formats.json import stream as json_stream


def write(tmp_path: Path, records: list[Any], name: str = "x.json") -> Path:
    path = tmp_path / name
    if name.endswith("l"):
        path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
    else:
        path.write_text(json.dumps(records, ensure_ascii=False), encoding="utf-8")
    return path


def table(path: Path, batch_size: int = 65536) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """The types of the columns, "json" where marked, and the rows with JSON text decoded."""
    layer = formats.open(path).layer()
    own = [field for field in layer.schema if field.name != "_fid"]
    marked = {field.name for field in own if b"cimkit:json" in (field.metadata or {})}
    types = {field.name: "json" if field.name in marked else str(field.type) for field in own}
    rows = []
    for batch in layer.batches(batch_size):
        for row in batch.drop_columns(["_fid"]).to_pylist():
            rows.append({k: json.loads(v) if k in marked and v is not None else v for k, v in row.items()})
    return types, rows


@pytest.mark.parametrize("name", ["x.json", "x.jsonl", "x.ndjson"])
def test_types_are_of_the_whole_file(tmp_path: Path, name: str) -> None:
    records = [
        {"i": 1, "f": 1, "t": "01", "b": True, "mix": 1, "nest": {"x": [1]}, "none": None, "big": 2**70},
        {"i": -5, "f": 2.5, "t": "中", "b": False, "mix": "1", "nest": None, "late": 3},
    ]
    path = write(tmp_path, records, "x.jsonl" if name.endswith("n") and name != "x.json" else name)
    types, rows = table(path)
    assert types == {
        "i": "int64", "f": "double", "t": "string", "b": "bool", "mix": "json", "nest": "json", "none": "string",
        "big": "json", "late": "int64",
    }  # fmt: skip
    columns = list(types)
    assert rows == [{c: record.get(c) for c in columns} for record in records]


@pytest.mark.parametrize("values", [[True, 1], [1, "1"], [2**53 + 1, 0.5], [[1], 1], [{}, None, "x"]])
def test_what_has_no_one_type_is_json_text(tmp_path: Path, values: list[Any]) -> None:
    types, rows = table(write(tmp_path, [{"a": value} for value in values]))
    assert types == {"a": "json"}
    assert [(row["a"], type(row["a"])) for row in rows] == [(value, type(value)) for value in values]


@pytest.mark.parametrize("name", ["x.json", "x.jsonl"])
@pytest.mark.parametrize("records", [[1, "x", None, [1], {"a": 1}], [None], ["{"], [{"a": 1}, 2], [[]]])
def test_any_value_may_be_a_record(tmp_path: Path, name: str, records: list[Any]) -> None:
    path = write(tmp_path, records, name)
    layer = formats.open(path).layer()
    assert layer.schema.metadata == {b"cimkit:record": b"value"}
    assert layer.schema.names == ["value", "_fid"]
    assert [json.loads(text) for text in layer.arrow()["value"].to_pylist()] == records


def test_one_document_is_one_record(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"name": "a", "items": [1, 2]}')
    assert table(path) == ({"name": "string", "items": "json"}, [{"name": "a", "items": [1, 2]}])


@pytest.mark.parametrize(("text", "rows"), [("[]", 0), ("[{}]", 1), ("\n\n[ ]\n", 0)])
def test_nothing_in_it(tmp_path: Path, text: str, rows: int) -> None:
    (tmp_path / "x.json").write_text(text)
    layer = formats.open(tmp_path / "x.json").layer()
    assert (layer.schema.names, layer.arrow().num_rows) == (["_fid"], rows)


def test_reserved_names(tmp_path: Path) -> None:
    layer = formats.open(write(tmp_path, [{"geometry": {"x": 1}, "_row": 5, "": 1}])).layer()
    assert layer.schema.names == ["geometry_2", "_row_2", "column_3", "_fid"]
    assert layer.schema.field("geometry_2").metadata == {b"cimkit:name": b"geometry", b"cimkit:json": b"true"}
    row = layer.arrow().to_pylist()[0]
    assert (row["geometry_2"], row["_row_2"], row["column_3"]) == ('{"x":1}', 5, 1)


def test_lines_by_content(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"a": 1}\n{"a": 2}\n')
    assert formats.open(path).source.format == "JSONL"
    assert table(path)[1] == [{"a": 1}, {"a": 2}]


def test_text_is_text(tmp_path: Path) -> None:
    assert formats.open(write(tmp_path, [{"a": "1"}])).layer().text_cells is False


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    records=st.lists(st.dictionaries(st.sampled_from("abc"), values, max_size=3), max_size=6), batch=st.integers(1, 4)
)
@pytest.mark.parametrize("name", ["x.json", "x.jsonl"])
def test_any_records_survive(tmp_path: Path, name: str, records: list[dict[str, Any]], batch: int) -> None:
    path = tmp_path / name
    texts = [json.dumps(record) for record in records]
    path.write_text("[" + ",".join(texts) + "]" if name == "x.json" else "".join(text + "\n" for text in texts) or "\n")
    types, rows = table(path, batch)
    assert rows == [{column: record.get(column) for column in types} for record in records]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=st.lists(values, max_size=6), indent=st.sampled_from([None, 2]), chunk=st.integers(1, 9))
def test_the_window_of_the_reader_is_never_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, records: list[Any], indent: int | None, chunk: int
) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"skip": [1, {"x": "]"}], "features": records}, indent=indent))
    with monkeypatch.context() as patch:
        patch.setattr(json_stream, "_CHUNK", chunk)
        assert list(json_stream.items(path, "features")) == records


def test_a_big_array_stays_out_of_memory(tmp_path: Path) -> None:
    import tracemalloc

    path = tmp_path / "x.json"
    with path.open("w") as handle:
        handle.write("[")
        handle.write(",\n".join(json.dumps({"a": i, "text": "x" * 100}) for i in range(60_000)))
        handle.write("]")
    layer = formats.open(path).layer()
    tracemalloc.start()
    count = sum(batch.num_rows for batch in layer.batches(1000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 60_000
    assert peak < 5_000_000 < path.stat().st_size
