"""The labelled benchmarks of ../shared. The floors are a little under what was measured."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cimkit.fuse import fuse
from cimkit.model import FusionSource

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def training(root: Path) -> object:
    """benchmarks/train_weights.py, which knows how to read the benchmarks."""
    sys.path.insert(0, str(root / "benchmarks"))
    try:
        import train_weights
    finally:
        sys.path.pop(0)
    return train_weights


def test_buildings_of_three_providers(shared: Path, tmp_path: Path) -> None:
    """EUBUCCO, pair labels; measured: F1 0.9918 (leave-country-out 0.9916)."""
    folder = shared / "bench" / "buildings_eubucco"
    labels = pd.read_parquet(folder / "matching-pairs.parquet")
    named = labels.rename(columns={"id_existing": "left_id", "id_new": "right_id"})
    named[["left_id", "right_id", "match"]].to_csv(tmp_path / "truth.csv", index=False)
    given = [
        FusionSource(name, folder / f"buildings-{name}.parquet", "EPSG:3035", trust=trust, roles={"id": "bid"})
        for name, trust in (("gov", 0.9), ("osm", 0.6), ("msft", 0.4))
    ]
    report = fuse(
        given,
        layer="building",
        profile="building",
        crs="EPSG:3035",
        out=tmp_path / "out",
        truth=tmp_path / "truth.csv",
        fields={"id": "id", "height": "height"},
        attributes={"height": {"strategy": "priority", "tolerance": 1.0}},
    )
    assert report.truth is not None
    assert report.truth["f1"] >= 0.990
    assert report.truth["precision"] >= 0.995
    assert report.bands["review"] <= 0.06 * report.bands["auto"], "people are asked little"
    bridge = pd.read_parquet(tmp_path / "out" / "bridge.parquet")
    together = bridge.merge(bridge, on="entity_id", suffixes=("_l", "_r"))
    pairs = set(zip(together.source_id_l, together.source_id_r, strict=True))
    fused = np.array([pair in pairs for pair in zip(labels.id_existing, labels.id_new, strict=True)])
    f1 = 2 * (fused & labels.match).sum() / (fused.sum() + labels.match.sum())
    assert f1 >= 0.988, "entities agree with the labels as the pairs do"


@pytest.mark.parametrize("branches", [True, False])
def test_places_of_two_chinese_providers(shared: Path, tmp_path: Path, training: object, branches: bool) -> None:
    """Gaode and Dianping end to end; measured: F1 0.944 with branches in the names, 0.948 without."""
    given = training.hangzhou_sources(shared / "bench", tmp_path, branches=branches)  # type: ignore[attr-defined]
    report = fuse(
        given,
        layer="facility_poi",
        profile="poi",
        crs="EPSG:4326",
        out=tmp_path / "out",
        truth=shared / "bench" / "poi_hangzhou" / "truth.csv",
    )
    assert report.truth is not None
    assert report.truth["f1"] >= 0.935
    assert report.findings == () or {finding["code"] for finding in report.findings} == {"fuse.ambiguous"}


def test_gcj02_taken_for_wgs84(shared: Path, tmp_path: Path, training: object) -> None:
    """The same tables, one of them declared wrongly: some 500 m off, found and named."""
    from dataclasses import replace

    gaode, dianping = training.hangzhou_sources(shared / "bench", tmp_path)  # type: ignore[attr-defined]
    given = [gaode, replace(dianping, crs="EPSG:4326")]
    report = fuse(given, layer="poi", profile="poi", crs="EPSG:4326", out=tmp_path / "out")
    [finding] = [finding for finding in report.findings if finding["code"] == "fuse.datum"]
    assert finding["source"] == "dianping"
    assert "look like GCJ-02" in finding["message"]
    assert report.relations["1:1"] == 0


def test_pairs_of_places_in_latin_script(shared: Path, training: object) -> None:
    """Geo-ER, one city by weights learned from the other two; measured: F1 0.914 (Foursquare) and 0.957 (Yelp)."""
    pairs = training.geoer(shared / "bench")  # type: ignore[attr-defined]
    names = training.places.FEATURES  # type: ignore[attr-defined]
    x, y = pairs[list(names)].to_numpy(float), pairs["match"].to_numpy(float)
    city = (pairs["city"] == "pit").to_numpy()
    intercept, weights = training.learn(x[~city], y[~city], names)  # type: ignore[attr-defined]
    for name, floor in (("osm_fsq_pit", 0.90), ("osm_yelp_pit", 0.945)):
        rows = ((pairs["set"] == name) & (pairs["split"] == "valid")).to_numpy()
        assert training.f1(intercept + x[rows] @ weights > 0, y[rows] == 1) >= floor  # type: ignore[attr-defined]
