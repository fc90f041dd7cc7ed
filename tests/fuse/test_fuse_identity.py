"""Ids last: the same in any folder, kept over later runs, and what became of each is written down."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import CRS, group, groups, house, rows, source

from cimkit import duck
from cimkit.fuse import fuse, identity
from cimkit.model import FusionReport


def run(tmp_path: Path, a: list[dict[str, Any]], b: list[dict[str, Any]], out: str = "out") -> FusionReport:
    given = [source(tmp_path, "a", a, trust=0.9), source(tmp_path, "b", b)]
    return fuse(given, layer="building", profile="building", crs=CRS, out=tmp_path / out)


def ids(out: Path) -> dict[tuple[str, str], set[str]]:
    """The entities of each record."""
    found: dict[tuple[str, str], set[str]] = {}
    for row in rows(out / "bridge.parquet"):
        found.setdefault((row["source"], row["source_id"]), set()).add(row["entity_id"])
    return found


def events(out: Path) -> list[tuple[int, str]]:
    return [(row["generation"], row["event"]) for row in rows(out / "lineage.parquet")]


def houses(prefix: str, *columns: int) -> list[dict[str, Any]]:
    return [{"id": f"{prefix}{i}", "geometry": house(i, 0)} for i in columns]


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=20), st.text(min_size=1, max_size=10), st.text(max_size=30))
def test_ids_made_by_sql_are_those_of_the_standard_library(layer: str, name: str, record: str) -> None:
    layer, name, record = (text.replace("\0", "") for text in (layer, name, record))
    with duck.connect() as con:
        made = con.execute(f"SELECT {identity._uuid5(layer, 'n', 'r')} FROM (SELECT ? AS n, ? AS r)", [name, record])
        assert made.fetchone() == (identity.birth_id(layer, name, record),)


def test_an_id_is_a_uuid_of_version_5_over_the_founder(tmp_path: Path) -> None:
    run(tmp_path, houses("a", 0), houses("b", 0))
    [entity] = rows(tmp_path / "out" / "entities.parquet")
    assert uuid.UUID(entity["entity_id"]).version == 5
    assert entity["entity_id"] == str(uuid.uuid5(identity.NAMESPACE, "building\x1fa\x1fa0"))


def test_the_namespace_never_changes() -> None:
    assert str(identity.NAMESPACE) == str(uuid.uuid5(uuid.NAMESPACE_URL, "urn:cimkit:entity"))
    assert identity.birth_id("building", "survey", "1") == "4dd9c0b2-4a20-5bab-acbe-87b003c6a1b9"


def test_a_rerun_on_the_same_input_changes_nothing(tmp_path: Path) -> None:
    run(tmp_path, houses("a", 0, 1, 2), houses("b", 1, 2, 3))
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").glob("*.parquet")}
    run(tmp_path, houses("a", 0, 1, 2), houses("b", 1, 2, 3))
    after = {path.name: path.read_bytes() for path in (tmp_path / "out").glob("*.parquet")}
    assert before == after
    assert events(tmp_path / "out") == [(1, "created")] * 4


def test_ids_are_kept_when_one_source_changes(tmp_path: Path) -> None:
    run(tmp_path, houses("a", 0, 1, 2), houses("b", 0, 1, 2))
    before = ids(tmp_path / "out")
    run(tmp_path, houses("a", 0, 1, 2), [{"id": f"new{i}", "geometry": house(i, 0, dx=1)} for i in range(4)])
    after = ids(tmp_path / "out")
    for i in range(3):
        assert after["a", f"a{i}"] == before["a", f"a{i}"] == after["b", f"new{i}"]
    assert sorted(events(tmp_path / "out")) == [(1, "created")] * 3 + [(2, "created")] + [(2, "kept")] * 3


def test_an_id_outlives_its_founder(tmp_path: Path) -> None:
    run(tmp_path, houses("a", 0, 1), houses("b", 0, 1))
    before = ids(tmp_path / "out")
    run(tmp_path, houses("a", 1), houses("b", 0, 1))
    after = ids(tmp_path / "out")
    assert after["b", "b0"] == before["b", "b0"] == before["a", "a0"]
    # Its founder comes back as a house of its own: the id is taken, so another is made.
    run(tmp_path, [{"id": "a0", "geometry": house(9, 9)}, *houses("a", 1)], houses("b", 0, 1))
    last = ids(tmp_path / "out")
    assert last["b", "b0"] == before["b", "b0"]
    assert last["a", "a0"] == {identity.birth_id("building", "a", "a0", 2)}


def test_merged_and_retired(tmp_path: Path) -> None:
    import shapely

    x, y, right, top = house(0, 0).bounds
    half = (x + right) / 2
    halves = [
        {"id": "a0", "geometry": shapely.box(x, y, half, top)},
        {"id": "a1", "geometry": shapely.box(half, y, right, top)},
    ]
    run(tmp_path, [*halves, *houses("a", 5)], houses("b", 8))
    before = ids(tmp_path / "out")
    # The survey now has one house where it had two, under the first one's id; the other is in source b.
    run(tmp_path, [{"id": "a0", "geometry": house(0, 0)}], [*houses("b", 8)])
    log = {row["entity_id"]: row for row in rows(tmp_path / "out" / "lineage.parquet") if row["generation"] == 2}
    assert {row["event"] for row in log.values()} == {"retired"}
    assert set(log) == before["a", "a1"] | before["a", "a5"]
    assert ids(tmp_path / "out")["a", "a0"] == before["a", "a0"]


def test_split_and_merge_name_their_kin(tmp_path: Path) -> None:
    apart = [{"id": "b0", "geometry": house(0, 0, dx=200)}]
    run(tmp_path, houses("a", 0), apart)
    two = ids(tmp_path / "out")
    run(tmp_path, houses("a", 0), houses("b", 0))
    one = ids(tmp_path / "out")
    assert one["a", "a0"] == one["b", "b0"]
    log = [row for row in rows(tmp_path / "out" / "lineage.parquet") if row["generation"] == 2]
    [gone] = (two["a", "a0"] | two["b", "b0"]) - one["a", "a0"]
    assert {(row["event"], row["entity_id"], row["related"]) for row in log} == {
        ("kept", *one["a", "a0"], None),
        ("merged", gone, *one["a", "a0"]),
    }
    run(tmp_path, houses("a", 0), apart)
    log = [row for row in rows(tmp_path / "out" / "lineage.parquet") if row["generation"] == 3]
    now = ids(tmp_path / "out")
    [born] = (now["a", "a0"] | now["b", "b0"]) - one["a", "a0"]
    assert ("split", born, *one["a", "a0"]) in {(row["event"], row["entity_id"], row["related"]) for row in log}


def test_no_id_is_ever_given_twice(tmp_path: Path) -> None:
    for generation in range(4):
        moved = [{"id": f"a{i}", "geometry": house(i, 0, dx=40 * (generation % 2))} for i in range(4)]
        run(tmp_path, moved, houses("b", 0, 1, 2, 3, 4))
        listed = [row["entity_id"] for row in rows(tmp_path / "out" / "entities.parquet")]
        assert len(listed) == len(set(listed))
        assert set(listed) == set().union(*ids(tmp_path / "out").values())


def decide(out: Path, *lines: str) -> None:
    header = "left_source,left_id,right_source,right_id,decision\n"
    (out / "decisions.csv").write_text(header + "".join(f"{line}\n" for line in lines), encoding="utf-8")


def test_decisions_are_stronger_than_scores_and_last(tmp_path: Path) -> None:
    a, b = houses("a", 0, 1), [*houses("b", 0), {"id": "b7", "geometry": house(1, 0, dx=500)}]
    run(tmp_path, a, b)
    decide(tmp_path / "out", "a,a0,b,b0,different", "b,b7,a,a1,same", "a,a1,b,b0,")
    report = run(tmp_path, a, b)
    assert groups(tmp_path / "out") == {group("a/a0"), group("b/b0"), group("a/a1", "b/b7")}
    matches = {(row["left_id"], row["right_id"]): row for row in rows(tmp_path / "out" / "matches.parquet")}
    assert (matches["a0", "b0"]["band"], matches["a0", "b0"]["match"]) == ("reject", False)
    assert (matches["a1", "b7"]["band"], matches["a1", "b7"]["match"]) == ("auto", True)
    assert report.findings == ()
    run(tmp_path, a, b)
    assert group("a/a1", "b/b7") in groups(tmp_path / "out")


def test_the_last_decision_on_a_pair_holds_and_strangers_are_reported(tmp_path: Path) -> None:
    run(tmp_path, houses("a", 0), houses("b", 0))
    decide(tmp_path / "out", "a,a0,b,b0,different", "b,b0,a,a0,same", "a,a0,b,gone,same", "a,a0,c,b0,same")
    report = run(tmp_path, houses("a", 0), houses("b", 0))
    assert groups(tmp_path / "out") == {group("a/a0", "b/b0")}
    assert [finding["code"] for finding in report.findings] == ["fuse.unknown_decision"]
    assert report.findings[0]["message"].startswith("2 decisions")
