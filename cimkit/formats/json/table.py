"""A table of JSON objects: each member a column of the type its values have, JSON text where they are of several."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from cimkit.formats.columns import JSON_MARK

NULLS_MARK = b"cimkit:nulls"
_BOOL, _INT, _FLOAT, _TEXT, _OTHER = 1, 2, 4, 8, 16
_KINDS = {type(None): 0, bool: _BOOL, int: _INT, float: _FLOAT, str: _TEXT, dict: _OTHER, list: _OTHER}
_INT64 = range(-(2**63), 2**63)
_EXACT_IN_DOUBLE = range(-(2**53), 2**53 + 1)
_TYPES = {
    0: pa.string(),
    _BOOL: pa.bool_(),
    _INT: pa.int64(),
    _FLOAT: pa.float64(),
    _INT | _FLOAT: pa.float64(),
    _TEXT: pa.string(),
}


@dataclass
class Members:
    """The kinds of each member's values, in order of appearance."""

    kinds: dict[str, int] = field(default_factory=dict)
    nulls: bool = False  # whether a null is a value of its own kind, and not a missing one
    odd: set[str] = field(default_factory=set)  # integers that a double cannot hold

    def add(self, record: Mapping[str, Any]) -> None:
        """Take one object into account."""
        for name, value in record.items():
            kind = _OTHER if value is None and self.nulls else _KINDS[type(value)]
            if kind == _INT and value not in _EXACT_IN_DOUBLE:
                self.odd.add(name)
                kind = _INT if value in _INT64 else _OTHER
            self.kinds[name] = self.kinds.get(name, 0) | kind

    def fields(self) -> list[pa.Field]:
        """A column for each member."""
        made = []
        for name, kind in self.kinds.items():
            exact = not (name in self.odd and kind & _FLOAT)
            made.append(pa.field(name, _TYPES[kind]) if exact and kind in _TYPES else json_field(name, self.nulls))
        return made


def json_field(name: str, nulls: bool = False) -> pa.Field:
    """A column of JSON text; ``nulls``: a null is text too, and not a missing value."""
    return pa.field(name, pa.string(), metadata={JSON_MARK: b"true", **({NULLS_MARK: b"true"} if nulls else {})})


def array(records: Sequence[Mapping[str, Any]], field: pa.Field) -> pa.Array:
    """One column of some objects."""
    if NULLS_MARK in (field.metadata or {}):
        return pa.array([text(r[field.name]) if field.name in r else None for r in records], field.type)
    values: Iterable[Any] = [record.get(field.name) for record in records]
    if JSON_MARK in (field.metadata or {}):
        values = [None if value is None else text(value) for value in values]
    elif pa.types.is_floating(field.type):
        values = [None if value is None else float(value) for value in values]
    return pa.array(values, field.type)


def text(value: Any) -> str:
    """A value as compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
