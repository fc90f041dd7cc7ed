"""Findings out of outcomes: the sampled rows are looked up once, and told in the source's own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cimkit.check.addresses import Addresses
from cimkit.check.columns import FID, Table
from cimkit.check.fingerprints import fingerprint
from cimkit.check.geometry.explain import explained
from cimkit.check.hints import Hints
from cimkit.check.json_schema.nearest import nearest_branch, said_of
from cimkit.check.json_schema.oracle import MISSING, Problem
from cimkit.check.json_schema.record import RecordEngine
from cimkit.check.json_schema.scope import Scope
from cimkit.check.lookup import NOWHERE, Lookup, Place, plain
from cimkit.check.outcomes import Detail, Outcome
from cimkit.check.rules import Rule
from cimkit.messages import Plain, say, types
from cimkit.model import Finding, Mapped
from cimkit.standard import LayerSchema

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Teller:
    """All that findings of one delivered layer need to know."""

    con: duckdb.DuckDBPyConnection
    mapped: Mapped
    layer: LayerSchema
    table: Table
    explainer: RecordEngine
    scope: Scope
    hints: Hints
    lang: str

    def findings(self, outcomes: Sequence[Outcome]) -> list[Finding]:
        """The findings of the rows that were kept, by rule and row."""
        lookup = Lookup(self.con, self.mapped, self.layer, self.table, self.explainer, self.scope)
        if not lookup.keep(outcomes):
            return []
        cells, places, problems = lookup.cells(outcomes), lookup.places(), lookup.problems(outcomes)
        known_by = lookup.features()
        return [
            self._finding(
                outcome.rule,
                row,
                cells[row],
                self._place(lookup, places.get(row, NOWHERE), detail),
                problems.get((outcome.rule.rule, row)),
                detail,
                known_by[row],
            )
            for outcome in outcomes
            for row in outcome.rows
            for detail in [self._detail(outcome, row, places.get(row, NOWHERE))]
        ]

    def _detail(self, outcome: Outcome, row: int, place: Place) -> Detail | None:
        """What is said of a record: what the rule noted of it, else what its geometry shows."""
        return outcome.details.get(row) or explained(outcome.rule, place.shape, place.cell, self.mapped.crs, self.lang)

    def _place(self, lookup: Lookup, place: Place, detail: Detail | None) -> Place:
        """Where a finding is: the record's place, unless the rule says better."""
        if detail is None or detail.point is None:
            return place
        return replace(place, point=lookup.degrees(np.array([detail.point]))[0])

    def _finding(
        self,
        rule: Rule,
        row: int,
        cells: Mapping[str, Any],
        place: Place,
        problem: Problem | None,
        detail: Detail | None,
        feature: str,
    ) -> Finding:
        value, expected, says = self._value(rule, cells, place, problem)
        if detail is not None:
            value = value if detail.value is None else plain(detail.value)
            says = {**says, **detail.says}
            expected = says.pop("expected", expected)
        field = self._field(rule, cells)
        key = cells.get(self.layer.key) if self.layer.key else None
        message = self._message(rule, cells, field, value, expected, says)
        if problem is not None and (nearest := nearest_branch(problem.error)):
            message = f"{message}{said_of(nearest, self.lang)}"
        return Finding(
            rule=rule.rule,
            code=rule.code,
            severity=rule.severity,
            source=self.mapped.staged.source.path,
            layer=self.mapped.staged.layer,
            message=message,
            row=row,
            fid=cells[FID],
            id=None if key is None else str(key),
            field=field,
            value=value,
            hint=(detail and detail.hint) or self.hints.of(rule, row, value, expected),
            point=place.point,
            schema_pointer=rule.pointer,
            cell=self._addresses.cell(self._column(rule, field), row, cells[FID]),
            fingerprint=fingerprint(rule, feature),
        )

    @cached_property
    def _addresses(self) -> Addresses:
        return Addresses.of(self.mapped.staged)

    def _column(self, rule: Rule, field: str | None) -> str | None:
        """The one source column that a rule is about."""
        origins = self.mapped.origins.get(rule.column or rule.field or "", (field or "",))
        return origins[0] if len(origins) == 1 else None

    def _value(
        self, rule: Rule, cells: Mapping[str, Any], place: Place, problem: Problem | None
    ) -> tuple[Any, Any, dict[str, Any]]:
        """The value a finding shows, what is expected of it, and what else its message needs."""
        if rule.code == "geometry.kind":
            return place.kind, Plain(say("word.or", self.lang).join(rule.expected)), {}
        if rule.code == "expression":
            return None, Plain(rule.expected), {}
        if rule.code in MISSING or rule.code == "additionalProperties":
            return None, rule.expected, {}
        if problem is not None and rule.column is None:
            return plain(problem.value), problem.expected, {}
        if problem is not None:
            return plain(problem.value), rule.expected if rule.expected is not None else problem.expected, {}
        return cells.get(rule.column) if rule.column else None, rule.expected, {}

    def _field(self, rule: Rule, cells: Mapping[str, Any]) -> str | None:
        """The source's own column."""
        if rule.code == "additionalProperties":
            return next((name for name in rule.expected or () if cells.get(name) is not None), None)
        if rule.field is None:
            return None
        if rule.code == "expression" or self._is_several(rule):
            return "|".join(self.mapped.spoken(name) for name in rule.field.split("|"))
        if rule.column is not None and rule.field.startswith(rule.column):
            return self.mapped.spoken(rule.column) + rule.field[len(rule.column) :]
        return self.mapped.spoken(rule.field)

    def _message(
        self,
        rule: Rule,
        cells: Mapping[str, Any],
        field: str | None,
        value: Any,
        expected: Any,
        says: Mapping[str, Any],
    ) -> str:
        template = (rule.says or {}).get("message")
        if template:
            text = template.get(self.lang) or template.get("en") or next(iter(template.values()))
            return str(text.format_map(_Cells({**cells, **says})))
        if rule.code == "type":
            asked = expected if expected is not None else self._types(rule)
            expected = types(asked, self.lang) if asked else Plain(say("word.readable", self.lang))
        elif rule.code in ("codelist", "codelist.deprecated", "relation.missing", "format", "pattern"):
            expected = Plain(expected)
        template_code = (rule.says or {}).get("template", rule.code)
        return say(template_code, self.lang, label=self._label(rule, field), value=value, expected=expected, **says)

    def _types(self, rule: Rule) -> Sequence[str]:
        spec = self.layer.fields.get(rule.field or "")
        return spec.types if spec else ()

    def _is_several(self, rule: Rule) -> bool:
        """Whether a rule between records is about several fields together."""
        return rule.column is None and "|" in (rule.field or "") and (rule.field or "") not in self.layer.fields

    def _label(self, rule: Rule, field: str | None) -> str:
        """A field as people call it: its name in the language, and the source's column where that differs."""
        if field is None:
            return say("word.record", self.lang)
        if self._is_several(rule):
            parts = zip((rule.field or "").split("|"), field.split("|"), strict=False)
            return ", ".join(self._label(replace(rule, field=name), own) for name, own in parts)
        spec = self.layer.fields.get(rule.field or "")
        name = spec.names.get(self.lang, field) if spec else field
        if name.casefold() in (field.casefold(), field.casefold().replace("_", " ")):
            return name
        return f"{name}（{field}）" if self.lang == "zh" else f"{name} ({field})"


class _Cells(dict[str, Any]):
    """Values for a rule's own message; an empty one is written as a dash."""

    def __getitem__(self, name: str) -> Any:
        value = self.get(name)
        return "–" if value is None else f"{value:.10g}" if isinstance(value, float) else value
