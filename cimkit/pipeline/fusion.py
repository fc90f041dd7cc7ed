"""The middle of a run: layers with several sources become entities, and references follow them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cimkit import duck
from cimkit.catalog import Catalog
from cimkit.errors import PipelineError, nearest
from cimkit.fuse import PROFILES, fuse
from cimkit.model import FusionReport, FusionSource, Progress
from cimkit.pipeline.gate import Accepted
from cimkit.standard import LayerSchema, Standard

#: What a fusion leaves beside its entities and the catalog keeps with the dataset. Its report.json is not
#: among them: it holds timings, which differ from run to run; the manifest has the rest of it.
KEPT = (
    "bridge.parquet",
    "provenance.parquet",
    "matches.parquet",
    "lineage.parquet",
    "review.csv",
    "review.geojson",
)
#: What the next fusion remembers of the last one.
MEMORY = ("bridge.parquet", "lineage.parquet")


@dataclass(frozen=True, slots=True)
class Fused:
    """The entities of one layer and where they came from."""

    layer: LayerSchema
    folder: Path
    report: FusionReport
    sources: tuple[Accepted, ...]


def fuse_layer(
    layer: LayerSchema,
    sources: Sequence[Accepted],
    spec: Mapping[str, Any],
    standard: Standard,
    *,
    crs: str,
    memory: Catalog | None,
    work: Path,
    progress: Progress,
) -> Fused:
    """Match and merge the sources of one layer; ids of an earlier release are kept."""
    defaults: Mapping[str, Any] = standard.fusion.get(layer.name, {})
    profile = spec.get("profile") or defaults.get("profile")
    if profile is None or profile not in PROFILES:
        raise PipelineError(
            f"fuse.{layer.name}: "
            + ("no profile is named" if profile is None else f"there is no profile '{profile}'")
            + f"; there are {', '.join(sorted(PROFILES))}.",
            hint=nearest(profile or "", PROFILES),
        )
    folder = work / "fuse" / layer.name
    folder.mkdir(parents=True)
    _remember(memory, layer.name, folder)
    report = fuse(
        [
            FusionSource(
                name=item.delivered.spec.name,
                path=item.path,
                crs=item.delivered.mapped.crs,
                trust=item.delivered.spec.trust,
                as_of=item.delivered.spec.as_of,
            )
            for item in sources
        ],
        layer=layer.name,
        profile=profile,
        attributes={**defaults.get("attributes", {}), **spec.get("attributes", {})},
        geometry=spec.get("geometry") or defaults.get("geometry") or {"strategy": "priority"},
        fields={name: field.role or "" for name, field in layer.fields.items()},
        crs=crs,
        out=folder,
        progress=progress,
    )
    return Fused(layer, folder, report, tuple(sources))


def _remember(memory: Catalog | None, dataset: str, folder: Path) -> None:
    if memory is None or dataset not in memory.datasets():
        return
    attachments = memory.attachments(dataset)
    for name in MEMORY:
        if name in attachments:
            shutil.copyfile(attachments[name], folder / name)


def follow_references(query: str, layer: LayerSchema, fused: Mapping[str, Fused]) -> str:
    """``query`` with references to the records of a fused layer turned into references to its entities.

    A source's record keeps the id its deliverer gave it; what a record of another layer
    points at is that id. Once the record is part of an entity, the pointer must lead to the
    entity; where it is part of several (a roof over ten houses), to one of them, the same in
    every run. An id that the bridge does not know, or that two sources give to different
    things, is left alone, so that the check after fusion finds it.
    """
    for field in layer.fields.values():
        if field.ref is None:
            continue
        target, _, key = field.ref.partition(".")
        if target not in fused or key != fused[target].layer.key:
            continue
        column = duck.identifier(field.name)
        bridge = duck.parquet(fused[target].folder / "bridge.parquet")
        query = f"""
            SELECT records.* REPLACE (coalesce(led.entity_id, records.{column}) AS {column})
            FROM ({query}) AS records
            LEFT JOIN (
                SELECT source_id, arg_min(entity_id, (NOT gives_geometry, entity_id)) AS entity_id
                FROM {bridge} GROUP BY source_id
                HAVING count(DISTINCT source) = 1 OR count(DISTINCT entity_id) = 1
            ) AS led ON led.source_id = records.{column}
        """
    return query
