"""Working copies of all geometries: two-dimensional, sound, in one CRS in metres.

Matching happens on these copies; what a source delivered is kept beside them, reprojected to
the CRS of the result and otherwise untouched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cimkit import crs as reference_systems
from cimkit import duck, wkb
from cimkit.errors import SourceError
from cimkit.fuse import shapes
from cimkit.fuse.arrays import Ints
from cimkit.fuse.findings import Findings
from cimkit.fuse.profiles import Profile
from cimkit.fuse.records import Input, Roster
from cimkit.model import BBox, Progress

if TYPE_CHECKING:
    import duckdb

#: Small, because a record's polygon can be large; what is in memory is one batch.
BATCH_ROWS = 16_384
#: Where all sources are nowhere, any CRS in metres does.
_NOWHERE: BBox = (0.0, 0.0, 0.0, 0.0)


def align(
    con: duckdb.DuckDBPyConnection,
    roster: Roster,
    profile: Profile,
    crs: str,
    findings: Findings,
    progress: Progress,
) -> str:
    """Make the tables of places and shapes; returns the CRS of the working copies.

    ``place(rid, source, x, y, area, geom)``: x, y of the centroid and area in metres; along
    a Hilbert curve within each source, which the spatial join needs to be fast. Records
    without a usable geometry are not in it. ``shape(rid, wkb)``: the delivered geometry in
    ``crs``.

    Raises:
        SourceError: a source has geometries but no CRS, or no transformation is known.
    """
    working = working_crs(roster.inputs)
    con.execute(
        "CREATE TEMP TABLE located (source INTEGER, row BIGINT, x DOUBLE, y DOUBLE, area DOUBLE, wkb BLOB);"
        "CREATE TEMP TABLE kept (source INTEGER, row BIGINT, wkb BLOB)"
    )
    done, total = 0, sum(roster.records.values())
    for item in roster.inputs:
        for located, kept in _batches(item, working, crs, profile):
            con.register("batch", located)
            con.execute("INSERT INTO located SELECT * FROM batch")
            con.register("batch", kept)
            con.execute("INSERT INTO kept SELECT * FROM batch WHERE wkb IS NOT NULL")
            con.unregister("batch")
            done += kept.num_rows
            progress("align", done, total)
    con.execute(
        f"""
        CREATE TABLE shape AS
            SELECT rid, kept.wkb FROM kept JOIN record USING (source, row) ORDER BY rid;
        CREATE TABLE place AS
            SELECT rid, source, x, y, area, ST_GeomFromWKB(wkb) AS geom
            FROM located JOIN record USING (source, row)
            ORDER BY source, ST_Hilbert(x, y, {_extent(con)}), rid;
        DROP TABLE located; DROP TABLE kept
        """
    )
    _report_missing(con, findings)
    return working


def working_crs(inputs: Sequence[Input]) -> str:
    """The CRS to match in: the sources' own where they share one in metres, else one made for their area."""
    names = {reference_systems.canonical(item.source.crs) for item in inputs if item.source.crs}
    if len(names) == 1 and _is_metric(name := next(iter(names))):
        return name
    boxes = [box for item in inputs if (box := _bbox_crs84(item)) is not None]
    if not boxes:
        return reference_systems.local_metric(_NOWHERE)
    low, high = np.min([box[:2] for box in boxes], axis=0), np.max([box[2:] for box in boxes], axis=0)
    return reference_systems.local_metric((float(low[0]), float(low[1]), float(high[0]), float(high[1])))


def _is_metric(name: str) -> bool:
    """Whether a unit of the CRS is a metre on the ground; on the Mercator of web maps it is not."""
    if reference_systems.is_geographic(name) or reference_systems.metres_per_unit(name) != 1.0:
        return False
    operation = reference_systems.pyproj_crs(name).coordinate_operation
    return operation is None or not operation.method_name.startswith(("Mercator", "Popular Visualisation"))


