"""What is wrong with the input is said, and nothing is left half-done."""

from __future__ import annotations

import errno
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import shapely
from made_up import CRS, group, groups, house, rows, source

from cimkit.errors import SourceError, UsageError
from cimkit.fuse import fuse
from cimkit.model import FusionReport, FusionSource


def run(given: list[FusionSource], out: Path, **more: Any) -> FusionReport:
    return fuse(given, **{"layer": "building", "profile": "building", "crs": CRS, "out": out, **more})


def codes(report: FusionReport) -> list[tuple[str, str]]:
    return [(finding["code"], finding["source"]) for finding in report.findings]


@pytest.fixture
def two(tmp_path: Path) -> list[FusionSource]:
    return [source(tmp_path, name, [{"id": f"{name}1", "geometry": house(0, 0)}]) for name in ("a", "b")]


@pytest.mark.parametrize(
    ("more", "message", "hint"),
    [
        ({"profile": "bilding"}, "There is no fusion profile 'bilding'", "building"),
        ({"crs": "EPSG:999999"}, "no coordinate reference system", "EPSG"),
        ({"geometry": {"strategy": "prority"}}, "geometry has an unknown strategy 'prority'", "priority"),
        ({"geometry": {"strategy": "priority", "order": ["c"]}}, "names 'c', which is no source", "Known: a, b"),
        ({"geometry": {"stratgy": "priority"}}, "unknown setting 'stratgy'", "strategy"),
        ({"attributes": {"name": {"strategy": "pritority"}}}, "unknown strategy 'pritority'", "priority"),
        ({"attributes": {"nam": {"strategy": "vote"}}}, "given for 'nam', which no source has", "name"),
        ({"attributes": {"name": {"strategy": "mean"}}}, "it has no mean", "longest"),
    ],
)
def test_wrong_usage(tmp_path: Path, more: Mapping[str, Any], message: str, hint: str) -> None:
    given = [source(tmp_path, n, [{"id": "1", "name": "x", "geometry": house(0, 0)}]) for n in ("a", "b")]
    with pytest.raises(UsageError, match=message) as caught:
        run(given, tmp_path / "out", **more)
    assert hint in (caught.value.hint or "")
    assert not (tmp_path / "out").exists()


def test_one_source_is_too_few(tmp_path: Path, two: list[FusionSource]) -> None:
    with pytest.raises(UsageError, match="two sources"):
        run(two[:1], tmp_path / "out")
    with pytest.raises(UsageError, match="same name 'a'"):
        run([two[0], two[0]], tmp_path / "out")


def test_a_source_that_is_no_parquet(tmp_path: Path, two: list[FusionSource]) -> None:
    (tmp_path / "c.parquet").write_bytes(b"not at all")
    for path in (tmp_path / "c.parquet", tmp_path / "missing.parquet"):
        with pytest.raises(SourceError, match=path.name) as caught:
            run([*two, FusionSource("c", path, CRS)], tmp_path / "out")
        assert caught.value.exit_code == 3
    assert not (tmp_path / "out").exists()


