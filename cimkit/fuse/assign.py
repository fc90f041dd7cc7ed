"""Which pairs are taken together: the best one-to-one assignment, and consistent groups of many sources."""

from __future__ import annotations

import numpy as np

from cimkit.fuse.arrays import Flags, Floats, Ints

#: The largest table of gains that is solved exactly; beyond it the best pair is taken first, and so on.
_LARGEST_TABLE = 250_000


def one_to_one(a: Ints, b: Ints, gain: Floats, largest_table: int = _LARGEST_TABLE) -> Flags:
    """The pairs with the largest total gain among those in which each record occurs once.

    Solved exactly (Hungarian method) in each connected component of the pairs, greedily
    where a component is too large. Gains are positive; pairs come sorted by (a, b), which
    settles ties.
    """
    from scipy.optimize import linear_sum_assignment

    chosen = np.zeros(len(a), dtype=bool)
    for rows in components(a, b):
        if len(rows) == 1:
            chosen[rows] = True
            continue
        i, left = np.unique(a[rows], return_inverse=True)
        j, right = np.unique(b[rows], return_inverse=True)
        if len(i) * len(j) > largest_table:
            chosen[rows[_greedy(left, right, gain[rows])]] = True
            continue
        table = np.zeros((len(i), len(j)))
        table[left, right] = gain[rows]
        row_of = np.full(table.shape, -1)
        row_of[left, right] = rows
        taken = row_of[linear_sum_assignment(table, maximize=True)]
        chosen[taken[taken >= 0]] = True
    return chosen


def components(a: Ints, b: Ints) -> list[Ints]:
    """The positions of the pairs of each connected component; ``a`` and ``b`` share no number."""
    from scipy import sparse

    if not len(a):
        return []
    nodes, index = np.unique(np.concatenate([a, b]), return_inverse=True)
    graph = sparse.coo_matrix(
        (np.ones(len(a), dtype=np.int8), (index[: len(a)], index[len(a) :])), shape=2 * nodes.shape
    )
    _, label = sparse.csgraph.connected_components(graph, directed=False)
    of_pair = label[index[: len(a)]]
    order = np.argsort(of_pair, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(of_pair[order])) + 1)


def _greedy(left: Ints, right: Ints, gain: Floats) -> list[int]:
    """The best pair first, then the best of what is left; ties by position."""
    used_left, used_right, taken = set(), set(), []
    for row in np.argsort(-gain, kind="stable").tolist():
        i, j = int(left[row]), int(right[row])
        if i not in used_left and j not in used_right:
            used_left.add(i)
            used_right.add(j)
            taken.append(row)
    return taken


def one_of_each_source(a: Ints, b: Ints, gain: Floats, source: Ints, must: Flags) -> Flags:
    """The pairs that are kept so that no connected group has two records of one source.

    The best link is followed first ("single best links"): a pair that would bring a second
    record of a source into a group is dropped. Pairs that ``must`` hold are kept in any case.
    ``source`` gives the source of each record number.
    """
    kept = np.ones(len(a), dtype=bool)
    for rows in components(a, b):
        members = np.unique(np.concatenate([a[rows], b[rows]]))
        if len(np.unique(source[members])) < len(members):
            kept[rows] = _best_links(a[rows], b[rows], gain[rows], source, must[rows])
    return kept


def _best_links(a: Ints, b: Ints, gain: Floats, source: Ints, must: Flags) -> Flags:
    group: dict[int, int] = {}
    members: dict[int, set[int]] = {}

    def find(record: int) -> int:
        while group.setdefault(record, record) != record:
            record = group[record]
        return record

    kept = np.zeros(len(a), dtype=bool)
    for row in np.lexsort((b, a, -gain, ~must)).tolist():
        left, right = find(int(a[row])), find(int(b[row]))
        sources = [members.setdefault(root, {int(source[root])}) for root in (left, right)]
        if left == right:
            kept[row] = True
        elif must[row] or sources[0].isdisjoint(sources[1]):
            kept[row] = True
            group[right] = left
            members[left] = sources[0] | sources[1]
    return kept
