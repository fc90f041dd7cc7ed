"""The first part of a run: read what was delivered, under the standard's names, and check it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cimkit import crs as reference_systems
from cimkit import formats
from cimkit.check import run_check
from cimkit.crosswalk import Crosswalk, apply, find, identity
from cimkit.errors import PipelineError, StandardError, nearest
from cimkit.formats.solid_staging import stage_solids
from cimkit.model import Evidence, Mapped, Progress, Report, Staged
from cimkit.pipeline.document import Pipeline, SourceSpec
from cimkit.standard import LayerSchema, Standard


@dataclass(frozen=True, slots=True)
class Delivered:
    """One source after reading: its records under the standard's names."""

    spec: SourceSpec
    mapped: Mapped
    layer: LayerSchema


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
        source_layer = dataset.layer(spec.source_layer)
        staged = _in_given_crs(formats.stage(source_layer, folder), spec)
        if layer.geometry and layer.geometry.solid:
            staged = replace(staged, solids=stage_solids(source_layer, folder))
        rules = _crosswalk(pipeline, standard, spec) or identity(layer, staged)
        delivered.append(Delivered(spec, apply(rules, staged, layer, folder), layer))
    progress("read", len(pipeline.sources), len(pipeline.sources))
    return delivered


def _in_given_crs(staged: Staged, spec: SourceSpec) -> Staged:
    """What was delivered, its columns of coordinates in the CRS that the pipeline says they are in.

    The reader knows of a table only that it has no geometry; the crosswalk will make one.
    """
    if spec.crs is None or staged.facts.crs.value is not None:
        return staged
    given = Evidence(reference_systems.canonical(spec.crs), "given", 1.0)
    return replace(staged, facts=replace(staged.facts, crs=given))


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
    try:
        return find(spec.crosswalk, standard, pipeline.folder)
    except StandardError as error:
        raise PipelineError(f"Source '{spec.name}': {error}", hint=error.hint) from error


def inspect_delivery(
    delivered: Sequence[Delivered],
    standard: Standard,
    *,
    fused: Collection[str],
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
        # The datasets are brought into the pipeline's CRS; whether that one is allowed is asked of them.
        hygiene=standard.manifest.get("hygiene", {}),
        crs_policy=None,
        # Two providers may both number their buildings from 1: their records are not one dataset yet.
        own_keys=fused,
        samples=samples,
        lang=lang,
        rejects=rejects,
        progress=progress,
    )
