"""Rules about JSON documents: the keywords of nested values, and of records that are any JSON value, in SQL.

What every value must fulfil becomes rules of their own, each with its address; conditions and
alternatives become one predicate. A rule fails for a record where it fails for some value in it.
One finding for each cause: where a value is of the wrong type, the other rules about it, and
about what is in it, are silent, for that very value (that item of a list, not the others).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from cimkit.check.json_schema import fragments
from cimkit.check.json_schema.fragments import Fragment
from cimkit.check.json_schema.parts import Inner, Leaf, Parts, Stack, TooLarge, false
from cimkit.check.json_schema.scope import Schema, Scope
from cimkit.check.json_schema.sql import ALWAYS, NEVER, BeyondSql, all_of, any_of, negation
from cimkit.check.json_schema.values import Value
from cimkit.check.json_schema.ways import Way, When
from cimkit.check.rules import Path

_DEEPEST = 64
#: Characters of one predicate, and of all; what is longer would keep DuckDB busy reading it.
_LONGEST, _LONGEST_TOGETHER = 40_000, 3_000_000
_MOST_RULES = 3000


@dataclass(frozen=True)
class DocumentRule:
    """One keyword at one place of a document, not yet in SQL.

    ``chain`` leads from ``root`` to the values it is about; ``guard`` is true for the records
    that it concerns. ``path`` leads into the record, ``place`` into the schema.
    """

    root: Value
    chain: tuple[Way | When, ...]
    leaf: Leaf
    path: Path
    place: Path
    pointer: str
    guard: str


@dataclass(frozen=True)
class DocumentWalk:
    """Where the walk through the schema of a document stands; ``column`` is the view's that holds the document."""

    root: Value
    column: str
    scope: Scope
    path: Path
    place: Path
    guard: str = ALWAYS
    chain: tuple[Way | When, ...] = ()
    stack: Stack = frozenset()
    depth: int = 0

    @property
    def guarded(self) -> bool:
        return self.guard != ALWAYS or any(isinstance(way, When) for way in self.chain)

    def into(self, inner: Inner) -> DocumentWalk:
        return replace(
            self,
            scope=inner.scope,
            path=(*self.path, *(inner.way.path if inner.way else ())),
            place=(*self.place, *inner.place),
            chain=(*self.chain, inner.way) if inner.way else self.chain,
            stack=inner.stack,
            depth=self.depth + 1,
        )

    def rule(self, leaf: Leaf) -> DocumentRule:
        missing = () if leaf.missing is None else (leaf.missing,)
        pointer = self.scope.at(*leaf.place).spot
        return DocumentRule(
            self.root, self.chain, leaf, (*self.path, *missing), (*self.place, *leaf.place), pointer, self.guard
        )


_Found = list[DocumentRule | Fragment]


