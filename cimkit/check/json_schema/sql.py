"""JSON Schema keywords about one value, as SQL predicates that are true where the value fails.

A predicate may be NULL instead of false (SQL's own way with a missing value); only
:func:`negation` minds. A keyword that says nothing about a column's type is :data:`NEVER`.
Numbers are compared as JSON compares them: exactly, with 1 equal to 1.0.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from cimkit.check.columns import Column
from cimkit.check.json_schema.multiples import MOST_EXACT_SHIFT, MOST_SHIFT, SURE_BELOW, as_decimal
from cimkit.check.json_schema.pattern import compile_pattern
from cimkit.check.json_schema.string_formats import STRING_FORMATS
from cimkit.duck import literal

NEVER, ALWAYS = "FALSE", "TRUE"
_LEAST, _MOST = -(2**127), 2**127 - 1  # what DuckDB's widest integer holds
#: From here on a list is joined rather than compared one by one.
_LONG_LIST = 12


class BeyondSql(Exception):
    """Something that SQL cannot decide; the message says what, for the report."""


# ---- predicates -----------------------------------------------------------------------


def any_of(predicates: Iterable[str]) -> str:
    """True where one of the predicates is."""
    parts = [p for p in dict.fromkeys(predicates) if p != NEVER]
    if ALWAYS in parts:
        return ALWAYS
    return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})" if parts else NEVER


def all_of(predicates: Iterable[str]) -> str:
    """True where all of the predicates are."""
    parts = [p for p in dict.fromkeys(predicates) if p != ALWAYS]
    if NEVER in parts:
        return NEVER
    return parts[0] if len(parts) == 1 else f"({' AND '.join(parts)})" if parts else ALWAYS


def negation(predicate: str) -> str:
    """True where the predicate is false or NULL; never NULL itself."""
    if predicate in (NEVER, ALWAYS):
        return ALWAYS if predicate == NEVER else NEVER
    filled = re.fullmatch(r'\(("(?:[^"]|"")*") IS NOT NULL\)', predicate)
    return f"({filled.group(1)} IS NULL)" if filled else f"({predicate} IS NOT TRUE)"


def not_exactly_one(predicates: Sequence[str]) -> str:
    """True where none, or more than one, of the predicates is false or NULL."""
    return f"(({' + '.join(f'CASE WHEN {p} THEN 0 ELSE 1 END' for p in predicates)}) <> 1)"


def is_in(value: str, literals: Sequence[str]) -> str:
    """True where the value is in the list. A long list becomes a hash join: DuckDB's IN is linear."""
    if not literals:
        return NEVER
    if len(literals) < _LONG_LIST:
        return f"({value} IN ({', '.join(literals)}))"
    return f"({value} IN (SELECT unnest([{', '.join(literals)}])))"


# ---- keywords -------------------------------------------------------------------------


def _type(wanted: Any, _: Mapping[str, Any], column: Column) -> str:
    types = {wanted} if isinstance(wanted, str) else set(wanted)
    if column.kind in types or (column.kind == "integer" and "number" in types):
        return NEVER
    if column.kind == "number" and "integer" in types:
        return f"({column.value} <> trunc({column.value}))"
    return column.filled


def _enum(values: Any, _: Mapping[str, Any], column: Column) -> str:
    listed = [text for text in (_constant(value, column) for value in values) if text is not None]
    return f"(NOT {is_in(column.value, listed)})" if listed else column.filled


def _const(value: Any, schema: Mapping[str, Any], column: Column) -> str:
    return _enum([value], schema, column)


def _constant(value: Any, column: Column) -> str | None:
    """The literal equal to a JSON value among the values of a column, or None where there cannot be one."""
    if isinstance(value, bool):
        return literal(value) if column.kind == "boolean" else None
    if isinstance(value, str):
        if column.kind != "string":
            return None
        if "\0" in value:
            raise BeyondSql("a text with a NUL character")
        return literal(value)
    if not isinstance(value, (int, float)) or column.kind not in ("integer", "number"):
        return None
    if column.kind == "integer":
        whole = int(value) if math.isfinite(value) and value == int(value) else None
        return None if whole is None or not _LEAST <= whole <= _MOST else literal(whole)
    try:
        near = float(value)
    except OverflowError:
        return None
    return literal(near) if near == value else None


