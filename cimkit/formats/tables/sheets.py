"""What XLSX, XLS, XLSB and ODS share: a sheet as a layer, its cells as the text they stand for.

Titles above the header, names on several lines, a row of units and notes below the table are
taken out of the records and told; see :mod:`.headers`. A cell merged over several rows stands
in each of them. ``_fid`` is the row's number in the sheet, so that a finding can be looked
up. Blank rows are no records.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice

import pyarrow as pa

from cimkit.formats.columns import FID, unique_names
from cimkit.formats.dataset import Delivery, Layer, Stream
from cimkit.formats.gdal.layer import UTF8_BY_FORMAT
from cimkit.formats.registry import Wishes
from cimkit.formats.tables import headers, places
from cimkit.formats.tables.cell_names import lettered
from cimkit.formats.tables.headers import UNIT_MARK, Header
from cimkit.model import Evidence, Hint

_SAMPLE_ROWS = 100
#: So many rows with a single cell may stand below a table as its notes.
_MOST_NOTES = 30
_NOTE = re.compile(
    r"\s*(?:[(（【\[]?(?:注|说明|備註|备注|资料来源|数据来源|来源|note|source|remark|legend)|[*※†])", re.IGNORECASE
)
#: Excel keeps this many digits of a number.
_EXCEL_DIGITS = 15
_NAMED = 3
_RESTORED = "Numbers of '{}' are shown with leading zeros, which are given back ({})."
_LOST = "'{}' holds numbers of more than 15 digits ({}), of which Excel keeps only 15."
_PERCENT = "'{}' is shown in percent; values are read as they are stored ({})."


@dataclass(frozen=True)
class Merge:
    """Cells that are one: first and last row and column, 0-based."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True)
class Survey:
    """What a look over a whole sheet shows besides its cells."""

    merges: tuple[Merge, ...] = ()
    hidden_rows: int = 0
    hidden_columns: int = 0
    formulas_without_result: int = 0


@dataclass
class Notes:
    """What was noticed while cells became text: for each column (0-based) the first example, or a count."""

    restored: dict[int, str] = field(default_factory=dict)
    long: dict[int, str] = field(default_factory=dict)
    percent: dict[int, str] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)

    def number(self, text: str, column: int) -> None:
        """Take a number's text into account."""
        if text.startswith("0") and text.isdigit() and len(text) > 1:
            self.restored.setdefault(column, text)
        elif len(text.lstrip("-")) > _EXCEL_DIGITS and text.lstrip("-").isdigit():
            self.long.setdefault(column, text)

    def hints(self, names: dict[int, str]) -> list[Hint]:
        """All of it, once the last row was read."""
        hints = []
        for code, found, words in (
            ("codes.zeros_restored", self.restored, _RESTORED),
            ("codes.digits_lost", self.long, _LOST),
            ("numbers.percent", self.percent, _PERCENT),
        ):
            hints += [Hint(code, words.format(names[c], example)) for c, example in found.items() if c in names]
        if self.errors:
            told = ", ".join(f"{name} {count}" for name, count in sorted(self.errors.items()))
            hints.append(
                Hint("table.errors", f"{self.errors.total()} cells hold errors ({told}) and are read as null.")
            )
        return hints


