"""The extents of a WKB column, judged value by value by GEOS."""

from __future__ import annotations

import struct

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from cimkit import wkb

PLAIN = [
    "POINT (1 2)",
    "POINT Z (1 2 3)",
    "LINESTRING (0 0, 3 4)",
    "LINESTRING ZM (0 0 1 1, 3 4 1 1)",
    "POLYGON ((0 0, 5 0, 5 5, 0 0))",
    "POLYGON Z ((0 0 1, 5 0 1, 5 5 1, 0 0 1))",
    "MULTIPOINT (1 2)",
    "MULTILINESTRING ((0 0, 1 1, -7 2))",
    "MULTIPOLYGON (((0 0, 5 0, 5 5, 0 0)))",
    "MULTIPOLYGON M (((0 0 9, 5 0 9, 5 5 9, 0 0 9)))",
]
OTHERS = [
    "POINT EMPTY",
    "POLYGON EMPTY",
    "MULTIPOLYGON EMPTY",
    "POLYGON ((0 0, 9 0, 9 9, 0 0), (1 1, 2 1, 2 2, 1 1))",
    "MULTIPOLYGON (((0 0, 5 0, 5 5, 0 0)), ((10 10, 12 10, 12 12, 10 10)))",
    "MULTIPOINT (1 2, 3 4)",
    "MULTIPOINT (EMPTY)",
    "GEOMETRYCOLLECTION (POINT (1 2))",
    "GEOMETRYCOLLECTION EMPTY",
]
OPEN_RING = struct.pack("<BIII8d", 1, 3, 1, 4, 0, 0, 1, 0, 1, 1, 0, 1)
WRONG = [
    b"",
    b"\x00",
    OPEN_RING,
    struct.pack("<BII2d", 1, 2, 1, 0, 0),  # a line of one point
    struct.pack("<BIII4d", 1, 3, 1, 2, 0, 0, 0, 0),  # a ring of two
    struct.pack("<BII", 1, 6, 1) + struct.pack("<BI2d", 1, 1, 1, 2),  # a point in a multipolygon
    struct.pack("<BII", 1, 2, 2**31 - 1),
    struct.pack("<BI", 1, 8) + struct.pack("<I6d", 3, 0, 0, 1, 1, 2, 0),  # a curve
]


def judge(value: bytes | None) -> tuple[list[float], bool, bool]:
    """Bounds, whether it was built, whether it is empty, as GEOS says of one value alone."""
    try:
        with np.errstate(all="ignore"):
            geometry = shapely.from_wkb(value, on_invalid="ignore")
    except NotImplementedError:
        geometry = None
    bounds = shapely.bounds(geometry).tolist()
    return bounds, bool(shapely.is_geometry(geometry)), bool(shapely.is_empty(geometry))


def agree(values: list[bytes | None], kind: pa.DataType | None = None) -> None:
    array = pa.array(values, kind or pa.binary())
    found = wkb.extents(array)
    kinds, _, _ = wkb.heads(array)
    for row, value in enumerate(values):
        # GEOS looks at the lower half of the type word alone; a kind that does not exist is none here.
        bounds, built, empty = judge(value if 1 <= kinds[row] <= 7 else None)
        np.testing.assert_equal(found.bounds[row].tolist(), bounds)
        assert (found.built[row], found.empty[row]) == (built, empty), value


@pytest.mark.parametrize("flavour", ["iso", "extended"])
@pytest.mark.parametrize("order", [0, 1])
def test_every_kind_and_dialect(flavour: str, order: int) -> None:
    shapes = shapely.from_wkt(PLAIN + OTHERS)
    agree([*shapely.to_wkb(shapes, flavor=flavour, byte_order=order, output_dimension=4), None])
    agree(list(shapely.to_wkb(shapely.set_srid(shapes, 4547), include_srid=True, flavor="extended")))


def test_what_is_wrong_or_unknown() -> None:
    agree([*WRONG, None, shapely.Point(1, 2).wkb])
    agree([shapely.Point(1, 2).wkb + b"x", shapely.Point(1, 2).wkb[:-1]])


def test_numbers_that_are_none() -> None:
    for bad in (np.nan, np.inf, -np.inf, 1e308, -1e308):
        with np.errstate(all="ignore"):
            shapes = [shapely.Point(bad, 1), shapely.LineString([(0, 0), (bad, 1), (2, 2)]), shapely.Point(1, bad)]
        agree([*shapely.to_wkb(shapes), struct.pack("<BIII8d", 1, 3, 1, 4, 0, 0, 1, 0, bad, bad, 0, 0)])


def test_a_slice_and_long_offsets() -> None:
    values = list(shapely.to_wkb(shapely.from_wkt(PLAIN + OTHERS)))
    whole = pa.array([b"other", None, *values], pa.binary())
    found = wkb.extents(whole.slice(2))
    np.testing.assert_equal(found.bounds, wkb.extents(pa.array(values)).bounds)
    agree(values, pa.large_binary())
    assert wkb.extents(pa.array([], pa.binary())).bounds.shape == (0, 4)


def test_more_points_than_are_taken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wkb, "_POINTS_AT_ONCE", 50)
    rng = np.random.default_rng(2)
    lines = [shapely.LineString(rng.uniform(-9, 9, (n, 2))) for n in rng.integers(2, 70, 200)]
    agree(list(shapely.to_wkb(lines)))


def test_the_usual_kinds_need_no_geos(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(values: object) -> object:
        raise AssertionError("asked GEOS")

    monkeypatch.setattr(wkb, "built", never)
    found = wkb.extents(pa.array(list(shapely.to_wkb(shapely.from_wkt(PLAIN), flavor="iso", output_dimension=4))))
    assert found.built.all() and not found.empty.any()


VALUES = st.sampled_from(
    [
        *(wkb_ for dims in (2, 4) for wkb_ in shapely.to_wkb(shapely.from_wkt(PLAIN + OTHERS), output_dimension=dims)),
        *WRONG,
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(VALUES, st.integers(0, 40), st.integers(0, 255)), min_size=1, max_size=8))
def test_bytes_changed_at_random(changed: list[tuple[bytes, int, int]]) -> None:
    # The first byte is the byte order, 0 or 1; GEOS takes any other for 1.
    agree([v[:at] + bytes([byte if at else byte % 2]) + v[at + 1 :] if at < len(v) else v for v, at, byte in changed])
