"""The ledgers tell the truth: what is planted is there, and nothing else is wrong."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import pytest
from sample_judge import Judge
from sample_readers import read_ledger


@pytest.fixture(scope="module")
def judge(root: Path) -> Judge:
    return Judge(root / "pipelines", root / "standards" / "cim-core" / "0.1.0")


def test_the_defects_are_exactly_what_is_wrong(root: Path, judge: Judge) -> None:
    planted = {
        (d["file"], d["row"], d["field"], d["kind"]) for d in read_ledger(root / "sample_data/ledger", "defects")
    }
    found = {(file, row, field.split("|")[-1], kind) for file, row, field, kind in judge.verdicts()}
    assert sorted(planted - found) == []
    assert sorted(found - planted) == []


def test_defects_are_of_many_kinds_in_every_file_each_in_a_row_of_its_own(root: Path, judge: Judge) -> None:
    defects = read_ledger(root / "sample_data/ledger", "defects")
    rows = Counter((d["file"], d["layer"], d["row"]) for d in defects)
    assert max(rows.values()) == 1
    assert {d["file"] for d in defects} == {judge.file(name) for name in judge.sources}
    kinds = Counter(d["kind"] for d in defects)
    assert len(kinds) >= 18
    assert min(kinds.values()) >= 2
    delivered = {
        (judge.file(name), source.get("source_layer", Path(source["path"]).stem)): judge.rows[name]
        for name, source in judge.sources.items()
    }
    columns = {at: {name for row, _ in rows for name in row} for at, rows in delivered.items()}
    for defect in defects:
        at = defect["file"], defect["layer"]
        assert 0 <= defect["row"] < len(delivered[at])
        assert defect["field"] in columns[at] | {"geometry"}


def test_every_record_of_a_fused_layer_is_some_real_thing(root: Path, judge: Judge) -> None:
    told = defaultdict(list)
    for same in read_ledger(root / "sample_data/ledger", "same"):
        told[same["file"], same["row"]].append(same)
    for name, source in judge.sources.items():
        if source["layer"] not in ("building", "facility_poi"):
            continue
        for row, ((columns, _), mapped) in enumerate(zip(judge.rows[name], judge.mapped[name], strict=True)):
            same = told.pop((judge.file(name), row))
            assert {s["layer"] for s in same} == {source["layer"]}
            assert {s["source_id"] for s in same} == {columns[judge.column(name, "id")] or ""}
            assert {s["id"] for s in same} == {mapped.get("id", "")}
    assert not told


def test_the_same_things_are_one_to_one_and_many_to_many(root: Path) -> None:
    same = read_ledger(root / "sample_data/ledger", "same")
    files = defaultdict(set)
    records = defaultdict(set)
    for s in same:
        files[s["layer"], s["entity"]].add(s["file"])
        records[s["file"], s["row"]].add(s["entity"])
    houses = [len(where) for (layer, _), where in files.items() if layer == "building"]
    places = [len(where) for (layer, _), where in files.items() if layer == "facility_poi"]
    assert houses.count(3) > 1500
    assert 900 <= len(places) <= 940
    assert 0.55 < places.count(2) / len(places) < 0.65
    merged = Counter(file for (file, _), entities in records.items() if len(entities) == 2)
    assert merged["ml/footprints.parquet"] > 50
    assert merged["osm/buildings.geojson"] > 50
    pieces = Counter((s["file"], s["entity"]) for s in same if s["file"].startswith("ml/"))
    assert sum(count == 2 for count in pieces.values()) > 20
