"""What a set of areas leaves free of a region, tile by tile, put together again across the tiles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import shapely

from cimkit.check.topology.features import Features
from cimkit.check.topology.ground import Ground, Shapes
from cimkit.check.topology.pairs import BYTES
from cimkit.check.topology.sweep import Ints

#: Areas that are nearer to each other than this leave nothing free between them, in metres.
CLOSED_M = 0.001
#: A tile is not halved more often than this, nor where it has no more areas than that.
_DEEPEST, _FEW = 16, 64
#: How far beyond a tile what is larger than it is taken along, as a share of the tile.
_MARGIN = 0.25


def free_space(ground: Ground, areas: Features, index: Ints, region: Any, *, open_outside: bool) -> Shapes:
    """The parts of ``region`` that none of some areas covers.

    ``open_outside``: parts that reach the region's edge are the world outside, and none.
    """
    low_x, low_y, high_x, high_y = region.bounds
    per_unit = ground.per_unit(np.array([(low_x + high_x) / 2]), np.array([(low_y + high_y) / 2])).min()
    grid = CLOSED_M / float(per_unit)
    whole: list[Any] = []
    cut: list[Any] = []
    for tile, some in _tiles(areas, index, (low_x, low_y, high_x, high_y)):
        inside = shapely.box(*tile)
        piece = inside if open_outside else _overlaid(shapely.intersection, region, inside, grid)
        free = _overlaid(shapely.difference, piece, _covered(areas, some, tile, grid), grid)
        for part in shapely.get_parts(free):
            if part.geom_type == "Polygon" and part.area > 0:
                (cut if _reaches(part, tile) else whole).append(part)
    joined = _joined(np.array(cut, dtype=object), grid)
    if open_outside:
        frame = (low_x, low_y, high_x, high_y)
        joined = [part for part in joined if not _reaches(part, frame)]
    return np.array(whole + joined, dtype=object)


def _tiles(areas: Features, index: Ints, box: tuple[float, ...]) -> Iterator[tuple[tuple[float, ...], Ints]]:
    """Boxes that fill a box, each with the areas that reach into it, few enough to be united at once."""
    queue = [(box, _meeting(areas, index, box), 0)]
    while queue:
        box, some, depth = queue.pop()
        if depth >= _DEEPEST or len(some) <= _FEW or int(areas.size[some].astype(np.int64).sum()) <= BYTES // 4:
            yield box, some
            continue
        axis = 0 if box[2] - box[0] >= box[3] - box[1] else 1
        middle = (areas.bounds[some, axis] + areas.bounds[some, axis + 2]) / 2
        at = float(np.clip(np.median(middle), box[axis], box[axis + 2]))
        if not box[axis] < at < box[axis + 2]:
            at = (box[axis] + box[axis + 2]) / 2
        one, two = list(box), list(box)
        one[axis + 2] = two[axis] = at
        queue += [(tuple(half), _meeting(areas, some, tuple(half)), depth + 1) for half in (two, one)]


def _meeting(areas: Features, index: Ints, box: tuple[float, ...]) -> Ints:
    bounds = areas.bounds[index]
    meet = (bounds[:, 0] <= box[2]) & (bounds[:, 1] <= box[3]) & (bounds[:, 2] >= box[0]) & (bounds[:, 3] >= box[1])
    return index[meet]


def _covered(areas: Features, some: Ints, tile: tuple[float, ...], grid: float) -> Any:
    """The union of areas around a tile, with places nearer than ``grid`` taken as one."""
    shapes = areas.shapes(some)
    width, height = tile[2] - tile[0], tile[3] - tile[1]
    bounds = areas.bounds[some]
    large = (bounds[:, 2] - bounds[:, 0] > 4 * width) | (bounds[:, 3] - bounds[:, 1] > 4 * height)
    large &= shapely.get_num_coordinates(shapes) > 1000
    if large.any():
        around = shapely.box(
            tile[0] - _MARGIN * width, tile[1] - _MARGIN * height, tile[2] + _MARGIN * width, tile[3] + _MARGIN * height
        )
        shapes[large] = [_overlaid(shapely.intersection, shape, around, grid) for shape in shapes[large]]
    try:
        return shapely.union_all(shapes, grid_size=grid)
    except shapely.errors.GEOSException:
        return shapely.union_all(shapely.make_valid(shapes), grid_size=grid)


def _overlaid(operation: Any, one: Any, two: Any, grid: float) -> Any:
    try:
        return operation(one, two)
    except shapely.errors.GEOSException:
        return operation(shapely.make_valid(one), shapely.make_valid(two), grid_size=grid)


def _reaches(part: Any, box: tuple[float, ...]) -> bool:
    low_x, low_y, high_x, high_y = part.bounds
    return bool(low_x <= box[0] or low_y <= box[1] or high_x >= box[2] or high_y >= box[3])


def _joined(parts: Shapes, grid: float) -> list[Any]:
    """Parts that were cut apart by the tiles' edges, together again."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    if not len(parts):
        return []
    one, two = shapely.STRtree(parts).query(parts, predicate="intersects")
    one, two = one[one < two], two[one < two]
    border = shapely.length(shapely.intersection(parts[one], parts[two])) > grid
    graph = coo_matrix((np.ones(int(border.sum())), (one[border], two[border])), shape=(len(parts), len(parts)))
    piece = connected_components(graph, directed=False)[1]
    return [shapely.union_all(parts[piece == number], grid_size=0) for number in range(int(piece.max()) + 1)]