def test_geometry_without_a_crs(tmp_path: Path, two: list[FusionSource]) -> None:
    lost = source(tmp_path, "c", [{"id": "c1", "geometry": house(0, 0)}], crs=None)
    with pytest.raises(SourceError, match="no coordinate reference system is known"):
        run([*two, lost], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_earlier_result_survives_a_failure(tmp_path: Path, two: list[FusionSource]) -> None:
    run(two, tmp_path / "out")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    lost = source(tmp_path, "c", [{"id": "c1", "geometry": house(0, 0)}], crs=None)
    with pytest.raises(SourceError):
        run([*two, lost], tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_a_full_disk(tmp_path: Path, two: list[FusionSource], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("cimkit.fuse.outputs.write_bridge", full)
    with pytest.raises(SourceError, match="No space left on device") as caught:
        run(two, tmp_path / "out")
    assert "room on the disk" in (caught.value.hint or "")
    assert not (tmp_path / "out").exists()


def test_a_result_folder_that_cannot_be_made(tmp_path: Path, two: list[FusionSource]) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SourceError, match="cannot be written"):
        run(two, tmp_path / "file")


def test_an_empty_source(tmp_path: Path, two: list[FusionSource]) -> None:
    empty = source(tmp_path, "c", [], schema={"height_m": pa.float64()})
    report = run([*two, empty], tmp_path / "out")
    assert codes(report) == [("fuse.empty_source", "c")]
    assert report.records == {"a": 1, "b": 1, "c": 0}
    assert report.match_rates["c"] == 0.0
    assert report.entities == 1


def test_all_sources_empty(tmp_path: Path) -> None:
    given = [source(tmp_path, name, [], schema={"name": pa.string()}) for name in ("a", "b")]
    for profile in ("building", "poi"):
        report = run(given, tmp_path / profile, profile=profile)
        assert report.entities == 0
        for name in ("entities", "bridge", "matches", "provenance", "lineage"):
            assert rows(tmp_path / profile / f"{name}.parquet") == []


@pytest.mark.parametrize("profile", ["building", "poi"])
def test_no_geometry_at_all(tmp_path: Path, profile: str) -> None:
    given = [
        source(tmp_path, name, [{"id": f"{name}{i}", "name": "x"} for i in range(3)], crs=crs)
        for name, crs in (("a", CRS), ("b", None))
    ]
    report = run(given, tmp_path / "out", profile=profile)
    assert codes(report) == [("fuse.no_geometry", "a"), ("fuse.no_geometry", "b")]
    assert report.entities == 6
    assert report.relations["single"] == 6


NAN, INF = float("nan"), float("inf")
UNUSABLE = [
    None,
    b"\x01\x02",
    shapely.to_wkb(shapely.Polygon()),
    struct.pack("<bI2d", 1, 1, NAN, 3),
    struct.pack("<bI2d", 1, 1, INF, 3),
    struct.pack("<bII4d", 1, 2, 2, 0, 0, NAN, 1),
    struct.pack("<bIII8d", 1, 3, 1, 4, 0, 0, 0, INF, 5, 5, 0, 0),
]


@pytest.mark.parametrize("profile", ["building", "poi"])
@pytest.mark.parametrize("crs", ["EPSG:4547", "EPSG:4490"])
def test_geometries_that_cannot_be_used(tmp_path: Path, profile: str, crs: str) -> None:
    broken = [{"id": f"x{i}", "name": "x", "geometry": value} for i, value in enumerate(UNUSABLE)]
    sound = [{"id": "s", "name": "x", "geometry": house(0, 0)}]
    given = [source(tmp_path, "a", [*broken, *sound]), source(tmp_path, "b", sound)]
    report = run(given, tmp_path / "out", profile=profile, crs=crs)
    assert codes(report) == [("fuse.no_geometry", "a")]
    assert f"{len(UNUSABLE)} records" in report.findings[0]["message"]
    assert report.entities == len(UNUSABLE) + 1
    assert group("a/s", "b/s") in groups(tmp_path / "out")


def test_an_id_used_twice_becomes_id_and_row(tmp_path: Path) -> None:
    records = [{"id": name, "geometry": house(i, 0)} for i, name in enumerate(["x", "y", "x", None, "x#2"])]
    given = [source(tmp_path, "a", records), source(tmp_path, "b", [{"id": "x", "geometry": house(0, 0)}])]
    report = run(given, tmp_path / "out")
    assert codes(report) == [("fuse.duplicate_id", "a")]
    ids = {row["source_id"] for row in rows(tmp_path / "out" / "bridge.parquet") if row["source"] == "a"}
    assert ids == {"x#0", "y", "x#2#2", "#3", "x#2#4"}
    assert group("a/x#0", "b/x") in groups(tmp_path / "out")


def test_the_same_file_twice(tmp_path: Path) -> None:
    a = source(tmp_path, "a", [{"id": "1", "geometry": house(0, 0)}])
    report = run([a, FusionSource("b", a.path, a.crs)], tmp_path / "out")
    assert codes(report) == [("fuse.same_source", "b")]


def test_an_id_column_is_found_by_itself(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    given = []
    for name in ("a", "b"):
        wkb = pa.array([shapely.to_wkb(house(i, 0)) for i in range(3)], pa.binary())
        table = pa.table({"OBJECTID": [7, 8, 9], "valid": ["y", "y", "n"], "gid_class": [1, 1, 1], "geometry": wkb})
        pq.write_table(table, tmp_path / f"{name}.parquet")
        given.append(FusionSource(name, tmp_path / f"{name}.parquet", CRS))
    run(given, tmp_path / "out")
    assert groups(tmp_path / "out") == {group(f"a/{i}", f"b/{i}") for i in (7, 8, 9)}
    columns = rows(tmp_path / "out" / "entities.parquet")[0].keys()
    assert {"valid", "gid_class"} <= columns
    assert "OBJECTID" not in columns


def test_no_id_column(tmp_path: Path, two: list[FusionSource]) -> None:
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"n": ["x"], "geometry": pa.array([None], pa.binary())}), tmp_path / "c.parquet")
    with pytest.raises(UsageError, match="has no column 'id'") as caught:
        run([*two, FusionSource("c", tmp_path / "c.parquet", CRS)], tmp_path / "out")
    assert "--role c.id=COLUMN" in (caught.value.hint or "")
    unknown = FusionSource("c", tmp_path / "c.parquet", CRS, roles={"id": "m"})
    with pytest.raises(UsageError, match="no column 'm' for the role 'id'"):
        run([*two, unknown], tmp_path / "out")


