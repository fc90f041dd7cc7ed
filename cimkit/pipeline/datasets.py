"""The last half of a run: one dataset per layer, checked as anyone would check it, ready to publish."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cimkit import crs as reference_systems
from cimkit import duck
from cimkit.formats import write_geoparquet
from cimkit.model import DatasetDraft, Report, as_dict
from cimkit.pipeline.document import Pipeline
from cimkit.pipeline.fusion import KEPT, Fused, follow_references
from cimkit.pipeline.gate import Accepted
from cimkit.standard import LayerSchema, Standard


def build(
    layers: Mapping[str, Sequence[Accepted]],
    fused: Mapping[str, Fused],
    *,
    crs: str | None,
    work: Path,
) -> dict[str, Path]:
    """One GeoParquet file in ``crs`` per layer: its entities, or its accepted records together."""
    folder = work / "datasets"
    folder.mkdir()
    files = {}
    for name, sources in layers.items():
        schema = sources[0].delivered.layer
        spatial = schema.geometry is not None
        if name in fused:
            entities = duck.parquet(fused[name].folder / "entities.parquet")
            key = duck.identifier(schema.key or "id")
            without = "entity_id, bbox" if spatial else "entity_id, bbox, geometry"
            query = f"SELECT entity_id AS {key}, * EXCLUDE ({without}) FROM {entities} ORDER BY entity_id"
        else:
            query = _together(schema, sources, crs, work)
        query = follow_references(query, schema, fused)
        files[name] = folder / f"{name}.parquet"
        with duck.connect() as con:
            write_geoparquet(con, query, files[name], crs=crs if spatial else None)
    return files


def _together(schema: LayerSchema, sources: Sequence[Accepted], crs: str | None, work: Path) -> str:
    """The accepted records of a layer's sources as one query, their geometry in ``crs``."""
    parts = []
    for item in sources:
        path = item.path
        own = item.delivered.mapped.crs
        if schema.geometry is not None and own is not None and crs is not None and own != crs:
            path = work / "sources" / item.delivered.spec.name / "reprojected.parquet"
            _reproject(item.path, path, own, crs)
        parts.append(f"SELECT * EXCLUDE (_row, _fid) FROM {duck.parquet(path)}")
    return " UNION ALL BY NAME ".join(parts)


def _reproject(source: Path, target: Path, own: str, crs: str) -> None:
    plan = reference_systems.plan(own, crs)
    reader = pq.ParquetFile(source, pre_buffer=False)
    place = reader.schema_arrow.get_field_index("geometry")
    with pq.ParquetWriter(target, reader.schema_arrow.remove_metadata(), compression="zstd") as writer:
        for batch in reader.iter_batches():
            geometry = plan.wkb(batch.column(place)).cast(batch.schema.field(place).type)
            writer.write_batch(
                pa.RecordBatch.from_arrays(
                    [geometry if i == place else column for i, column in enumerate(batch.columns)],
                    schema=reader.schema_arrow.remove_metadata(),
                )
            )


def drafts(
    pipeline: Pipeline,
    standard: Standard,
    files: Mapping[str, Path],
    layers: Mapping[str, Sequence[Accepted]],
    fused: Mapping[str, Fused],
    *,
    crs: str | None,
    report: Report,
) -> list[DatasetDraft]:
    """What the catalog is asked to keep: data, where it came from, what was found, what was fused."""
    result = []
    for name, path in files.items():
        schema = layers[name][0].delivered.layer
        attachments = {
            f"quarantine-{item.delivered.spec.name}.parquet": item.quarantine
            for item in layers[name]
            if item.quarantine is not None
        }
        manifest: dict[str, Any] = {
            "standard": {**standard.reference(), "layer": name},
            "sources": [provenance(item) for item in layers[name]],
            "check": _verdict(report, name),
        }
        if name in fused:
            folder = fused[name].folder
            attachments |= {kept: folder / kept for kept in KEPT if (folder / kept).exists()}
            summary = fused[name].report.to_dict()
            manifest["fusion"] = {key: value for key, value in summary.items() if key != "timings"}
        result.append(
            DatasetDraft(
                name=name,
                data=path,
                crs=crs if schema.geometry is not None else None,
                title=pipeline.datasets.get(name, {}).get("title") or schema.names,
                manifest=manifest,
                attachments=attachments,
            )
        )
    return result


def provenance(item: Accepted) -> dict[str, Any]:
    """What the manifest and the run say of one source."""
    spec, staged = item.delivered.spec, item.delivered.mapped.staged
    return {
        "name": spec.name,
        "standard_layer": spec.layer,
        # Where the file lay on the machine that ran is nobody's business, and would make two runs differ.
        "file": Path(staged.source.path).name,
        "layer": staged.layer,
        "format": staged.source.format,
        "sha256": staged.source.sha256,
        "crs": item.delivered.mapped.crs,
        "licence": spec.licence,
        "trust": spec.trust,
        "as_of": spec.as_of,
        "records": staged.facts.features,
        "accepted": item.records,
        "quarantined": item.quarantined,
        "followed": item.followed,
        "losses": as_dict(item.delivered.mapped.losses),
    }


def _verdict(report: Report, layer: str) -> dict[str, Any]:
    rules = [rule for rule in report.rules if rule.layer == layer]
    failed: Counter[str] = Counter()
    for rule in rules:
        failed[rule.severity] += rule.failed
    return {
        "verdict": "fail" if failed["error"] else "pass",
        "totals": {severity: failed[severity] for severity in ("error", "warning", "info")},
        "rules": [as_dict(rule) for rule in rules if rule.failed],
        "rules_checked": len(rules),
    }
