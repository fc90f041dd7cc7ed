"""A JSON value inside a record, as SQL: what it is, and what lies in it.

DuckDB's JSON functions are asked of the text itself; a member that is not there is NULL, JSON's
null is the text ``null``. Numbers are those of sound texts (see :mod:`.sound`): integers of at
most 18 digits, and doubles.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from cimkit.check.json_schema.slots import Slots
from cimkit.check.json_schema.sql import BeyondSql
from cimkit.check.rules import pointer
from cimkit.duck import literal

INTEGERS = "('UBIGINT', 'BIGINT')"
#: JSON Schema's types -> DuckDB's names of JSON types.
TYPES = {
    "object": ("OBJECT",),
    "array": ("ARRAY",),
    "string": ("VARCHAR",),
    "boolean": ("BOOLEAN",),
    "null": ("NULL",),
    "integer": ("UBIGINT", "BIGINT"),
    "number": ("UBIGINT", "BIGINT", "DOUBLE"),
}
_INDEX = re.compile(r"[0-9]+\Z")
#: Lambdas within lambdas.
_DEEPEST = 24


@dataclass(frozen=True)
class Value:
    """The value that ``steps`` (member names) lead to in the JSON text ``base``.

    ``slots`` are there where the value is one of the record's own, not of the items of a list;
    ``level`` counts the lists around it, ``name`` is a member's name taken for a value.
    """

    base: str
    steps: tuple[str, ...] = ()
    slots: Slots | None = None
    level: int = 0
    name: bool = False

    def shared(self, expression: str) -> str:
        return self.slots.shared(expression) if self.slots else expression

    @property
    def json(self) -> str:
        if self.name:
            return f"to_json({self.base})"
        if self.slots:
            return self.slots.part(self.base, self.steps)
        return f"json_extract({self.base}, {self._pointer})" if self.steps else self.base

    @property
    def type(self) -> str:
        if self.name:
            return "'VARCHAR'"
        if self.slots or not self.steps:
            return self.shared(f"json_type({self.json})")
        return f"json_type({self.base}, {self._pointer})"

    @property
    def present(self) -> str:
        return f"({self.json} IS NOT NULL)"

    @property
    def text(self) -> str:
        """A string as it reads; NULL of anything else."""
        if self.name:
            return self.base
        path = self._pointer if self.steps and not self.slots else "'$'"
        start = self.base if self.steps and not self.slots else self.json
        return self.shared(f"CASE WHEN {self.type} = 'VARCHAR' THEN json_extract_string({start}, {path}) END")

    @property
    def number(self) -> str:
        """A number as a double; NULL of anything else."""
        numbers = f"{INTEGERS[:-1]}, 'DOUBLE')"
        return self.shared(f"CASE WHEN {self.type} IN {numbers} THEN TRY_CAST({self.json} AS DOUBLE) END")

    @property
    def whole(self) -> str:
        """A number that is written as an integer; NULL of anything else."""
        return self.shared(f"CASE WHEN {self.type} IN {INTEGERS} THEN TRY_CAST({self.json} AS BIGINT) END")

    @property
    def fraction(self) -> str:
        """A number that is written with a fraction or an exponent; NULL of anything else."""
        return self.shared(f"CASE WHEN {self.type} = 'DOUBLE' THEN TRY_CAST({self.json} AS DOUBLE) END")

    @property
    def keys(self) -> str:
        """The names of an object's members; empty of anything else."""
        return "CAST([] AS VARCHAR[])" if self.name else self.shared(f"json_keys({self.json})")

    @property
    def items(self) -> str:
        """The items of an array; empty of anything else."""
        return "CAST([] AS JSON[])" if self.name else self.shared(f"json_extract({self.json}, '$[*]')")

    @property
    def length(self) -> str:
        return self.shared(f"json_array_length({self.json})")

    def member(self, name: str) -> Value:
        """The member of that name; nothing where this is no object."""
        if "\0" in name or not _is_text(name):
            raise BeyondSql("a name that SQL cannot write")
        if self.name:
            return Value("CAST(NULL AS JSON)", level=self.level)
        if _INDEX.match(name):  # a pointer would find an array's item as well
            found = f"json_extract({self.json}, {literal(pointer([name]))})"
            return Value(f"CASE WHEN {self.type} = 'OBJECT' THEN {found} END", (), self.slots, self.level)
        return replace(self, steps=(*self.steps, name))

    def item(self, index: int) -> Value:
        """The item at that place; nothing where this is no array."""
        return Value(f"{self.items}[{index + 1}]", (), self.slots, self.level)

    def inner(self) -> tuple[str, str, int]:
        """Names for an item of a list in this value and its place, and the level they are of."""
        if self.level >= _DEEPEST:
            raise BeyondSql("lists nested so deeply")
        return f"x{self.level}", f"i{self.level}", self.level + 1

    @property
    def _pointer(self) -> str:
        return literal(pointer(self.steps))


def _is_text(name: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in name)


def text_literal(text: str) -> str:
    """A string of a schema in SQL."""
    if "\0" in text or not _is_text(text):
        raise BeyondSql("a text that SQL cannot write")
    return literal(text)
