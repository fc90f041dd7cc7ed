"""A schema about JSON values, taken apart: what it asks of a value itself, and of the values inside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cimkit.check.json_schema import unevaluated
from cimkit.check.json_schema.scope import Schema, Scope
from cimkit.check.json_schema.sql import ALWAYS, NEVER, BeyondSql, all_of, any_of, negation, not_exactly_one
from cimkit.check.json_schema.value_keywords import ABOUT, VALUE_KEYWORDS, absent
from cimkit.check.json_schema.values import Value
from cimkit.check.json_schema.ways import Items, Member, Members, Way, When, some_name
from cimkit.check.rules import Path

#: Steps of work that one schema may take; a schema of references to references grows without bounds.
_MOST_WORK = 20_000
_MOST_ALTERNATIVES = 250
_DEEPEST = 64

Fails = Callable[[Value], str]
#: The schemas that references have led through.
Stack = frozenset[int]


class TooLarge(Exception):
    """The schema would make more SQL than is good for anybody."""


@dataclass(frozen=True)
class Leaf:
    """One keyword about a value: where in the schema (keyword last), and the predicate that is true where it fails.

    ``about`` is the one type of value that it may fail, ``missing`` the member that it misses,
    ``cause``: a failure keeps all other rules about the value and what is in it silent.
    """

    place: Path
    expected: Any
    fails: Fails
    about: str | None = None
    missing: str | None = None
    cause: bool = False


@dataclass(frozen=True)
class Inner:
    """A schema within a schema, and the way to the values it is about (None: the same value)."""

    schema: Schema
    scope: Scope
    place: Path
    way: Way | When | None
    stack: Stack


@dataclass(frozen=True)
class _Keyword:
    name: str
    value: Any
    schema: Mapping[str, Any]
    scope: Scope
    stack: Stack

    def inner(self, schema: Schema, *steps: str | int, way: Way | When | None = None) -> Inner:
        return Inner(schema, self.scope.at(*steps), steps, way, self.stack)

    def leaf(self, fails: Fails, name: str | None = None) -> Leaf:
        name = name or self.name
        return Leaf((name,), self.schema.get(name), fails, ABOUT.get(name))


_Parts = list[Leaf | Inner]


class Parts:
    """Takes schemas apart; ``formats`` asserts the ``format`` keyword."""

    def __init__(self, formats: bool) -> None:
        self.formats = formats
        self.work = 0
        self.unique = False  # whether items of lists are compared

    def of_keyword(self, name: str, schema: Mapping[str, Any], scope: Scope, stack: Stack) -> _Parts:
        """What one keyword of a schema asks."""
        self.work += 1
        if self.work > _MOST_WORK:
            raise TooLarge
        keyword = _Keyword(name, schema[name], schema, scope, stack)
        if name in _HANDLERS:
            return _HANDLERS[name](self, keyword)
        if name not in VALUE_KEYWORDS or (name == "format" and not self.formats):
            return []
        self.unique = self.unique or name == "uniqueItems"
        leaf = keyword.leaf(lambda value: VALUE_KEYWORDS[name](keyword.value, schema, value))
        return [replace(leaf, cause=name == "type")]

    def fails(self, schema: Schema, scope: Scope, value: Value, stack: Stack, depth: int = 0) -> str:
        """Where a schema does not hold of a value, as one predicate."""
        if isinstance(schema, bool):
            return NEVER if schema else value.present
        if depth > _DEEPEST:
            raise BeyondSql("a schema so deeply nested")
        scope = scope.into(schema)
        found = []
        for name, _ in scope.applicable(schema):
            for part in self.of_keyword(name, schema, scope, stack):
                if isinstance(part, Leaf):
                    found.append(part.fails(value))
                elif part.way is None:
                    found.append(self.fails(part.schema, part.scope, value, part.stack, depth + 1))
                elif isinstance(part.way, When):
                    inside = self.fails(part.schema, part.scope, value, part.stack, depth + 1)
                    found.append(all_of([part.way.test(value), inside]))
                else:
                    found.append(part.way.some(value, self._fails_inside(part, depth + 1)))
        return any_of(found)

    def _fails_inside(self, part: Inner, depth: int) -> Callable[[Value, str], str]:
        return lambda value, _: self.fails(part.schema, part.scope, value, part.stack, depth)

    def _holds(self, keyword: _Keyword, schema: Schema, *steps: str | int) -> Fails:
        """Where a subschema holds."""
        scope = keyword.scope.at(*steps)
        return lambda value: negation(self.fails(schema, scope, value, keyword.stack))

    # ---- the same value

    def _reference(self, keyword: _Keyword) -> _Parts:
        target, scope = keyword.scope.lookup(keyword.value)
        if id(target) in keyword.stack:
            raise BeyondSql("a schema that contains itself")
        return [Inner(target, scope, (), None, keyword.stack | {id(target)})]

    def _conjunction(self, keyword: _Keyword) -> _Parts:
        return [keyword.inner(schema, "allOf", index) for index, schema in enumerate(keyword.value)]

    def _alternatives(self, keyword: _Keyword) -> _Parts:
        name = keyword.name
        schemas = [keyword.value] if name == "not" else keyword.value
        if len(schemas) > _MOST_ALTERNATIVES:
            raise BeyondSql("so many alternatives")

        def fails(value: Value) -> str:
            failing = [
                self.fails(schema, keyword.scope.at(name, index), value, keyword.stack)
                for index, schema in enumerate(schemas)
            ]
            if name == "anyOf":
                bad = all_of(failing)
            else:
                bad = not_exactly_one(failing) if name == "oneOf" else negation(failing[0])
            return all_of([value.present, bad])

        return [keyword.leaf(fails)]

    def _condition(self, keyword: _Keyword) -> _Parts:
        known: dict[Value, str] = {}

        def fails(value: Value) -> str:
            if value not in known:
                bad = self.fails(keyword.value, keyword.scope.at("if"), value, keyword.stack)
                known[value] = bad if bad in (ALWAYS, NEVER) else value.shared(f"({bad} IS TRUE)")
            return known[value]

        branches = (("then", When(lambda value: negation(fails(value)))), ("else", When(fails)))
        return [keyword.inner(keyword.schema[name], name, way=way) for name, way in branches if name in keyword.schema]

    # ---- members

    def _properties(self, keyword: _Keyword) -> _Parts:
        return [keyword.inner(schema, "properties", name, way=Member(name)) for name, schema in keyword.value.items()]

    def _pattern_properties(self, keyword: _Keyword) -> _Parts:
        return [
            keyword.inner(schema, "patternProperties", pattern, way=Members(pattern))
            for pattern, schema in keyword.value.items()
        ]

    def _additional_properties(self, keyword: _Keyword) -> _Parts:
        way = others(keyword.schema)
        if keyword.value is False:
            return [keyword.leaf(lambda value: way.some(value, lambda *_: ALWAYS))]
        return [keyword.inner(keyword.value, "additionalProperties", way=way)]

    def _property_names(self, keyword: _Keyword) -> _Parts:
        found: list[Leaf | Inner] = []
        for place, guards, leaf in self._about_names(keyword.value, keyword.scope.at("propertyNames"), keyword.stack):

            def fails(value: Value, guards: tuple[When, ...] = guards, leaf: Leaf = leaf) -> str:
                return some_name(value, lambda name: all_of([*(g.test(name) for g in guards), leaf.fails(name)]))

            found.append(Leaf(("propertyNames", *place), leaf.expected, fails, "object"))
        return found

    def _about_names(
        self, schema: Schema, scope: Scope, stack: Stack, place: Path = (), guards: tuple[When, ...] = ()
    ) -> list[tuple[Path, tuple[When, ...], Leaf]]:
        if isinstance(schema, bool):
            return [] if schema else [((*place, "false"), guards, false())]
        if len(place) > _DEEPEST:
            raise BeyondSql("a schema so deeply nested")
        scope = scope.into(schema)
        found = []
        for name, _ in scope.applicable(schema):
            for part in self.of_keyword(name, schema, scope, stack):
                if isinstance(part, Leaf):
                    found.append(((*place, *part.place), guards, part))
                elif part.way is None or isinstance(part.way, When):
                    more = (*guards, part.way) if part.way else guards
                    found += self._about_names(part.schema, part.scope, part.stack, (*place, *part.place), more)
        return found

    def _required(self, keyword: _Keyword) -> _Parts:
        return [_missing("required", name) for name in keyword.value] if isinstance(keyword.value, list) else []

    def _dependencies(self, keyword: _Keyword) -> _Parts:
        """dependentRequired, dependentSchemas, and the older keyword that is both."""
        found: _Parts = []
        for trigger, needed in keyword.value.items():
            if isinstance(needed, (list, str)):
                names = [needed] if isinstance(needed, str) else needed
                found += [_missing(keyword.name, name, trigger) for name in names]
            else:
                given = When(lambda value, trigger=trigger: value.member(trigger).present)  # type: ignore[misc]
                found.append(keyword.inner(needed, keyword.name, trigger, way=given))
        return found

    def _unevaluated_properties(self, keyword: _Keyword) -> _Parts:
        return [
            keyword.leaf(lambda value: unevaluated.members(self, keyword.schema, keyword.scope, value, keyword.stack))
        ]

    # ---- items

    def _prefix(self, keyword: _Keyword) -> _Parts:
        return [
            keyword.inner(schema, keyword.name, index, way=Items(index, alone=True))
            for index, schema in enumerate(keyword.value)
        ]

    def _items(self, keyword: _Keyword) -> _Parts:
        if isinstance(keyword.value, list):
            return self._prefix(keyword)
        first = len(keyword.schema.get("prefixItems", ())) if keyword.scope.has("prefixItems") else 0
        return self._rest(keyword, first)

    def _additional_items(self, keyword: _Keyword) -> _Parts:
        items = keyword.schema.get("items")
        return self._rest(keyword, len(items)) if isinstance(items, list) else []

    def _rest(self, keyword: _Keyword, first: int) -> _Parts:
        way = Items(first)
        if keyword.value is False:
            return [keyword.leaf(lambda value: way.some(value, lambda *_: ALWAYS))]
        return [keyword.inner(keyword.value, keyword.name, way=way)]

    def _contains(self, keyword: _Keyword) -> _Parts:
        counted = keyword.scope.has("unevaluatedItems")  # of the drafts that have minContains
        least = keyword.schema.get("minContains", 1) if counted else 1
        most = keyword.schema.get("maxContains") if counted else None

        def count(value: Value) -> str:
            if value.name:
                return "0"
            item, _, level = value.inner()
            holds = self._holds(keyword, keyword.value, "contains")(Value(item, level=level))
            return value.shared(f"len(list_filter({value.items}, lambda {item}: {holds}))")

        def where(*conditions: str) -> Fails:
            return lambda value: all_of(
                [f"({value.type} = 'ARRAY')", *(f"({count(value)} {condition})" for condition in conditions)]
            )

        found: _Parts = []
        if least > 0:
            found.append(keyword.leaf(where("= 0")))
        if least > 1:
            few = [f"< {int(least)}", "> 0", *([] if most is None else [f"<= {int(most)}"])]
            found.append(keyword.leaf(where(*few), "minContains"))
        if most is not None:
            found.append(keyword.leaf(where(f"> {int(most)}"), "maxContains"))
        return found

    def _unevaluated_items(self, keyword: _Keyword) -> _Parts:
        return [
            keyword.leaf(lambda value: unevaluated.items(self, keyword.schema, keyword.scope, value, keyword.stack))
        ]

    def _resolved_late(self, keyword: _Keyword) -> _Parts:
        raise BeyondSql(f"'{keyword.name}'")


def false() -> Leaf:
    """What the schema ``false`` asks."""
    return Leaf(("false",), None, lambda value: value.present)


def others(schema: Mapping[str, Any]) -> Members:
    """The way to the members that a schema's properties and patternProperties do not name."""
    return Members(None, tuple(schema.get("properties", ())), tuple(schema.get("patternProperties", ())))


