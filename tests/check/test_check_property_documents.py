"""Generated schemas over generated documents: SQL and the record engine name the same records for the same rules,
and a document breaks some rule exactly where plain ``jsonschema`` calls it invalid."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from check_deliveries import plain
from documents_strategies import documents, scalars, whole_schemas
from documents_whole import connection, judged_both, outcome, whole, whole_texts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator

import cimkit
from cimkit.check.json_schema.oracle import Oracle
from cimkit.check.json_schema.scope import Scope
from cimkit.check.staging import as_delivered
from cimkit.errors import StandardError
from cimkit.formats import open as open_source
from cimkit.formats import stage


@pytest.fixture(scope="module")
def con() -> Iterator[Any]:
    with connection() as made:
        yield made


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(schema=whole_schemas(), values=st.lists(documents, min_size=6, max_size=6))
def test_documents(con: Any, tmp_path_factory: Any, schema: dict[str, Any], values: list[Any]) -> None:
    folder: Path = tmp_path_factory.mktemp("t")
    layer = plain(schema)
    mapped = whole(folder, values, layer)
    try:
        judged, _ = outcome(con, mapped, layer, "record", formats=True)
    except StandardError:  # a schema that contains itself without an end
        return
    compiled, _ = outcome(con, mapped, layer, "auto", formats=True)
    assert compiled == judged
    opened, scope = Scope.open(schema)
    oracle = Oracle(opened, scope, formats=True)
    failing = {row for rows in judged.values() for row in rows}
    assert failing == {row for row, value in enumerate(values) if oracle.problems(value)}


records = st.lists(
    st.dictionaries(st.sampled_from(("a", "b", "0", "a.b")), documents, max_size=3), min_size=4, max_size=4
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(schema=whole_schemas(), values=records)
def test_records_with_nested_members(
    con: Any, tmp_path_factory: Any, schema: dict[str, Any], values: list[Any]
) -> None:
    """Records as users deliver them: a table where they are objects, of which some columns are JSON."""
    folder: Path = tmp_path_factory.mktemp("t")
    path = folder / "records.jsonl"
    path.write_text("".join(json.dumps(value) + "\n" for value in values), encoding="utf-8")
    layer = plain(schema)
    mapped = as_delivered(stage(open_source(path, records=True).layers[0], folder), "t")
    try:
        judged, _ = outcome(con, mapped, layer, "record", formats=True)
    except StandardError:
        return
    compiled, _ = outcome(con, mapped, layer, "auto", formats=True)
    assert compiled == judged
    opened, scope = Scope.open(schema)
    oracle = Oracle(opened, scope, formats=True)
    failing = {row for rows in judged.values() for row in rows}
    assert failing == {row for row, value in enumerate(values) if oracle.problems(value)}


def test_members_that_cannot_be_columns_are_still_members(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text('{"geometry": {"x": 1}, "fid": 5, "": 1}\n{"Ab": 1, "aB": "x"}\n', encoding="utf-8")
    schema = {"required": ["geometry", "fid", ""], "properties": {"aB": {"type": "integer"}, "fid": {"minimum": 6}}}
    report = cimkit.check(path, schema=schema)
    assert {(f.rule, f.row) for f in report.findings if f.severity == "error"} == {
        ("schema.geometry#required", 1),
        ("schema.fid#required", 1),
        ("schema#required", 1),
        ("schema.aB#type", 1),
        ("schema.fid#minimum", 0),
    }


#: Values of which texts differ that mean the same, or that are read differently by many.
TEXTS = (
    "0", "-0", "-0.0", "0.0", "1", "1.0", "1e0", "10e-1", "1E2", "9007199254740993", "9007199254740992.0",
    "18446744073709551615", "18446744073709551616", "123456789012345678901234567890", "1e300", "1e-300", "0.1",
    '""', '"a"', '"\\u0000"', '"a\\u0000b"', '"\\ud83d\\ude00"', '"\U0001f600"', '"e\u0301"', '"\u00e9"', '"\\n"',
    '"\x7f"', "null", "true", "false", "[]", "{}",
    "[[]]", "[{}]", "[null]", '{"":1}', '{"a.b":1}', '{"$":1}', '{"a/b":1}',
    '{"~":1}', '{"\\"":1}', '{"0":1}', "[1]", "[1.0,1]", "[true,1]", '[{"a":1,"b":2},{"b":2.0,"a":1}]', "[[1],[true]]",
    "[" * 30 + "]" * 30, '{"a":' * 30 + "1" + "}" * 30, '[{"a":' * 12 + "1" + "}]" * 12, '{"a":{"a":[1,2,[3]]}}',
)  # fmt: skip
TREE = {"items": {"$ref": "#/$defs/tree"}, "properties": {"a": {"$ref": "#/$defs/tree"}}, "maxItems": 1}
SCHEMAS: tuple[dict[str, Any], ...] = (
    {"type": "integer"},
    {"type": "number", "multipleOf": 1},
    {"enum": [0, 1, 9007199254740993, 18446744073709551616, 1e300, "", "a", None, True, [], {}, [1], {"": 1}]},
    {"const": 9007199254740992},
    {"minimum": 9007199254740993},
    {"exclusiveMaximum": 18446744073709551616},
    {"maximum": 1e300, "exclusiveMinimum": 0},
    {"maxLength": 1, "minLength": 1, "pattern": "^.$"},
    {"uniqueItems": True},
    {
        "properties": {
            "": {"const": 2},
            "a.b": False,
            "$": {"type": "string"},
            "a/b": False,
            "~": False,
            '"': False,
            "0": False,
        }
    },
    {"additionalProperties": {"type": "object"}, "items": {"type": "object"}},
    {"propertyNames": {"pattern": "^[a-z]"}, "required": ["a"]},
    {
        "$ref": "#/$defs/tree",
        "$defs": {
            "tree": {"items": {"$ref": "#/$defs/tree"}, "properties": {"a": {"$ref": "#/$defs/tree"}}, "maxItems": 1}
        },
    },
    {"items": {"items": {"type": "integer"}}, "contains": {"type": ["object", "array"]}, "maxContains": 1},
    {"not": {"type": ["array", "object"]}},
    {"type": ["array", "object", "null", "boolean"], "minLength": 5, "minimum": 100},
)


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: json.dumps(schema)[:50])
def test_tricky_values(schema: dict[str, Any], tmp_path: Path) -> None:
    layer = plain(schema)
    failing, _ = judged_both(whole_texts(tmp_path, TEXTS, layer), layer)
    judge = Draft202012Validator(schema)
    assert failing == {row for row, text in enumerate(TEXTS) if not judge.is_valid(json.loads(text))}


#: Schemas in the manner of published ones (draft-07), and documents that nearly fulfil them.
PUBLISHED: tuple[dict[str, Any], ...] = (
    {
        "type": "object",
        "required": ["id", "location"],
        "properties": {
            "id": {"anyOf": [{"type": "string", "minLength": 1, "pattern": r"^[\\w.:-]+$"}, {"type": "integer"}]},
            "location": {
                "oneOf": [
                    {
                        "required": ["type", "coordinates"],
                        "properties": {
                            "type": {"enum": ["Point"]},
                            "coordinates": {"type": "array", "minItems": 2, "items": {"type": "number"}},
                        },
                    },
                    {"type": "null"},
                ]
            },
            "tags": {"type": "array", "uniqueItems": True, "items": {"type": "string", "maxLength": 4}},
        },
        "additionalProperties": {"type": ["boolean", "number"]},
    },
    {
        "type": ["object", "array"],
        "items": [{"type": "integer", "multipleOf": 3}, {"const": {"a": [1, None]}}],
        "additionalItems": False,
        "patternProperties": {"^x": {"type": "object", "minProperties": 1}},
        "dependencies": {"a": ["b"]},
        "propertyNames": {"maxLength": 3},
    },
    {"if": {"type": "string"}, "then": {"format": "date"}, "else": {"not": {"type": "boolean"}}},
)


NEARLY = st.one_of(
    st.fixed_dictionaries(
        {
            "id": st.sampled_from(["urn:1", "a b", "", 5, 5.0, 1.5]),
            "location": st.one_of(
                st.none(),
                st.fixed_dictionaries(
                    {"type": st.sampled_from(["Point", "Line"]), "coordinates": st.lists(scalars, max_size=3)}
                ),
                st.fixed_dictionaries({"type": st.just("Point"), "coordinates": st.just([1.5, 2])}),
            ),
        },
        optional={"tags": st.lists(scalars, max_size=3), "more": scalars},
    ),
    st.lists(st.sampled_from([3, 4, 3.0, {"a": [1, None]}, {"a": [1.0, None]}, {"a": [None, 1]}]), max_size=3),
    st.dictionaries(st.sampled_from(["x", "xyz1", "a", "b", "xb"]), documents, max_size=3),
    st.sampled_from(["2024-02-30", "2024-02-29", True, 5]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(schema=st.sampled_from(PUBLISHED), values=st.lists(NEARLY, min_size=4, max_size=4))
def test_published_schemas(con: Any, tmp_path_factory: Any, schema: dict[str, Any], values: list[Any]) -> None:
    layer = plain({"$schema": "http://json-schema.org/draft-07/schema#", **schema})
    mapped = whole(tmp_path_factory.mktemp("t"), values, layer)
    compiled, _ = outcome(con, mapped, layer, "auto", formats=False)
    assert compiled == outcome(con, mapped, layer, "record", formats=False)[0]
    failing = {row for rows in compiled.values() for row in rows}
    assert failing == {row for row, value in enumerate(values) if not Draft7Validator(schema).is_valid(value)}


def test_a_wrong_type_is_one_finding_for_that_very_item(con: Any, tmp_path: Path) -> None:
    layer = plain(
        {
            "properties": {"tags": {"items": {"type": "string", "enum": ["a", "b"], "maxLength": 1}}},
            "allOf": [{"properties": {"tags": {"prefixItems": [{"const": "a"}]}}}],
        }
    )
    values = [{"tags": [5, "c"]}, {"tags": ["a", 5]}, {"tags": ["b"]}, {"tags": ["a", "long"]}, {"tags": 5}, 5]
    found, in_records = outcome(con, whole(tmp_path, values, layer), layer, "auto")
    assert found == {
        "t.tags[]#type": (0, 1),
        "t.tags[]#enum": (0, 3),
        "t.tags[]#maxLength": (3,),
        "t.tags[]#const(/allOf/0/prefixItems/0)": (2,),
    }
    assert in_records == 0
    assert outcome(con, whole(tmp_path, values, layer), layer, "record")[0] == found


def test_members_that_no_name_is_given_for_share_a_rule(con: Any, tmp_path: Path) -> None:
    layer = plain({"additionalProperties": {"type": "object", "additionalProperties": {"minimum": 2}}})
    values: list[Any] = [{"a": {"b": 1}}, {"c": {"d": 1}, "e": 5}, [1], {"f": {"g": 2}}]
    found, _ = outcome(con, whole(tmp_path, values, layer), layer, "auto")
    assert found == {"t.*.*#minimum": (0, 1), "t.*#type": (1,)}


def test_what_falls_back_is_one_keyword_at_one_place(con: Any, tmp_path: Path) -> None:
    schema = {
        "properties": {"a": {"items": {"type": "string", "pattern": "^(?!x)", "maxLength": 3}}, "b": {"minimum": 1}}
    }
    layer = plain(schema)
    values: list[Any] = [{"a": ["ok", "xy", "long"], "b": 0}, {"a": [5, "x"]}, {"a": "x"}, 5]
    found, in_records = outcome(con, whole(tmp_path, values, layer), layer, "auto")
    assert found == {
        "t.a[]#type": (1,),
        "t.a[]#pattern": (0, 1),
        "t.a[]#maxLength": (0,),
        "t.b#minimum": (0,),
    }
    alone = LayerRules(con, whole(tmp_path, values, layer), layer)
    assert alone.skipped == ["t.a[]#pattern"]
    assert in_records >= 1


class LayerRules:
    """What SQL alone leaves undecided."""

    def __init__(self, con: Any, mapped: Any, layer: Any) -> None:
        from cimkit.check.layer_check import LayerCheck, Settings

        check = LayerCheck(con, 10_000, mapped, layer, Settings(engine="sql", samples=None))
        check.prepare([check.delivery])
        self.skipped = [item.rule for item in check.skipped]


@pytest.mark.parametrize("count", [300, 3000])
def test_thousands_of_branches_do_not_make_thousands_of_pages_of_sql(count: int, con: Any, tmp_path: Path) -> None:
    branches = [{"properties": {"k": {"const": str(i)}, "v": {"minimum": i}}, "required": ["k"]} for i in range(count)]
    layer = plain({"oneOf": branches, "properties": {"v": {"type": "number"}}})
    values: list[Any] = [{"k": "3", "v": 5}, {"k": "3", "v": 1}, {"k": "no"}, {"k": "4", "v": "x"}, 5]
    found, _ = outcome(con, whole(tmp_path, values, layer), layer, "auto")
    assert found == {"t#oneOf": (1, 2), "t.v#type": (3,)} or found == {"t#oneOf": (1, 2, 4), "t.v#type": (3,)}


def test_references_to_references_are_bounded(con: Any, tmp_path: Path) -> None:
    defs: dict[str, Any] = {f"d{i}": {"allOf": [{"$ref": f"#/$defs/d{i + 1}"}] * 2} for i in range(11)}
    defs["d11"] = {"type": "object"}
    layer = plain({"$ref": "#/$defs/d0", "$defs": defs})
    found, _ = outcome(con, whole(tmp_path, [{}, 5], layer), layer, "auto")
    assert set().union(*found.values()) == {1}
