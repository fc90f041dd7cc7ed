"""Excel workbooks (.xlsx), read by openpyxl, which knows how a number is shown: 10001 as 010001, 0.25 as 25 %."""

from __future__ import annotations

import datetime
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cimkit.errors import SourceError
from cimkit.formats.dataset import Dataset, Delivery
from cimkit.formats.gdal.layer import refuse_encoding
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes
from cimkit.formats.tables.sheets import Merge, Notes, SheetLayer, Survey
from cimkit.formats.tables.workbook import damaged, hidden_hints, refuse_traps
from cimkit.model import Hint

_WITHOUT_RESULT = re.compile(rb"(?:</f>|<f[^<>]*/>)\s*(?:<v\s*/>|<v></v>)?\s*</c>")
_MERGED = re.compile(rb"<(?:\w+:)?mergeCell\s[^<>]*?ref=[\"']([A-Z]+)(\d+):([A-Z]+)(\d+)[\"']")
_HIDDEN_ROW = re.compile(rb"<(?:\w+:)?row\s[^<>]*?hidden=[\"'](?:1|true)[\"'][^<>]*>")
_HIDDEN_COLUMN = re.compile(rb"<(?:\w+:)?col\s[^<>]*?hidden=[\"'](?:1|true)[\"'][^<>]*>")
_FROM_TO = re.compile(rb"\s(min|max)=[\"'](\d+)[\"']")
#: More merged areas than this no person made.
_MOST_MERGES = 200_000
_OVERLAP = 512


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """The sheets of a workbook that hold anything."""
    refuse_encoding(probe, format, wishes)
    delivery = Delivery(probe.path, format, (probe.path,))
    refuse_traps(delivery)
    charts: list[str] = []
    with _workbook(delivery, charts) as book:
        titles = [(sheet.title, sheet.sheet_state == "visible") for sheet in book.worksheets]
    found: list[XlsxLayer] = []
    hidden: list[XlsxLayer] = []
    for title, visible in titles:
        layer = XlsxLayer(delivery, title, wishes)
        if layer.holds_anything:
            (found if visible else hidden).append(layer)
    hints = hidden_hints([layer.name for layer in hidden])
    if charts:
        hints.append(Hint("layers.charts", f"Sheets that hold a chart alone are left out: {', '.join(charts)}."))
    return Dataset(delivery, tuple(found), tuple(hints))


@contextmanager
def _workbook(delivery: Delivery, charts: list[str] | None = None) -> Iterator[Any]:
    """The opened workbook; ``charts`` takes the names of sheets that hold a chart alone."""
    import xml.etree.ElementTree

    from openpyxl.reader.excel import ExcelReader
    from openpyxl.utils.exceptions import InvalidFileException

    class Reader(ExcelReader):
        def read_chartsheet(self, sheet: Any, rel: Any) -> None:
            """Leave it out: it holds no cells, and openpyxl 3.1 fails on it in this mode."""
            if charts is not None:
                charts.append(sheet.name)

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
        raise damaged(delivery, error) from error
    finally:
        if book is not None:
            book.close()


class XlsxLayer(SheetLayer):
    """The layer of a sheet of an Excel workbook."""

    @contextmanager
    def _rows(self, notes: Notes) -> Iterator[Iterator[tuple[int, list[str]]]]:
        with _workbook(self.delivery) as book:
            sheet = book[self.name]
            sheet.reset_dimensions()  # what a file says of its size is often wrong
            yield _texts(sheet, notes)

    def _look(self) -> Survey:
        """One pass over the sheet's XML: what openpyxl does not tell while it streams."""
        merges: list[Merge] = []
        formulas = rows = columns = 0
        tail = b""
        with _workbook(self.delivery) as book, book[self.name]._get_source() as handle:  # openpyxl has no public way
            while chunk := handle.read(1 << 20):
                data = tail + chunk
                # What ends within the tail was counted with the piece before.
                new = len(tail)
                formulas += sum(match.end() > new for match in _WITHOUT_RESULT.finditer(data))
                rows += sum(match.end() > new for match in _HIDDEN_ROW.finditer(data))
                for match in _HIDDEN_COLUMN.finditer(data):
                    ends = {name: int(value) for name, value in _FROM_TO.findall(match.group())}
                    columns += (ends.get(b"max", 0) - ends.get(b"min", 0) + 1) * (match.end() > new)
                for match in _MERGED.finditer(data):
                    if match.end() > new and len(merges) < _MOST_MERGES:
                        merges.append(_merge(match))
                tail = data[-_OVERLAP:]
        return Survey(tuple(merges), rows, columns, formulas)


def _merge(match: re.Match[bytes]) -> Merge:
    left, top, right, bottom = match.groups()
    return Merge(int(top) - 1, _column(left), int(bottom) - 1, _column(right))


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1


def _texts(sheet: Any, notes: Notes) -> Iterator[tuple[int, list[str]]]:
    for number, row in enumerate(sheet.iter_rows()):
        cells = [_text(cell, column, notes) for column, cell in enumerate(row)]
        if any(cells):
            while not cells[-1]:
                cells.pop()
            yield number, cells


def _text(cell: Any, column: int, notes: Notes) -> str:
    """A cell as text; "" where it is blank."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, str):
        if cell.data_type == "e":
            notes.errors[value] += 1
            return ""
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        shown = cell.number_format or ""
        text = _number_text(value, shown)
        notes.number(text, column)
        if "%" in shown:
            notes.percent.setdefault(column, text)
        return text
    if isinstance(value, datetime.datetime):
        whole_day = value.time() == datetime.time() and "h" not in (cell.number_format or "").lower()
        return value.date().isoformat() if whole_day else value.isoformat()
    return plain_text(value)


def plain_text(value: Any) -> str:
    """A date, time or duration as text; a duration as hours, minutes and seconds."""
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        seconds = value.total_seconds()
        minutes, rest = divmod(abs(seconds), 60)
        text = f"{int(minutes // 60):02d}:{int(minutes % 60):02d}:{rest:06.3f}"
        return ("-" if seconds < 0 else "") + text.removesuffix(".000")
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
