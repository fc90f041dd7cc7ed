"""Where a schema stands: its dialect, and what its references lead to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import jsonschema_specifications
from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from referencing import Registry, Specification
from referencing.exceptions import Unresolvable
from referencing.jsonschema import specification_with

from cimkit.check.json_schema.vocabularies import restricted
from cimkit.check.rules import pointer
from cimkit.errors import StandardError

Schema = Any  # a JSON Schema: a mapping, or True or False

#: In these dialects a `$ref` hides every keyword beside it.
_REF_STANDS_ALONE = frozenset({"draft-03", "draft-04", "draft-06", "draft-07"})
#: Dialects that SQL is compiled from; the others are left to the record engine as a whole.
_COMPILED = frozenset({"draft-06", "draft-07", "draft2019-09", "draft2020-12"})


@dataclass(frozen=True, slots=True)
class Scope:
    """The base of relative references at some place of a schema. ``spot`` is that place as a pointer.

    ``inside``: the ``$id`` of the schema that stands there is already taken in.
    """

    resolver: Any
    dialect: type[Validator]
    specification: Specification[Any]
    spot: str = ""
    inside: bool = False

    @classmethod
    def open(cls, schema: Schema, registry: Registry[Any] | None = None) -> tuple[Schema, Scope]:
        """A whole schema and its scope; ``registry`` knows the documents its references lead to.

        The schema comes back without ``$schema``, which would make ``jsonschema`` fall back on
        its own reading of keywords that cimkit reads otherwise.
        """
        declared = schema
        dialect = validator_for(schema, default=Draft202012Validator)
        specification = specification_with(str(dialect.META_SCHEMA["$schema"]))
        if isinstance(schema, Mapping):
            schema = {key: value for key, value in schema.items() if key != "$schema"}
        known: Registry[Any] = jsonschema_specifications.REGISTRY
        if registry is not None:  # one without documents, which is false, may yet retrieve them
            known = known.combine(registry)
        resource = specification.create_resource(schema)
        dialect = restricted(dialect, declared, known)
        return schema, cls(known.resolver_with_root(resource), dialect, specification, inside=True)

    @property
    def compiled(self) -> bool:
        """Whether SQL is compiled from this dialect."""
        return self.specification.name in _COMPILED

    def has(self, keyword: str) -> bool:
        """Whether the dialect knows a keyword."""
        return keyword in self.dialect.VALIDATORS

    def into(self, schema: Schema) -> Scope:
        """The scope inside a subschema, which may have a base of its own."""
        if self.inside or not (isinstance(schema, Mapping) and "$id" in schema):
            return replace(self, inside=True)
        resource = self.specification.create_resource(schema)
        return replace(self, resolver=self.resolver.in_subresource(resource), inside=True)

    def at(self, *steps: str | int) -> Scope:
        """The scope some steps further down."""
        return replace(self, spot=self.spot + pointer(steps), inside=False)

    def lookup(self, reference: str) -> tuple[Schema, Scope]:
        """The schema a ``$ref`` leads to, and its scope.

        Raises:
            StandardError: it leads nowhere.
        """
        try:
            found = self.resolver.lookup(reference)
        except Unresolvable as error:
            raise StandardError(
                f"The reference {reference!r} at {self.spot or '/'} of the schema leads nowhere.",
                hint="Give the folder of the schemas it belongs to: --registry PREFIX=DIR.",
            ) from error
        spot = reference[1:] if reference.startswith("#") else reference
        return found.contents, replace(self, resolver=found.resolver, spot=spot, inside=True)

    def applicable(self, schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """The keywords of a schema that say something in its dialect, in its order."""
        if self.specification.name in _REF_STANDS_ALONE and "$ref" in schema:
            yield "$ref", schema["$ref"]
            return
        for keyword, value in schema.items():
            if keyword in self.dialect.VALIDATORS or keyword in ("then", "else"):
                yield keyword, value