class SheetLayer(Layer, ABC):
    """The layer of a sheet: text cells only. A family says how its rows are read and what is hidden in it."""

    text_cells = True

    def __init__(self, delivery: Delivery, name: str, wishes: Wishes) -> None:
        super().__init__(delivery, name, crs=wishes.crs)

    @abstractmethod
    def _rows(self, notes: Notes) -> AbstractContextManager[Iterator[tuple[int, list[str]]]]:
        """The rows that hold anything: their numbers (0-based) and their cells, "" where they are blank."""

    @abstractmethod
    def _look(self) -> Survey:
        """What the sheet holds besides its cells."""

    @cached_property
    def _survey(self) -> Survey:
        return self._look()

    @cached_property
    def _table(self) -> _Table | None:
        with self._rows(Notes()) as rows:
            return _table(list(islice(rows, _SAMPLE_ROWS)), self._survey.merges)

    @property
    def holds_anything(self) -> bool:
        """Whether any cell is filled."""
        return self._table is not None

    @contextmanager
    def _open(self, batch_size: int) -> Iterator[Stream]:
        table = self._table
        assert table is not None, "a sheet without cells is no layer"
        names, hints = unique_names(table.header.names[column] for column in table.columns)
        by_column = dict(zip(table.columns, names, strict=True))
        hints += self._hints(table, by_column)
        units = table.header.units
        fields = [
            lettered(
                pa.field(name, pa.string(), metadata={UNIT_MARK: units[c].encode()} if c in units else None),
                c,
                table.header.names[c],
            )
            for c, name in by_column.items()
        ]
        schema = pa.schema([*fields, pa.field(FID, pa.string())])
        notes = Notes()
        with self._rows(notes) as rows:
            records = _Records(table, self._survey.merges, by_column)

            def batches() -> Iterator[pa.RecordBatch]:
                taken = records.of(rows)
                while chunk := list(islice(taken, batch_size)):
                    columns = zip(*chunk, strict=True)
                    arrays = [pa.array(column, pa.string()) for column in columns]
                    yield pa.RecordBatch.from_arrays(arrays, schema=schema)
                hints.extend(notes.hints(by_column))
                hints.extend(records.hints())

            yield Stream(
                schema=schema,
                batches=batches(),
                crs=Evidence(None, "no geometry", 1.0),
                encoding=UTF8_BY_FORMAT,
                hints=hints,
            )

    def _hints(self, table: _Table, by_column: dict[int, str]) -> list[Hint]:
        all_names = [by_column.get(i, name) for i, name in enumerate(table.header.names)]
        hints = table.header.hints(all_names)
        if table.header_row:
            message = f"The header is row {table.header_row + 1}; rows above it are left out."
            hints.append(Hint("xlsx.header_row", message))
        if table.blank:
            hints.append(Hint("table.blank_columns", f"{table.blank} columns without name and value are left out."))
        hints += places.hints(list(by_column.values()), table.sample)
        survey = self._survey
        hidden = [f"{n} {what}" for n, what in ((survey.hidden_rows, "rows"), (survey.hidden_columns, "columns")) if n]
        if hidden:
            hints.append(Hint("table.hidden", f"{' and '.join(hidden)} are hidden in the sheet and read all the same."))
        if survey.formulas_without_result:
            count = survey.formulas_without_result
            message = f"{count} formulas have no stored result and read as blank: save the file in Excel once."
            hints.append(Hint("xlsx.formulas", message))
        return hints


# ---- the table in a sheet ---------------------------------------------------------------


@dataclass(frozen=True)
class _Table:
    """The header in a sheet, its row and the first row of records (0-based), and the columns that are read."""

    header: Header
    header_row: int
    data_row: int
    columns: tuple[int, ...]
    blank: int
    sample: tuple[tuple[str, ...], ...]


def _table(rows: list[tuple[int, list[str]]], merges: Sequence[Merge]) -> _Table | None:
    if not rows:
        return None
    width = max(len(cells) for _, cells in rows)
    expanded = [[*cells, *[""] * (width - len(cells))] for _, cells in rows]
    place = {number: index for index, (number, _) in enumerate(rows)}
    for merge in merges:
        if merge.top not in place or merge.left >= width:
            continue
        text = expanded[place[merge.top]][merge.left]
        for row in range(merge.top, min(merge.bottom, merge.top + _SAMPLE_ROWS) + 1):
            if row in place:
                right = min(merge.right, width - 1)
                expanded[place[row]][merge.left : right + 1] = [text] * (right - merge.left + 1)
    header = headers.find(expanded, _spans(rows, merges))
    if header is None:
        return None
    records = expanded[header.data :]
    used = [i for i in range(width) if any(row[i].strip() for row in records)]
    named = [i for i, name in enumerate(header.names) if name]
    last = max(named, default=width - 1)
    columns = tuple(i for i in range(last + 1) if i in set(used) or header.names[i])
    names = (*header.names, *[""] * (width - len(header.names)))
    data_row = rows[header.data][0] if header.data < len(rows) else rows[header.data - 1][0] + 1
    kept = tuple(tuple(row[i] for i in columns) for row in records)
    whole = Header(header.first, header.rows, header.data, names, header.units, header.titles)
    return _Table(whole, rows[header.first][0], data_row, columns, last + 1 - len(columns), kept)


def _spans(rows: Sequence[tuple[int, list[str]]], merges: Sequence[Merge]) -> dict[int, int]:
    """Of how many rows a header is that begins in a row, where cells merged in it say so."""
    numbers = {number: index for index, (number, _) in enumerate(rows)}
    width = max(len(cells) for _, cells in rows)
    spans = {}
    for number, index in numbers.items():
        depth = 1
        grew = True
        while grew and depth < headers.MOST_LEVELS:
            grew = False
            last = number + depth - 1
            for merge in merges:
                if not number <= merge.top <= last:
                    continue
                high = merge.bottom - number + 1
                # A group over several columns has names below it; one over all of them is a title.
                if merge.bottom == last and merge.left < merge.right < merge.left + 0.8 * width:
                    high = depth + 1
                if high > depth and number + high - 1 in numbers:
                    depth, grew = high, True
        if depth > 1:
            spans[index] = depth
    return spans


