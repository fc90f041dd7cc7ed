"""How far pairs of records are from each other, and which other record is the nearest."""

from __future__ import annotations

import numpy as np
import shapely

from cimkit.check.topology.features import Boxed
from cimkit.check.topology.ground import Floats, Ground, Shapes
from cimkit.check.topology.pairs import each_of
from cimkit.check.topology.sweep import Ints, meeting


def apart(ground: Ground, one: Shapes, two: Shapes) -> tuple[Floats, Floats, Floats]:
    """Of each pair of shapes the metres between them, and x, y of the place on the first that is nearest."""
    bounds = shapely.bounds(one)
    x, y = (bounds[:, 0] + bounds[:, 2]) / 2, (bounds[:, 1] + bounds[:, 3]) / 2
    one, two = ground.laid_flat(one, x, y), ground.laid_flat(two, x, y)
    metres = np.asarray(shapely.distance(one, two))
    near = shapely.get_point(shapely.shortest_line(one, two), 0)
    at = ground.raised(np.stack([shapely.get_x(near), shapely.get_y(near)], axis=1), x, y)
    return metres, at[:, 0], at[:, 1]


def nearest(ground: Ground, own: Boxed, index: Ints, others: Boxed) -> tuple[Ints, Floats, Floats, Floats]:
    """Of some records the nearest other one (-1: none), its distance in metres, and the place of their own."""
    other, metres = np.full(len(index), -1, dtype=np.int64), np.full(len(index), np.inf)
    x, y = np.full(len(index), np.nan), np.full(len(index), np.nan)
    if not len(others) or not len(index):
        return other, np.full(len(index), np.nan), x, y
    boxes = own.bounds[index]
    near = shapely.STRtree(shapely.box(*others.bounds.T)).nearest(shapely.box(*boxes.T)).astype(np.int64)
    place = np.zeros(len(own), dtype=np.int64)
    place[index] = np.arange(len(index))

    def look(mine: Ints, theirs: Ints) -> None:
        if others is own:
            mine, theirs = mine[mine != theirs], theirs[mine != theirs]
        for pairs in each_of(own, others, (mine, theirs)):
            found, there_x, there_y = apart(ground, *pairs.shapes)
            found = np.where(np.isnan(found), np.inf, found)
            order = np.lexsort((pairs.b, found, pairs.a))
            first = order[np.flatnonzero(np.diff(pairs.a[order], prepend=-1))]
            better = first[found[first] < metres[place[pairs.a[first]]]]
            at = place[pairs.a[better]]
            other[at], metres[at], x[at], y[at] = pairs.b[better], found[better], there_x[better], there_y[better]

    look(index, near)
    # The box that is nearest may hold a shape that is not: all within its distance are looked at.
    reach = np.where(np.isfinite(metres), metres, 0.0)
    every = np.ones(len(index), dtype=bool)
    for mine, theirs in meeting(ground.widened(boxes, reach), others.bounds, every, np.zeros(len(others), dtype=bool)):
        look(index[mine], theirs)
    return other, np.where(np.isfinite(metres), metres, np.nan), x, y
