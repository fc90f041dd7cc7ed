"""The parts of a schema that are left to the record engine, and the rules that stand in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from cimkit.check.json_schema.scope import Schema, Scope
from cimkit.check.json_schema.ways import Way
from cimkit.check.rules import Path

#: A schema may contain itself; what is not listed here is listed when a record fails it.
_MOST_HEADS = 1000

#: Keywords that are read together with their neighbours.
_NEIGHBOURS: Mapping[str, tuple[str, ...]] = {
    "if": ("then", "else"),
    "additionalProperties": ("properties", "patternProperties"),
    "contains": ("minContains", "maxContains"),
    "items": ("prefixItems",),
    "additionalItems": ("items",),
}
_NEEDS_ALL = ("unevaluatedProperties", "unevaluatedItems")
_SAME_RECORD = ("allOf", "anyOf", "oneOf")
_EVERY_COLUMN = frozenset(
    (
        "additionalProperties", "patternProperties", "unevaluatedProperties", "propertyNames", "minProperties",
        "maxProperties", "dependencies", "enum", "const", "$ref", "$dynamicRef", "$recursiveRef",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Head:
    """One rule inside a fragment: where it stands in the record and in the schema, and what it asks for."""

    path: Path
    place: Path
    pointer: str
    expected: Any


@dataclass(frozen=True, slots=True)
class Fragment:
    """A schema for the record engine.

    It is about the record (``path`` empty) or the value of one field. ``place`` is where it
    stands in the layer's schema. Only errors that begin with a keyword of ``accept`` count
    (all, where it is None): the rest of ``schema`` is there because that keyword needs it.
    ``columns`` are those it needs, or None for all. ``ways`` is there where it is about values in
    a document: it leads to them from the one column.
    """

    schema: Schema
    scope: Scope
    path: Path
    place: Path
    why: str
    accept: frozenset[str] | None
    columns: frozenset[str] | None
    heads: tuple[Head, ...]
    ways: tuple[Way, ...] | None = None


def of_keyword(
    keyword: str, schema: Mapping[str, Any], scope: Scope, path: Path, place: Path, *, why: str, formats: bool
) -> Fragment:
    """One keyword of a schema, with the neighbours that it needs."""
    if keyword in _NEEDS_ALL:
        part, accept = dict(schema), frozenset({keyword})
    else:
        neighbours = _NEIGHBOURS.get(keyword, ())
        part = {key: schema[key] for key in (keyword, *neighbours) if key in schema}
        accept = frozenset(neighbours if keyword == "if" else (keyword,))
    accepted = None if keyword == "$ref" else accept
    heads = tuple(
        head
        for head in _heads(part, scope, path, place, formats)
        if accepted is None or head.place[len(place)] in accepted
    )
    columns = frozenset({str(path[0])}) if path else _columns(part)
    return Fragment(part, scope, path, place, why, accepted, columns, heads)


def of_schema(schema: Schema, scope: Scope, path: Path, place: Path, *, why: str, formats: bool) -> Fragment:
    """A whole schema, about the record or one of its values."""
    columns = frozenset({str(path[0])}) if path else None
    heads = tuple(_heads(schema, scope, path, place, formats))
    return Fragment(schema, scope.into(schema), path, place, why, None, columns, heads)


def _columns(part: Schema) -> frozenset[str] | None:
    """The fields a schema of the record speaks of; None where it may speak of any."""
    if not isinstance(part, Mapping):
        return frozenset()
    if _EVERY_COLUMN & part.keys():
        return None
    found = {*part.get("properties", {}), *part.get("required", ())}
    for trigger, needed in part.get("dependentRequired", {}).items():
        found |= {trigger, *needed}
    inner = [part[key] for key in ("if", "then", "else", "not") if key in part]
    inner += [schema for key in _SAME_RECORD for schema in part.get(key, ())]
    found |= part.get("dependentSchemas", {}).keys()
    for schema in (*inner, *part.get("dependentSchemas", {}).values()):
        columns = _columns(schema)
        if columns is None:
            return None
        found |= columns
    return frozenset(found)


def _heads(schema: Schema, scope: Scope, path: Path, place: Path, formats: bool) -> list[Head]:
    return list(islice(_outline(schema, scope, path, place, formats, frozenset()), _MOST_HEADS))


def _outline(
    schema: Schema, scope: Scope, path: Path, place: Path, formats: bool, within_refs: frozenset[str]
) -> Iterator[Head]:
    """The rules of a schema, as the record engine will name them; a reference to itself is not followed."""
    if schema is False:
        yield Head(path, (*place, "false"), scope.spot, None)
    if not isinstance(schema, Mapping):
        return
    scope = scope.into(schema)

    def within(subschema: Schema, *steps: str | int, path: Path = path) -> Iterator[Head]:
        return _outline(subschema, scope.at(*steps), path, (*place, *steps), formats, within_refs)

    def head(keyword: str, expected: Any, path: Path = path) -> Head:
        return Head(path, (*place, keyword), scope.at(keyword).spot, expected)

    for keyword, value in scope.applicable(schema):
        if keyword == "$ref":
            target, elsewhere = scope.lookup(value)
            if elsewhere.spot not in within_refs:
                yield from _outline(target, elsewhere, path, place, formats, within_refs | {elsewhere.spot})
        elif keyword in ("then", "else"):
            if "if" in schema:
                yield from within(value, keyword)
        elif keyword == "properties":
            for name, subschema in value.items():
                yield from within(subschema, keyword, name, path=(*path, name))
        elif keyword in ("allOf", "prefixItems") or (keyword == "items" and isinstance(value, list)):
            for index, subschema in enumerate(value):
                deeper = path if keyword == "allOf" else (*path, index)
                yield from within(subschema, keyword, index, path=deeper)
        elif keyword == "items" and value is not False:
            yield from within(value, keyword, path=(*path, 0))
        elif keyword == "dependentSchemas":
            for name, subschema in value.items():
                yield from within(subschema, keyword, name)
        elif keyword == "required" and isinstance(value, list):
            yield from (head(keyword, None, (*path, name)) for name in value)
        elif keyword == "dependentRequired":
            missing = dict.fromkeys(name for needed in value.values() for name in needed)
            yield from (head(keyword, None, (*path, name)) for name in missing)
        elif keyword == "contains":
            yield from (head(key, schema[key]) for key in (keyword, "minContains", "maxContains") if key in schema)
        elif keyword in ("additionalProperties", "additionalItems"):
            if value is False:
                yield head(keyword, value)
        elif keyword == "format":
            if formats:
                yield head(keyword, value)
        elif keyword not in ("if", "patternProperties", "propertyNames", "dependencies") and keyword[0] != "$":
            yield head(keyword, value)
