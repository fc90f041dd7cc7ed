"""Which of a standard's conformance classes the data may claim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from cimkit.model import ClassResult, RuleResult, Skipped
from cimkit.model.words import Level


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
        title = {lang: described[lang] for lang in ("en", "zh") if lang in described}
        results.append(ClassResult(name, title, levels, _verdict(levels, rules, skipped, level)))
    return tuple(results)


def judged_again(
    results: Sequence[ClassResult], rules: Sequence[RuleResult], skipped: Sequence[Skipped], level: str
) -> tuple[ClassResult, ...]:
    """The results after failures that do not count were taken out of the rules: what failed may pass."""
    return tuple(
        replace(each, verdict=_verdict(each.levels, rules, skipped, level)) if each.verdict == "fail" else each
        for each in results
    )


def _verdict(
    levels: Sequence[Level], rules: Sequence[RuleResult], skipped: Sequence[Skipped], level: str
) -> Literal["pass", "fail", "unchecked"]:
    if any(rule.failed and rule.severity == "error" and rule.level in levels for rule in rules):
        return "fail"
    return "unchecked" if skipped or not rules or any(each > level for each in levels) else "pass"
