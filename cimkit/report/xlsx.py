"""A report as an Excel workbook for those who work in Excel: summary, rules, findings, coverage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from cimkit.model import SEVERITIES, Report, RuleResult
from cimkit.report.advice import advice
from cimkit.report.outline import address, against, by_rule, class_title, failed_rules, measure, parameters
from cimkit.report.rows import shown
from cimkit.report.titles import title
from cimkit.report.words import word
from cimkit.report.workbook import MOST_ROWS, Cell, Workbook

_WORST = 3
_SHEETS = ("summary", "sheet_rules", "sheet_findings", "coverage")
_SUMMARY = (24, 28, 90)
_RULES = ("verdict", "severity", "rule", "kind", "level", "layer", "field", "failed", "of", "share", "measure")
_RULE_WIDTHS = (10, 10, 40, 30, 22, 16, 20, 11, 11, 10, 40, 30, 60)
_FINDINGS = ("severity", "kind", "file", "layer", "row", "cell", "fid", "id", "field", "value", "message", "suggestion")
_FINDING_WIDTHS = (10, 28, 32, 16, 10, 9, 12, 18, 18, 24, 60, 30, 13, 13, 40)
_COVERAGE = ("file", "format", "layer", "standard_layer", "feature_count", "crs", "sha256")
_COVERAGE_WIDTHS = (44, 16, 24, 22, 14, 18, 68)
_CLASS_STYLES = {"pass": "good", "fail": "error", "unchecked": "warning"}


def write(report: Report, path: Path, lang: str = "en") -> None:
    """The workbook; what Excel has no room for is told on the first sheet."""
    summary, rules, findings, coverage = names = [word(name, lang) for name in _SHEETS]
    with Workbook(path, names) as book:
        book.sheet(rules, _RULE_WIDTHS, _rule_rows(report, lang))
        book.sheet(findings, _FINDING_WIDTHS, _finding_rows(report, lang))
        book.sheet(coverage, _COVERAGE_WIDTHS, _coverage_rows(report, lang))
        left_out = max(0, len(report.findings) - (MOST_ROWS - 1))
        notes = [word("stored", lang, n=len(report.findings), failed=sum(report.totals.values()))]
        notes += [word("rows_left_out", lang, n=left_out, most=MOST_ROWS)] if left_out else []
        notes += [word("texts_cut", lang, n=book.cut)] if book.cut else []
        book.sheet(summary, _SUMMARY, _summary_rows(report, notes, lang), header=False)


def _summary_rows(report: Report, notes: Sequence[str], lang: str) -> Iterator[Sequence[Cell]]:
    totals, coverage, failed = report.totals, report.coverage, failed_rules(report)
    style = "good" if report.verdict == "pass" else "error"
    yield [Cell(against(report), "title")]
    yield [Cell(word("verdict", lang), "label"), Cell(word(report.verdict, lang), style)]
    counts = [
        ("features_checked", coverage.features_checked),
        ("features_total", coverage.features_total),
        ("rules_decided", len(report.rules)),
        ("rules_failed", len(failed)),
        ("rules_skipped", len(coverage.rules.skipped)),
    ]
    yield from ([Cell(word(name, lang), "label"), Cell(count, "count")] for name, count in counts)
    for severity in SEVERITIES:
        yield [Cell(word(severity, lang), severity if totals[severity] else "label"), Cell(totals[severity], "count")]
    yield [Cell(word("version", lang), "label"), Cell(report.cimkit)]
    yield from ([Cell(None), Cell(None), Cell(note)] for note in notes)
    if report.classes:
        yield []
        yield [Cell(word("classes", lang), "title")]
    for each in report.classes:
        called = word(f"class_{each.verdict}", lang)
        yield [Cell(each.id, "label"), Cell(called, _CLASS_STYLES[each.verdict]), Cell(class_title(each, lang))]
    if failed:
        yield []
        yield [Cell(word("worst", lang), "title")]
    examples = by_rule(report.findings)
    for rule in failed[:_WORST]:
        records = word("records", lang, failed=rule.failed, checked=rule.checked)
        stored = examples.get((rule.rule, rule.code), [])
        said = stored[0].message if stored else address(rule)
        yield [Cell(title(rule.code, lang), rule.severity), Cell(records), Cell(said)]
        mended = advice(rule.code, lang)
        if mended:
            yield [Cell(None), Cell(word("advice", lang), "label"), Cell(mended)]


def _rule_rows(report: Report, lang: str) -> Iterator[Sequence[Cell]]:
    """Every rule: those that failed first, worst first."""
    yield [Cell(word(name, lang), "header") for name in (*_RULES, "parameters", "advice")]
    failed = failed_rules(report)
    yield from (_rule_row(rule, lang) for rule in failed)
    yield from (_rule_row(rule, lang) for rule in report.rules if not rule.failed)


def _rule_row(rule: RuleResult, lang: str) -> Sequence[Cell]:
    style = rule.severity if rule.failed else "good"
    return [
        Cell(word("fail" if rule.failed else "pass", lang), style),
        Cell(word(rule.severity, lang)),
        Cell(address(rule)),
        Cell(title(rule.code, lang)),
        Cell(f"{rule.level} {word(rule.level, lang)}"),
        Cell(rule.layer),
        Cell(rule.field),
        Cell(rule.failed, "count"),
        Cell(rule.checked, "count"),
        Cell(rule.failed / rule.checked if rule.checked else 0, "share"),
        Cell(measure(rule.iso19157, lang)),
        Cell(parameters(rule.parameters)),
        Cell(advice(rule.code, lang) if rule.failed else None),
    ]


def _finding_rows(report: Report, lang: str) -> Iterator[Sequence[Cell]]:
    yield [Cell(word(name, lang), "header") for name in (*_FINDINGS, "longitude", "latitude", "rule")]
    for finding in report.findings:
        longitude, latitude = finding.point or (None, None)
        yield [
            Cell(word(finding.severity, lang), finding.severity),
            Cell(title(finding.code, lang)),
            Cell(finding.source),
            Cell(finding.layer),
            Cell(finding.row, "number"),
            Cell(finding.cell),
            Cell(finding.fid),
            Cell(finding.id),
            Cell(finding.field),
            Cell(shown(finding)),
            Cell(finding.message),
            Cell(finding.hint),
            Cell(longitude, "number"),
            Cell(latitude, "number"),
            Cell(finding.rule),
        ]


def _coverage_rows(report: Report, lang: str) -> Iterator[Sequence[Cell]]:
    """The files that were checked, then the rules that were not decided, are suppressed or known."""
    yield [Cell(word(name, lang), "header") for name in _COVERAGE]
    for source in report.sources:
        for layer in source.layers:
            yield [
                Cell(source.path),
                Cell(source.format),
                Cell(layer.name),
                Cell(layer.standard_layer),
                Cell(layer.features, "count"),
                Cell(layer.facts.crs.value),
                Cell(source.sha256),
            ]
    for skipped in report.coverage.rules.skipped:
        yield [Cell(word("skipped", lang), "warning"), Cell(None), Cell(skipped.rule), Cell(skipped.why)]
    for kept in report.coverage.suppressed:
        said = word("suppressed_rule", lang, n=kept.failures, until=kept.until, reason=kept.reason)
        yield [Cell(word("suppressed", lang), "info"), Cell(None), Cell(kept.rule), Cell(said)]
    for rule in report.rules:
        if rule.known:
            yield [
                Cell(word("baseline", lang), "info"),
                Cell(None),
                Cell(rule.rule),
                Cell(word("known", lang, n=rule.known)),
            ]
