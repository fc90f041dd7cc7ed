"""The demo pipeline on the sample city, end to end, held against both ledgers."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from sample_readers import read_ledger

import cimkit
from cimkit.model import Run

Key = tuple[str, str]  # source, id

#: Precision and recall of the matched pairs. Terraces are hard: their houses touch, and two of the
#: three sources lie a metre off, so that a neighbour is overlapped by a tenth of its width.
LEAST = {"building": (0.90, 0.98), "facility_poi": (0.97, 0.97)}


@pytest.fixture(scope="module")
def files(root: Path) -> dict[str, str]:
    """Each source of the demo, and its file (and layer, of a file with several) as the ledger names it."""
    sources = yaml.safe_load((root / "pipelines/demo.yaml").read_text("utf-8"))["sources"]
    return {name: source["path"].removeprefix("../sample_data/") for name, source in sources.items()}


@pytest.fixture(scope="module")
def done(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    catalog = tmp_path_factory.mktemp("demo") / "catalog"
    return cimkit.run(root / "pipelines/demo.yaml", catalog=catalog, clock="2024-06-01T00:00:00Z")


def table(done: Run, dataset: str, part: str | None = None) -> list[dict]:
    folder = done.catalog / "datasets" / dataset / "v000001"
    if part is None:
        return cimkit.Catalog.open(done.catalog).query(f'SELECT * FROM "{dataset}"').to_pylist()
    return pq.read_table(folder / f"{part}.parquet").to_pylist()


def test_the_run_publishes_every_dataset(done: Run) -> None:
    assert done.published
    assert done.stopped is None
    assert done.reports["catalog"].verdict == "pass"
    assert set(done.datasets) == {
        "building", "facility_poi", "address", "admin_division", "road_centerline", "device", "observation",
    }  # fmt: skip


def test_what_is_set_aside_is_what_the_ledger_says(root: Path, done: Run, files: dict[str, str]) -> None:
    bad = {(d["file"], d["layer"], d["row"]) for d in read_ledger(root / "sample_data/ledger", "defects")}
    planted = Counter(file for file, _, _ in bad)
    aside: Counter[str] = Counter()
    for name, source in done.sources.items():
        aside[files[name]] += source["quarantined"]
    assert aside == planted
    assert done.reports["delivery"].totals["error"] == len(bad)


@pytest.mark.parametrize("layer", ["building", "facility_poi"])
def test_the_same_things_are_found_to_be_the_same(root: Path, done: Run, files: dict[str, str], layer: str) -> None:
    records = {(b["source"], b["source_id"]) for b in table(done, layer, "bridge")}
    names = {file: name for name, file in files.items()}
    things: defaultdict[str, set[Key]] = defaultdict(set)
    for same in read_ledger(root / "sample_data/ledger", "same"):
        record = (names[same["file"]], same["id"])
        if same["layer"] == layer and record in records:
            things[same["entity"]].add(record)
    assert set().union(*things.values()) == records
    true = {frozenset(pair) for thing in things.values() for pair in combinations(thing, 2) if pair[0][0] != pair[1][0]}
    found = {
        frozenset([(m["left_source"], m["left_id"]), (m["right_source"], m["right_id"])])
        for m in table(done, layer, "matches")
        if m["match"]
    }
    precision, recall = len(true & found) / len(found), len(true & found) / len(true)
    assert precision >= LEAST[layer][0]
    assert recall >= LEAST[layer][1]


def test_codes_keep_their_zeros_and_names_their_characters(done: Run) -> None:
    addresses = table(done, "address")
    assert {a["postcode"] for a in addresses} == {f"0100{n}" for n in range(10, 18)}
    assert all(len(a["division_code"]) == 9 for a in addresses)
    assert any("号楼" in (b["name"] or "") for b in table(done, "building"))
    assert any("䶮记" in (p["name"] or "") for p in table(done, "facility_poi"))


def test_places_in_gcj02_are_brought_home(done: Run) -> None:
    """Half a kilometre off, some of them would lie outside the district."""
    frame = cimkit.Catalog.open(done.catalog).to_geopandas("facility_poi")
    assert frame.crs.to_epsg() == 4490
    district = cimkit.Catalog.open(done.catalog).to_geopandas("admin_division")
    county = district.loc[district["division_code"] == "150199", "geometry"].iloc[0]
    assert frame.within(county.buffer(0.0005)).all()
