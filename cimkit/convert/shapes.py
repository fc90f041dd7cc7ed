"""The geometry as the target takes it: reprojected, straight where it must be, without damage."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cimkit import duck, wkb
from cimkit.convert.records import BATCH_ROWS, GEOMETRY, Records
from cimkit.convert.straight import COLLECTIONS, CURVES, SURFACES, straightened
from cimkit.crs import Transform

if TYPE_CHECKING:
    import duckdb

GEOPARQUET, GPKG = "Parquet", "GPKG"
#: The kinds a layer may declare; a layer of anything else declares none.
_NAMES = {
    1: "Point", 2: "LineString", 3: "Polygon", 4: "MultiPoint", 5: "MultiLineString", 6: "MultiPolygon",
    7: "GeometryCollection",
}  # fmt: skip


@dataclass(frozen=True)
class Shapes:
    """The geometries by OGC kind number and whether they have M, and how many are null or damaged."""

    kinds: Counter[tuple[int, bool, bool]]
    null: int
    damaged: int

    def of(self, kinds: frozenset[int]) -> int:
        return sum(count for (kind, _, _), count in self.kinds.items() if kind in kinds)

    @property
    def measured(self) -> int:
        return sum(count for (_, _, has_m), count in self.kinds.items() if has_m)

    @property
    def placed(self) -> int:
        return sum(self.kinds.values())

    @property
    def declared(self) -> str:
        """The one kind there is, as a format declares it for a layer, or "Unknown"."""
        if len(self.kinds) != 1:
            return "Unknown"
        ((kind, has_z, has_m),) = self.kinds
        name = _NAMES.get(kind, "Unknown")
        return "Unknown" if has_m else f"{name}{' Z' if has_z and name != 'Unknown' else ''}"


def look(records: Records, *, suspect: bool) -> Shapes:
    """One look at all geometries; ``suspect`` if some may be damaged, as staging found."""
    kinds: Counter[tuple[int, bool, bool]] = Counter()
    null = damaged = 0
    if records.has_geometry:
        with pq.ParquetFile(records.path) as file:
            for batch in file.iter_batches(BATCH_ROWS, columns=[GEOMETRY]):
                array = batch.column(0)
                kind, has_z, has_m = wkb.heads(array)
                # GEOS has seen the simple kinds in staging, but no curves.
                good = wkb.sound(array) if suspect or (kind > 7).any() else kind >= 0
                null += array.null_count
                damaged += int((~good).sum())
                whole = good & (kind > 0)
                found = np.stack([kind[whole], has_z[whole], has_m[whole]], axis=1)
                for row, count in zip(*np.unique(found, axis=0, return_counts=True), strict=True):
                    kinds[int(row[0]), bool(row[1]), bool(row[2])] += int(count)
    return Shapes(kinds, null, damaged)


def like_degrees(con: duckdb.DuckDBPyConnection, records: Records) -> bool:
    """Whether all coordinates could be longitudes and latitudes; true where there are none."""
    if not records.has_geometry:
        return True
    row = con.execute(
        "SELECT bool_and(ST_XMin(g) >= -180 AND ST_XMax(g) <= 180 AND ST_YMin(g) >= -90 AND ST_YMax(g) <= 90) "
        f"FROM (SELECT {wkb.geometry_sql(GEOMETRY)} AS g FROM {duck.parquet(records.path)}) WHERE NOT ST_IsEmpty(g)"
    ).fetchone()
    return row is None or row[0] is not False


def shaped(records: Records, found: Shapes, way: Transform, format: str, folder: Path) -> tuple[Records, int]:
    """The records with the geometry that is written, and how many geometries were lost in reprojection.

    Reprojected; curves and surfaces in simple kinds where the format or its usual readers
    have no others; damaged ones null where the format takes no damaged bytes.
    """
    bent = SURFACES if format == GPKG else CURVES | SURFACES | COLLECTIONS
    mends = found.damaged and (format != GEOPARQUET or way.steps)
    if not (records.has_geometry and (way.steps or found.of(bent) or mends)):
        return records, 0
    path = folder / "shaped.parquet"
    lost = 0
    with pq.ParquetFile(records.path) as file:
        schema = file.schema_arrow.remove_metadata()
        place = schema.get_field_index(GEOMETRY)
        plain = [name for name in schema.names if name != GEOMETRY]
        with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=plain, write_statistics=plain) as writer:
            for batch in file.iter_batches(BATCH_ROWS):
                array = _as_binary(batch.column(place))
                if mends:
                    array = _without_damage(array)
                array = straightened(array, bent)
                after = way.wkb(array)
                lost += after.null_count - array.null_count
                columns = [
                    after.cast(schema.field(place).type) if i == place else c for i, c in enumerate(batch.columns)
                ]
                writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
    return replace(records, path=path), lost


def _as_binary(array: pa.Array) -> pa.Array:
    return array.cast(pa.binary()) if array.type != pa.binary() else array


def _without_damage(array: pa.Array) -> pa.Array:
    bad = ~wkb.sound(array)
    if not bad.any():
        return array
    values = array.to_numpy(zero_copy_only=False).copy()
    values[bad] = None
    return pa.array(values, type=array.type, from_pandas=True)
