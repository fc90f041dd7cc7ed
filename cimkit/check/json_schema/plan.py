"""A layer's schema as a plan: rules that SQL decides, and fragments left to the record engine.

The schema is walked once. What every record must fulfil (``properties``, ``allOf``,
``then`` …) becomes rules of its own, each with its address; what is only a condition or an
alternative (``if``, ``not``, ``anyOf``, ``oneOf``) becomes one predicate. A keyword that SQL
cannot decide is left, alone, to the record engine.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cimkit.check.columns import Column
from cimkit.check.json_schema import fragments
from cimkit.check.json_schema.fragments import Fragment
from cimkit.check.json_schema.pattern import compile_pattern
from cimkit.check.json_schema.scope import Schema, Scope
from cimkit.check.json_schema.sql import (
    ALWAYS,
    KEYWORDS,
    NEVER,
    BeyondSql,
    all_of,
    any_of,
    fails_on_null,
    negation,
    not_exactly_one,
)
from cimkit.check.rules import Path, address

_DEEPEST = 64


@dataclass(frozen=True, slots=True)
class SchemaRule:
    """One keyword at one place, decided in SQL. ``path`` leads into the record, ``place`` into the schema."""

    path: Path
    place: Path
    pointer: str
    expected: Any
    bad: str
    applies: str


@dataclass(frozen=True, slots=True)
class Plan:
    """``rules`` by address, ``fragments``, and the addresses of all in the order of the schema."""

    rules: Mapping[str, SchemaRule]
    fragments: tuple[Fragment, ...]
    order: tuple[str, ...]


def plan(
    layer: str,
    schema: Schema,
    scope: Scope,
    columns: Mapping[str, Column],
    *,
    nullable: Collection[str] = (),
    formats: bool = True,
) -> Plan:
    """The plan of one layer over the columns it was delivered with.

    ``nullable`` are the fields that admit null; ``formats`` asserts the ``format`` keyword.

    Raises:
        StandardError: a reference leads nowhere, or a pattern cannot be read.
    """
    compiler = _Compiler(columns, frozenset(nullable), formats)
    found: list[SchemaRule | Fragment]
    if scope.compiled:
        found = compiler.describe(schema, _Walk(scope), None)
    else:
        found = [fragments.of_schema(schema, scope, (), (), why="its dialect", formats=formats)]
    order: dict[str, None] = {}
    rules: dict[str, SchemaRule] = {}
    for item in found:
        if isinstance(item, Fragment):
            order |= dict.fromkeys(address(layer, head.path, head.place) for head in item.heads)
        else:
            name = address(layer, item.path, item.place)
            order[name] = None
            rules[name] = _merged(rules[name], item) if name in rules else item
    left = tuple(item for item in found if isinstance(item, Fragment))
    return Plan(rules, left, tuple(order))


def _merged(first: SchemaRule, second: SchemaRule) -> SchemaRule:
    return replace(first, bad=any_of([first.bad, second.bad]), applies=any_of([first.applies, second.applies]))


@dataclass(frozen=True, slots=True)
class _Walk:
    """Where the walk stands.

    ``guard`` is true for the records that the place concerns. ``strict``: inside a condition,
    which is decided in SQL as a whole or not at all.
    """

    scope: Scope
    path: Path = ()
    place: Path = ()
    guard: str = ALWAYS
    strict: bool = False
    depth: int = 0

    def into(self, *steps: str | int, field: str | None = None) -> _Walk:
        return replace(
            self,
            scope=self.scope.at(*steps),
            place=(*self.place, *steps),
            path=self.path if field is None else (*self.path, field),
            depth=self.depth + 1,
        )

    def guarded(self, condition: str) -> _Walk:
        return replace(self, guard=all_of([self.guard, condition]))

    def rule(self, keyword: str, expected: Any, bad: str, applies: str, field: str | None = None) -> SchemaRule:
        return SchemaRule(
            path=self.path if field is None else (*self.path, field),
            place=(*self.place, keyword),
            pointer=self.scope.at(keyword).spot,
            expected=expected,
            bad=all_of([self.guard, bad]),
            applies=all_of([self.guard, applies]),
        )


_Found = list[SchemaRule | Fragment]


@dataclass(frozen=True, slots=True)
class _Keyword:
    """One keyword with its value, the schema it stands in, and what that schema is about."""

    name: str
    value: Any
    schema: Mapping[str, Any]
    walk: _Walk
    column: Column | None


class _Compiler:
    def __init__(self, columns: Mapping[str, Column], nullable: frozenset[str], formats: bool) -> None:
        self.columns = columns
        self.nullable = nullable
        self.formats = formats

    def column(self, name: str) -> Column:
        return self.columns.get(name) or Column(name, "NULL", "absent", name in self.nullable)

    def known(self) -> list[str]:
        """The members a record may have: columns, and fields that are null where they were not delivered."""
        return [*self.columns, *sorted(self.nullable - self.columns.keys())]

    def describe(self, schema: Schema, walk: _Walk, column: Column | None) -> _Found:
        """What a schema asks of the record (``column`` None) or of one of its values."""
        if walk.depth > _DEEPEST:
            raise BeyondSql("a schema that contains itself")
        if schema is False:
            present = column.present if column else ALWAYS
            return [walk.rule("false", None, present, present)]
        if schema is True:
            return []
        walk = replace(walk, scope=walk.scope.into(schema))
        found: _Found = []
        for name, value in walk.scope.applicable(schema):
            keyword = _Keyword(name, value, schema, walk, column)
            try:
                found += self.keyword(keyword)
            except BeyondSql as beyond:
                if walk.strict or walk.guard != ALWAYS:
                    raise
                part = fragments.of_keyword(
                    name, schema, walk.scope, walk.path, walk.place, why=str(beyond), formats=self.formats
                )
                found.append(part)
        return found

    def fails(self, schema: Schema, walk: _Walk, column: Column | None) -> str:
        """Where a schema does not hold, as one predicate."""
        inside = replace(walk, strict=True, guard=ALWAYS)
        return any_of(rule.bad for rule in self.describe(schema, inside, column) if isinstance(rule, SchemaRule))

    def keyword(self, keyword: _Keyword) -> _Found:
        if keyword.name in _APPLICATORS:
            return _APPLICATORS[keyword.name](self, keyword)
        if keyword.column is not None:
            return self.about_value(keyword, keyword.column)
        if keyword.name in _BEYOND_SQL:
            raise BeyondSql(f"'{keyword.name}'")
        return _ABOUT_RECORDS[keyword.name](self, keyword) if keyword.name in _ABOUT_RECORDS else []

    def about_value(self, keyword: _Keyword, column: Column) -> _Found:
        name, value = keyword.name, keyword.value
        if name in _RESOLVED_LATE:
            raise BeyondSql(f"'{name}'")
        if name not in KEYWORDS or (name == "format" and not self.formats):
            return []
        bad = NEVER if column.kind == "absent" else KEYWORDS[name](value, keyword.schema, column)
        if column.nullable and fails_on_null(name, value):
            bad = any_of([bad, all_of([column.present, negation(column.filled)])])
        applies = column.delivered if name == "type" else column.filled
        return [keyword.walk.rule(name, value, bad, applies)]

    # ---- schemas within schemas

    def reference(self, keyword: _Keyword) -> _Found:
        target, scope = keyword.walk.scope.lookup(keyword.value)
        walk = replace(keyword.walk, scope=scope, depth=keyword.walk.depth + 1)
        return self.describe(target, walk, keyword.column)

    def conjunction(self, keyword: _Keyword) -> _Found:
        found: _Found = []
        for index, schema in enumerate(keyword.value):
            found += self.describe(schema, keyword.walk.into("allOf", index), keyword.column)
        return found

    def alternatives(self, keyword: _Keyword) -> _Found:
        """anyOf, oneOf and not: one rule about all the schemas together."""
        column, walk = keyword.column, keyword.walk
        schemas = [keyword.value] if keyword.name == "not" else keyword.value
        failing = [self.fails(each, walk.into(keyword.name, i), column) for i, each in enumerate(schemas)]
        if keyword.name == "anyOf":
            bad = all_of(failing)
        elif keyword.name == "oneOf":
            bad = not_exactly_one(failing)
        else:
            bad = negation(failing[0])
        # An absent value fulfils every schema, but NULL would fail a negated one.
        present, filled = (column.present, column.filled) if column else (ALWAYS, ALWAYS)
        return [walk.rule(keyword.name, keyword.value, all_of([present, bad]), filled)]

    def condition(self, keyword: _Keyword) -> _Found:
        if "then" not in keyword.schema and "else" not in keyword.schema:
            return []
        fails = self.fails(keyword.value, keyword.walk.into("if"), keyword.column)
        found: _Found = []
        for branch, guard in (("then", negation(fails)), ("else", fails)):
            if branch in keyword.schema:
                walk = keyword.walk.into(branch).guarded(guard)
                found += self.describe(keyword.schema[branch], walk, keyword.column)
        return found

    # ---- keywords about records

    def properties(self, keyword: _Keyword) -> _Found:
        found: _Found = []
        for name, schema in keyword.value.items():
            found += self.member(schema, keyword.walk.into("properties", name, field=name), name)
        return found

    def member(self, schema: Schema, walk: _Walk, name: str) -> _Found:
        column = self.column(name)
        if column.kind == "nested":
            if walk.strict or walk.guard != ALWAYS:
                raise BeyondSql("a nested value")
            part = fragments.of_schema(
                schema, walk.scope, walk.path, walk.place, why="a nested value", formats=self.formats
            )
            found: _Found = [part]
        else:
            found = self.describe(schema, walk, column)
        if column.unread and not walk.strict:
            found.append(walk.rule("type", None, column.unread, column.delivered))
        return found

    def members(self, schema: Schema, walk: _Walk, names: list[str]) -> _Found:
        if any(self.column(name).kind == "nested" for name in names):
            raise BeyondSql("a nested value")
        found: _Found = []
        for name in names:
            found += self.member(schema, replace(walk, path=(*walk.path, name)), name)
        return found

    def additional_properties(self, keyword: _Keyword) -> _Found:
        patterns = [compile_pattern(pattern) for pattern in keyword.schema.get("patternProperties", {})]
        extras = [
            name
            for name in self.known()
            if name not in keyword.schema.get("properties", {}) and not any(p.search(name) for p in patterns)
        ]
        if keyword.value is False:
            bad = any_of(self.column(name).present for name in extras)
            return [keyword.walk.rule("additionalProperties", extras, bad, ALWAYS)]
        return self.members(keyword.value, keyword.walk.into("additionalProperties"), extras)

    def pattern_properties(self, keyword: _Keyword) -> _Found:
        found: _Found = []
        for pattern, schema in keyword.value.items():
            search = compile_pattern(pattern).search
            walk = keyword.walk.into("patternProperties", pattern)
            found += self.members(schema, walk, [name for name in self.known() if search(name)])
        return found

    def required(self, keyword: _Keyword) -> _Found:
        walk = keyword.walk
        return [walk.rule("required", None, self.missing(name, walk), ALWAYS, name) for name in keyword.value]

    def missing(self, name: str, walk: _Walk) -> str:
        """Where a field is absent; one that was delivered but cannot be read has its finding already."""
        column = self.column(name)
        absent = negation(column.present)
        return all_of([absent, negation(column.unread)]) if column.unread and not walk.strict else absent

    def dependencies(self, keyword: _Keyword) -> _Found:
        """dependentRequired, dependentSchemas, and the older keyword that is both."""
        found: _Found = []
        for trigger, needed in keyword.value.items():
            present, walk = self.column(trigger).present, keyword.walk
            if isinstance(needed, list):
                for name in needed:
                    bad = all_of([present, self.missing(name, walk)])
                    found.append(walk.rule(keyword.name, None, bad, present, name))
            else:
                found += self.describe(needed, walk.into(keyword.name, trigger).guarded(present), None)
        return found

    def size(self, keyword: _Keyword) -> _Found:
        count = " + ".join(f"CASE WHEN {self.column(n).present} THEN 1 ELSE 0 END" for n in self.known()) or "0"
        comparison = "<" if keyword.name == "minProperties" else ">"
        bad = f"(({count}) {comparison} {int(keyword.value)})"
        return [keyword.walk.rule(keyword.name, keyword.value, bad, ALWAYS)]

    def record_type(self, keyword: _Keyword) -> _Found:
        if "object" in ([keyword.value] if isinstance(keyword.value, str) else keyword.value):
            return []
        return [keyword.walk.rule("type", keyword.value, ALWAYS, ALWAYS)]


_Handler = Callable[[_Compiler, _Keyword], _Found]

_APPLICATORS: Mapping[str, _Handler] = {
    "$ref": _Compiler.reference,
    "allOf": _Compiler.conjunction,
    "anyOf": _Compiler.alternatives,
    "oneOf": _Compiler.alternatives,
    "not": _Compiler.alternatives,
    "if": _Compiler.condition,
}
_ABOUT_RECORDS: Mapping[str, _Handler] = {
    "type": _Compiler.record_type,
    "properties": _Compiler.properties,
    "patternProperties": _Compiler.pattern_properties,
    "additionalProperties": _Compiler.additional_properties,
    "required": _Compiler.required,
    "dependentRequired": _Compiler.dependencies,
    "dependentSchemas": _Compiler.dependencies,
    "dependencies": _Compiler.dependencies,
    "minProperties": _Compiler.size,
    "maxProperties": _Compiler.size,
}
_RESOLVED_LATE = frozenset({"$dynamicRef", "$recursiveRef"})
_BEYOND_SQL = _RESOLVED_LATE | {"enum", "const", "propertyNames", "unevaluatedProperties"}
