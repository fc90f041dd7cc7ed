"""What SQLite has stored in a column, against what GDAL takes the column for."""

from __future__ import annotations

import json
import math
from typing import Any

import pyarrow as pa

from cimkit.duck import identifier


def fits(field: pa.Field) -> str:
    """SQL that is true where a stored value is what GDAL's type of the column says."""
    column, kind = identifier(field.name), field.type
    if pa.types.is_boolean(kind):
        return f"(typeof({column}) = 'integer' AND {column} IN (0, 1))"
    if pa.types.is_integer(kind):
        bound = 2 ** (kind.bit_width - 1)
        return f"(typeof({column}) = 'integer' AND {column} BETWEEN {-bound} AND {bound - 1})"
    if pa.types.is_floating(kind):
        exact = f"typeof({column}) = 'integer' AND abs({column}) <= {2**53}" if kind.bit_width == 64 else "0"
        return f"(typeof({column}) = 'real' OR {exact})"
    if pa.types.is_date(kind):
        return f"(typeof({column}) = 'text' AND coalesce(date({column}) = {column}, 0))"
    if pa.types.is_timestamp(kind):
        return (
            f"(typeof({column}) = 'text' AND {column} GLOB '[0-9][0-9][0-9][0-9]-*' AND datetime({column}) IS NOT NULL "
            f"AND {column} NOT GLOB '*[Zz]' AND substr({column}, 20) NOT GLOB '*[-+]*')"
        )
    if pa.types.is_time(kind):
        return f"(typeof({column}) = 'text' AND time({column}) IS NOT NULL)"
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return f"(typeof({column}) = 'blob')"
    return f"(typeof({column}) = 'text')"


def held_as(kinds: set[str]) -> pa.DataType:
    """The type of a column whose values are of these of SQLite's types; null for JSON text."""
    if kinds == {"integer"}:
        return pa.int64()
    if kinds in ({"real"}, {"integer", "real"}):
        return pa.float64()
    if kinds == {"text"}:
        return pa.string()
    if kinds == {"blob"}:
        return pa.binary()
    return pa.null()


def stored(values: list[Any], kind: pa.DataType) -> pa.Array:
    """A column of values as SQLite gave them."""
    if pa.types.is_null(kind):
        return pa.array([_json_text(value) for value in values], pa.string())
    if pa.types.is_floating(kind):
        return pa.array([None if value is None else float(value) for value in values], kind)
    return pa.array(values, kind)


def _json_text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bytes):
        return json.dumps(value.hex())
    if value in (math.inf, -math.inf):
        return json.dumps(str(value))
    return json.dumps(value, ensure_ascii=False)
