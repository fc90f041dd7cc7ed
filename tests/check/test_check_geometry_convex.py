"""Polygons that are called valid without GEOS are valid, and verdicts do not depend on the short way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely
from geometry_deliveries import delivered, layer_of
from hypothesis import given, settings
from hypothesis import strategies as st
from test_check_geometry import polygon

from cimkit.check.geometry.convex import surely_valid
from cimkit.check.geometry.validity import SOUND, judged


def cells(*shapes: Any) -> pa.Array:
    return pa.array([s if s is None or isinstance(s, bytes) else shapely.to_wkb(s) for s in shapes], pa.binary())


def star(points: int, step: int) -> Any:
    """A star polygon: with step 1 convex, else it goes round several times, always turning one way."""
    angles = np.arange(points) * step * 2 * np.pi / points
    return shapely.Polygon(np.column_stack([np.cos(angles) + 500_000, np.sin(angles) + 3_000_000]))


def test_what_is_sure() -> None:
    far = shapely.box(3.9e7, 4e6, 3.9e7 + 10, 4e6 + 10)
    good = [shapely.box(0, 0, 1, 1), shapely.box(0, 0, 1, 1).reverse(), far, star(7, 1), star(30, 1)]
    assert surely_valid(cells(*good)).all()
    nan = float("nan")
    doubtful = [
        star(5, 2), star(7, 3), None, b"", b"\x01\x03", shapely.Polygon(), shapely.Point(0, 0),
        shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]),
        shapely.Polygon([(0, 0), (1, 0), (2, 0)]),
        shapely.Polygon([(0, 0), (1, 0), (1, 0), (1, 1)]),
        shapely.Polygon([(0, 0), (1, 0), (0, 0), (1, 0)]),
        polygon((0, 0), (nan, 0), (1, 1), (0, 0)),
        shapely.Polygon([(0, 0), (1e200, 0), (1e200, 1e200)]),
        shapely.to_wkb(far)[:-8] + b"\x00" * 8,  # not closed
        shapely.to_wkb(far) + b"\x00",
        shapely.to_wkb(shapely.Polygon([(0, 0), (1, 0), (1, 1)], [[(0.5, 0.1), (0.6, 0.1), (0.6, 0.2)]])),
    ]  # fmt: skip
    assert not surely_valid(cells(*doubtful)).any()
    assert surely_valid(cells(*good, *doubtful, *good).slice(2)).sum() == 2 * len(good) - 2


@settings(max_examples=200)
@given(
    corners=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=3, max_size=7),
    shift=st.sampled_from([0.0, 0.1, 4e6, 1e15]),
    scale=st.sampled_from([1.0, 1e-9, 1e-3]),
)
def test_what_is_sure_is_valid(corners: list[tuple[int, int]], shift: float, scale: float) -> None:
    shape = shapely.Polygon(np.array(corners) * scale + shift)
    if surely_valid(cells(shape))[0]:
        assert shape.is_valid


@pytest.mark.parametrize("good", [0.0, 0.1, 0.9, 1.0])
def test_the_short_way_gives_the_same_verdicts(tmp_path: Path, good: float) -> None:
    random = np.random.default_rng(11)
    layer = layer_of(tmp_path)
    pool = [shapely.Polygon(random.random((5, 2))) for _ in range(300)]
    pool += [None, shapely.Polygon(), shapely.Point(1, 2), b"\x01\x03", shapely.to_wkb(star(4, 1))[:40]]
    shapes = [star(4, 1) if random.random() < good else pool[int(random.integers(len(pool)))] for _ in range(40_000)]
    mapped = delivered(tmp_path, layer, shapes)
    types = ("Polygon", "MultiPolygon")
    short = list(judged(mapped, types, shapes=False))
    whole = list(judged(mapped, types))
    for name in ("rows", "verdicts", "kinds"):
        one, other = (np.concatenate([getattr(batch, name) for batch in way]) for way in (short, whole))
        assert (one == other).all()
    for batch in judged(mapped, ("Point",), shapes=False):
        assert not (batch.verdicts == SOUND)[batch.kinds == 3].any()
