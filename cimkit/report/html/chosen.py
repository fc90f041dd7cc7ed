"""What of a report stands in the page: rules in order, and as many of the stored findings as a page can hold."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cimkit.model import SEVERITIES, Finding, Report, RuleResult
from cimkit.report.html.strangers import seen, value

#: A page has to open at once on a phone and be small enough for a letter.
MOST_FINDINGS = 4000
MOST_BYTES = 800_000
MOST_RULES = 150


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

    @property
    def share(self) -> float:
        return min(self.result.failed / self.result.checked, 1.0) if self.result.checked else 0.0

    @property
    def places(self) -> int:
        return sum("p" in example.record for example in self.examples)


def by_weight(rules: Sequence[RuleResult]) -> list[RuleResult]:
    """The rules that are broken, the worst first: by severity, then by how many records break them.

    What is wrong with files as such comes before: nobody knows what is in a file that cannot be read.
    """

    def weight(rule: RuleResult) -> tuple[int, bool, int, str, str]:
        return SEVERITIES.index(rule.severity), rule.level != "L0", -rule.failed, rule.rule, rule.code

    return sorted((rule for rule in rules if rule.failed), key=weight)


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
    broken: list[Broken] = []
    number = 0
    for place, pairs in enumerate(kept):
        examples = tuple(Example(number + i, *pair) for i, pair in enumerate(pairs))
        number += len(examples)
        broken.append(Broken(place, rules[place], examples))
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
    if finding.point is not None and all(map(math.isfinite, finding.point)):
        record["p"] = [round(number, 7) for number in finding.point]
    return record
