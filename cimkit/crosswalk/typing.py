"""What a standard's types mean for a column: the DuckDB type, how a text cell is read, when it cannot be.

A text cell (CSV, XLSX, DBF text, and whatever a crosswalk maps from text) is read strictly,
so that reading never guesses:

========== ============ ==========================================================================
type       DuckDB       text cells that are read
========== ============ ==========================================================================
string     VARCHAR      all, as they are
number     DOUBLE       sign, digits, decimal point, exponent: ``-12.50``, ``.5``, ``1e3``; finite
integer    BIGINT       sign and digits, ``.0`` allowed: ``12``, ``12.0``, ``007``; 64 bits
boolean    BOOLEAN      ``true``, ``false`` in any case, ``1``, ``0``; other words go through ``codes``
date       DATE         ``2024-05-01`` (RFC 3339 full-date) of a real day
date-time  TIMESTAMPTZ  ``2024-05-01T10:00:00Z``, ``…+08:00`` (RFC 3339; leap seconds are not read)
array,     VARCHAR      JSON text of that kind
object
========== ============ ==========================================================================

White space around numbers and booleans is ignored; ``1_000``, ``1,234``, ``0x10``, ``nan``
and ``inf`` are not numbers. Other forms of dates are read where a crosswalk says ``parse``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from cimkit.standard import FieldSpec

# RE2 patterns, as they stand in SQL between single quotes.
_NUMBER = r"^\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*$"
_INTEGER = r"^\s*([+-]?[0-9]+)(?:\.0*)?\s*$"
_BOOLEAN = r"^\s*((?i:true|false)|[10])\s*$"
_DATE = r"^([0-9]{4}-[0-9]{2}-[0-9]{2})$"
_DATE_TIME = (
    r"^([0-9]{4}-[0-9]{2}-[0-9]{2}[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9]))$"
)


@dataclass(frozen=True, slots=True)
class TypedColumn:
    """``sql`` is the column in the standard's type, NULL where it cannot be read.

    ``failed_sql`` is true for a text cell that has a value and cannot be read, never NULL;
    ``code`` is that finding's code: ``format`` for dates and times (which are strings to
    JSON Schema), else ``type``.
    """

    sql: str
    failed_sql: str
    code: Literal["type", "format"] = "type"


def duckdb_type(field: FieldSpec) -> str:
    """The DuckDB type of the field's clean column. Of several types the widest wins; no type is text."""
    types = set(field.types) - {"null"}
    if types <= {"string"}:
        return {"date": "DATE", "date-time": "TIMESTAMPTZ"}.get(field.format or "", "VARCHAR")
    if types == {"integer"}:
        return "BIGINT"
    if types <= {"integer", "number"}:
        return "DOUBLE"
    return "BOOLEAN" if types == {"boolean"} else "VARCHAR"


def typed(field: FieldSpec, column_sql: str, text: bool) -> TypedColumn:
    """``column_sql`` cast by the standard.

    ``text`` says that the column holds text cells. A typed source's column is only brought
    into the clean column's type: whether it fits is for the check to say, which sees its
    Arrow type. Arrays and objects of a typed source stay as they are.
    """
    target = duckdb_type(field)
    types = set(field.types) - {"null"}
    if not text:
        nested = types & {"array", "object"}
        return TypedColumn(column_sql if nested else f"TRY_CAST({column_sql} AS {target})", "FALSE")
    code: Literal["type", "format"] = "type"
    if target == "VARCHAR":
        read = _structure(column_sql, types) if types and "string" not in types else column_sql
    elif target == "BOOLEAN":
        read = boolean(column_sql)
    elif target == "BIGINT":
        read = integer(column_sql)
    elif target == "DOUBLE":
        read = number(column_sql)
    else:
        read, code = (date(column_sql) if target == "DATE" else date_time(column_sql)), "format"
    failed = "FALSE" if read == column_sql else f"({column_sql} IS NOT NULL AND {read} IS NULL)"
    return TypedColumn(read, failed, code)


def number(text_sql: str) -> str:
    """A text as DOUBLE, NULL where it is not a finite number."""
    value = f"TRY_CAST({_part(text_sql, _NUMBER)} AS DOUBLE)"
    return f"CASE WHEN isfinite({value}) THEN {value} END"


def integer(text_sql: str) -> str:
    """A text as BIGINT, NULL where it is not a whole number of 64 bits."""
    return f"TRY_CAST({_part(text_sql, _INTEGER)} AS BIGINT)"


def boolean(text_sql: str) -> str:
    """A text as BOOLEAN, NULL where it is neither true, false, 1 nor 0."""
    word = f"lower({_part(text_sql, _BOOLEAN)})"
    return f"CASE WHEN {word} IN ('true', '1') THEN TRUE WHEN {word} IN ('false', '0') THEN FALSE END"


def date(text_sql: str) -> str:
    """A text as DATE, NULL where it is not an RFC 3339 full-date."""
    return f"TRY_CAST({_part(text_sql, _DATE)} AS DATE)"


def date_time(text_sql: str) -> str:
    """A text as TIMESTAMPTZ, NULL where it is not an RFC 3339 date-time."""
    return f"TRY_CAST(upper({_part(text_sql, _DATE_TIME)}) AS TIMESTAMPTZ)"


def _part(text_sql: str, pattern: str) -> str:
    """What the pattern's group matches; the empty text, which casts to NULL, where it does not match."""
    return f"regexp_extract({text_sql}, '{pattern}', 1)"


def _structure(text_sql: str, types: set[str]) -> str:
    """The text where it is JSON of one of the types, else NULL."""
    kinds = {
        "array": "'ARRAY'",
        "object": "'OBJECT'",
        "boolean": "'BOOLEAN'",
        "integer": "'BIGINT', 'UBIGINT'",
        "number": "'BIGINT', 'UBIGINT', 'DOUBLE'",
    }
    wanted = ", ".join(kinds[name] for name in sorted(types))
    return f"CASE WHEN json_valid({text_sql}) AND json_type({text_sql}) IN ({wanted}) THEN {text_sql} END"