def test_names_of_attributes_that_could_hurt(tmp_path: Path) -> None:
    hostile = {'a"; DROP TABLE record; --': "1", "entity_id": "e", "rid": 5, "source": "s", "select": "x", "Name": "N"}
    given = [
        source(tmp_path, "a", [{"id": "1", **hostile, "geometry": house(0, 0)}], trust=0.9),
        source(tmp_path, "b'); --", [{"id": "2'", "name": "n", "geometry": house(0, 0)}]),
    ]
    run(given, tmp_path / "out")
    [entity] = rows(tmp_path / "out" / "entities.parquet")
    assert entity.pop("entity_id") != "e"
    assert entity.pop("source_entity_id") == "e"
    assert {key: entity[key] for key in hostile if key != "entity_id"} == {
        key: value for key, value in hostile.items() if key != "entity_id"
    }
    assert groups(tmp_path / "out") == {frozenset({("a", "1"), ("b'); --", "2'")})}


def test_sources_that_disagree_on_types(tmp_path: Path) -> None:
    given = [
        source(tmp_path, "a", [{"id": "1", "h": 3, "t": "x", "geometry": house(0, 0)}], trust=0.9),
        source(tmp_path, "b", [{"id": "1", "h": 3.5, "t": 7, "geometry": house(0, 0)}]),
    ]
    run(given, tmp_path / "out")
    [entity] = rows(tmp_path / "out" / "entities.parquet")
    assert (entity["h"], entity["t"]) == (3.0, "x")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("left_source,left_id,right_source,decision\n", "has no column 'right_id'"),
        ("left_source,left_id,right_source,right_id,decision\na,a1,b,b1,sames\n", "line 2: the decision 'sames'"),
    ],
)
def test_broken_decisions(tmp_path: Path, two: list[FusionSource], text: str, message: str) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "decisions.csv").write_text(text)
    with pytest.raises(SourceError, match=message):
        run(two, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["decisions.csv"]


def test_an_earlier_result_that_is_none(tmp_path: Path, two: list[FusionSource]) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "bridge.parquet").write_bytes(b"PAR1 but no more")
    with pytest.raises(SourceError, match=r"bridge\.parquet is no result of an earlier fusion"):
        run(two, tmp_path / "out")
