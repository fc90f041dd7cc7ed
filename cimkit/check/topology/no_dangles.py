"""no_dangles: lines end where others are; they neither stop short of them nor run beyond."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import shapely

from cimkit.check.delivery import Delivery
from cimkit.check.kinds import Context
from cimkit.check.outcomes import Outcome
from cimkit.check.rules import Rule
from cimkit.check.topology.features import ANY, gather
from cimkit.check.topology.lines import Network, network
from cimkit.check.topology.nodes import clusters, near_ends
from cimkit.check.topology.pairs import Shaped, each_of
from cimkit.check.topology.sweep import Bools, Floats, Ints, meeting
from cimkit.model import Skipped
from cimkit.standard import Rule as StandardRule

#: How near an end is looked at as a slip, in metres, where the standard does not say.
TOLERANCE_M = 1.0
#: What is nearer than this touches, or than this share of the tolerance: coordinates are rounded.
TOUCHING_M, TOUCHING_SHARE = 0.01, 0.1


def decide(
    asked: StandardRule, rule: Rule, of: Sequence[Delivery], context: Context
) -> Iterator[tuple[Delivery, Outcome] | Skipped]:
    """Ends that touch no other line, nor a record of ``of``: three causes, each with a code of its own.

    undershoot: another line is within ``tolerance_m`` (the value: metres to it). overshoot: the
    line crosses another one less than ``min_length_m`` before (the value: metres beyond it). dangle: any
    other free end; where ``min_length_m`` is said, dead ends may be, and only lines that are shorter
    and touch nothing at all are dangles.
    """
    net = network(asked, rule, of, context, TOLERANCE_M)
    if isinstance(net, Skipped):
        yield net
        return
    touching = min(TOUCHING_M, TOUCHING_SHARE * net.tolerance)
    least = asked.parameters.get("min_length_m")
    net = replace(net, rule=replace(net.rule, parameters={**net.rule.parameters, "touching_m": touching}))
    free, near, metres = _free(net, touching)
    if "of" in asked.parameters and asked.parameters["of"] != asked.layer:
        target = context.of_layer(asked.parameters["of"])
        others = gather(context, asked, target, kinds=ANY, crs=net.lines.crs, own=False)
        if isinstance(others, Skipped):
            yield others
            return
        for found in near_ends(net.ground, net.ends, np.flatnonzero(free), net.lines, others, net.tolerance):
            free[found.end] = False
    short = np.flatnonzero(free & (near >= 0))
    yield from net.outcomes(net.at_ends(short, metres[short], near[short]), net.lines, "topology.undershoot")
    loose = np.flatnonzero(free & (near < 0))
    if least is None:
        value = net.ends.length[net.ends.line[loose]]
        yield from net.outcomes(net.at_ends(loose, value, np.full(len(loose), -1)), code="topology.dangle")
        return
    beyond, other = _beyond(net, loose)
    over = beyond < float(least)
    yield from net.outcomes(net.at_ends(loose[over], beyond[over], other[over]), net.lines, "topology.overshoot")
    alone = np.isinf(beyond) & (net.ends.length[net.ends.line[loose]] < float(least))
    value = net.ends.length[net.ends.line[loose[alone]]]
    nobody = np.full(int(alone.sum()), -1)
    yield from net.outcomes(net.at_ends(loose[alone], value, nobody), code="topology.dangle")


def _free(net: Network, touching: float) -> tuple[Bools, Ints, Floats]:
    """Of each end: whether it touches nothing, which line is near it (-1: none), and how near."""
    ends = net.ends
    node = clusters(net.ground, ends.x, ends.y, touching)
    free = (np.bincount(node) == 1)[node] if len(node) else np.zeros(0, dtype=bool)
    near, metres = np.full(len(ends), -1, dtype=np.int64), np.full(len(ends), np.inf)
    some = np.flatnonzero(free)
    for found in near_ends(net.ground, ends, some, net.lines, net.lines, net.tolerance):
        free[found.end[found.metres <= touching]] = False
        order = np.lexsort((found.other, found.metres))[::-1]
        at = found.end[order]
        better = found.metres[order] <= metres[at]
        near[at[better]], metres[at[better]] = found.other[order][better], found.metres[order][better]
    return free, near, metres


def _beyond(net: Network, loose: Ints) -> tuple[Floats, Ints]:
    """Of each loose end the metres along its line from the last place where it meets another; inf: nowhere."""
    ends, lines = net.ends, net.lines
    beyond, other = np.full(len(loose), np.inf), np.full(len(loose), -1, dtype=np.int64)
    if not len(loose):
        return beyond, other
    mine = np.unique(ends.line[loose])
    order = np.argsort(ends.line[loose], kind="stable")
    starts = np.searchsorted(ends.line[loose][order], mine)
    stops = np.append(starts[1:], len(loose))
    of_line = {int(line): order[start:stop] for line, start, stop in zip(mine, starts, stops, strict=True)}
    boxes = net.ground.widened(lines.bounds[mine], TOUCHING_M)
    every = np.ones(len(mine), dtype=bool)
    for place, crossed in meeting(boxes, lines.bounds, every, np.zeros(len(lines), dtype=bool)):
        keep = mine[place] != crossed
        for pairs in each_of(lines, lines, (mine[place[keep]], crossed[keep])):
            _along(net, pairs, loose, of_line, beyond, other)
    return beyond, other


def _along(net: Network, pairs: Shaped, loose: Ints, of_line: dict[int, Ints], beyond: Floats, other: Ints) -> None:
    """Notes the nearest crossing of each loose end of the first lines of some pairs."""
    x, y = net.lines.bounds[pairs.a, 0], net.lines.bounds[pairs.a, 1]
    one, two = (net.ground.laid_flat(shapes, x, y) for shapes in pairs.shapes)
    some = np.flatnonzero(shapely.dwithin(one, two, TOUCHING_M))
    a, b, one, two, x, y = pairs.a[some], pairs.b[some], one[some], two[some], x[some], y[some]
    meets = shapely.intersection(one, two)
    empty = shapely.is_empty(meets)
    meets[empty] = shapely.get_point(shapely.shortest_line(one[empty], two[empty]), 0)
    points, pair = shapely.get_coordinates(meets, return_index=True)
    along = shapely.line_locate_point(one[pair], shapely.points(points))
    # An end for every crossing of its line.
    counts = np.array([len(of_line[int(line)]) for line in a[pair]], dtype=np.int64)
    ends = np.concatenate([of_line[int(line)] for line in a[pair]]) if len(pair) else np.zeros(0, dtype=np.int64)
    crossing = np.repeat(np.arange(len(pair)), counts)
    where = np.stack([net.ends.x[loose[ends]], net.ends.y[loose[ends]]], axis=1)
    where = net.ground.lowered(where, x[pair[crossing]], y[pair[crossing]])
    at_end = shapely.line_locate_point(one[pair[crossing]], shapely.points(where))
    metres = np.abs(at_end - along[crossing])
    order = np.lexsort((b[pair[crossing]], metres))[::-1]
    better = order[metres[order] <= beyond[ends[order]]]
    beyond[ends[better]], other[ends[better]] = metres[better], b[pair[crossing[better]]]
