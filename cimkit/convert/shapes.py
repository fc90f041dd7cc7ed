"""What one look at all geometries shows: their kinds, how many are null or damaged, how far they reach."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq

from cimkit import duck, wkb
from cimkit.convert.records import BATCH_ROWS, GEOMETRY, Records
from cimkit.model import BBox, LayerFacts

if TYPE_CHECKING:
    import duckdb

#: The kinds a layer may declare; a layer of anything else declares none.
_NAMES = {
    1: "Point", 2: "LineString", 3: "Polygon", 4: "MultiPoint", 5: "MultiLineString", 6: "MultiPolygon",
    7: "GeometryCollection",
}  # fmt: skip


@dataclass(frozen=True)
class Shapes:
    """The geometries by OGC kind number and whether they have Z and M, and how many are null or damaged."""

    kinds: Counter[tuple[int, bool, bool]]
    null: int
    damaged: int

    def of(self, kinds: frozenset[int]) -> int:
        return sum(count for (kind, _, _), count in self.kinds.items() if kind in kinds)

    @property
    def placed(self) -> int:
        return sum(self.kinds.values())

    @property
    def has_m(self) -> bool:
        """Whether all have M."""
        return bool(self.kinds) and all(has_m for _, _, has_m in self.kinds)

    def declared(self, *, as_multi: bool = False, with_m: bool = False) -> str:
        """The one kind there is, as a format declares it for a layer, or "Unknown".

        ``as_multi`` takes single and multi for one kind; ``with_m`` says that M is told apart
        from the kind, else there is no word for geometries that have it.
        """
        kinds = {(kind, has_z) for kind, has_z, _ in self.kinds}
        if as_multi and len(kinds) > 1:
            kinds = {(kind if kind > 3 else kind + 3, has_z) for kind, has_z in kinds}
        if len(kinds) != 1 or (any(has_m for _, _, has_m in self.kinds) and not with_m):
            return "Unknown"
        ((kind, has_z),) = kinds
        name = _NAMES.get(kind, "Unknown")
        return f"{name}{' Z' if has_z and name != 'Unknown' else ''}"


def known(facts: LayerFacts) -> Shapes | None:
    """What staging has seen, if all of it is of the simple kinds and none is damaged."""
    if any(hint.code == "geometry.unreadable" for hint in facts.hints):
        return None
    numbers = {name: number for number, name in _NAMES.items()}
    kinds: Counter[tuple[int, bool, bool]] = Counter()
    for name, count in facts.geometry_kinds.items():
        base, _, dimension = name.partition(" ")
        if not count:  # the kind that a layer without geometries declares
            continue
        if base not in numbers:
            return None
        kinds[numbers[base], "Z" in dimension, "M" in dimension] += count
    return Shapes(kinds, facts.features - kinds.total(), 0)


def look(records: Records, *, suspect: bool) -> Shapes:
    """One look at all geometries; ``suspect`` if some may be damaged, as staging found."""
    kinds: Counter[tuple[int, bool, bool]] = Counter()
    null = damaged = 0
    if records.has_geometry:
        with pq.ParquetFile(records.path, pre_buffer=False) as file:
            for batch in file.iter_batches(BATCH_ROWS, columns=[GEOMETRY]):
                array = batch.column(0)
                kind, has_z, has_m = wkb.heads(array)
                # GEOS has seen the simple kinds in staging, but no curves.
                good = wkb.sound(array) if suspect or (kind > 7).any() else kind >= 0
                null += array.null_count
                damaged += int((~good).sum())
                whole = good & (kind > 0)
                code = kind[whole] * 4 + has_z[whole] * 2 + has_m[whole]
                for value, count in zip(*np.unique(code, return_counts=True), strict=True):
                    kinds[int(value) // 4, bool(value & 2), bool(value & 1)] += int(count)
    return Shapes(kinds, null, damaged)


def extent(con: duckdb.DuckDBPyConnection, records: Records) -> BBox | None:
    """How far all coordinates reach, None where there are none."""
    if not records.has_geometry:
        return None
    row = con.execute(
        "SELECT min(ST_XMin(g)), min(ST_YMin(g)), max(ST_XMax(g)), max(ST_YMax(g)) "
        f"FROM (SELECT {wkb.geometry_sql(GEOMETRY)} AS g FROM {duck.parquet(records.path)}) WHERE NOT ST_IsEmpty(g)"
    ).fetchone()
    return None if row is None or None in row else (row[0], row[1], row[2], row[3])


def are_degrees(box: BBox | None) -> bool:
    """Whether all coordinates could be longitudes and latitudes; true where there are none."""
    return box is None or (box[0] >= -180 and box[2] <= 180 and box[1] >= -90 and box[3] <= 90)
