"""``cimkit.check``: files held against a standard, or against any JSON Schema."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cimkit import crosswalk as crosswalks
from cimkit import formats as sources_of
from cimkit.check.plain_schema import PlainSchema, load_schema
from cimkit.check.run import run_check
from cimkit.check.unread import with_unread
from cimkit.errors import SourceError, UsageError, nearest
from cimkit.formats.collection import nothing_readable, reason_of
from cimkit.messages import say
from cimkit.model import Mapped, Progress, Reject, Report, Skipped, Staged, silent
from cimkit.standard import LayerSchema, Standard, split_reference

Sources = str | Path | Sequence[str | Path]

#: The least share of a layer's mandatory fields that a file must have to be taken for that layer.
_ENOUGH = 0.5


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
        level: the deepest level to check, ``L0`` to ``L5``.
        samples: findings kept of each rule (None: all); totals are exact anyhow.
        engine: ``auto``, ``sql`` or ``record`` (see :func:`run_check`).
        lang: ``en`` or ``zh``.
        registry: prefix of ids -> folder, for standards and for references of a schema.
        formats: asserts ``format`` with ``schema`` too; a standard's formats always are.
        encoding, crs: instead of what is found in the sources.
        rejects: a Parquet file to write every (record, broken rule) to.

    Raises:
        UsageError: the arguments make no sense, or a source fits no layer of the standard.
        StandardError: the standard, schema or crosswalk is broken or missing.
        SourceError: a source cannot be read.
    """
    if (standard is None) == (schema is None):
        raise UsageError("Say what to check against: either a standard or a schema.")
    paths = [Path(sources)] if isinstance(sources, (str, Path)) else [Path(source) for source in sources]
    if not paths:
        raise UsageError("There is nothing to check.")
    with tempfile.TemporaryDirectory(prefix="cimkit-check-") as work:
        # A JSON Schema speaks of the records themselves.
        staged = _Staging(paths, layer, encoding, crs, Path(work), progress, records=schema is not None)
        common = {
            "samples": samples,
            "lang": lang,
            "level": level,
            "engine": engine,
            "rejects": Path(rejects) if rejects else None,
            "progress": progress,
        }
        if schema is None:
            report = _against_standard(standard, crosswalk, registry or {}, staged, common)
        elif crosswalk is not None:
            raise UsageError("A crosswalk leads to a standard; a plain schema takes columns as they are.")
        else:
            report = _against_schema(load_schema(schema, registry or {}), staged, formats, common)
        return with_unread(report, staged.unread, samples=samples, lang=lang)


@dataclass(frozen=True)
class _Staging:
    """The files to check, staged one layer after the other."""

    paths: Sequence[Path]
    layer: str | None
    encoding: str | None
    crs: str | None
    work: Path
    progress: Progress
    records: bool = False
    #: Files of a folder or archive that could not be read.
    unread: list[Reject] = field(default_factory=list)

    def layers(self) -> Iterator[tuple[Staged, bool, Path]]:
        """(staged layer, whether the source has no other, its folder)."""
        for number, path in enumerate(self.paths):
            dataset = sources_of.open(path, encoding=self.encoding, crs=self.crs, records=self.records)
            whole = self.layer is None and dataset.layers
            wanted = list(dataset.layers) if whole else [dataset.layer(self.layer)]
            folder = self.work / str(number)
            folder.mkdir()
            broken = list(dataset.unread)
            for each in wanted:
                try:
                    staged = sources_of.stage(each, folder, self.progress)
                except SourceError as error:
                    if not (whole and dataset.is_collection):
                        raise
                    broken.append(Reject(None, str(each.delivery.path), reason_of(error)))
                else:
                    yield staged, len(wanted) == 1, folder
            if len(broken) - len(dataset.unread) == len(wanted):
                raise nothing_readable(str(path), broken)
            self.unread.extend(broken)


