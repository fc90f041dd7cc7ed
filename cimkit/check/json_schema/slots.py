"""Expressions of a view that many predicates share, computed once for each record.

All that predicates ask of a JSON document is taken out of its text in one go; what is derived
from that (a member's type, its text) is computed once more on top. A slot is a column of the
view that stands for such an expression.
"""

from __future__ import annotations

import re

from cimkit.check.rules import pointer
from cimkit.duck import identifier, literal

_SLOT = re.compile(r'"slot:(\d+)"')


class Slots:
    """The shared expressions of one view."""

    def __init__(self) -> None:
        self._parts: dict[str, dict[str, int]] = {}  # JSON text -> pointer -> number
        self._lists: dict[str, int] = {}  # JSON text -> the slot of the list of its parts
        self._names: dict[str, int] = {}  # expression -> slot
        self._levels: dict[int, int] = {}

    def part(self, text: str, steps: tuple[str, ...]) -> str:
        """SQL: the JSON value that member names lead to in a JSON text."""
        if text not in self._lists:
            self._lists[text] = self._new(text)
            self._parts[text] = {}
        parts = self._parts[text]
        place = parts.setdefault(pointer(steps), len(parts) + 1)
        return f"{_slot(self._lists[text])}[{place}]"

    def shared(self, expression: str) -> str:
        """SQL: the value of an expression over the view and its slots."""
        if expression not in self._names:
            self._names[expression] = self._new(expression)
        return _slot(self._names[expression])

    def view(self, sql: str) -> str:
        """The view with its slots as further columns."""
        made: dict[int, str] = {}
        for text, number in self._lists.items():
            listed = ", ".join(literal(each) for each in self._parts[text])
            made[number] = f"json_extract({text}, [{listed}])"
        made |= {number: expression for expression, number in self._names.items()}
        for level in range(1, 1 + max(self._levels.values(), default=0)):
            columns = [f"{made[n]} AS {_slot(n)}" for n, at in self._levels.items() if at == level]
            sql = f"SELECT *, {', '.join(columns)} FROM ({sql})"
        return sql

    def _new(self, expression: str) -> int:
        number = len(self._levels)
        self._levels[number] = 1 + max((self._levels[int(used)] for used in _SLOT.findall(expression)), default=0)
        return number


def _slot(number: int) -> str:
    return identifier(f"slot:{number}")
