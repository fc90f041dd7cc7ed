"""The rules about a layer's solids: closed, looking outwards, with plane faces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cimkit import wkb
from cimkit.check.columns import GEOMETRY, ROW
from cimkit.check.geometry.asked import geometry_rule
from cimkit.check.geometry.ground import Ground
from cimkit.check.geometry.solid_faces import Faces, Gatherer
from cimkit.check.geometry.solids import SolidVerdicts, solid_verdicts
from cimkit.check.outcomes import Outcome, details_of
from cimkit.check.rules import Rule
from cimkit.formats import stored
from cimkit.formats.solid_staging import SOLIDS
from cimkit.formats.srs_names import metres_per_z
from cimkit.messages import say
from cimkit.model import Mapped, Skipped
from cimkit.standard import LayerSchema

if TYPE_CHECKING:
    import duckdb

_IN_SPACE = (7, 15, 16)
_BATCH = 4096


def solid_outcomes(
    con: duckdb.DuckDBPyConnection, mapped: Mapped, layer: LayerSchema, number: int, samples: int | None, lang: str
) -> tuple[list[Outcome], list[Skipped]]:
    """The outcomes of the rules about solids; ``number`` is the delivery's."""
    spec = layer.geometry.solid if layer.geometry else None
    if spec is None:
        return [], []
    snap, planarity = {"snap_m": spec.snap_m}, {"planarity_m": spec.planarity_m}
    tables = [
        _Failures(con, f"solids_{name}_{number}", words)
        for name, words in (
            ("open", {"count": "BIGINT", "faces": "BIGINT"}),
            ("turned", {"what": "VARCHAR"}),
            ("bent", {"value": "DOUBLE"}),
        )
    ]
    rules = [
        geometry_rule(layer, "solid_closed", "solid.not_closed", {"solid": snap}),
        geometry_rule(layer, "solid_orientation", "solid.orientation", {"solid": snap}),
        geometry_rule(layer, "solid_plane", "solid.not_planar", {"solid": planarity}, spec.planarity_m),
    ]
    checked = [0, 0, 0]
    ground = None if mapped.crs is None else Ground(mapped.crs)
    for faces in _batches(mapped):
        found = solid_verdicts(faces, ground, metres_per_z(mapped.crs), spec)
        for place, count in enumerate((len(found.rows), len(found.closed), len(found.rows))):
            checked[place] += count
        _note(tables, found, lang)
    if not checked[0]:
        why = say("skipped.no_solid", lang)
        return [], [Skipped(rule.rule, why) for rule in rules]
    return [table.outcome(rule, count, samples) for table, rule, count in zip(tables, rules, checked, strict=True)], []


def _batches(mapped: Mapped) -> Iterator[Faces]:
    """The faces of all solids of a layer, some records at a time."""
    gatherer = Gatherer()
    for row, cell in _cells(mapped):
        if gatherer.add(row, cell) and gatherer.full():
            yield gatherer.take()
    if not gatherer.empty():
        yield gatherer.take()


def _cells(mapped: Mapped) -> Iterator[tuple[int, bytes]]:
    """(row, WKB) of what may hold solids: of a city model what was staged apart, else the geometry itself."""
    if mapped.staged.solids is not None:
        kept = _rows(mapped)
        with pq.ParquetFile(mapped.staged.solids, pre_buffer=False) as file:
            for batch in file.iter_batches(_BATCH):
                for row, cell in zip(batch.column(ROW).to_pylist(), batch.column(SOLIDS), strict=True):
                    if kept is None or row in kept:
                        yield row, cell.as_py()
        return
    if GEOMETRY not in stored.schema(mapped).names:
        return
    for batch in stored.batches(mapped, [ROW, GEOMETRY], _BATCH):
        cells = batch.column(GEOMETRY)
        for index in np.flatnonzero(np.isin(wkb.heads(cells)[0], _IN_SPACE)):
            yield batch.column(ROW)[int(index)].as_py(), cells[int(index)].as_py()


def _rows(mapped: Mapped) -> frozenset[int] | None:
    """The records that are left where a crosswalk left some out; None where it left out none."""
    if stored.rows(mapped) == mapped.staged.facts.features:
        return None
    return frozenset(row for batch in stored.batches(mapped, [ROW]) for row in batch.column(ROW).to_pylist())


def _note(tables: Sequence[_Failures], found: SolidVerdicts, lang: str) -> None:
    said = [
        say("solid.flipped", lang, count=int(count)) if count else say("solid.inside_out", lang)
        for count in found.turned_edges
    ]
    tables[0].add(found.open_rows, found.open_places, {"count": found.open_edges, "faces": found.open_faces})
    tables[1].add(found.turned_rows, found.turned_places, {"what": pa.array(said, pa.string())})
    # Three digits are enough for people, and two machines agree on them.
    tables[2].add(found.bent_rows, found.bent_places, {"value": [float(f"{off:.3g}") for off in found.bent_by]})


class _Failures:
    """A table of the records that fail a rule, with their places and what is said of them."""

    def __init__(self, con: duckdb.DuckDBPyConnection, table: str, words: Mapping[str, str]) -> None:
        self.con = con
        self.table = table
        columns = {ROW: "BIGINT", "x": "DOUBLE", "y": "DOUBLE", **words}
        con.execute(f"CREATE TABLE {table} ({', '.join(f'{name} {kind}' for name, kind in columns.items())})")

    def add(self, rows: Any, places: Any, words: Mapping[str, Any]) -> None:
        if not len(rows):
            return
        columns = {ROW: rows, "x": places[:, 0], "y": places[:, 1], **words}
        self.con.register("failing_solids", pa.table({name: pa.array(column) for name, column in columns.items()}))
        self.con.execute(f"INSERT INTO {self.table} FROM failing_solids")
        self.con.unregister("failing_solids")

    def outcome(self, rule: Rule, checked: int, samples: int | None) -> Outcome:
        limit = "" if samples is None else f" LIMIT {samples}"
        failed = self.con.execute(f"SELECT count(*) FROM {self.table}").fetchone() or (0,)
        rows = self.con.execute(f"SELECT {ROW} FROM {self.table} ORDER BY {ROW}{limit}").fetchall()
        kept = tuple(row[0] for row in rows)
        bad = f"({ROW} IN (SELECT {ROW} FROM {self.table}))"
        details = details_of(self.con, self.table, kept)
        return Outcome(replace(rule, bad=bad), checked, int(failed[0]), kept, details, self.table)
