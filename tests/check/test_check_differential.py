"""Generated schemas over generated tables: SQL and the record engine name the same rows for the same rules,
and a record breaks some rule exactly where plain jsonschema calls it invalid."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from check_deliveries import deliver, plain
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from cimkit.check import check
from cimkit.check.execute import prepare
from cimkit.check.json_schema.nulls import nullable_members
from cimkit.check.json_schema.scope import Scope
from cimkit.check.layer_check import LayerCheck, Settings

NAMES = ("a", "b", "c")
WORDS = ("", "a", "ab", "b1", "中", "😀a", "a b", "1", "-3", "2.5", "true", "2024-02-29", "x\ny")
NUMBERS = (-3, -1, 0, 1, 2, 3, 7, 2**53 + 1, 0.5, 2.5, -1.5, 1e10)
PATTERNS = ("^a", "b$", "^[0-9]+$", "a.b", r"\d", "^.{1,2}$", "(a|b)1?", "^(?!a)", "中|😀")
_numbers = itertools.count()

numbers = st.sampled_from(NUMBERS)
limits = st.integers(0, 3)
scalars = st.one_of(numbers, st.sampled_from(WORDS), st.booleans(), st.none())
types = st.sampled_from(["string", "integer", "number", "boolean", "null"])


def of_values(deep: int = 1) -> st.SearchStrategy[Any]:
    """Schemas of one value."""
    keywords: dict[str, Any] = {
        "type": st.one_of(types, st.lists(types, min_size=1, max_size=3, unique=True)),
        "enum": st.lists(scalars, min_size=1, max_size=4, unique_by=lambda v: (type(v), v)),
        "const": scalars,
        "minimum": numbers,
        "maximum": numbers,
        "exclusiveMinimum": numbers,
        "exclusiveMaximum": numbers,
        "multipleOf": st.sampled_from([1, 2, 3, 0.5, 0.25]),
        "minLength": limits,
        "maxLength": limits,
        "pattern": st.sampled_from(PATTERNS),
    }
    if deep:
        inner = of_values(deep - 1)
        keywords |= {
            "allOf": st.lists(inner, min_size=1, max_size=2),
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "oneOf": st.lists(inner, min_size=1, max_size=2),
            "not": inner,
            "if": inner,
            "then": inner,
            "else": inner,
            "$ref": st.just("#/$defs/r"),
        }
    some = st.lists(st.sampled_from(sorted(keywords)), max_size=3, unique=True)
    described = some.flatmap(lambda names: st.fixed_dictionaries({name: keywords[name] for name in names}))
    return st.one_of(described, described, described, st.booleans())


def of_records(deep: int = 2) -> st.SearchStrategy[dict[str, Any]]:
    """Schemas of a record with the members a, b, c."""
    names = st.lists(st.sampled_from(NAMES), max_size=2, unique=True)
    keywords: dict[str, Any] = {
        "properties": st.dictionaries(st.sampled_from(NAMES), of_values(), max_size=3),
        "required": names,
        "dependentRequired": st.dictionaries(st.sampled_from(NAMES), names, max_size=2),
        "patternProperties": st.dictionaries(st.sampled_from(["^a", "[bc]"]), of_values(0), max_size=1),
        "additionalProperties": st.one_of(st.just(False), of_values(0)),
        "minProperties": limits,
        "maxProperties": limits,
        "propertyNames": st.just({"pattern": "[ab]"}),
        "unevaluatedProperties": st.just(False),
    }
    if deep:
        inner = of_records(deep - 1)
        keywords |= {
            "allOf": st.lists(inner, min_size=1, max_size=2),
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "oneOf": st.lists(inner, min_size=1, max_size=2),
            "not": inner,
            "if": inner,
            "then": inner,
            "else": inner,
            "dependentSchemas": st.dictionaries(st.sampled_from(NAMES), inner, max_size=1),
        }
    some = st.lists(st.sampled_from(sorted(keywords)), min_size=1, max_size=4, unique=True)
    return some.flatmap(lambda names: st.fixed_dictionaries({name: keywords[name] for name in names}))


@st.composite
def schemas(draw: st.DrawFn) -> dict[str, Any]:
    return {**draw(of_records()), "$defs": {"r": draw(of_values(0))}}


def column(values: st.SearchStrategy[Any], type_: pa.DataType) -> st.SearchStrategy[pa.Array]:
    cells = st.lists(st.one_of(st.none(), values, values, values), min_size=6, max_size=6)
    return cells.map(lambda row: pa.array(row, type_))


DOUBLES = st.one_of(numbers.map(float), st.sampled_from([math.nan, math.inf, -math.inf, 0.1, 3.0]))
COLUMNS = st.one_of(
    column(st.sampled_from(WORDS), pa.string()),
    column(st.sampled_from([n for n in NUMBERS if isinstance(n, int)]), pa.int64()),
    column(DOUBLES, pa.float64()),
    column(st.booleans(), pa.bool_()),
    column(st.dates(dt.date(2020, 1, 1), dt.date(2025, 1, 1)), pa.date32()),
)
CELLS = column(st.sampled_from(WORDS), pa.string())


def tables(columns: st.SearchStrategy[pa.Array]) -> st.SearchStrategy[dict[str, pa.Array]]:
    return st.dictionaries(st.sampled_from(NAMES), columns, min_size=1, max_size=3)


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        prepare(connection)
        yield connection


def outcome(
    con: duckdb.DuckDBPyConnection, mapped: Any, layer: Any, engine: str, *, formats: bool = False
) -> dict[str, tuple[int, ...]]:
    """Rule -> failing rows, of the rules that fail."""
    check = LayerCheck(con, next(_numbers), mapped, layer, Settings(engine=engine, formats=formats, samples=None))
    check.prepare([check.delivery])
    outcomes, _ = check.decide()
    for one in outcomes:
        assert one.failed == len(one.rows) <= max(one.checked, one.failed)
    return {one.rule.rule: one.rows for one in outcomes if one.failed}


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(schema=schemas(), table=tables(COLUMNS))
def test_typed_tables(con: Any, tmp_path_factory: Any, schema: dict[str, Any], table: dict[str, pa.Array]) -> None:
    folder: Path = tmp_path_factory.mktemp("t")
    layer = plain(schema)
    mapped = deliver(folder, table, layer)
    compiled = outcome(con, mapped, layer, "auto")
    assert compiled == outcome(con, mapped, layer, "record")

    judge = Draft202012Validator(schema)
    nullable = nullable_members(*Scope.open(schema))
    failing = {row for rows in compiled.values() for row in rows}
    for row in range(6):
        cells = {name: array[row].as_py() for name, array in table.items()}
        if any(isinstance(value, float) and not math.isfinite(value) for value in cells.values()):
            continue
        record = {name: value for name, value in cells.items() if value is not None or name in nullable}
        record |= dict.fromkeys(nullable - table.keys())
        record = {name: value.isoformat() if isinstance(value, dt.date) else value for name, value in record.items()}
        assert (row in failing) == (not judge.is_valid(record)), record


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(schema=schemas(), table=tables(CELLS))
def test_text_tables(con: Any, tmp_path_factory: Any, schema: dict[str, Any], table: dict[str, pa.Array]) -> None:
    folder: Path = tmp_path_factory.mktemp("t")
    layer = plain(schema)
    mapped = deliver(folder, table, layer, text=True)
    assert outcome(con, mapped, layer, "auto") == outcome(con, mapped, layer, "record")


@pytest.mark.parametrize(
    ("schema", "failing"),
    [
        ({"type": "string"}, 1),
        ({"enum": ["a"]}, 1),
        ({"oneOf": [{"type": "string"}, {"type": "array"}]}, 1),
        ({"type": ["string", "null"]}, 0),
    ],
)
def test_a_null_in_a_json_record_is_a_null_to_both_engines(tmp_path: Path, schema: Any, failing: int) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"v": null}\n{"v": "a"}\n{}\n', encoding="utf-8")
    whole = {"$id": "urn:t", "properties": {"v": schema}}
    for engine in ("sql", "auto", "record"):
        report = check(path, schema=whole, engine=engine)
        assert report.totals["error"] == failing, engine
