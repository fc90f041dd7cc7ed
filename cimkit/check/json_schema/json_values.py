"""Values of Arrow columns as JSON values: what ``jsonschema`` is given to judge."""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pyarrow as pa

from cimkit.check.json_schema.nulls import admits_null, members
from cimkit.check.json_schema.scope import Schema, Scope


def reader(type_: pa.DataType, schema: Schema, scope: Scope, *, json_text: bool) -> Callable[[Any], Any]:
    """How a value of an Arrow type becomes a JSON value; ``schema`` says where a null member is a null."""
    if json_text:
        return json.loads
    kinds = pa.types
    if kinds.is_struct(type_):
        return _struct(type_, schema, scope)
    if kinds.is_list(type_) or kinds.is_large_list(type_) or kinds.is_fixed_size_list(type_):
        items = schema.get("items", {}) if isinstance(schema, Mapping) else {}
        each = reader(type_.value_type, items, scope, json_text=False)
        return lambda value: [None if item is None else each(item) for item in value]
    if kinds.is_map(type_):
        item = reader(type_.item_type, {}, scope, json_text=False)
        return lambda value: {str(key): None if member is None else item(member) for key, member in value}
    return _scalar


def _struct(type_: pa.StructType, schema: Schema, scope: Scope) -> Callable[[Any], Any]:
    described = {name: (member, inside) for name, member, inside in members(schema, scope)}
    readers, nullable = {}, set()
    for position in range(type_.num_fields):
        field = type_.field(position)
        member, inside = described.get(field.name, ({}, scope))
        readers[field.name] = reader(field.type, member, inside, json_text=False)
        if field.name in described and admits_null(member, inside):
            nullable.add(field.name)

    def read(value: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: None if value[name] is None else each(value[name])
            for name, each in readers.items()
            if value[name] is not None or name in nullable
        }

    return read


def _scalar(value: Any) -> Any:
    """Whole decimals as integers, times as RFC 3339, bytes as base64; the rest is JSON already."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime.datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
        return aware.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, datetime.time):
        return f"{value.isoformat()}Z"
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value
