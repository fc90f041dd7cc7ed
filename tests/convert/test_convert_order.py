"""GeoParquet is sorted for maps, unless nothing at all may be lost."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from cimkit.convert import convert


@pytest.fixture
def points(tmp_path: Path) -> Path:
    path = tmp_path / "points.gpkg"
    frame = gpd.GeoDataFrame(
        {"n": range(50)}, geometry=[shapely.Point(i * 37 % 50, i * 11 % 50) for i in range(50)], crs="EPSG:4490"
    )
    frame.to_file(path, driver="GPKG")
    return path


def test_records_are_sorted_and_that_is_said(points: Path, tmp_path: Path) -> None:
    report = convert(points, tmp_path / "a.parquet")
    assert [loss.code for loss in report.losses] == ["rows.reordered"]
    assert list(gpd.read_parquet(tmp_path / "a.parquet")["n"]) != list(range(50))


@pytest.mark.parametrize("version", ["1.1", "2.0"])
def test_where_nothing_may_be_lost_the_order_is_kept(points: Path, tmp_path: Path, version: str) -> None:
    report = convert(points, tmp_path / "a.parquet", on_loss="error", verify=True, geoparquet=version)
    assert report.losses == ()
    assert report.verified
    frame = gpd.read_parquet(tmp_path / "a.parquet")
    assert list(frame["n"]) == list(range(50))
    assert frame.crs.to_epsg() == 4490
