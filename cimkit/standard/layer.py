"""A layer of a standard: the JSON Schema of one record, and what its ``cim:`` keywords say about it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cimkit import documents
from cimkit.errors import StandardError, nearest

Obligation = Literal["M", "C", "O"]
Schema = Mapping[str, Any]

#: Keywords whose value is one subschema, a list of them, or a mapping to them (JSON Schema 2020-12).
_ONE = (
    "if", "then", "else", "not", "items", "contains", "additionalProperties", "propertyNames",
    "unevaluatedItems", "unevaluatedProperties", "contentSchema",
)  # fmt: skip
_MANY = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED = ("properties", "patternProperties", "dependentSchemas", "$defs")
_OF_A_FIELD = ("cim:codelist", "cim:ref", "cim:key", "cim:role", "cim:unit")


@dataclass(frozen=True, slots=True)
class SolidSpec:
    """What solids must be like: how far corners may be from their face's plane, and from each other, in metres."""

    planarity_m: float = 0.01
    snap_m: float = 0.001


@dataclass(frozen=True, slots=True)
class GeometrySpec:
    """Which geometry a layer's records have, and what is asked of it; None where nothing is.

    ``types`` are OGC names, metres are on the ground. ``territory`` is west, south, east, north
    in degrees, or the name of a layer. ``precision_m`` and ``decimals`` say the same thing.
    """

    types: tuple[str, ...]
    required: bool
    min_area_m2: float | None
    min_length_m: float | None = None
    min_width_m: float | None = None
    ring_direction: Literal["ccw", "cw"] | None = None
    max_spike_degrees: float | None = None
    min_spike_m: float = 0.0
    min_segment_m: float | None = None
    precision_m: float | None = None
    decimals: int | None = None
    unique: bool = False
    territory: tuple[float, ...] | str | None = None
    territory_tolerance_m: float = 0.0
    solid: SolidSpec | None = None

    @classmethod
    def from_keyword(cls, said: Mapping[str, Any]) -> GeometrySpec:
        """What the keyword ``cim:geometry`` says."""
        made = {"required": True, "min_area_m2": None, **said, "types": tuple(said["types"])}
        if "solid" in said:
            made["solid"] = SolidSpec(**said["solid"])
        if "territory" in said and not isinstance(said["territory"], str):
            made["territory"] = tuple(said["territory"])
        return cls(**made)


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field. ``types`` are JSON Schema's, without null; ``names`` are by ``en``, ``zh``, ``short``.

    ``obligation``: M mandatory, C mandatory on a condition, O optional. ``ref`` is ``layer.field``.
    ``unit`` is a UCUM code.
    """

    name: str
    types: tuple[str, ...]
    format: str | None
    obligation: Obligation
    codelist: str | None
    key: bool
    ref: str | None
    unit: str | None
    role: str | None
    names: Mapping[str, str]
    nullable: bool


@dataclass(frozen=True, slots=True)
class LayerSchema:
    """One layer. ``schema`` is the JSON Schema as written; ``key`` names the identifying field.

    ``geometry`` is None where the layer has none.
    """

    name: str
    schema: dict[str, Any]
    names: Mapping[str, str]
    fields: Mapping[str, FieldSpec]
    geometry: GeometrySpec | None
    key: str | None
    cim_class: str | None


def load_layer(path: Path, name: str) -> LayerSchema:
    """The layer described by a file of ``layers/``.

    Raises:
        StandardError: the file is missing or broken, or is not self-contained.
    """
    schema = documents.load_json(path)
    documents.validate(schema, "layer", path)
    _check_subschemas(schema, path)
    properties: Mapping[str, Schema] = schema["properties"]
    mandatory, conditional = _required(schema)
    for field in sorted(mandatory | conditional):
        if field not in properties:
            raise StandardError(
                f"{path} requires the field '{field}', which it does not have.", hint=nearest(field, properties)
            )
    fields = {}
    for field, described in properties.items():
        obligation: Obligation = "M" if field in mandatory else "C" if field in conditional else "O"
        fields[field] = _field(field, described, obligation)
        if fields[field].codelist and "string" not in fields[field].types:
            raise StandardError(f"{path}: the field '{field}' takes codes, so its type must be string.")
    _check_names(fields, path)
    geometry = schema.get("cim:geometry")
    return LayerSchema(
        name=name,
        schema=schema,
        names={"en": schema["title"], **schema.get("cim:names", {})},
        fields=fields,
        geometry=geometry and GeometrySpec.from_keyword(geometry),
        key=next((field for field, spec in fields.items() if spec.key), None),
        cim_class=schema.get("cim:class"),
    )


def _field(name: str, schema: Schema, obligation: Obligation) -> FieldSpec:
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    names = dict(schema.get("cim:names", {}))
    if "title" in schema:
        names.setdefault("en", schema["title"])
    return FieldSpec(
        name=name,
        types=tuple(kind for kind in types if kind != "null"),
        format=schema.get("format"),
        obligation=obligation,
        codelist=schema.get("cim:codelist"),
        key=schema.get("cim:key", False),
        ref=schema.get("cim:ref"),
        unit=schema.get("cim:unit"),
        role=schema.get("cim:role"),
        names=names,
        nullable="null" in types,
    )


def _required(schema: Schema) -> tuple[set[str], set[str]]:
    """The record's fields that are required whatever it holds, and those required on a condition."""
    always = set(schema.get("required", ()))
    sometimes = {field for fields in schema.get("dependentRequired", {}).values() for field in fields}
    for part in schema.get("allOf", ()):
        if isinstance(part, Mapping):
            mandatory, conditional = _required(part)
            always |= mandatory
            sometimes |= conditional
    branches = [schema[keyword] for keyword in ("then", "else") if keyword in schema and "if" in schema]
    branches += [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("dependentSchemas", {}).values()]
    for branch in branches:
        if isinstance(branch, Mapping):
            mandatory, conditional = _required(branch)
            sometimes |= mandatory | conditional
    return always, sometimes - always


