"""The sampled rows of one delivered layer, looked up once: their cells, their places, what the record engine says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from cimkit import crs as reference_systems
from cimkit import wkb
from cimkit.check.columns import FID, GEOMETRY, ROW, Column, Table
from cimkit.check.fingerprints import features
from cimkit.check.geometry import reasons
from cimkit.check.geometry import validity as geometry
from cimkit.check.json_schema.json_values import reader
from cimkit.check.json_schema.oracle import Problem
from cimkit.check.json_schema.record import RecordEngine
from cimkit.check.json_schema.scope import Scope
from cimkit.check.outcomes import Outcome
from cimkit.check.rules import Rule
from cimkit.errors import CimkitError
from cimkit.model import Mapped
from cimkit.standard import LayerSchema

if TYPE_CHECKING:
    import duckdb

SAMPLED = "sampled"


@dataclass(frozen=True, slots=True)
class Place:
    """A record's geometry: its shape where GEOS reads it, else its bytes; its kind, and where it is in degrees."""

    shape: Any
    kind: str | None
    point: tuple[float, float] | None
    cell: bytes | None = None


NOWHERE = Place(None, None, None)


@dataclass
class Lookup:
    """What is known of the rows that were kept, by row."""

    con: duckdb.DuckDBPyConnection
    mapped: Mapped
    layer: LayerSchema
    table: Table
    explainer: RecordEngine
    scope: Scope
    within: str = "TRUE"

    def keep(self, outcomes: Sequence[Outcome]) -> bool:
        """Notes the rows that are asked for; False where there are none."""
        rows = sorted({row for outcome in outcomes for row in outcome.rows})
        if not rows:
            return False
        # The first rows that fail mostly stand at the beginning: the rest of the file is not read for them.
        self.within = f"{ROW} BETWEEN {rows[0]} AND {rows[-1]}"
        self.con.register("kept", pa.table({ROW: pa.array(rows, pa.int64())}))
        self.con.execute(f"CREATE OR REPLACE TABLE {SAMPLED} AS FROM kept")
        self.con.unregister("kept")
        return True

    def cells(self, outcomes: Sequence[Outcome]) -> dict[int, dict[str, Any]]:
        """Row -> the values that its findings show, and its identifiers."""
        needed: dict[str, Column] = {}
        for outcome in outcomes:
            if outcome.rows:
                needed |= {c.name: c for name in shown(self.layer, outcome.rule) if (c := self.table.columns.get(name))}
        key = self.layer.key
        if key is not None and key in self.table.columns:
            needed[key] = self.table.columns[key]
        selected = [ROW, FID, *(f"{c.value}, {c.raw}" for c in needed.values())]
        sql = f"SELECT {', '.join(selected)} FROM ({self._part(self.table.sql)}) SEMI JOIN {SAMPLED} USING ({ROW})"
        found: dict[int, dict[str, Any]] = {}
        for batch in self.con.execute(sql).to_arrow_reader(4096):
            arrays = batch.columns
            columns = {ROW: arrays[0].to_pylist(), FID: arrays[1].to_pylist()}
            for place, column in enumerate(needed.values()):
                columns[column.name] = self._values(column, arrays[2 + 2 * place], arrays[3 + 2 * place])
            for index, row in enumerate(columns[ROW]):
                found[row] = {name: values[index] for name, values in columns.items()}
        return found

    def _part(self, query: str) -> str:
        """The rows of a query among which the sampled ones are."""
        return f"SELECT * FROM ({query}) WHERE {self.within}"

    def _values(self, column: Column, array: pa.Array, delivered: pa.Array) -> list[Any]:
        """Cells as JSON values; those that cannot be read as they were delivered."""
        kinds, empty = pa.types, array.null_count == delivered.null_count
        if empty and not column.json and (kinds.is_string(array.type) or kinds.is_integer(array.type)):
            return list(array.to_pylist())
        if empty and kinds.is_floating(array.type):
            return [plain(value) for value in array.to_pylist()]
        read = reader(array.type, {}, self.scope, json_text=column.json)
        written = reader(delivered.type, {}, self.scope, json_text=False)
        return [
            plain(read(value)) if value is not None else None if raw is None else plain(written(raw))
            for value, raw in zip(array.to_pylist(), delivered.to_pylist(), strict=True)
        ]

    def places(self) -> dict[int, Place]:
        if not self.table.has_geometry:
            return {}
        part = self._part(f"FROM {self.table.source}")
        sql = f"SELECT {ROW}, {GEOMETRY} FROM ({part}) SEMI JOIN {SAMPLED} USING ({ROW})"
        found = self.con.execute(sql).to_arrow_table()
        array = found.column(1).combine_chunks().cast(pa.binary())
        shapes, kinds = geometry.read(array), wkb.heads(array)[0].tolist()
        points = reasons.places(shapes)
        cells = [cell.as_py() if shape is None else None for shape, cell in zip(shapes, array, strict=True)]
        placed = zip(found.column(0).to_pylist(), shapes, kinds, self.degrees(points), cells, strict=True)
        return {row: Place(shape, geometry.KINDS.get(kind), point, cell) for row, shape, kind, point, cell in placed}

    def degrees(self, points: np.ndarray[Any, np.dtype[np.float64]]) -> list[tuple[float, float] | None]:
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

    def problems(self, outcomes: Sequence[Outcome]) -> Mapping[tuple[str, int], Problem]:
        """(rule, row) -> what the record engine has to say of it, where SQL has only counted."""
        if not any(outcome.rows and _wants_explaining(outcome.rule) for outcome in outcomes):
            return {}
        found: dict[tuple[str, int], Problem] = {}
        for rule, row, problem in self.explainer.explain(self.con, SAMPLED):
            found.setdefault((rule, row), problem)
        return found

    def features(self) -> Mapping[int, str]:
        """Row -> what the feature is known by in other runs."""
        return features(self.con, self.layer, self.table, f"SELECT {ROW} FROM {SAMPLED}", self.within)


def _wants_explaining(rule: Rule) -> bool:
    """Whether a finding says more than the column's value: what is inside it, or which form was meant."""
    inside = rule.column is not None and rule.field != rule.column
    return rule.engine == "record" or rule.code in ("anyOf", "oneOf") or inside


def shown(layer: LayerSchema, rule: Rule) -> Sequence[str]:
    """The fields whose values the findings of a rule show."""
    if rule.code == "expression" or (rule.says or {}).get("message"):
        return tuple(layer.fields)
    if rule.code == "additionalProperties":
        return tuple(rule.expected or ())
    return (rule.column,) if rule.column else ()


def plain(value: Any) -> Any:
    """NaN and infinity as text, since JSON has none; whole numbers without a fraction."""
    if isinstance(value, Mapping):
        return {name: plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, float):
        return value
    if not np.isfinite(value):
        return str(value)
    return int(value) if value.is_integer() and abs(value) < 2**53 else value
