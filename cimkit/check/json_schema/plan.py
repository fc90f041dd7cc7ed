"""A layer's schema as a plan: rules that SQL decides, and fragments left to the record engine."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from cimkit.check.columns import Column
from cimkit.check.json_schema import fragments
from cimkit.check.json_schema.documents import DocumentRule, causes_of
from cimkit.check.json_schema.fragments import Fragment
from cimkit.check.json_schema.parts import TooLarge
from cimkit.check.json_schema.scope import Schema, Scope
from cimkit.check.json_schema.slots import Slots
from cimkit.check.json_schema.sql import any_of
from cimkit.check.json_schema.table_rules import Compiler, Found, SchemaRule, Walk
from cimkit.check.json_schema.values import Value
from cimkit.check.rules import address


@dataclass(frozen=True, slots=True)
class Plan:
    """``rules`` by address, ``fragments``, and the addresses of all in the order of the schema.

    ``slots`` are the view's further columns that the rules speak of, ``documents`` the columns
    and expressions that hold the documents they are about; ``compares_items``: some look for
    equal items in lists.
    """

    rules: Mapping[str, SchemaRule]
    fragments: tuple[Fragment, ...]
    order: tuple[str, ...]
    slots: Slots
    documents: tuple[str, ...] = ()
    compares_items: bool = False


def plan(
    layer: str,
    schema: Schema,
    scope: Scope,
    columns: Mapping[str, Column],
    *,
    nullable: Collection[str] = (),
    formats: bool = True,
    whole: str | None = None,
) -> Plan:
    """The plan of one layer over the columns it was delivered with.

    ``nullable`` are the fields that admit null; ``formats`` asserts the ``format`` keyword;
    ``whole`` is the column that holds records which are any JSON value.

    Raises:
        StandardError: a reference leads nowhere, or a pattern cannot be read.
    """
    if not scope.compiled:
        return _left_whole(layer, schema, scope, "its dialect", formats)
    compiler = Compiler(columns, frozenset(nullable), formats)
    try:
        if whole is not None:
            found = compiler.whole(schema, scope, columns[whole])
        else:
            found = compiler.describe(schema, Walk(scope), None)
        return _arranged(layer, compiler, found)
    except TooLarge:
        return _left_whole(layer, schema, scope, "its size", formats)


def _left_whole(layer: str, schema: Schema, scope: Scope, why: str, formats: bool) -> Plan:
    part = fragments.of_schema(schema, scope, (), (), why=why, formats=formats)
    names = dict.fromkeys(address(layer, head.path, head.place) for head in part.heads)
    return Plan({}, (part,), tuple(names), Slots())


def _arranged(layer: str, compiler: Compiler, found: Found) -> Plan:
    causes: dict[Value, list[DocumentRule]] = {}
    for item in found:
        if isinstance(item, DocumentRule):
            causes.setdefault(item.root, []).extend(causes_of([item]))
    order: dict[str, None] = {}
    rules: dict[str, SchemaRule] = {}
    for item in found:
        if isinstance(item, Fragment):
            order |= dict.fromkeys(address(layer, head.path, head.place) for head in item.heads)
            continue
        rule = compiler.written(item, causes[item.root]) if isinstance(item, DocumentRule) else item
        name = address(layer, rule.path, rule.place)
        order[name] = None
        rules[name] = _merged(rules[name], rule) if name in rules else rule
    left = tuple(item for item in found if isinstance(item, Fragment))
    return Plan(
        rules, left, tuple(order), compiler.slots, tuple(dict.fromkeys(compiler.texts)), compiler.documents.parts.unique
    )


def _merged(first: SchemaRule, second: SchemaRule) -> SchemaRule:
    return replace(
        first,
        bad=any_of([first.bad, second.bad]),
        applies=any_of([first.applies, second.applies]),
        document=first.document or second.document,
    )
