"""Files of a delivery that could not be read, as findings beside those of the files that could."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cimkit.messages import say
from cimkit.model import Finding, Reject, Report, RuleResult

CODE = "source.unreadable"


def with_unread(report: Report, unread: Sequence[Reject], *, samples: int | None, lang: str) -> Report:
    """The report with one finding for each file that could not be read."""
    if not unread:
        return report
    files = len(report.sources) + len(unread)
    rule = RuleResult(CODE, CODE, "error", "L0", layer="", field=None, checked=files, failed=len(unread))
    findings = [
        Finding(CODE, CODE, "error", reject.place, "", say(CODE, lang, reason=_reason(reject)))
        for reject in unread[:samples]
    ]
    return replace(report, rules=(rule, *report.rules), findings=(*findings, *report.findings))


def _reason(reject: Reject) -> str:
    """The reason without the name of the file, which the finding has."""
    return reject.reason.removeprefix(reject.place).removeprefix(":").lstrip()
