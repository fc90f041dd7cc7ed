"""Conflicts: which value wins, where it came from, and who lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from made_up import CRS, house, rows, source

from cimkit.fuse import fuse
from cimkit.model import FusionReport

#: Of one house: three sources with trust 0.9, 0.6, 0.3 and dates.
CLAIMS = {
    "survey": {"height": 10.0, "use": "house", "name": "Low", "note": None, "updated_at": "2020-01-01"},
    "osm": {"height": 10.8, "use": "shop", "name": "The Long House", "note": "x", "updated_at": "2024-05-01T08:00:00Z"},
    "ml": {"height": 31.0, "use": "shop", "name": None, "note": None, "updated_at": "2023-01-01"},
}
TRUST = {"survey": 0.9, "osm": 0.6, "ml": 0.3}


def fused(tmp_path: Path, **attributes: Any) -> tuple[dict[str, Any], dict[str, dict[str, Any]], FusionReport]:
    given = [
        source(tmp_path, name, [{"id": f"{name}-1", **claims, "geometry": house(0, 0)}], trust=TRUST[name])
        for name, claims in CLAIMS.items()
    ]
    report = fuse(given, layer="b", profile="building", crs=CRS, out=tmp_path / "out", attributes=attributes)
    [entity] = rows(tmp_path / "out" / "entities.parquet")
    origin = {row["attribute"]: row for row in rows(tmp_path / "out" / "provenance.parquet")}
    return entity, origin, report


def test_priority_is_the_default_and_follows_trust(tmp_path: Path) -> None:
    entity, origin, report = fused(tmp_path)
    assert (entity["height"], entity["use"], entity["name"], entity["note"]) == (10.0, "house", "Low", "x")
    assert origin["use"]["source"] == "survey"
    assert origin["use"]["source_id"] == "survey-1"
    assert origin["use"]["strategy"] == "priority"
    assert origin["note"]["source"] == "osm"
    assert json.loads(origin["use"]["rivals"]) == [
        {"source": "osm", "source_id": "osm-1", "value": "shop"},
        {"source": "ml", "source_id": "ml-1", "value": "shop"},
    ]
    assert json.loads(origin["note"]["rivals"]) == []
    assert report.conflicts == {"height": 1, "use": 1, "name": 1, "note": 0}


@pytest.mark.parametrize(
    ("attribute", "spec", "value", "origin"),
    [
        ("height", {"strategy": "priority", "order": ["ml", "osm"]}, 31.0, "ml"),
        ("name", {"strategy": "priority", "order": ["ml"]}, "Low", "survey"),
        ("use", {"strategy": "newest"}, "shop", "osm"),
        ("use", {"strategy": "newest", "order": ["survey"]}, "shop", "osm"),
        ("use", {"strategy": "most_complete"}, "shop", "osm"),
        ("name", {"strategy": "longest"}, "The Long House", "osm"),
        ("use", {"strategy": "vote"}, "shop", "osm"),
        ("height", {"strategy": "vote"}, 10.0, "survey"),
        ("height", {"strategy": "max"}, 31.0, "ml"),
        ("height", {"strategy": "min"}, 10.0, "survey"),
        ("height", {"strategy": "median"}, 10.8, None),
        ("height", {"strategy": "mean"}, pytest.approx(51.8 / 3), None),
        ("updated_at", {"strategy": "max"}, "2024-05-01T08:00:00Z", "osm"),
    ],
)
def test_strategies(tmp_path: Path, attribute: str, spec: dict[str, Any], value: Any, origin: str | None) -> None:
    entity, provenance, _ = fused(tmp_path, **{attribute: spec})
    assert entity[attribute] == value
    assert provenance[attribute]["source"] == origin
    assert provenance[attribute]["source_id"] == (f"{origin}-1" if origin else None)
    assert provenance[attribute]["strategy"] == spec["strategy"]


def test_a_tolerance_makes_near_values_agree(tmp_path: Path) -> None:
    _, origin, report = fused(tmp_path, height={"strategy": "priority", "tolerance": 1.0})
    assert [rival["source"] for rival in json.loads(origin["height"]["rivals"])] == ["ml"]
    assert report.conflicts["height"] == 1
    _, origin, report = fused(tmp_path, height={"strategy": "priority", "tolerance": 30.0})
    assert json.loads(origin["height"]["rivals"]) == []
    assert report.conflicts["height"] == 0


def test_confidence_grows_with_agreement_and_falls_with_conflict(tmp_path: Path) -> None:
    _, origin, _ = fused(tmp_path, height={"tolerance": 1.0})
    assert origin["note"]["confidence"] == pytest.approx(0.6)
    assert origin["height"]["confidence"] == pytest.approx((1 - 0.1 * 0.4) * 1.5 / 1.8, abs=1e-4)
    assert origin["use"]["confidence"] == pytest.approx(0.9 * 0.9 / 1.8, abs=1e-4)


def test_one_row_of_provenance_for_every_filled_cell(tmp_path: Path) -> None:
    entity, _, _ = fused(tmp_path)
    filled = [
        name for name, value in entity.items() if value is not None and name not in ("entity_id", "geometry", "bbox")
    ]
    listed = rows(tmp_path / "out" / "provenance.parquet")
    assert [row["attribute"] for row in listed] == filled
    assert all(row["value"] == str(entity[row["attribute"]]) for row in listed)


def test_parts_of_one_source_speak_in_order_of_closeness(tmp_path: Path) -> None:
    import shapely

    whole = house(0, 0)
    x, y, right, top = whole.bounds
    parts = [shapely.box(x, y, x + 2, top), shapely.box(x + 2, y, right, top)]
    given = [
        source(tmp_path, "a", [{"id": "a", "geometry": whole}], trust=0.9),
        source(tmp_path, "b", [{"id": f"b{i}", "n": i, "geometry": part} for i, part in enumerate(parts)]),
    ]
    fuse(given, layer="b", profile="building", crs=CRS, out=tmp_path / "out")
    [entity] = rows(tmp_path / "out" / "entities.parquet")
    assert entity["n"] == 1


@pytest.mark.parametrize(
    ("geometry", "giver"),
    [
        ({}, "survey"),
        ({"strategy": "priority", "order": ["ml"]}, "ml"),
        ({"strategy": "newest"}, "osm"),
    ],
)
def test_which_geometry(tmp_path: Path, geometry: dict[str, Any], giver: str) -> None:
    as_of = {"survey": "2019-01-01", "osm": "2024-01-01", "ml": None}
    given = [
        source(tmp_path, name, [{"id": name, "geometry": house(0, 0, dx=i / 4)}], trust=TRUST[name], as_of=as_of[name])
        for i, name in enumerate(TRUST)
    ]
    fuse(given, layer="b", profile="building", crs=CRS, out=tmp_path / "out", geometry=geometry)
    bridge = rows(tmp_path / "out" / "bridge.parquet")
    assert [row["source"] for row in bridge if row["gives_geometry"]] == [giver]
    assert len({row["entity_id"] for row in bridge}) == 1


def test_roles_bring_columns_of_different_names_together(tmp_path: Path) -> None:
    from dataclasses import replace

    a = source(tmp_path, "a", [{"id": "1", "height_m": None, "geometry": house(0, 0)}], trust=0.9)
    b = source(tmp_path, "b", [{"fid": "9", "HOEHE": 7.5, "geometry": house(0, 0)}])
    given = [a, replace(b, roles={"id": "fid", "height": "HOEHE"})]
    fuse(given, layer="b", profile="building", crs=CRS, out=tmp_path / "out", fields={"id": "id", "height_m": "height"})
    [entity] = rows(tmp_path / "out" / "entities.parquet")
    assert entity["height_m"] == 7.5
    assert "HOEHE" not in entity
