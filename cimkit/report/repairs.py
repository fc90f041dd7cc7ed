"""What a repair changes, for a terminal or as JSON: each kind of repair with an exact count and one example."""

from __future__ import annotations

import json
from collections.abc import Iterator

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from cimkit.messages import shown
from cimkit.model import SEVERITIES, Repair, RepairReport
from cimkit.report.tables import SEVERITY_STYLES, to_text
from cimkit.report.unseen import one_line
from cimkit.report.words import word


def render_repairs(report: RepairReport, format: str, lang: str = "en", *, color: bool = False, width: int = 80) -> str:
    """The report as ``text`` or ``json``."""
    if format == "json":
        return json.dumps(report.to_dict(), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    return to_text(list(_parts(report, lang)), width=width, color=color)


def _parts(report: RepairReport, lang: str) -> Iterator[RenderableType]:
    cells = sum(repair.count for repair in report.repairs)
    place = f"{report.source}:{report.layer}"
    if not report.repairs:
        yield Text(word("nothing_to_mend", lang, place=one_line(place)), style="bold")
    else:
        told = "mended" if report.target else "would_mend"
        yield Text(
            word(told, lang, n=cells, changed=report.rows_changed, rows=report.rows, place=one_line(place)),
            style="bold",
        )
        yield Text()
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
        for name in ("repair", "column", "example"):
            table.add_column(word(name, lang), overflow="fold")
        table.add_column(word("count", lang), justify="right", no_wrap=True)
        for repair in report.repairs:
            table.add_row(word(repair.code, lang), one_line(repair.field), _example(repair), f"{repair.count:,}")
        yield table
    yield Text()
    before, after = _counts(report.before, lang), _counts(report.after, lang)
    yield Text.assemble(f"{word('problems', lang)}  ", before, "  →  ", after)


def _example(repair: Repair) -> Text:
    """``[row] before → after``, the old in red and the new in green."""
    before, after = one_line(shown(repair.before)), one_line(shown(repair.after))
    return Text.assemble((f"[{repair.row}] ", "dim"), (before, "red"), " → ", (after, "green"))


def _counts(totals: dict[str, int], lang: str) -> tuple[str, str]:
    counts = [word(f"{severity}s", lang, n=totals[severity]) for severity in SEVERITIES if totals[severity]]
    return " · ".join(counts) or word("no_problems", lang), _style(totals)


def _style(totals: dict[str, int]) -> str:
    return next((SEVERITY_STYLES[severity] for severity in SEVERITIES if totals[severity]), "green")
