"""What does not fit in a delimited text: rows of another length, and quotes that are never closed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from cimkit.errors import SourceError
from cimkit.formats.tables.content import Content
from cimkit.model import Reject

_NAMED = 3
#: So many rejected rows are told one by one.
_MOST = 100_000


@dataclass(frozen=True)
class OpenQuote:
    """A cell that swallowed the rest of a file: its line (1-based), how it begins, whether it made a row."""

    line: int
    begins: str
    took_row: bool

    def error(self, content: Content) -> SourceError:
        """What is said where nobody asked for salvage."""
        return SourceError(
            f"{content.shown} has a quoted cell that is never closed; it begins {self.begins[:30]!r}.",
            hint="Close the quote, or double it where it belongs to the text.",
        )


class Faults:
    """Counts the rows that have another number of cells than the header, and remembers where they begin."""

    def __init__(self, content: Content, encoding: str, cells: int, comment: str | None) -> None:
        self._content = content
        self._encoding = encoding
        self._cells = cells
        self._comment = comment
        self._count = 0
        self._rows: list[tuple[bytes, int]] = []
        self._open: str | None = None

    def note(self, row: Any) -> str:
        """What pyarrow calls for such a row."""
        if self._comment and row.text.startswith(self._comment):
            return "skip"
        if row.text.count('"') % 2 and "\n" in row.text.strip():
            self._open = row.text
            return "skip"
        self._count += 1
        if len(self._rows) < _MOST:
            begins = (row.text.splitlines() or [""])[0]
            self._rows.append((begins.encode(self._encoding, "replace"), row.actual_columns))
        return "skip"

    def take_open(self) -> OpenQuote | None:
        """The row with an open quote that was met, once."""
        text, self._open = self._open, None
        if text is None:
            return None
        first = text.splitlines()[0]
        line = _last_line_with(self._content, first.encode(self._encoding, "replace"))
        return OpenQuote(line, first.rpartition('"')[2], took_row=False)

    def refuse(self) -> None:
        """Raise SourceError where there was any."""
        if not self._count:
            return
        places = ", ".join(f"line {line} has {cells}" for line, cells in self._places(_NAMED))
        more = ", …" if self._count > _NAMED else ""
        rows = "1 row has" if self._count == 1 else f"{self._count} rows have"
        raise SourceError(
            f"{self._content.shown}: {rows} another number of cells than the header's {self._cells}: {places}{more}.",
            hint="A cell that holds the delimiter, a quote or a line break must be quoted; "
            "--salvage reads the other rows.",
        )

    def rejects(self) -> list[Reject]:
        """Each row with its line and reason."""
        told = [
            Reject(None, f"line {line}", f"It has {cells} cells, not the header's {self._cells}.")
            for line, cells in self._places(len(self._rows))
        ]
        if self._count > len(self._rows):
            told.append(Reject(None, f"line {_MOST}", f"{self._count - _MOST} more rows have too many or few cells."))
        return told

    def _places(self, most: int) -> list[tuple[int, int]]:
        """The line on which each of the first rows begins (they come in the order of the file), and its cells."""
        wanted = self._rows[:most]
        found: list[tuple[int, int]] = []
        for number, line in enumerate(self._content.lines(), start=1):
            if len(found) == len(wanted):
                break
            if line.rstrip(b"\r\n").removeprefix(b"\xef\xbb\xbf") == wanted[len(found)][0]:
                found.append((number, wanted[len(found)][1]))
        return found


def open_quote(content: Content, last: pa.RecordBatch | None, encoding: str) -> OpenQuote | None:
    """The cell of a file's last record that swallowed the lines behind a quote that is never closed, if one did."""
    if last is None or not last.num_rows:
        return None
    row = last.slice(last.num_rows - 1).to_pylist()[0]
    cell = next((value for value in row.values() if value and "\n" in value), None)
    if cell is None or not sum(line.count(b'"') for line in content.lines()) % 2:
        return None
    begins = ('"' + cell.splitlines()[0]).encode(encoding, "replace")
    return OpenQuote(_last_line_with(content, begins), cell, took_row=True)


def _last_line_with(content: Content, part: bytes) -> int:
    """The number of the last line that holds some bytes; 1 where none does."""
    found = 1
    for number, line in enumerate(content.lines(), start=1):
        if part in line:
            found = number
    return found