def _bound(column: Column, limit: int | float, comparison: str, *, least_above: bool) -> str:
    """``value comparison limit``, with the limit moved to the next number that the column can hold.

    ``least_above``: up to the smallest such number that is not below the limit, else down to
    the largest that is not above it; either way no value of the column changes sides.
    """
    if column.kind == "number":
        return f"({column.value} {comparison} {literal(_double(limit, up=least_above))})"
    if math.isinf(limit):
        whole = _MOST + 1 if limit > 0 else _LEAST - 1
    else:
        whole = math.ceil(limit) if least_above else math.floor(limit)
    if whole > _MOST:
        return column.filled if comparison in ("<", "<=") else NEVER
    if whole < _LEAST:
        return column.filled if comparison in (">", ">=") else NEVER
    return f"({column.value} {comparison} {whole})"


def _double(limit: int | float, *, up: bool) -> float:
    try:
        near = float(limit)
    except OverflowError:
        return math.inf if limit > 0 else -math.inf
    if up and near < limit:
        return math.nextafter(near, math.inf)
    if not up and near > limit:
        return math.nextafter(near, -math.inf)
    return near


def _comparison(comparison: str, *, least_above: bool) -> Keyword:
    def keyword(limit: Any, _: Mapping[str, Any], column: Column) -> str:
        if column.kind not in ("integer", "number"):
            return NEVER
        return _bound(column, limit, comparison, least_above=least_above)

    return keyword


def _multiple_of(step: Any, _: Mapping[str, Any], column: Column) -> str:
    """The arithmetic of :func:`cimkit.check.json_schema.multiples.is_multiple`."""
    if column.kind not in ("integer", "number"):
        return NEVER
    whole, shift = as_decimal(step)
    if column.kind == "integer":
        if column.huge or shift > MOST_SHIFT or whole > _MOST:
            raise BeyondSql("a multiple beyond 64 bits")
        value = f"CAST({column.value} AS HUGEINT) * {10**shift}" if shift else column.value
        return f"({value} % {whole} <> 0)"
    remainder = f"({column.value} % {literal(float(step))} <> 0)"
    if shift > MOST_EXACT_SHIFT:
        return remainder
    multiple = f"(round({column.value} / {literal(float(step))}) * {literal(float(whole))})"
    near = f"({column.value} <> {multiple} / {literal(10.0**shift)})"
    return f"(CASE WHEN abs({multiple}) < {literal(SURE_BELOW)} THEN {near} ELSE {remainder} END)"


def _pattern(source: Any, _: Mapping[str, Any], column: Column) -> str:
    return f"(NOT {matches(column.value, source)})" if column.kind == "string" else NEVER


def matches(value: str, pattern: str) -> str:
    """True where the text matches the ECMA-262 pattern."""
    compiled = compile_pattern(pattern)
    if compiled.re2 is None:
        raise BeyondSql(f"the pattern {pattern!r}: {compiled.why}")
    return f"regexp_matches({value}, {literal(compiled.re2)})"


def _format(name: Any, _: Mapping[str, Any], column: Column) -> str:
    known = STRING_FORMATS.get(name)
    if column.kind != "string" or known is None or column.format == name:
        return NEVER
    if known.pattern is None:
        raise BeyondSql(f"the format '{name}'")
    wrong = [f"(NOT {matches(column.value, known.pattern)})"]
    if known.refuses_sql:
        wrong.append(known.refuses_sql(column.value))
    if known.surely_sql:
        return f"(CASE WHEN {known.surely_sql(column.value)} THEN FALSE ELSE {any_of(wrong)} END)"
    return any_of(wrong)


def _length(comparison: str) -> Keyword:
    def keyword(limit: Any, _: Mapping[str, Any], column: Column) -> str:
        # DuckDB's length() counts code points, as JSON Schema does.
        return f"(length({column.value}) {comparison} {int(limit)})" if column.kind == "string" else NEVER

    return keyword


Keyword = Callable[[Any, Mapping[str, Any], Column], str]

#: A keyword about one value -> (its value, the schema it stands in, the column) -> when it fails.
KEYWORDS: Mapping[str, Keyword] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "minimum": _comparison("<", least_above=True),
    "exclusiveMinimum": _comparison("<=", least_above=False),
    "maximum": _comparison(">", least_above=False),
    "exclusiveMaximum": _comparison(">=", least_above=True),
    "multipleOf": _multiple_of,
    "minLength": _length("<"),
    "maxLength": _length(">"),
    "pattern": _pattern,
    "format": _format,
}


def fails_on_null(keyword: str, value: Any) -> bool:
    """Whether JSON's null fails a keyword of :data:`KEYWORDS`."""
    if keyword == "type":
        return "null" not in ([value] if isinstance(value, str) else value)
    if keyword == "enum":
        return None not in value
    return keyword == "const" and value is not None
