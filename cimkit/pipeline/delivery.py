"""The first half of a run: read what was delivered, under the standard's names, and set the bad aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cimkit import duck, formats
from cimkit.check import accepted, run_check
from cimkit.crosswalk import Crosswalk, apply, identity
from cimkit.errors import PipelineError, nearest
from cimkit.model import Mapped, Progress, Report
from cimkit.pipeline.document import Pipeline, SourceSpec
from cimkit.standard import LayerSchema, Standard


@dataclass(frozen=True, slots=True)
class Delivered:
    """One source after reading: its records under the standard's names."""

    spec: SourceSpec
    mapped: Mapped
    layer: LayerSchema


@dataclass(frozen=True, slots=True)
class Accepted:
    """One source after the gate: typed records without an error, still in the source's CRS."""

    delivered: Delivered
    path: Path
    records: int
    quarantined: int
    quarantine: Path | None  # the records set aside, each with its reasons; None where there are none


def read(pipeline: Pipeline, standard: Standard, work: Path, progress: Progress) -> list[Delivered]:
    """Every source of the pipeline, staged and mapped.

    Raises:
        SourceError: a source cannot be read.
        PipelineError: a source names a layer the standard does not have.
    """
    delivered = []
    for done, spec in enumerate(pipeline.sources.values()):
        progress("read", done, len(pipeline.sources))
        layer = _layer(standard, spec)
        folder = work / "sources" / spec.name
        folder.mkdir(parents=True)
        dataset = formats.open(spec.path, encoding=spec.encoding, crs=spec.crs)
        staged = formats.stage(dataset.layer(spec.source_layer), folder)
        rules = _crosswalk(pipeline, standard, spec) or identity(layer, staged)
        delivered.append(Delivered(spec, apply(rules, staged, layer, folder), layer))
    progress("read", len(pipeline.sources), len(pipeline.sources))
    return delivered


def _layer(standard: Standard, spec: SourceSpec) -> LayerSchema:
    if spec.layer not in standard.layers:
        raise PipelineError(
            f"Source '{spec.name}': {standard.id} {standard.version} has no layer '{spec.layer}'.",
            hint=nearest(spec.layer, standard.layers),
        )
    return standard.layers[spec.layer]


def _crosswalk(pipeline: Pipeline, standard: Standard, spec: SourceSpec) -> Crosswalk | None:
    if spec.crosswalk is None:
        return None
    path = pipeline.folder / spec.crosswalk
    if path.is_file():
        return Crosswalk.load(path)
    if spec.crosswalk in standard.crosswalks:
        return Crosswalk.load(standard.crosswalks[spec.crosswalk])
    raise PipelineError(
        f"Source '{spec.name}': the crosswalk '{spec.crosswalk}' is neither a file in {pipeline.folder} "
        f"nor one of {standard.id}'s.",
        hint=nearest(spec.crosswalk, standard.crosswalks),
    )


def inspect_delivery(
    delivered: Sequence[Delivered],
    standard: Standard,
    *,
    samples: int,
    lang: str,
    rejects: Path,
    progress: Progress,
) -> Report:
    """All sources held against the standard in one check, so that references between them are followed."""
    return run_check(
        [(item.mapped, item.layer) for item in delivered],
        against={"standard": standard.reference()},
        codelists=standard.codelists,
        rules=standard.rules,
        crs_policy=standard.crs,
        samples=samples,
        lang=lang,
        rejects=rejects,
        progress=progress,
    )


def accept(delivered: Sequence[Delivered], rejects: Path, work: Path) -> list[Accepted]:
    """Each source split into clean, typed records and the ones set aside."""
    result = []
    for item in delivered:
        folder = work / "sources" / item.spec.name
        records = accepted(item.mapped, item.layer, rejects, folder / "accepted.parquet")
        quarantine = folder / "quarantine.parquet"
        quarantined = _quarantine(item.mapped, rejects, quarantine)
        result.append(
            Accepted(item, folder / "accepted.parquet", records, quarantined, quarantine if quarantined else None)
        )
    return result


def _quarantine(mapped: Mapped, rejects: Path, target: Path) -> int:
    """The rejected records as they were delivered, with the rules each one broke."""
    staged = mapped.staged
    query = f"""
        SELECT reasons, delivered.*
        FROM {duck.parquet(staged.path)} AS delivered
        JOIN (
            SELECT _row, list(DISTINCT rule ORDER BY rule) AS reasons
            FROM {duck.parquet(rejects)}
            WHERE layer = {duck.literal(mapped.layer)}
              AND source = {duck.literal(staged.source.path)}
              AND source_layer = {duck.literal(staged.layer)}
            GROUP BY _row
        ) AS broken USING (_row)
        ORDER BY _row
    """
    with duck.connect() as con:
        con.execute(f"COPY ({query}) TO {duck.literal(str(target))} (FORMAT parquet, COMPRESSION zstd)")
        row = con.execute(f"SELECT count(*) FROM {duck.parquet(target)}").fetchone()
    return int(row[0]) if row else 0


def by_layer(accepted: Sequence[Accepted]) -> Mapping[str, list[Accepted]]:
    """The accepted sources of each of the standard's layers, in the pipeline's order."""
    layers: dict[str, list[Accepted]] = {}
    for item in accepted:
        layers.setdefault(item.delivered.layer.name, []).append(item)
    return layers
