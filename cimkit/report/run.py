"""What a pipeline run did, for a person: on a terminal, or as a Markdown page for a city."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from cimkit.atomic import replacing
from cimkit.errors import UsageError
from cimkit.model import Lang, Report, RuleResult, Run
from cimkit.report.labels import label
from cimkit.report.tables import SEVERITY_STYLES, facts, heading, table, to_text, verdict

_RELATIONS = ("1:1", "1:n", "n:1", "m:n", "single")
#: Rules shown of each report; the rest is counted, and all of them are in the JSON.
_WORST = 12


def render_run(run: Run, format: str, lang: Lang = "en", *, color: bool = False, width: int = 100) -> str:
    """A run as ``text``, ``markdown`` or ``json``."""
    if format == "json":
        return json.dumps(run.to_dict(), ensure_ascii=False, indent=2) + "\n"
    if format == "markdown":
        return _markdown(run, lang)
    return to_text(_parts(run, lang), width=width, color=color)


#: Suffix of a report file -> its format.
SUFFIXES = {".md": "markdown", ".txt": "text", ".json": "json"}


def write_run(run: Run, path: Path, lang: Lang = "en") -> None:
    """Write a run's report; the suffix says how. The file is complete or not there.

    Raises:
        UsageError: no format has this suffix, or the folder is missing.
        SourceError: the file cannot be written.
    """
    written = render_run(run, run_format(path), lang)
    with replacing(path) as aside:
        aside.write_text(written, encoding="utf-8", newline="\n")


def run_format(path: Path) -> str:
    """The format that a report file's suffix asks for.

    Raises:
        UsageError: no format has this suffix, or the folder is missing.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"A run's report cannot be written as '{path.name}'.", hint=f"Use one of {', '.join(SUFFIXES)}."
        )
    if not path.parent.is_dir():
        raise UsageError(f"{path} cannot be written: there is no folder {path.parent}.")
    return SUFFIXES[path.suffix.lower()]


def _parts(run: Run, lang: Lang) -> list[RenderableType]:
    parts: list[RenderableType] = [heading(label("delivered", lang)), _sources(run, lang)]
    report = run.reports["delivery"]
    parts += [heading(label("found", lang)), Text(_totals(run, lang))]
    if worst := _worst(report):
        parts.append(_rules(report, worst, lang))
    if run.fusions:
        parts += [heading(label("fused", lang)), _fusions(run, lang)]
    if new := _new(run):
        parts += [heading(label("made_wrong", lang)), _rules(run.reports["catalog"], new, lang)]
    if run.stopped:
        return [*parts, Text("\n" + label("stopped", lang, why=run.stopped), style="bold red")]
    parts += [heading(f"{label('catalog', lang)} {run.catalog}"), _datasets(run, lang)]
    assert run.release is not None
    said = label("published" if run.published else "nothing_new", lang, number=run.release.number)
    parts += [Text(said, style="bold green" if run.published else "bold"), heading(label("next", lang))]
    # Not wrapped: a command is there to be copied.
    steps = (Text(f"  {command}", style="cyan", no_wrap=True, overflow="ignore") for command in next_steps(run))
    return [*parts, *steps]


def next_steps(run: Run) -> list[str]:
    """Commands that show what this run made."""
    steps = [f"cimkit catalog list {run.catalog}"]
    if run.fusions:
        layer = next(iter(run.fusions))
        steps.append(f"cimkit catalog show {run.catalog} {layer}")
        steps.append(
            f'cimkit catalog query {run.catalog} "SELECT attribute, source, count(*) AS won '
            f'FROM {layer}__provenance GROUP BY ALL ORDER BY ALL"'
        )
    elif run.datasets:
        steps.append(f"cimkit catalog show {run.catalog} {next(iter(run.datasets))}")
    return steps


def _totals(run: Run, lang: Lang) -> str:
    report = run.reports["delivery"]
    followed = sum(source["followed"] for source in run.sources.values())
    totals = label(
        "delivery_totals",
        lang,
        errors=report.totals["error"],
        warnings=report.totals["warning"],
        checked=report.coverage.features_checked,
        aside=sum(source["quarantined"] for source in run.sources.values()),
    )
    return f"{totals}; {label('followed', lang, count=followed)}" if followed else totals


def _sources(run: Run, lang: Lang) -> RenderableType:
    columns = ("source", "layer", "format", "crs", "records", "accepted", "quarantined")
    result = table(lang, columns, right=("records", "accepted", "quarantined"))
    for name, source in run.sources.items():
        aside = source["quarantined"]
        result.add_row(
            name,
            source["standard_layer"],
            source["format"],
            short_crs(source["crs"]),
            f"{source['records']:,}",
            f"{source['accepted']:,}",
            Text(f"{aside:,}", style="yellow" if aside else "dim"),
        )
    return result


def _worst(report: Report) -> list[RuleResult]:
    order = {severity: place for place, severity in enumerate(SEVERITY_STYLES)}
    failed = [rule for rule in report.rules if rule.failed]
    return sorted(failed, key=lambda rule: (order[rule.severity], -rule.failed, rule.rule))[:_WORST]


def _new(run: Run) -> list[RuleResult]:
    """What is wrong with the datasets and was not with the delivery, as far as that says."""
    if "catalog" not in run.reports:
        return []
    said = {rule.rule for rule in run.reports["delivery"].rules if rule.failed and rule.severity != "error"}
    return [rule for rule in _worst(run.reports["catalog"]) if rule.rule not in said]


