"""A report for a terminal or a text file: the verdict first, the worst next, then every rule and examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath

from rich import box
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cimkit.model import SEVERITIES, Finding, Report, RuleResult
from cimkit.report.tables import SEVERITY_STYLES, VERDICT_STYLES, heading, to_text
from cimkit.report.words import word

_WORST = 3
_EXAMPLES = 5
_FILES = 3
_ROWS = 8


def render(report: Report, lang: str = "en", *, color: bool = False, width: int = 80) -> str:
    """The report as text, ``width`` columns wide; only a word longer than that goes further."""
    return to_text(list(_Page(report, lang).parts()), width=width, color=color)


class _Page:
    def __init__(self, report: Report, lang: str) -> None:
        self.report = report
        self.lang = lang
        self.failed = sorted(
            (rule for rule in report.rules if rule.failed),
            key=lambda rule: (SEVERITIES.index(rule.severity), -rule.failed, rule.rule, rule.code),
        )
        self.names = _short_names([source.path for source in report.sources])
        self.examples: dict[tuple[str, str], list[Finding]] = {}
        for finding in report.findings:
            self.examples.setdefault((finding.rule, finding.code), []).append(finding)

    def say(self, name: str, **values: object) -> str:
        return word(name, self.lang, **values)

    def parts(self) -> Iterator[RenderableType]:
        yield from self.verdict()
        yield from self.coverage()
        if self.failed:
            yield from self.worst()
            yield from self.rules()
        if self.report.findings:
            yield from self.findings()

    def verdict(self) -> Iterator[RenderableType]:
        totals, verdict = self.report.totals, self.report.verdict
        named = next(iter(self.report.against.values()))
        against = " ".join(named[key] for key in ("id", "version") if key in named)
        yield Text.assemble((self.say(verdict), VERDICT_STYLES[verdict]), f"  {self.say('against', what=against)}")
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
            table.add_row("", Text(source.path, style="dim"))
        table.add_row(self.say("rules"), Text(decided))
        for skipped in coverage.rules.skipped:
            table.add_row(self.say("skipped"), Text(f"{skipped.rule}: {skipped.why}"))
        yield Text()
        yield table

    def worst(self) -> Iterator[RenderableType]:
        yield heading(self.say("worst"))
        for number, rule in enumerate(self.failed[:_WORST], start=1):
            records = self.say("records", failed=rule.failed, checked=rule.checked)
            yield _indented(Text.assemble(f"{number}. ", (rule.rule, SEVERITY_STYLES[rule.severity]), f"  {records}"))
            for finding in self.examples.get((rule.rule, rule.code), [])[:1]:
                yield _indented(Text(finding.message), 5)

    def rules(self) -> Iterator[RenderableType]:
        yield heading(self.say("failed_rules"))
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
        table.add_column(self.say("severity"), no_wrap=True)
        table.add_column(self.say("rule"), overflow="fold")
        for name in ("failed", "of", "share"):
            table.add_column(self.say(name), justify="right", no_wrap=True)
        for rule in self.failed:
            severity = Text(self.say(rule.severity), style=SEVERITY_STYLES[rule.severity])
            table.add_row(severity, Text(_title(rule)), f"{rule.failed:,}", f"{rule.checked:,}", _share(rule))
        yield table

    def findings(self) -> Iterator[RenderableType]:
        yield heading(self.say("findings"))
        for rule in self.failed:
            alike: dict[tuple[str | None, ...], list[Finding]] = {}
            for finding in self.examples.get((rule.rule, rule.code), []):
                said = (finding.source, finding.layer, finding.field, finding.message, finding.hint)
                alike.setdefault(said, []).append(finding)
            if not alike:
                continue
            shown = list(alike.values())[:_EXAMPLES]
            yield _indented(Text(_title(rule), style=SEVERITY_STYLES[rule.severity]))
            yield from (_indented(self.example(findings), 4) for findings in shown)
            left = rule.failed - sum(min(len(findings), _ROWS) for findings in shown)
            if left > 0:
                yield _indented(Text(self.say("more", n=left), style="dim"), 4)

    def example(self, findings: Sequence[Finding]) -> Text:
        """What is said once, of one record or of several."""
        finding = findings[0]
        hint = self.say("hint", hint=finding.hint) if finding.hint else ""
        where = place(finding, self.names, rows=[other.row for other in findings[:_ROWS]])
        return Text.assemble((where, "dim"), f": {finding.message}", (hint, "cyan"))


def place(finding: Finding, names: Mapping[str, str] | None = None, rows: Sequence[int | None] = ()) -> str:
    """``file:layer[row] field``; ``names`` are shorter ones of files, ``rows`` all that are meant."""
    listed = ", ".join(str(row) for row in rows or [finding.row] if row is not None)
    row = f"[{listed}]" if listed else ""
    field = f" {finding.field}" if finding.field else ""
    source = (names or {}).get(finding.source, finding.source)
    return f"{source}:{finding.layer}{row}{field}" if finding.layer else source


def _short_names(paths: Sequence[str]) -> dict[str, str]:
    """For each path as much of its end as tells it from the others."""
    parts = {path: PurePath(path).parts for path in paths}
    names = {}
    for path, own in parts.items():
        length = next(
            (n for n in range(1, len(own)) if all(own[-n:] != other[-n:] for p, other in parts.items() if p != path)),
            len(own),
        )
        names[path] = str(PurePath(*own[-length:]))
    return names


def _indented(text: Text, by: int = 2) -> Padding:
    return Padding(text, (0, 0, 0, by))


def _title(rule: RuleResult) -> str:
    """The address, with the code where several kinds of finding share it."""
    return f"{rule.rule} {rule.code}" if rule.code.startswith("crs.") else rule.rule


def _share(rule: RuleResult) -> str:
    share = 100 * rule.failed / rule.checked if rule.checked else 0
    return f"{share:.1f} %" if share >= 0.05 or not share else "<0.1 %"
