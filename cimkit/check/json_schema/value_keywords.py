"""JSON Schema keywords about one JSON value, as SQL predicates that are true where it fails.

They say of values in documents what :mod:`cimkit.check.json_schema.sql` says of typed columns,
and a predicate may be NULL instead of false as there. A value that is not there fails nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cimkit.check.columns import Column, Kind
from cimkit.check.json_schema import sql
from cimkit.check.json_schema.sql import ALWAYS, NEVER, all_of, any_of, negation
from cimkit.check.json_schema.values import INTEGERS, TYPES, Value, text_literal
from cimkit.check.json_schema.ways import pointer_to
from cimkit.duck import literal

#: Integers up to here are doubles, each a double of its own.
_EXACT = 2**53
#: Lists within the items of a list that must all differ.
_DEEPEST = 8


def _column(kind: Kind, value: str) -> Column:
    return Column("", value, kind, False)


def type_fails(wanted: Any, value: Value) -> str:
    types = {wanted} if isinstance(wanted, str) else set(wanted)
    if value.name:
        return NEVER if "string" in types else ALWAYS
    names = dict.fromkeys(name for each in sorted(types) for name in TYPES.get(each, ()))
    if not names:
        return value.present
    wrong = f"({value.type} NOT IN ({', '.join(literal(name) for name in names)}))"
    if "integer" not in types or "number" in types:
        return wrong
    fraction = f"({value.fraction} <> trunc({value.fraction}))"
    return all_of([wrong, f"({value.type} <> 'DOUBLE' OR {fraction})"])


def _about_text(name: str) -> ValueKeyword:
    def fails(limit: Any, schema: Mapping[str, Any], value: Value) -> str:
        return sql.KEYWORDS[name](limit, schema, _column("string", value.text))

    return fails


def _about_number(name: str) -> ValueKeyword:
    compared = name != "multipleOf"

    def fails(limit: Any, schema: Mapping[str, Any], value: Value) -> str:
        if value.name:
            return NEVER
        keyword = sql.KEYWORDS[name]
        if compared and abs(limit) < _EXACT:
            return keyword(limit, schema, _column("number", value.number))
        whole = keyword(limit, schema, _column("integer", value.whole))
        fraction = keyword(limit, schema, _column("number", value.fraction))
        return f"(CASE WHEN {value.type} IN {INTEGERS} THEN {whole} WHEN {value.type} = 'DOUBLE' THEN {fraction} END)"

    return fails


# ---- equality -------------------------------------------------------------------------


def equals(value: Value, constant: Any) -> str:
    """True where a value equals a JSON value, whatever is in it."""
    if constant is None or isinstance(constant, bool):
        text = "null" if constant is None else "true" if constant else "false"
        return NEVER if value.name else f"({value.json} = '{text}')"
    if isinstance(constant, str):
        return f"({value.text} = {text_literal(constant)})"
    if value.name:
        return NEVER
    if isinstance(constant, (int, float)):
        return _equals_number(value, constant)
    if isinstance(constant, list):
        parts = [f"({value.type} = 'ARRAY')", f"({value.length} = {len(constant)})"]
        return all_of([*parts, *(equals(value.item(index), each) for index, each in enumerate(constant))])
    parts = [f"({value.type} = 'OBJECT')", f"(len({value.keys}) = {len(constant)})"]
    return all_of([*parts, *(equals(value.member(name), each) for name, each in constant.items())])


def _equals_number(value: Value, constant: int | float) -> str:
    if abs(constant) < _EXACT:
        return f"({value.number} = {literal(float(constant))})"
    found = []
    if math.isfinite(constant) and constant == int(constant) and abs(constant) < 2**63:
        found.append(f"({value.whole} = {int(constant)})")
    try:
        near = float(constant)
    except OverflowError:
        near = math.inf
    if near == constant and math.isfinite(near):
        found.append(f"({value.fraction} = {literal(near)})")
    return any_of(found)


def enum_fails(constants: Sequence[Any], _: Mapping[str, Any], value: Value) -> str:
    texts = list(dict.fromkeys(text_literal(each) for each in constants if isinstance(each, str)))
    rest = [equals(value, each) for each in constants if not isinstance(each, str)]
    if len(texts) > 1 and value.level:  # no subquery may stand among the items of a list
        rest.append(f"({value.text} IN ({', '.join(texts)}))")
    elif texts:
        rest.append(sql.is_in(value.text, texts))
    return all_of([value.present, negation(any_of(rest))])


def const_fails(constant: Any, schema: Mapping[str, Any], value: Value) -> str:
    return enum_fails([constant], schema, value)


def _unique_fails(asked: Any, _: Mapping[str, Any], value: Value) -> str:
    if asked is not True or value.name:
        return NEVER
    item, _index, level = value.inner()
    listed = f"list_transform({value.items}, lambda {item}: {_canonical(Value(item, level=level), _DEEPEST)})"
    return f"({value.length} <> len(list_distinct({listed})))"


def _canonical(value: Value, depth: int) -> str:
    """A text that is the same for equal values, and for those alone."""
    fraction = f"TRY_CAST({value.json} AS DOUBLE)"
    whole = f"{fraction} = trunc({fraction}) AND abs({fraction}) < 1e18"
    number = f"CASE WHEN {whole} THEN CAST(CAST({fraction} AS BIGINT) AS VARCHAR) ELSE CAST({fraction} AS VARCHAR) END"
    inner = "''"
    if depth:
        item, key, level = value.inner()
        members = (
            f"list_transform(list_sort({value.keys}), lambda {key}: json_extract({value.json}, {pointer_to(key)}))"
        )
        children = f"CASE WHEN {value.type} = 'OBJECT' THEN {members} ELSE {value.items} END"
        each = f"list_transform({children}, lambda {item}: {_canonical(Value(item, level=level), depth - 1)})"
        inner = f"CAST(to_json(list_sort({value.keys})) AS VARCHAR) || '[' || array_to_string({each}, ',') || ']'"
        inner = f"{value.type}[1] || {inner}"
    return (
        f"(CASE WHEN {value.type} IN ('OBJECT', 'ARRAY') THEN {inner} WHEN {value.type} = 'DOUBLE' THEN {number} "
        f"ELSE CAST({value.json} AS VARCHAR) END)"
    )


def too_deep(text: str) -> str:
    """Where a JSON text nests deeper than unique items are compared."""
    bare = f"regexp_replace(regexp_replace({text}, '\"(?:[^\"\\\\]|\\\\.)*\"', '', 'g'), '[^][{{}}]', '', 'g')"
    for _ in range(_DEEPEST):
        bare = f"replace(replace({bare}, '[]', ''), '{{}}', '')"
    return f"({bare} <> '')"


# ---- sizes ----------------------------------------------------------------------------


def _count(comparison: str, type_: str) -> ValueKeyword:
    def fails(limit: Any, _: Mapping[str, Any], value: Value) -> str:
        if value.name:
            return NEVER
        count = value.length if type_ == "ARRAY" else f"len({value.keys})"
        return f"({value.type} = '{type_}' AND {count} {comparison} {int(limit)})"

    return fails


def absent(value: Value, name: str) -> str:
    """Where an object has no member of that name."""
    if value.name:
        return NEVER
    return f"({value.type} = 'OBJECT' AND {value.member(name).json} IS NULL)"


ValueKeyword = Callable[[Any, Mapping[str, Any], Value], str]

#: A keyword about one JSON value -> (its value, the schema it stands in, the value) -> when it fails.
VALUE_KEYWORDS: Mapping[str, ValueKeyword] = {
    "type": lambda wanted, _, value: type_fails(wanted, value),
    "enum": enum_fails,
    "const": const_fails,
    **{
        name: _about_number(name)
        for name in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf")
    },
    **{name: _about_text(name) for name in ("minLength", "maxLength", "pattern", "format")},
    "minItems": _count("<", "ARRAY"),
    "maxItems": _count(">", "ARRAY"),
    "minProperties": _count("<", "OBJECT"),
    "maxProperties": _count(">", "OBJECT"),
    "uniqueItems": _unique_fails,
}

#: The types of the values that a keyword may fail; the others may fail on any.
ABOUT: Mapping[str, str] = {
    **dict.fromkeys(("minLength", "maxLength", "pattern", "format"), "string"),
    **dict.fromkeys(("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf"), "number"),
    **dict.fromkeys(
        ("minItems", "maxItems", "uniqueItems", "contains", "minContains", "maxContains", "items", "additionalItems"),
        "array",
    ),
    **dict.fromkeys(
        ("minProperties", "maxProperties", "required", "dependentRequired", "dependencies", "propertyNames"), "object"
    ),
    **dict.fromkeys(("additionalProperties", "unevaluatedProperties"), "object"),
    "unevaluatedItems": "array",
}
