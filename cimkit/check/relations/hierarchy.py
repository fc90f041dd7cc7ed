"""Records above and below each other: parents exist, nobody is above himself, levels follow (``check: hierarchy``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cimkit import duck
from cimkit.check.columns import ROW
from cimkit.check.delivery import Delivery
from cimkit.check.kinds import Context, Decided
from cimkit.check.outcomes import Outcome
from cimkit.check.relations.cycles import find_cycles
from cimkit.check.relations.key_columns import claims, has_fields, key_text, place
from cimkit.check.relations.levels import ancestor_table, depth_table, depths, has_parents
from cimkit.check.relations.nearest_key import nearest_keys
from cimkit.check.rules import Rule
from cimkit.errors import StandardError
from cimkit.messages import Plain
from cimkit.standard import Codelist
from cimkit.standard import Rule as StandardRule

#: More than any record of a delivery has for its place.
_AFTER_ALL = 1 << 62
_NOTHING = f"SELECT NULL::BIGINT AS {ROW} WHERE FALSE"


def decide(asked: StandardRule, rule: Rule, of: Sequence[Delivery], context: Context) -> Decided:
    """``hierarchy``: ``parent`` names the record above by its ``key`` (the layer's key where none is given).

    Four things may be wrong, each with a code of its own: there is no such record
    (``relation.missing``; where the field is a ``cim:ref`` to the key, that rule tells it); one
    comes back to the record on the way up (``relation.cycle``: every record on the cycle fails,
    those below do not); ``level_field`` is not one below that of the parent
    (``relation.level``); the key is a code of a list with parents, and ``parent`` a code that is
    not above it (``relation.parent``; such a list's codes need no records).

    A level is a number, or a code: codes of a list with parents are as deep as the list has
    them, those of a plain list or an enumeration as far down as they stand in it. Where a key
    occurs more than once its first record counts, those that are checked before those that are
    only there to be referred to.
    """
    hierarchy = _prepared(asked, rule, of, context)
    for each in of:
        concerned = f"{claims(each, [hierarchy.parent])} AND {context.concerned(asked, each)}"
        checked = context.count(each, concerned)
        if not hierarchy.told_by_reference:
            yield each, hierarchy.missing(each, checked, concerned)
        yield each, hierarchy.cycles(each, checked, concerned)
        if hierarchy.level is not None:
            yield each, hierarchy.levels(each, checked, concerned)
        if hierarchy.codelist is not None:
            yield each, hierarchy.codes(each, checked, concerned)


@dataclass(frozen=True)
class _Hierarchy:
    """A hierarchy of records. ``nodes`` is a table (key, parent, depth, level), each key once."""

    context: Context
    rule: Rule
    parent: str
    key: str
    level: str | None
    codelist: Codelist | None
    nodes: str
    on_cycles: str
    depths: str | None
    told_by_reference: bool

    def missing(self, of: Delivery, checked: int, concerned: str) -> Outcome:
        missing = self.context.new_table("missing")
        known = f"SELECT 0 AS place, key AS k0 FROM {self.nodes}"
        if self.codelist is not None:
            codes = ", ".join(f"({duck.literal(code)})" for code in self.codelist.codes)
            known += f" UNION ALL SELECT 0, code FROM (VALUES {codes}) t(code)"
        self.context.con.execute(
            f"CREATE TABLE {missing} AS SELECT * FROM ({self._own(of, concerned)}) ANTI JOIN ({known}) USING (k0)"
        )
        hints = nearest_keys(self.context.con, missing, known, 1, self.context.lang)
        rule = replace(self._rule("relation.missing"), expected=Plain(f"{of.layer.name}.{self.key}"))
        query = f"SELECT {ROW}, hint FROM {missing} LEFT JOIN {hints} USING (k0)"
        return self.context.from_query(rule, of, checked, query)

    def cycles(self, of: Delivery, checked: int, concerned: str) -> Outcome:
        if not has_fields(of, [self.key]):
            return self.context.from_query(self.rule, of, checked, _NOTHING)
        key = key_text(of.table.columns[self.key])
        own = f"SELECT {ROW}, {key} AS key FROM ({of.table.sql}) WHERE {concerned}"
        query = f"SELECT {ROW}, path FROM ({own}) JOIN {self.on_cycles} USING (key)"
        return self.context.from_query(self.rule, of, checked, query)

    def levels(self, of: Delivery, checked: int, concerned: str) -> Outcome:
        assert self.level is not None
        rule = replace(self._rule("relation.level"), field=self.level, column=self.level)
        if not has_fields(of, [self.level]):
            return self.context.from_query(rule, of, 0, _NOTHING)
        level = _depth(of, self.level, self.depths)
        own = f"SELECT {ROW}, {key_text(of.table.columns[self.parent])} AS parent, {level} AS depth"
        query = (
            f"SELECT {ROW}, o.parent, n.level AS above FROM ({own} FROM ({of.table.sql}) WHERE {concerned}) o "
            f"JOIN {self.nodes} n ON o.parent = n.key WHERE o.depth <> n.depth + 1 "
            # Round a cycle levels cannot follow.
            f"AND o.parent NOT IN (SELECT key FROM {self.on_cycles})"
        )
        return self.context.from_query(rule, of, checked, query)

    def codes(self, of: Delivery, checked: int, concerned: str) -> Outcome:
        """Codes whose parent in the record is another one than in the list; some steps up will do."""
        assert self.codelist is not None
        rule = replace(self._rule("relation.parent"), expected=Plain(self.codelist.id))
        if not has_fields(of, [self.key]):
            return self.context.from_query(rule, of, 0, _NOTHING)
        known = self.context.new_table("codes")
        ancestor_table(self.context.con, known, self.codelist)
        key = key_text(of.table.columns[self.key])
        own = f"SELECT {ROW}, {key} AS code, {key_text(of.table.columns[self.parent])} AS parent"
        listed = f"(SELECT DISTINCT code FROM {known})"
        query = (
            f"SELECT {ROW}, code FROM ({own} FROM ({of.table.sql}) WHERE {concerned}) o "
            f"WHERE code IN {listed} AND parent IN {listed} AND code <> parent "
            f"AND NOT EXISTS (FROM {known} k WHERE k.code = o.code AND k.above = o.parent)"
        )
        return self.context.from_query(rule, of, checked, query)

    def _own(self, of: Delivery, concerned: str) -> str:
        if not has_fields(of, [self.parent]):
            return f"SELECT NULL::BIGINT AS {ROW}, NULL::VARCHAR AS k0 WHERE FALSE"
        return f"SELECT {ROW}, {key_text(of.table.columns[self.parent])} AS k0 FROM ({of.table.sql}) WHERE {concerned}"

    def _rule(self, code: str) -> Rule:
        """The rule with another code; the standard's own message is about cycles."""
        return replace(self.rule, code=code, says=None)


def _prepared(asked: StandardRule, rule: Rule, of: Sequence[Delivery], context: Context) -> _Hierarchy:
    layer = of[0].layer
    parent, level = asked.parameters["parent"], asked.parameters.get("level_field")
    key = asked.parameters.get("key") or layer.key
    if key is None:
        raise StandardError(
            f"The rule '{asked.id}' does not say which field parents are named by, and '{layer.name}' has no key.",
            hint="Add 'key' to the rule, or cim:key to a field of the layer.",
        )
    codelist = context.codelists.get(layer.fields[key].codelist or "")
    known_depths = None if level is None else depths(layer, level, context.codelists)
    depth = None
    if known_depths:
        depth = context.new_table("depths")
        depth_table(context.con, depth, known_depths)
    nodes, on_cycles = context.new_table("nodes"), context.new_table("cycles")
    parts = [_part(d, key, parent, level, depth) for d in context.of_layer(layer.name) if has_fields(d, [key])]
    none = "{'parent': NULL::VARCHAR, 'depth': NULL::DOUBLE, 'level': NULL::VARCHAR}"
    empty = f"SELECT NULL::BIGINT AS rank, NULL::VARCHAR AS key, {none} AS found WHERE FALSE"
    context.con.execute(
        f"CREATE TABLE {nodes} AS SELECT key, unnest(arg_min(found, rank)) "
        f"FROM ({' UNION ALL '.join(parts) or empty}) GROUP BY key"
    )
    find_cycles(context.con, nodes, on_cycles)
    return _Hierarchy(
        context=context,
        rule=replace(rule, field=parent, column=parent, parameters={**rule.parameters, "key": key}),
        parent=parent,
        key=key,
        level=level,
        codelist=codelist if codelist is not None and has_parents(codelist) else None,
        nodes=nodes,
        on_cycles=on_cycles,
        depths=depth,
        told_by_reference=layer.fields[parent].ref == f"{layer.name}.{key}",
    )


def _part(of: Delivery, key: str, parent: str, level: str | None, depth: str | None) -> str:
    """A query of (rank, key, what is known of the record); the lowest rank of a key counts."""
    columns = of.table.columns
    rank = place(of) if of.checked else f"({place(of)} + {_AFTER_ALL})"
    above = key_text(columns[parent]) if parent in columns else "NULL::VARCHAR"
    deep, shown = "NULL::DOUBLE", "NULL::VARCHAR"
    if level is not None and level in columns:
        deep, shown = _depth(of, level, depth), f"CAST({columns[level].value} AS VARCHAR)"
    found = f"{{'parent': {above}, 'depth': {deep}, 'level': {shown}}}"
    return (
        f"SELECT {rank} AS rank, {key_text(columns[key])} AS key, {found} AS found "
        f"FROM ({of.table.sql}) WHERE {claims(of, [key])}"
    )


def _depth(of: Delivery, level: str, depth: str | None) -> str:
    """SQL over the view: how far down the record stands, NULL where it does not say."""
    column = of.table.columns[level]
    if depth is not None and column.kind == "string":
        return f"(SELECT d.depth FROM {depth} d WHERE d.code = {column.value})"
    return f"TRY_CAST({column.value} AS DOUBLE)"
