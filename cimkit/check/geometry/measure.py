"""``measure``: what an attribute says of the geometry (area, length, perimeter, longitude, latitude), and what it is.

Areas and lengths are those on the ground, in the field's unit (``cim:unit``; m2, m and degrees where it
has none). A record fails where the two differ by more than the greater of the two tolerances: a share of the
attribute's value, or an amount in its unit. The longitude and latitude of anything but a point
may be any inside its bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from cimkit import crs as reference_systems
from cimkit import duck
from cimkit.check.columns import ROW, Column
from cimkit.check.delivery import Delivery
from cimkit.check.geometry.asked import UNSAID
from cimkit.check.geometry.ground import Ground
from cimkit.check.geometry.validity import SOUND, judged
from cimkit.check.geometry.vertices import Floats
from cimkit.check.rules import Rule
from cimkit.crosswalk.units import factor
from cimkit.errors import CimkitError, StandardError
from cimkit.messages import say
from cimkit.model import Skipped
from cimkit.standard import Rule as StandardRule

if TYPE_CHECKING:
    from cimkit.check.kinds import Context, Decided

_LINES, _AREAS, _PLACED = (2, 5), (3, 6), (1, 2, 3, 4, 5, 6)
#: Measure -> the unit it is found in, and the WKB kinds that have it.
_MEASURES: dict[str, tuple[str | None, tuple[int, ...]]] = {
    "area": ("m2", _AREAS),
    "length": ("m", _LINES),
    "perimeter": ("m", _AREAS),
    "longitude": (None, _PLACED),
    "latitude": (None, _PLACED),
}
#: Assumed where a rule names no tolerance: one hundredth, and about a metre.
_SHARE, _DEGREES = 0.01, 1e-5


def decide(asked: StandardRule, rule: Rule, of: Sequence[Delivery], context: Context) -> Decided:
    """The outcome of the rule for each delivery, or why there is none."""
    what, name = asked.parameters["measure"], asked.parameters["field"]
    share, amount = _tolerances(asked.parameters)
    rule = replace(rule, parameters={**rule.parameters, "tolerance": share, "tolerance_abs": amount})
    own_unit, kinds = _MEASURES[what]
    for delivery in of:
        spec = delivery.layer.fields.get(name)
        column = delivery.table.columns.get(name)
        if column is None:
            yield Skipped(asked.id, say("skipped.no_field", context.lang, layer=delivery.layer.name, field=name))
            continue
        if column.kind not in ("number", "integer"):
            yield Skipped(asked.id, say("skipped.no_number", context.lang, field=name))
            continue
        unit = (spec.unit if spec else None) or own_unit
        word = say(f"word.{what}", context.lang)
        try:
            scale = factor(own_unit, unit) if own_unit is not None and unit is not None else 1.0
        except StandardError:
            yield Skipped(asked.id, say("skipped.unit", context.lang, unit=unit, field=name, measure=word))
            continue
        try:
            table = _measured(delivery, what, kinds, scale, context)
        except CimkitError:
            yield Skipped(asked.id, say("skipped.no_place", context.lang))
            continue
        compared = _compared(asked, delivery, column, table, context)
        counted = context.con.execute(f"SELECT count(*) FROM ({compared})").fetchone() or (0,)
        shown = duck.literal(f" {unit}" if unit else "°")
        digits = "CASE WHEN abs(nearest) < 1e6 THEN format('{:.6g}', nearest) ELSE format('{:.0f}', nearest) END"
        query = (
            f"SELECT {ROW}, value, {duck.literal(word)} AS measure, {digits} || {shown} AS measured "
            f"FROM (SELECT *, greatest(least(value, high), low) AS nearest FROM ({compared})) "
            f"WHERE abs(value - nearest) > greatest({share!r} * abs(value), {amount!r})"
        )
        yield delivery, context.from_query(rule, delivery, int(counted[0]), query)
        context.con.execute(f"DROP TABLE {table}")


def _tolerances(parameters: Any) -> tuple[float, float]:
    """The share and the amount, with what is assumed where the rule names neither."""
    share, amount = parameters.get("tolerance"), parameters.get("tolerance_abs")
    if share is None and amount is None:
        return (0.0, _DEGREES) if parameters["measure"] in ("longitude", "latitude") else (_SHARE, 0.0)
    return float(share or 0), float(amount or 0)


def _compared(asked: StandardRule, delivery: Delivery, column: Column, table: str, context: Context) -> str:
    """SQL: the records that the rule concerns, with the attribute's value and what was measured."""
    concerned = context.concerned(asked, delivery)
    values = (
        f"SELECT {ROW}, CAST({column.value} AS DOUBLE) AS value FROM ({delivery.table.sql}) "
        f"WHERE {column.filled} AND {concerned}"
    )
    return f"SELECT {ROW}, value, low, high FROM ({values}) JOIN {table} USING ({ROW})"


def _measured(delivery: Delivery, what: str, kinds: tuple[int, ...], scale: float, context: Context) -> str:
    """A table of what was measured of every sound geometry: ``low`` and ``high``, the same but for places.

    Raises:
        CimkitError: the coordinates have no known place on the earth.
    """
    crs = delivery.mapped.crs
    if crs is None:
        raise CimkitError("There is no coordinate reference system.")
    table = context.new_table("measured")
    types = (delivery.layer.geometry or UNSAID).types
    con = context.con
    con.execute(f"CREATE TABLE {table} ({ROW} BIGINT, low DOUBLE, high DOUBLE)")
    for batch in judged(delivery.mapped, types):
        at = np.flatnonzero((batch.verdicts == SOUND) & np.isin(batch.kinds, kinds))
        if not len(at):
            continue
        low, high = _values(batch.shapes[at], what, crs)
        columns = [pa.array(batch.rows[at]), pa.array(low * scale), pa.array(high * scale)]
        con.register("measured_batch", pa.table(columns, names=[ROW, "low", "high"]))
        con.execute(f"INSERT INTO {table} FROM measured_batch WHERE isfinite(low) AND isfinite(high)")
        con.unregister("measured_batch")
    return table


def _values(shapes: NDArray[Any], what: str, crs: str) -> tuple[Floats, Floats]:
    """The least and greatest value that an attribute may have, in metres, square metres or degrees."""
    if what in ("longitude", "latitude"):
        plan = reference_systems.plan(crs, reference_systems.WGS84, allow_ballpark=True)
        west, south, east, north = shapely.bounds(shapes).T
        corners = [plan.points(x, y) for x, y in ((west, south), (east, south), (east, north), (west, north))]
        found = np.array(corners)[:, 0 if what == "longitude" else 1]
        return found.min(axis=0), found.max(axis=0)
    ground = Ground(crs)
    measured = ground.areas(shapes) if what == "area" else ground.lengths(shapes)
    return measured, measured
