"""Drafts to publish, small enough to be made for every test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from cimkit.catalog import Catalog
from cimkit.model import DatasetDraft

Drafter = Callable[..., DatasetDraft]
CLOCK = "2024-05-01T00:00:00Z"
FACTS: Mapping[str, Any] = {
    "standard": {"id": "cim-core", "version": "0.1.0", "digest": "d" * 64, "layer": "building"},
    "sources": [{"name": "survey", "file": "survey.shp", "sha256": "5" * 64, "licence": "CC-BY-4.0"}],
    "check": {
        "verdict": "pass",
        "totals": {"error": 0, "warning": 2, "info": 0},
        "rules": [{"rule": "building.storey_height", "severity": "warning", "checked": 5, "failed": 2}],
    },
    "licence": "CC-BY-4.0",
    "fusion": {"entities": 5},
}


def write_buildings(path: Path, heights: tuple[float | None, ...], epsg: int = 4547) -> Path:
    """One square building per height, five metres apart."""
    path.parent.mkdir(parents=True, exist_ok=True)
    squares = [shapely.box(500_000 + 5 * i, 4_000_000, 500_003 + 5 * i, 4_000_003) for i in range(len(heights))]
    frame = gpd.GeoDataFrame(
        {"id": [f"b{i:04d}" for i in range(len(heights))], "height_m": heights}, geometry=squares, crs=epsg
    )
    frame.to_parquet(path)
    return path


def buildings(folder: Path, name: str, *heights: float | None, facts: Mapping[str, Any] = FACTS) -> DatasetDraft:
    """A draft of buildings, three unless heights are given, with a provenance table and a report beside it."""
    data = write_buildings(folder / f"{name}.parquet", heights or (1.0, 2.5, None))
    provenance = data.with_name(f"{name}-provenance.parquet")
    pq.write_table(pa.table({"entity_id": ["b0000"], "attribute": ["height_m"]}), provenance)
    report = data.with_name(f"{name}-report.json")
    report.write_text('{"seconds": 1.5}')
    attached = {"provenance.parquet": provenance, "report.json": report}
    return DatasetDraft(name, data, "EPSG:4547", {"en": "Buildings", "zh": "建筑"}, facts, attached)


def devices(folder: Path) -> DatasetDraft:
    """A draft without geometry, whose ids have leading zeros."""
    path = folder / "device.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"id": ["010001", "010002"], "value": [1.5, None]}), path)
    return DatasetDraft("device", path, None, {"en": "Devices"}, {})


def publish(catalog: Catalog, *drafts: DatasetDraft, clock: str = CLOCK, **run: Any) -> Any:
    """Publishes with the fixed clock and says what came of it."""
    return catalog.publish(drafts, message="monthly", author="tests", clock=clock, run=run)
