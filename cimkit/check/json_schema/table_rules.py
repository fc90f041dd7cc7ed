"""A layer's schema over the columns it was delivered with, as rules that SQL decides.

The schema is walked once. What every record must fulfil (``properties``, ``allOf``,
``then`` …) becomes rules of its own, each with its address; what is only a condition or an
alternative (``if``, ``not``, ``anyOf``, ``oneOf``) becomes one predicate. A keyword that SQL
cannot decide is left, alone, to the record engine.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cimkit.check.columns import Column
from cimkit.check.json_schema import fragments
from cimkit.check.json_schema.documents import DocumentRule, Documents, DocumentWalk
from cimkit.check.json_schema.fragments import Fragment
from cimkit.check.json_schema.parts import TooLarge
from cimkit.check.json_schema.pattern import compile_pattern
from cimkit.check.json_schema.scope import Schema, Scope
from cimkit.check.json_schema.slots import Slots
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
from cimkit.check.json_schema.values import Value
from cimkit.check.rules import Path
from cimkit.duck import literal

_DEEPEST = 64
#: Characters of one predicate about alternatives.
_LONGEST = 400_000
_MOST_ALTERNATIVES = 500
#: Subschemas looked at for one layer; a schema of references to references grows without bounds.
_MOST_WORK = 20_000


@dataclass(frozen=True, slots=True)
class SchemaRule:
    """One keyword at one place, decided in SQL. ``path`` leads into the record, ``place`` into the schema.

    ``document``: it is about a JSON document, and true only of those that are sound.
    """

    path: Path
    place: Path
    pointer: str
    expected: Any
    bad: str
    applies: str
    document: bool = False


@dataclass(frozen=True, slots=True)
class Walk:
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

    def into(self, *steps: str | int, field: str | None = None) -> Walk:
        return replace(
            self,
            scope=self.scope.at(*steps),
            place=(*self.place, *steps),
            path=self.path if field is None else (*self.path, field),
            depth=self.depth + 1,
        )

    def guarded(self, condition: str) -> Walk:
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


Found = list[SchemaRule | Fragment | DocumentRule]


@dataclass(frozen=True, slots=True)
class _Keyword:
    """One keyword with its value, the schema it stands in, and what that schema is about."""

    name: str
    value: Any
    schema: Mapping[str, Any]
    walk: Walk
    column: Column | None


class Compiler:
    def __init__(self, columns: Mapping[str, Column], nullable: frozenset[str], formats: bool) -> None:
        self.columns = columns
        self.nullable = nullable
        self.formats = formats
        self.documents = Documents(formats)
        self.slots = Slots()
        self.texts: list[str] = []  # the documents that rules are about
        self.work = 0

    def column(self, name: str) -> Column:
        return self.columns.get(name) or Column(name, "NULL", "absent", name in self.nullable)

    def known(self) -> list[str]:
        """The members a record may have: columns, and fields that are null where they were not delivered."""
        return [*self.columns, *sorted(self.nullable - self.columns.keys())]

    def describe(self, schema: Schema, walk: Walk, column: Column | None) -> Found:
        """What a schema asks of the record (``column`` None) or of one of its values."""
        if walk.depth > _DEEPEST:
            raise BeyondSql("a schema that contains itself")
        self.work += 1
        if self.work > _MOST_WORK:
            raise TooLarge
        if schema is False:
            present = column.present if column else ALWAYS
            return [walk.rule("false", None, present, present)]
        if schema is True:
            return []
        walk = replace(walk, scope=walk.scope.into(schema))
        found: Found = []
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

    def fails(self, schema: Schema, walk: Walk, column: Column | None) -> str:
        """Where a schema does not hold, as one predicate."""
        inside = replace(walk, strict=True, guard=ALWAYS)
        found = self.describe(schema, inside, column)
        fails = any_of(rule.bad for rule in found if isinstance(rule, SchemaRule))
        if len(fails) > _LONGEST:
            raise BeyondSql("a condition of that length")
        return fails

    def keyword(self, keyword: _Keyword) -> Found:
        if keyword.name in _APPLICATORS:
            return _APPLICATORS[keyword.name](self, keyword)
        if keyword.column is not None:
            return self.about_value(keyword, keyword.column)
        if keyword.name in _ABOUT_DOCUMENTS:
            return self.about_document(keyword)
        if keyword.name in _RESOLVED_LATE:
            raise BeyondSql(f"'{keyword.name}'")
        return _ABOUT_RECORDS[keyword.name](self, keyword) if keyword.name in _ABOUT_RECORDS else []

    def about_value(self, keyword: _Keyword, column: Column) -> Found:
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

    def reference(self, keyword: _Keyword) -> Found:
        target, scope = keyword.walk.scope.lookup(keyword.value)
        walk = replace(keyword.walk, scope=scope, depth=keyword.walk.depth + 1)
        return self.describe(target, walk, keyword.column)

    def conjunction(self, keyword: _Keyword) -> Found:
        found: Found = []
        for index, schema in enumerate(keyword.value):
            found += self.describe(schema, keyword.walk.into("allOf", index), keyword.column)
        return found

    def alternatives(self, keyword: _Keyword) -> Found:
        """anyOf, oneOf and not: one rule about all the schemas together."""
        column, walk = keyword.column, keyword.walk
        schemas = [keyword.value] if keyword.name == "not" else keyword.value
        if len(schemas) > _MOST_ALTERNATIVES:
            raise BeyondSql("so many alternatives")
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

    def condition(self, keyword: _Keyword) -> Found:
        if "then" not in keyword.schema and "else" not in keyword.schema:
            return []
        fails = self.fails(keyword.value, keyword.walk.into("if"), keyword.column)
        if "slot:" in fails:
            fails = self.slots.shared(f"({fails} IS TRUE)")
        found: Found = []
        for branch, guard in (("then", negation(fails)), ("else", fails)):
            if branch in keyword.schema:
                walk = keyword.walk.into(branch).guarded(guard)
                found += self.describe(keyword.schema[branch], walk, keyword.column)
        return found

    # ---- keywords about records

    def properties(self, keyword: _Keyword) -> Found:
        found: Found = []
        for name, schema in keyword.value.items():
            found += self.member(schema, keyword.walk.into("properties", name, field=name), name)
        return found

    def member(self, schema: Schema, walk: Walk, name: str) -> Found:
        column = self.column(name)
        nested = column.kind == "nested"
        found = self.nested(schema, walk, column) if nested else self.describe(schema, walk, column)
        if column.unread and not walk.strict:
            found.append(walk.rule("type", None, column.unread, column.delivered))
        return found

    def members(self, schema: Schema, walk: Walk, names: list[str]) -> Found:
        found: Found = []
        for name in names:
            found += self.member(schema, replace(walk, path=(*walk.path, name)), name)
        return found

    # ---- JSON documents

    def nested(self, schema: Schema, walk: Walk, column: Column) -> Found:
        """What a schema asks of the nested values of a column."""
        text = column.value
        if column.nullable:
            text = f"CASE WHEN {column.present} THEN coalesce({text}, 'null') END"
        return self.document(schema, walk, self.root(text), column.name)

    def whole(self, schema: Schema, scope: Scope, column: Column) -> Found:
        """What a schema asks of records that are any JSON value."""
        return self.document(schema, Walk(scope), self.root(column.value), column.name)

    def root(self, text: str) -> Value:
        self.texts.append(text)
        return Value(text, (), self.slots)

    def document(self, schema: Schema, walk: Walk, root: Value, column: str) -> Found:
        if walk.strict:
            bad = self.documents.fails(schema, walk.scope, root)
            return [walk.rule("false", None, bad, bad)]
        return list(
            self.documents.rules(schema, DocumentWalk(root, column, walk.scope, walk.path, walk.place, walk.guard))
        )

    def about_document(self, keyword: _Keyword) -> Found:
        """A keyword that looks at the record as a whole, as JSON has it."""
        walk = keyword.walk
        root = self.root(self.slots.shared(self.as_text()))
        inside = DocumentWalk(root, "", walk.scope, walk.path, walk.place, walk.guard)
        found = self.documents.keyword(keyword.name, keyword.schema, inside)
        if any(isinstance(rule, Fragment) for rule in found):
            raise BeyondSql(f"'{keyword.name}'")
        return [self.written(rule, ()) for rule in found if isinstance(rule, DocumentRule)] if walk.strict else [*found]

    def as_text(self) -> str:
        """SQL: the record as JSON text."""
        members = []
        for name in self.known():
            column = self.column(name)
            if "\0" in name:
                raise BeyondSql("a name that SQL cannot write")
            text = "NULL" if column.kind == "absent" else column.value
            if column.kind in ("number", "string"):
                text = f"to_json({text})"
            named = literal(f"{json.dumps(name, ensure_ascii=False)}:")
            members.append(f"CASE WHEN {column.present} THEN {named} || coalesce(CAST({text} AS VARCHAR), 'null') END")
        return f"'{{' || array_to_string(CAST([{', '.join(members)}] AS VARCHAR[]), ',') || '}}'"

    def written(self, rule: DocumentRule, causes: Sequence[DocumentRule]) -> SchemaRule:
        """A rule about documents in SQL."""
        bad = self.documents.bad(rule, () if rule.leaf.cause else causes)
        if len(bad) > _LONGEST:
            raise TooLarge
        return SchemaRule(
            rule.path, rule.place, rule.pointer, rule.leaf.expected, bad, self.documents.applies(rule), document=True
        )

    def additional_properties(self, keyword: _Keyword) -> Found:
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

    def pattern_properties(self, keyword: _Keyword) -> Found:
        found: Found = []
        for pattern, schema in keyword.value.items():
            search = compile_pattern(pattern).search
            walk = keyword.walk.into("patternProperties", pattern)
            found += self.members(schema, walk, [name for name in self.known() if search(name)])
        return found

    def required(self, keyword: _Keyword) -> Found:
        walk = keyword.walk
        return [walk.rule("required", None, self.missing(name, walk), ALWAYS, name) for name in keyword.value]

    def missing(self, name: str, walk: Walk) -> str:
        """Where a field is absent; one that was delivered but cannot be read has its finding already."""
        column = self.column(name)
        absent = negation(column.present)
        return all_of([absent, negation(column.unread)]) if column.unread and not walk.strict else absent

    def dependencies(self, keyword: _Keyword) -> Found:
        """dependentRequired, dependentSchemas, and the older keyword that is both."""
        found: Found = []
        for trigger, needed in keyword.value.items():
            present, walk = self.column(trigger).present, keyword.walk
            if isinstance(needed, list):
                for name in needed:
                    bad = all_of([present, self.missing(name, walk)])
                    found.append(walk.rule(keyword.name, None, bad, present, name))
            else:
                found += self.describe(needed, walk.into(keyword.name, trigger).guarded(present), None)
        return found

    def size(self, keyword: _Keyword) -> Found:
        count = " + ".join(f"CASE WHEN {self.column(n).present} THEN 1 ELSE 0 END" for n in self.known()) or "0"
        comparison = "<" if keyword.name == "minProperties" else ">"
        bad = f"(({count}) {comparison} {int(keyword.value)})"
        return [keyword.walk.rule(keyword.name, keyword.value, bad, ALWAYS)]

    def record_type(self, keyword: _Keyword) -> Found:
        if "object" in ([keyword.value] if isinstance(keyword.value, str) else keyword.value):
            return []
        return [keyword.walk.rule("type", keyword.value, ALWAYS, ALWAYS)]


_Handler = Callable[[Compiler, _Keyword], Found]

_APPLICATORS: Mapping[str, _Handler] = {
    "$ref": Compiler.reference,
    "allOf": Compiler.conjunction,
    "anyOf": Compiler.alternatives,
    "oneOf": Compiler.alternatives,
    "not": Compiler.alternatives,
    "if": Compiler.condition,
}
_ABOUT_RECORDS: Mapping[str, _Handler] = {
    "type": Compiler.record_type,
    "properties": Compiler.properties,
    "patternProperties": Compiler.pattern_properties,
    "additionalProperties": Compiler.additional_properties,
    "required": Compiler.required,
    "dependentRequired": Compiler.dependencies,
    "dependentSchemas": Compiler.dependencies,
    "dependencies": Compiler.dependencies,
    "minProperties": Compiler.size,
    "maxProperties": Compiler.size,
}
_RESOLVED_LATE = frozenset({"$dynamicRef", "$recursiveRef"})
_ABOUT_DOCUMENTS = frozenset({"enum", "const", "propertyNames", "unevaluatedProperties"})
