"""The files of a fusion: their columns, that other tools read them, and that equal runs are equal bytes."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import shapely
from made_up import CRS, house, rows, source

from cimkit.fuse import fuse
from cimkit.model import FusionSource

COLUMNS = {
    "matches": ["left_source", "left_id", "right_source", "right_id", "score", "band", "match", "evidence"],
    "bridge": ["entity_id", "source", "source_id", "relation", "gives_geometry"],
    "provenance": ["entity_id", "attribute", "value", "source", "source_id", "strategy", "confidence", "rivals"],
    "lineage": ["generation", "event", "entity_id", "related"],
}
FILES = {*(f"{name}.parquet" for name in COLUMNS), "entities.parquet", "review.csv", "review.geojson", "report.json"}


def sources(folder: Path) -> list[FusionSource]:
    """A town with a duplicate, so that there is something to review, in three sources."""
    town = [
        {"id": f"a{c}{r}", "name": f'楼,"{c}"\n', "h": c + r, "geometry": house(c, r)}
        for c in range(5)
        for r in range(5)
    ]
    osm = [{"id": f"o{c}", "name": f"House {c}", "h": c + 1, "geometry": house(c, 2, dx=1)} for c in range(5)]
    ml = [{"id": "m1", "h": None, "geometry": house(1, 2)}, {"id": "m2", "h": 3, "geometry": house(1, 2)}]
    return [
        source(folder, "a", town, trust=0.9),
        source(folder, "osm", osm, trust=0.6),
        source(folder, "ml", ml, trust=0.3),
    ]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outputs")
    fuse(sources(folder), layer="building", profile="building", crs="EPSG:4490", out=folder / "out")
    return folder / "out"


def test_the_files_and_nothing_else(out: Path) -> None:
    assert {path.name for path in out.iterdir()} == FILES


@pytest.mark.parametrize("name", COLUMNS)
def test_columns(out: Path, name: str) -> None:
    assert pq.read_schema(out / f"{name}.parquet").names == COLUMNS[name]


def test_entities_open_in_geopandas(out: Path) -> None:
    import geopandas

    entities = geopandas.read_parquet(out / "entities.parquet")
    assert entities.crs.to_epsg() == 4490
    assert list(entities.columns[:3]) == ["entity_id", "name", "h"]
    assert entities.entity_id.is_unique
    assert entities.geometry.notna().all()
    assert len(entities) == 25


def test_matches_are_explained(out: Path) -> None:
    from math import exp

    from cimkit.fuse.score import model

    intercept = model("building").variants["all"].intercept
    for row in rows(out / "matches.parquet"):
        evidence = json.loads(row["evidence"])
        odds = intercept + sum(part["adds"] for part in evidence.values())
        assert row["score"] == pytest.approx(1 / (1 + exp(-odds)), abs=2e-3)
        assert row["band"] in ("auto", "review", "reject")
        assert row["match"] or row["band"] != "auto"
        assert not row["match"] or row["band"] != "reject"


def test_review_files_hold_both_records(out: Path) -> None:
    import geopandas

    with (out / "review.csv").open(encoding="utf-8", newline="") as file:
        listed = list(csv.DictReader(file))
    assert listed
    assert {row["decision"] for row in listed} == {""}
    matches = {(r["left_id"], r["right_id"]) for r in rows(out / "matches.parquet") if r["band"] == "review"}
    assert {(row["left_id"], row["right_id"]) for row in listed} == matches
    assert listed[0]["left_name"] == '楼,"1"\n'
    assert {row["right_id"] for row in listed} >= {"m1", "m2"}
    features = json.loads((out / "review.geojson").read_text(encoding="utf-8"))["features"]
    assert len(features) == len(listed)
    assert features[0]["properties"]["evidence"]["iou"]["value"] > 0.4
    assert [part["type"] for part in features[0]["geometry"]["geometries"]] == ["Polygon", "Polygon"]
    table = geopandas.read_file(out / "review.geojson")
    assert table.crs.to_epsg() == 4326
    assert -180 < table.total_bounds[0] < 180


def test_attributes_called_source_and_id_do_not_hide_the_record(tmp_path: Path) -> None:
    from dataclasses import replace

    records = [{"key": k, "id": "x", "source": "s", "geometry": house(0, 0)} for k in ("1", "2")]
    given = [replace(source(tmp_path, name, records), roles={"id": "key"}) for name in ("a", "b")]
    fuse(given, layer="b", profile="building", crs=CRS, out=tmp_path / "out")
    with (tmp_path / "out" / "review.csv").open(encoding="utf-8", newline="") as file:
        row = next(csv.DictReader(file))
    assert (row["left_source"], row["right_source"]) == ("a", "b")
    assert (row["left_source_field"], row["right_id_field"]) == ("s", "x")


def test_the_review_file_is_the_decision_file(out: Path, tmp_path: Path) -> None:
    given = sources(tmp_path)
    (tmp_path / "out").mkdir()
    filled = (out / "review.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    assert filled[0].startswith('"left_source"') or filled[0].startswith("left_source")
    with (out / "review.csv").open(encoding="utf-8", newline="") as file:
        listed = list(csv.DictReader(file))
    for row in listed:
        row["decision"] = "different"
    with (tmp_path / "out" / "decisions.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, listed[0])
        writer.writeheader()
        writer.writerows(listed)
    report = fuse(given, layer="building", profile="building", crs="EPSG:4490", out=tmp_path / "out")
    assert report.bands["review"] == 0
    assert report.relations["single"] >= 2


def test_the_report(out: Path) -> None:
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert report["records"] == {"a": 25, "osm": 5, "ml": 2}
    assert sum(report["relations"].values()) == report["entities"] == 25
    assert sum(report["bands"].values()) == len(rows(out / "matches.parquet"))
    assert report["conflicts"]["name"] == 5
    assert {"stage", "seconds"} == set(report["timings"][0])
    assert {"candidates", "overlap"} <= {timing["stage"] for timing in report["timings"]}
    assert report["truth"] is None


def contents(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {path.name: path.read_bytes() for path in folder.iterdir()}
    report = json.loads(found["report.json"])
    del report["timings"]
    return {**found, "report.json": report}


def test_equal_runs_are_equal_bytes_in_any_folder(out: Path, tmp_path: Path) -> None:
    fuse(sources(tmp_path), layer="building", profile="building", crs="EPSG:4490", out=tmp_path / "elsewhere")
    assert contents(tmp_path / "elsewhere") == contents(out)


def test_truth_goes_into_the_report(tmp_path: Path) -> None:
    given = sources(tmp_path)
    pairs = "".join(f"a{c}2,o{c}\n" for c in range(5))
    (tmp_path / "truth.csv").write_text("left_id,right_id,match\n" + pairs.replace("\n", ",1\n"))
    report = fuse(given, layer="b", profile="building", crs=CRS, out=tmp_path / "out", truth=tmp_path / "truth.csv")
    assert report.truth == {"precision": 1.0, "recall": 1.0, "f1": 1.0, "pairs": 5.0}


def test_no_layer_has_to_have_attributes(tmp_path: Path) -> None:
    given = [source(tmp_path, n, [{"id": "1", "geometry": shapely.box(0, 0, 10, 10)}]) for n in ("a", "b")]
    fuse(given, layer="b", profile="building", crs=CRS, out=tmp_path / "out")
    assert rows(tmp_path / "out" / "provenance.parquet") == []
    assert pq.read_schema(tmp_path / "out" / "provenance.parquet").names == COLUMNS["provenance"]
