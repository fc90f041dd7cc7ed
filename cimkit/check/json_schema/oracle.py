"""``jsonschema`` as cimkit asks it: one schema, one value, every problem with its rule's place.

Where the package and the standards differ, the standards win: patterns are ECMA-262 (see
:mod:`cimkit.check.json_schema.pattern`), formats are those of :mod:`cimkit.check.json_schema.string_formats`, NaN and
infinity are no numbers. A missing member is reported at the member's own place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jsonschema import ValidationError, validators
from jsonschema.protocols import Validator
from referencing.exceptions import Unresolvable

from cimkit.check.json_schema.multiples import is_multiple
from cimkit.check.json_schema.oracle_evaluated import evaluated_items, evaluated_names
from cimkit.check.json_schema.pattern import compile_pattern
from cimkit.check.json_schema.scope import Schema, Scope
from cimkit.check.json_schema.string_formats import STRING_FORMATS
from cimkit.check.rules import Path
from cimkit.errors import StandardError

_Errors = Iterator[ValidationError]

#: Problems of a member that is not there.
MISSING = frozenset({"required", "dependentRequired", "dependencies"})


@dataclass(frozen=True, slots=True)
class Problem:
    """One rule that a value breaks: where in the value, where in the schema (keyword last), and on what."""

    path: Path
    place: Path
    value: Any
    expected: Any
    error: ValidationError


class Oracle:
    """A schema, ready to judge values."""

    def __init__(self, schema: Schema, scope: Scope, *, formats: bool) -> None:
        self.schema = schema
        self.resolver = scope.into(schema).resolver
        self.validator = _dialect(scope.dialect, formats)({})

    def problems(self, value: Any, accept: Collection[str] | None = None) -> list[Problem]:
        """What is wrong with a value, one problem for each cause; ``accept`` are the keywords that count.

        Raises:
            StandardError: the schema leads into itself without an end.
        """
        try:
            errors = list(self.validator.descend(value, self.schema, resolver=self.resolver))
        except RecursionError as error:
            raise StandardError(
                "The schema refers to itself without an end, or a value is nested too deeply."
            ) from error
        found = [_problem(error) for error in errors]
        return one_per_cause(p for p in found if accept is None or p.place[0] in accept)


def _problem(error: ValidationError) -> Problem:
    place = tuple(error.absolute_schema_path)
    # A schema that is false has no keyword; some keywords report under their neighbour's name.
    keyword = "false" if error.validator is None else str(error.validator)
    place = (*place, keyword) if error.validator is None else (*place[:-1], keyword)
    missing = keyword in MISSING
    value = None if missing else error.instance
    return Problem(tuple(error.absolute_path), place, value, None if missing else error.validator_value, error)


def one_per_cause(problems: Iterator[Problem]) -> list[Problem]:
    """Problems without those of values that are of the wrong type anyway."""
    found = list(problems)
    # A member's name is no text of a wrong type, whatever the schema of names says.
    wrong = {p.path for p in found if p.place[-1] == "type" and "propertyNames" not in p.place}
    if not wrong:
        return found
    return [
        problem
        for problem in found
        if problem.place[-1] == "type" or not any(problem.path[: len(path)] == path for path in wrong)
    ]


@lru_cache(maxsize=16)
def _dialect(dialect: type[Validator], formats: bool) -> Callable[[Schema], Any]:
    own = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "properties": _properties,
        "allOf": _all_of,
        "anyOf": _any_of,
        "oneOf": _one_of,
        "if": _if,
        "items": _items,
        "prefixItems": _prefix_items,
        "additionalItems": _additional_items,
        "$ref": _reference,
        "$dynamicRef": _reference,
        "uniqueItems": _unique_items,
        "dependentSchemas": _dependent_schemas,
        "multipleOf": _multiple_of,
        "dependentRequired": _dependent_required,
        "format": _format if formats else _nothing,
    }
    known = {keyword: check for keyword, check in own.items() if keyword in dialect.VALIDATORS}
    if dialect.VALIDATORS.get("required") is not None and "$ref" in dialect.VALIDATORS:
        known["required"] = _required
    if "prefixItems" in dialect.VALIDATORS:
        newest = {"unevaluatedProperties": _unevaluated_properties, "unevaluatedItems": _unevaluated_items}
        known |= {keyword: check for keyword, check in newest.items() if keyword in dialect.VALIDATORS}
    if "dependencies" in dialect.VALIDATORS:
        known["dependencies"] = _dependencies
    checker = dialect.TYPE_CHECKER.redefine_many({"number": _is_number, "integer": _is_integer})
    extended: Callable[[Schema], Any] = validators.extend(dialect, known, type_checker=checker)  # type: ignore[no-untyped-call]
    return extended


def _is_number(_: Any, value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_integer(_: Any, value: Any) -> bool:
    return _is_number(_, value) and value == int(value)


def _nothing(validator: Any, expected: Any, value: Any, schema: Any) -> _Errors:
    return iter(())


def _pattern(validator: Any, pattern: str, value: Any, schema: Any) -> _Errors:
    if isinstance(value, str) and not compile_pattern(pattern).search(value):
        yield ValidationError("does not match the pattern")


def _format(validator: Any, name: str, value: Any, schema: Any) -> _Errors:
    if isinstance(value, str) and name in STRING_FORMATS and not STRING_FORMATS[name].accepts(value):
        yield ValidationError(f"is no {name}")


def _required(validator: Any, names: Any, value: Any, schema: Any) -> _Errors:
    if isinstance(value, dict) and isinstance(names, list):
        for name in names:
            if name not in value:
                yield ValidationError("is missing", path=[name])


def _dependent_required(validator: Any, needs: Mapping[str, Any], value: Any, schema: Any) -> _Errors:
    if isinstance(value, dict):
        for trigger, names in needs.items():
            if trigger in value:
                yield from _required(validator, names, value, schema)


def _dependencies(validator: Any, needs: Mapping[str, Any], value: Any, schema: Any) -> _Errors:
    if isinstance(value, dict):
        for trigger, needed in needs.items():
            if trigger not in value:
                continue
            if isinstance(needed, (list, str)):
                names = [needed] if isinstance(needed, str) else needed
                yield from _required(validator, names, value, schema)
            else:
                yield from _within(validator, value, needed, trigger)


def _multiple_of(validator: Any, step: Any, value: Any, schema: Any) -> _Errors:
    if _is_number(validator, value) and not is_multiple(value, step):
        yield ValidationError("is no multiple")


# ---- schemas within schemas: as the package has them, but a schema that is false has a place ---------


def _within(validator: Any, value: Any, schema: Any, step: Any = None, path: str | int | None = None) -> _Errors:
    if schema is False:
        error = ValidationError("may not be", validator="false", validator_value=None, instance=value, schema=schema)
        error.schema_path.extend(("false",) if step is None else (step, "false"))
        error.path.extend(() if path is None else (path,))
        yield error
    else:
        yield from validator.descend(value, schema, path=path, schema_path=step)


#: The (schema, value) pairs that references are being followed for.
_followed: set[tuple[int, int]] = set()


def _reference(validator: Any, reference: str, value: Any, schema: Any) -> _Errors:
    try:
        found = validator._resolver.lookup(reference)
    except Unresolvable as error:
        raise StandardError(f"The reference {reference!r} of the schema leads nowhere.") from error
    step = id(found.contents), id(value)
    if step in _followed:
        raise RecursionError(reference)
    _followed.add(step)
    try:
        yield from validator.descend(value, found.contents, resolver=found.resolver)
    finally:
        _followed.discard(step)


def _properties(validator: Any, properties: Mapping[str, Any], value: Any, schema: Any) -> _Errors:
    if isinstance(value, dict):
        for name, subschema in properties.items():
            if name in value:
                yield from _within(validator, value[name], subschema, name, path=name)


def _all_of(validator: Any, schemas: Any, value: Any, schema: Any) -> _Errors:
    for index, subschema in enumerate(schemas):
        yield from _within(validator, value, subschema, index)


def _branches(validator: Any, schemas: Any, value: Any) -> tuple[int, list[ValidationError]]:
    """How many schemas hold, and what keeps the others from it."""
    errors = [list(_within(validator, value, subschema, index)) for index, subschema in enumerate(schemas)]
    return sum(not found for found in errors), [error for found in errors for error in found]


def _any_of(validator: Any, schemas: Any, value: Any, schema: Any) -> _Errors:
    holding, context = _branches(validator, schemas, value)
    if not holding:
        yield ValidationError("fits none", context=context)


def _one_of(validator: Any, schemas: Any, value: Any, schema: Any) -> _Errors:
    holding, context = _branches(validator, schemas, value)
    if holding != 1:
        yield ValidationError("does not fit exactly one", context=[] if holding else context)


def _if(validator: Any, condition: Any, value: Any, schema: Any) -> _Errors:
    branch = "then" if validator.evolve(schema=condition).is_valid(value) else "else"
    if branch in schema:
        yield from _within(validator, value, schema[branch], branch)


def _dependent_schemas(validator: Any, schemas: Mapping[str, Any], value: Any, schema: Any) -> _Errors:
    if isinstance(value, dict):
        for trigger, subschema in schemas.items():
            if trigger in value:
                yield from _within(validator, value, subschema, trigger)


def _pattern_properties(validator: Any, patterns: Mapping[str, Any], value: Any, schema: Any) -> _Errors:
    if isinstance(value, dict):
        for pattern, subschema in patterns.items():
            search = compile_pattern(pattern).search
            for name, member in value.items():
                if search(name):
                    yield from _within(validator, member, subschema, pattern, path=name)


def _additional_properties(validator: Any, subschema: Any, value: Any, schema: Any) -> _Errors:
    if not isinstance(value, dict):
        return
    patterns = [compile_pattern(pattern).search for pattern in schema.get("patternProperties", {})]
    known = schema.get("properties", {})
    extras = [name for name in value if name not in known and not any(search(name) for search in patterns)]
    if subschema is False:
        if extras:
            yield ValidationError("has undeclared members", instance=extras[0])
    else:
        for name in extras:
            yield from validator.descend(value[name], subschema, path=name)


def _items(validator: Any, items: Any, value: Any, schema: Any) -> _Errors:
    if isinstance(items, list):
        yield from _prefix_items(validator, items, value, schema)
    else:
        first = len(schema.get("prefixItems", ())) if "prefixItems" in validator.VALIDATORS else 0
        yield from _rest(validator, items, value, first)


def _additional_items(validator: Any, items: Any, value: Any, schema: Any) -> _Errors:
    if isinstance(schema.get("items"), list):
        yield from _rest(validator, items, value, len(schema["items"]))


def _rest(validator: Any, items: Any, value: Any, first: int) -> _Errors:
    """The items from some place on."""
    if not isinstance(value, list):
        return
    if items is False:
        if len(value) > first:
            yield ValidationError("has too many items")
    else:
        for index in range(first, len(value)):
            yield from validator.descend(value[index], items, path=index)


def _prefix_items(validator: Any, items: Any, value: Any, schema: Any) -> _Errors:
    if isinstance(value, list):
        for index, (item, subschema) in enumerate(zip(value, items, strict=False)):
            yield from _within(validator, item, subschema, index, path=index)


def _unique_items(validator: Any, asked: Any, value: Any, schema: Any) -> _Errors:
    if asked is True and isinstance(value, list) and len({_canonical(item) for item in value}) < len(value):
        yield ValidationError("has equal items")


def _canonical(value: Any) -> Any:
    """Something hashable that is the same for equal values, and for those alone."""
    if isinstance(value, dict):
        return "object", frozenset((name, _canonical(member)) for name, member in value.items())
    if isinstance(value, list):
        return "array", tuple(_canonical(item) for item in value)
    return ("boolean", value) if isinstance(value, bool) else value


def _unevaluated_properties(validator: Any, subschema: Any, value: Any, schema: Any) -> _Errors:
    if isinstance(value, dict):
        seen = evaluated_names(validator, value, schema, "unevaluatedProperties")
        fits = validator.evolve(schema=subschema)
        if any(name not in seen and not fits.is_valid(member) for name, member in value.items()):
            yield ValidationError("has members that nothing describes")


def _unevaluated_items(validator: Any, subschema: Any, value: Any, schema: Any) -> _Errors:
    if isinstance(value, list):
        seen = evaluated_items(validator, value, schema, "unevaluatedItems")
        fits = validator.evolve(schema=subschema)
        if any(place not in seen and not fits.is_valid(item) for place, item in enumerate(value)):
            yield ValidationError("has items that nothing describes")
