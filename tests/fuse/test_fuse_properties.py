"""What holds of every fusion, whatever the city looks like."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_up import CRS, ORIGIN, rows, source

from cimkit.fuse import fuse

#: Boxes on a coarse grid: they coincide, touch, overlap and contain each other all the time.
BOX = st.tuples(st.integers(0, 12), st.integers(0, 4), st.integers(1, 4), st.integers(1, 3))
NAME = st.sampled_from(["汇文书店", "汇文书店(东门)", "巴比馒头", "Café", None, ""])
RECORD = st.fixed_dictionaries(
    {"box": st.none() | BOX, "name": NAME, "h": st.none() | st.integers(0, 3)},
)
SOURCE = st.lists(RECORD, max_size=9)
CITY = st.lists(SOURCE, min_size=2, max_size=3)
SETTINGS = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def records(spec: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [
        {
            "id": f"{name}{i}",
            "name": record["name"],
            "h": record["h"],
            "geometry": None if record["box"] is None else _box(*record["box"]),
        }
        for i, record in enumerate(spec)
    ]


def _box(column: int, row: int, width: int, height: int) -> Any:
    x, y = ORIGIN[0] + 6 * column, ORIGIN[1] + 6 * row
    return shapely.box(x, y, x + 6 * width, y + 6 * height)


def run(folder: Path, city: list[list[dict[str, Any]]], profile: str, out: str = "out") -> Any:
    import pyarrow as pa

    schema = {"name": pa.string(), "h": pa.int64()}
    given = [source(folder, f"s{k}", spec, trust=0.9 - k / 4, schema=schema) for k, spec in enumerate(city)]
    return fuse(given, layer="l", profile=profile, crs=CRS, out=folder / out)


def tables(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir() if path.name != "report.json"}


@SETTINGS
@given(CITY, st.sampled_from(["building", "poi"]), st.randoms(use_true_random=False))
def test_every_fusion(city: list[list[dict[str, Any]]], profile: str, random: Any) -> None:
    named = [records(spec, f"s{k}-") for k, spec in enumerate(city)]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        report = run(folder, named, profile)
        out = folder / "out"
        bridge, matches = rows(out / "bridge.parquet"), rows(out / "matches.parquet")
        entities = {row["entity_id"]: row for row in rows(out / "entities.parquet")}

        # Every record is in the bridge, and every entity; nothing else is.
        everyone = {(f"s{k}", record["id"]) for k, spec in enumerate(named) for record in spec}
        assert {(row["source"], row["source_id"]) for row in bridge} == everyone
        assert {row["entity_id"] for row in bridge} == set(entities)
        assert len({(row["entity_id"], row["source"], row["source_id"]) for row in bridge}) == len(bridge)
        assert report.entities == len(entities) == sum(report.relations.values())

        # What matches is together, and nothing is together that nothing brings together.
        members: dict[str, set[tuple[str, str]]] = {}
        for row in bridge:
            members.setdefault(row["entity_id"], set()).add((row["source"], row["source_id"]))
        links = {
            frozenset({(row["left_source"], row["left_id"]), (row["right_source"], row["right_id"])})
            for row in matches
            if row["match"]
        }
        for link in links:
            assert any(link <= group for group in members.values())
        for group in members.values():
            linked = {record for link in links if link <= group for record in link}
            assert group == linked or len(group) == 1

        # One record gives the geometry; an entity has none only if none of its records has.
        shapes = {(f"s{k}", r["id"]): r["geometry"] for k, spec in enumerate(named) for r in spec}
        for key, group in members.items():
            givers = [row for row in bridge if row["entity_id"] == key and row["gives_geometry"]]
            assert len(givers) == int(any(shapes[record] is not None for record in group))

        # One to one means one to one; every filled cell has an origin that claims it.
        if profile == "poi":
            assert all(len({name for name, _ in group}) == len(group) for group in members.values())
            assert sum(len(group) for group in members.values()) == len(everyone)
        claims = {(f"s{k}", r["id"]): r for k, spec in enumerate(named) for r in spec}
        origin = rows(out / "provenance.parquet")
        filled = {(k, a) for k, row in entities.items() for a in ("name", "h") if row[a] is not None}
        assert {(row["entity_id"], row["attribute"]) for row in origin} == filled
        for row in origin:
            claim = claims[row["source"], row["source_id"]][row["attribute"]]
            assert str(claim) == row["value"] == str(entities[row["entity_id"]][row["attribute"]])
            assert (row["source"], row["source_id"]) in members[row["entity_id"]]
            assert all(rival["value"] != row["value"] for rival in json.loads(row["rivals"]))

        # The order of rows means nothing, and a second run changes nothing.
        first = tables(out)
        run(folder, named, profile)
        assert tables(out) == first
        shuffled = [random.sample(spec, len(spec)) for spec in named]
        run(folder, shuffled, profile, "shuffled")
        assert tables(folder / "shuffled") == first


@SETTINGS
@given(CITY)
def test_a_source_is_only_moved_by_itself(city: list[list[dict[str, Any]]]) -> None:
    """When one source vanishes, ids that live on in other sources are the ones they had."""
    named = [records(spec, f"s{k}-") for k, spec in enumerate(city)]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        run(folder, named, "building")
        before = {row["entity_id"]: row for row in rows(folder / "out" / "bridge.parquet")}
        run(folder, [named[0], *[[] for _ in named[1:]]], "building")
        after = {row["source_id"]: row["entity_id"] for row in rows(folder / "out" / "bridge.parquet")}
        assert set(after) == {record["id"] for record in named[0]}
        # The first source is the best one: its records found entities, and these stay.
        assert set(after.values()) <= set(before)