def _rules(report: Report, rules: Sequence[RuleResult], lang: Lang) -> RenderableType:
    result = table(lang, ("rule", "severity", "count", "message"), right=("count",))
    examples = _examples(report)
    for rule in rules:
        result.add_row(
            rule.rule,
            Text(label(rule.severity, lang), style=SEVERITY_STYLES[rule.severity]),
            f"{rule.failed:,}",
            examples.get(rule.rule, ""),
        )
    return result


def _examples(report: Report) -> dict[str, str]:
    """The message of the first finding of each rule."""
    return {finding.rule: finding.message for finding in reversed(report.findings)}


def _rule_grid(report: Report, rules: Sequence[RuleResult], lang: Lang) -> list[str]:
    examples = _examples(report)
    rows = [(f"`{r.rule}`", label(r.severity, lang), f"{r.failed:,}", examples.get(r.rule, "")) for r in rules]
    return _grid([label(key, lang) for key in ("rule", "severity", "count", "message")], rows)


def _fusion_lines(run: Run, layer: str, lang: Lang) -> list[str]:
    """A fusion in four lines: into how many, how they belong together, who was matched, what is left to do."""
    fusion = run.fusions[layer]
    kinds = [f"{fusion.relations[kind]:,} {label(kind, lang)}" for kind in _RELATIONS if fusion.relations.get(kind)]
    rates = [f"{name} {rate:.0%}" for name, rate in fusion.match_rates.items()]
    left = [
        label("conflicts", lang, count=sum(fusion.conflicts.values())),
        label("review", lang, count=fusion.bands.get("review", 0)),
    ]
    return [
        label("into", lang, records=sum(fusion.records.values()), entities=fusion.entities),
        " · ".join(kinds),
        f"{label('matched', lang)}: {' · '.join(rates)}",
        " · ".join(left),
    ]


def _fusions(run: Run, lang: Lang) -> RenderableType:
    result = facts()
    for layer in run.fusions:
        first, *more = _fusion_lines(run, layer, lang)
        result.add_row(layer, Text(first, style="bold"))
        for line in more:
            result.add_row("", line)
    return result


def _dataset_row(name: str, manifest: dict[str, Any]) -> tuple[str, ...]:
    return name, f"v{manifest['version']}", f"{manifest['rows']:,}", short_crs(manifest.get("crs"))


def _datasets(run: Run, lang: Lang) -> RenderableType:
    result = table(lang, ("dataset", "version", "features", "crs", "standard", "verdict"), right=("features",))
    for name, manifest in run.datasets.items():
        standard = manifest.get("standard") or {}
        result.add_row(
            *_dataset_row(name, dict(manifest)),
            f"{standard.get('id', '')} {standard.get('version', '')}",
            verdict((manifest.get("check") or {}).get("verdict"), lang),
        )
    return result


def short_crs(value: str | None) -> str:
    """A CRS as it fits into a table: its code, or the name inside its WKT."""
    if not value:
        return "–"
    return value if len(value) <= 16 else value.partition('"')[2].partition('"')[0]


def _markdown(run: Run, lang: Lang) -> str:
    report = run.reports["delivery"]
    title = run.title.get(lang) or run.title.get("en") or run.pipeline
    lines = [f"# {title}", ""]
    if run.stopped:
        lines += [f"**{label('stopped', lang, why=run.stopped)}**", ""]
    elif run.release is not None:
        said = label("published" if run.published else "nothing_new", lang, number=run.release.number)
        lines += [f"**{said}**", ""]
    lines += [f"## {label('delivered', lang)}", ""]
    rows = [
        (
            name,
            source["standard_layer"],
            source["file"],
            short_crs(source["crs"]),
            source["licence"] or "–",
            f"{source['records']:,}",
            f"{source['accepted']:,}",
            f"{source['quarantined']:,}",
        )
        for name, source in run.sources.items()
    ]
    columns = ("source", "layer", "file", "crs", "licence", "records", "accepted", "quarantined")
    lines += _grid([label(key, lang) for key in columns], rows, right=3)
    lines += ["", f"## {label('found', lang)}", "", _totals(run, lang), ""]
    if worst := _worst(report):
        lines += _rule_grid(report, worst, lang)
    if run.fusions:
        lines += ["", f"## {label('fused', lang)}", ""]
        for layer in run.fusions:
            first, *more = _fusion_lines(run, layer, lang)
            lines += [f"- **{layer}**: {first}", *(f"  - {line}" for line in more)]
    if new := _new(run):
        lines += ["", f"## {label('made_wrong', lang)}", "", *_rule_grid(run.reports["catalog"], new, lang)]
    if run.datasets:
        lines += ["", f"## {label('catalog', lang)}", ""]
        datasets = [
            (*_dataset_row(name, dict(m)), label(v, lang) if (v := (m.get("check") or {}).get("verdict")) else "–")
            for name, m in run.datasets.items()
        ]
        lines += _grid([label(key, lang) for key in ("dataset", "version", "features", "crs", "verdict")], datasets)
    return "\n".join(lines) + "\n"


def _grid(columns: Sequence[str], rows: Sequence[tuple[str, ...]], right: int = 0) -> list[str]:
    """A Markdown table; the last ``right`` columns hold numbers."""
    marks = ["---"] * (len(columns) - right) + ["---:"] * right

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    return [line(columns), line(marks), *(line(row) for row in rows)]
