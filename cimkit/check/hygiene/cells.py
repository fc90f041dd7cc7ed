"""The cells of a layer before any schema is asked: garbled, cut, padded, full-width and stand-in values.

One cheap test of each column goes along with the schema's rules in their pass. Only where it finds something
is the column looked at closely. A cell that a rule of the standard fails already is no second finding:
there the hint says what is wrong with it. What nothing fails is not in the report.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cimkit.check.columns import GEOMETRY, Column, Table
from cimkit.check.execute import decide
from cimkit.check.hygiene import blanks, full_width, mojibake, placeholders
from cimkit.check.hygiene.cut_texts import Width
from cimkit.check.hygiene.severities import severity_of
from cimkit.check.json_schema.sql import NEVER, any_of, negation
from cimkit.check.outcomes import Outcome
from cimkit.check.rules import Rule
from cimkit.duck import literal
from cimkit.model import Mapped
from cimkit.standard import LayerSchema

if TYPE_CHECKING:
    import duckdb

#: The first cause counts.
_CODES = ("text.mojibake", "text.placeholder", "text.full_width", "text.blanks", "text.cut")
#: Roles of fields that hold codes and numbers, and of those that hold no list of answers.
_CODE_ROLES = frozenset({"id", "source_id", "postcode", "phone", "number"})
_FREE_ROLES = _CODE_ROLES | {"name", "name_en", "address", "street"}


@dataclass(frozen=True)
class CellHygiene:
    """The hygiene of the cells of one delivered layer. ``said`` is what the standard says of severities."""

    con: duckdb.DuckDBPyConnection
    mapped: Mapped
    layer: LayerSchema
    table: Table
    said: Mapping[str, str]

    def suspicions(self) -> list[Rule]:
        """For each column that may have such values a rule whose failures are to be looked at closely."""
        if self.table.whole is not None:
            return []  # records that are no rows
        found = []
        for column in self.table.columns.values():
            suspicion = self._suspicion(column)
            if suspicion != NEVER and not self._is_place(column):
                rule = f"{self.layer.name}.{column.name}#hygiene"
                found.append(
                    Rule(rule, "hygiene", self.layer.name, column.name, suspicion, "FALSE", column=column.name)
                )
        return found

    def outcomes(self, suspected: Sequence[Outcome], decided: Sequence[Outcome], samples: int | None) -> list[Outcome]:
        """What the close look finds; ``decided`` is what became of the standard's own rules."""
        rules: list[Rule] = []
        for outcome in suspected:
            if outcome.failed:
                column = self.table.columns[str(outcome.rule.column)]
                failed = [o.rule.bad for o in decided if o.failed and o.rule.column == column.name]
                rules += self._rules(column, outcome.rule.bad, negation(any_of(failed)))
        found = decide(self.con, self.table.sql, rules, samples) if rules else []
        return [replace(outcome, checked=self.table.rows) for outcome in found if outcome.failed]

    def _is_place(self, column: Column) -> bool:
        """Whether the column holds coordinates, which became the geometry."""
        return column.name in self.mapped.origins.get(GEOMETRY, ())

    # ---- the first look -------------------------------------------------------------------

    def _suspicion(self, column: Column) -> str:
        value = column.value
        if column.kind in ("integer", "number"):
            return placeholders.candidate(value) if self._measures(column) else NEVER
        if column.kind != "string":
            return NEVER
        if column.format is not None:
            return placeholders.early_day(value) if column.format != "time" else NEVER
        pattern = "|".join([mojibake.suspicion(), full_width.WIDE, blanks.pattern(self.mapped.staged)])
        # Plain ASCII that begins and ends with a letter needs no regular expression.
        plain = f"strlen({value}) = length({value}) AND {value} >= '!' AND right({value}, 1) > ' '"
        tests = [
            f"(CASE WHEN {plain} AND {value} < '?' OR {plain} AND {value} >= '@' THEN FALSE"
            f" ELSE regexp_matches({value}, {literal(pattern)}) END)",
            placeholders.short_text(value),
            f"(strlen({value}) BETWEEN 10 AND 25 AND {placeholders.early_day(value)})",
        ]
        width = self._width(column)
        if width is not None:
            tests.append(width.suspicion(value))
        return any_of(tests)

    def _width(self, column: Column) -> Width | None:
        origin = self.mapped.origins.get(column.name, (column.name,))
        if len(origin) != 1:
            return None
        width = Width.of(self.mapped.staged, origin[0])
        return width if width.may_cut else None

    def _described(self, column: Column) -> Mapping[str, Any]:
        described = self.layer.schema.get("properties", {}) if isinstance(self.layer.schema, Mapping) else {}
        found = described.get(column.name, {}) if isinstance(described, Mapping) else {}
        return found if isinstance(found, Mapping) else {}

    def _is_listed(self, column: Column) -> bool:
        """Whether the standard lists the values there may be: none of them stands for nothing."""
        return not {"enum", "const", "cim:codelist"}.isdisjoint(self._described(column))

    def _measures(self, column: Column) -> bool:
        """Whether a number is a quantity rather than a code or a number of something."""
        spec = self.layer.fields.get(column.name)
        return not self._is_listed(column) and (spec is None or not (spec.key or spec.ref))

    # ---- the close look -------------------------------------------------------------------

    def _rules(self, column: Column, suspicion: str, otherwise: str) -> list[Rule]:
        """The rules of a column in which the first look found something."""
        found: list[Rule] = []
        earlier: list[str] = []
        for code in _CODES:
            severity = severity_of(code, self.said)
            present = severity is not None and self._predicate(code, column, suspicion)
            if severity is None or not present:
                continue
            bad = f"(CASE WHEN {suspicion} THEN {present} AND {negation(any_of(earlier))} AND {otherwise} END)"
            earlier.append(present)
            found.append(
                Rule(
                    rule=f"{self.layer.name}.{column.name}#{code}",
                    code=code,
                    layer=self.layer.name,
                    field=column.name,
                    bad=bad,
                    applies="FALSE",
                    severity=severity,
                    column=column.name,
                )
            )
        return found

    def _predicate(self, code: str, column: Column, suspicion: str) -> str | None:
        """SQL: a cell is at fault by this code; None where no cell of the column is."""
        view, value = self._seen(column), column.value
        if column.kind != "string":
            return placeholders.stand_ins(self.con, view, value) if code == "text.placeholder" else None
        if column.format is not None:
            return placeholders.days(self.con, view, value) if code == "text.placeholder" else None
        spec = self.layer.fields.get(column.name)
        role = spec.role if spec else None
        coded = bool(spec and (spec.key or spec.ref or spec.codelist)) or role in _CODE_ROLES
        if code == "text.mojibake":
            return mojibake.wrong(value)
        if code == "text.placeholder":
            return None if self._is_listed(column) else self._placeholder(view, value, coded or role in _FREE_ROLES)
        if code == "text.full_width":
            if not self._any(view, f"regexp_matches({value}, '{full_width.WIDE}')"):
                return None
            return full_width.predicate(self.con, view, value, code=coded)
        if code == "text.blanks":
            # A pattern that speaks of blanks has judged them already.
            if re.search(r"\\s| ", str(self._described(column).get("pattern", ""))):
                return None
            return blanks.predicate(self.mapped.staged, value)
        width = self._width(column)
        if width is None or not self._any(view, width.suspicion(value)):
            return None
        return width.predicate(self.con, view, value)

    def _placeholder(self, view: str, value: str, free: bool) -> str | None:
        tests = []
        if self._any(view, placeholders.short_text(value)):
            tests.append(placeholders.word(self.con, view, value, free=free))
        if self._any(view, placeholders.early_day(value)):
            tests.append(placeholders.days(self.con, view, value) or NEVER)
        found = any_of(tests)
        return None if found == NEVER else found

    def _seen(self, column: Column) -> str:
        """The column alone, as the view has it."""
        return f"SELECT {column.value} FROM ({self.table.sql})"

    def _any(self, view: str, predicate: str) -> bool:
        return self.con.execute(f"SELECT 1 FROM ({view}) WHERE {predicate} LIMIT 1").fetchone() is not None
