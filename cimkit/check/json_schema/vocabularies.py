"""Dialects of one's own: a metaschema may leave out vocabularies, whose keywords then say nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jsonschema import validators
from jsonschema.protocols import Validator
from referencing import Registry
from referencing.exceptions import Unresolvable

#: The end of a vocabulary's URI -> its keywords (JSON Schema 2019-09 and 2020-12, the meta-schemas of /meta).
_KEYWORDS: Mapping[str, frozenset[str]] = {
    "applicator": frozenset(
        (
            "prefixItems", "items", "additionalItems", "contains", "additionalProperties", "properties",
            "patternProperties", "dependentSchemas", "propertyNames", "if", "allOf", "anyOf", "oneOf", "not",
        )
    ),
    "unevaluated": frozenset(("unevaluatedItems", "unevaluatedProperties")),
    "validation": frozenset(
        (
            "type", "const", "enum", "multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum",
            "maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "maxProperties",
            "minProperties", "required", "dependentRequired",
        )
    ),
}  # fmt: skip


def restricted(dialect: type[Validator], schema: Any, registry: Registry[Any]) -> type[Validator]:
    """The dialect without the keywords of vocabularies that the schema's own metaschema leaves out."""
    name = schema.get("$schema") if isinstance(schema, Mapping) else None
    if not isinstance(name, str) or name.rstrip("#") == str(dialect.META_SCHEMA["$schema"]).rstrip("#"):
        return dialect
    try:
        metaschema = registry.resolver().lookup(name).contents
    except Unresolvable:
        return dialect
    vocabulary = metaschema.get("$vocabulary") if isinstance(metaschema, Mapping) else None
    if not isinstance(vocabulary, Mapping):
        return dialect
    known = {str(uri).rpartition("/")[2] for uri in vocabulary}
    left_out = frozenset().union(*(keywords for name, keywords in _KEYWORDS.items() if name not in known))
    kept = {keyword: check for keyword, check in dialect.VALIDATORS.items() if keyword not in left_out}
    made: type[Validator] = validators.create(dialect.META_SCHEMA, kept, type_checker=dialect.TYPE_CHECKER)
    return made