def _check_subschemas(schema: Schema, path: Path) -> None:
    """What the meta-schema cannot say: references stay inside, patterns compile, cim: keywords stand at fields."""
    for pointer, subschema in _subschemas(schema, ""):
        reference = subschema.get("$ref")
        if reference is not None and not _resolves(schema, reference):
            raise StandardError(
                f"{path} at {pointer or '/'} refers to '{reference}', which is not in the file.",
                hint="A layer is self-contained: refer to its own #/$defs/….",
            )
        for pattern in (subschema.get("pattern"), *subschema.get("patternProperties", {})):
            _check_pattern(pattern, path, pointer)
        if not re.fullmatch(r"/properties/[^/]+", pointer):
            for keyword in _OF_A_FIELD:
                if keyword in subschema:
                    raise StandardError(
                        f"{path} at {pointer or '/'} has '{keyword}', which is said of a field only.",
                        hint="Put it directly into one of the layer's 'properties'.",
                    )


def _check_pattern(pattern: str | None, path: Path, pointer: str) -> None:
    if pattern is None or r"\p" in pattern.lower():  # Python's re has no \p{…}; the check engines translate it
        return
    try:
        re.compile(pattern)
    except re.error as error:
        raise StandardError(f"{path} at {pointer or '/'} has a broken pattern '{pattern}': {error}.") from error


def _subschemas(schema: Any, pointer: str) -> Iterator[tuple[str, Schema]]:
    if not isinstance(schema, Mapping):
        return
    yield pointer, schema
    for keyword in _ONE:
        if keyword in schema:
            yield from _subschemas(schema[keyword], f"{pointer}/{keyword}")
    for keyword in _MANY:
        for index, part in enumerate(schema.get(keyword, ())):
            yield from _subschemas(part, f"{pointer}/{keyword}/{index}")
    for keyword in _NAMED:
        for name, part in schema.get(keyword, {}).items():
            yield from _subschemas(part, f"{pointer}/{keyword}/{name}")


def _resolves(schema: Schema, reference: str) -> bool:
    """Whether a ``$ref`` is a JSON pointer into the same file."""
    if not reference.startswith("#/"):
        return reference == "#"
    target: Any = schema
    for step in reference[2:].split("/"):
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(target, list) and key.isdigit() and int(key) < len(target):
            target = target[int(key)]
        elif isinstance(target, Mapping) and key in target:
            target = target[key]
        else:
            return False
    return isinstance(target, (Mapping, bool))


def _check_names(fields: Mapping[str, FieldSpec], path: Path) -> None:
    """A column is recognised under any of a field's names, and a role is one field's: neither may be shared."""
    owners: dict[str, str] = {}
    players: dict[str, str] = {}
    for field, spec in fields.items():
        if spec.role and players.setdefault(spec.role, field) != field:
            raise StandardError(
                f"{path}: the fields '{players[spec.role]}' and '{field}' both have the role '{spec.role}'."
            )
        for name in {field, *spec.names.values()}:
            other = owners.setdefault(name.casefold(), field)
            if other != field:
                raise StandardError(
                    f"{path}: the fields '{other}' and '{field}' are both called '{name}'.",
                    hint="A column is recognised by its name, so each name belongs to one field.",
                )
