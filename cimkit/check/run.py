"""Mapped layers held against a standard: every rule decided, one report."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from referencing import Registry

from cimkit import __version__, duck
from cimkit.check.classes import class_results
from cimkit.check.execute import prepare
from cimkit.check.exemptions import Exemptions
from cimkit.check.geometry.between import decide as geometry_between
from cimkit.check.hygiene.datum import suspected
from cimkit.check.kinds import Context
from cimkit.check.kinds import decide as decide_between
from cimkit.check.layer_check import LayerCheck, Settings
from cimkit.check.outcomes import Outcome
from cimkit.check.rejects import Rejects
from cimkit.check.statistics.data_docs import DataDocs
from cimkit.errors import UsageError, nearest
from cimkit.model import (
    CheckedLayer,
    CheckedSource,
    Coverage,
    Finding,
    Mapped,
    Progress,
    Report,
    RuleCoverage,
    RuleResult,
    Skipped,
    silent,
)
from cimkit.standard import Codelist, CrsPolicy, LayerSchema, Rule

if TYPE_CHECKING:
    import duckdb

ENGINES = ("auto", "sql", "record")
LEVELS = ("L0", "L1", "L2", "L3", "L4", "L5")


def run_check(
    inputs: Sequence[tuple[Mapped, LayerSchema]],
    *,
    against: Mapping[str, Mapping[str, str]],
    codelists: Mapping[str, Codelist],
    rules: Sequence[Rule],
    crs_policy: CrsPolicy | None = None,
    samples: int | None = 100,
    lang: str = "en",
    level: str | None = None,
    engine: str = "auto",
    rejects: Path | None = None,
    formats: bool = True,
    references: Registry[Any] | None = None,
    own_keys: Collection[str] = (),
    known: Sequence[tuple[Mapped, LayerSchema]] = (),
    classes: Mapping[str, Mapping[str, Any]] | None = None,
    hygiene: Mapping[str, str] | None = None,
    now: datetime | None = None,
    exemptions: Exemptions | None = None,
    data_docs: DataDocs | None = None,
    progress: Progress = silent,
) -> Report:
    """Holds layers, together, against the layers of a standard.

    Totals are exact; of each rule at most ``samples`` findings are kept (None: all).
    ``level`` is the deepest level to check. ``engine``: ``auto`` decides in SQL what SQL can
    and the rest record by record, ``sql`` skips that rest, ``record`` leaves the whole JSON
    Schema to ``jsonschema``. ``rejects`` gets a Parquet file of every (record, broken rule) of
    severity error: layer, source, source_layer, _row, rule, code. ``formats`` asserts the
    ``format`` keyword; ``references`` holds what ``$ref`` may lead to.
    ``own_keys`` names layers in which each source numbers its records by itself, as before a
    fusion: there a key may occur once in a source, elsewhere once in all. ``known`` are layers
    that records may refer to, and that are not checked themselves. ``classes`` are the standard's
    conformance classes, ``hygiene`` the severities it gives to matters of hygiene; ``now`` is the
    time that rules about time go by.
    ``exemptions`` take out failures that do not count; ``data_docs`` keeps what Great Expectations found.

    Raises:
        UsageError: the engine or level is unknown.
        StandardError: a schema, pattern or expression is broken.
    """
    _known("engine", engine, ENGINES)
    _known("level", level or "L5", LEVELS)
    settings = Settings(
        codelists,
        rules,
        crs_policy,
        samples,
        lang,
        level or "L5",
        engine,
        formats,
        references,
        own_keys,
        now or datetime.now(UTC),
        hygiene or {},
    )
    with duck.connect() as con:
        prepare(con)
        given = [*((pair, True) for pair in inputs), *((pair, False) for pair in known)]
        every = [LayerCheck(con, n, *pair, settings, checked=asked) for n, (pair, asked) in enumerate(given)]
        checks = every[: len(inputs)]
        deliveries = [check.delivery for check in every]
        sources = [check.mapped.staged.source.path for check in every]
        outcomes: list[list[Outcome]] = []
        about_layers: list[list[Finding]] = []
        for done, check in enumerate(checks):
            progress("check", done, len(checks))
            check.prepare(deliveries)
            decided, about_layer = check.decide()
            outcomes.append(decided)
            about_layers.append(about_layer)
        context = Context(con, deliveries, samples, lang, settings.now, progress, own_keys, codelists, data_docs)
        undecided = []
        of_datums = suspected(deliveries, settings.hygiene, lang) if settings.level >= "L1" else ()
        between = (*geometry_between(context, settings.level), *decide_between(rules, context, settings.level))
        for item in (*of_datums, *between):
            if isinstance(item, Skipped):
                undecided.append(item)
            else:
                outcomes[item[0].number].append(item[1])
                about_layers[item[0].number] += item[1].about
        if exemptions is not None:
            outcomes = exemptions.apply(con, checks, outcomes)
        findings: list[Finding] = []
        for check, kept, about_layer in zip(checks, _bounded(outcomes, samples), about_layers, strict=True):
            findings += about_layer + check.findings(kept, sources)
        if rejects:
            _set_aside(con, checks, outcomes, rejects)
    progress("check", len(checks), len(checks))
    coverage, results = _coverage(checks, outcomes, undecided), _results(outcomes)
    return Report(
        cimkit=__version__,
        against=against,
        sources=_sources([mapped for mapped, _ in inputs]),
        coverage=coverage,
        rules=results,
        findings=tuple(findings),
        classes=class_results(classes or {}, results, coverage.rules.skipped, settings.level),
    )


def _set_aside(
    con: duckdb.DuckDBPyConnection, checks: Sequence[LayerCheck], outcomes: Sequence[Sequence[Outcome]], target: Path
) -> None:
    rejects = Rejects(con)
    for check, decided in zip(checks, outcomes, strict=True):
        broken = [o.rule for o in decided if o.failed and o.rule.severity == "error"]
        rejects.add(check.number, check.mapped, check.table.sql, broken)
    rejects.write(target)


def _known(what: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise UsageError(f"There is no {what} '{name}'.", hint=nearest(name, known))


def _bounded(outcomes: Sequence[Sequence[Outcome]], samples: int | None) -> list[list[Outcome]]:
    """Outcomes with no more rows than are kept of a rule over all deliveries."""
    if samples is None:
        return [list(decided) for decided in outcomes]
    room: dict[tuple[str, str], int] = {}
    bounded = []
    for decided in outcomes:
        kept = []
        for outcome in decided:
            key = (outcome.rule.rule, outcome.rule.code)
            rows = outcome.rows[: room.setdefault(key, samples)]
            room[key] -= len(rows)
            kept.append(replace(outcome, rows=rows))
        bounded.append(kept)
    return bounded


def _results(outcomes: Sequence[Sequence[Outcome]]) -> tuple[RuleResult, ...]:
    """One result for each rule, whatever number of deliveries it was applied to."""
    found: dict[tuple[str, str], RuleResult] = {}
    for outcome in (outcome for decided in outcomes for outcome in decided):
        rule = outcome.rule
        key = (rule.rule, rule.code)
        if key in found:
            checked, failed = found[key].checked + outcome.checked, found[key].failed + outcome.failed
            known, suppressed = found[key].known + outcome.known, found[key].suppressed + outcome.suppressed
            found[key] = replace(found[key], checked=checked, failed=failed, known=known, suppressed=suppressed)
        else:
            found[key] = RuleResult(
                rule=rule.rule,
                code=rule.code,
                severity=rule.severity,
                level=rule.level,
                layer=rule.layer,
                field=rule.field,
                checked=outcome.checked,
                failed=outcome.failed,
                iso19157=rule.iso19157,
                parameters=rule.parameters,
                known=outcome.known,
                suppressed=outcome.suppressed,
            )
    return tuple(found.values())


def _coverage(
    checks: Sequence[LayerCheck], outcomes: Sequence[Sequence[Outcome]], undecided: Sequence[Skipped]
) -> Coverage:
    engines: dict[tuple[str, str], str] = {}
    for outcome in (outcome for decided in outcomes for outcome in decided):
        key = (outcome.rule.rule, outcome.rule.code)
        engines[key] = "record" if "record" in (outcome.rule.engine, engines.get(key)) else "sql"
    decided = list(engines.values())
    skipped = dict.fromkeys([*(item for check in checks for item in check.skipped), *undecided])
    return Coverage(
        features_checked=sum(check.table.rows for check in checks),
        features_total=sum(check.mapped.staged.facts.features for check in checks),
        rules=RuleCoverage(decided.count("sql"), decided.count("record"), tuple(skipped)),
    )


def _sources(mapped: Sequence[Mapped]) -> tuple[CheckedSource, ...]:
    """The delivered files, each with its layers."""
    files: dict[tuple[str, str], CheckedSource] = {}
    for item in mapped:
        source, staged = item.staged.source, item.staged
        layer = CheckedLayer(staged.layer, item.layer, staged.facts.features, staged.facts)
        key = (source.path, source.sha256)
        known = files.get(key) or CheckedSource(source.path, source.sha256, source.format, ())
        files[key] = replace(known, layers=(*known.layers, layer))
    return tuple(files.values())
