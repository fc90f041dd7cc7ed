"""GCJ-02 and BD-09 against published vectors; the inverses hold to a millimetre everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimkit import offsets

LON = st.floats(72.1, 137.7)
LAT = st.floats(0.95, 55.7)


def metres(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    return float(np.hypot((lon - other_lon) * 111320 * np.cos(np.radians(lat)), (lat - other_lat) * 111320))


def test_wgs84_to_gcj02_meets_the_public_formula() -> None:
    lon, lat = offsets.wgs84_to_gcj02(116.404, 39.915)
    assert (float(lon), float(lat)) == pytest.approx((116.41024449916938, 39.91640428150164), abs=1e-12)
    assert metres(116.404, 39.915, float(lon), float(lat)) == pytest.approx(556.2, abs=0.7)


def test_gcj02_to_bd09_meets_the_public_formula() -> None:
    lon, lat = offsets.gcj02_to_bd09(116.404, 39.915)
    assert (float(lon), float(lat)) == pytest.approx((116.41036949371029, 39.92133699351021), abs=1e-12)


@pytest.mark.parametrize(
    "move", [offsets.wgs84_to_gcj02, offsets.gcj02_to_wgs84, offsets.gcj02_to_bd09, offsets.bd09_to_gcj02]
)
def test_outside_china_nothing_moves_and_a_missing_place_stays_missing(move) -> None:  # type: ignore[no-untyped-def]
    lon, lat = move(np.array([2.35, np.nan]), np.array([48.85, np.nan]))
    assert (lon[0], lat[0]) == (2.35, 48.85)
    assert np.isnan(lon[1]) and np.isnan(lat[1])


@given(LON, LAT)
def test_gcj02_there_and_back_is_under_a_millimetre(lon: float, lat: float) -> None:
    back = offsets.gcj02_to_wgs84(*offsets.wgs84_to_gcj02(lon, lat))
    assert metres(lon, lat, float(back[0]), float(back[1])) < 0.001


@given(LON, LAT)
def test_bd09_there_and_back_is_under_a_millimetre(lon: float, lat: float) -> None:
    back = offsets.bd09_to_gcj02(*offsets.gcj02_to_bd09(lon, lat))
    assert metres(lon, lat, float(back[0]), float(back[1])) < 0.001


@given(LON, LAT)
def test_the_shift_is_of_the_known_size(lon: float, lat: float) -> None:
    there = offsets.wgs84_to_gcj02(lon, lat)
    assert 10 < metres(lon, lat, float(there[0]), float(there[1])) < 1000
