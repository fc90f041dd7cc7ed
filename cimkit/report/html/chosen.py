"""What of a report stands in the page: rules in order, and as many of the stored findings as a page can hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cimkit.model import SEVERITIES, Finding, Report, RuleResult
from cimkit.report.html.strangers import seen, value

#: A page has to open at once on a phone and be small enough for a letter.
MOST_FINDINGS = 4000
MOST_BYTES = 1_200_000
MOST_RULES = 400


@dataclass(frozen=True)
class Example:
    """A finding as the page keeps it; ``number`` is its place among all that the page holds."""

    number: int
    finding: Finding
    record: dict[str, Any]


@dataclass(frozen=True)
class Broken:
    """A rule with failures, and the findings of it that the page holds."""

    number: int
    result: RuleResult
    examples: tuple[Example, ...]
    stored: int

    @property
    def share(self) -> float:
        return min(self.result.failed / self.result.checked, 1.0) if self.result.checked else 0.0

    @property
    def places(self) -> int:
        return sum(example.finding.point is not None for example in self.examples)


def by_weight(rules: Sequence[RuleResult]) -> list[RuleResult]:
    """The rules that are broken, the worst first: by severity, then by how many records break them."""
    broken = [rule for rule in rules if rule.failed]
    return sorted(broken, key=lambda rule: (SEVERITIES.index(rule.severity), -rule.failed, rule.rule, rule.code))


def chosen(report: Report, files: Sequence[str]) -> list[Broken]:
    """The broken rules and their examples; every rule gets one before any gets another.

    ``files`` are the paths that examples refer to by number.
    """
    found: dict[tuple[str, str], list[Finding]] = {}
    for finding in report.findings:
        found.setdefault((finding.rule, finding.code), []).append(finding)
    rules = by_weight(report.rules)[:MOST_RULES]
    stored = [found.get((rule.rule, rule.code), []) for rule in rules]
    numbers = {path: number for number, path in enumerate(files)}
    kept: list[list[tuple[Finding, dict[str, Any]]]] = [[] for _ in rules]
    room, findings = MOST_BYTES, MOST_FINDINGS
    turn = 0
    while room > 0 and findings > 0 and any(turn < len(each) for each in stored):
        for rule, each in enumerate(stored):
            if turn < len(each) and room > 0 and findings > 0:
                record = _record(rule, each[turn], numbers)
                room -= len(json.dumps(record, ensure_ascii=False).encode())
                findings -= 1
                kept[rule].append((each[turn], record))
        turn += 1
    broken, number = [], 0
    for place, (rule, each) in enumerate(zip(rules, kept, strict=True)):
        examples = tuple(Example(number + i, finding, record) for i, (finding, record) in enumerate(each))
        number += len(examples)
        broken.append(Broken(place, rule, examples, len(stored[place])))
    return broken


def _record(rule: int, finding: Finding, files: dict[str, int]) -> dict[str, Any]:
    """A finding as the page's script reads it: short names, nothing that is not there."""
    record: dict[str, Any] = {"r": rule, "s": files[finding.source], "m": seen(finding.message, 600)}
    texts = {
        "l": finding.layer,
        "w": finding.row,
        "c": finding.cell,
        "f": finding.fid,
        "i": finding.id,
        "d": finding.field,
        "h": finding.hint,
        "k": finding.fingerprint,
    }
    for key, text in texts.items():
        if text is not None and text != "":
            record[key] = seen(text)
    if finding.value is not None:
        record["v"] = value(finding.value)
    if finding.point is not None:
        record["p"] = [round(number, 7) for number in finding.point]
    return record