@dataclass
class Documents:
    """Compiles schemas about documents; ``formats`` asserts the ``format`` keyword."""

    formats: bool
    parts: Parts = field(init=False)
    written: int = 0
    tried: int = 0

    def __post_init__(self) -> None:
        self.parts = Parts(self.formats)

    def rules(self, schema: Schema, walk: DocumentWalk) -> _Found:
        """The rules of a schema; what SQL cannot decide is left to the record engine, keyword by keyword.

        Raises:
            BeyondSql: SQL cannot decide something that stands under a condition.
        """
        if schema is True:
            return []
        if schema is False:
            return [self._tried(walk.rule(false()))]
        if walk.depth > _DEEPEST:
            raise BeyondSql("a schema so deeply nested")
        walk = replace(walk, scope=walk.scope.into(schema))
        found: _Found = []
        for name, _ in walk.scope.applicable(schema):
            try:
                found += self.keyword(name, schema, walk)
            except BeyondSql as beyond:
                if walk.guarded:
                    raise
                found.append(self._left(name, schema, walk, str(beyond)))
        return found

    def keyword(self, name: str, schema: Schema, walk: DocumentWalk) -> _Found:
        """The rules of one keyword."""
        found: _Found = []
        for part in self.parts.of_keyword(name, schema, walk.scope, walk.stack):
            if isinstance(part, Leaf):
                found.append(self._tried(walk.rule(part)))
            else:
                found += self.rules(part.schema, walk.into(part))
        return found

    def _tried(self, rule: DocumentRule) -> DocumentRule:
        """A rule that can be written in SQL."""
        written = len(self.bad(rule, ()))
        self.written += written
        self.tried += 1
        if written > _LONGEST:
            raise BeyondSql("a condition of that length")
        if self.written > _LONGEST_TOGETHER or self.tried > _MOST_RULES:
            raise TooLarge
        return rule

    def _left(self, name: str, schema: Schema, walk: DocumentWalk, why: str) -> Fragment:
        part = fragments.of_keyword(name, schema, walk.scope, walk.path, walk.place, why=why, formats=self.formats)
        ways = tuple(way for way in walk.chain if not isinstance(way, When))
        return replace(part, columns=frozenset({walk.column}), ways=ways)

    # ---- in SQL

    def fails(self, schema: Schema, scope: Scope, root: Value) -> str:
        """Where a schema does not hold of a document, as one predicate."""
        return self.parts.fails(schema, scope, root, frozenset())

    def bad(self, rule: DocumentRule, causes: Sequence[DocumentRule]) -> str:
        """Where a rule fails, and none of the ``causes`` fails for the same value or one around it."""
        return all_of([rule.guard, self._somewhere(rule, 0, rule.root, (), causes)])

    def applies(self, rule: DocumentRule) -> str:
        """Where there is a value that a rule is about."""
        present = Leaf(rule.leaf.place, None, lambda value: value.present)
        return self.bad(replace(rule, leaf=present), ())

    def _somewhere(
        self,
        rule: DocumentRule,
        at: int,
        value: Value,
        trail: tuple[tuple[Way, Value, str], ...],
        causes: Sequence[DocumentRule],
    ) -> str:
        """Where a rule fails for some value that the rest of its chain leads to from a value."""
        if at == len(rule.chain):
            bad = rule.leaf.fails(value)
            if bad == NEVER or not causes:
                return bad
            return all_of([bad, negation(any_of(self._wrong(cause, rule, trail) for cause in causes))])
        way = rule.chain[at]
        if isinstance(way, When):
            return all_of([way.test(value), self._somewhere(rule, at + 1, value, trail, causes)])
        return way.some(
            value,
            lambda inner, key: self._somewhere(rule, at + 1, inner, (*trail, (way, inner, key)), causes),
        )

    def _wrong(self, cause: DocumentRule, rule: DocumentRule, trail: tuple[tuple[Way, Value, str], ...]) -> str:
        """Where a cause fails for the value that a rule is about, or for one around it that the trail led through."""
        value, level = rule.root, 0
        conditions = [cause.guard] if cause.guard != rule.guard else []
        for way in cause.chain:
            if isinstance(way, When):
                if way not in rule.chain:
                    conditions.append(way.test(value))
                continue
            if level == len(trail):
                return NEVER
            other, value, key = trail[level]
            conditions.append(way.meets(other, key))
            if conditions[-1] == NEVER:
                return NEVER
            level += 1
        admitted = cause.leaf.expected
        # A value that is silent anyway: what the cause refuses, the rule says nothing about.
        about = trail[level][0].inside if level < len(trail) else rule.leaf.about
        if about is not None and about in ([admitted] if isinstance(admitted, str) else admitted):
            return NEVER
        return all_of([*conditions, cause.leaf.fails(value)])


def causes_of(rules: Sequence[DocumentRule]) -> list[DocumentRule]:
    """The rules whose failure keeps others silent."""
    return [rule for rule in rules if rule.leaf.cause]
