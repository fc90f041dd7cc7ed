"""Every record lies in the declared territory: a box of longitude and latitude, or the polygons of a layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from cimkit import crs as reference_systems
from cimkit.check.columns import ROW
from cimkit.check.delivery import Delivery
from cimkit.check.geometry.asked import geometry_rule
from cimkit.check.geometry.ground import Ground
from cimkit.check.geometry.validity import SOUND, UNJUDGED, judged
from cimkit.check.geometry.vertices import Flags, Floats
from cimkit.check.outcomes import Outcome
from cimkit.errors import CimkitError
from cimkit.messages import say
from cimkit.model import Skipped
from cimkit.standard import GeometrySpec, LayerSchema

if TYPE_CHECKING:
    from cimkit.check.kinds import Context

#: Whether shapes lie inside, and where the first part of one is that does not.
Inside = Callable[[NDArray[Any]], Flags]
Outside = Callable[[Any], tuple[float, float]]

#: What no tolerance can be smaller than, in metres: places that were computed twice differ by as much.
_LEAST = 0.001
_METRES_PER_DEGREE = 111_195.0
#: Edges of a territory in another CRS are cut into pieces of this length, in metres, and so many at most.
_PIECE, _MOST_PIECES = 1000.0, 1_000_000
_AREAS = ("Polygon", "MultiPolygon")
_SIMPLE = {"Point", "LineString", "MultiPoint", "MultiLineString", *_AREAS}


def decide_territory(
    layer: LayerSchema, of: Sequence[Delivery], context: Context
) -> Iterator[tuple[Delivery, Outcome] | Skipped]:
    """The outcome for each delivery of a layer, or why there is none."""
    spec = layer.geometry
    assert spec is not None
    said = list(spec.territory) if isinstance(spec.territory, tuple) else spec.territory
    parameters = {"territory": said, "territory_tolerance_m": spec.territory_tolerance_m}
    rule = geometry_rule(layer, "territory", "geometry.outside_territory", parameters, said)
    named = spec.territory if isinstance(spec.territory, str) else None
    if named is not None and not context.of_layer(named):
        yield Skipped(rule.rule, say("skipped.no_layer", context.lang, layer=named))
        return
    known: dict[str, tuple[Inside, Outside]] = {}
    for delivery in of:
        crs = delivery.mapped.crs
        try:
            if crs is None:
                raise CimkitError("no CRS")
            if crs not in known:
                known[crs] = _box(spec, crs) if named is None else _layer(spec, crs, context.of_layer(named))
            inside, outside = known[crs]
        except CimkitError:  # no place on the earth is known
            yield Skipped(rule.rule, say("skipped.no_place", context.lang))
            continue
        except LookupError:
            yield Skipped(rule.rule, say("skipped.no_territory", context.lang, layer=named))
            continue
        if isinstance(spec.territory, tuple) and _all_inside(delivery, spec.territory):
            yield delivery, Outcome(rule, context.count(delivery, delivery.sound), 0, ())
            continue
        checked, beyond, table = _failing(delivery, spec, context, inside, outside)
        if beyond:
            yield Skipped(rule.rule, say("skipped.unjudged", context.lang, count=beyond))
        yield delivery, context.from_query(rule, delivery, checked, f"SELECT * FROM {table}")


def _failing(
    delivery: Delivery, spec: GeometrySpec, context: Context, inside: Inside, outside: Outside
) -> tuple[int, int, str]:
    """How many records were asked, how many could not be, and a table of those that fail, the first with places."""
    table = context.new_table("outside_territory")
    context.con.execute(f"CREATE TABLE {table} ({ROW} BIGINT, x DOUBLE, y DOUBLE)")
    checked = beyond = placed = 0
    for batch in judged(delivery.mapped, spec.types):
        sound = np.flatnonzero(batch.verdicts == SOUND)
        checked += len(sound)
        beyond += int(np.count_nonzero(batch.verdicts == UNJUDGED))
        failing = sound[~inside(batch.shapes[sound])] if len(sound) else sound
        if not len(failing):
            continue
        xy = np.full((len(failing), 2), np.nan)
        room = len(failing) if context.samples is None else max(context.samples - placed, 0)
        for index, shape in enumerate(batch.shapes[failing[:room]]):
            xy[index] = outside(shape)
        placed += len(failing[:room])
        columns = [pa.array(batch.rows[failing]), *(pa.array(xy[:, axis], from_pandas=True) for axis in (0, 1))]
        context.con.register("failing_territory", pa.table(columns, names=[ROW, "x", "y"]))
        context.con.execute(f"INSERT INTO {table} FROM failing_territory")
        context.con.unregister("failing_territory")
    return checked, beyond, table


def _all_inside(delivery: Delivery, box: tuple[float, ...]) -> bool:
    """Whether the extent of a whole layer of simple geometries lies in a box, so that no record need be looked at."""
    facts = delivery.mapped.staged.facts
    if facts.bbox_crs84 is None or facts.crs.value != delivery.mapped.crs or not set(facts.geometry_kinds) <= _SIMPLE:
        return False
    west, south, east, north = facts.bbox_crs84
    return box[0] <= west and box[1] <= south and east <= box[2] and north <= box[3]


# ---- a box --------------------------------------------------------------------------------------


def _box(spec: GeometrySpec, crs: str) -> tuple[Inside, Outside]:
    """The tests of a box in longitude and latitude; one whose west is east of its east crosses the date line.

    Raises:
        CimkitError: coordinates of the CRS have no known place on the earth.
    """
    west, south, east, north = (float(side) for side in spec.territory or ())
    to_degrees = reference_systems.plan(crs, reference_systems.WGS84, allow_ballpark=True).points
    reach = max(spec.territory_tolerance_m, _LEAST) / _METRES_PER_DEGREE

    def within(xy: Floats) -> Flags:
        lon, lat = to_degrees(xy[:, 0], xy[:, 1])
        with np.errstate(invalid="ignore"):
            margin = reach / np.maximum(np.cos(np.radians(lat)), 1e-6)
            after, before = lon >= west - margin, lon <= east + margin
            there = (after & before) if west <= east else (after | before)
            return np.asarray(there & (lat >= south - reach) & (lat <= north + reach))

    def inside(shapes: NDArray[Any]) -> Flags:
        xy, owner = shapely.get_coordinates(shapes, return_index=True)
        return np.asarray(np.bincount(owner[~within(xy)], minlength=len(shapes)) == 0)

    def outside(shape: Any) -> tuple[float, float]:
        xy = shapely.get_coordinates(shape)
        x, y = xy[np.flatnonzero(~within(xy))[0]].tolist()
        return x, y

    return inside, outside


# ---- the polygons of a layer ----------------------------------------------------------------------


def _layer(spec: GeometrySpec, crs: str, territory: Sequence[Delivery]) -> tuple[Inside, Outside]:
    """The tests of what the sound polygons of a layer cover together.

    Raises:
        CimkitError: coordinates of a CRS have no known place on the earth.
        LookupError: there are no such polygons.
    """
    allowed = _covered(territory, max(spec.territory_tolerance_m, _LEAST), crs)
    shapely.prepare(allowed)

    def inside(shapes: NDArray[Any]) -> Flags:
        return np.asarray(shapely.covers(allowed, shapes))

    def outside(shape: Any) -> tuple[float, float]:
        point = shapely.point_on_surface(shapely.difference(shape, allowed))
        return float(point.x), float(point.y)

    return inside, outside


def _covered(territory: Sequence[Delivery], tolerance: float, crs: str) -> Any:
    """What polygons cover together, wider by a tolerance in metres, in a CRS."""
    found = []
    for delivery in territory:
        batches = [b.shapes[b.verdicts == SOUND] for b in judged(delivery.mapped, _AREAS)]
        if not any(len(batch) for batch in batches):
            continue
        own = delivery.mapped.crs
        if own is None:  # what lies in it is not known to lie outside the territory
            raise CimkitError("no CRS")
        together = shapely.union_all(np.concatenate(batches))
        if own != crs:  # what is straight in one CRS is not in another
            longest = max(_PIECE / Ground(own).metres_per_unit, shapely.length(together) / _MOST_PIECES)
            together = _moved(shapely.segmentize(together, longest), own, crs)
        found.append(together)
    if not found:
        raise LookupError("no polygons")
    return shapely.union_all(Ground(crs).widened(shapely.get_parts(shapely.union_all(found)), tolerance))


def _moved(shape: Any, source: str, target: str) -> Any:
    points = reference_systems.plan(source, target, allow_ballpark=True).points
    return shapely.transform(shape, lambda xy: np.column_stack(points(xy[:, 0], xy[:, 1])))
