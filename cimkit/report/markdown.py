"""A report as GitHub-flavoured Markdown, and short enough for the summary of a workflow's step.

What comes from the data is written so that it is neither markup nor HTML nor a link nor a mention.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from cimkit.model import SEVERITIES, Finding, Report, RuleResult
from cimkit.report.outline import (
    address,
    against,
    by_rule,
    class_title,
    failed_rules,
    measure,
    parameters,
    share,
)
from cimkit.report.places import place, short_names
from cimkit.report.titles import title
from cimkit.report.unseen import one_line
from cimkit.report.words import word

_WORST = 3
_EXAMPLES = 5
#: GitHub takes 1 MiB of summary from a step ("Workflow commands", step isolation and limits).
_MOST_BYTES = 900_000
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|~$^])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;", ":": "&#58;", '"': "&quot;"}
_SPACES = re.compile(r"\s+")


def render(report: Report, lang: str = "en", *, color: bool = False, width: int = 80) -> str:
    """The whole report: verdict, the worst, tables of rules and coverage, examples."""
    return "\n".join([*_head(report, lang), *_rules(report, lang), *_coverage(report, lang), *_samples(report, lang)])


def summary(report: Report, lang: str = "en") -> str:
    """As much of the report as a step's summary takes."""
    kept: list[str] = []
    room = _MOST_BYTES
    for part in (_head, _rules, _coverage, _samples):
        lines = list(part(report, lang))
        size = sum(len(line.encode("utf-8", "replace")) + 1 for line in lines)
        if size <= room:
            kept += lines
            room -= size
    return "\n".join(kept)


def escaped(text: object) -> str:
    """A text as Markdown shows it letter for letter, in one line."""
    line = _SPACES.sub(" ", one_line(str(text)))
    backslashed = _MARKUP.sub(r"\\\1", line)
    return "".join(_ENTITIES.get(letter, letter) for letter in backslashed)


def _head(report: Report, lang: str) -> Iterator[str]:
    totals = report.totals
    counts = [word(f"{severity}s", lang, n=totals[severity]) for severity in SEVERITIES if totals[severity]]
    yield f"# {word(report.verdict, lang)}"
    yield ""
    yield f"{escaped(word('against', lang, what=against(report)))}{''.join(f' · {count}' for count in counts)}"
    yield ""
    if report.classes:
        rows = [
            (escaped(each.id), escaped(class_title(each, lang)), f"**{word(f'class_{each.verdict}', lang)}**")
            for each in report.classes
        ]
        yield from _table([word("class_name", lang), "", word("verdict", lang)], rows)
    failed = failed_rules(report)
    if not failed:
        return
    yield f"## {word('worst', lang)}"
    yield ""
    examples = by_rule(report.findings)
    for number, rule in enumerate(failed[:_WORST], start=1):
        records = word("records", lang, failed=rule.failed, checked=rule.checked)
        yield f"{number}. **{escaped(title(rule.code, lang))}** ({word(rule.severity, lang)}) {escaped(address(rule))}"
        said = [f"{records}", *(escaped(finding.message) for finding in examples.get(_key(rule), [])[:1])]
        yield f"   {'  '.join(said)}"
    yield ""


def _rules(report: Report, lang: str) -> Iterator[str]:
    failed = failed_rules(report)
    if not failed:
        return
    yield f"## {word('failed_rules', lang)}"
    yield ""
    head = [word(name, lang) for name in ("severity", "rule", "kind", "failed", "of", "share", "measure", "parameters")]
    rows = [
        (
            word(rule.severity, lang),
            escaped(address(rule)),
            escaped(title(rule.code, lang)),
            f"{rule.failed:,}",
            f"{rule.checked:,}",
            escaped(share(rule)),
            escaped(measure(rule.iso19157, lang)),
            escaped(parameters(rule.parameters)),
        )
        for rule in failed
    ]
    yield from _table(head, rows, right=(3, 4, 5))


def _coverage(report: Report, lang: str) -> Iterator[str]:
    yield f"## {word('coverage', lang)}"
    yield ""
    head = [word(name, lang) for name in ("file", "layer", "standard_layer", "feature_count", "crs")]
    rows = [
        (
            escaped(source.path),
            escaped(layer.name),
            escaped(layer.standard_layer),
            f"{layer.features:,}",
            escaped(layer.facts.crs.value or "–"),
        )
        for source in report.sources
        for layer in source.layers
    ]
    yield from _table(head, rows, right=(3,))
    failed = sum(1 for rule in report.rules if rule.failed)
    yield word("decided", lang, n=len(report.rules), failed=failed)
    yield ""
    coverage = report.coverage
    if coverage.rules.skipped:
        skipped = [(escaped(each.rule), escaped(each.why)) for each in coverage.rules.skipped]
        yield from _table([word("skipped", lang), word("why", lang)], skipped)
    if coverage.suppressed:
        kept = [
            (
                escaped(each.rule),
                escaped(word("suppressed_rule", lang, n=each.failures, until=each.until, reason=each.reason)),
            )
            for each in coverage.suppressed
        ]
        yield from _table([word("suppressed", lang), ""], kept)
    known = sum(rule.known for rule in report.rules)
    if known:
        yield word("known", lang, n=known)
        yield ""


def _samples(report: Report, lang: str) -> Iterator[str]:
    examples = by_rule(report.findings)
    names = short_names([source.path for source in report.sources])
    if examples:
        yield f"## {word('samples', lang)}"
        yield ""
    for rule in failed_rules(report):
        stored = examples.get(_key(rule), [])
        if not stored:
            continue
        yield f"**{escaped(address(rule))}**"
        yield ""
        yield from (f"- {_example(finding, names, lang)}" for finding in stored[:_EXAMPLES])
        if rule.failed > len(stored[:_EXAMPLES]):
            yield f"- {word('more', lang, n=rule.failed - len(stored[:_EXAMPLES]))}"
        yield ""


def _example(finding: Finding, names: dict[str, str], lang: str) -> str:
    hint = word("hint", lang, hint=finding.hint) if finding.hint else ""
    return f"{escaped(place(finding, names))}&#58; {escaped(finding.message)}{escaped(hint)}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = ()) -> Iterator[str]:
    yield _row(head)
    yield _row(["---:" if number in right else "---" for number in range(len(head))])
    for row in rows:
        yield _row(row)
    yield ""


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _key(rule: RuleResult) -> tuple[str, str]:
    return rule.rule, rule.code
