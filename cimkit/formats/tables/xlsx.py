"""Excel workbooks (.xlsx): one layer per visible sheet, cells as the text they stand for.

The header is the first row with more than one filled cell. ``_fid`` is the row's number in
the sheet, so that a finding can be looked up. Blank rows are no records.
"""

from __future__ import annotations

import datetime
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pyarrow as pa

from cimkit.errors import SourceError
from cimkit.formats.columns import FID, unique_names
from cimkit.formats.dataset import Dataset, Delivery, Layer, Stream
from cimkit.formats.gdal.layer import UTF8_BY_FORMAT, refuse_encoding
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes
from cimkit.model import Evidence, Hint

_ROWS_TO_FIND_HEADER = 20
#: What a part of a workbook may unpack to, and how much more than it is packed (a zip bomb is 1000 times and more).
_MOST_BYTES = 4 << 30
_MOST_RATIO = 500
_UNSUSPECTED_BYTES = 64 << 20
#: Excel keeps this many digits of a number.
_EXCEL_DIGITS = 15
_WITHOUT_RESULT = re.compile(rb"(?:</f>|<f[^<>]*/>)\s*(?:<v\s*/>|<v></v>)?\s*</c>")


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """The sheets of a workbook that hold anything."""
    refuse_encoding(probe, format, wishes)
    delivery = Delivery(probe.path, format, (probe.path,))
    _refuse_traps(delivery)
    found, hidden = [], []
    with _workbook(delivery) as book:
        for sheet in book.worksheets:
            header = _header(sheet)
            if header is None:
                continue
            if sheet.sheet_state != "visible":
                hidden.append(sheet.title)
                continue
            found.append(XlsxLayer(delivery, sheet.title, wishes, header))
    hints = [Hint("layers.hidden", f"Hidden sheets are left out: {', '.join(hidden)}.")] if hidden else []
    return Dataset(delivery, tuple(found), tuple(hints))


def _refuse_traps(delivery: Delivery) -> None:
    """Raise SourceError for a workbook made to exhaust memory: a zip bomb, or XML with entities of its own."""
    try:
        with zipfile.ZipFile(delivery.path) as archive:
            for part in archive.infolist():
                packed = max(part.compress_size, 1)
                swollen = part.file_size > _UNSUSPECTED_BYTES and part.file_size / packed > _MOST_RATIO
                if part.file_size > _MOST_BYTES or swollen:
                    raise SourceError(f"{delivery.path}: its part {part.filename} unpacks to {part.file_size} bytes.")
                if part.filename.endswith((".xml", ".rels")):
                    with archive.open(part) as handle:
                        if b"<!DOCTYPE" in handle.read(1 << 16):
                            raise SourceError(f"{delivery.path}: its part {part.filename} declares entities.")
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, zlib.error, EOFError) as error:
        raise _damaged(delivery, error) from error


def _damaged(delivery: Delivery, error: Exception) -> SourceError:
    return SourceError(
        f"{delivery.path} is a damaged workbook: {str(error) or type(error).__name__}.",
        hint="Open it in Excel or LibreOffice and save it again.",
    )


@contextmanager
def _workbook(delivery: Delivery) -> Iterator[Any]:
    import xml.etree.ElementTree

    from openpyxl.reader.excel import ExcelReader
    from openpyxl.utils.exceptions import InvalidFileException

    class Reader(ExcelReader):
        def read_chartsheet(self, sheet: Any, rel: Any) -> None:
            """Leave it out: it holds no cells, and openpyxl 3.1 fails on it in this mode."""

    failures = (
        InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError, OSError, EOFError,
        xml.etree.ElementTree.ParseError, zlib.error,
    )  # fmt: skip
    book = None
    try:
        with warnings.catch_warnings():
            # openpyxl warns of styles and extensions it leaves out; cells are not among them.
            warnings.simplefilter("ignore")
            reader = Reader(delivery.path, read_only=True, data_only=True, keep_links=False)
            reader.read()
            book = reader.wb
            yield book
    except SourceError:
        raise
    except failures as error:
        raise _damaged(delivery, error) from error
    finally:
        if book is not None:
            book.close()


def _formulas_without_result(sheet: Any) -> int:
    """How many formulas of a sheet no spreadsheet has computed: programs that write workbooks leave that out."""
    count = 0
    tail = b""
    with sheet._get_source() as handle:  # the sheet's XML, which openpyxl gives no public way to
        while chunk := handle.read(1 << 20):
            found = list(_WITHOUT_RESULT.finditer(tail + chunk))
            count += len(found)
            tail = (tail + chunk)[max(found[-1].end() if found else 0, len(tail) + len(chunk) - 64) :]
    return count


@dataclass(frozen=True)
class _Header:
    """The sheet row the names stand in (1-based), the names, and whether filled rows stand above."""

    row: int
    names: tuple[str, ...]
    skipped: bool


