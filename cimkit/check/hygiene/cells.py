"""The cells of a layer before any schema is asked: garbled, cut, padded, full-width and stand-in values.

One cheap test of each column goes along with the schema's rules in their pass. Only where it finds something
are the cells it found put aside and looked at closely. A cell that a rule of the standard fails already is
no second finding: there the hint says what is wrong with it. What nothing fails is not in the report.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cimkit.check.columns import GEOMETRY, ROW, Column, Table
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
#: The blanks of ASCII that end texts.
_BLANKS = (32, 9, 10, 13)
#: Roles of fields that hold codes and numbers, and of those that hold no list of answers.
_CODE_ROLES = frozenset({"id", "source_id", "postcode", "phone", "number"})
#: A pattern from the beginning to the end, of letters, digits and classes of them.
_FORMED = re.compile(r"\^(?:[A-Za-z0-9:_/-]|\\[d.]|\[[A-Za-z0-9:._/-]+\]|\{[0-9,]+\}|[()+*?])*\$")
_FREE_ROLES = _CODE_ROLES | {"name", "name_en", "address", "street"}


@dataclass(frozen=True)
class CellHygiene:
    """The hygiene of the cells of one delivered layer. ``said`` is what the standard says of severities."""

    con: duckdb.DuckDBPyConnection
    mapped: Mapped
    number: int
    layer: LayerSchema
    table: Table
    said: Mapping[str, str]
    formats: bool

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
        found = []
        for place, outcome in enumerate(suspected):
            if outcome.failed:
                column = self.table.columns[str(outcome.rule.column)]
                failed = [o.rule.bad for o in decided if o.failed and o.rule.column == column.name]
                cells = self._put_aside(f"{place}", column, outcome.rule.bad, negation(any_of(failed)))
                found += self._judged(cells, column, samples)
        return found

    def _put_aside(self, place: str, column: Column, suspicion: str, otherwise: str) -> str:
        """A table of the cells (``_row``, ``v``) of a column that the first look found and nothing else fails."""
        cells = f"hygiene_{self.number}_{place}"
        kept = f"CASE WHEN {suspicion} THEN {otherwise} ELSE FALSE END"
        self.con.execute(
            f"CREATE TABLE {cells}_all AS SELECT {ROW}, {column.value} AS v FROM ({self.table.sql}) WHERE {kept}"
        )
        return cells

    def _judged(self, cells: str, column: Column, samples: int | None) -> list[Outcome]:
        """The outcomes of one column, from the cells that were put aside."""
        causes = [(code, predicate) for code in _CODES if (predicate := self._predicate(code, column, f"{cells}_all"))]
        if not causes:
            return []
        which = " ".join(f"WHEN {predicate} THEN {place}" for place, (_, predicate) in enumerate(causes))
        self.con.execute(f"CREATE TABLE {cells} AS SELECT {ROW}, CASE {which} END AS cause FROM {cells}_all")
        limit = "" if samples is None else f" LIMIT {samples}"
        found = []
        for place, (code, _) in enumerate(causes):
            severity = severity_of(code, self.said)
            (failed,) = self.con.execute(f"SELECT count(*) FROM {cells} WHERE cause = {place}").fetchone() or (0,)
            if severity is None or not failed:
                continue
            query = f"SELECT {ROW} FROM {cells} WHERE cause = {place} ORDER BY {ROW}{limit}"
            rows = tuple(row for (row,) in self.con.execute(query).fetchall())
            rule = Rule(
                rule=f"{self.layer.name}.{column.name}#{code}",
                code=code,
                layer=self.layer.name,
                field=column.name,
                bad=f"({ROW} IN (SELECT {ROW} FROM {cells} WHERE cause = {place}))",
                applies="FALSE",
                severity=severity,
                column=column.name,
            )
            found.append(Outcome(rule, self.table.rows, failed, rows))
        return found

    def _is_place(self, column: Column) -> bool:
        """Whether the column holds coordinates, which became the geometry."""
        return column.name in self.mapped.origins.get(GEOMETRY, ())

    # ---- the first look -------------------------------------------------------------------

    def _suspicion(self, column: Column) -> str:
        value, described = column.value, self._described(column)
        if column.kind in ("integer", "number"):
            if not self._measures(column):
                return NEVER
            low = _number(described, "minimum", "exclusiveMinimum")
            return placeholders.candidate(value, low, _number(described, "maximum", "exclusiveMaximum"))
        # A value that is in a list, or has the form that a pattern gives it, has nothing in it that is no part of it.
        if column.kind != "string" or not {"enum", "const"}.isdisjoint(described) or self._is_formed(described):
            return NEVER
        if column.format is not None or (self.formats and described.get("format") in ("date", "date-time")):
            return placeholders.early_day(value) if column.format != "time" else NEVER
        pattern = "|".join([mojibake.suspicion(), full_width.WIDE, blanks.pattern(self.mapped.staged)])
        words = placeholders.short_text(value)
        if self._may_be_numbers(column):
            words = any_of([words, placeholders.written_number(value)])
        plainly = any_of([words, placeholders.early_day(value)])
        closely = any_of([words, f"regexp_matches({value}, {literal(pattern)})"])
        # Of a CASE DuckDB computes only the branch that is needed, of an OR everything.
        tests = [f"(CASE WHEN {_is_plain(value)} THEN {plainly} ELSE {closely} END)"]
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

    def _is_formed(self, described: Mapping[str, Any]) -> bool:
        """Whether a pattern says of every character that it is a certain one of ASCII without blanks."""
        pattern = described.get("pattern")
        return isinstance(pattern, str) and _FORMED.fullmatch(pattern) is not None

    def _may_be_numbers(self, column: Column) -> bool:
        """Whether the cells are texts only since nobody says what they are."""
        return column.name in self.mapped.text_fields and not self._described(column)

    def _measures(self, column: Column) -> bool:
        """Whether a number is a quantity rather than a code or a number of something."""
        spec = self.layer.fields.get(column.name)
        return not self._is_listed(column) and (spec is None or not (spec.key or spec.ref))

    # ---- the close look -------------------------------------------------------------------

    def _predicate(self, code: str, column: Column, cells: str) -> str | None:
        """SQL over the cells put aside: they are at fault by this code; None where none is."""
        view = f"SELECT {column.value} AS v FROM ({self.table.sql})"
        if column.kind != "string":
            return placeholders.stand_ins(self.con, view, cells, "v") if code == "text.placeholder" else None
        if column.format is not None:
            return placeholders.days(self.con, view, "v") if code == "text.placeholder" else None
        spec = self.layer.fields.get(column.name)
        role = spec.role if spec else None
        coded = bool(spec and (spec.key or spec.ref or spec.codelist)) or role in _CODE_ROLES
        if code == "text.mojibake":
            return mojibake.wrong("v", [kind for kind in mojibake.KINDS if self._any(cells, mojibake.sign(kind, "v"))])
        if code == "text.placeholder":
            return None if self._is_listed(column) else self._placeholder(column, view, cells, coded)
        if code == "text.full_width":
            wide = self._any(cells, f"regexp_matches(v, '{full_width.WIDE}')")
            return full_width.predicate(self.con, view, "v", code=coded) if wide else None
        if code == "text.blanks":
            # A pattern that speaks of blanks has judged them already.
            judged = re.search(r"\\s| ", str(self._described(column).get("pattern", "")))
            return None if judged else blanks.predicate(self.mapped.staged, "v")
        width = self._width(column)
        long = width is not None and self._any(cells, width.suspicion("v"))
        return width.predicate(self.con, view, "v") if width is not None and long else None

    def _placeholder(self, column: Column, view: str, cells: str, coded: bool) -> str | None:
        spec = self.layer.fields.get(column.name)
        free = coded or (spec is not None and spec.role in _FREE_ROLES)
        tests = []
        if self._may_be_numbers(column) and self._any(cells, placeholders.written_number("v")):
            tests.append(placeholders.written_stand_ins(self.con, view, cells, "v") or NEVER)
        if self._any(cells, placeholders.short_text("v")):
            tests.append(placeholders.word(self.con, view, "v", free=free))
        if self._any(cells, placeholders.early_day("v")):
            tests.append(placeholders.days(self.con, view, "v") or NEVER)
        found = any_of(tests)
        return None if found == NEVER else found

    def _any(self, cells: str, predicate: str) -> bool:
        return self.con.execute(f"SELECT 1 FROM {cells} WHERE {predicate} LIMIT 1").fetchone() is not None


def _number(described: Mapping[str, Any], *keywords: str) -> float | None:
    """The first of some keywords that is a number."""
    found = (described.get(keyword) for keyword in keywords)
    return next((n for n in found if isinstance(n, int | float) and not isinstance(n, bool)), None)


def _is_plain(value: str) -> str:
    """SQL: the text is ASCII without blanks around it and begins with no question mark; no pattern need look at it."""
    blank = " AND ".join(f"NOT suffix({value}, chr({code}))" for code in _BLANKS)
    return f"strlen({value}) = length({value}) AND {value} >= '!' AND NOT prefix({value}, '?') AND {blank}"
