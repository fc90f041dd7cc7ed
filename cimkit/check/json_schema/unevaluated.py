"""Members and items that nothing in a schema has looked at: ``unevaluatedProperties`` and ``unevaluatedItems`` in SQL.

What has looked at a member depends on the record where it stands in an alternative or under a
condition: only the subschemas that hold count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from cimkit.check.json_schema.scope import Schema, Scope
from cimkit.check.json_schema.sql import ALWAYS, NEVER, BeyondSql, all_of, any_of, negation
from cimkit.check.json_schema.values import Value
from cimkit.check.json_schema.ways import Items, Member, Members, Way

if TYPE_CHECKING:
    from cimkit.check.json_schema.parts import Parts, Stack

_DEEPEST = 32
#: A way to what is evaluated, or a test of an item; and the conditions under which it is.
_Source = tuple[Way | Callable[[Value], str], tuple[str, ...]]


def members(parts: Parts, schema: Mapping[str, Any], scope: Scope, value: Value, stack: Stack) -> str:
    """Where an object has a member that is not evaluated and does not fit."""
    found = list(_evaluated(parts, schema, scope, value, stack, "unevaluatedProperties"))
    inside = scope.at("unevaluatedProperties")

    def fails(member: Value, key: str) -> str:
        seen = [all_of([*when, _is_member(way, key)]) for way, when in found]
        return all_of([negation(any_of(seen)), parts.fails(schema["unevaluatedProperties"], inside, member, stack)])

    return Members().some(value, fails)


def items(parts: Parts, schema: Mapping[str, Any], scope: Scope, value: Value, stack: Stack) -> str:
    """Where an array has an item that is not evaluated and does not fit."""
    found = list(_evaluated(parts, schema, scope, value, stack, "unevaluatedItems"))
    inside = scope.at("unevaluatedItems")

    def fails(item: Value, index: str) -> str:
        seen = [all_of([*when, _is_item(way, item, index)]) for way, when in found]
        return all_of([negation(any_of(seen)), parts.fails(schema["unevaluatedItems"], inside, item, stack)])

    return Items().some(value, fails)


def _is_member(way: Way | Callable[[Value], str], key: str) -> str:
    return way.meets(Members(), key) if isinstance(way, (Member, Members)) else NEVER


def _is_item(way: Way | Callable[[Value], str], item: Value, index: str) -> str:
    if not isinstance(way, Items):
        return NEVER if isinstance(way, (Member, Members)) else way(item)
    return ALWAYS if way == Items() else way.meets(Items(), index)


def _evaluated(
    parts: Parts,
    schema: Schema,
    scope: Scope,
    value: Value,
    stack: Stack,
    asking: str | None,
    depth: int = 0,
) -> Iterator[_Source]:
    """What a schema evaluates of a value; ``asking`` is the keyword of the schema itself that wants to know."""
    if isinstance(schema, bool):
        return
    if depth > _DEEPEST:
        raise BeyondSql("a schema so deeply nested")
    if not scope.has("prefixItems"):
        raise BeyondSql("'unevaluated' of an older draft")
    scope = scope.into(schema)

    def within(inner: Schema, *steps: str | int, when: tuple[str, ...] = ()) -> Iterator[_Source]:
        for way, conditions in _evaluated(parts, inner, scope.at(*steps), value, stack, None, depth + 1):
            yield way, (*when, *conditions)

    def holds(inner: Schema, *steps: str | int) -> str:
        return negation(parts.fails(inner, scope.at(*steps), value, stack))

    for name, asked in scope.applicable(schema):
        if name in ("$dynamicRef", "$recursiveRef"):
            raise BeyondSql(f"'{name}'")
        if name == "$ref":
            target, elsewhere = scope.lookup(asked)
            if id(target) in stack:
                raise BeyondSql("a schema that contains itself")
            yield from _evaluated(parts, target, elsewhere, value, stack | {id(target)}, None, depth + 1)
        elif name in ("allOf", "anyOf", "oneOf"):
            for index, inner in enumerate(asked):
                yield from within(inner, name, index, when=(holds(inner, name, index),))
        elif name == "if":
            yield from within(asked, "if", when=(holds(asked, "if"),))
            if "then" in schema:
                yield from within(schema["then"], "then", when=(holds(asked, "if"),))
            if "else" in schema:
                yield from within(schema["else"], "else", when=(negation(holds(asked, "if")),))
        elif name == "dependentSchemas":
            for trigger, inner in asked.items():
                yield from within(inner, name, trigger, when=(value.member(trigger).present,))
        elif name != asking:
            yield from ((way, ()) for way in _evaluated_by(parts, name, schema, scope, stack))


def _evaluated_by(
    parts: Parts, name: str, schema: Mapping[str, Any], scope: Scope, stack: Stack
) -> Iterator[Way | Callable[[Value], str]]:
    """What one keyword evaluates of the members or items."""
    if name == "properties":
        yield from (Member(each) for each in schema[name])
    elif name == "patternProperties":
        yield from (Members(pattern) for pattern in schema[name])
    elif name in ("additionalProperties", "unevaluatedProperties"):
        yield Members()
    elif name == "prefixItems":
        yield from (Items(index, alone=True) for index in range(len(schema[name])))
    elif name in ("items", "unevaluatedItems"):
        yield Items()
    elif name == "contains":
        inside = scope.at("contains")
        yield lambda item: negation(parts.fails(schema["contains"], inside, item, stack))