def _header(sheet: Any) -> _Header | None:
    sheet.reset_dimensions()  # what a file says of its size is often wrong
    first = None
    skipped = False
    rows = ((number, row) for number, row in enumerate(sheet.iter_rows(), start=1) if _filled(row))
    for number, row in islice(rows, _ROWS_TO_FIND_HEADER):
        candidate = _Header(number, _names(row), skipped)
        first = first or candidate
        if _filled(row) > 1:
            return candidate
        skipped = True
    return first


def _filled(row: Any) -> int:
    return sum(cell.value not in (None, "") for cell in row)


def _names(row: Any) -> tuple[str, ...]:
    names = [" ".join((_cell_text(cell) or "").split()) for cell in row]
    while names and not names[-1]:
        names.pop()
    return tuple(names)


class XlsxLayer(Layer):
    """The layer of a sheet: text cells only."""

    text_cells = True

    def __init__(self, delivery: Delivery, name: str, wishes: Wishes, header: _Header) -> None:
        super().__init__(delivery, name, crs=wishes.crs)
        self._header = header

    @contextmanager
    def _open(self, batch_size: int) -> Iterator[Stream]:
        names, hints = unique_names(self._header.names)
        schema = pa.schema([pa.field(name, pa.string()) for name in (*names, FID)])
        if self._header.skipped:
            hints.append(Hint("xlsx.header_row", f"The header is row {self._header.row}; rows above it are left out."))
        with _workbook(self.delivery) as book:
            sheet = book[self.name]
            sheet.reset_dimensions()
            unknown = _formulas_without_result(sheet)
            if unknown:
                message = f"{unknown} formulas have no stored result and read as blank: save the file in Excel once."
                hints.append(Hint("xlsx.formulas", message))
            yield Stream(
                schema=schema,
                batches=self._batches(sheet, schema, batch_size, hints),
                crs=Evidence(None, "no geometry", 1.0),
                encoding=UTF8_BY_FORMAT,
                hints=hints,
            )

    def _batches(self, sheet: Any, schema: pa.Schema, batch_size: int, hints: list[Hint]) -> Iterator[pa.RecordBatch]:
        width = len(schema) - 1
        notes = _Notes(schema.names)
        rows = self._rows(sheet, width, notes)
        while chunk := list(islice(rows, batch_size)):
            columns = zip(*chunk, strict=True)
            yield pa.RecordBatch.from_arrays([pa.array(column, pa.string()) for column in columns], schema=schema)
        hints.extend(notes.hints())

    def _rows(self, sheet: Any, width: int, notes: _Notes) -> Iterator[list[str | None]]:
        top = self._header.row + 1
        for number, row in enumerate(sheet.iter_rows(min_row=top), start=top):
            cells = [notes.text(cell, column) for column, cell in enumerate(row[:width])]
            if any(_cell_text(cell) for cell in row[width:]):
                notes.outside += 1
            if not any(cells):
                continue
            cells.extend([None] * (width - len(cells)))
            yield [*cells, str(number)]


class _Notes:
    """What was noticed while the cells of a sheet became text."""

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self._restored: dict[str, str] = {}
        self._long: dict[str, str] = {}
        self.outside = 0

    def text(self, cell: Any, column: int) -> str | None:
        text = _cell_text(cell)
        if text is None or isinstance(cell.value, str):
            return text
        if text.startswith("0") and text.isdigit() and len(text) > 1:
            self._restored.setdefault(self._names[column], text)
        elif len(text.lstrip("-")) > _EXCEL_DIGITS and text.lstrip("-").isdigit():
            self._long.setdefault(self._names[column], text)
        return text

    def hints(self) -> list[Hint]:
        """All of it, once the last row was read."""
        hints = []
        for name, text in self._restored.items():
            message = f"Numbers of '{name}' are shown with leading zeros, which are given back ({text})."
            hints.append(Hint("codes.zeros_restored", message))
        for name, text in self._long.items():
            message = f"'{name}' holds numbers of more than 15 digits ({text}), of which Excel keeps only 15."
            hints.append(Hint("codes.digits_lost", message))
        if self.outside:
            hints.append(Hint("xlsx.cells_outside", f"{self.outside} rows have cells beyond the header's columns."))
        return hints


def _cell_text(cell: Any) -> str | None:
    """A cell as text; None where it is blank."""
    value = cell.value
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return _number_text(value, cell.number_format or "")
    if isinstance(value, datetime.datetime):
        whole_day = value.time() == datetime.time() and "h" not in (cell.number_format or "").lower()
        return value.date().isoformat() if whole_day else value.isoformat()
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return str(value)


def _number_text(value: int | float, number_format: str) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, float):
        return repr(value)
    shown = number_format.split(";")[0]
    if value >= 0 and re.fullmatch(r"0{2,}", shown):
        return str(value).zfill(len(shown))
    return str(value)
