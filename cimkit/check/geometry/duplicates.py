"""No two records of a layer have the same geometry, wherever its lines begin and however they run.

Records with the same bounds are put into GEOS's normal form (parts and rings in one order,
beginning and direction) and compared byte by byte; heights count. Any other record needs no geometry at all.
Coordinates of different reference systems are not compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from cimkit import crs as reference_systems
from cimkit import wkb
from cimkit.check.columns import GEOMETRY, ROW
from cimkit.check.delivery import ROWS, Delivery
from cimkit.check.geometry.asked import geometry_rule
from cimkit.check.geometry.validity import read
from cimkit.check.outcomes import Outcome
from cimkit.check.relations.other_record import other_record
from cimkit.check.rules import Rule
from cimkit.formats import stored
from cimkit.messages import say
from cimkit.model import Skipped
from cimkit.standard import LayerSchema

if TYPE_CHECKING:
    from cimkit.check.kinds import Context

_BATCH = 65_536
_MULTI = (4, 5, 6)


def decide_unique(
    layer: LayerSchema, of: Sequence[Delivery], context: Context
) -> Iterator[tuple[Delivery, Outcome] | Skipped]:
    """The outcome for each delivery of a layer; records of all of them are compared."""
    rule = geometry_rule(layer, "unique", "geometry.duplicate", {"unique": True})
    systems: dict[str | None, list[Delivery]] = {}
    for delivery in of:
        crs = delivery.mapped.crs
        systems.setdefault(None if crs is None else reference_systems.canonical(crs), []).append(delivery)
    if len(systems) > 1:
        yield Skipped(rule.rule, say("skipped.systems", context.lang, count=len(systems)))
    for together in systems.values():
        yield from _decide(rule, together, context)


def _decide(rule: Rule, of: Sequence[Delivery], context: Context) -> Iterator[tuple[Delivery, Outcome] | Skipped]:
    """The outcome for each of some deliveries that have one coordinate reference system."""
    con = context.con
    bounds, alike, twice = (context.new_table(f"geometry_{what}") for what in ("bounds", "alike", "twice"))
    con.execute(f"CREATE TABLE {bounds} (place BIGINT, a DOUBLE, b DOUBLE, c DOUBLE, d DOUBLE)")
    checked = {}
    beyond = 0
    for delivery in of:
        checked[delivery.number], unjudged = _add_bounds(context, delivery, bounds)
        beyond += unjudged
    con.execute(
        f"CREATE TABLE {alike} AS SELECT place FROM {bounds} SEMI JOIN "
        f"(SELECT a, b, c, d FROM {bounds} GROUP BY ALL HAVING count(*) > 1) USING (a, b, c, d)"
    )
    forms = context.new_table("geometry_forms")
    con.execute(f"CREATE TABLE {forms} (place BIGINT, form VARCHAR)")
    for delivery in of:
        unjudged = _add_forms(context, delivery, alike, forms)
        checked[delivery.number] -= unjudged
        beyond += unjudged
    if beyond:
        yield Skipped(rule.rule, say("skipped.unjudged", context.lang, count=beyond))
    # The first of those that are the same is told of the second, all others of the first.
    con.execute(
        f"CREATE TABLE {twice} AS SELECT place, CASE WHEN place = two[1] THEN two[2] ELSE two[1] END AS other "
        f"FROM {forms} JOIN (SELECT form, min(place, 2) AS two FROM {forms} GROUP BY form HAVING count(*) > 1) "
        "USING (form)"
    )
    for delivery in of:
        hint = other_record("other", delivery, context.deliveries, context.lang)
        query = f"SELECT place % {ROWS} AS {ROW}, {hint} AS hint FROM {twice} WHERE place // {ROWS} = {delivery.number}"
        yield delivery, context.from_query(rule, delivery, checked[delivery.number], query)
    for table in (bounds, alike, forms):
        con.execute(f"DROP TABLE {table}")


def _add_bounds(context: Context, delivery: Delivery, table: str) -> tuple[int, int]:
    """Keep the bounds of every sound record; how many there are, and how many are beyond GEOS."""
    con = context.con
    for batch in stored.batches(delivery.mapped, [ROW, GEOMETRY], _BATCH):
        found = wkb.extents(batch.column(GEOMETRY)).bounds + 0.0  # minus zero is zero
        kept = batch.column(ROW).to_numpy()
        columns = [pa.array(kept), *(pa.array(found[:, axis]) for axis in range(4))]
        con.register("geometry_bounds", pa.table(columns, names=[ROW, "a", "b", "c", "d"]))
        con.execute(
            f"INSERT INTO {table} SELECT {ROW} + {delivery.number * ROWS}, a, b, c, d FROM geometry_bounds "
            f"WHERE {delivery.sound}"
        )
        con.unregister("geometry_bounds")
    mine = f"place // {ROWS} = {delivery.number}"
    # What has no bounds and is yet not known to be broken are curves and surfaces in space.
    count = con.execute(f"SELECT count(*), count_if(isnan(a)) FROM {table} WHERE {mine}").fetchone() or (0, 0)
    con.execute(f"DELETE FROM {table} WHERE {mine} AND isnan(a)")
    return int(count[0]) - int(count[1] or 0), int(count[1] or 0)


def _add_forms(context: Context, delivery: Delivery, alike: str, table: str) -> int:
    """Keep the digest of the normal form of every record of which another has the same bounds; how many have none."""
    without = 0
    wanted = f"SELECT place % {ROWS} AS {ROW} FROM {alike} WHERE place // {ROWS} = {delivery.number}"
    sql = f"SELECT {ROW}, {GEOMETRY} FROM {delivery.table.source} SEMI JOIN ({wanted}) USING ({ROW})"
    reader = context.con.cursor().execute(sql).to_arrow_reader(_BATCH)
    for batch in reader:
        forms = normal_forms(read(batch.column(1).cast(pa.binary())))
        without += sum(form is None for form in forms)
        found = pa.table([batch.column(0), pa.array(forms, pa.binary(), from_pandas=True)], names=[ROW, "form"])
        context.con.register("geometry_forms_found", found)
        context.con.execute(
            f"INSERT INTO {table} SELECT {ROW} + {delivery.number * ROWS}, md5(form) FROM geometry_forms_found "
            "WHERE form IS NOT NULL"
        )
        context.con.unregister("geometry_forms_found")
    return without


def normal_forms(shapes: NDArray[Any]) -> NDArray[Any]:
    """The bytes of normal forms; a collection of one part is that part. None for one with curves in it."""
    try:
        return _normal_forms(shapes)
    except (NotImplementedError, shapely.errors.GEOSException):
        if len(shapes) == 1:
            return np.array([None], dtype=object)
        halves = np.split(shapes, [len(shapes) // 2])
        return np.concatenate([normal_forms(half) for half in halves])


def _normal_forms(shapes: NDArray[Any]) -> NDArray[Any]:
    single = np.isin(shapely.get_type_id(shapes), _MULTI) & (shapely.get_num_geometries(shapes) == 1)
    shapes = np.where(single, shapely.get_geometry(shapes, 0), shapes)
    shapes = np.array([_without_minus_zero(shape) for shape in shapes]) if _minus_zero(shapes) else shapes
    return np.asarray(shapely.to_wkb(shapely.normalize(shapes), byte_order=1, flavor="iso"))


def _minus_zero(shapes: Any) -> bool:
    """Whether a coordinate is minus zero, which is the same place as zero."""
    xyz = shapely.get_coordinates(shapes, include_z=True)
    return bool(((xyz == 0) & np.signbit(xyz)).any())


def _without_minus_zero(shape: Any) -> Any:
    if not _minus_zero(shape):
        return shape
    return shapely.transform(shape, lambda xyz: xyz + 0.0, include_z=bool(shape.has_z))
