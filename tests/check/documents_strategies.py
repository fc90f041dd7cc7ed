"""Schemas and documents made at random: nested objects and lists, and the values that are easily got wrong."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

NAMES = ("a", "b", "0", "", "a.b", "$", "~/", 'q"')
#: Values that engines like to read differently.
TRICKY = (
    0, -0.0, 0.0, 1, 1.0, -1, 1.5, 2**53, 2**53 + 1, float(2**53), 10**18, 10**20, 1e20, 1e-7, 1e300, -(2**63), 0.1,
    "", "a", "ab", "1", "中文", "😀", "e\u0301", "\x00", "\x7f", "\u2028", 'q"\\', "null", "true", "[1]", "{}",
)  # fmt: skip
PATTERNS = ("^a", "b$", "^.$", r"\d", "中|😀", "^(?!a)", r"^\S*$")
FORMATS = ("date", "date-time", "email", "uri", "ipv4", "uuid")

scalars = st.one_of(st.none(), st.booleans(), st.sampled_from(TRICKY))
names = st.sampled_from(NAMES)
documents = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)),
    max_leaves=8,
)
types = st.sampled_from(["string", "integer", "number", "boolean", "null", "object", "array"])
limits = st.integers(0, 3)
numbers = st.sampled_from([-1, 0, 1, 1.0, 1.5, 2, 2**53, 10**18, 10**20, 0.1])


def schemas(deep: int = 2) -> st.SearchStrategy[Any]:
    """Schemas of any value; ``#/$defs/r`` must be there."""
    keywords: dict[str, Any] = {
        "type": st.one_of(types, st.lists(types, min_size=1, max_size=3, unique=True)),
        "enum": st.lists(documents, min_size=1, max_size=3),
        "const": documents,
        "minimum": numbers,
        "maximum": numbers,
        "exclusiveMinimum": numbers,
        "exclusiveMaximum": numbers,
        "multipleOf": st.sampled_from([1, 2, 0.5, 0.1]),
        "minLength": limits,
        "maxLength": limits,
        "pattern": st.sampled_from(PATTERNS),
        "format": st.sampled_from(FORMATS),
        "required": st.lists(names, max_size=2, unique=True),
        "dependentRequired": st.dictionaries(names, st.lists(names, max_size=2, unique=True), max_size=2),
        "minProperties": limits,
        "maxProperties": limits,
        "minItems": limits,
        "maxItems": limits,
        "uniqueItems": st.booleans(),
    }
    if deep:
        inner = st.one_of(schemas(deep - 1), st.booleans())
        several = st.lists(inner, min_size=1, max_size=3)
        keywords |= {
            "allOf": several,
            "anyOf": several,
            "oneOf": several,
            "not": inner,
            "if": inner,
            "then": inner,
            "else": inner,
            "properties": st.dictionaries(names, inner, max_size=3),
            "patternProperties": st.dictionaries(st.sampled_from(PATTERNS), inner, max_size=2),
            "additionalProperties": inner,
            "propertyNames": inner,
            "dependentSchemas": st.dictionaries(names, inner, max_size=1),
            "items": inner,
            "prefixItems": several,
            "contains": inner,
            "minContains": limits,
            "maxContains": limits,
            "unevaluatedProperties": inner,
            "unevaluatedItems": inner,
            "$ref": st.sampled_from(["#/$defs/r", "#"]),
        }
    some = st.lists(st.sampled_from(sorted(keywords)), min_size=1, max_size=4, unique=True)
    return some.flatmap(lambda chosen: st.fixed_dictionaries({name: keywords[name] for name in chosen}))


@st.composite
def whole_schemas(draw: st.DrawFn) -> dict[str, Any]:
    """A schema, with what its references lead to."""
    return {**draw(schemas()), "$defs": {"r": draw(schemas(1))}}