def _against_schema(schema: PlainSchema, staging: _Staging, formats: bool, common: Mapping[str, Any]) -> Report:
    inputs = [(as_delivered(staged, schema.layer.name), schema.layer) for staged, _, _ in staging.layers()]
    return run_check(
        inputs,
        against={"schema": schema.reference},
        codelists={},
        rules=(),
        formats=formats,
        references=schema.registry,
        **common,
    )


def as_delivered(staged: Staged, layer: str) -> Mapped:
    """A layer whose columns keep their names."""
    names = [column.name for column in staged.facts.fields]
    text = {column.name for column in staged.facts.fields if column.type in ("string", "large_string")}
    return Mapped(
        path=staged.path,
        staged=staged,
        layer=layer,
        crs=staged.facts.crs.value,
        origins={name: (name,) for name in names},
        text_fields=frozenset(text) if staged.text_cells else frozenset(),
    )


def _against_standard(
    asked: str | Path | Standard | None,
    crosswalk: str | Path | None,
    registry: Mapping[str, Path],
    staging: _Staging,
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
    inputs, left = [], []
    for staged, alone, folder in staging.layers():
        layer = wanted or _fitting(asked, staged)
        if layer is None:
            left.append((staged, alone))
            continue
        rules = walk or crosswalks.identity(layer, staged)
        inputs.append((crosswalks.apply(rules, staged, layer, folder), layer))
    _refuse_unknown(asked, left, [mapped.staged for mapped, _ in inputs])
    report = run_check(
        inputs,
        against={"standard": asked.reference()},
        codelists=asked.codelists,
        rules=asked.rules,
        crs_policy=asked.crs,
        **common,
    )
    skipped = [
        Skipped(f"{s.source.path}:{s.layer}", say("skipped.unknown_layer", common["lang"], standard=asked.id))
        for s, _ in left
    ]
    rules_covered = replace(report.coverage.rules, skipped=(*skipped, *report.coverage.rules.skipped))
    return replace(report, coverage=replace(report.coverage, rules=rules_covered))


def _fitting(standard: Standard, staged: Staged) -> LayerSchema | None:
    """The layer of the standard that a delivered one is: by its name, the file's name, or its columns."""
    known = {
        name.casefold(): layer for layer in standard.layers.values() for name in (layer.name, *layer.names.values())
    }
    for name in (staged.layer, Path(staged.source.path).stem):
        if name.casefold() in known:
            return known[name.casefold()]
    return _by_columns(standard, staged)


def _by_columns(standard: Standard, staged: Staged) -> LayerSchema | None:
    """The one layer that most columns fit; None where none has enough, or two are as good."""
    scores: dict[str, tuple[int, int]] = {}
    for layer in standard.layers.values():
        found = crosswalks.identity(layer, staged).fields.keys()
        mandatory = [field.name for field in layer.fields.values() if field.obligation == "M"]
        had = sum(name in found for name in mandatory)
        if found and had >= _ENOUGH * len(mandatory):
            scores[layer.name] = (had - len(mandatory), len(found))
    best = sorted(scores, key=lambda name: scores[name], reverse=True)[:2]
    if not best or (len(best) == 2 and scores[best[0]] == scores[best[1]]):
        return None
    return standard.layers[best[0]]


def _refuse_unknown(standard: Standard, left: Sequence[tuple[Staged, bool]], taken: Sequence[Staged]) -> None:
    """A source of which no layer is known is a mistake; one of which some are is not."""
    known = {staged.path.parent for staged in taken}  # each source is staged into a folder of its own
    for staged, alone in left:
        if staged.path.parent not in known:
            what = staged.source.path if alone else f"the layer '{staged.layer}' of {staged.source.path}"
            raise UsageError(
                f"It is not clear which layer of {standard.id} {standard.version} {what} is: neither its name nor "
                "its columns say so.",
                hint=nearest(staged.layer, standard.layers)
                or f"Say it: --standard {standard.id}/LAYER, or give a crosswalk.",
            )
