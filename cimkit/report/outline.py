"""What every report says first: what failed, worst first, with its examples."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cimkit.model import SEVERITIES, ClassResult, Finding, Report, RuleResult
from cimkit.report.measures import MEASURES
from cimkit.report.words import word

#: What a rule and its findings have in common.
Key = tuple[str, str]

_SHORT = 60


def failed_rules(report: Report) -> list[RuleResult]:
    """The rules that failed: errors first, among equals the one with the most failures."""
    return sorted(
        (rule for rule in report.rules if rule.failed),
        key=lambda rule: (SEVERITIES.index(rule.severity), -rule.failed, rule.rule, rule.code),
    )


def by_rule(findings: Sequence[Finding]) -> dict[Key, list[Finding]]:
    """The stored findings of each rule."""
    found: dict[Key, list[Finding]] = {}
    for finding in findings:
        found.setdefault((finding.rule, finding.code), []).append(finding)
    return found


def against(report: Report) -> str:
    """What was checked against: a standard and its version, or a schema."""
    named = next(iter(report.against.values()))
    return " ".join(named[key] for key in ("id", "version") if key in named)


def address(rule: RuleResult) -> str:
    """The rule's address, with the code where several kinds of finding share it."""
    return f"{rule.rule} {rule.code}" if rule.code.startswith("crs.") else rule.rule


def share(rule: RuleResult) -> str:
    """Which share of the records failed, in percent."""
    value = 100 * rule.failed / rule.checked if rule.checked else 0
    return f"{value:.1f} %" if value >= 0.05 or not value else "<0.1 %"


def class_title(result: ClassResult, lang: str) -> str:
    """A conformance class's title in the language, else in the one it has."""
    return result.title.get(lang) or next(iter(result.title.values()), result.id)


def measure(number: int | None, lang: str) -> str:
    """A measure of ISO 19157-3 by number and name: ``16 number of items …``."""
    if number is None:
        return ""
    known = MEASURES.get(number)
    return f"{number} {known.zh if lang == 'zh' else known.en}" if known else str(number)


def parameters(values: Mapping[str, Any]) -> str:
    """Tolerances and limits in one line: ``tolerance 0.01, of parcel``; long ones are shortened."""
    return ", ".join(f"{name} {_shown(value)}" for name, value in values.items())


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"


def sources_of(report: Report, layer: str) -> list[str]:
    """The files that were held against a layer of the standard."""
    return [source.path for source in report.sources if any(each.standard_layer == layer for each in source.layers)]


def exempt(rule: RuleResult, lang: str) -> str:
    """How many failures of a rule do not count, and why; empty where all do."""
    said = [word("known", lang, n=rule.known)] if rule.known else []
    said += [word("suppressed_n", lang, n=rule.suppressed)] if rule.suppressed else []
    return word("comma", lang).join(said)
