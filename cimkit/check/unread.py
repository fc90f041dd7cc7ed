"""What is found about the files of a delivery, beside what is found in them: those that could not be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cimkit.messages import say
from cimkit.model import Finding, Reject, Report, RuleResult

CODE = "source.unreadable"


def with_unread(report: Report, unread: Sequence[Reject], lang: str) -> Report:
    """The report with one finding for each file that could not be read."""
    if not unread:
        return report
    files = len(report.sources) + len(unread)
    rule = RuleResult(CODE, CODE, "error", "L0", layer="", field=None, checked=files, failed=len(unread))
    findings = [Finding(CODE, CODE, "error", each.place, "", say(CODE, lang, reason=_reason(each))) for each in unread]
    return with_files(report, [rule], findings)


def with_files(report: Report, rules: Sequence[RuleResult], findings: Sequence[Finding]) -> Report:
    """The report with rules about files before its own; no class may be claimed that asks for readable files."""
    failed = any(rule.failed and rule.severity == "error" for rule in rules)
    classes = [replace(each, verdict="fail") if failed and "L0" in each.levels else each for each in report.classes]
    return replace(
        report, rules=(*rules, *report.rules), findings=(*findings, *report.findings), classes=tuple(classes)
    )


def _reason(reject: Reject) -> str:
    """The reason without the name of the file, which the finding has."""
    return reject.reason.removeprefix(reject.place).removeprefix(":").lstrip()
