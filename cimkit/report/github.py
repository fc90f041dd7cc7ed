"""A report as GitHub Actions workflow commands: an annotation for each file and rule that fails there.

https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from cimkit.model import SEVERITIES, Finding, Report
from cimkit.report.text import place
from cimkit.report.words import word

_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}


def render(report: Report, lang: str = "en", *, color: bool = False, width: int = 80) -> str:
    """The annotations, errors first, and the verdict as a last one.

    GitHub shows only the first few of each kind, so one stands for all records of a file
    that break a rule.
    """
    first: dict[tuple[str, str, str], Finding] = {}
    for finding in report.findings:
        first.setdefault((finding.rule, finding.code, finding.source), finding)
    totals = {(rule.rule, rule.code): rule for rule in report.rules}
    lines = []
    for finding in sorted(first.values(), key=lambda f: SEVERITIES.index(f.severity)):
        rule = totals[finding.rule, finding.code]
        count = word("records", lang, failed=rule.failed, checked=rule.checked)
        hint = f" {finding.hint}" if finding.hint else ""
        text = f"{place(finding)}: {finding.message}{hint} [{count}]"
        where = f"file={_property(finding.source)},title={_property(finding.rule)}"
        lines.append(f"::{_COMMANDS[finding.severity]} {where}::{_data(text)}")
    summary = ", ".join(word(f"{severity}s", lang, n=report.totals[severity]) for severity in SEVERITIES)
    lines.append(f"::notice title=cimkit::{_data(f'{word(report.verdict, lang)}: {summary}')}")
    return "\n".join(lines) + "\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
