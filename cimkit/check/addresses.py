"""Cells as people call them in a spreadsheet: ``C12`` for the column and row of the sheet itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cimkit.formats import stored
from cimkit.formats.tables.cell_names import COLUMN_MARK, FIRST_ROW_MARK, LAST_ROW_MARK
from cimkit.model import Staged


@dataclass(frozen=True)
class Addresses:
    """The addresses of the cells of one delivered layer.

    ``letters`` lead from a source's column to its letters. ``first_row`` is the row of the first record
    in a text file, None where records are no lines; in a sheet a record's fid is its row.
    """

    letters: Mapping[str, str]
    first_row: int | None
    by_fid: bool

    @classmethod
    def of(cls, staged: Staged) -> Addresses:
        schema = stored.schema(staged)
        marks = {field.name: (field.metadata or {}).get(COLUMN_MARK) for field in schema}
        rows = schema.metadata or {}
        first, last = (int(rows.get(mark, b"0")) for mark in (FIRST_ROW_MARK, LAST_ROW_MARK))
        # A line for each record: no line breaks in cells, no blank lines, none left out.
        certain = first > 0 and last - first + 1 == staged.facts.features
        return cls({name: mark.decode() for name, mark in marks.items() if mark}, first if certain else None, not first)

    def cell(self, column: str | None, row: int, fid: str | None) -> str | None:
        """The address of a record's cell in a source column; None where it is not certain."""
        letters = self.letters.get(column or "")
        if letters is None:
            return None
        if self.by_fid:
            return f"{letters}{fid}" if fid else None
        return None if self.first_row is None else f"{letters}{self.first_row + row}"
