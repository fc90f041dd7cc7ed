"""A report as GitHub Actions workflow commands: an annotation for each file and rule that fails there.

https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from cimkit.model import SEVERITIES, Finding, Report
from cimkit.report.outline import failed_rules, sources_of
from cimkit.report.places import formats, line, place
from cimkit.report.titles import title
from cimkit.report.unseen import UNSEEN
from cimkit.report.words import word

_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}


def render(report: Report, lang: str = "en", *, color: bool = False, width: int = 80) -> str:
    """The annotations, errors first, and the verdict as a last one.

    GitHub shows only the first few of each kind, so one stands for all records of a file
    that break a rule; a rule of which no finding is stored has one too.
    """
    first: dict[tuple[str, str], dict[str, Finding]] = {}
    for finding in report.findings:
        first.setdefault((finding.rule, finding.code), {}).setdefault(finding.source, finding)
    known = formats(report)
    lines = []
    for rule in failed_rules(report):
        count = word("records", lang, failed=rule.failed, checked=rule.checked)
        command = _COMMANDS[rule.severity]
        called = f"title={_property(rule.rule)}"
        stored = first.get((rule.rule, rule.code), {})
        for source, finding in stored.items():
            number = line(finding, known.get(source))
            where = f"file={_property(source)},{f'line={number},' if number else ''}{called}"
            hint = f" {finding.hint}" if finding.hint else ""
            lines.append(f"::{command} {where}::{_data(f'{place(finding)}: {finding.message}{hint} [{count}]')}")
        if not stored:
            file = "".join(f"file={_property(source)}," for source in sources_of(report, rule.layer)[:1])
            lines.append(f"::{command} {file}{called}::{_data(f'{title(rule.code, lang)} [{count}]')}")
    summary = ", ".join(word(f"{severity}s", lang, n=report.totals[severity]) for severity in SEVERITIES)
    lines.append(f"::notice title=cimkit::{_data(f'{word(report.verdict, lang)}: {summary}')}")
    return "\n".join(lines) + "\n"


def _data(text: str) -> str:
    encoded = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return UNSEEN.sub("\ufffd", encoded)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