class _Records:
    """The records among the rows of a sheet: merged cells filled down, notes at the end left out."""

    def __init__(self, table: _Table, merges: Sequence[Merge], names: dict[int, str]) -> None:
        self._table = table
        self._names = names
        self._outside = 0
        self._notes: list[str] = []
        self._others: list[int] = []
        # What of a merged cell goes on in the rows below: row -> (column, row where its text is).
        self._below: dict[int, list[tuple[int, int]]] = {}
        self._filled = 0
        wanted = set(table.columns)
        self._tops: dict[int, set[int]] = {}
        for merge in merges:
            if merge.top >= table.data_row and merge.bottom > merge.top and merge.left in wanted:
                self._tops.setdefault(merge.top, set()).add(merge.left)
                for row in range(merge.top + 1, merge.bottom + 1):
                    self._below.setdefault(row, []).append((merge.left, merge.top))
        self._texts: dict[tuple[int, int], str] = {}
        self._numeric: Counter[int] = Counter()
        self._seen = 0

    def of(self, rows: Iterator[tuple[int, list[str]]]) -> Iterator[list[str | None]]:
        """The cells of each record and the number of its row."""
        columns = self._table.columns
        read = set(columns)
        waiting: list[tuple[int, list[str]]] = []
        before = self._table.data_row - 1
        for number, cells in rows:
            if number < self._table.data_row:
                continue
            self._fill(number, cells)
            if len(cells) > len(columns) and any(cell and i not in read for i, cell in enumerate(cells)):
                self._outside += 1
            texts = [cells[i] if i < len(cells) else "" for i in columns]
            if not any(texts):
                continue
            filled = sum(map(bool, texts))
            if number > before + 1 and filled > 1:
                self._look_for_header(number, texts)
            before = number
            if filled == 1 and len(columns) > 2 and len(waiting) < _MOST_NOTES:
                waiting.append((number, texts))
                continue
            for pair in (*waiting, (number, texts)):
                yield self._record(*pair)
            waiting.clear()
        end = self._end_of_records(waiting)
        for pair in waiting[:end]:
            yield self._record(*pair)
        self._notes = [next(filter(None, texts)) for _, texts in waiting[end:]]

    def _record(self, number: int, texts: list[str]) -> list[str | None]:
        if self._seen < 1000:
            self._seen += 1
            self._numeric.update(i for i, text in enumerate(texts) if text and headers.is_value(text))
        return [*(text or None for text in texts), str(number + 1)]

    def _fill(self, number: int, cells: list[str]) -> None:
        for column in self._tops.get(number, ()):
            self._texts[number, column] = cells[column] if column < len(cells) else ""
        for column, top in self._below.pop(number, ()):
            text = self._texts.get((top, column), "")
            cells.extend([""] * (column + 1 - len(cells)))
            if text and not cells[column]:
                cells[column] = text
                self._filled += 1

    def _end_of_records(self, waiting: list[tuple[int, list[str]]]) -> int:
        """How many of the last rows with a single cell are records: a note says so, or stands below a blank row."""
        before = None
        for place, (number, texts) in enumerate(waiting):
            text = next(filter(None, texts))
            apart = before is not None and number > before + 1
            if _NOTE.match(text) or (apart and texts[0] and not headers.is_value(text)):
                return place
            before = number
        return len(waiting)

    def _look_for_header(self, number: int, texts: list[str]) -> None:
        """Below a blank row, names above columns of numbers begin another table."""
        numeric = [i for i, count in self._numeric.items() if 2 * count > self._seen]
        words = [i for i in numeric if texts[i] and not headers.is_value(texts[i])]
        if numeric and 2 * len(words) > len(numeric) and self._seen:
            self._others.append(number + 1)

    def hints(self) -> list[Hint]:
        """What was left out, filled, or looked odd, once the last row was read."""
        hints = []
        if self._outside:
            hints.append(Hint("xlsx.cells_outside", f"{self._outside} rows have cells beyond the header's columns."))
        if self._filled:
            message = f"{self._filled} cells are part of cells merged over several rows and have their text."
            hints.append(Hint("table.merged_cells", message))
        if self._notes:
            told = "; ".join(note[:60] for note in self._notes[:_NAMED])
            hints.append(Hint("table.notes", f"Below the table {len(self._notes)} rows are no records: {told}."))
        if self._others:
            told = ", ".join(map(str, self._others[:_NAMED]))
            hints.append(Hint("table.several", f"Another table seems to begin in row {told}; it is read as records."))
        return hints
