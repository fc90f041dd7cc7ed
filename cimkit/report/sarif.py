"""A report as SARIF 2.1.0 (OASIS), which code scanning and editors read.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html; what GitHub makes of it, and how
much it takes: "SARIF support for code scanning". A layer has no lines, so that a finding says its
layer, record and field as a logical location, and line 1 of the file where no line is known.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from cimkit.model import SEVERITIES, Finding, Report, RuleResult
from cimkit.model.words import as_dict
from cimkit.report.advice import advice
from cimkit.report.measures import MEASURES
from cimkit.report.outline import Key, failed_rules, measure, parameters, sources_of
from cimkit.report.places import formats, line, uri
from cimkit.report.titles import title
from cimkit.report.words import word

#: GitHub takes this many results of a run, and shows the first 5,000.
MOST_RESULTS = 25_000
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
_PROBLEMS = {"error": "error", "warning": "warning", "info": "recommendation"}


def render(report: Report, lang: str = "en", *, color: bool = False, width: int = 80) -> str:
    """One run with all rules, and the stored findings as far as GitHub takes them, errors first."""
    indices = {(rule.rule, rule.code): number for number, rule in enumerate(report.rules)}
    ids = _ids(report.rules)
    files = {source.path: number for number, source in enumerate(report.sources)}
    known = formats(report)
    results = [_of_finding(finding, indices, ids, files, known) for finding in _chosen(report.findings)]
    stored = {(finding.rule, finding.code) for finding in report.findings}
    room = MOST_RESULTS - len(results)
    unseen = [rule for rule in failed_rules(report) if (rule.rule, rule.code) not in stored]
    results += [_of_rule(report, rule, indices, ids, files, lang) for rule in unseen[:room]]
    left_out = len(report.findings) + len(unseen) - len(results)
    run = {
        "tool": {
            "driver": {
                "name": "cimkit",
                "version": report.cimkit,
                "rules": [_rule(rule, ids[rule.rule, rule.code], lang) for rule in report.rules],
            }
        },
        "language": lang,
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": _notes(report, left_out, lang)}],
        "artifacts": [
            {
                "location": {"uri": uri(source.path)},
                "hashes": {"sha-256": source.sha256},
                "properties": {"format": source.format},
            }
            for source in report.sources
        ],
        "results": results,
        "properties": {
            **as_dict(report.against),
            "verdict": report.verdict,
            "totals": report.totals,
            "classes": as_dict(report.classes),
            "featuresChecked": report.coverage.features_checked,
            "featuresTotal": report.coverage.features_total,
            "findingsStored": len(report.findings),
            "resultsLeftOut": left_out,
        },
    }
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False, default=str) + "\n"


def _ids(rules: Sequence[RuleResult]) -> dict[Key, str]:
    """For each rule an id of its own: its address, with the code where several have that address."""
    often = Counter(rule.rule for rule in rules)
    return {(rule.rule, rule.code): f"{rule.rule}/{rule.code}" if often[rule.rule] > 1 else rule.rule for rule in rules}


def _chosen(findings: Sequence[Finding]) -> list[Finding]:
    """The findings that are written: errors first where there is no room for all."""
    if len(findings) <= MOST_RESULTS:
        return list(findings)
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))[:MOST_RESULTS]


def _rule(rule: RuleResult, called: str, lang: str) -> dict[str, Any]:
    level = word(rule.level, lang)
    of = f"{rule.layer}.{rule.field}" if rule.field else rule.layer
    said = [f"{title(rule.code, lang)}: {of}", f"{rule.level} {level}", measure(rule.iso19157, lang)]
    said += [parameters(rule.parameters)] if rule.parameters else []
    known = MEASURES.get(rule.iso19157 or 0)
    return {
        "id": called,
        "name": rule.code,
        "shortDescription": {"text": f"{title(rule.code, lang)}: {of}"},
        "fullDescription": {"text": ". ".join(text for text in said if text)},
        "help": {"text": advice(rule.code, lang) or title(rule.code, lang)},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {
            "level": rule.level,
            "iso19157": rule.iso19157,
            "iso19157Element": known.element if known else None,
            "checked": rule.checked,
            "failed": rule.failed,
            "known": rule.known,
            "suppressed": rule.suppressed,
            "parameters": as_dict(rule.parameters),
            "problem.severity": _PROBLEMS[rule.severity],
            "tags": [rule.level, level],
        },
    }


def _of_finding(
    finding: Finding,
    indices: Mapping[Key, int],
    ids: Mapping[Key, str],
    files: Mapping[str, int],
    known: Mapping[str, str],
) -> dict[str, Any]:
    key = (finding.rule, finding.code)
    place = finding.cell or (None if finding.row is None else str(finding.row))
    inside = f"{finding.layer}[{place}]" if place else finding.layer
    logical = {"name": finding.field or finding.layer, "kind": "member" if finding.field else "resource"}
    full = f"{inside}.{finding.field}" if finding.field else inside
    about = {
        name: value
        for name in ("layer", "row", "fid", "id", "field", "cell", "value", "point", "schema_pointer", "hint")
        if (value := getattr(finding, name)) is not None
    }
    result = {
        "ruleId": ids[key],
        "ruleIndex": indices[key],
        "kind": "fail",
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{finding.message} {finding.hint}" if finding.hint else finding.message},
        "locations": [
            {
                "physicalLocation": _file(finding.source, files, line(finding, known.get(finding.source)) or 1),
                "logicalLocations": [{**logical, "fullyQualifiedName": full}],
            }
        ],
        "properties": about,
    }
    if finding.fingerprint:
        result["partialFingerprints"] = {"cimkit/v1": finding.fingerprint}
    return result


def _of_rule(
    report: Report,
    rule: RuleResult,
    indices: Mapping[Key, int],
    ids: Mapping[Key, str],
    files: Mapping[str, int],
    lang: str,
) -> dict[str, Any]:
    """One result that stands for all failures of a rule of which no finding is stored."""
    key = (rule.rule, rule.code)
    count = word("records", lang, failed=rule.failed, checked=rule.checked)
    logical = [{"name": rule.layer, "kind": "resource", "fullyQualifiedName": rule.layer}]
    where = [
        {"physicalLocation": _file(source, files, 1), "logicalLocations": logical}
        for source in sources_of(report, rule.layer)[:1]
    ]
    return {
        "ruleId": ids[key],
        "ruleIndex": indices[key],
        "kind": "fail",
        "level": _LEVELS[rule.severity],
        "message": {"text": f"{title(rule.code, lang)}: {count}"},
        "locations": where or [{"logicalLocations": logical}],
    }


def _file(source: str, files: Mapping[str, int], number: int) -> dict[str, Any]:
    at = {"index": files[source]} if source in files else {}
    return {"artifactLocation": {"uri": uri(source), **at}, "region": {"startLine": number}}


def _notes(report: Report, left_out: int, lang: str) -> list[dict[str, Any]]:
    """What a reader must know of the run: how many findings there are here, and what was not decided."""
    failed = sum(report.totals.values())
    notes = [("note", word("stored", lang, n=len(report.findings), failed=failed))]
    if left_out:
        notes.append(("warning", word("results_left_out", lang, n=left_out, most=MOST_RESULTS)))
    notes += [
        ("warning", word("not_decided", lang, rule=skipped.rule, why=skipped.why))
        for skipped in report.coverage.rules.skipped
    ]
    return [{"level": level, "message": {"text": text}} for level, text in notes]
