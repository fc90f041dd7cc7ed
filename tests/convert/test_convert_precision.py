"""Coordinates are kept to as many decimals as the report says: whatever the CRS and however far they reach."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely

import cimkit

PLACES = {
    "degrees of no CRS": (None, (121.0, 31.0, 122.0, 32.0)),
    "metres of no CRS": (None, (500_000.0, 3_400_000.0, 520_000.0, 3_420_000.0)),
    "a city in degrees": ("EPSG:4490", (121.0, 31.0, 122.0, 32.0)),
    "a city in metres": ("EPSG:4547", (450_000.0, 3_400_000.0, 520_000.0, 3_420_000.0)),
    "a city in feet": ("EPSG:2249", (700_000.0, 2_900_000.0, 800_000.0, 3_000_000.0)),
    "Europe in metres": ("EPSG:3035", (2_600_000.0, 1_500_000.0, 5_800_000.0, 5_200_000.0)),
    "the earth in degrees": ("EPSG:4326", (-179.0, -89.0, 179.0, 89.0)),
    "the earth in metres": ("EPSG:3857", (-2e7, -2e7, 2e7, 2e7)),
}


@pytest.mark.parametrize("suffix", [".gdb", ".tab", ".mif", ".gml"])
@pytest.mark.parametrize("place", PLACES)
def test_as_many_decimals_as_the_report_says(
    parquet: Callable[..., Path], tmp_path: Path, place: str, suffix: str
) -> None:
    crs, (west, south, east, north) = PLACES[place]
    chance = np.random.default_rng(7)
    points = np.stack([chance.uniform(west, east, 200), chance.uniform(south, north, 200)], axis=1)
    source = parquet(list(shapely.to_wkb(shapely.points(points))), crs=crs, a=list(range(200)))
    report = cimkit.convert(source, tmp_path / f"out{suffix}", verify=True)
    assert report.verified is True
    (message,) = [loss.message for loss in report.losses if loss.code == "geometry.rounded"]
    decimals = int(re.findall(r"\d+", message)[0])
    frame = pyogrio.read_dataframe(tmp_path / f"out{suffix}").sort_values("a")
    apart = np.abs(np.stack([frame.geometry.x, frame.geometry.y], axis=1) - points).max()
    assert 0.2 * 10.0**-decimals < apart <= 1.02 * 10.0**-decimals


def test_a_reprojected_extent_counts_as_it_becomes(parquet: Callable[..., Path], tmp_path: Path) -> None:
    points = shapely.to_wkb([shapely.Point(-179, -80), shapely.Point(179, 80), shapely.Point(10.123456789, 50.1)])
    source = parquet(list(points), crs="EPSG:4326", a=[1, 2, 3])
    report = cimkit.convert(source, tmp_path / "out.tab", to_crs="EPSG:3857", verify=True)
    assert report.verified is True


def test_degrees_that_moved_by_metres_are_seen(
    parquet: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cimkit.formats.gdal import filegdb_write

    original = filegdb_write.write

    def moving(reader, path, order):  # type: ignore[no-untyped-def]
        import pyarrow as pa

        table = reader.read_all()
        moved = shapely.to_wkb(shapely.transform(shapely.from_wkb(table["geometry"].to_numpy()), lambda at: at + 2e-5))
        table = table.set_column(table.schema.get_field_index("geometry"), "geometry", pa.array(moved, pa.binary()))
        original(table.to_reader(), path, order)

    monkeypatch.setattr(filegdb_write, "write", moving)
    source = parquet([shapely.to_wkb(shapely.Point(121.5, 31.2))], a=[1])
    assert cimkit.convert(source, tmp_path / "out.gdb", verify=True).verified is False
