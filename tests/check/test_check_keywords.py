"""Every compiled keyword, valid and invalid, in both engines and against jsonschema itself."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from check_deliveries import counts, deliver, failures, held, plain

ENGINES = ("sql", "record")

#: (property's schema, values, rows that fail, the keyword that they fail)
CASES: list[tuple[dict[str, Any], list[Any], list[int], str]] = [
    ({"type": "string"}, ["a", ""], [], "type"),
    ({"type": "string"}, [1, 2], [0, 1], "type"),
    ({"type": "integer"}, [3.0, 3.5, -1.0], [1], "type"),
    ({"type": "number"}, [1, 2], [], "type"),
    ({"type": "number"}, [True, False], [0, 1], "type"),
    ({"type": "boolean"}, [1, 0], [0, 1], "type"),
    ({"type": ["integer", "string"]}, ["1", "x"], [], "type"),
    ({"type": "number"}, [1.0, math.nan, math.inf, -math.inf], [1, 2, 3], "type"),
    ({"minimum": 1}, [1.0, math.nan], [1], "type"),
    ({"multipleOf": 0.001}, [0.123, 1234567.891, 0.0005], [2], "multipleOf"),
    ({"multipleOf": 0.1}, [2**60, 10**18], [], "multipleOf"),
    ({"enum": ["a", "b", 1]}, ["a", "c", "1"], [1, 2], "enum"),
    ({"enum": [1, 2.5]}, [1.0, 2.5, 2.0], [2], "enum"),
    ({"enum": [1.0]}, [1, 2], [1], "enum"),
    ({"enum": [True]}, [1, 0], [0, 1], "enum"),
    ({"enum": [1]}, [True, False], [0, 1], "enum"),
    ({"enum": [2**53 + 1]}, [2**53, 2**53 + 1], [0], "enum"),
    ({"enum": ["'); DROP TABLE t; --", 'x"y']}, ["x\"y", "'); DROP TABLE t; --", "'"], [2], "enum"),
    ({"enum": [f"code{i}" for i in range(50)]}, ["code1", "code99", "code49"], [1], "enum"),
    ({"const": "x"}, ["x", "y"], [1], "const"),
    ({"const": 1.5}, [1.5, 1.0], [1], "const"),
    ({"const": 0}, [False, False], [0, 1], "const"),
    ({"const": {"a": 1}}, ["x"], [0], "const"),
    ({"minimum": 2}, [2, 1, 3], [1], "minimum"),
    ({"minimum": 1.5}, [1, 2], [0], "minimum"),
    ({"minimum": 0}, ["a"], [], "minimum"),
    ({"maximum": 2}, [2.0, 2.000001], [1], "maximum"),
    ({"maximum": 2.5}, [2, 3], [1], "maximum"),
    ({"maximum": 2**53 + 1}, [2**53 + 1, 2**53 + 2], [1], "maximum"),
    ({"maximum": 2**53 + 1}, [float(2**53), float(2**53 + 2)], [1], "maximum"),
    ({"maximum": 10**40}, [5], [], "maximum"),
    ({"minimum": 10**40}, [5], [0], "minimum"),
    ({"exclusiveMinimum": 0}, [0.0, -1.0, 1e-300], [0, 1], "exclusiveMinimum"),
    ({"exclusiveMinimum": 2.5}, [2, 3], [0], "exclusiveMinimum"),
    ({"exclusiveMaximum": 3}, [2, 3], [1], "exclusiveMaximum"),
    ({"exclusiveMaximum": 2.5}, [2, 3], [1], "exclusiveMaximum"),
    ({"multipleOf": 3}, [9, 10, 0, -3], [1], "multipleOf"),
    ({"multipleOf": 0.01}, [0.07, 4.02, 4.025], [2], "multipleOf"),
    ({"multipleOf": 2}, [2.0, 3.0, 2.5], [1, 2], "multipleOf"),
    ({"multipleOf": 0.5}, [1e308, 1.25], [1], "multipleOf"),
    ({"multipleOf": 1e-8}, [12391239123], [], "multipleOf"),
    ({"multipleOf": 0.123456789}, [1e308], [0], "multipleOf"),
    ({"minLength": 2}, ["ab", "a", "中", "😀😀"], [1, 2], "minLength"),
    ({"maxLength": 1}, ["中", "😀", "ab", "e\u0301"], [2, 3], "maxLength"),
    ({"minLength": 3}, [1, 2], [], "minLength"),
    ({"pattern": "b"}, ["abc", "xyz", "b"], [1], "pattern"),
    ({"pattern": "^b$"}, ["b", "ab", "b\n", "a\nb"], [1, 2, 3], "pattern"),
    ({"pattern": r"^\d+$"}, ["12", "१२"], [1], "pattern"),
    ({"pattern": r"^\s$"}, [" ", "\u00a0", "\ufeff", "x"], [3], "pattern"),
    ({"pattern": r"^\p{Script=Han}+$"}, ["中文", "abc", "中a"], [1, 2], "pattern"),
    ({"pattern": "^.$"}, ["a", "\n", "\u2028", "😀"], [1, 2], "pattern"),
    ({"format": "date"}, ["2024-02-29", "2023-02-29", "2024-1-1", "0000-01-01", "10000-01-01"], [1, 2, 4], "format"),
    ({"format": "date-time"}, ["2024-05-01T10:00:00Z", "2024-05-01T10:00:00", "2024-05-01"], [1, 2], "format"),
    ({"format": "time"}, ["23:59:60Z", "22:59:60Z", "22:59:60-01:00", "24:00:00Z"], [1, 3], "format"),
    ({"format": "uri"}, ["https://a.b/c?d#e", "a.b", "http://a b"], [1, 2], "format"),
    ({"format": "uuid"}, ["2eb8aa08-aa98-11ea-b4aa-73b441d16380", "2eb8aa08"], [1], "format"),
    ({"format": "email"}, ["a@b.c", "a@", "@b"], [1, 2], "format"),
    ({"format": "ipv6"}, ["::1", "1::2::3"], [1], "format"),
    ({"format": "unheard-of"}, ["x"], [], "format"),
    ({"anyOf": [{"minimum": 5}, {"multipleOf": 2}]}, [6, 3, 4], [1], "anyOf"),
    ({"oneOf": [{"minimum": 5}, {"multipleOf": 2}]}, [6, 3, 4, 7], [0, 1], "oneOf"),
    ({"not": {"const": "x"}}, ["x", "y"], [0], "not"),
    ({"allOf": [{"minimum": 2}, {"maximum": 3}]}, [2, 1], [1], "minimum(/allOf/0)"),
    ({"if": {"minimum": 10}, "then": {"multipleOf": 10}}, [20, 15, 5], [1], "multipleOf(/then)"),
    ({"if": {"minimum": 10}, "else": {"const": 1}}, [20, 1, 5], [2], "const(/else)"),
    ({"$ref": "#/$defs/small"}, [1, 9], [1], "maximum"),
]  # fmt: skip
NOT_IN_SQL = ({"const": {"a": 1}},)


def schema_of(property_: dict[str, Any]) -> dict[str, Any]:
    return {"properties": {"x": property_}, "$defs": {"small": {"maximum": 5}}}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}"[:60])
def test_keyword(case: Any, engine: str, tmp_path: Path) -> None:
    property_, values, failing, keyword = case
    layer = plain(schema_of(property_))
    report = held(deliver(tmp_path, {"x": values}, layer), layer, engine=engine)
    assert failures(report) == ({f"t.x#{keyword}": failing} if failing else {})
    assert report.coverage.rules.skipped == ()
    for rule in report.rules:
        assert rule.checked == len(values) or rule.rule.endswith(("(/then)", "(/else)")) or math.nan in values


@pytest.mark.parametrize("engine", ENGINES)
def test_an_empty_cell_is_absent_and_fails_nothing_but_required(engine: str, tmp_path: Path) -> None:
    rules = {"type": "string", "minLength": 3, "pattern": "a", "enum": ["abc"], "not": {"const": "b"}}
    layer = plain({"required": ["x"], "properties": {"x": rules}})
    report = held(deliver(tmp_path, {"x": pa.array(["abc", None], pa.string())}, layer), layer, engine=engine)
    assert failures(report) == {"t.x#required": [1]}
    assert counts(report)["t.x#required"] == (2, 1)
    assert counts(report)["t.x#minLength"] == (1, 0)


@pytest.mark.parametrize("engine", ENGINES)
def test_null_is_a_value_where_the_schema_admits_it(engine: str, tmp_path: Path) -> None:
    layer = plain(
        {
            "required": ["x"],
            "properties": {"x": {"type": ["string", "null"], "minLength": 2}},
            "if": {"properties": {"x": {"type": "null"}}},
            "then": {"required": ["y"]},
            "dependentRequired": {"x": ["z"]},
        }
    )
    table = {"x": ["ab", None], "z": ["1", None]}
    report = held(deliver(tmp_path, table, layer), layer, engine=engine)
    assert failures(report) == {"t.y#required(/then)": [1], "t.z#dependentRequired": [1]}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_cell_that_cannot_be_cast_fails_its_type_and_nothing_else(engine: str, tmp_path: Path) -> None:
    layer = plain(
        {
            "required": ["n"],
            "properties": {"n": {"type": "integer", "minimum": 5}, "b": {"type": "boolean"}},
            "if": {"required": ["b"]},
            "then": {"required": ["n"]},
        }
    )
    cells = {"n": ["7", "7.0", "007", "x", "7.5", "", None, "3"], "b": ["true", "1", "FALSE", "ja", "0", "1", "1", "1"]}
    report = held(deliver(tmp_path, cells, layer, text=True), layer, engine=engine)
    assert failures(report) == {
        "t.n#required": [6],
        "t.n#type": [3, 4, 5],
        "t.n#minimum": [7],
        "t.b#type": [3],
        "t.n#required(/then)": [6],
    }
    values = {(f.row, f.field): f.value for f in report.findings if f.code == "type"}
    assert values == {(3, "n"): "x", (4, "n"): "7.5", (5, "n"): "", (3, "b"): "ja"}


@pytest.mark.parametrize("engine", ENGINES)
def test_codes_in_text_tables_keep_their_leading_zeros(engine: str, tmp_path: Path) -> None:
    layer = plain({"properties": {"code": {"type": "string", "pattern": "^0"}, "free": {}}})
    cells = {"code": ["0101", "101"], "free": ["007", "x"]}
    report = held(deliver(tmp_path, cells, layer, text=True), layer, engine=engine)
    assert failures(report) == {"t.code#pattern": [1]}


@pytest.mark.parametrize("engine", ENGINES)
def test_integers_of_text_are_exact_beyond_doubles(engine: str, tmp_path: Path) -> None:
    layer = plain({"properties": {"n": {"type": "integer", "maximum": 2**53}}})
    cells = {"n": [str(2**53), str(2**53 + 1)]}
    assert failures(held(deliver(tmp_path, cells, layer, text=True), layer, engine=engine)) == {"t.n#maximum": [1]}


@pytest.mark.parametrize("engine", ENGINES)
def test_dates_of_typed_sources_are_rfc_3339_texts(engine: str, tmp_path: Path) -> None:
    import datetime as dt

    table = pa.table(
        {
            "day": pa.array([dt.date(2024, 2, 29)]),
            "naive": pa.array([dt.datetime(2024, 1, 2, 3, 4, 5)]),
            "aware": pa.array([dt.datetime(2024, 1, 2, 3, 4, 5, 500)], pa.timestamp("us", "Asia/Shanghai")),
            "clock": pa.array([dt.time(3, 4, 5)]),
        }
    )
    layer = plain(
        {
            "properties": {
                "day": {"type": "string", "format": "date", "const": "2024-02-29"},
                "naive": {"type": "string", "format": "date-time", "const": "2024-01-02T03:04:05Z"},
                "aware": {"format": "date-time", "enum": ["2024-01-02T03:04:05.0005Z"]},
                "clock": {"format": "time", "pattern": "Z$"},
            }
        }
    )
    assert failures(held(deliver(tmp_path, table, layer), layer, engine=engine)) == {}
    wrong = plain({"properties": {"day": {"format": "date-time"}, "naive": {"type": "number"}}})
    assert failures(held(deliver(tmp_path, table, wrong), wrong, engine=engine)) == {
        "t.day#format": [0],
        "t.naive#type": [0],
    }


@pytest.mark.parametrize("engine", ENGINES)
def test_decimals_are_numbers_and_whole_ones_integers(engine: str, tmp_path: Path) -> None:
    from decimal import Decimal

    table = pa.table(
        {
            "whole": pa.array([Decimal(10**20), Decimal(3)], pa.decimal128(38, 0)),
            "money": pa.array([Decimal("0.10"), Decimal("2.00")], pa.decimal128(10, 2)),
        }
    )
    layer = plain(
        {
            "properties": {
                "whole": {"type": "integer", "maximum": 10**20 - 1},
                "money": {"type": "integer", "enum": [0.1]},
            }
        }
    )
    assert failures(held(deliver(tmp_path, table, layer), layer, engine=engine)) == {
        "t.whole#maximum": [0],
        "t.money#type": [0],
        "t.money#enum": [1],
    }


# ---- keywords about records ---------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
def test_additional_properties(engine: str, tmp_path: Path) -> None:
    layer = plain(
        {"properties": {"x": {}}, "patternProperties": {"^p_": {"minimum": 2}}, "additionalProperties": False}
    )
    table = {"x": [1, 2, 3], "p_a": [1, 2, 3], "y": [None, "b", None], "fid": [1, 2, 3]}
    report = held(deliver(tmp_path, table, layer), layer, engine=engine)
    assert failures(report) == {"t.p_a#minimum": [0], "t#additionalProperties": [1]}
    assert next(f for f in report.findings if f.code == "additionalProperties").field == "y"
    typed = plain({"properties": {"x": {}}, "additionalProperties": {"type": "integer"}})
    assert failures(held(deliver(tmp_path, table, typed), typed, engine=engine)) == {"t.y#type": [1]}


@pytest.mark.parametrize("engine", ENGINES)
def test_required_in_branches_stands_at_the_missing_field(engine: str, tmp_path: Path) -> None:
    layer = plain(
        {
            "allOf": [
                {
                    "if": {"properties": {"level": {"minimum": 2}}, "required": ["level"]},
                    "then": {"required": ["height", "uri"]},
                    "else": {"properties": {"height": False}},
                }
            ],
            "dependentSchemas": {"uri": {"required": ["level"]}},
        }
    )
    table = {"level": [1, 2, 3, None], "height": [None, 1.0, None, 2.0], "uri": [None, "u", "u", "u"]}
    report = held(deliver(tmp_path, table, layer), layer, engine=engine)
    assert failures(report) == {
        "t.height#required(/allOf/0/then)": [2],
        "t.height#false(/allOf/0/else)": [3],
        "t.level#required(/dependentSchemas/uri)": [3],
    }
    if engine == "sql":
        assert counts(report)["t.height#required(/allOf/0/then)"] == (2, 1)


@pytest.mark.parametrize("engine", ENGINES)
def test_alternatives_of_whole_records(engine: str, tmp_path: Path) -> None:
    layer = plain(
        {
            "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
            "anyOf": [{"properties": {"a": {"minimum": 1}}}, {"properties": {"b": {"minimum": 1}}, "required": ["b"]}],
            "not": {"required": ["c"]},
            "minProperties": 1,
            "maxProperties": 2,
        }
    )
    table = {"a": [1, 0, 1, None], "b": [None, None, 1, None], "c": [None, None, 1, None]}
    assert failures(held(deliver(tmp_path, table, layer), layer, engine=engine)) == {
        "t#oneOf": [2, 3],
        "t#anyOf": [1],
        "t#not": [2],
        "t#minProperties": [3],
        "t#maxProperties": [2],
    }


@pytest.mark.parametrize("engine", ENGINES)
def test_a_field_that_was_not_delivered(engine: str, tmp_path: Path) -> None:
    layer = plain({"required": ["height"], "properties": {"height": {"type": "number", "minimum": 0}}})
    report = held(deliver(tmp_path, {"x": [1, 2]}, layer, unmapped=("heigth",)), layer, engine=engine)
    assert counts(report) == {"t.height#type": (0, 0), "t.height#minimum": (0, 0), "t.height#required": (2, 2)}
    assert "heigth" in (report.findings[0].hint or "")


@pytest.mark.parametrize("engine", ENGINES)
def test_draft_7(engine: str, tmp_path: Path) -> None:
    layer = plain(
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "definitions": {"small": {"maximum": 5}},
            "properties": {"x": {"$ref": "#/definitions/small", "minimum": 100}},
            "dependencies": {"x": ["y"], "y": {"required": ["z"]}},
        }
    )
    table = {"x": [1, 9, None], "y": [1, 1, 1], "z": [None, 1, 1]}
    assert failures(held(deliver(tmp_path, table, layer), layer, engine=engine)) == {
        "t.x#maximum": [1],
        "t.z#required(/dependencies/y)": [0],
    }


def test_what_sql_cannot_decide_goes_to_the_record_engine_alone(tmp_path: Path) -> None:
    layer = plain(
        {
            "properties": {
                "x": {"type": "string", "minLength": 2, "pattern": "^(?!bad)"},
                "tags": {"type": "array", "items": {"maxLength": 2}, "uniqueItems": True},
            },
            "unevaluatedProperties": False,
        }
    )
    table = pa.table({"x": ["ok", "bad", "b"], "tags": [["a", "abc"], ["a", "a"], None], "extra": [None, None, "e"]})
    report = held(deliver(tmp_path, table, layer), layer)
    assert failures(report) == {
        "t.x#minLength": [2],
        "t.x#pattern": [1],
        "t.tags#uniqueItems": [1],
        "t.tags[]#maxLength": [0],
        "t#unevaluatedProperties": [2],
    }
    found = next(f for f in report.findings if f.rule == "t.tags[]#maxLength")
    assert (found.field, found.value) == ("tags[]", "abc")
    assert (report.coverage.rules.sql, report.coverage.rules.record) == (6, 1)
    assert failures(held(deliver(tmp_path, table, layer), layer, engine="record")) == failures(report)
    alone = held(deliver(tmp_path, table, layer), layer, engine="sql")
    assert [skipped.rule for skipped in alone.coverage.rules.skipped] == ["t.x#pattern"]
    assert failures(alone) == {rule: rows for rule, rows in failures(report).items() if rule != "t.x#pattern"}


def test_nested_values_and_their_nulls(tmp_path: Path) -> None:
    layer = plain(
        {
            "properties": {
                "address": {
                    "type": "object",
                    "required": ["street", "number"],
                    "properties": {
                        "street": {"type": "string", "minLength": 2},
                        "number": {"type": ["integer", "null"]},
                    },
                }
            }
        }
    )
    struct = pa.struct([("street", pa.string()), ("number", pa.int64())])
    cells = [{"street": "x", "number": 1}, {"street": None, "number": None}, None]
    report = held(deliver(tmp_path, pa.table({"address": pa.array(cells, struct)}), layer), layer)
    assert failures(report) == {"t.address.street#minLength": [0], "t.address.street#required": [1]}


def test_text_cells_of_nested_types_are_json(tmp_path: Path) -> None:
    layer = plain({"properties": {"tags": {"type": "array", "maxItems": 1}}})
    cells = {"tags": ['["a"]', '["a","b"]', "a", '{"a":1}', None]}
    assert failures(held(deliver(tmp_path, cells, layer, text=True), layer)) == {
        "t.tags#maxItems": [1],
        "t.tags#type": [2, 3],
    }


def test_formats_of_plain_schemas_are_annotations(tmp_path: Path) -> None:
    layer = plain({"properties": {"x": {"format": "date"}}})
    mapped = deliver(tmp_path, {"x": ["no"]}, layer)
    assert held(mapped, layer, formats=False).rules == ()
    assert failures(held(mapped, layer, formats=True)) == {"t.x#format": [0]}
