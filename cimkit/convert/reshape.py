"""The geometry as the target takes it, and what every change to it was: counted, with the first record as example."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from cimkit import wkb
from cimkit.convert.bent import Bent, named
from cimkit.convert.kinds import COLLECTION, family_of_collection
from cimkit.convert.precision import Precision
from cimkit.convert.records import BATCH_ROWS, GEOMETRY, ROW, Records
from cimkit.convert.shapes import Shapes
from cimkit.convert.straight import COLLECTIONS, CURVES, SIMPLE, SURFACES, part_kinds, redimensioned, straightened
from cimkit.crs import Transform
from cimkit.formats.profile import Profile

#: A change of a coordinate that is smaller than this share of its last decimal is that of its binary form.
_NOISE = 0.01
#: A degree on the ground, and the units a distance is told in.
_METRES = 111_320.0
_SIZES = ((1.0, "m"), (1e-2, "cm"), (1e-3, "mm"), (1e-6, "µm"), (1e-9, "nm"))
_MULTI = {1: 4, 2: 5, 3: 6}
_EMPTY = {1: "POINT EMPTY", 2: "LINESTRING EMPTY", 3: "POLYGON EMPTY", 4: "MULTIPOINT EMPTY",
          5: "MULTILINESTRING EMPTY", 6: "MULTIPOLYGON EMPTY"}  # fmt: skip


def reshaped(
    records: Records, found: Shapes, way: Transform, profile: Profile, precision: Precision | None, folder: Path
) -> tuple[Records, Shapes, list[Bent]]:
    """The records with the geometry that is written, its kinds, and what was changed in it.

    Reprojected; curves and surfaces in simple kinds where the format or its usual readers have
    no others; single or multi, with or without Z and M, null or empty as the format has it.
    """
    work = _Reshaping(found, way, profile, precision)
    if not records.has_geometry or not work.is_needed:
        return records, found, []
    path = folder / "shaped.parquet"
    with pq.ParquetFile(records.path, pre_buffer=False) as file:
        schema = file.schema_arrow.remove_metadata()
        place = schema.get_field_index(GEOMETRY)
        plain = [name for name in schema.names if name != GEOMETRY]
        with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=plain, write_statistics=plain) as writer:
            for batch in file.iter_batches(BATCH_ROWS):
                after = work.batch(_as_binary(batch.column(place)), batch.column(ROW).to_numpy())
                columns = [
                    after.cast(schema.field(place).type) if i == place else c for i, c in enumerate(batch.columns)
                ]
                written = pa.RecordBatch.from_arrays(columns, schema=schema)
                writer.write_batch(written if profile.null_geometry or profile.empty_geometry else _placed(written))
    rows = records.rows - work.left_out
    return replace(records, path=path, rows=rows), Shapes(work.kinds, work.null, 0), work.changes()


class _Reshaping:
    def __init__(self, found: Shapes, way: Transform, profile: Profile, precision: Precision | None) -> None:
        self.profile = profile
        self.way = way
        self.mends = bool(found.damaged) and not (profile.damaged and not way.steps)
        self.bent = frozenset().union(
            () if profile.curves else CURVES | COLLECTIONS, () if profile.surfaces else SURFACES
        )
        kinds = {kind for kind, _, _ in found.kinds}
        straight = {SIMPLE.get(kind, kind) for kind in kinds}
        mixed = [single for single, multi in _MULTI.items() if single in straight and multi in straight]
        self.promoted = (profile.wraps & straight) | {
            single for single in mixed if profile.one_kind == "one" and _MULTI[single] not in profile.unwraps
        }
        self.z = self._dimension(found, 1, profile.heights, profile.adds_heights)
        self.m = self._dimension(found, 2, profile.measures, False)
        self.precision = precision
        self.stands_in = min(kinds, default=COLLECTION)
        self.is_needed = bool(
            way.steps
            or self.mends
            or kinds & self.bent
            or self.promoted
            or kinds & profile.unwraps
            or self.z is not None
            or self.m is not None
            or self.precision is not None
            or profile.finite_only
            or profile.longest_wkt is not None
            or not profile.open_rings
            or not profile.empty_geometry
            or (not profile.null_geometry and found.null)
            or ((not profile.collections or profile.flat_collections) and COLLECTION in kinds)
        )
        self.kinds: Counter[tuple[int, bool, bool]] = Counter()
        self.null = self.left_out = 0
        self._bent: dict[tuple[str, str], Bent] = {}

    def _dimension(self, found: Shapes, place: int, held: bool, added: bool) -> bool | None:
        """Whether all geometries are to have Z (or M), or None where each may have its own."""
        have = {key[place] for key in found.kinds}
        if not held:
            return False if True in have else None
        if added or (self.profile.one_dimension and len(have) == 2):
            return True if False in have else None
        return None

    def changes(self) -> list[Bent]:
        return list(self._bent.values())

    # ---- one batch

    def batch(self, array: pa.Array, rows: NDArray[np.int64]) -> pa.Array:
        self._rows, self._before = rows, array
        if self.mends:
            bad = ~wkb.sound(array)
            self._tell("geometry.dropped", "damaged", bad, None)
            array = _without(array, bad)
        array = self._straightened(array)
        before = array
        array = self.way.wkb(array)
        lost = np.asarray(array.is_null()) & np.asarray(before.is_valid())
        self._tell("geometry.dropped", "no_place", lost, None)
        if self._goes_through_geos(array):
            array = self._simple(array)
        kind, has_z, has_m = wkb.heads(array)
        for key in zip(kind.tolist(), has_z.tolist(), has_m.tolist(), strict=True):
            if key[0] > 0:
                self.kinds[key] += 1
        self.null += array.null_count
        return array

    def _straightened(self, array: pa.Array) -> pa.Array:
        after = straightened(array, self.bent)
        self._drawn = np.zeros(len(array), dtype=bool)
        if after is array:
            return array
        kind, _, _ = wkb.heads(array)
        changed = np.isin(kind, tuple(self.bent))
        for row in np.flatnonzero(kind == COLLECTION):
            changed[row] = changed[row] and _holds(array[int(row)].as_py(), self.bent - COLLECTIONS)
        self._drawn = changed
        surface = changed & np.isin(kind, tuple(SURFACES))
        self._tell("geometry.curve", "curves", changed & ~surface, after)
        self._tell("geometry.flattened", "surfaces", surface, after)
        return after

    def _goes_through_geos(self, array: pa.Array) -> bool:
        profile = self.profile
        return bool(
            self.promoted or profile.unwraps or self.z is not None or self.m is not None or self.precision is not None
            or profile.finite_only or not profile.open_rings or not profile.empty_geometry
            or profile.longest_wkt is not None
            or not profile.null_geometry or not profile.collections or profile.flat_collections
        )  # fmt: skip

    def _simple(self, array: pa.Array) -> pa.Array:
        import shapely

        array = self._redimensioned(array)
        values = array.to_numpy(zero_copy_only=False)
        shapes = wkb.built(values)
        kind, _, _ = wkb.heads(array)
        here = shapely.is_geometry(shapes)
        drop = np.zeros(len(kind), dtype=bool)
        if not self.profile.open_rings:
            unbuilt = (kind != 0) & ~here
            self._tell("geometry.dropped", "open_rings", unbuilt, None)
            drop |= unbuilt
        if self.profile.finite_only:
            drop |= self._not_finite(shapes)
        if self.profile.longest_wkt is not None:
            drop |= self._too_long(shapes, self.profile.longest_wkt)
        changed = np.zeros(len(kind), dtype=bool)
        if not self.profile.collections or self.profile.flat_collections:
            drop |= self._collections(shapes, changed, array)
        self._single_or_multi(shapes, changed)
        if self.precision is not None:
            self._rounded(shapes, changed)
        empty = here & shapely.is_empty(shapes) & ~drop
        if not self.profile.empty_geometry:
            self._tell("null.merged", "empty_geometry", empty, None)
            drop |= empty
        written = values.copy()
        at = np.flatnonzero(changed & ~drop)
        written[at] = shapely.to_wkb(shapes[at], flavor="iso", byte_order=1, output_dimension=4)
        written[drop] = None
        if not self.profile.null_geometry:
            self._without_null(written)
        return pa.array(written, type=array.type, from_pandas=True)

    def _redimensioned(self, array: pa.Array) -> pa.Array:
        import shapely

        _, has_z, has_m = wkb.heads(array)
        there = np.asarray(array.is_valid())
        wrong = {}
        for name, wanted, has in (("z", self.z, has_z), ("m", self.m, has_m)):
            if wanted is not None:
                wrong[name] = there & (has != wanted)
        change = np.zeros(len(array), dtype=bool).copy()
        for bad in wrong.values():
            change |= bad
        if not change.any():
            return array
        values = array.to_numpy(zero_copy_only=False).copy()
        sound = wkb.sound(array.take(pa.array(np.flatnonzero(change))))
        change[np.flatnonzero(change)[~sound]] = False
        for row in np.flatnonzero(change):
            z = bool(has_z[row]) if self.z is None else self.z
            m = bool(has_m[row]) if self.m is None else self.m
            values[row] = redimensioned(values[row], z=z, m=m)
        after = pa.array(values, type=array.type, from_pandas=True)
        change &= ~shapely.is_empty(wkb.built(values))  # nobody misses a dimension there
        for name, bad in wrong.items():
            why = f"{name}_added" if {"z": self.z, "m": self.m}[name] else f"no_{name}"
            self._tell("geometry.dimension", why, bad & change, after)
        return after

    def _not_finite(self, shapes: Any) -> NDArray[np.bool_]:
        import shapely

        points, owner = shapely.get_coordinates(shapes, include_z=True, return_index=True)
        has_z = shapely.has_z(shapes)[owner]
        wrong = ~np.isfinite(points[:, 0]) | ~np.isfinite(points[:, 1]) | (has_z & ~np.isfinite(points[:, 2]))
        bad = np.zeros(len(shapes), dtype=bool)
        bad[owner[wrong]] = True
        self._tell("geometry.dropped", "no_numbers", bad, None)
        return bad

    def _too_long(self, shapes: Any, longest: int) -> NDArray[np.bool_]:
        import shapely

        bad = np.zeros(len(shapes), dtype=bool)
        # A point takes at least four characters, and hardly ever more than eighty.
        for row in np.flatnonzero(shapely.get_num_coordinates(shapes) > longest // 80):
            text = shapely.to_wkt(shapes[row], rounding_precision=17, trim=True, output_dimension=4)
            bad[row] = len(text) > longest
        self._tell("geometry.dropped", "long_geometry", bad, None, longest=longest)
        return bad

    def _collections(self, shapes: Any, changed: NDArray[np.bool_], array: pa.Array) -> NDArray[np.bool_]:
        import shapely

        mixed = np.zeros(len(shapes), dtype=bool)
        flat = np.zeros(len(shapes), dtype=bool)
        makers = {"point": shapely.multipoints, "line": shapely.multilinestrings, "polygon": shapely.multipolygons}
        for row in np.flatnonzero(shapely.get_type_id(shapes) == COLLECTION):
            family = family_of_collection(array[int(row)].as_py())
            if shapely.is_empty(shapes[row]):
                continue
            if family in makers:
                shapes[row] = makers[family](list(_leaves(shapes[row])))
                flat[row] = changed[row] = True
            else:
                mixed[row] = not self.profile.collections
        self._tell("geometry.multi", "flat_collection", flat, shapes)
        self._tell("geometry.dropped", "mixed_collection", mixed, None)
        return mixed

    def _single_or_multi(self, shapes: Any, changed: NDArray[np.bool_]) -> None:
        import shapely

        kind = shapely.get_type_id(shapes)
        # GEOS has numbers of its own: 0 point, 1 line, 2 ring, 3 polygon, then as OGC does.
        ogc = np.where(kind == 0, 1, np.where(kind == 1, 2, kind))
        makers = {1: shapely.multipoints, 2: shapely.multilinestrings, 3: shapely.multipolygons}
        for single in sorted(self.promoted):
            chosen = (ogc == single) & ~shapely.is_empty(shapes)
            for row in np.flatnonzero(chosen):
                shapes[row] = makers[single]([shapes[row]])
            changed |= chosen
            self._tell("geometry.multi", "promoted", chosen, shapes)
        if self.profile.unwraps:
            chosen = np.isin(ogc, tuple(self.profile.unwraps)) & (shapely.get_num_geometries(shapes) == 1)
            shapes[chosen] = shapely.get_geometry(shapes[chosen], 0)
            changed |= chosen
            self._tell("geometry.multi", "unwrapped", chosen, shapes)

    def _rounded(self, shapes: Any, changed: NDArray[np.bool_]) -> None:
        import shapely

        assert self.precision is not None
        decimals = self.precision.decimals
        for with_z in (False, True):
            chosen = np.flatnonzero(
                shapely.is_geometry(shapes) & (shapely.has_z(shapes) == with_z) & ~shapely.has_m(shapes)
            )
            points, owner = shapely.get_coordinates(shapes[chosen], include_z=with_z, return_index=True)
            near = points.copy()
            with np.errstate(invalid="ignore", over="ignore"):
                rounded = np.round(points[:, :2], decimals)
                near[:, :2] = np.where(np.isfinite(rounded), rounded, points[:, :2])  # 1e308 would become infinite
                apart = np.abs(near - points)[:, :2].max(axis=1, initial=0.0)
            shapes[chosen] = shapely.set_coordinates(shapes[chosen], near)
            changed[chosen[np.unique(owner[apart > 0])]] = True
            if not self.way.steps:
                told = np.zeros(len(shapes), dtype=bool)
                told[chosen[np.unique(owner[(apart > _NOISE * 10.0**-decimals) | self.profile.snaps])]] = True
                told &= ~self._drawn  # the points of chords are not the source's own
                self._tell_rounded(told, points, near, owner, chosen, apart)

    def _tell_rounded(
        self,
        told: NDArray[np.bool_],
        before: NDArray[np.float64],
        after: NDArray[np.float64],
        owner: NDArray[np.int64],
        chosen: NDArray[np.int64],
        apart: NDArray[np.float64],
    ) -> None:
        """Told with the point that moves farthest in the first geometry, since whole geometries look alike."""
        assert self.precision is not None
        decimals = self.precision.decimals
        unit = 10.0**-decimals * (_METRES if self.precision.degrees else 1.0)
        self._tell("geometry.rounded", "rounded", told, None, decimals=decimals, size=_size(unit))
        example = self._bent.get(("geometry.rounded", "rounded"))
        if example is None or example.example is None or not told.any() or example.example["after"] is not None:
            return
        first = int(np.flatnonzero(told)[0])
        points = np.flatnonzero(chosen[owner] == first)
        farthest = points[np.argmax(apart[points])]
        for name, point in (("before", before), ("after", after)):
            example.example[name] = " ".join(repr(float(value)) for value in point[farthest, :2])
        if example.example["before"] == example.example["after"]:
            example.example = None  # what a grid makes of it is not known here

    def _without_null(self, written: Any) -> None:
        import shapely

        null = np.array([value is None for value in written], dtype=bool)
        if self.profile.empty_geometry:
            self._tell("null.merged", "null_geometry", null, None)
            written[null] = shapely.from_wkt(_EMPTY.get(self.stands_in, "GEOMETRYCOLLECTION EMPTY")).wkb
        else:
            self._tell("rows.left_out", "no_geometry_rows", null, None)
            self.left_out += int(null.sum())

    def _tell(
        self,
        code: str,
        why: str,
        chosen: NDArray[np.bool_],
        after: Any,
        **values: Any,
    ) -> None:
        count = int(chosen.sum())
        if not count:
            return
        told = self._bent.setdefault((code, why), Bent(code, why, values=values))
        told.count += count
        if told.example is None:
            first = int(np.flatnonzero(chosen)[0])
            row, before = int(self._rows[first]), named(self._before, first)
            told.example = {"row": row, "before": before, "after": named(after, first)}


def _size(metres: float) -> str:
    """A distance in two digits of a unit that suits it."""
    unit, name = next((pair for pair in _SIZES if metres >= pair[0]), _SIZES[-1])
    return f"{float(f'{metres / unit:.2g}'):g} {name}"


def _leaves(shape: Any) -> Any:
    for part in getattr(shape, "geoms", [shape]):
        if hasattr(part, "geoms"):
            yield from _leaves(part)
        else:
            yield part


def _holds(collection: bytes, kinds: Set[int]) -> bool:
    try:
        return not kinds.isdisjoint(part_kinds(collection))
    except ValueError:
        return False


def _placed(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch.filter(batch.column(GEOMETRY).is_valid())


def _as_binary(array: pa.Array) -> pa.Array:
    return array.cast(pa.binary()) if array.type != pa.binary() else array


def _without(array: pa.Array, bad: NDArray[np.bool_]) -> pa.Array:
    if not bad.any():
        return array
    values = array.to_numpy(zero_copy_only=False).copy()
    values[bad] = None
    return pa.array(values, type=array.type, from_pandas=True)
