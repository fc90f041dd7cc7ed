"""``cimkit check --fix``: what can be mended safely in a layer, and how many findings that leaves."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from cimkit import crosswalk as crosswalks
from cimkit.check.fitting import fitting
from cimkit.check.repairs import repair, write_plain
from cimkit.check.run import run_check
from cimkit.check.staging import Delivered, Staging
from cimkit.errors import UsageError, nearest
from cimkit.model import Mapped, Progress, RepairReport, Staged, silent
from cimkit.standard import LayerSchema, Standard, split_reference


def fix(
    source: str | Path,
    *,
    standard: str | Path | Standard,
    layer: str | None = None,
    crosswalk: str | Path | None = None,
    level: str | None = None,
    lang: str = "en",
    registry: Mapping[str, Path] | None = None,
    encoding: str | None = None,
    crs: str | None = None,
    target: str | Path | None = None,
    record: str | Path | None = None,
    progress: Progress = silent,
) -> RepairReport:
    """Mends what can be mended safely in one layer. Without a ``target`` nothing is written but the ``record``.

    Args:
        source: the file. It is never written to.
        standard: whose fields, code lists and geometry say what is right; with ``/layer`` where needed.
        layer: the layer to read, where the source has several.
        crosswalk, level, lang, registry, encoding, crs: as for :func:`cimkit.check`.
        target: a GeoParquet file for the mended layer, under its own column names and in its own order.
        record: a Parquet file of every change: _row, field, repairs, before, after.

    Raises:
        UsageError: the arguments make no sense, or it is not clear which layer is meant.
        StandardError: the standard or crosswalk is broken or missing.
        SourceError: the source cannot be read, or a file cannot be written.
    """
    _refuse_source(Path(source), target, record)
    name = None
    if not isinstance(standard, Standard):
        reference, name = split_reference(str(standard))
        standard = Standard.load(reference, registry or {})
    walk = None if crosswalk is None else crosswalks.find(crosswalk, standard)
    name = walk.layer if walk is not None else name
    with tempfile.TemporaryDirectory(prefix="cimkit-fix-") as work:
        staging = Staging([Path(source)], layer, encoding, crs, Path(work), progress, in_place=False)
        staged = _one(list(staging.layers()), str(source))
        described = standard.layer(name) if name else fitting(standard, staged)
        if described is None:
            raise UsageError(
                f"It is not clear which layer of {standard.id} {standard.version} {source} is.",
                hint=nearest(staged.layer, standard.layers) or f"Say it: --standard {standard.id}/LAYER.",
            )

        rules = walk or crosswalks.identity(described, staged)

        def mapped(delivered: Staged, folder: str) -> Mapped:
            (Path(work) / folder).mkdir()
            return crosswalks.apply(rules, delivered, described, Path(work) / folder)

        def totals(delivered: Mapped) -> dict[str, int]:
            return _totals(delivered, described, standard, level, lang, progress)

        before = mapped(staged, "before")
        kept = None if record is None else Path(record)
        mended = repair(before, rules, described, standard.codelists, Path(work), record=kept)
        report = RepairReport(
            source=staged.source.path,
            layer=staged.layer,
            target=str(target) if target is not None else None,
            rows=staged.facts.features,
            rows_changed=mended.rows_changed,
            repairs=mended.repairs,
            before=totals(before),
            after=totals(mapped(mended.staged, "after")),
        )
        if target is not None:
            write_plain(mended.staged, Path(target))
    return report


def _refuse_source(source: Path, target: str | Path | None, record: str | Path | None) -> None:
    """The source is never written to, under whatever name."""
    written = [Path(each) for each in (target, record) if each is not None]
    for path in written:
        if path.resolve() == source.resolve() or (path.exists() and source.exists() and path.samefile(source)):
            raise UsageError(f"{source} is never written to.", hint="Name a new file.")
    if len(written) == 2 and written[0].resolve() == written[1].resolve():
        raise UsageError(f"The mended layer and the record of repairs cannot both be {target}.")


def _one(layers: list[Delivered], source: str) -> Staged:
    if len(layers) == 1:
        return layers[0].staged
    names = ", ".join(each.staged.layer for each in layers)
    raise UsageError(f"{source} has several layers ({names}), and one is mended at a time.", hint="Name it: --layer.")


def _totals(
    mapped: Mapped, layer: LayerSchema, standard: Standard, level: str | None, lang: str, progress: Progress
) -> dict[str, int]:
    report = run_check(
        [(mapped, layer)],
        against={"standard": standard.reference()},
        codelists=standard.codelists,
        rules=standard.rules,
        crs_policy=standard.crs,
        hygiene=standard.manifest.get("hygiene", {}),
        samples=0,
        lang=lang,
        level=level,
        progress=progress,
    )
    return report.totals
