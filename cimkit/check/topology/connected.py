"""connected: a network is in one piece."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from cimkit.check.delivery import Delivery
from cimkit.check.kinds import Context
from cimkit.check.outcomes import Outcome
from cimkit.check.rules import Rule
from cimkit.check.topology.lines import Network, network
from cimkit.check.topology.nodes import clusters, near_ends, same_group
from cimkit.check.topology.sweep import Ints
from cimkit.check.topology.told import Failing
from cimkit.model import Skipped
from cimkit.standard import Rule as StandardRule


def decide(
    asked: StandardRule, rule: Rule, of: Sequence[Delivery], context: Context
) -> Iterator[tuple[Delivery, Outcome] | Skipped]:
    """Lines outside the piece with the most lines, of each group of ``by``; the value is the size of their piece.

    Lines are connected where an end of one lies within ``tolerance_m`` of the other. Lines that
    cross without ending there, as on a bridge, are not.
    """
    net = network(asked, rule, of, context)
    if isinstance(net, Skipped):
        yield net
        return
    piece = pieces(net)
    size = np.bincount(piece) if len(piece) else np.zeros(0, dtype=np.int64)
    group = net.lines.group if net.lines.group is not None else np.zeros(len(piece), dtype=np.uint64)
    # The largest piece of each group; of equal ones that which comes first.
    order = np.lexsort((np.arange(len(piece)), -size[piece], group))
    first = order[np.flatnonzero(np.concatenate([[True], np.diff(group[order]) != 0]))] if len(piece) else order
    main = np.zeros(len(size), dtype=bool)
    main[piece[first]] = True
    index = np.flatnonzero(~main[piece]) if len(piece) else order
    nowhere = np.full(len(index), np.nan)
    yield from net.outcomes(Failing(index, size[piece[index]].astype(float), nowhere, nowhere, np.full(len(index), -1)))


def pieces(net: Network) -> Ints:
    """The piece of each line."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    ends, lines = net.ends, net.lines
    node = clusters(net.ground, ends.x, ends.y, net.tolerance)
    if lines.group is not None:
        # A node holds together what is of one group.
        groups = np.unique(lines.group[ends.line], return_inverse=True)[1]
        node = np.unique(np.stack([node, groups], axis=1), axis=0, return_inverse=True)[1].ravel()
    count = len(lines) + (int(node.max()) + 1 if len(node) else 0)
    one, two = [ends.line], [len(lines) + node]
    for near in near_ends(net.ground, ends, np.arange(len(ends)), lines, lines, net.tolerance):
        mine = ends.line[near.end]
        same = same_group(lines, mine, near.other)
        one.append(mine[same])
        two.append(near.other[same])
    a, b = np.concatenate(one), np.concatenate(two)
    graph = coo_matrix((np.ones(len(a), dtype=np.int8), (a, b)), shape=(count, count))
    found = connected_components(graph, directed=False)[1][: len(lines)].astype(np.int64)
    return np.asarray(np.unique(found, return_inverse=True)[1]) if len(found) else found
