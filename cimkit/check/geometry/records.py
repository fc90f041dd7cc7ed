"""A layer's geometry held against its specification in one pass: is it sound, and what sound geometry must be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import shapely

from cimkit.check.columns import GEOMETRY, ROW
from cimkit.check.geometry import form
from cimkit.check.geometry.asked import UNSAID, Soundness, Test, geometry_rule, grid, precision, soundness, tests
from cimkit.check.geometry.solid_rules import solid_outcomes
from cimkit.check.geometry.validity import BROKEN, SOUND, UNJUDGED, Judged, judged
from cimkit.check.geometry.vertices import Flags, Ints
from cimkit.check.outcomes import Outcome
from cimkit.check.rules import Rule
from cimkit.messages import Plain, say
from cimkit.model import Finding, Mapped, Skipped
from cimkit.standard import LayerSchema

if TYPE_CHECKING:
    import duckdb

_SURFACES_IN_SPACE, _COLLECTION = (15, 16), 7
#: From fewer different coordinates than this nothing is said of how a layer was rounded.
_FEWEST = 20
_AT_ONCE = 1 << 18


def geometry_outcomes(
    con: duckdb.DuckDBPyConnection,
    mapped: Mapped,
    layer: LayerSchema,
    number: int,
    broken: str | None,
    samples: int | None,
    lang: str,
) -> tuple[list[Outcome], list[Finding], list[Skipped]]:
    """The outcomes of a layer's geometry rules, findings about the layer as a whole, and what was not decided.

    ``number`` is the delivery's. Rows that nothing else can be done with are kept in a new table ``broken``
    (_row), where one is named.
    """
    spec = layer.geometry or UNSAID
    found = list(tests(layer, mapped.crs, lang))
    skipped = [item for item in found if isinstance(item, Skipped)]
    asked = [item for item in found if isinstance(item, Test)]
    tally = _Tally(con, f"geometry_failures_{number}", samples, [*soundness(layer), *asked])
    coarse = _Coarse.of(mapped, layer)
    unsound = _Rows(con, broken, [ROW]) if broken else None
    for batch in judged(mapped, spec.types, shapes=bool(asked) or coarse is not None):
        tally.add(batch, by_solids=spec.solid is not None)
        if coarse is not None:
            coarse.look(batch)
        if unsound is not None:
            unsound.add(batch.rows[np.isin(batch.verdicts, BROKEN)])
    if unsound is not None:
        unsound.flush()
    skipped += tally.skipped(lang)
    of_solids, without = solid_outcomes(con, mapped, layer, number, samples, lang)
    skipped += without
    outcomes = [*tally.outcomes(), *of_solids]
    if coarse is None:
        return outcomes, [], skipped
    outcome, findings = coarse.outcome(mapped, lang)
    return [*outcomes, outcome], findings, skipped


class _Tally:
    """How many records each rule was asked of, and which failed it."""

    def __init__(
        self, con: duckdb.DuckDBPyConnection, failures: str, samples: int | None, rules: Sequence[Soundness | Test]
    ) -> None:
        self.failures = _Rows(con, failures, ["rule", ROW])
        self.samples = samples
        self.rules = rules
        self.checked, self.failed, self.passed_over = ([0] * len(rules) for _ in range(3))
        self.kept: list[list[int]] = [[] for _ in rules]

    def add(self, batch: Judged, *, by_solids: bool) -> None:
        """Decide every rule of a batch; ``by_solids``: surfaces in space are judged as solids."""
        sound = batch.verdicts == SOUND
        unjudged = batch.verdicts == UNJUDGED
        if by_solids:
            unjudged &= ~np.isin(batch.kinds, _SURFACES_IN_SPACE)
        failing: dict[str, Flags] = {}
        for number, each in enumerate(self.rules):
            if isinstance(each, Soundness):
                self.checked[number] += int(np.count_nonzero(~np.isin(batch.verdicts, each.unasked)))
                self._fail(number, batch.rows[np.isin(batch.verdicts, each.fails)])
                if UNJUDGED in each.unasked:
                    self.passed_over[number] += int(np.count_nonzero(unjudged))
                continue
            concerned = sound & np.isin(batch.kinds, each.kinds)
            for code in failing.keys() & set(each.unless):
                concerned &= ~failing[code]
            at = np.flatnonzero(concerned)
            failed = at[each.fails(batch.shapes[at])] if len(at) else at
            failing[each.rule.code] = np.isin(np.arange(len(sound)), failed)
            self.checked[number] += len(at)
            self._fail(number, batch.rows[failed])
            left_out = unjudged if _COLLECTION in each.kinds else unjudged | (sound & (batch.kinds == _COLLECTION))
            self.passed_over[number] += int(np.count_nonzero(left_out))

    def _fail(self, number: int, rows: Ints) -> None:
        if not len(rows):
            return
        self.failed[number] += len(rows)
        room = len(rows) if self.samples is None else self.samples - len(self.kept[number])
        self.kept[number] += rows[: max(room, 0)].tolist()
        self.failures.add(np.full(len(rows), number), rows)

    def outcomes(self) -> list[Outcome]:
        self.failures.flush()
        failing = f"{ROW} IN (SELECT {ROW} FROM {self.failures.table} WHERE rule"
        return [
            Outcome(
                replace(each.rule, bad=f"({failing} = {number}))"),
                self.checked[number],
                self.failed[number],
                tuple(sorted(self.kept[number])),
            )
            for number, each in enumerate(self.rules)
        ]

    def skipped(self, lang: str) -> list[Skipped]:
        """The rules that could not be applied to some geometries, and to how many."""
        return [
            Skipped(each.rule.rule, say("skipped.unjudged", lang, count=self.passed_over[number]))
            for number, each in enumerate(self.rules)
            if self.passed_over[number]
        ]


@dataclass
class _Coarse:
    """Whether all coordinates of a layer were rounded far more coarsely than the standard declares."""

    rule: Rule
    step: float
    still: bool = True
    seen: set[float] = field(default_factory=set)

    @classmethod
    def of(cls, mapped: Mapped, layer: LayerSchema) -> _Coarse | None:
        spec = layer.geometry
        step = None if spec is None else grid(spec, mapped.crs)
        if spec is None or step is None:
            return None
        rule = geometry_rule(layer, "coarse", "geometry.precision", precision(spec), step, "warning")
        return cls(rule, step * form.FAR_COARSER)

    def look(self, batch: Judged) -> None:
        if not self.still:
            return
        shapes = batch.shapes[batch.verdicts == SOUND]
        self.still = not form.off_grid(shapes, self.step).any()
        if len(self.seen) < _FEWEST:
            self.seen.update(np.unique(shapely.get_coordinates(shapes))[:_FEWEST].tolist())

    def outcome(self, mapped: Mapped, lang: str) -> tuple[Outcome, list[Finding]]:
        failed = self.still and len(self.seen) >= _FEWEST
        outcome = Outcome(self.rule, 1, int(failed), ())
        if not failed:
            return outcome, []
        message = say("geometry.coarse", lang, value=Plain(f"{self.step:g}"), expected=Plain(f"{self.rule.expected:g}"))
        finding = Finding(
            rule=self.rule.rule,
            code=self.rule.code,
            severity=self.rule.severity,
            source=mapped.staged.source.path,
            layer=mapped.staged.layer,
            field=GEOMETRY,
            value=self.step,
            message=message,
            schema_pointer=self.rule.pointer,
        )
        return outcome, [finding]


class _Rows:
    """A table of the connection that is filled with many rows at a time, since each INSERT takes a while."""

    def __init__(self, con: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str]) -> None:
        self.con = con
        self.table = table
        self.columns = columns
        self.waiting: list[tuple[Ints, ...]] = []
        self.count = 0
        con.execute(f"CREATE TABLE {table} ({', '.join(f'{name} BIGINT' for name in columns)})")

    def add(self, *values: Ints) -> None:
        if not len(values[-1]):
            return
        self.waiting.append(values)
        self.count += len(values[-1])
        if self.count >= _AT_ONCE:
            self.flush()

    def flush(self) -> None:
        if not self.waiting:
            return
        columns = [pa.array(np.concatenate(each)) for each in zip(*self.waiting, strict=True)]
        self.con.register("geometry_rows", pa.table(columns, names=list(self.columns)))
        self.con.execute(f"INSERT INTO {self.table} FROM geometry_rows")
        self.con.unregister("geometry_rows")
        self.waiting, self.count = [], 0
