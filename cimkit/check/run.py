"""Mapped layers held against a standard: every rule decided, one report."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from referencing import Registry

from cimkit import __version__, duck
from cimkit.check.execute import Outcome, prepare
from cimkit.check.layer_check import LayerCheck, Settings
from cimkit.check.rejects import Rejects
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
    silent,
)
from cimkit.standard import Codelist, CrsPolicy, LayerSchema, Rule

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
    fusion: there a key may occur once in a source, elsewhere once in all.

    Raises:
        UsageError: the engine or level is unknown.
        StandardError: a schema, pattern or expression is broken.
    """
    _known("engine", engine, ENGINES)
    _known("level", level or "L5", LEVELS)
    settings = Settings(
        codelists, rules, crs_policy, samples, lang, level or "L5", engine, formats, references, own_keys
    )
    with duck.connect() as con:
        prepare(con)
        checks = [LayerCheck(con, n, mapped, layer, settings) for n, (mapped, layer) in enumerate(inputs)]
        deliveries = [check.delivery for check in checks]
        sources = [check.mapped.staged.source.path for check in checks]
        set_aside = Rejects(con) if rejects else None
        outcomes: list[list[Outcome]] = []
        about_layers: list[list[Finding]] = []
        for done, check in enumerate(checks):
            progress("check", done, len(checks))
            check.prepare(deliveries)
            decided, about_layer = check.decide()
            outcomes.append(decided)
            about_layers.append(about_layer)
            if set_aside:
                broken = [o.rule for o in decided if o.failed and o.rule.severity == "error"]
                set_aside.add(check.number, check.mapped, check.table.sql, broken)
        findings: list[Finding] = []
        for check, kept, about_layer in zip(checks, _bounded(outcomes, samples), about_layers, strict=True):
            findings += about_layer + check.findings(kept, sources)
        if set_aside and rejects:
            set_aside.write(rejects)
    progress("check", len(checks), len(checks))
    return Report(
        cimkit=__version__,
        against=against,
        sources=_sources([mapped for mapped, _ in inputs]),
        coverage=_coverage(checks, outcomes),
        rules=_results(outcomes),
        findings=tuple(findings),
    )


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
            found[key] = replace(found[key], checked=checked, failed=failed)
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
            )
    return tuple(found.values())


def _coverage(checks: Sequence[LayerCheck], outcomes: Sequence[Sequence[Outcome]]) -> Coverage:
    engines: dict[tuple[str, str], str] = {}
    for outcome in (outcome for decided in outcomes for outcome in decided):
        key = (outcome.rule.rule, outcome.rule.code)
        engines[key] = "record" if "record" in (outcome.rule.engine, engines.get(key)) else "sql"
    decided = list(engines.values())
    skipped = dict.fromkeys(item for check in checks for item in check.skipped)
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
