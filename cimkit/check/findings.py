"""Findings out of outcomes: the sampled rows are looked up once, and told in the source's own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from cimkit import crs as reference_systems
from cimkit import wkb
from cimkit.check import geometry
from cimkit.check.columns import FID, GEOMETRY, ROW, Column, Table
from cimkit.check.execute import Outcome
from cimkit.check.hints import Hints
from cimkit.check.json_values import reader
from cimkit.check.oracle import MISSING, Problem
from cimkit.check.record import RecordEngine
from cimkit.check.rules import Rule
from cimkit.check.scope import Scope
from cimkit.errors import CimkitError
from cimkit.messages import Plain, say, types
from cimkit.model import Finding, Mapped
from cimkit.standard import LayerSchema

if TYPE_CHECKING:
    import duckdb

SAMPLED = "sampled"


@dataclass(frozen=True, slots=True)
class Place:
    """A record's geometry: its shape where GEOS reads it, its kind, and where it is in degrees."""

    shape: Any
    kind: str | None
    point: tuple[float, float] | None


_NOWHERE = Place(None, None, None)


@dataclass(frozen=True)
class Teller:
    """All that findings of one delivered layer need to know."""

    con: duckdb.DuckDBPyConnection
    mapped: Mapped
    layer: LayerSchema
    table: Table
    records: RecordEngine | None
    scope: Scope
    hints: Hints
    lang: str

    def findings(self, outcomes: Sequence[Outcome]) -> list[Finding]:
        """The findings of the rows that were kept, by rule and row."""
        rows = sorted({row for outcome in outcomes for row in outcome.rows})
        if not rows:
            return []
        self.con.register("kept", pa.table({ROW: pa.array(rows, pa.int64())}))
        self.con.execute(f"CREATE OR REPLACE TABLE {SAMPLED} AS FROM kept")
        self.con.unregister("kept")
        cells = self._cells(outcomes)
        places = self._places()
        problems = self._problems(outcomes)
        return [
            self._finding(
                outcome.rule, row, cells[row], places.get(row, _NOWHERE), problems.get((outcome.rule.rule, row))
            )
            for outcome in outcomes
            for row in outcome.rows
        ]

    # ---- looking up

    def _cells(self, outcomes: Sequence[Outcome]) -> dict[int, dict[str, Any]]:
        """Row -> the values that its findings show, and its identifiers."""
        needed: dict[str, Column] = {}
        for outcome in outcomes:
            if outcome.rows:
                needed |= {c.name: c for name in self._shown(outcome.rule) if (c := self.table.columns.get(name))}
        key = self.layer.key
        if key is not None and key in self.table.columns:
            needed[key] = self.table.columns[key]
        selected = [ROW, FID, *(f"{c.value}, {c.raw}" for c in needed.values())]
        sql = f"SELECT {', '.join(selected)} FROM ({self.table.sql}) SEMI JOIN {SAMPLED} USING ({ROW})"
        found: dict[int, dict[str, Any]] = {}
        for batch in self.con.execute(sql).to_arrow_reader(4096):
            arrays = batch.columns
            columns = {ROW: arrays[0].to_pylist(), FID: arrays[1].to_pylist()}
            for place, column in enumerate(needed.values()):
                columns[column.name] = self._values(column, arrays[2 + 2 * place], arrays[3 + 2 * place])
            for index, row in enumerate(columns[ROW]):
                found[row] = {name: values[index] for name, values in columns.items()}
        return found

    def _values(self, column: Column, array: pa.Array, delivered: pa.Array) -> list[Any]:
        """Cells as JSON values; those that cannot be read as they were delivered."""
        read = reader(array.type, {}, self.scope, json_text=column.json)
        written = reader(delivered.type, {}, self.scope, json_text=False)
        return [
            _plain(read(value)) if value is not None else None if raw is None else _plain(written(raw))
            for value, raw in zip(array.to_pylist(), delivered.to_pylist(), strict=True)
        ]

    def _shown(self, rule: Rule) -> Sequence[str]:
        if rule.code == "expression":
            return tuple(self.layer.fields)
        if rule.code == "additionalProperties":
            return tuple(rule.expected or ())
        return (rule.column,) if rule.column else ()

    def _places(self) -> dict[int, Place]:
        if not self.table.has_geometry:
            return {}
        sql = f"SELECT {ROW}, {GEOMETRY} FROM {self.table.source} SEMI JOIN {SAMPLED} USING ({ROW})"
        found = self.con.execute(sql).to_arrow_table()
        array = found.column(1).combine_chunks().cast(pa.binary())
        shapes, kinds = geometry.read(array), wkb.heads(array)[0].tolist()
        points = np.array([geometry.place(shape) for shape in shapes], dtype=np.float64).reshape(-1, 2)
        placed = zip(found.column(0).to_pylist(), shapes, kinds, self._degrees(points), strict=True)
        return {row: Place(shape, geometry.KINDS.get(kind), point) for row, shape, kind, point in placed}

    def _degrees(self, points: np.ndarray[Any, np.dtype[np.float64]]) -> list[tuple[float, float] | None]:
        if self.mapped.crs is None or not len(points):
            return [None] * len(points)
        try:
            # A place on a map: a datum shift that is only roughly known does no harm.
            plan = reference_systems.plan(self.mapped.crs, "EPSG:4326", allow_ballpark=True)
        except CimkitError:
            return [None] * len(points)
        x, y = plan.points(points[:, 0], points[:, 1])
        return [
            (round(float(lon), 7), round(float(lat), 7)) if np.isfinite(lon) and np.isfinite(lat) else None
            for lon, lat in zip(x, y, strict=True)
        ]

    def _problems(self, outcomes: Sequence[Outcome]) -> Mapping[tuple[str, int], Problem]:
        """(rule, row) -> what the record engine has to say of it."""
        if self.records is None or not any(o.rule.engine == "record" and o.rows for o in outcomes):
            return {}
        found: dict[tuple[str, int], Problem] = {}
        for rule, row, problem in self.records.explain(self.con, SAMPLED):
            found.setdefault((rule, row), problem)
        return found

    # ---- telling

    def _finding(
        self,
        rule: Rule,
        row: int,
        cells: Mapping[str, Any],
        place: Place,
        problem: Problem | None,
    ) -> Finding:
        value, expected, says = self._value(rule, cells, place, problem)
        field = self._field(rule, cells)
        key = cells.get(self.layer.key) if self.layer.key else None
        message = self._message(rule, cells, field, value, expected, says)
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
            hint=self.hints.of(rule, row, value, expected),
            point=place.point,
            schema_pointer=rule.pointer,
        )

    def _value(
        self, rule: Rule, cells: Mapping[str, Any], place: Place, problem: Problem | None
    ) -> tuple[Any, Any, dict[str, Any]]:
        """The value a finding shows, what is expected of it, and what else its message needs."""
        if rule.code.startswith("geometry."):
            return self._of_geometry(rule, place)
        if rule.code == "expression":
            return None, Plain(rule.expected), {}
        if rule.code in MISSING or rule.code == "additionalProperties":
            return None, rule.expected, {}
        if problem is not None and rule.column is None:
            return problem.value, problem.expected, {}
        if problem is not None:
            return problem.value, rule.expected if rule.expected is not None else problem.expected, {}
        return cells.get(rule.column) if rule.column else None, rule.expected, {}

    def _of_geometry(self, rule: Rule, place: Place) -> tuple[Any, Any, dict[str, Any]]:
        shape = place.shape
        if rule.code == "geometry.kind":
            return place.kind, Plain(say("word.or", self.lang).join(rule.expected)), {}
        if rule.code == "geometry.small" and self.mapped.crs is not None:
            area = geometry.area_measure(self.mapped.crs)(np.array([shape]))[0]
            return float(f"{area:.3g}"), rule.expected, {}
        if rule.code == "geometry.invalid":
            reason = say("word.no_geometry", self.lang) if shape is None else geometry.reason(shape)[0]
            return None, None, {"reason": reason}
        return None, None, {}

    def _field(self, rule: Rule, cells: Mapping[str, Any]) -> str | None:
        """The source's own column."""
        if rule.code == "additionalProperties":
            return next((name for name in rule.expected or () if cells.get(name) is not None), None)
        if rule.field is None:
            return None
        if rule.code == "expression":
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
        template = (rule.says or {}).get("message") if rule.code == "expression" else None
        if template:
            text = template.get(self.lang) or template.get("en") or next(iter(template.values()))
            return str(text.format_map(_Cells(cells)))
        if rule.code == "type":
            asked = expected if expected is not None else self._types(rule)
            expected = types(asked, self.lang) if asked else Plain(say("word.readable", self.lang))
        elif rule.code in ("codelist", "codelist.deprecated", "relation.missing", "format", "pattern"):
            expected = Plain(expected)
        return say(rule.code, self.lang, label=self._label(rule, field), value=value, expected=expected, **says)

    def _types(self, rule: Rule) -> Sequence[str]:
        spec = self.layer.fields.get(rule.field or "")
        return spec.types if spec else ()

    def _label(self, rule: Rule, field: str | None) -> str:
        """A field as people call it: its name in the language, and the source's column where that differs."""
        if field is None:
            return say("word.record", self.lang)
        spec = self.layer.fields.get(rule.field or "")
        name = spec.names.get(self.lang, field) if spec else field
        if name.casefold() == field.casefold().replace("_", " "):
            return name
        return f"{name}（{field}）" if self.lang == "zh" else f"{name} ({field})"


class _Cells(dict[str, Any]):
    """Values for a rule's own message; an empty one is written as a dash."""

    def __getitem__(self, name: str) -> Any:
        value = self.get(name)
        return "–" if value is None else f"{value:.10g}" if isinstance(value, float) else value


def _plain(value: Any) -> Any:
    """NaN and infinity as text, since JSON has none; whole numbers without a fraction."""
    if not isinstance(value, float):
        return value
    if not np.isfinite(value):
        return str(value)
    return int(value) if value.is_integer() and abs(value) < 2**53 else value
