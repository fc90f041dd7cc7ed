"""line_ends: lines end at records of another layer, such as wells, junctions or stops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from cimkit.check.delivery import Delivery
from cimkit.check.kinds import Context
from cimkit.check.outcomes import Outcome
from cimkit.check.rules import Rule
from cimkit.check.topology.distances import nearest
from cimkit.check.topology.features import ANY, gather, ground_of
from cimkit.check.topology.lines import network
from cimkit.check.topology.nodes import Points, near_ends
from cimkit.check.topology.told import layer_name, repeated
from cimkit.model import Skipped
from cimkit.standard import Rule as StandardRule


def decide(
    asked: StandardRule, rule: Rule, of: Sequence[Delivery], context: Context
) -> Iterator[tuple[Delivery, Outcome] | Skipped]:
    """Lines with an end that has no record within ``tolerance_m``; the value is the distance to the nearest."""
    net = network(asked, rule, of, context)
    if isinstance(net, Skipped):
        yield net
        return
    target = asked.parameters["of"]
    others = gather(context, asked, context.of_layer(target), kinds=ANY, crs=net.lines.crs, own=False)
    if isinstance(others, Skipped):
        yield others
        return
    ground = ground_of(net.lines, others)
    met = np.zeros(len(net.ends), dtype=bool)
    for near in near_ends(ground, net.ends, np.arange(len(net.ends)), net.lines, others, net.tolerance):
        met[near.end] = True
    free = np.flatnonzero(~met & net.lines.judged[net.ends.line])
    points = Points(net.ends.x[free], net.ends.y[free])
    other, metres, _, _ = nearest(ground, points, np.arange(len(free)), others)
    # Of both ends that which is nearer to something is told: it is more likely a slip.
    order = np.lexsort((metres, net.ends.line[free]))
    first = order[np.flatnonzero(np.diff(net.ends.line[free][order], prepend=-1))]
    failing = net.at_ends(free[first], metres[first], other[first])
    layer = layer_name(context, target)
    yield from net.outcomes(replace(failing, says={"layer": repeated(layer, len(first))}), others)
