"""The kinds of rules that a standard's ``rules.yaml`` may have: each one module, and one line here.

A kind's module has ``decide(asked, rule, of, context) -> Iterator[tuple[Delivery, Outcome] | Skipped]``:
``asked`` is the rule as the standard has it, ``rule`` the same for reports (its ``bad`` still
unknown), ``of`` the deliveries of the rule's layer that are checked. Modules are imported when a
rule of their kind is met.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from cimkit.check.codes import LEVELS
from cimkit.check.columns import GEOMETRY, ROW
from cimkit.check.delivery import Delivery
from cimkit.check.expressions import condition
from cimkit.check.outcomes import Detail, Outcome, detail
from cimkit.check.rules import Rule
from cimkit.messages import say
from cimkit.model import Progress, Skipped, silent
from cimkit.standard import Codelist
from cimkit.standard import Rule as StandardRule

if TYPE_CHECKING:
    import duckdb

    from cimkit.check.statistics.data_docs import DataDocs

Decided = Iterator["tuple[Delivery, Outcome] | Skipped"]
Decide = Callable[[StandardRule, Rule, Sequence[Delivery], "Context"], Decided]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of rule: the code of its findings, the module that decides it, whether it is about geometry."""

    code: str
    module: str
    geometry: bool = False


KINDS: Mapping[str, Kind] = {
    # between the fields of a record: part of the layer's own pass
    "expression": Kind("expression", "cimkit.check.expressions"),
    # between records of one layer or of several
    "unique": Kind("key.duplicate", "cimkit.check.relations.keys"),
    "reference": Kind("relation.missing", "cimkit.check.relations.references"),
    "cardinality": Kind("relation.cardinality", "cimkit.check.relations.cardinality"),
    "hierarchy": Kind("relation.cycle", "cimkit.check.relations.hierarchy"),
    "no_time_overlap": Kind("time.overlap", "cimkit.check.relations.versions"),
    "valid_then": Kind("relation.not_valid_then", "cimkit.check.relations.valid_then"),
    # observations
    "cadence": Kind("observation.gap", "cimkit.check.observations.cadence"),
    "stuck": Kind("observation.stuck", "cimkit.check.observations.stuck"),
    "range": Kind("observation.range", "cimkit.check.observations.ranges"),
    "times": Kind("time.future", "cimkit.check.observations.times"),
    # attributes against geometry
    "measure": Kind("geometry.measure", "cimkit.check.geometry.measure", geometry=True),
    # records beside each other
    "within": Kind("topology.outside", "cimkit.check.topology.within", geometry=True),
    "contains": Kind("topology.count", "cimkit.check.topology.contains", geometry=True),
    "touches": Kind("topology.not_touching", "cimkit.check.topology.touches", geometry=True),
    "no_overlap": Kind("topology.overlap", "cimkit.check.topology.no_overlap", geometry=True),
    "line_ends": Kind("topology.line_end", "cimkit.check.topology.line_ends", geometry=True),
    "no_dangles": Kind("topology.undershoot", "cimkit.check.topology.no_dangles", geometry=True),
    "no_pseudo_nodes": Kind("topology.pseudo_node", "cimkit.check.topology.no_pseudo_nodes", geometry=True),
    "connected": Kind("network.disconnected", "cimkit.check.topology.connected", geometry=True),
    "flow": Kind("network.uphill", "cimkit.check.topology.flow", geometry=True),
    "separation": Kind("topology.too_near", "cimkit.check.topology.separation", geometry=True),
    "no_gap": Kind("topology.gap", "cimkit.check.topology.no_gap", geometry=True),
}


#: Decided for a whole layer at once, by :mod:`cimkit.check.statistics`.
EXPECTATION = Kind("expectation", "cimkit.check.statistics.expectations")


