"""Which of a standard's conformance classes the data may claim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from cimkit.model import ClassResult, RuleResult, Skipped


def class_results(
    classes: Mapping[str, Mapping[str, Any]],
    rules: Sequence[RuleResult],
    skipped: Sequence[Skipped],
    level: str,
) -> tuple[ClassResult, ...]:
    """The verdict on each class; ``level`` is the deepest level that was checked.

    A class fails with one error on one of its levels. Rules that were not decided leave open
    every class: of which level they are is not known for all of them.
    """
    results = []
    for name, described in classes.items():
        levels = tuple(described["levels"])
        verdict: Literal["pass", "fail", "unchecked"] = "pass"
        if any(rule.failed and rule.severity == "error" and rule.level in levels for rule in rules):
            verdict = "fail"
        elif skipped or any(each > level for each in levels):
            verdict = "unchecked"
        title = {lang: described[lang] for lang in ("en", "zh") if lang in described}
        results.append(ClassResult(name, title, levels, verdict))
    return tuple(results)
