"""Structs, lists and maps as the JSON they stand for, in SQL."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from cimkit.check.json_schema.nulls import admits_null, members
from cimkit.check.json_schema.scope import Schema, Scope
from cimkit.duck import literal

if TYPE_CHECKING:
    from duckdb.typing import DuckDBPyType

#: A value of a type that is not nested -> (SQL, its kind in JSON, SQL: when it has none, …).
Scalar = Callable[[str, str], tuple[str, str, str | None, str | None]]


def json_text(sql: str, type_: DuckDBPyType, schema: Schema, scope: Scope, scalar: Scalar, level: int = 0) -> str:
    """SQL: a nested value as JSON text; NULL where it is NULL.

    A member of a struct that is NULL is absent, unless the schema says that it may be null.
    """
    kind = type_.id
    if kind == "struct":
        described = {name: (member, inside) for name, member, inside in members(schema, scope)}
        parts = []
        for name, inner in type_.children:
            member, inside = described.get(name, ({}, scope))
            value = f"struct_extract({sql}, {literal(name)})"
            text = json_text(value, inner, member, inside, scalar, level)
            if name in described and admits_null(member, inside):
                text = f"coalesce({text}, 'null')"
            parts.append(f"{literal(json.dumps(name, ensure_ascii=False) + ':')} || {text}")
        written = f"'{{' || array_to_string(CAST([{', '.join(parts)}] AS VARCHAR[]), ',') || '}}'"
    elif kind in ("list", "array"):
        items = schema.get("items", {}) if isinstance(schema, dict) else {}
        item = f"e{level}"
        each = json_text(item, type_.children[0][1], items, scope, scalar, level + 1)
        listed = f"CAST({sql} AS {type_.children[0][1]}[])" if kind == "array" else sql
        texts = f"list_transform({listed}, lambda {item}: coalesce({each}, 'null'))"
        written = f"'[' || array_to_string({texts}, ',') || ']'"
    elif kind == "map":
        entry = f"e{level}"
        value = json_text(f"({entry}).value", type_.children[1][1], {}, scope, scalar, level + 1)
        name = f"CAST(to_json(CAST(({entry}).key AS VARCHAR)) AS VARCHAR)"
        texts = f"list_transform(map_entries({sql}), lambda {entry}: {name} || ':' || coalesce({value}, 'null'))"
        written = f"'{{' || array_to_string({texts}, ',') || '}}'"
    else:
        return _scalar_text(sql, type_, scalar)
    return f"CASE WHEN {sql} IS NOT NULL THEN {written} END"


def _scalar_text(sql: str, type_: DuckDBPyType, scalar: Scalar) -> str:
    value, kind, _, _ = scalar(sql, str(type_))
    if kind == "nested":  # JSON text already, or a union
        return f"CAST(to_json({sql}) AS VARCHAR)"
    if kind == "string":
        return f"CAST(to_json({value}) AS VARCHAR)"
    if kind == "number" and str(type_) in ("FLOAT", "DOUBLE"):
        number = f"CAST(to_json({value}) AS VARCHAR)"
        names = f"CASE WHEN isnan({value}) THEN 'NaN' WHEN {value} > 0 THEN 'Infinity' ELSE '-Infinity' END"
        return f"CASE WHEN isfinite({value}) THEN {number} ELSE {names} END"
    if kind == "number":  # a decimal: whole ones are integers
        whole = f"CAST(CAST({sql} AS HUGEINT) AS VARCHAR)"
        return f"CASE WHEN {sql} = trunc({sql}) THEN {whole} ELSE CAST(to_json({value}) AS VARCHAR) END"
    return f"CAST({value} AS VARCHAR)"
