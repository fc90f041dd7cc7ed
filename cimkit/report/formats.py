"""The format matrix for a terminal, and as Markdown for the documentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from cimkit.model import Lang
from cimkit.report.labels import label
from cimkit.report.tables import heading, table

Rows = Sequence[Mapping[str, Any]]


def render_formats(rows: Rows, lang: Lang) -> RenderableType:
    """Formats that are read and written, and what those that are written have no place for."""
    listed = table(lang, ("format", "suffix", "reads", "writes", "extra"))
    for row in rows:
        writes = " ".join(row["writes"]["suffixes"]) if row["writes"] else "–"
        listed.add_row(
            row["title"], " ".join(row["suffixes"]), "✓" if row["reads"] else "–", writes, row["extra"] or ""
        )
    lost = table(lang, ("format", "has_no_place"))
    for row in rows:
        if row["writes"]:
            lost.add_row(row["title"], "; ".join(missing(row["writes"], lang)) or Text("–"))
    return Group(listed, heading(label("has_no_place", lang)), lost)


def missing(writes: Mapping[str, Any], lang: Lang) -> list[str]:
    """What a written format has no place for, in short phrases; losses of values by their codes."""
    limits = writes["limits"]
    phrases = []
    if limits["geometry"] != "column":
        phrases.append(label(f"geometry_{limits['geometry']}", lang))
    else:
        phrases += [
            label(f"no_{what}", lang) for what in ("curves", "surfaces", "measures", "heights") if not limits[what]
        ]
        if not limits["null_geometry"]:
            phrases.append(label("no_null_geometry", lang))
        if limits["one_kind"] != "any":
            phrases.append(label(f"one_kind_{limits['one_kind']}", lang))
    if limits["crs"] != "any":
        phrases.append(label(f"crs_{limits['crs']}", lang))
    if limits["longest_name"]:
        phrases.append(label("longest_name", lang, count=limits["longest_name"]))
    if not limits["keeps_order"]:
        phrases.append(label("order_changes", lang))
    by_code: dict[str, list[str]] = {}
    for kind, codes in writes["types"].items():
        for code in codes:
            by_code.setdefault(code, []).append(kind)
    return phrases + [f"{code} ({', '.join(kinds)})" for code, kinds in sorted(by_code.items())]


def markdown(rows: Rows) -> str:
    """Both tables as Markdown, in English."""
    lines = ["| Format | Suffixes | Read | Written as | Extra |", "|---|---|---|---|---|"]
    for row in rows:
        writes = " ".join(f"`{suffix}`" for suffix in row["writes"]["suffixes"]) if row["writes"] else ""
        suffixes = " ".join(f"`{suffix}`" for suffix in row["suffixes"])
        extra = f"`{row['extra']}`" if row["extra"] else ""
        lines.append(f"| {row['title']} | {suffixes} | {'yes' if row['reads'] else ''} | {writes} | {extra} |")
    lines += ["", "| Written format | What it has no place for |", "|---|---|"]
    for row in rows:
        if row["writes"]:
            lines.append(f"| {row['title']} | {'; '.join(missing(row['writes'], 'en')) or 'nothing is lost'} |")
    return "\n".join(lines) + "\n"
