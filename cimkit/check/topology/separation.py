"""separation: pipes and cables keep their distance from each other, on the plan or in height."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from cimkit.check.delivery import Delivery
from cimkit.check.kinds import Context
from cimkit.check.outcomes import Outcome
from cimkit.check.rules import Rule
from cimkit.check.topology.distances import apart
from cimkit.check.topology.features import ANY, gather, ground_of
from cimkit.check.topology.ground import Floats, Ground
from cimkit.check.topology.pairs import pairs_of
from cimkit.check.topology.sweep import Bools
from cimkit.check.topology.told import Failing, outcomes
from cimkit.model import Skipped
from cimkit.standard import Rule as StandardRule

#: Records of one layer that come so near with their ends are joined there, not too near.
JOINED_M = 0.01
#: Distances that differ less are the same.
_ROUNDING = 1e-6


def decide(
    asked: StandardRule, rule: Rule, of: Sequence[Delivery], context: Context
) -> Iterator[tuple[Delivery, Outcome] | Skipped]:
    """Records nearer than ``distance_m`` to one of the other layer; the value is the least distance, in metres.

    With ``vertical_m``, pairs whose elevations (Z) differ by that much wherever they are near
    may be; without Z nothing is known of that. Records of one layer that are joined at their ends are left out.
    """
    said = asked.parameters
    distance, vertical = float(said["distance_m"]), said.get("vertical_m")
    rule = replace(rule, parameters={**rule.parameters, "joined_m": JOINED_M}, expected=distance)
    own = gather(context, asked, context.of_layer(asked.layer), kinds=ANY)
    if isinstance(own, Skipped):
        yield own
        return
    alone = said["of"] == asked.layer
    others = own if alone else gather(context, asked, context.of_layer(said["of"]), kinds=ANY, crs=own.crs, own=False)
    if isinstance(others, Skipped):
        yield others
        return
    ground = ground_of(own, others)
    parts = []
    for pairs in pairs_of(own, None if alone else others, boxes=ground.widened(own.bounds, distance)):
        one, two = pairs.shapes
        metres, x, y = apart(ground, one, two)
        near = np.flatnonzero(metres < distance - _ROUNDING)
        if alone:
            near = near[~_joined(ground, one[near], two[near])]
        if vertical is not None:
            near = near[_level(ground, one[near], two[near], distance, float(vertical))]
        a, b = pairs.a[near], pairs.b[near]
        for mine, other in ((a, b), (b, a)) if alone else ((a, b),):
            judged = own.judged[mine]
            # The least distance is the worst.
            entry = Failing(mine[judged], -metres[near][judged], x[near][judged], y[near][judged], other[judged])
            parts.append(entry)
        if len(parts) > _PARTS:
            parts = [Failing.of(parts).worst()]
    failing = Failing.of(parts).worst()
    failing = replace(failing, value=np.abs(failing.value))
    yield from outcomes(context, rule, of, own, failing, others, nobody="–")


#: So many runs of findings are kept apart.
_PARTS = 64


def _joined(ground: Ground, one: NDArray[Any], two: NDArray[Any]) -> Bools:
    """Whether an end of one of two lines lies on the other."""
    joined = np.zeros(len(one), dtype=bool)
    for mine, theirs in ((one, two), (two, one)):
        for part, point in ((0, 0), (-1, -1)):
            # Of a collection the first and the last part; an area or a point has no ends.
            ends = shapely.get_point(shapely.get_geometry(mine, part), point)
            some = np.flatnonzero(~shapely.is_missing(ends))
            joined[some] |= apart(ground, ends[some], theirs[some])[0] <= JOINED_M
    return joined


def _level(ground: Ground, one: NDArray[Any], two: NDArray[Any], distance: float, vertical: float) -> Bools:
    """Whether somewhere two shapes are near each other on the plan and in height too.

    Looked at are the points of each shape and the place where the two are nearest.
    """
    level = ~(shapely.has_z(one) & shapely.has_z(two))
    known = np.flatnonzero(~level)
    if not len(known):
        return np.asarray(level)
    bounds = shapely.bounds(one[known])
    x, y = (bounds[:, 0] + bounds[:, 2]) / 2, (bounds[:, 1] + bounds[:, 3]) / 2
    flat_one, flat_two = ground.laid_flat(one[known], x, y), ground.laid_flat(two[known], x, y)
    for mine, theirs in ((flat_one, flat_two), (flat_two, flat_one)):
        nearest = shapely.get_point(shapely.shortest_line(mine, theirs), 0)
        points, pair = shapely.get_coordinates(mine, return_index=True)
        points = np.concatenate([points, shapely.get_coordinates(nearest)])
        pair = np.concatenate([pair, np.arange(len(mine))])
        places = shapely.points(points)
        close = np.flatnonzero(shapely.distance(places, theirs[pair]) < distance)
        height = _height(mine[pair[close]], places[close]) - _height(theirs[pair[close]], places[close])
        # What has no height somewhere is not known to be out of reach.
        low = ~(np.abs(height) >= vertical - _ROUNDING)
        level[known[pair[close[low]]]] = True
    return np.asarray(level)


def _height(shapes: NDArray[Any], places: NDArray[Any]) -> Floats:
    """The elevation of each shape where it is nearest to a place."""
    height = np.full(len(shapes), np.nan)
    lines = np.flatnonzero(shapely.get_dimensions(shapes) == 1)
    along = shapely.line_locate_point(shapes[lines], places[lines])
    height[lines] = shapely.get_z(shapely.line_interpolate_point(shapes[lines], along))
    points = np.flatnonzero(shapely.get_type_id(shapes) == 0)
    height[points] = shapely.get_z(shapes[points])
    return height
