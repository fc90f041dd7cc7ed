"""What a record says of itself is no dispute about the thing, and 'unknown' is no claim."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import pyarrow.parquet as pq
from shapely import box

from cimkit.fuse import fuse
from cimkit.model import FusionReport, FusionSource

ROLES = {"function": "category", "source": "source", "source_id": "source_id", "updated_at": "updated_at"}


def town(folder: Path, name: str, **columns: list[str | None]) -> FusionSource:
    frame = gpd.GeoDataFrame(
        {"id": [f"{name}-{i}" for i in range(3)], "source": name, "updated_at": f"2024-01-0{len(name)}", **columns},
        geometry=[box(100 * i, 0, 100 * i + 20, 20) for i in range(3)],
        crs="EPSG:4546",
    ).set_geometry("geometry")
    frame["geometry"] = frame.geometry.translate(500_000, 4_500_000)
    frame.to_parquet(folder / f"{name}.parquet")
    return FusionSource(name, folder / f"{name}.parquet", "EPSG:4546", trust=0.9 if name == "gov" else 0.5)


def fused(folder: Path, **spec: object) -> tuple[FusionReport, list[dict[str, object]], list[dict[str, object]]]:
    report = fuse(
        [
            town(folder, "gov", function=["unknown", "unknown", "retail"], source_id=[None, None, None]),
            town(folder, "osm", function=["office", "unknown", "office"], source_id=["way/1", "way/2", "way/3"]),
        ],
        layer="building",
        profile="building",
        attributes={"function": {"strategy": "priority", **spec}},
        geometry={},
        fields=ROLES,
        crs="EPSG:4546",
        out=folder / "out",
    )
    entities = pq.read_table(folder / "out" / "entities.parquet").to_pylist()
    provenance = pq.read_table(folder / "out" / "provenance.parquet").to_pylist()
    return report, sorted(entities, key=lambda e: str(e["geometry"])), provenance


def test_unknown_gives_way_and_is_no_rival(tmp_path: Path) -> None:
    report, entities, provenance = fused(tmp_path, unknown=["unknown"])
    assert sorted(str(e["function"]) for e in entities) == ["office", "retail", "unknown"]
    assert report.conflicts["function"] == 1  # retail against office
    rivals = [json.loads(str(row["rivals"])) for row in provenance if row["value"] == "office"]
    assert rivals == [[]]


def test_without_being_told_unknown_is_a_value_like_any(tmp_path: Path) -> None:
    report, entities, _ = fused(tmp_path)
    assert sorted(str(e["function"]) for e in entities) == ["retail", "unknown", "unknown"]
    assert report.conflicts["function"] == 2


def test_where_a_record_is_from_is_said_by_one_record(tmp_path: Path) -> None:
    report, entities, _ = fused(tmp_path)
    assert {(e["source"], e["source_id"]) for e in entities} == {("gov", None)}
    assert not {"source", "source_id", "updated_at"} & set(report.conflicts)
