"""The ends of lines, the nodes they form, and the lines that pass near an end.

A node is a place: ends that lie within a tolerance of each other, on the ground, also by way of others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from cimkit.check.topology.distances import apart
from cimkit.check.topology.features import Features
from cimkit.check.topology.ground import Floats, Ground
from cimkit.check.topology.pairs import BYTES, PAIRS
from cimkit.check.topology.sweep import Bools, Ints, box_of, meeting

#: Pairs of places that are worth listing; where there are more, places are first put on a grid.
_MOST_PAIRS, _GRID = 20_000_000, 8


@dataclass(frozen=True)
class Ends:
    """Free ends of lines, and where each line begins and ends (``first``, ``last``; a ring's are one place).

    Two arrays of places, and of each end its ``line`` (a place among the features). An end at
    which parts of one line meet is none.
    """

    line: Ints
    x: Floats
    y: Floats
    first: Floats
    last: Floats
    length: Floats

    def __len__(self) -> int:
        return len(self.line)


def ends_of(features: Features, ground: Ground) -> Ends:
    """The ends of every line; ``length`` is each line's, in metres."""
    lines, places = [np.zeros(0, dtype=np.int64)], [np.zeros((0, 2))]
    first, last = np.full((len(features), 2), np.nan), np.full((len(features), 2), np.nan)
    length = np.zeros(len(features))
    for index in portions(features):
        shapes = features.shapes(index)
        there = np.flatnonzero(~shapely.is_missing(shapes))
        index, shapes = index[there], shapes[there]
        parts, owner = shapely.get_parts(shapes, return_index=True)
        begin, end = _point(parts, 0), _point(parts, -1)
        first[index[owner[::-1]]] = begin[::-1]  # of several parts the first is written last
        last[index[owner]] = end
        bounds = features.bounds[index]
        x, y = (bounds[:, 0] + bounds[:, 2]) / 2, (bounds[:, 1] + bounds[:, 3]) / 2
        length[index] = shapely.length(ground.laid_flat(shapes, x, y))
        both = np.concatenate([begin, end])
        line = np.concatenate([index[owner], index[owner]])
        order = np.lexsort((both[:, 1], both[:, 0], line))
        both, line = both[order], line[order]
        same = (np.diff(line) == 0) & (np.diff(both, axis=0) == 0).all(axis=1)
        repeated = np.concatenate([same, [False]]) | np.concatenate([[False], same]) if len(line) else same
        lines.append(line[~repeated])
        places.append(both[~repeated])
    place = np.concatenate(places)
    return Ends(np.concatenate(lines), place[:, 0].copy(), place[:, 1].copy(), first, last, length)


def portions(features: Features) -> Iterator[Ints]:
    """All places among the features, so many at a time that their shapes take bounded memory."""
    ends = np.cumsum(features.size.astype(np.int64))
    at = 0
    while at < len(features):
        before = int(ends[at - 1]) if at else 0
        stop = int(np.searchsorted(ends, before + BYTES, side="right"))
        stop = min(max(stop, at + 1), at + PAIRS)
        yield np.arange(at, stop)
        at = stop


def clusters(ground: Ground, x: Floats, y: Floats, tolerance: float) -> Ints:
    """The node of each place: the same number for places within ``tolerance`` metres."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    if not len(x):
        return np.zeros(0, dtype=np.int64)
    unique, which = np.unique(np.stack([x, y], axis=1), axis=0, return_inverse=True)
    which = which.ravel()
    places = ground.places(unique[:, 0], unique[:, 1])
    tree = cKDTree(places)
    if tolerance and tree.count_neighbors(tree, tolerance) > _MOST_PAIRS:
        # So many distinct places in one spot are told apart no finer than an eighth of the tolerance.
        places, again = np.unique(np.round(places / tolerance * _GRID), axis=0, return_inverse=True)
        which, tree = again.ravel()[which], cKDTree(places * (tolerance / _GRID))
    pairs = tree.query_pairs(tolerance, output_type="ndarray")
    graph = coo_matrix((np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])), shape=(tree.n, tree.n))
    node = connected_components(graph, directed=False)[1].astype(np.int64)
    return np.asarray(node[which])


@dataclass(frozen=True)
class Points:
    """Places as what has boxes and shapes."""

    x: Floats
    y: Floats

    def __len__(self) -> int:
        return len(self.x)

    @property
    def bounds(self) -> Floats:
        return box_of(self.x, self.y, 0.0, 0.0)

    @property
    def size(self) -> NDArray[np.int32]:
        return np.zeros(len(self), dtype=np.int32)

    def shapes(self, index: Ints) -> NDArray[Any]:
        return np.asarray(shapely.points(self.x[index], self.y[index]))


@dataclass(frozen=True)
class Near:
    """Ends, other records near them, and the metres between."""

    end: Ints
    other: Ints
    metres: Floats


def near_ends(ground: Ground, ends: Ends, some: Ints, own: Features, others: Features, reach: float) -> Iterator[Near]:
    """The records within ``reach`` metres of some ends, but for the end's own line."""
    boxes = ground.widened(box_of(ends.x[some], ends.y[some], 0.0, 0.0), reach)
    found = meeting(boxes, others.bounds, np.ones(len(some), dtype=bool), np.zeros(len(others), dtype=bool))
    for place, other in found:
        end = some[place]
        keep = np.ones(len(end), dtype=bool)
        if others is own:
            keep = ends.line[end] != other
        for at in _within_bytes(others, np.flatnonzero(keep), other):
            index, back = np.unique(other[at], return_inverse=True)
            shapes = others.shapes(index)[back]
            points = shapely.points(ends.x[end[at]], ends.y[end[at]])
            metres = apart(ground, points, shapes)[0]
            hit = metres <= reach
            yield Near(end[at][hit], other[at][hit], metres[hit])


def _within_bytes(features: Features, at: Ints, other: Ints) -> Iterator[Ints]:
    for start in range(0, len(at), PAIRS):
        queue = [at[start : start + PAIRS]]
        while queue:
            some = queue.pop(0)
            if len(some) > 1 and int(features.size[np.unique(other[some])].sum()) > BYTES:
                queue = [some[: len(some) // 2], some[len(some) // 2 :], *queue]
            else:
                yield some


def _point(parts: NDArray[Any], place: int) -> Floats:
    points = shapely.get_point(parts, place)
    return np.stack([shapely.get_x(points), shapely.get_y(points)], axis=1)


def same_group(own: Features, one: Ints, two: Ints) -> Bools:
    """Whether records are of one group."""
    if own.group is None:
        return np.ones(len(one), dtype=bool)
    return np.asarray(own.group[one] == own.group[two])
