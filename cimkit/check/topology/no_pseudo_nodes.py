"""no_pseudo_nodes: a line is not cut where nothing begins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from cimkit.check.delivery import Delivery
from cimkit.check.kinds import Context
from cimkit.check.outcomes import Outcome
from cimkit.check.rules import Rule
from cimkit.check.topology.lines import network
from cimkit.check.topology.nodes import clusters, near_ends, same_group
from cimkit.check.topology.told import Failing
from cimkit.model import Skipped
from cimkit.standard import Rule as StandardRule


def decide(
    asked: StandardRule, rule: Rule, of: Sequence[Delivery], context: Context
) -> Iterator[tuple[Delivery, Outcome] | Skipped]:
    """Two lines that meet alone within ``tolerance_m``, with the same values in ``by``: both fail, the value is 2.

    A third line that ends there or passes by makes it a real node; two lines that meet at both
    of their ends are a ring, and stay two.
    """
    net = network(asked, rule, of, context)
    if isinstance(net, Skipped):
        yield net
        return
    ends, lines = net.ends, net.lines
    node = clusters(net.ground, ends.x, ends.y, net.tolerance)
    count = np.bincount(node) if len(node) else np.zeros(0, dtype=np.int64)
    order = np.argsort(node, kind="stable")
    pair = order[(count == 2)[node[order]]].reshape(-1, 2)
    one, two = ends.line[pair[:, 0]], ends.line[pair[:, 1]]
    pair = pair[(one != two) & same_group(lines, one, two)]
    one, two = ends.line[pair[:, 0]], ends.line[pair[:, 1]]
    alone = np.ones(len(pair), dtype=bool)
    place = np.full(len(ends), -1, dtype=np.int64)
    place[pair[:, 0]] = np.arange(len(pair))
    for near in near_ends(net.ground, ends, pair[:, 0], lines, lines, net.tolerance):
        at = place[near.end]
        alone[at[near.other != two[at]]] = False
    # Two lines that share both ends form a ring.
    both = np.sort(np.stack([one, two], axis=1), axis=1)
    _, which, times = np.unique(both, axis=0, return_inverse=True, return_counts=True)
    alone &= times[which.ravel()] == 1
    pair, one, two = pair[alone], one[alone], two[alone]
    value = np.full(len(pair), 2.0)
    x, y = ends.x[pair[:, 0]], ends.y[pair[:, 0]]
    failing = Failing.of([Failing(one, value, x, y, two), Failing(two, value, x, y, one)])
    yield from net.outcomes(failing, lines)
