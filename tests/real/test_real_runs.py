"""The two real pipelines, run whole: what comes in is counted, what is bad is set aside, geopandas opens the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent
CLOCK = "2026-11-22T00:00:00Z"
#: Records that are set aside: a phone with an extension, two ids used twice, parks of an unknown
#: type, a parcel that crosses itself, one of 0.08 m², and 32 that overlap each other.
SET_ASIDE = {"charter_schools": 3, "independent_schools": 2, "parks": 5, "parcels": 34}
FEATURES = {
    "device": 2633,
    "facility_poi": 2284,
    "green_space": 237,
    "parcel": 1224,
    "road_centerline": 2873,
    "transit_stop": 40,
}


@pytest.mark.shared
def test_washington(shared: Path, tmp_path: Path) -> None:
    from cimkit.catalog import Catalog
    from cimkit.pipeline import run

    done = run(HERE / "washington.yaml", catalog=tmp_path / "catalog", settings={"shared": str(shared)}, clock=CLOCK)
    assert done.stopped is None and done.published
    assert {name: s["quarantined"] for name, s in done.sources.items() if s["quarantined"]} == SET_ASIDE
    assert done.reports["catalog"].verdict == "pass"
    catalog = Catalog.open(tmp_path / "catalog")
    frames = {name: catalog.to_geopandas(name) for name in catalog.datasets()}
    assert {name: len(frame) for name, frame in frames.items()} == FEATURES
    for name, frame in frames.items():
        assert frame.crs.to_epsg() == 4326, name
        assert frame.geometry.notna().all() and frame.is_valid.all()
        west, south, east, north = frame.total_bounds
        assert -77.2 < west < east < -76.9 and 38.75 < south < north < 39.05, name
        assert frame["id"].is_unique and frame["updated_at"].notna().all()
    assert set(frames["road_centerline"]["source"]) == {
        "dc-gis roads",
        "DC GIS streets",
        "OpenStreetMap",
        "TIGER roads",
    }
    assert frames["road_centerline"].query("source == 'OpenStreetMap'")["lanes"].notna().sum() > 50

    again = run(HERE / "washington.yaml", catalog=tmp_path / "catalog", settings={"shared": str(shared)}, clock=CLOCK)
    assert not again.published and again.release == done.release


@pytest.mark.shared
def test_eubucco(shared: Path, tmp_path: Path) -> None:
    from cimkit.catalog import Catalog
    from cimkit.pipeline import run

    done = run(HERE / "eubucco.yaml", catalog=tmp_path / "catalog", settings={"shared": str(shared)}, clock=CLOCK)
    assert done.stopped is None and done.published
    assert done.sources["msft"]["quarantined"] >= 7  # of no height
    frame = Catalog.open(tmp_path / "catalog").to_geopandas("building")
    assert frame.crs.to_epsg() == 4326
    assert frame["id"].is_unique
    records = sum(source["accepted"] for source in done.sources.values())
    fusion = done.fusions["building"]
    assert fusion.entities == len(frame) < records
    known = frame["function"] != "unknown"
    assert 0.3 < known.mean() < 0.9
    west, south, east, north = frame.total_bounds
    assert -25 < west < east < 35 and 34 < south < north < 72
