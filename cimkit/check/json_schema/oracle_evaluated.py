"""Which members and items a schema evaluates, for the oracle: what ``unevaluated…`` keywords build on (2020-12).

As ``jsonschema`` has it, but patterns are ECMA-262.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cimkit.check.json_schema.pattern import compile_pattern

_IN_PLACE = ("allOf", "anyOf", "oneOf")


def evaluated_names(validator: Any, value: Mapping[str, Any], schema: Any, asking: str | None = None) -> set[str]:
    """The names of an object's members that a schema evaluates; ``asking`` is the keyword that wants to know."""
    names: set[str] = set()
    for inner, inside in _in_place(validator, value, schema):
        names |= evaluated_names(inner, value, inside)
    if not isinstance(schema, Mapping):
        return names
    names |= value.keys() & schema.get("properties", {}).keys()
    for pattern in schema.get("patternProperties", {}):
        search = compile_pattern(pattern).search
        names |= {name for name in value if search(name)}
    if any(keyword in schema and keyword != asking for keyword in ("additionalProperties", "unevaluatedProperties")):
        names |= value.keys()
    return names


def evaluated_items(validator: Any, value: list[Any], schema: Any, asking: str | None = None) -> set[int]:
    """The places of an array's items that a schema evaluates."""
    places: set[int] = set()
    for inner, inside in _in_place(validator, value, schema):
        places |= evaluated_items(inner, value, inside)
    if not isinstance(schema, Mapping):
        return places
    if any(keyword in schema and keyword != asking for keyword in ("items", "unevaluatedItems")):
        return set(range(len(value)))
    places |= set(range(len(schema.get("prefixItems", ()))))
    if "contains" in schema:
        fits = validator.evolve(schema=schema["contains"])
        places |= {place for place, item in enumerate(value) if fits.is_valid(item)}
    return places


def _in_place(validator: Any, value: Any, schema: Any) -> Iterator[tuple[Any, Any]]:
    """The schemas that stand for the same value as a schema, and hold: (validator, schema)."""
    if not isinstance(schema, Mapping):
        return
    resource = validator.evolve(schema=schema)
    for keyword in ("$ref", "$dynamicRef"):
        if keyword in schema:
            found = resource._resolver.lookup(schema[keyword])
            yield resource.evolve(schema=found.contents, _resolver=found.resolver), found.contents
    for keyword in _IN_PLACE:
        for inner in schema.get(keyword, ()):
            if resource.evolve(schema=inner).is_valid(value):
                yield resource, inner
    if isinstance(value, Mapping):
        yield from ((resource, s) for name, s in schema.get("dependentSchemas", {}).items() if name in value)
    if "if" in schema:
        holds = resource.evolve(schema=schema["if"]).is_valid(value)
        if holds:
            yield resource, schema["if"]
        branch = "then" if holds else "else"
        if branch in schema:
            yield resource, schema[branch]
