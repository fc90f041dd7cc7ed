"""One look for every table: thin lines, numbers to the right, nothing cut for a machine."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from cimkit.model import Lang
from cimkit.report.labels import label

VERDICT_STYLES = {"pass": "bold green", "fail": "bold red"}
CLASS_STYLES = {"pass": "green", "fail": "red", "unchecked": "yellow"}
SEVERITY_STYLES = {"error": "red", "warning": "yellow", "info": "cyan"}


def table(lang: Lang, columns: Iterable[str], *, right: Iterable[str] = (), title: str | None = None) -> Table:
    """An empty table; ``columns`` are label keys, those in ``right`` hold numbers."""
    numbers = set(right)
    result = Table(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, title=title, title_justify="left", title_style="bold"
    )
    for key in columns:
        result.add_column(
            label(key, lang), justify="right" if key in numbers else "left", overflow="fold", no_wrap=key in numbers
        )
    return result


def facts() -> Table:
    """An empty list of facts: what, its value, and a remark."""
    result = Table(box=None, show_header=False, pad_edge=False)
    result.add_column(style="dim", no_wrap=True)
    result.add_column(overflow="fold")
    result.add_column(style="dim", overflow="fold")
    return result


def heading(text: str) -> Text:
    """A section's heading."""
    return Text(f"\n{text}", style="bold")


def verdict(value: str | None, lang: Lang) -> Text:
    """A verdict in its colour; a dash where nothing was checked."""
    return Text(label(value, lang), style=VERDICT_STYLES[value]) if value in VERDICT_STYLES else Text("–")


def to_text(parts: RenderableType | Sequence[RenderableType], *, width: int = 100, color: bool = False) -> str:
    """Anything rich can draw as text of ``width`` columns."""
    stream = io.StringIO()
    # Names and values are not rich's markup, whatever brackets and colons are in them.
    console = Console(
        file=stream, width=width, force_terminal=color, no_color=not color, highlight=False, markup=False, emoji=False
    )
    console.print(Group(*parts) if isinstance(parts, (list, tuple)) else parts, crop=False)
    lines = (line.rstrip() for line in stream.getvalue().splitlines())
    return "\n".join(lines).strip("\n") + "\n"


def records(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], lang: Lang) -> Table:
    """Plain records as a table of the named columns."""
    labels = {"id": "name", "version": "version", "status": "status"}
    result = table(lang, [labels.get(column, column) for column in columns])
    for row in rows:
        result.add_row(*(str(row.get(column, "")) for column in columns))
    return result
