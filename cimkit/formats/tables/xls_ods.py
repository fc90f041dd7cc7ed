"""Old Excel workbooks (.xls), binary ones (.xlsb) and OpenDocument spreadsheets (.ods), read by calamine.

calamine gives values and not how they are shown, so a number that is shown as 010001 is
10001 here; and it reads cells with errors as blank.
"""

from __future__ import annotations

import datetime
import xml.parsers.expat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cimkit.errors import SourceError
from cimkit.formats.dataset import Dataset, Delivery
from cimkit.formats.gdal.layer import refuse_encoding
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes
from cimkit.formats.tables.sheets import Merge, Notes, SheetLayer, Survey
from cimkit.formats.tables.workbook import damaged, hidden_hints, protected, refuse_cut, refuse_traps, streams
from cimkit.formats.tables.xlsx import plain_text
from cimkit.model import Hint

#: calamine holds a sheet in memory; so many cells it may have there.
_MOST_CELLS = 30_000_000
_MOST_UNPACKED = 1 << 30


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """The sheets of a workbook that hold anything."""
    refuse_encoding(probe, format, wishes)
    delivery = Delivery(probe.path, format, (probe.path,))
    if format == "XLS":
        if "EncryptedPackage" in streams(probe):
            raise protected(delivery)
        refuse_cut(probe)
    else:
        refuse_traps(delivery)
        _refuse_too_many(delivery, format)
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    with _workbook(delivery) as book:
        sheets = list(book.sheets_metadata)
        found: list[CalamineLayer] = []
        hidden: list[CalamineLayer] = []
        charts = []
        for sheet in sheets:
            if sheet.typ is SheetTypeEnum.ChartSheet:
                charts.append(sheet.name)
                continue
            if sheet.typ is not SheetTypeEnum.WorkSheet:
                continue
            layer = CalamineLayer(delivery, sheet.name, wishes)
            if layer.holds_anything:
                (found if sheet.visible is SheetVisibleEnum.Visible else hidden).append(layer)
    hints = hidden_hints([layer.name for layer in hidden])
    if charts:
        hints.append(Hint("layers.charts", f"Sheets that hold a chart alone are left out: {', '.join(charts)}."))
    return Dataset(delivery, tuple(found), tuple(hints))


@contextmanager
def _workbook(delivery: Delivery) -> Iterator[Any]:
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError, WorksheetNotFound, XmlError, ZipError

    try:
        # From a file, for by a path calamine goes by the suffix.
        with delivery.path.open("rb") as handle, CalamineWorkbook.from_filelike(handle) as book:
            yield book
    except PasswordError as error:
        raise protected(delivery) from error
    except (CalamineError, WorksheetNotFound, XmlError, ZipError, OSError, ValueError) as error:
        raise damaged(delivery, error) from error
    except BaseException as error:
        # How a panic of the Rust library arrives here; pyo3 keeps the class to itself.
        if type(error).__name__ == "PanicException":
            raise damaged(delivery, ValueError("it breaks off or contradicts itself")) from error
        raise


def _refuse_too_many(delivery: Delivery, format: str) -> None:
    """Raise SourceError where the workbook holds more than memory should: ODF can repeat a cell a billion times."""
    with zipfile.ZipFile(delivery.path) as archive:
        for part in archive.infolist():
            if part.file_size > _MOST_UNPACKED:
                raise SourceError(
                    f"{delivery.path}: its part {part.filename} unpacks to {part.file_size:,} bytes.",
                    hint="Save it as .xlsx or .csv, which are read row by row.",
                )
        if format != "ODS":
            return
        try:
            with archive.open("content.xml") as handle:
                cells = _cells(handle)
        except (KeyError, xml.parsers.expat.ExpatError, zipfile.BadZipFile) as error:
            raise damaged(delivery, error) from error
    if cells > _MOST_CELLS:
        raise SourceError(
            f"{delivery.path} has {cells:,} cells, more than {_MOST_CELLS:,}.",
            hint="Save it as .xlsx or .csv, which are read row by row.",
        )


def _cells(handle: Any) -> int:
    """How many cells a content.xml has, repeated ones as often as they are repeated, but for blank ones at the end."""
    total = row = times = 0
    waiting = 0

    def begin(name: str, attributes: dict[str, str]) -> None:
        nonlocal row, times, waiting
        if name == "table:table-row":
            row, waiting = 0, 0
            times = int(attributes.get("table:number-rows-repeated", "1"))
        elif name in ("table:table-cell", "table:covered-table-cell"):
            columns = int(attributes.get("table:number-columns-repeated", "1"))
            if "office:value-type" in attributes:
                row += waiting + columns
                waiting = 0
            else:
                waiting += columns

    def end(name: str) -> None:
        nonlocal total
        if name == "table:table-row":
            total += row * times

    parser = xml.parsers.expat.ParserCreate()
    parser.StartElementHandler = begin
    parser.EndElementHandler = end
    parser.ParseFile(handle)
    return total


class CalamineLayer(SheetLayer):
    """The layer of a sheet that calamine reads."""

    @contextmanager
    def _rows(self, notes: Notes) -> Iterator[Iterator[tuple[int, list[str]]]]:
        with _workbook(self.delivery) as book:
            sheet = book.get_sheet_by_name(self.name)
            if sheet.height * sheet.width > _MOST_CELLS:
                raise SourceError(
                    f"Sheet '{self.name}' of {self.delivery.path} has {sheet.height * sheet.width:,} cells.",
                    hint="Save it as .xlsx or .csv, which are read row by row.",
                )
            yield _texts(sheet, notes)

    def _look(self) -> Survey:
        with _workbook(self.delivery) as book:
            ranges = book.get_sheet_by_name(self.name).merged_cell_ranges or []
        return Survey(tuple(Merge(top, left, bottom, right) for (top, left), (bottom, right) in ranges))


def _texts(sheet: Any, notes: Notes) -> Iterator[tuple[int, list[str]]]:
    if sheet.start is None:
        return
    # calamine's rows begin at the top of the sheet, its columns with the first that holds anything.
    left = [""] * sheet.start[1]
    for number, row in enumerate(sheet.iter_rows()):
        cells = left + [_text(value, column, notes) for column, value in enumerate(row, start=len(left))]
        if any(cells):
            while not cells[-1]:
                cells.pop()
            yield number, cells


def _text(value: Any, column: int, notes: Notes) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        text = str(int(value)) if float(value).is_integer() else repr(value)
        notes.number(text, column)
        return text
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    return plain_text(value)
