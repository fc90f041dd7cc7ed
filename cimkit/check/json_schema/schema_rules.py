"""The rules of a layer's JSON Schema over one delivery: SQL's, and the record engine's once it has run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from cimkit.check.codes import LEVELS
from cimkit.check.columns import ROW, Table
from cimkit.check.json_schema.fragments import Fragment, Head, of_schema
from cimkit.check.json_schema.plan import Plan, plan
from cimkit.check.json_schema.record import RecordEngine
from cimkit.check.json_schema.scope import Schema, Scope
from cimkit.check.json_schema.sound import unsound
from cimkit.check.json_schema.sql import ALWAYS, NEVER, all_of, any_of
from cimkit.check.json_schema.table_rules import SchemaRule
from cimkit.check.json_schema.value_keywords import too_deep
from cimkit.check.rules import Path, Rule, address, field_name
from cimkit.messages import say
from cimkit.model import Skipped

if TYPE_CHECKING:
    import duckdb


_MOST_RULES = 1000


@dataclass(frozen=True, slots=True)
class Decided:
    """The rules of a schema and those nobody decides; ``view`` is what the rules speak of."""

    rules: list[Rule] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    view: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """A table of the records whose documents are left to the record engine, and how many there are."""

    name: str
    rows: int


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
        seen = replace(self, table=replace(self.table, sql=made.slots.view(self.table.sql)))
        rules, skipped = seen._decided(con, made, failures)
        return Decided(rules, skipped, seen.table.sql)

    def _decided(self, con: duckdb.DuckDBPyConnection, made: Plan, failures: str) -> tuple[list[Rule], list[Skipped]]:
        left = [part for part in made.fragments if self._asked(part)]
        plain = [part for part in left if part.ways is None]
        inside = [part for part in left if part.ways is not None]
        judged = Judged(f"judged_{failures}", 0)
        if self.engine != "record" and (made.documents or inside):
            judged = self._judged(con, made, inside if self.engine == "auto" else [], judged.name)
        if self.engine == "sql":
            undecided = self._undecided(made) if judged.rows else []
            return self._rules(made, {}, failures, judged), [*self._skipped(left), *undecided]
        numbers: dict[str, int] = {}

        def number(name: str) -> int:
            if len(numbers) >= _MOST_RULES and name not in numbers:
                name = f"{name.partition('(')[0]}(…)"  # the branches of a schema that never ends share a rule
            return numbers.setdefault(name, len(numbers))

        con.execute(f"CREATE TABLE {failures} (rule INTEGER, {ROW} BIGINT)")
        if plain:
            self._engine(plain, self.table).run(con, failures, number)
        if judged.rows:
            flat = {name for name, rule in made.rules.items() if not rule.document}
            flat |= {address(self.layer, head.path, head.place) for part in plain for head in part.heads}
            whole = of_schema(self.schema, self.scope, (), (), why="", formats=self.formats)
            chosen = f"SELECT * FROM ({self.table.sql}) SEMI JOIN {judged.name} USING ({ROW})"
            engine = self._engine([whole], replace(self.table, sql=chosen))
            engine.run(con, failures, lambda name: None if name in flat else number(name))
        return self._rules(made, numbers, failures, judged), []

    def _judged(self, con: duckdb.DuckDBPyConnection, made: Plan, inside: list[Fragment], name: str) -> Judged:
        """The records whose documents the record engine judges: unsound ones, and those of which SQL decides a part."""
        once = not any(column.foreign for column in self.table.columns.values())
        wrong = [unsound(text, once=once) for text in made.documents]
        if made.compares_items:
            wrong += [too_deep(text) for text in made.documents]
        con.execute(f"CREATE TABLE {name} AS SELECT {ROW} FROM ({self.table.sql}) WHERE {any_of(wrong)}")
        if inside:
            for rows in self._engine(inside, self.table).suspects(con):
                con.register("suspects", pa.table({ROW: pa.array(rows, pa.int64())}))
                con.execute(f"INSERT INTO {name} FROM suspects WHERE {ROW} NOT IN (FROM {name})")
                con.unregister("suspects")
        found = con.execute(f"SELECT count(*) FROM {name}").fetchone()
        return Judged(name, int(found[0]) if found else 0)

    def _engine(self, parts: Sequence[Fragment], table: Table) -> RecordEngine:
        return RecordEngine(self.layer, table, parts, self.nullable, formats=self.formats)

    def _plan(self) -> Plan:
        made = plan(
            self.layer,
            self.schema,
            self.scope,
            self.table.columns,
            nullable=self.nullable,
            formats=self.formats,
            whole=self.table.whole,
        )
        return self._left_whole(made) if self.engine == "record" else made

    def _left_whole(self, made: Plan) -> Plan:
        """Everything left to the record engine; SQL's rules stay for what they apply to."""
        part = of_schema(self.schema, self.scope, (), (), why="", formats=self.formats)
        names = dict.fromkeys([*made.order, *(address(self.layer, head.path, head.place) for head in part.heads)])
        return replace(made, fragments=(part,), order=tuple(names))

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

    def _undecided(self, made: Plan) -> list[Skipped]:
        """The rules of which SQL decides nothing in records that it cannot read exactly."""
        why = say("skipped.sql", self.lang, why="a number or a text that SQL cannot read exactly")
        return [Skipped(name, why) for name, rule in made.rules.items() if rule.document]

    def _rules(self, made: Plan, numbers: Mapping[str, int], failures: str, judged: Judged) -> list[Rule]:
        heads: dict[str, Head] = {}
        for part in made.fragments if self.engine != "sql" else ():
            for each in part.heads:
                heads.setdefault(address(self.layer, each.path, each.place), each)
        names = dict.fromkeys([*made.order, *numbers])
        return [
            self._rule(name, made.rules.get(name), heads.get(name), self._failing(name, numbers, failures), judged)
            for name in names
            if name in made.rules or name in heads or name in numbers
        ]

    def _failing(self, name: str, numbers: Mapping[str, int], failures: str) -> str:
        """Where the record engine found that a rule fails."""
        return f"({ROW} IN (SELECT {ROW} FROM {failures} WHERE rule = {numbers[name]}))" if name in numbers else NEVER

    def _rule(self, name: str, rule: SchemaRule | None, head: Head | None, failing: str, judged: Judged) -> Rule:
        stands: Any = rule or head
        in_sql = rule is not None and self.engine != "record"
        bad = rule.bad if rule and in_sql else NEVER
        apart = rule is not None and rule.document and judged.rows > 0
        if apart and bad != NEVER:
            bad = all_of([f"({ROW} NOT IN (SELECT {ROW} FROM {judged.name}))", bad])
        path: Path = stands.path if stands else ()
        column = self.table.columns.get(self.table.whole or str(path[0] if path else ""))
        if rule is not None:
            applies = rule.applies
        else:
            applies = column.filled if column and len(path) > 1 else ALWAYS if not path or column else NEVER
        if column and column.unread and not self.table.whole and len(path) == 1 and stands.place[-1] == "type":
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
            engine="sql" if in_sql and head is None and failing == NEVER and not apart else "record",
        )


def _field(name: str) -> str | None:
    """The field of an address ``layer.field#keyword``."""
    return name.partition("#")[0].partition(".")[2] or None