@dataclass
class Context:
    """What a kind of rule needs to know. ``now`` is the clock of the check, ``deliveries`` all the data there is.

    ``own_keys`` names layers in which each source numbers its records by itself.
    """

    con: duckdb.DuckDBPyConnection
    deliveries: Sequence[Delivery]
    samples: int | None
    lang: str
    now: datetime
    progress: Progress = silent
    own_keys: Collection[str] = ()
    codelists: Mapping[str, Codelist] = field(default_factory=dict)
    data_docs: DataDocs | None = None
    tables: int = 0

    def of_layer(self, name: str) -> list[Delivery]:
        """Everything that was given of a layer, checked or only there to be referred to."""
        return [d for d in self.deliveries if d.layer.name == name]

    def new_table(self, what: str) -> str:
        """A name that no table of the connection has yet."""
        self.tables += 1
        return f"{what}_{self.tables}"

    def concerned(self, asked: StandardRule, of: Delivery) -> str:
        """SQL over the delivery's view: the rule concerns the record (its ``when``; always where it has none)."""
        return condition(self.con, asked, of.layer, of.table)

    def count(self, of: Delivery, *conditions: str) -> int:
        """How many records of the delivery fulfil all conditions (SQL over its view)."""
        found = self.con.execute(f"SELECT count(*) FROM ({of.table.sql}) WHERE {' AND '.join(conditions)}").fetchone()
        return int(found[0]) if found else 0

    def from_query(self, rule: Rule, of: Delivery, checked: int, query: str) -> Outcome:
        """The outcome of a rule whose failures a query selects.

        The query gives ``_row`` (one row of the result for each record that fails; of several the
        first counts) and, each where it has something to say, ``value``, ``x`` and ``y`` (the
        place, in the layer's CRS), ``hint``; any other column is a word of the message.
        """
        table = self.new_table("failing")
        self.con.execute(f"CREATE TABLE {table} AS {query}")
        return self._outcome(rule, checked, table)

    def from_rows(self, rule: Rule, checked: int, rows: Sequence[int], details: Mapping[int, Detail]) -> Outcome:
        """The outcome of a rule whose failures were found outside SQL; ``details`` may be of the first rows only."""
        table = self.new_table("failing")
        self.con.register("found", pa.table({ROW: pa.array(np.asarray(rows, dtype=np.int64))}))
        self.con.execute(f"CREATE TABLE {table} AS SELECT DISTINCT {ROW} FROM found")
        self.con.unregister("found")
        outcome = self._outcome(rule, checked, table)
        return replace(outcome, details={row: details[row] for row in outcome.rows if row in details})

    def _outcome(self, rule: Rule, checked: int, table: str) -> Outcome:
        counted = self.con.execute(f"SELECT count(DISTINCT {ROW}) FROM {table}").fetchone()
        limit = "" if self.samples is None else f" LIMIT {self.samples}"
        found = self.con.execute(f"SELECT DISTINCT ON ({ROW}) * FROM {table} ORDER BY {ROW}{limit}").to_arrow_table()
        kept = found.to_pylist()
        return Outcome(
            replace(rule, bad=f"({ROW} IN (SELECT {ROW} FROM {table}))"),
            checked,
            int(counted[0]) if counted else 0,
            tuple(item[ROW] for item in kept),
            {item[ROW]: detail(item) for item in kept} if len(found.column_names) > 1 else {},
            table if len(found.column_names) > 1 else None,
        )


def decide(rules: Sequence[StandardRule], context: Context, level: str) -> Decided:
    """Every rule between records, up to a level, of the layers that were delivered."""
    asked = [rule for rule in rules if rule.check not in ("expression", "expectation")]
    for done, each in enumerate(asked):
        if LEVELS.get(KINDS[each.check].code, "L2") > level:
            continue
        of = [d for d in context.of_layer(each.layer) if d.checked]
        if not of:
            continue
        context.progress(f"check {each.id}", done, len(asked))
        kind = KINDS[each.check]
        if kind.geometry and not any(d.table.has_geometry for d in of):
            yield Skipped(each.id, say("skipped.no_geometry", context.lang, layer=each.layer))
            continue
        target = each.parameters.get("of", each.layer)
        if not context.of_layer(target):
            yield Skipped(each.id, say("skipped.no_layer", context.lang, layer=target))
            continue
        module: Decide = import_module(kind.module).decide
        yield from module(each, as_rule(each, kind), of, context)

    if level >= LEVELS["expectation"]:
        yield from _expectations([rule for rule in rules if rule.check == "expectation"], context)


def _expectations(rules: Sequence[StandardRule], context: Context) -> Decided:
    """What a standard expects of whole layers: one run of Great Expectations for each, imported only now."""
    for layer in dict.fromkeys(rule.layer for rule in rules):
        of = [d for d in context.of_layer(layer) if d.checked]
        if of:
            from cimkit.check.statistics.expectations import decide_layer

            context.progress(f"check expectations of {layer}", 0, None)
            asked = [(rule, as_rule(rule, EXPECTATION)) for rule in rules if rule.layer == layer]
            yield from decide_layer(asked, of, context)


def as_rule(asked: StandardRule, kind: Kind) -> Rule:
    """A standard's rule as reports name it."""
    field = asked.parameters.get("field") or asked.parameters.get("expect", {}).get("column")
    field = field or "|".join(asked.parameters.get("fields", ())) or None
    return Rule(
        rule=asked.id,
        code=kind.code,
        layer=asked.layer,
        field=GEOMETRY if kind.geometry and field is None else field,
        bad="FALSE",
        applies="FALSE",
        severity=asked.severity,
        column=None if field is None or "|" in field else field,
        measure=asked.iso19157,
        says={"message": asked.message},
        parameters={name: value for name, value in asked.parameters.items() if name != "when"},
    )