def _missing(keyword: str, name: str, trigger: str | None = None) -> Leaf:
    def fails(value: Value) -> str:
        given = [] if trigger is None else [value.member(trigger).present]
        return all_of([*given, absent(value, name)])

    return Leaf((keyword,), None, fails, "object", missing=name)


_HANDLERS: Mapping[str, Callable[[Parts, _Keyword], _Parts]] = {
    "$ref": Parts._reference,
    "$dynamicRef": Parts._resolved_late,
    "$recursiveRef": Parts._resolved_late,
    "allOf": Parts._conjunction,
    "anyOf": Parts._alternatives,
    "oneOf": Parts._alternatives,
    "not": Parts._alternatives,
    "if": Parts._condition,
    "properties": Parts._properties,
    "patternProperties": Parts._pattern_properties,
    "additionalProperties": Parts._additional_properties,
    "propertyNames": Parts._property_names,
    "required": Parts._required,
    "dependentRequired": Parts._dependencies,
    "dependentSchemas": Parts._dependencies,
    "dependencies": Parts._dependencies,
    "unevaluatedProperties": Parts._unevaluated_properties,
    "prefixItems": Parts._prefix,
    "items": Parts._items,
    "additionalItems": Parts._additional_items,
    "contains": Parts._contains,
    "unevaluatedItems": Parts._unevaluated_items,
}
