"""A report as GitLab's code quality report, which merge requests show: what GitLab reads of Code Climate's format.

https://docs.gitlab.com/ci/testing/code_quality/ ("Code Quality report format")
"""

from __future__ import annotations

import json
from collections import Counter

from cimkit.model import SEVERITIES, Report
from cimkit.report.outline import by_rule, failed_rules, sources_of
from cimkit.report.places import formats, line, place
from cimkit.report.titles import title
from cimkit.report.words import word

_SEVERITIES = dict(zip(SEVERITIES, ("major", "minor", "info"), strict=True))
#: A merge request loads the whole file; of each rule this many findings are enough to look at.
_EXAMPLES = 100


def render(report: Report, lang: str = "en", *, color: bool = False, width: int = 80) -> str:
    """The findings, worst rule first; a rule of which no finding is stored has one entry."""
    entries = []
    examples, known = by_rule(report.findings), formats(report)
    used: Counter[str] = Counter()
    for rule in failed_rules(report):
        stored = examples.get((rule.rule, rule.code), [])[:_EXAMPLES]
        found = [
            (f"{place(f)}: {f.message}", f.source, line(f, known.get(f.source)) or 1, f.fingerprint or place(f))
            for f in stored
        ]
        if not found:
            count = word("records", lang, failed=rule.failed, checked=rule.checked)
            source = next(iter(sources_of(report, rule.layer)), rule.layer)
            found = [(f"{title(rule.code, lang)}: {count}", source, 1, "")]
        for description, path, number, own in found:
            key = f"{rule.rule} {rule.code} {own}"
            used[key] += 1
            entries.append(
                {
                    "description": description,
                    "check_name": rule.rule,
                    # One that occurs twice would be shown once.
                    "fingerprint": key if used[key] == 1 else f"{key} {used[key]}",
                    "severity": _SEVERITIES[rule.severity],
                    "location": {"path": path.removeprefix("./"), "lines": {"begin": number}},
                }
            )
    return json.dumps(entries, ensure_ascii=False, indent=2) + "\n"
