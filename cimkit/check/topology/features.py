"""The records that take part in a rule about how they lie to each other: their boxes, and their shapes on demand.

Boxes stay in memory (43 bytes a record); shapes are read again for those records whose boxes
say that they may matter, from memory where the layer is small, else from the delivered file.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from cimkit import crs as reference_systems
from cimkit import wkb
from cimkit.check.columns import GEOMETRY, ROW
from cimkit.check.delivery import Delivery
from cimkit.check.kinds import Context
from cimkit.check.topology.ground import Ground
from cimkit.crs import Transform
from cimkit.duck import identifier
from cimkit.errors import SourceError
from cimkit.formats import stored
from cimkit.messages import say
from cimkit.model import Skipped
from cimkit.standard import Rule as StandardRule

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Shapes = NDArray[Any]

#: OGC kinds whose area, or length, can be judged.
AREAS, LINES, POINTS = (3, 6), (2, 5), (1, 4)
ANY = (*POINTS, *LINES, *AREAS, 7)
#: Geometries of a layer are kept in memory up to so many bytes; rows read at once.
_KEPT, _BATCH = 128 << 20, 65_536


class Boxed(Protocol):
    """What has boxes, and shapes on demand; see :class:`Features`."""

    @property
    def bounds(self) -> Floats: ...
    @property
    def size(self) -> NDArray[np.int32]: ...
    def __len__(self) -> int: ...
    def shapes(self, index: Ints, /) -> Shapes: ...


@dataclass
class Features:
    """Records of one layer, of whatever deliveries, in one CRS.

    ``delivery`` is each record's place in ``deliveries``, ``row`` its row there, ``size`` its geometry's
    bytes. ``group``: only records of the same group concern each other. ``judged``: the
    record may have findings of its own.
    """

    deliveries: Sequence[Delivery]
    crs: str
    delivery: NDArray[np.int16]
    row: Ints
    bounds: Floats
    size: NDArray[np.int32]
    judged: NDArray[np.bool_]
    group: NDArray[np.uint64] | None
    ways: Sequence[Transform | None]
    cells: list[pa.Array] | None

    def __len__(self) -> int:
        return len(self.row)

    @property
    def extent(self) -> Floats:
        if not len(self):
            return np.zeros(4)
        return np.concatenate([self.bounds[:, :2].min(axis=0), self.bounds[:, 2:].max(axis=0)])

    def shapes(self, index: Ints) -> Shapes:
        """The geometries of some records, by their places among all (ascending, each once)."""
        found = np.full(len(index), None, dtype=object)
        if self.cells is not None:
            ends = np.cumsum([len(cells) for cells in self.cells])
            cuts = np.searchsorted(index, ends)
            for cells, end, start, stop in zip(self.cells, ends, [0, *cuts], cuts, strict=False):
                if stop > start:
                    found[start:stop] = built(cells.take(pa.array(index[start:stop] - (end - len(cells)))))
        else:
            for number, delivery in enumerate(self.deliveries):
                mine = np.flatnonzero(self.delivery[index] == number)
                if len(mine):
                    found[mine] = self._read(delivery, self.ways[number], self.row[index[mine]])
        unproven = np.array([d.broken is None for d in self.deliveries])[self.delivery[index]]
        if unproven.any():
            # Nobody has looked at these: what is not valid cannot be compared.
            found[np.flatnonzero(unproven)[~valid(found[unproven])]] = None
        return found

    def _read(self, delivery: Delivery, way: Transform | None, rows: Ints) -> Shapes:
        order = np.argsort(rows)
        asked = rows[order]
        found = np.full(len(rows), None, dtype=object)
        for batch in stored.batches(delivery.mapped, [ROW, GEOMETRY], _BATCH):
            there = batch.column(0).to_numpy()
            at = np.minimum(np.searchsorted(asked, there), len(asked) - 1)
            hit = np.flatnonzero(asked[at] == there)
            if len(hit):
                cells = batch.column(1).take(pa.array(hit))
                found[order[at[hit]]] = built(cells if way is None else way.wkb(cells))
        return found


def gather(
    context: Context,
    asked: StandardRule,
    deliveries: Sequence[Delivery],
    *,
    kinds: Collection[int],
    crs: str | None = None,
    by: Sequence[str] = (),
    own: bool = True,
) -> Features | Skipped:
    """The sound geometries of some deliveries of one layer.

    ``own``: the layer is the one that the rule is about, so that its ``when`` and ``by`` hold.
    ``crs`` is the one to bring everything into; by default that of the first delivery.
    """
    with_shapes = [d for d in deliveries if d.table.has_geometry]
    crs = crs or next((d.mapped.crs for d in with_shapes if d.mapped.crs), None)
    if crs is None or any(d.mapped.crs is None for d in with_shapes):
        return Skipped(asked.id, say("skipped.no_metres", context.lang))
    try:
        ways = [_way(d.mapped.crs or crs, crs) for d in with_shapes]
    except SourceError as error:
        return Skipped(asked.id, say("skipped.no_way", context.lang, reason=str(error)))
    alone = own and asked.layer in context.own_keys
    collected = _Collected()
    for number, (delivery, way) in enumerate(zip(with_shapes, ways, strict=True)):
        keep, group = _concerned(context, asked, delivery, by, own=own, alone=alone)
        collected.read(number, delivery, way, kinds, keep, group)
    return collected.features(with_shapes, crs, ways)


class _Collected:
    """What is read of the deliveries, batch by batch."""

    def __init__(self) -> None:
        self.number: list[NDArray[np.int16]] = []
        self.row: list[Ints] = []
        self.bounds: list[Floats] = []
        self.size: list[NDArray[np.int32]] = []
        self.group: list[NDArray[np.uint64]] = []
        self.cells: list[pa.Array] | None = []
        self.bytes = 0

    def read(
        self,
        number: int,
        delivery: Delivery,
        way: Transform | None,
        kinds: Collection[int],
        keep: Ints | None,
        group: NDArray[np.uint64] | None,
    ) -> None:
        """``keep``: the rows that matter, ascending (None: all); ``group`` is theirs."""
        allowed = np.zeros(32, dtype=bool)
        allowed[list(kinds)] = True
        for batch in stored.batches(delivery.mapped, [ROW, GEOMETRY], _BATCH):
            rows, cells = batch.column(0).to_numpy(), batch.column(1)
            if way is not None:
                cells = way.wkb(cells)
            seen = wkb.extents(cells)
            good = allowed[np.clip(seen.kind, 0, 31)] & seen.built & ~seen.empty & np.isfinite(seen.bounds).all(axis=1)
            if keep is not None and len(keep):
                at = np.minimum(np.searchsorted(keep, rows), len(keep) - 1)
                good &= keep[at] == rows
            elif keep is not None:
                good[:] = False
            if not good.any():
                continue
            some = np.flatnonzero(good)
            sizes = np.diff(wkb.buffers(cells)[0])[some]
            self.bytes += int(sizes.sum())
            if self.bytes > _KEPT:
                self.cells = None
            if self.cells is not None:
                self.cells.append(cells if len(some) == len(cells) else cells.take(pa.array(some)))
            self.number.append(np.full(len(some), number, dtype=np.int16))
            self.row.append(rows[some])
            self.bounds.append(seen.bounds[some])
            self.size.append(sizes.astype(np.int32))
            if group is not None and keep is not None:
                self.group.append(group[at[some]])

    def features(self, deliveries: Sequence[Delivery], crs: str, ways: Sequence[Transform | None]) -> Features:
        number = np.concatenate([np.zeros(0, dtype=np.int16), *self.number])
        checked = np.array([d.checked for d in deliveries], dtype=bool)
        return Features(
            deliveries,
            crs,
            number,
            np.concatenate([np.zeros(0, dtype=np.int64), *self.row]),
            np.concatenate([np.zeros((0, 4)), *self.bounds]),
            np.concatenate([np.zeros(0, dtype=np.int32), *self.size]),
            checked[number] if len(number) else np.zeros(0, dtype=bool),
            np.concatenate(self.group) if self.group else None,
            ways,
            self.cells,
        )


def ground_of(*features: Features) -> Ground:
    """The ground under some features, which are all in one CRS."""
    extents = np.array([each.extent for each in features if len(each)] or [np.zeros(4)])
    return Ground(features[0].crs, np.concatenate([extents[:, :2].min(axis=0), extents[:, 2:].max(axis=0)]))


def valid(shapes: Shapes) -> NDArray[np.bool_]:
    """Which shapes GEOS can compare; a collection with a curve in it is none."""
    try:
        return np.asarray(shapely.is_valid(shapes))
    except shapely.errors.GEOSException:
        return np.array(
            [bool(valid(shapes[at : at + 1])[0]) if len(shapes) > 1 else False for at in range(len(shapes))]
        )


def built(cells: pa.Array) -> Shapes:
    """WKB as shapes, None where there is none or GEOS builds none."""
    return wkb.built(cells.to_numpy(zero_copy_only=False))


def _way(source: str, target: str) -> Transform | None:
    """How a CRS is brought into another, exactly; None where nothing has to be done."""
    if reference_systems.canonical(source) == reference_systems.canonical(target):
        return None
    way = reference_systems.plan(source, target)
    return way if way.steps else None


def _concerned(
    context: Context, asked: StandardRule, delivery: Delivery, by: Sequence[str], *, own: bool, alone: bool
) -> tuple[Ints | None, NDArray[np.uint64] | None]:
    """The rows that take part (None: all), ascending, and the group of each."""
    grouped = alone or bool(by)
    if own and (grouped or "when" in asked.parameters):
        same = [f"CAST({identifier(field)} AS VARCHAR)" for field in by]
        group = f"hash([{', '.join(same)}])" if same else "0::UBIGINT"
        found = context.con.execute(
            f"SELECT {ROW}, {group} AS same FROM ({delivery.table.sql}) "
            f"WHERE {delivery.sound} AND {context.concerned(asked, delivery)} ORDER BY {ROW}"
        ).fetchnumpy()
        rows, groups = np.asarray(found[ROW], dtype=np.int64), np.asarray(found["same"], dtype=np.uint64)
        if alone:  # before a fusion, what different sources say of one thing lies on each other
            groups ^= np.uint64(_source_number(context, delivery))
        return rows, groups if grouped else None
    if delivery.broken is None:
        return None, None
    count = context.con.execute(f"SELECT count(*) FROM {delivery.broken}").fetchone()
    if not count or not count[0]:
        return None, None
    found = context.con.execute(
        f"SELECT {ROW} FROM {delivery.table.source} WHERE {delivery.sound} ORDER BY {ROW}"
    ).fetchnumpy()
    return np.asarray(found[ROW], dtype=np.int64), None


def _source_number(context: Context, delivery: Delivery) -> int:
    """The same number for the same source."""
    paths = [d.mapped.staged.source.path for d in context.deliveries]
    return paths.index(delivery.mapped.staged.source.path) + 1
