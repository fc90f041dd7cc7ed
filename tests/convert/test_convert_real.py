"""Real files of four cities into every format, read again and compared, and judged by pyogrio."""

from __future__ import annotations

from pathlib import Path

import geopandas
import pyogrio
import pytest
import shapely

import cimkit

SOURCES = [
    "alexandria_va/buildings.shp",
    "shanghai/区县界_area.shp",
    "shanghai/metroline2.shp",
    "ghent/VRBG/Refgem.shp",
    "ghent/vector/parken-gent.geojson",
    "ghent/data/vmm_flowdata.csv",
    "washington_dc/census-tracts-2010.geojson",
    "washington_dc/public-schools.geojson",
    "washington_dc/major-roads.geojson",
    "washington_dc/2014-building-energy-and-water-performance-benchmarking.geojson",
]
HARMLESS = {"rows.reordered", "crs.dropped", "crs.reprojected", "crs.relabelled", "type.dropped", "geometry.rounded"}


@pytest.mark.shared
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".csv", ".parquet"])
def test_real_files_arrive_whole(shared: Path, tmp_path: Path, source: str, suffix: str) -> None:
    path = shared / "data" / source
    report = cimkit.convert(path, tmp_path / f"out{suffix}", verify=True)
    assert report.verified is True, report.losses
    assert report.rows_written == report.rows_read > 0
    assert {loss.code for loss in report.losses} <= HARMLESS


@pytest.mark.shared
def test_belgian_boundaries_as_geopandas_reprojects_them(shared: Path, tmp_path: Path) -> None:
    path = shared / "data" / "ghent" / "VRBG" / "Refgem.shp"
    cimkit.convert(path, tmp_path / "out.parquet", to_crs="EPSG:4258")
    ours = geopandas.read_parquet(tmp_path / "out.parquet").set_index("UIDN").sort_index()
    theirs = pyogrio.read_dataframe(path).set_index("UIDN").sort_index().to_crs(4258)
    assert ours.crs.to_epsg() == 4258
    assert shapely.hausdorff_distance(ours.geometry.values, theirs.geometry.values).max() < 1e-8


@pytest.mark.shared
def test_a_district_of_shanghai_by_its_name(shared: Path, tmp_path: Path) -> None:
    path = shared / "data" / "shanghai" / "区县界_area.shp"
    frame = cimkit.open(path).layer().to_geopandas()
    column = next(c for c in frame.columns if frame[c].astype(str).str.contains("浦东").any())
    report = cimkit.convert(path, tmp_path / "out.geojson", where=f"\"{column}\" LIKE '%浦东%'", verify=True)
    assert report.rows_written == 1 and report.verified is True
    assert "浦东" in (tmp_path / "out.geojson").read_text(encoding="utf-8")
