"""The extents of many geometries at once, with shapely as the judge."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import shapely

from cimkit import wkb


def shapes(seed: int) -> np.ndarray:
    """Points, lines and polygons: many with the same number of points, some with any."""
    random = np.random.default_rng(seed)
    centres = shapely.points(random.random((2000, 2)) * 100)
    found = [
        centres,
        shapely.points(random.random((700, 3))),
        shapely.linestrings(random.random((600, 4, 2))),
        shapely.buffer(centres[:600], 1.5, quad_segs=1),
        *(shapely.buffer(centres[:size], 2.5, quad_segs=size) for size in range(2, 40)),
        shapely.multipoints(centres[:300].reshape(-1, 1)),
        np.array([shapely.Point(), shapely.box(0, 0, 9, 9) - shapely.box(1, 1, 2, 2), None], dtype=object),
    ]
    mixed = np.concatenate(found)
    random.shuffle(mixed)
    return mixed


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("order", [0, 1])
def test_bounds_are_those_of_shapely(seed: int, order: int) -> None:
    geometries = shapes(seed)
    array = pa.array(shapely.to_wkb(geometries, byte_order=order, output_dimension=3).tolist(), pa.binary())
    for part in (array, array.slice(11, 900), array.slice(0, 0)):
        found = wkb.extents(part)
        judged = geometries[part.offset : part.offset + len(part)]
        np.testing.assert_array_equal(found.bounds, shapely.bounds(judged).reshape(-1, 4))
        assert (found.built == shapely.is_geometry(judged)).all()
        assert (found.has_z == shapely.has_z(judged)).all()


def test_a_ring_that_does_not_close_is_not_built_among_many_that_do() -> None:
    good = shapely.to_wkb(shapely.box(0, 0, 1, 1))
    wrong = bytearray(good)
    wrong[-16:] = np.array([5.0, 5.0]).tobytes()
    array = pa.array([good] * 400 + [bytes(wrong)] + [good] * 400, pa.binary())
    found = wkb.extents(array)
    assert np.flatnonzero(~found.built).tolist() == [400]
    assert np.isnan(found.bounds[400]).all()
