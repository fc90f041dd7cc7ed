"""A report as JUnit XML, which every CI server shows: a suite for each layer, a test case for each rule.

An error of the data is a failure; a warning passes and says what it found; a rule that was not
decided is skipped. Of the dialects this is the one that Jenkins, GitLab and GitHub's actions share
(https://github.com/jenkinsci/xunit-plugin, junit-10.xsd).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from cimkit.model import Finding, Report, RuleResult, Skipped
from cimkit.report.outline import address, by_rule, exempt, measure, parameters, sources_of
from cimkit.report.places import place, short_names
from cimkit.report.titles import title
from cimkit.report.words import word
from cimkit.report.xml_text import clean

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_EXAMPLES = 10


def render(report: Report, lang: str = "en", *, color: bool = False, width: int = 80) -> str:
    """The suites in the order of the layers, each with its rules in their order."""
    layers: dict[str, tuple[list[RuleResult], list[Skipped]]] = {}
    for rule in report.rules:
        layers.setdefault(rule.layer, ([], []))[0].append(rule)
    for skipped in report.coverage.rules.skipped:
        layer = skipped.rule.split("#")[0].split(".")[0]
        layers.setdefault(layer, ([], []))[1].append(skipped)
    top = ElementTree.Element("testsuites", {"name": "cimkit", **_counts(report.rules, report.coverage.rules.skipped)})
    examples = by_rule(report.findings)
    names = short_names([source.path for source in report.sources])
    for layer, (rules, undecided) in layers.items():
        suite = ElementTree.SubElement(top, "testsuite", {"name": clean(layer), **_counts(rules, undecided)})
        sources = sources_of(report, layer)
        for rule in rules:
            _case(suite, rule, examples.get((rule.rule, rule.code), []), sources, names, lang)
        for skipped in undecided:
            case = ElementTree.SubElement(suite, "testcase", _named(layer, skipped.rule))
            ElementTree.SubElement(case, "skipped", message=clean(skipped.why))
    ElementTree.indent(top)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(top, encoding="unicode")}\n'


def _counts(rules: Sequence[RuleResult], undecided: Sequence[Skipped]) -> dict[str, str]:
    failures = sum(1 for rule in rules if rule.failed and rule.severity == "error")
    counts = {"tests": len(rules) + len(undecided), "failures": failures, "errors": 0, "skipped": len(undecided)}
    return {**{name: str(count) for name, count in counts.items()}, "time": "0"}


def _named(layer: str, rule: str) -> dict[str, str]:
    return {"classname": clean(layer), "name": clean(rule), "time": "0"}


def _case(
    suite: Element,
    rule: RuleResult,
    stored: Sequence[Finding],
    sources: Sequence[str],
    names: dict[str, str],
    lang: str,
) -> None:
    file = {"file": clean(stored[0].source if stored else sources[0])} if stored or sources else {}
    case = ElementTree.SubElement(suite, "testcase", {**_named(rule.layer, address(rule)), **file})
    exempted = exempt(rule, lang)
    if not rule.failed:
        if exempted:
            ElementTree.SubElement(case, "system-out").text = exempted
        return
    count = word("records", lang, failed=rule.failed, checked=rule.checked)
    lines = [f"{title(rule.code, lang)}: {count}", measure(rule.iso19157, lang), parameters(rule.parameters), exempted]
    lines += [_example(finding, names, lang) for finding in stored[:_EXAMPLES]]
    if rule.failed > _EXAMPLES:
        lines.append(word("more", lang, n=rule.failed - len(stored[:_EXAMPLES])))
    text = clean("\n".join(line for line in lines if line))
    if rule.severity == "error":
        failure = ElementTree.SubElement(case, "failure", message=clean(lines[0]), type=clean(rule.code))
        failure.text = text
    else:
        output = ElementTree.SubElement(case, "system-out")
        output.text = f"{word(rule.severity, lang)}: {text}"


def _example(finding: Finding, names: dict[str, str], lang: str) -> str:
    hint = word("hint", lang, hint=finding.hint) if finding.hint else ""
    return f"{place(finding, names)}: {finding.message}{hint}"
