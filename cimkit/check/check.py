"""``cimkit.check``: files held against a standard, or against any JSON Schema."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cimkit import crosswalk as crosswalks
from cimkit.check.arguments import refuse_wrong
from cimkit.check.baseline import load_baseline
from cimkit.check.baseline import write_baseline as save_baseline
from cimkit.check.exemptions import Exemptions
from cimkit.check.fitting import inside, mapped, refuse_unknown
from cimkit.check.json_schema.plain_schema import PlainSchema, load_schema
from cimkit.check.run import run_check
from cimkit.check.staging import Staging, as_delivered, attempts
from cimkit.check.statistics.data_docs import DataDocs
from cimkit.check.statistics.data_docs import write as write_data_docs
from cimkit.check.submission import Layout, judged
from cimkit.check.suppressions import load_suppressions
from cimkit.check.unread import with_files, with_unread
from cimkit.errors import UsageError
from cimkit.formats.collection import nothing_readable
from cimkit.messages import say
from cimkit.model import Progress, Report, silent
from cimkit.standard import Standard, split_reference

Sources = str | Path | Sequence[str | Path]


def check(
    sources: Sources,
    *,
    standard: str | Path | Standard | None = None,
    schema: str | Path | Mapping[str, Any] | None = None,
    layer: str | None = None,
    crosswalk: str | Path | None = None,
    level: str | None = None,
    samples: int | None = 100,
    engine: str = "auto",
    lang: str = "en",
    registry: Mapping[str, Path] | None = None,
    formats: bool = False,
    encoding: str | None = None,
    crs: str | None = None,
    rejects: str | Path | None = None,
    known: Sources = (),
    clock: str | None = None,
    baseline: str | Path | None = None,
    write_baseline: str | Path | None = None,
    suppressions: str | Path | None = None,
    data_docs: str | Path | None = None,
    progress: Progress = silent,
) -> Report:
    """Checks one or more files, together, against a standard or a JSON Schema.

    Args:
        sources: one path, or several whose records may refer to each other.
        standard: an id (``cim-core@^0.1``), a folder or a :class:`Standard`; with ``/layer``
            where neither the names nor the columns say which layer the data is.
        schema: instead of a standard, a JSON Schema: a path, an id in ``registry``, or a mapping.
        layer: the layer to read, where a source has several.
        crosswalk: a file that leads from the source's columns to the standard's, or the name
            of one of the standard's own. Without one, columns are known by the standard's names.
        level: the deepest level to check, ``L0`` to ``L5``. A JSON Schema asks nothing of geometry: with
            ``schema`` it is ``L3`` where it is not given, and ``L4`` warns of broken geometry.
        samples: findings kept of each rule (None: all); totals are exact anyhow.
        engine: ``auto``, ``sql`` or ``record`` (see :func:`run_check`).
        lang: ``en`` or ``zh``.
        registry: prefix of ids -> folder, for standards and for references of a schema.
        formats: asserts ``format`` with ``schema`` too; a standard's formats always are.
        encoding, crs: instead of what is found in the sources.
        rejects: a Parquet file to write every (record, broken rule) to.
        known: data that the records may refer to, and that is not checked itself.
        clock: the time that rules about time go by (RFC 3339), instead of now.
        baseline: a file of ``write_baseline``; what it knows does not count.
        write_baseline: a file to write all findings' fingerprints to.
        suppressions: a YAML file of findings to live with, each with a reason and a last day.
        data_docs: a folder to write Great Expectations' Data Docs to.

    Raises:
        UsageError: the arguments make no sense, or a source fits no layer of the standard.
        StandardError: the standard, schema or crosswalk is broken or missing.
        SourceError: a source cannot be read.
    """
    refuse_wrong(locals())
    if (standard is None) == (schema is None):
        raise UsageError("Say what to check against: either a standard or a schema.")
    paths = _paths(sources)
    if not paths:
        raise UsageError("There is nothing to check.")
    if schema is not None and level is None:
        level = "L3"
    for attempt in attempts():
        with attempt, tempfile.TemporaryDirectory(prefix="cimkit-check-") as work:
            # A JSON Schema speaks of the records themselves.
            staged = Staging(
                paths,
                layer,
                encoding,
                crs,
                Path(work) / "checked",
                progress,
                records=schema is not None,
                in_place=attempt.in_place,
            )
            beside = Staging(_paths(known), None, None, None, Path(work) / "known", progress, in_place=attempt.in_place)
            exemptions = Exemptions(
                known=load_baseline(Path(baseline)) if baseline else {},
                suppressions=load_suppressions(Path(suppressions)) if suppressions else (),
                now=(now := _time(clock)),
                samples=samples,
                level=level or "L5",
                path=str(suppressions or ""),
                gather=write_baseline is not None,
            )
            common = {
                "samples": samples,
                "lang": lang,
                "level": level,
                "engine": engine,
                "rejects": Path(rejects) if rejects else None,
                "now": now,
                "exemptions": exemptions,
                "progress": progress,
            }
            if schema is None:
                project = Path(work) / "expectations" if data_docs else None
                report = _against_standard(standard, crosswalk, registry or {}, staged, beside, project, common)
                if project and data_docs:
                    write_data_docs(project, Path(data_docs))
            elif crosswalk is not None:
                raise UsageError("A crosswalk leads to a standard; a plain schema takes columns as they are.")
            else:
                report = _against_schema(load_schema(schema, registry or {}), staged, formats, common)
            staged.refuse_changed()
            beside.refuse_changed()
            report = exemptions.about_wholes(with_unread(report, [*staged.unread, *beside.unread], lang), lang)
            if write_baseline:
                save_baseline(Path(write_baseline), report.against, exemptions.found)
            return report
    raise AssertionError("the last attempt returns or raises")


def _paths(sources: Sources) -> list[Path]:
    return [Path(sources)] if isinstance(sources, (str, Path)) else [Path(source) for source in sources]


def _time(clock: str | None) -> datetime:
    if clock is None:
        return datetime.now(UTC)
    try:
        time = datetime.fromisoformat(clock)
    except ValueError as error:
        raise UsageError(f"'{clock}' is no time.", hint="Write it as 2024-05-01T12:00:00Z.") from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _against_schema(schema: PlainSchema, staging: Staging, formats: bool, common: Mapping[str, Any]) -> Report:
    inputs = [(as_delivered(each.staged, schema.layer.name), schema.layer) for each in staging.layers()]
    return run_check(
        inputs,
        against={"schema": schema.reference},
        codelists={},
        rules=(),
        formats=formats,
        references=schema.registry,
        **common,
    )


def _against_standard(
    asked: str | Path | Standard | None,
    crosswalk: str | Path | None,
    registry: Mapping[str, Path],
    staging: Staging,
    beside: Staging,
    project: Path | None,
    common: Mapping[str, Any],
) -> Report:
    name = None
    if not isinstance(asked, Standard):
        reference, name = split_reference(str(asked))
        asked = Standard.load(reference, registry)
    walk = None if crosswalk is None else crosswalks.find(crosswalk, asked)
    if walk is not None:
        name = walk.layer
    wanted = None if name is None else asked.layer(name)
    if any(layer.geometry and layer.geometry.solid for layer in asked.layers.values()):
        staging = replace(staging, solids=True)
    staging = replace(staging, layout=Layout.of(asked.manifest))
    delivered = list(staging.layers())
    lang = common["lang"]
    found = mapped(asked, wanted, walk, delivered, lang)
    hygiene = asked.manifest.get("hygiene", {})
    about_files = judged(staging.submissions, inside(asked, delivered), name, hygiene, lang)
    # Where what is asked for is missing, that is what is wrong with the rest.
    if not any(rule.failed for rule in about_files[0] if rule.code == "source.missing"):
        taken = {layer.staged.path for layer, _ in found.inputs}
        refuse_unknown(asked, wanted, found.left, [each for each in delivered if each.staged.path in taken])
        if not delivered:
            raise nothing_readable(str(staging.paths[0]), staging.unread)
    known = mapped(asked, None, None, list(beside.layers()), lang)
    report = run_check(
        found.inputs,
        against={"standard": asked.reference()},
        codelists=asked.codelists,
        rules=asked.rules,
        crs_policy=asked.crs,
        known=known.inputs,
        data_docs=DataDocs(project, asked.id) if project else None,
        classes=asked.manifest.get("classes", {}),
        hygiene=hygiene,
        **common,
    )
    unknown = say("skipped.unknown_layer", lang, standard=asked.id)
    why = unknown if wanted is None else say("skipped.other_layer", lang, layer=wanted.name)
    skipped = [each.skipped(why) for each in found.left] + found.unfit + [each.skipped(unknown) for each in known.left]
    rules_covered = replace(report.coverage.rules, skipped=(*skipped, *report.coverage.rules.skipped))
    report = replace(report, coverage=replace(report.coverage, rules=rules_covered))
    return with_files(report, *about_files)