def _bbox_crs84(item: Input) -> BBox | None:
    if item.source.crs is None:
        return None
    box = np.array([np.inf, np.inf, -np.inf, -np.inf])
    for delivered in _delivered(item):
        corners = shapes.bounds(shapes.parse(delivered))
        corners = corners[np.isfinite(corners).all(axis=1)]
        low, high = corners[:, :2].min(axis=0, initial=np.inf), corners[:, 2:].max(axis=0, initial=-np.inf)
        box = np.concatenate([np.minimum(box[:2], low), np.maximum(box[2:], high)])
    bbox = (float(box[0]), float(box[1]), float(box[2]), float(box[3]))
    return reference_systems.bbox_crs84(bbox, item.source.crs) if np.isfinite(box).all() else None


def _delivered(item: Input) -> Iterator[pa.Array]:
    """A source's geometries as WKB, batch after batch in the order of its rows."""
    if item.geometry is None:
        return
    with pq.ParquetFile(item.source.path, pre_buffer=False) as file:
        for batch in file.iter_batches(BATCH_ROWS, columns=[item.geometry]):
            yield batch.column(0)


def _batches(item: Input, working: str, crs: str, profile: Profile) -> Iterator[tuple[pa.Table, pa.Table]]:
    """A source's geometries, batch after batch: (working copies, delivered ones in ``crs``)."""
    start = 0
    for delivered in _delivered(item):
        rows = np.arange(start, start + len(delivered))
        start += len(delivered)
        if delivered.null_count == len(delivered):
            continue
        if item.source.crs is None:
            raise SourceError(
                f"Source '{item.source.name}' has geometries but no coordinate reference system is known for it.",
                hint="Say which CRS its coordinates are in.",
            )
        # DuckDB, which will read what is kept, trusts its bytes.
        sound, _ = wkb.mended(delivered.cast(pa.binary()))
        kept = reference_systems.plan(item.source.crs, crs).wkb(sound)
        moved = reference_systems.plan(item.source.crs, working).wkb(sound)
        source = pa.array(np.full(len(rows), item.number, dtype=np.int32))
        yield _working_copies(moved, rows, item, profile), pa.table({"source": source, "row": rows, "wkb": kept})


def _working_copies(moved: pa.Array, rows: Ints, item: Input, profile: Profile) -> pa.Table:
    import shapely

    parsed = shapes.parse(moved)
    usable = shapes.placed(parsed)
    compared = (shapes.as_points if profile.compares == "text" else shapes.as_areas)(shapely.force_2d(parsed[usable]))
    usable[usable] = there = shapes.placed(compared)
    centres = shapely.centroid(compared[there])
    return pa.table(
        {
            "source": pa.array(np.full(int(there.sum()), item.number, dtype=np.int32)),
            "row": rows[usable],
            "x": shapely.get_x(centres),
            "y": shapely.get_y(centres),
            "area": shapely.area(compared[there]),
            "wkb": pa.array(shapely.to_wkb(compared[there]), type=pa.binary()),
        }
    )


def _extent(con: duckdb.DuckDBPyConnection) -> str:
    row = con.execute("SELECT min(x), min(y), max(x), max(y) FROM located").fetchone()
    corners = [0.0 if value is None else float(value) for value in row or ()]
    keys = ("min_x", "min_y", "max_x", "max_y")
    return "{" + ", ".join(f"'{k}': {duck.literal(v)}" for k, v in zip(keys, corners, strict=True)) + "}::BOX_2D"


def _report_missing(con: duckdb.DuckDBPyConnection, findings: Findings) -> None:
    """Say how many records of each source have no geometry that can be compared."""
    rows = con.execute(
        """
        SELECT name, count(*), count(*) FILTER (EXISTS (FROM shape WHERE shape.rid = record.rid)), min(id)
        FROM record JOIN origin USING (source)
        WHERE NOT EXISTS (FROM place WHERE place.rid = record.rid)
        GROUP BY name, source ORDER BY source
        """
    ).fetchall()
    for name, count, unusable, example in rows:
        detail = f", {unusable} of them one that cannot be used" if unusable else ""
        findings.add(
            "fuse.no_geometry",
            "warning",
            name,
            f"{count} records have no usable geometry{detail}, as '{example}'; they are matched with nothing.",
        )
