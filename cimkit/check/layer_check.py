"""One delivered layer in a check: its rules from every family, their outcomes, its findings."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from referencing import Registry

from cimkit.check.codes import LEVELS
from cimkit.check.columns import Table, table, writes_nulls
from cimkit.check.delivery import Delivery
from cimkit.check.execute import decide
from cimkit.check.expressions import expression_rules
from cimkit.check.findings import Teller
from cimkit.check.geometry.records import geometry_outcomes
from cimkit.check.hints import Hints
from cimkit.check.hygiene.about_layer import layer_outcomes
from cimkit.check.hygiene.cells import CellHygiene
from cimkit.check.hygiene.crs import crs_outcomes
from cimkit.check.json_schema.fragments import of_schema
from cimkit.check.json_schema.nulls import nullable_members
from cimkit.check.json_schema.record import RecordEngine
from cimkit.check.json_schema.schema_rules import Decided, SchemaCheck
from cimkit.check.json_schema.scope import Scope
from cimkit.check.json_schema.sql import NEVER, all_of, any_of, negation
from cimkit.check.observations.times import told_of_zones
from cimkit.check.outcomes import Outcome
from cimkit.check.relations.codelists import codelist_rules
from cimkit.check.relations.keys import key_rules
from cimkit.check.relations.references import reference_rules
from cimkit.check.rules import Rule
from cimkit.model import Finding, Mapped, Skipped
from cimkit.standard import Codelist, CrsPolicy, LayerSchema
from cimkit.standard import Rule as StandardRule

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Settings:
    """What a check was asked to do."""

    codelists: Mapping[str, Codelist] = field(default_factory=dict)
    rules: Sequence[StandardRule] = ()
    crs_policy: CrsPolicy | None = None
    samples: int | None = 100
    lang: str = "en"
    level: str = "L5"
    engine: str = "auto"
    formats: bool = True
    registry: Registry[Any] | None = None
    own_keys: Collection[str] = ()
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    hygiene: Mapping[str, str] = field(default_factory=dict)


class LayerCheck:
    """A delivered layer held against a layer of a standard.

    ``prepare`` makes the rules, for which all deliveries must be known; ``decide`` runs them.
    """

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        number: int,
        mapped: Mapped,
        layer: LayerSchema,
        settings: Settings,
        *,
        checked: bool = True,
    ) -> None:
        self.con = con
        self.number = number
        self.mapped = mapped
        self.layer = layer
        self.settings = settings
        self.schema, self.scope = Scope.open(layer.schema, settings.registry)
        exact = writes_nulls(mapped)
        self.nullable = frozenset() if exact else nullable_members(self.schema, self.scope)
        self.table: Table = table(con, mapped, layer, self.nullable, self.schema, self.scope)
        has_geometry = self.table.has_geometry and layer.geometry is not None and settings.level >= "L4"
        broken = f"bad_geometry_{number}" if checked and has_geometry else None
        self.delivery = Delivery(number, layer, self.table, mapped, checked, broken)
        self.skipped: list[Skipped] = []
        self.rules: list[Rule] = []
        self.decided = Decided()

    def prepare(self, deliveries: Sequence[Delivery]) -> None:
        """Every rule of the layer, in the order of its schema."""
        settings = self.settings
        check = SchemaCheck(
            self.layer.name,
            self.schema,
            self.scope,
            self.table,
            self.nullable,
            settings.engine,
            settings.formats,
            settings.level,
            settings.lang,
        )
        self.decided = check.decided(self.con, f"failures_{self.number}")
        self.table = replace(self.table, sql=self.decided.view)
        found: list[Rule | Skipped] = [*self.decided.rules, *self.decided.skipped]
        found += codelist_rules(self.layer, self.table, settings.codelists, settings.lang)
        if settings.level >= "L3":
            found += key_rules(self.con, deliveries, self.delivery, settings.own_keys)
            found += reference_rules(self.con, deliveries, self.delivery, settings.lang)
        found += expression_rules(self.con, self.layer, self.table, settings.rules)
        self.skipped = [item for item in found if isinstance(item, Skipped)]
        rules = [item for item in found if isinstance(item, Rule) and item.level <= settings.level]
        told = told_of_zones(self.con, self.layer, self.table, settings.rules)
        self.rules = _without_zones(_one_per_cause(rules, self.table), told)

    def decide(self) -> tuple[list[Outcome], list[Finding]]:
        """The outcome of every rule, and the findings about the layer as a whole."""
        settings = self.settings
        hygiene = CellHygiene(
            self.con, self.mapped, self.number, self.layer, self.table, settings.hygiene, settings.formats
        )
        suspicions = hygiene.suspicions() if settings.level >= LEVELS["text.blanks"] else []
        # A file of ours is sound; one that is read where it lies may be damaged where no rule looks.
        read = () if self.mapped.numbered else [column.value for column in self.table.columns.values()]
        found = decide(self.con, self.table.sql, self.rules, settings.samples, suspicions, read)
        outcomes = found[: len(self.rules)]
        outcomes += hygiene.outcomes(found[len(self.rules) :], outcomes, settings.samples)
        about_layer: list[Finding] = []
        if settings.level >= "L4" and (self.table.has_geometry or self.layer.geometry is not None):
            of_geometry, about_layer, skipped = geometry_outcomes(
                self.con, self.mapped, self.layer, self.number, self.delivery.broken, settings.samples, settings.lang
            )
            outcomes += of_geometry
            self.skipped += skipped
        if settings.level >= LEVELS["crs.missing"]:
            for outcome, findings in crs_outcomes(
                self.mapped, self.layer, settings.crs_policy, settings.hygiene, lang=settings.lang
            ):
                outcomes.append(outcome)
                about_layer += findings
        for outcome, findings in layer_outcomes(
            self.mapped, self.layer, settings.hygiene, settings.level, lang=settings.lang
        ):
            outcomes.append(outcome)
            about_layer += findings
        return outcomes, about_layer

    def findings(self, outcomes: Sequence[Outcome], sources: Sequence[str]) -> list[Finding]:
        """The findings of the rows that were kept."""
        lang = self.settings.lang
        hints = Hints(self.con, self.mapped, self.table, sources, lang)
        whole = of_schema(self.schema, self.scope, (), (), why="", formats=self.settings.formats)
        explainer = RecordEngine(self.layer.name, self.table, [whole], self.nullable, formats=self.settings.formats)
        teller = Teller(self.con, self.mapped, self.layer, self.table, explainer, self.scope, hints, lang)
        return teller.findings(outcomes)


def _without_zones(rules: Sequence[Rule], told: Mapping[str, str]) -> list[Rule]:
    """A time without a zone does not fail its format too, where a rule about times tells of it."""
    return [
        replace(rule, bad=all_of([rule.bad, negation(told[rule.field or ""])]))
        if rule.code == "format" and rule.field in told and rule.bad != NEVER
        else rule
        for rule in rules
    ]


def _one_per_cause(rules: Sequence[Rule], table: Table) -> list[Rule]:
    """A value of the wrong type fails its ``type`` and nothing else; one that is unread does so anyway."""
    wrong: dict[str, list[str]] = {}
    for rule in rules:
        column = table.columns.get(rule.field or "")
        if column is None or table.whole:
            continue  # inside documents, that is for each value to say
        if rule.code == "type" and rule.field is not None and rule.bad not in (NEVER, column and column.unread):
            wrong.setdefault(rule.field, []).append(rule.bad)
    return [
        rule
        if rule.code == "type" or rule.field not in wrong or rule.bad == NEVER
        else replace(rule, bad=all_of([rule.bad, negation(any_of(wrong[rule.field]))]))
        for rule in rules
    ]
