"""Which members of a record admit JSON's null, so that an empty cell is null rather than absent.

A schema admits null where it says so (a ``type``, ``enum`` or ``const`` names it, here or by
way of a reference or an alternative) and null is valid. A schema that says nothing of types
does not count: an empty cell under it is a missing value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cimkit.check.json_schema.oracle import Oracle
from cimkit.check.json_schema.scope import Schema, Scope

_DEEPEST = 32


def nullable_members(schema: Schema, scope: Scope) -> frozenset[str]:
    """The members of a record of which every schema that always applies to them admits null."""
    found: dict[str, bool] = {}
    for name, member, inside in members(schema, scope):
        found[name] = found.get(name, True) and admits_null(member, inside)
    return frozenset(name for name, nullable in found.items() if nullable)


def members(
    schema: Schema, scope: Scope, depth: int = 0, seen: set[int] | None = None
) -> Iterator[tuple[str, Schema, Scope]]:
    """The schemas of a record's members that apply to every record: (member, schema, its scope)."""
    seen = set() if seen is None else seen  # what references have led to: it says the same again
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return
    scope = scope.into(schema)
    for keyword, value in scope.applicable(schema):
        if keyword == "properties":
            for name, member in value.items():
                yield name, member, scope.at("properties", name)
        elif keyword == "$ref":
            target, elsewhere = scope.lookup(value)
            if id(target) not in seen:
                seen.add(id(target))
                yield from members(target, elsewhere, depth + 1, seen)
        elif keyword == "allOf":
            for index, each in enumerate(value):
                yield from members(each, scope.at("allOf", index), depth + 1, seen)


def admits_null(schema: Schema, scope: Scope) -> bool:
    """Whether a schema says that null is a value, and null is valid."""
    return _names_null(schema, scope) and not Oracle(schema, scope, formats=False).problems(None)


def _names_null(schema: Schema, scope: Scope, depth: int = 0, seen: set[int] | None = None) -> bool:
    seen = set() if seen is None else seen
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return False
    scope = scope.into(schema)
    for keyword, value in scope.applicable(schema):
        if keyword == "type":
            named = value == "null" or (isinstance(value, list) and "null" in value)
        elif keyword == "enum":
            named = None in value
        elif keyword == "const":
            named = value is None
        elif keyword == "$ref":
            target, elsewhere = scope.lookup(value)
            known = id(target) in seen
            seen.add(id(target))
            named = not known and _names_null(target, elsewhere, depth + 1, seen)
        else:
            named = keyword in ("allOf", "anyOf", "oneOf") and any(
                _names_null(each, scope, depth + 1, seen) for each in value
            )
        if named:
            return True
    return False
