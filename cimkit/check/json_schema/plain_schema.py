"""Any published JSON Schema as something that tables can be held against."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonschema.exceptions import SchemaError
from referencing import Registry, Resource
from referencing.exceptions import NoSuchResource
from referencing.jsonschema import DRAFT202012

from cimkit import documents, resources
from cimkit.check.json_schema.nulls import admits_null, members
from cimkit.check.json_schema.scope import Schema, Scope
from cimkit.errors import StandardError, nearest
from cimkit.standard import FieldSpec, LayerSchema

_SUFFIXES = (".schema.json", ".json")
_JSON_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
_DEEPEST = 32


@dataclass(frozen=True)
class PlainSchema:
    """A schema as a layer, what names it exactly (``id``, ``digest``), and what its references lead to."""

    layer: LayerSchema
    reference: Mapping[str, str]
    registry: Registry[Any]


def load_schema(schema: str | Path | Mapping[str, Any], prefixes: Mapping[str, Path]) -> PlainSchema:
    """A schema from a file, an id under one of the ``prefixes`` (prefix -> folder), or a mapping.

    Its layer is called by the file's name without ``.schema.json``.

    Raises:
        StandardError: it cannot be found, is no JSON Schema, or refers to what is not at hand.
    """
    folders = {prefix: Path(folder) for prefix, folder in prefixes.items()}
    if isinstance(schema, Mapping):
        document, name = dict(schema), _name(str(schema.get("$id") or "schema"))
        data = json.dumps(document, sort_keys=True, ensure_ascii=False).encode()
    else:
        path = _file(schema, folders)
        document, name = documents.load_json(path), _name(path.name)
        data = path.read_bytes()
        if "$id" not in document:
            folders.setdefault("", path.parent)
    registry: Registry[Any] = Registry(retrieve=_Retriever(folders))  # type: ignore[call-arg]
    opened, scope = Scope.open(document, registry)
    try:
        # Whether a pattern can be read is for cimkit to say: Python reads others than ECMA-262.
        scope.dialect.check_schema(document, format_checker=None)  # type: ignore[call-arg]
    except SchemaError as error:
        place = "/".join(str(step) for step in error.absolute_path)
        raise StandardError(f"{name} is no JSON Schema: /{place}: {error.message}.") from error
    layer = LayerSchema(
        name=name,
        schema=document,
        names={"en": str(document.get("title", name))},
        fields=_fields(opened, scope),
        geometry=None,
        key=None,
        cim_class=None,
    )
    digest = hashlib.sha256(data).hexdigest()
    return PlainSchema(layer, {"id": str(document.get("$id", name)), "digest": f"sha256:{digest}"}, registry)


def _file(schema: str | Path, folders: Mapping[str, Path]) -> Path:
    path = Path(schema)
    if path.is_file():
        return path
    found = _under(str(schema), folders)
    if found is None:
        beside = [other.name for other in path.parent.glob("*.json")] if path.parent.is_dir() else []
        raise StandardError(
            f"There is no schema {schema}: neither a file nor an id in a registry.",
            hint=nearest(path.name, beside) or "Give the folder that an id belongs to: --registry PREFIX=DIR.",
        )
    return found


def _under(uri: str, folders: Mapping[str, Path]) -> Path | None:
    """The file that an id names: the longest prefix decides the folder, and nothing outside it is reached."""
    bare = uri.partition("#")[0]
    for prefix in sorted((p for p in folders if bare.startswith(p)), key=len, reverse=True):
        root = folders[prefix].resolve()
        rest = bare.removeprefix(prefix).lstrip("/")
        for name in (rest, *(rest + suffix for suffix in _SUFFIXES)):
            path = (root / name).resolve()
            if path.is_relative_to(root) and path.is_file():
                return path
    return None


class _Retriever:
    """What a reference outside the schema leads to: registries, then shipped standards; never the network."""

    def __init__(self, folders: Mapping[str, Path]) -> None:
        self.folders = folders

    def __call__(self, uri: str) -> Resource[Any]:
        path = _under(uri, self.folders)
        if path is not None:
            return Resource.from_contents(documents.load_json(path), default_specification=DRAFT202012)
        for layer in sorted(resources.folder("standards").glob("*/*/layers/*.schema.json")):
            document = documents.load_json(layer)
            if document.get("$id") == uri:
                return Resource.from_contents(document, default_specification=DRAFT202012)
        raise NoSuchResource(ref=uri)  # type: ignore[call-arg]


def _name(text: str) -> str:
    name = text.rstrip("/#").replace(":", "/").rpartition("/")[2] or "schema"
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return name


# ---- what its fields are ------------------------------------------------------------------


def _fields(schema: Schema, scope: Scope) -> dict[str, FieldSpec]:
    """The members of a record, with the types that text cells are read as."""
    types: dict[str, frozenset[str] | None] = {}
    titles: dict[str, str] = {}
    nullable: dict[str, bool] = {}
    for name, member, inside in members(schema, scope):
        types[name] = _both(types.get(name), declared_types(member, inside))
        nullable[name] = nullable.get(name, True) and admits_null(member, inside)
        if isinstance(member, Mapping) and isinstance(member.get("title"), str):
            titles.setdefault(name, member["title"])
    return {
        name: FieldSpec(
            name=name,
            types=tuple(sorted((found or frozenset()) - {"null"})),
            format=None,
            obligation="O",
            codelist=None,
            key=False,
            ref=None,
            unit=None,
            role=None,
            names={"en": titles[name]} if name in titles else {},
            nullable=nullable[name],
        )
        for name, found in types.items()
    }


def declared_types(
    schema: Schema, scope: Scope, depth: int = 0, seen: dict[int, frozenset[str] | None] | None = None
) -> frozenset[str] | None:
    """The JSON types a schema admits as far as it says so itself; None where it does not."""
    seen = {} if seen is None else seen  # what references lead to
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return None
    scope = scope.into(schema)
    found: frozenset[str] | None = None
    for keyword, value in scope.applicable(schema):
        types: frozenset[str] | None = None
        if keyword == "type":
            types = frozenset([value] if isinstance(value, str) else value)
        elif keyword == "enum":
            types = frozenset(_JSON_TYPES.get(type(each), "null") for each in value)
        elif keyword == "const":
            types = frozenset({_JSON_TYPES.get(type(value), "null")})
        elif keyword == "$ref":
            target, elsewhere = scope.lookup(value)
            if id(target) not in seen:
                seen[id(target)] = None
                seen[id(target)] = declared_types(target, elsewhere, depth + 1, seen)
            types = seen[id(target)]
        elif keyword == "allOf":
            for each in value:
                types = _both(types, declared_types(each, scope, depth + 1, seen))
        elif keyword in ("anyOf", "oneOf"):
            parts = [declared_types(each, scope, depth + 1, seen) for each in value]
            types = None if None in parts else frozenset().union(*(part for part in parts if part))
        found = _both(found, types)
    return found


def _both(first: frozenset[str] | None, second: frozenset[str] | None) -> frozenset[str] | None:
    """Types that two schemas admit; an integer is a number."""
    if first is None or second is None:
        return second if first is None else first
    common = first & second
    if ("number" in first and "integer" in second) or ("integer" in first and "number" in second):
        common |= {"integer"}
    return common
