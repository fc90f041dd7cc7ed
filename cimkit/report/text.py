"""A report for a terminal or a text file: the verdict first, the worst next, then every rule and examples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cimkit.model import SEVERITIES, Finding, Report
from cimkit.report.outline import address, against, by_rule, class_title, failed_rules, parameters, share
from cimkit.report.places import place, short_names
from cimkit.report.tables import CLASS_STYLES, SEVERITY_STYLES, VERDICT_STYLES, heading, to_text
from cimkit.report.titles import title
from cimkit.report.unseen import one_line
from cimkit.report.words import word

_WORST = 3
_EXAMPLES = 5
_FILES = 3
_SKIPPED = 20
_ROWS = 8
#: Of so many stored findings of a rule those that say the same are told together.
_LOOKED_AT = 10_000


def render(report: Report, lang: str = "en", *, color: bool = False, width: int = 80) -> str:
    """The report as text, ``width`` columns wide; only a word longer than that goes further."""
    return to_text(list(_Page(report, lang).parts()), width=width, color=color)


class _Page:
    def __init__(self, report: Report, lang: str) -> None:
        self.report = report
        self.lang = lang
        self.failed = failed_rules(report)
        self.names = short_names([source.path for source in report.sources])
        self.examples = by_rule(report.findings)

    def say(self, name: str, **values: object) -> str:
        return word(name, self.lang, **values)

    def parts(self) -> Iterator[RenderableType]:
        yield from self.verdict()
        yield from self.coverage()
        if self.report.classes:
            yield from self.classes()
        if self.failed:
            yield from self.worst()
            yield from self.rules()
        if self.report.findings:
            yield from self.findings()

    def verdict(self) -> Iterator[RenderableType]:
        totals, verdict = self.report.totals, self.report.verdict
        standard = self.say("against", what=against(self.report))
        yield Text.assemble((self.say(verdict), VERDICT_STYLES[verdict]), f"  {one_line(standard)}")
        counts = [self.say(f"{severity}s", n=totals[severity]) for severity in SEVERITIES if totals[severity]]
        if counts:
            yield _indented(Text(" · ".join(counts)))

    def coverage(self) -> Iterator[RenderableType]:
        coverage, sources = self.report.coverage, self.report.sources
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True, style="dim")
        table.add_column(overflow="fold")
        layers = self.say("layers", n=sum(len(source.layers) for source in sources))
        files = self.say("files", n=len(sources))
        checked = self.say(
            "features", n=coverage.features_checked, total=coverage.features_total, layers=layers, files=files
        )
        decided = self.say("decided", n=len(self.report.rules), failed=len(self.failed))
        if coverage.rules.record:
            decided += f"{self.say('comma')}{self.say('record', n=coverage.rules.record)}"
        table.add_row(self.say("checked"), Text(checked))
        for source in sources if len(sources) <= _FILES else ():
            table.add_row("", _text(source.path, style="dim"))
        table.add_row(self.say("rules"), Text(decided))
        undecided = coverage.rules.skipped
        for skipped in undecided[:_SKIPPED]:
            table.add_row(self.say("skipped"), _text(f"{skipped.rule}: {skipped.why}"))
        if len(undecided) > _SKIPPED:
            table.add_row("", Text(self.say("more", n=len(undecided) - _SKIPPED), style="dim"))
        for kept in coverage.suppressed:
            said = self.say("suppressed_rule", n=kept.failures, reason=kept.reason, until=kept.until)
            table.add_row(self.say("suppressed"), _text(f"{kept.rule}: {said}"))
        known = sum(rule.known for rule in self.report.rules)
        if known:
            table.add_row(self.say("baseline"), Text(self.say("known", n=known)))
        yield Text()
        yield table

    def classes(self) -> Iterator[RenderableType]:
        yield heading(self.say("classes"))
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for each in self.report.classes:
            verdict = Text(self.say(f"class_{each.verdict}"), style=CLASS_STYLES[each.verdict])
            table.add_row(verdict, _text(self.say("class", id=each.id, title=class_title(each, self.lang))))
        yield _indented(table)

    def worst(self) -> Iterator[RenderableType]:
        yield heading(self.say("worst"))
        for number, rule in enumerate(self.failed[:_WORST], start=1):
            records = self.say("records", failed=rule.failed, checked=rule.checked)
            called = f"{title(rule.code, self.lang)}  "
            yield _indented(Text.assemble(f"{number}. ", (called, SEVERITY_STYLES[rule.severity]), records))
            yield _indented(_text(address(rule), style="dim"), 5)
            for finding in self.examples.get((rule.rule, rule.code), [])[:1]:
                yield _indented(_text(finding.message), 5)

    def rules(self) -> Iterator[RenderableType]:
        yield heading(self.say("failed_rules"))
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
        table.add_column(self.say("severity"), no_wrap=True)
        table.add_column(self.say("rule"), overflow="fold")
        for name in ("failed", "of", "share"):
            table.add_column(self.say(name), justify="right", no_wrap=True)
        for rule in self.failed:
            severity = Text(self.say(rule.severity), style=SEVERITY_STYLES[rule.severity])
            table.add_row(severity, _text(address(rule)), f"{rule.failed:,}", f"{rule.checked:,}", share(rule))
        yield table

    def findings(self) -> Iterator[RenderableType]:
        yield heading(self.say("findings"))
        for rule in self.failed:
            alike: dict[tuple[str | None, ...], list[Finding]] = {}
            for finding in self.examples.get((rule.rule, rule.code), [])[:_LOOKED_AT]:
                said = (finding.source, finding.layer, finding.field, finding.message, finding.hint)
                alike.setdefault(said, []).append(finding)
            if not alike:
                continue
            shown = list(alike.values())[:_EXAMPLES]
            yield _indented(_text(address(rule), style=SEVERITY_STYLES[rule.severity]))
            if rule.parameters:
                yield _indented(_text(parameters(rule.parameters), style="dim"), 4)
            yield from (_indented(self.example(findings), 4) for findings in shown)
            left = rule.failed - sum(min(len(findings), _ROWS) for findings in shown)
            if left > 0:
                yield _indented(Text(self.say("more", n=left), style="dim"), 4)

    def example(self, findings: Sequence[Finding]) -> Text:
        """What is said once, of one record or of several."""
        finding = findings[0]
        hint = self.say("hint", hint=finding.hint) if finding.hint else ""
        where = place(finding, self.names, findings[:_ROWS])
        return Text.assemble((one_line(where), "dim"), one_line(f": {finding.message}"), (one_line(hint), "cyan"))


def _text(text: str, style: str = "") -> Text:
    """A text in which there may be a stranger's."""
    return Text(one_line(text), style=style)


def _indented(text: RenderableType, by: int = 2) -> Padding:
    return Padding(text, (0, 0, 0, by))
