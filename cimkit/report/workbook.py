"""Excel workbooks (ISO/IEC 29500) of several sheets, written as XML row by row.

Text is always text, so that "=1+1" is no formula. Two runs give the same bytes.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from cimkit.report.xml_text import clean

#: Excel's limits ("Excel specifications and limits"); text is counted in UTF-16 units.
MOST_ROWS, LONGEST_TEXT = 1_048_576, 32_767
_NO_TIME = (1980, 1, 1, 0, 0, 0)
#: Excel reads _x0041_ as an A; a text that has this letter for letter is escaped.
_ESCAPED = re.compile(r"_(x[0-9A-Fa-f]{4}_)")
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'

#: Style -> its font, fill and number format ("@" keeps text text when it is edited).
_FONTS = (
    '<sz val="11"/>',
    '<b/><sz val="11"/>',
    '<b/><sz val="11"/><color rgb="FFFFFFFF"/>',
    '<b/><sz val="16"/>',
)
_FILLS = (None, None, "FF1F4E79", "FFF8CBAD", "FFFFE699", "FFDDEBF7", "FFC6E0B4")
_STYLES: dict[str, tuple[int, int, int]] = {
    "text": (0, 0, 49),
    "count": (0, 0, 3),
    "number": (0, 0, 0),
    "share": (0, 0, 164),
    "label": (1, 0, 49),
    "title": (3, 0, 49),
    "header": (2, 2, 49),
    "error": (0, 3, 49),
    "warning": (0, 4, 49),
    "info": (0, 5, 49),
    "good": (0, 6, 49),
}
_NUMBERS = {name: number for number, name in enumerate(_STYLES)}


class Cell(NamedTuple):
    """A value and the name of its style; a cell without a value is blank."""

    value: str | int | float | None
    style: str = "text"


class Workbook:
    """A workbook being written; ``cut`` counts the texts that were too long for a cell."""

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self.names = names
        self.cut = 0
        self._archive = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)

    def __enter__(self) -> Workbook:
        for part, content in _parts(self.names).items():
            self._archive.writestr(_entry(part), content)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._archive.close()

    def sheet(self, name: str, widths: Sequence[int], rows: Iterable[Sequence[Cell]], *, header: bool = True) -> None:
        """A sheet, as far as it holds the rows; a ``header`` row stays in view and has filters."""
        last = 0
        with self._archive.open(
            _entry(f"xl/worksheets/sheet{self.names.index(name) + 1}.xml"), "w", force_zip64=True
        ) as file:
            file.write(_opening(widths, header).encode())
            for last, row in enumerate(rows, start=1):
                if last > MOST_ROWS:
                    last = MOST_ROWS
                    break
                cells = "".join(self._cell(cell, f"{_letter(at)}{last}") for at, cell in enumerate(row))
                file.write(f'<row r="{last}">{cells}</row>'.encode())
            file.write(_closing(f"A1:{_letter(len(widths) - 1)}{max(last, 1)}" if header else None).encode())

    def _cell(self, cell: Cell, place: str) -> str:
        value, style = cell.value, _NUMBERS[cell.style]
        if value is None or value == "":
            return f'<c r="{place}" s="{style}"/>'
        if not isinstance(value, str):
            return f'<c r="{place}" s="{style}"><v>{value!r}</v></c>'
        return f'<c r="{place}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{self._text(value)}</t></is></c>'

    def _text(self, text: str) -> str:
        if len(text) > LONGEST_TEXT // 2 and len(text.encode("utf-16-le", "replace")) > 2 * LONGEST_TEXT:
            self.cut += 1
            text = text.encode("utf-16-le", "replace")[: 2 * (LONGEST_TEXT - 1)].decode("utf-16-le", "ignore") + "…"
        return escape(_ESCAPED.sub(r"_x005F_\1", clean(text)))


def _letter(column: int) -> str:
    """A column's name; there are at most 26."""
    return chr(ord("A") + column)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _NO_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    return entry


def _opening(widths: Sequence[int], header: bool) -> str:
    columns = "".join(
        f'<col min="{at}" max="{at}" width="{width}" customWidth="1"/>' for at, width in enumerate(widths, start=1)
    )
    pane = '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>' if header else ""
    return (
        f'{_XML}<worksheet xmlns="{_MAIN}"><sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>'
        f'<sheetViews><sheetView workbookViewId="0">{pane}</sheetView></sheetViews><cols>{columns}</cols><sheetData>'
    )


def _closing(filtered: str | None) -> str:
    filters = f'<autoFilter ref="{filtered}"/>' if filtered else ""
    page = '<pageSetup paperSize="9" orientation="landscape" fitToHeight="0"/>'
    return f"</sheetData>{filters}{page}</worksheet>"


def _parts(names: Sequence[str]) -> dict[str, str]:
    """Every part but the sheets themselves."""
    numbers = range(1, len(names) + 1)
    overrides = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{_TYPES}.worksheet+xml"/>' for n in numbers
    )
    sheets = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{n}" r:id="rId{n}"/>' for n, name in zip(numbers, names, strict=True)
    )
    relations = "".join(
        f'<Relationship Id="rId{n}" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers
    )
    return {
        "[Content_Types].xml": (
            f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Default Extension="xml" ContentType="application/xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPES}.sheet.main+xml"/>{overrides}'
            f'<Override PartName="/xl/styles.xml" ContentType="{_TYPES}.styles+xml"/></Types>'
        ),
        "_rels/.rels": (
            f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
            f'<Relationship Id="rId1" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
        ),
        "xl/workbook.xml": (
            f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets>{sheets}</sheets></workbook>'
        ),
        "xl/_rels/workbook.xml.rels": (
            f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{relations}'
            f'<Relationship Id="rId{len(names) + 1}" Type="{_RELATIONS}/styles" Target="styles.xml"/></Relationships>'
        ),
        "xl/styles.xml": _XML + "".join(_styles()),
    }


def _styles() -> Iterator[str]:
    yield f'<styleSheet xmlns="{_MAIN}"><numFmts count="1"><numFmt numFmtId="164" formatCode="0.0%"/></numFmts>'
    fonts = "".join(f'<font>{font}<name val="Calibri"/></font>' for font in _FONTS)
    yield f'<fonts count="{len(_FONTS)}">{fonts}</fonts>'
    # The first two fills are Excel's own, whatever stands there.
    fills = "".join(
        f'<fill><patternFill patternType="solid"><fgColor rgb="{fill}"/></patternFill></fill>'
        if fill
        else f'<fill><patternFill patternType="{"gray125" if number else "none"}"/></fill>'
        for number, fill in enumerate(_FILLS)
    )
    yield f'<fills count="{len(_FILLS)}">{fills}</fills>'
    yield '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    formats = "".join(
        f'<xf numFmtId="{number}" fontId="{font}" fillId="{fill}" borderId="0" xfId="0" applyNumberFormat="1" '
        f'applyFont="1" applyFill="1" applyAlignment="1"><alignment vertical="top" wrapText="{int(name != "title")}"/>'
        "</xf>"
        for name, (font, fill, number) in _STYLES.items()
    )
    yield f'<cellXfs count="{len(_STYLES)}">{formats}</cellXfs>'
    yield '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
