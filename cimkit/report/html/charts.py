"""Bars: failures by level and by layer, the share of records that break a rule. SVG within tables.

The numbers stand beside the bars as text, so the tables can be read without seeing the bars,
and the words keep their size on a phone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from cimkit.model import SEVERITIES, Report
from cimkit.report.html.chosen import Broken
from cimkit.report.html.strangers import address, isolated
from cimkit.report.html.wording import both

_MOST_BARS = 12
_LEAST = 0.6  # of 100: what is there can be seen


@dataclass(frozen=True)
class Bar:
    """A row of a chart: what it is of, the bar, and the number at its end."""

    label: Markup
    svg: Markup
    number: str
    link: str | None = None


@dataclass(frozen=True)
class Chart:
    """A chart with its heading."""

    title: str
    bars: Sequence[Bar]


def charts(report: Report, broken: Sequence[Broken]) -> list[Chart]:
    """The charts of a report; none where nothing is wrong."""
    if not broken:
        return []
    levels: dict[str, dict[str, int]] = {}
    layers: dict[str, dict[str, int]] = {}
    for rule in report.rules:
        if rule.failed:
            for groups, key in ((levels, rule.level), (layers, rule.layer)):
                group = groups.setdefault(key, dict.fromkeys(SEVERITIES, 0))
                group[rule.severity] += rule.failed
    by_level = [(_level(level), levels[level]) for level in sorted(levels)]
    largest = sorted(layers, key=lambda layer: (-sum(layers[layer].values()), layer))
    by_layer = [(isolated(layer, 60) if layer else both("files_as_such"), layers[layer]) for layer in largest]
    return [
        Chart("chart_levels", _stacked(by_level)),
        Chart("chart_layers", _stacked(by_layer)),
        Chart("chart_rules", _shares(broken)),
    ]


def share_bar(share: float, severity: str) -> Markup:
    """A share of one as a bar on a track."""
    return _svg([(severity, share)], 1.0, track=True)


def percent(share: float) -> str:
    """A share as people write it; what is more than nothing and less than all is never rounded to either."""
    if 0 < share < 0.0005:
        return "<0.1 %"
    if 0.9995 <= share < 1:
        return ">99.9 %"
    return f"{100 * share:.1f} %"


def _level(level: str) -> Markup:
    return Markup('<span class="code">{}</span> {}').format(level, both(level))


def _stacked(groups: Sequence[tuple[Markup, dict[str, int]]]) -> list[Bar]:
    shown, rest = list(groups[:_MOST_BARS]), groups[_MOST_BARS:]
    if rest:
        summed: dict[str, int] = {name: sum(group[name] for _, group in rest) for name in SEVERITIES}
        shown.append((both("the_rest", n=len(rest)), summed))
    most = max(sum(group.values()) for _, group in shown)
    return [Bar(label, _svg(list(group.items()), most), f"{sum(group.values()):,}") for label, group in shown]


def _shares(broken: Sequence[Broken]) -> list[Bar]:
    largest = sorted(broken, key=lambda each: (-each.share, each.number))[:_MOST_BARS]
    return [
        Bar(
            address(each.result.rule, 80),
            share_bar(each.share, each.result.severity),
            percent(each.share),
            f"#rule-{each.number}",
        )
        for each in largest
    ]


def _svg(parts: Sequence[tuple[str, float]], most: float, *, track: bool = False) -> Markup:
    """Rectangles beside each other, 100 wide for ``most``; they stretch with the page."""
    drawn = Markup('<rect class="track" width="100" height="8"/>') if track else Markup()
    start = 0.0
    for name, amount in parts:
        if amount > 0:
            width = max(100 * amount / most, _LEAST)
            drawn += Markup('<rect class="{}" x="{}" width="{}" height="8"/>').format(
                name, f"{start:.2f}", f"{min(width, 100 - start):.2f}"
            )
            start = min(start + width, 100 - _LEAST)
    return Markup(
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" focusable="false">{}</svg>'
    ).format(drawn)
