"""The ways from a JSON value to the values in it that a subschema is about, in SQL and in Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from cimkit.check.json_schema.pattern import compile_pattern
from cimkit.check.json_schema.sql import ALWAYS, NEVER, all_of, matches, negation
from cimkit.check.json_schema.values import Value, text_literal
from cimkit.check.rules import Path

#: A predicate over a value that a way leads to; ``key`` is SQL for its index or its name.
Test = Callable[[Value, str], str]
#: How a step from an object to members that are not named by the schema stands in a rule's address.
ANY = "*"


@dataclass(frozen=True)
class Member:
    """To the member of an object that has a name."""

    name: str

    inside = "object"

    @property
    def path(self) -> Path:
        return (self.name,)

    def some(self, value: Value, test: Test) -> str:
        return test(value.member(self.name), text_literal(self.name))

    def values(self, value: Any) -> Iterator[Any]:
        if isinstance(value, dict) and self.name in value:
            yield value[self.name]

    def meets(self, other: Way, key: str) -> str:
        """Where another way, to what ``key`` names, leads to what this one leads to."""
        if isinstance(other, Member):
            return ALWAYS if self.name == other.name else NEVER
        return f"({key} = {text_literal(self.name)})" if isinstance(other, Members) else NEVER


@dataclass(frozen=True)
class Members:
    """To the members whose names match a pattern (if there is one), are not listed and match no other pattern."""

    pattern: str | None = None
    names: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()

    inside = "object"
    path: Path = (ANY,)

    def named(self, key: str) -> str:
        """SQL: a name is that of such a member."""
        parts = [] if self.pattern is None else [matches(key, self.pattern)]
        if self.names:
            parts.append(f"({key} NOT IN ({', '.join(text_literal(name) for name in self.names)}))")
        parts += [negation(matches(key, pattern)) for pattern in self.patterns]
        return all_of(parts)

    def has(self, name: str) -> bool:
        if self.pattern is not None and not compile_pattern(self.pattern).search(name):
            return False
        return name not in self.names and not any(compile_pattern(p).search(name) for p in self.patterns)

    def some(self, value: Value, test: Test) -> str:
        if value.name:
            return NEVER
        item, key, level = value.inner()
        named = self.named(key)
        found = f"json_extract({value.json}, {pointer_to(key)})"
        tested = test(Value(item, level=level), key)
        if tested == NEVER:
            return NEVER
        names = value.keys if named == ALWAYS else f"list_filter({value.keys}, lambda {key}: {named})"
        if tested == ALWAYS:
            return f"(len({names}) > 0)"
        if key not in tested:
            listed = f"list_transform({names}, lambda {key}: {found})"
            return f"(len(list_filter({listed}, lambda {item}: {tested})) > 0)"
        pairs = f"list_transform({names}, lambda {key}: {{'k': {key}, 'v': {found}}})"
        tested = test(Value(f"({item}).v", level=level), f"({item}).k")
        return f"(len(list_filter({pairs}, lambda {item}: {tested})) > 0)"

    def values(self, value: Any) -> Iterator[Any]:
        if isinstance(value, dict):
            yield from (member for name, member in value.items() if self.has(name))

    def meets(self, other: Way, key: str) -> str:
        if isinstance(other, Member):
            return ALWAYS if self.has(other.name) else NEVER
        if isinstance(other, Members):
            return ALWAYS if self == other else self.named(key)
        return NEVER


@dataclass(frozen=True)
class Items:
    """To the items of an array from some place on, or to the one at that place."""

    first: int = 0
    alone: bool = False

    inside = "array"

    @property
    def path(self) -> Path:
        return (self.first,) if self.alone else (0,)

    def some(self, value: Value, test: Test) -> str:
        if value.name:
            return NEVER
        if self.alone:
            return test(value.item(self.first), str(self.first))
        item, index, level = value.inner()
        listed = f"{value.items}[{self.first + 1}:]" if self.first else value.items
        tested = test(Value(item, level=level), f"({index} + {self.first - 1})")
        if tested == NEVER:
            return NEVER
        if tested == ALWAYS:
            return f"(len({listed}) > 0)"
        variables = f"{item}, {index}" if f"({index} +" in tested else item
        return f"(len(list_filter({listed}, lambda {variables}: {tested})) > 0)"

    def values(self, value: Any) -> Iterator[Any]:
        if isinstance(value, list):
            yield from value[self.first : self.first + 1] if self.alone else value[self.first :]

    def meets(self, other: Way, key: str) -> str:
        if not isinstance(other, Items):
            return NEVER
        if other.alone:
            met = self.first == other.first if self.alone else self.first <= other.first
            return ALWAYS if met else NEVER
        if not self.alone and self.first <= other.first:
            return ALWAYS
        return f"({key} {'=' if self.alone else '>='} {self.first})"


@dataclass(frozen=True, eq=False)
class When:
    """Under a condition: nowhere else, but only for some values."""

    test: Callable[[Value], str]
    inside: str | None = None
    path: Path = ()


Way = Member | Members | Items


def pointer_to(key: str) -> str:
    """SQL: the JSON pointer to the member that a name in SQL names."""
    return f"'/' || replace(replace({key}, '~', '~0'), '/', '~1')"


def some_name(value: Value, test: Callable[[Value], str]) -> str:
    """Where a name of one of an object's members passes a test."""
    if value.name:
        return NEVER
    _, key, level = value.inner()
    tested = test(Value(key, level=level, name=True))
    if tested in (NEVER, ALWAYS):
        return NEVER if tested == NEVER else f"(len({value.keys}) > 0)"
    return f"(len(list_filter({value.keys}, lambda {key}: {tested})) > 0)"
