"""Run a pipeline: read, map, check, set aside, fuse, check again, publish."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cimkit.catalog import Catalog
from cimkit.check import check
from cimkit.errors import PipelineError, UsageError
from cimkit.model import Lang, Progress, Run, silent
from cimkit.pipeline import datasets, delivery, gate
from cimkit.pipeline.document import Pipeline
from cimkit.pipeline.fusion import Fused, fuse_layer
from cimkit.pipeline.gate import Accepted
from cimkit.standard import Standard


def run(
    pipeline: str | Path,
    *,
    catalog: str | Path = "catalog",
    settings: Mapping[str, str] | None = None,
    clock: str | None = None,
    lang: Lang = "en",
    progress: Progress = silent,
) -> Run:
    """Run a pipeline document, or a shipped one by name, and publish what it makes.

    Args:
        pipeline: path of the document, or the name of a shipped pipeline.
        catalog: folder of the catalog; it is made where there is none.
        settings: values for the document's variables and dotted paths (``--set``).
        clock: the time written into manifests, RFC 3339; the real time where None.
        lang: language of the findings' messages.
        progress: told of each stage.

    Returns:
        What happened. ``release`` is None where the gate stopped the run; then nothing was
        published. ``published`` is False where nothing had changed since the last release.

    Raises:
        PipelineError, StandardError: the pipeline, its standard or a crosswalk is broken.
        SourceError: a source cannot be read.
        CatalogError: the catalog cannot be read or written.
    """
    document = Pipeline.load(pipeline, settings)
    standard = Standard.load(document.standard)
    target = Path(catalog)
    memory = Catalog.open(target) if Catalog.exists(target) else None
    if memory is None:
        Catalog.check_place(target)  # now, and not when all is done
    with tempfile.TemporaryDirectory(prefix="cimkit-run-") as folder:
        return _run(document, standard, target, memory, Path(folder), clock, lang, progress)


def _run(
    document: Pipeline,
    standard: Standard,
    target: Path,
    memory: Catalog | None,
    work: Path,
    clock: str | None,
    lang: Lang,
    progress: Progress,
) -> Run:
    delivered = delivery.read(document, standard, work, progress)
    rejects = work / "rejects.parquet"
    report = delivery.inspect_delivery(
        delivered,
        standard,
        fused=document.fuse,
        samples=document.samples,
        lang=lang,
        rejects=rejects,
        progress=progress,
    )
    accepted = gate.accept(delivered, rejects, work)
    done = Run(
        pipeline=document.name,
        title=document.title,
        catalog=target,
        stopped=gate.objection(document.gate, report, accepted),
        published=False,
        release=None,
        reports={"delivery": report},
        sources={item.delivered.spec.name: datasets.provenance(item) for item in accepted},
        fusions={},
        datasets={},
    )
    if done.stopped:
        return done

    crs = document.crs or next((item.mapped.crs for item in delivered if item.mapped.crs), None)
    layers = gate.by_layer(accepted)
    fused = _fuse(document, standard, layers, crs, memory, work, progress)
    done = replace(done, fusions={name: item.report for name, item in fused.items()})
    files = datasets.build(layers, fused, crs=crs, work=work)
    if document.check_after_fusion:
        report = check(list(files.values()), standard=standard, samples=document.samples, lang=lang, progress=progress)
        done = replace(done, reports={**done.reports, "catalog": report})
        if report.fails(document.gate.fail_on):
            return replace(done, stopped="the datasets made from the accepted records do not pass the standard")

    progress("publish", 0, None)
    shelf = memory or _begin(target, document)
    release = shelf.publish(
        datasets.drafts(document, standard, files, layers, fused, crs=crs, report=report),
        message=document.message,
        author=document.author,
        clock=clock,
        run={"pipeline": document.name, "digest": document.digest},
    )
    return replace(
        done,
        published=release is not None,
        release=release or shelf.head,
        datasets={name: shelf.show(name) for name in files},
    )


def _begin(target: Path, document: Pipeline) -> Catalog:
    """A new catalog, or the one that another run has begun there meanwhile."""
    try:
        return Catalog.init(target, document.name, document.title)
    except UsageError:
        if not Catalog.exists(target):
            raise
        return Catalog.open(target)


def _fuse(
    document: Pipeline,
    standard: Standard,
    layers: Mapping[str, Sequence[Accepted]],
    crs: str | None,
    memory: Catalog | None,
    work: Path,
    progress: Progress,
) -> dict[str, Fused]:
    fused = {}
    for name, spec in document.fuse.items():
        if crs is None:
            raise PipelineError(
                f"fuse.{name}: none of the sources has a known coordinate reference system.",
                hint="Say 'crs: EPSG:…' in the pipeline or at the source.",
            )
        fused[name] = fuse_layer(
            standard.layers[name],
            layers[name],
            spec,
            standard,
            crs=crs,
            memory=memory,
            work=work,
            progress=progress,
        )
    return fused
