"""Curves as chords: on the circle, through the given points, as GDAL draws them."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyogrio
import pytest
import shapely
from convert_sources import ARC, CIRCLE, SURFACE
from hypothesis import assume, given
from hypothesis import strategies as st

from cimkit.convert.straight import COLLECTIONS, CURVES, SURFACES, straightened

EVERYTHING = CURVES | SURFACES | COLLECTIONS


def straight(value: bytes) -> shapely.Geometry:
    return shapely.from_wkb(straightened(pa.array([value]), EVERYTHING)[0].as_py())


def circular(*points: tuple[float, ...]) -> bytes:
    flat = [value for point in points for value in point]
    return struct.pack(f"<BII{len(flat)}d", 1, 8 + {2: 0, 3: 1000, 4: 3000}[len(points[0])], len(points), *flat)


def compound(*parts: bytes) -> bytes:
    return struct.pack("<BII", 1, 9, len(parts)) + b"".join(parts)


ANGLE = st.floats(0, 2 * math.pi)


@given(ANGLE, st.floats(0.05, 6.2), st.floats(0.1, 0.9), st.sampled_from([1, -1]), st.floats(1e-3, 1e6))
def test_every_point_of_an_arc_is_on_its_circle(
    start: float, sweep: float, share: float, turn: int, radius: float
) -> None:
    angles = [start, start + turn * sweep * share, start + turn * sweep]
    line = straight(circular(*[(radius * math.cos(a), radius * math.sin(a)) for a in angles]))
    points = shapely.get_coordinates(line)
    np.testing.assert_allclose(np.hypot(points[:, 0], points[:, 1]), radius, rtol=1e-6)
    turned = np.unwrap(np.arctan2(points[:, 1], points[:, 0]))
    steps = np.diff(turned) * turn
    assert (steps > 0).all() and steps.max() <= math.radians(4) * (1 + 1e-6)
    assert steps.sum() == pytest.approx(sweep, rel=1e-6)


@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(-100, 100)), min_size=3, max_size=7))
def test_the_given_points_stay(points: list[tuple[float, float]]) -> None:
    assume(len(points) % 2)
    line = shapely.get_coordinates(straight(circular(*points)))
    position = 0
    for point in points:
        found = np.flatnonzero((line[position:] == point).all(axis=1))
        assert len(found)
        position += int(found[0])


def test_as_gdal_draws_them(geopackage: Callable[..., Path], tmp_path: Path) -> None:
    ring = compound(circular((0, 0), (1, 1), (2, 0)), shapely.LineString([(2, 0), (2, -1), (0, -1), (0, 0)]).wkb)
    values = [ARC, CIRCLE, ring, struct.pack("<BII", 1, 10, 1) + ring, struct.pack("<BII", 1, 11, 1) + ARC,
              struct.pack("<BII", 1, 12, 1) + CIRCLE]  # fmt: skip
    table = pyogrio.read_arrow(geopackage(values))[1]
    pyogrio.write_arrow(table, tmp_path / "gdal.geojson", driver="GeoJSON", geometry_name="geom",
                        geometry_type="Unknown", crs="EPSG:4326", COORDINATE_PRECISION=15)  # fmt: skip
    drawn = pyogrio.read_dataframe(tmp_path / "gdal.geojson").geometry
    for value, shape in zip(values, drawn, strict=True):
        own = straight(value)
        assert own.geom_type == shape.geom_type
        assert own.hausdorff_distance(shape) < 2e-3 * own.length


def test_heights_run_along_the_arc_and_straight_arcs_stay_straight() -> None:
    line = straight(circular((0, 0, 0), (1, 1, 10), (2, 0, 20)))
    heights = shapely.get_coordinates(line, include_z=True)[:, 2]
    assert line.has_z and (np.diff(heights) > 0).all() and heights[[0, -1]].tolist() == [0, 20]
    assert straight(circular((0, 0), (1, 1), (2, 2))).wkt == "LINESTRING (0 0, 1 1, 2 2)"


def test_surfaces_and_collections() -> None:
    surface = straight(SURFACE)
    assert surface.geom_type == "MultiPolygon" and surface.has_z and len(surface.geoms) == 2
    mixed = straight(struct.pack("<BII", 1, 7, 2) + ARC + shapely.Point(1, 2).wkb)
    assert [part.geom_type for part in mixed.geoms] == ["LineString", "Point"]


def test_what_is_simple_damaged_or_not_asked_for_is_left_alone() -> None:
    values = pa.array([shapely.Point(1, 2).wkb, None, ARC[:-3], b"", SURFACE])
    assert straightened(values, CURVES).equals(values)
    big_endian = shapely.to_wkb(shapely.GeometryCollection([shapely.Point(1, 2, 3)]), byte_order=0)
    assert straight(big_endian).wkt == "GEOMETRYCOLLECTION Z (POINT Z (1 2 3))"
