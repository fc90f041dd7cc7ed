"""The rules of a layer's JSON Schema over one delivery: SQL's, and the record engine's once it has run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cimkit.check.codes import LEVELS
from cimkit.check.columns import ROW, Table
from cimkit.check.json_schema.fragments import Fragment, Head, of_schema
from cimkit.check.json_schema.plan import Plan, SchemaRule, plan
from cimkit.check.json_schema.record import RecordEngine
from cimkit.check.json_schema.scope import Schema, Scope
from cimkit.check.json_schema.sql import ALWAYS, NEVER, any_of
from cimkit.check.rules import Rule, address, field_name
from cimkit.messages import say
from cimkit.model import Skipped

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Decided:
    """The rules of a schema, those nobody decides, and the engine that can say more about failures."""

    rules: list[Rule] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    records: RecordEngine | None = None


@dataclass(frozen=True)
class SchemaCheck:
    """A layer's schema over one delivery. ``engine`` is auto, sql or record; ``level`` the deepest to check."""

    layer: str
    schema: Schema
    scope: Scope
    table: Table
    nullable: Collection[str]
    engine: str
    formats: bool
    level: str
    lang: str

    def decided(self, con: duckdb.DuckDBPyConnection, failures: str) -> Decided:
        """The rules, ready for one pass; the record engine writes what fails into the table ``failures``."""
        made = self._plan()
        left = [part for part in made.fragments if self._asked(part)]
        if self.engine == "sql":
            return Decided(self._rules(made, {}, failures), self._skipped(left))
        numbers: dict[str, int] = {}
        records = None
        if left:
            records = RecordEngine(self.layer, self.table, left, self.nullable, formats=self.formats)
            records.run(con, failures, lambda name: numbers.setdefault(name, len(numbers)))
        return Decided(self._rules(made, numbers, failures), [], records)

    def _plan(self) -> Plan:
        if self.table.whole:
            return self._left_whole({}, ())
        made = plan(
            self.layer, self.schema, self.scope, self.table.columns, nullable=self.nullable, formats=self.formats
        )
        return self._left_whole(made.rules, made.order) if self.engine == "record" else made

    def _left_whole(self, rules: Mapping[str, SchemaRule], order: tuple[str, ...]) -> Plan:
        """Everything left to the record engine; SQL's rules stay for what they apply to."""
        part = of_schema(self.schema, self.scope, (), (), why="", formats=self.formats)
        names = dict.fromkeys([*order, *(address(self.layer, head.path, head.place) for head in part.heads)])
        return Plan(rules, (part,), tuple(names))

    def _asked(self, part: Fragment) -> bool:
        return not part.heads or any(LEVELS.get(str(head.place[-1]), "L2") <= self.level for head in part.heads)

    def _skipped(self, left: list[Fragment]) -> list[Skipped]:
        skipped = []
        for part in left:
            names = [address(self.layer, head.path, head.place) for head in part.heads]
            if not names:
                keyword = min(part.accept) if part.accept else "$ref"
                names = [address(self.layer, part.path, (*part.place, keyword))]
            skipped += [Skipped(name, say("skipped.sql", self.lang, why=part.why)) for name in dict.fromkeys(names)]
        return skipped

    def _rules(self, made: Plan, numbers: Mapping[str, int], failures: str) -> list[Rule]:
        heads: dict[str, Head] = {}
        for part in made.fragments if self.engine != "sql" else ():
            for each in part.heads:
                heads.setdefault(address(self.layer, each.path, each.place), each)
        names = dict.fromkeys([*made.order, *numbers])
        return [
            self._rule(name, made.rules.get(name), heads.get(name), self._failing(name, numbers, failures))
            for name in names
            if name in made.rules or name in heads or name in numbers
        ]

    def _failing(self, name: str, numbers: Mapping[str, int], failures: str) -> str:
        """Where the record engine found that a rule fails."""
        return f"({ROW} IN (SELECT {ROW} FROM {failures} WHERE rule = {numbers[name]}))" if name in numbers else NEVER

    def _rule(self, name: str, rule: SchemaRule | None, head: Head | None, failing: str) -> Rule:
        stands: Any = rule or head
        in_sql = rule is not None and self.engine != "record"
        bad = rule.bad if rule and in_sql else NEVER
        path = stands.path if stands else ()
        column = self.table.columns.get(str(path[0])) if path else None
        if rule is not None:
            applies = rule.applies
        else:
            applies = column.filled if column and len(path) > 1 else ALWAYS if not path or column else NEVER
        if column and column.unread and len(path) == 1 and stands.place[-1] == "type":
            bad = any_of([bad, column.unread])  # what cannot be read was never shown to the record engine
        return Rule(
            rule=name,
            code=str(stands.place[-1]) if stands else name.partition("#")[2].partition("(")[0],
            layer=self.layer,
            field=field_name(path) if stands else _field(name),
            bad=any_of([bad, failing]),
            applies=applies,
            column=column.name if column else None,
            expected=stands.expected if stands else None,
            pointer=stands.pointer if stands else None,
            engine="sql" if in_sql and head is None and failing == NEVER else "record",
        )


def _field(name: str) -> str | None:
    """The field of an address ``layer.field#keyword``."""
    return name.partition("#")[0].partition(".")[2] or None
