"""Where the other record is, as the hint of a finding, written in SQL for every record that fails."""

from __future__ import annotations

from collections.abc import Sequence

from cimkit import duck
from cimkit.check.delivery import ROWS, Delivery
from cimkit.messages import say

_ROW = "\x01"


def other_record(place: str, of: Delivery, deliveries: Sequence[Delivery], lang: str) -> str:
    """SQL: the hint that names the row of the record at a place, and its file where that is another one."""
    row = f"CAST({place} % {ROWS} AS VARCHAR)"
    cases = [
        f"WHEN {d.number} THEN {_with_row(_hint(d, of, lang), row)}"
        for d in deliveries
        if d.layer.name == of.layer.name
    ]
    return f"CASE {place} // {ROWS} {' '.join(cases)} END"


def _hint(other: Delivery, of: Delivery, lang: str) -> str:
    if other.number == of.number:
        return say("hint.other", lang, row=_ROW)
    return say("hint.other_elsewhere", lang, row=_ROW, source=other.mapped.staged.source.path)


def _with_row(text: str, row: str) -> str:
    """A text as SQL, the number of the row set in where its mark stands."""
    return f" || {row} || ".join(duck.literal(part) for part in text.split(_ROW))
