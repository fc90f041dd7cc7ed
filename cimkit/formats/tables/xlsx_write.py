"""Excel workbooks (ISO/IEC 29500), one sheet, written as XML from an Arrow stream.

Not by openpyxl, which writes 16 digits of a number where 17 may be needed, and takes text
for formulas and errors. Here text is always text, so that '010001' keeps its zero and
"=1+1" is no formula.
"""

from __future__ import annotations

import datetime
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any
from xml.sax.saxutils import escape, quoteattr

import pyarrow as pa

from cimkit.formats.naming import Naming
from cimkit.formats.profile import (
    HUGE,
    NUMBERS,
    TIMES,
    WORDS,
    Change,
    Column,
    Held,
    Order,
    Profile,
    Rule,
    as_double,
    as_text,
    beyond_milliseconds,
    finite,
    hexadecimal,
    iso_time,
    json_as_text,
    plain_text,
)
from cimkit.formats.tables.csv_write import as_wkt, wkt_name

_GEOMETRY = "geometry"
#: Excel's limits ("Excel specifications and limits"); text is counted in UTF-16 units, digits of numbers in decimal.
_MOST_ROWS, _MOST_COLUMNS, _LONGEST_TEXT, _DIGITS = 1_048_576, 16_384, 32_767, 15
_LONGEST_SHEET_NAME = 31
#: Excel takes 1900 for a leap year, so that its days before March of it are not everybody's.
_FIRST_DAY = datetime.date(1900, 3, 1)
_ZERO = datetime.datetime(1899, 12, 30)
_NO_XML = "[\\x00-\\x08\\x0B\\x0C\\x0E-\\x1F\\x{FFFE}\\x{FFFF}]"
_NO_TIME = (1980, 1, 1, 0, 0, 0)
_PLAIN, _TEXT, _DATE, _TIME, _FINE_TIME = range(5)


def _cell(held: Held) -> Held:
    """Text as a cell holds it."""
    clean = f"regexp_replace({held.sql}, '{_NO_XML}', chr(65533), 'g')"
    beyond = f"length(regexp_replace({clean}, '[^\\x{{10000}}-\\x{{10FFFF}}]', '', 'g'))"
    whole = f"strlen({clean}) <= {_LONGEST_TEXT} OR length({clean}) + {beyond} <= {_LONGEST_TEXT}"
    room = f"CASE WHEN {beyond} = 0 THEN {_LONGEST_TEXT} ELSE {_LONGEST_TEXT // 2} END"
    cut = f"CASE WHEN {whole} THEN {clean} ELSE left({clean}, {room}) END"
    sql = f"nullif({cut}, '')"
    changes = (
        Change("text.characters", "no_xml", f"regexp_matches({held.sql}, '{_NO_XML}')", sql),
        Change("text.cut", "cell_cut", f"NOT ({whole})", sql, {"longest": _LONGEST_TEXT}),
        Change("null.merged", "empty", f"{held.sql} = ''", sql),
    )
    return Held(sql, (*held.changes, *changes))


def _cells(rule: Rule) -> Rule:
    return lambda column: _cell(rule(column))


def _integer(column: Column) -> Held:
    """Whole numbers; those of more digits than Excel keeps are text."""
    long = f"abs(CAST({column.sql} AS HUGEINT)) >= {10**_DIGITS}"
    change = Change("type.dropped", "long_digits", long, f"CAST({column.sql} AS VARCHAR)", {"digits": _DIGITS})
    return Held(column.sql, (change,))


def _day(column: Column) -> Held:
    """Days that Excel has; earlier ones are text."""
    kept = f"CASE WHEN year({column.sql}) BETWEEN 1 AND 9999 THEN {column.sql} END"
    early = f"{column.sql} < DATE '{_FIRST_DAY}'"
    return Held(
        kept,
        (
            Change("time.range", "no_such_year", f"{column.sql} IS NOT NULL AND {kept} IS NULL", "NULL"),
            Change("type.dropped", "before_1900", f"{kept} IS NOT NULL AND {early}", f"CAST({kept} AS VARCHAR)"),
        ),
    )


def _time(column: Column) -> Held:
    """Times of no zone to the millisecond; with a zone they are text."""
    if "TIME ZONE" in column.kind:
        held = iso_time(column)
        dropped = Change("type.dropped", "as_text", f"{column.sql} IS NOT NULL", held.sql, {"kind": "TIMESTAMP"})
        return Held(held.sql, (dropped,))
    exact = f"CAST({column.sql} AS TIMESTAMP)"
    rounded = f"make_timestamp(CAST(round(epoch_us({exact}) / 1000) AS BIGINT) * 1000)"
    kept = f"CASE WHEN year({exact}) BETWEEN 1 AND 9999 THEN {rounded} END"
    early = f"{exact} < TIMESTAMP '{_FIRST_DAY}'"
    return Held(
        kept,
        (
            Change("time.range", "no_such_year", f"{exact} IS NOT NULL AND {kept} IS NULL", "NULL"),
            Change("time.fraction", "milliseconds", beyond_milliseconds(column), kept),
            Change("type.dropped", "before_1900", f"{kept} IS NOT NULL AND {early}", f"CAST({kept} AS VARCHAR)"),
        ),
    )


def _name(name: str) -> str:
    """A column's name as a header cell is read: without line breaks and double spaces."""
    return " ".join(re.sub(r"[\x00-\x1f\ufffe\uffff]", " ", name).split())[:_LONGEST_TEXT]


PROFILE = Profile(
    columns={
        "VARCHAR": lambda column: _cell(Held(column.sql)),
        **dict.fromkeys(("BIGINT", "UINTEGER"), _integer),
        **dict.fromkeys(NUMBERS, finite),
        **dict.fromkeys(TIMES, _time),
        **dict.fromkeys(HUGE, as_text),
        **dict.fromkeys((*WORDS, "TIME"), _cells(plain_text)),
        "DATE": _day,
        "DECIMAL": as_double,
        "BLOB": _cells(hexadecimal),
    },
    nested=_cells(json_as_text),
    naming=Naming(clean=_name),
    geometry="wkt",
    longest_wkt=_LONGEST_TEXT,
    crs="none",
    open_rings=False,
    most_rows=_MOST_ROWS - 1,
    most_columns=_MOST_COLUMNS,
)


def write(reader: pa.RecordBatchReader, path: Path, order: Order) -> None:
    """A sheet of the layer's name with a header row; geometry is a column of WKT. Two runs give the same bytes."""
    names = [wkt_name(reader.schema) if name == _GEOMETRY else name for name in reader.schema.names]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, content in _parts(sheet_name(order.layer)).items():
            archive.writestr(_entry(part), content)
        with archive.open(_entry("xl/worksheets/sheet1.xml"), "w", force_zip64=True) as file:
            _write_sheet(file, names, reader)


def sheet_name(layer: str) -> str:
    """A layer's name as Excel takes it for a sheet: at most 31 characters, none of []:*?/\\, no quote at its ends."""
    clean = re.sub(r"[\[\]:*?/\\\x00-\x1f\ufffe\uffff]+", "_", layer).strip("' ")
    while len(clean.encode("utf-16-le")) > 2 * _LONGEST_SHEET_NAME:
        clean = clean[:-1]
    clean = clean.strip("' ")
    return "data" if not clean or clean.lower() == "history" else clean


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _NO_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    return entry


_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def _parts(sheet: str) -> dict[str, str]:
    """Every part but the sheet itself."""
    formats = {164: "yyyy-mm-dd", 165: "yyyy-mm-dd hh:mm:ss", 166: "yyyy-mm-dd hh:mm:ss.000"}
    listed = "".join(f'<numFmt numFmtId="{i}" formatCode="{code}"/>' for i, code in formats.items())
    # In the order of _PLAIN, _TEXT ("@" keeps text text when it is edited), _DATE, _TIME, _FINE_TIME.
    styles = "".join(f'<xf numFmtId="{i}" fontId="0" fillId="0" borderId="0" xfId="0"/>' for i in (0, 49, *formats))
    return {
        "[Content_Types].xml": (
            f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Default Extension="xml" ContentType="application/xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPES}.sheet.main+xml"/>'
            f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPES}.worksheet+xml"/>'
            f'<Override PartName="/xl/styles.xml" ContentType="{_TYPES}.styles+xml"/></Types>'
        ),
        "_rels/.rels": (
            f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
            f'<Relationship Id="rId1" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
        ),
        "xl/workbook.xml": (
            f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets>'
            f'<sheet name={quoteattr(sheet)} sheetId="1" r:id="rId1"/></sheets></workbook>'
        ),
        "xl/_rels/workbook.xml.rels": (
            f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
            f'<Relationship Id="rId1" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/>'
            f'<Relationship Id="rId2" Type="{_RELATIONS}/styles" Target="styles.xml"/></Relationships>'
        ),
        "xl/styles.xml": (
            f'{_XML}<styleSheet xmlns="{_MAIN}"><numFmts count="{len(formats)}">{listed}</numFmts>'
            '<fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>'
            '<fills count="2"><fill><patternFill patternType="none"/></fill>'
            '<fill><patternFill patternType="gray125"/></fill></fills>'
            '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
            '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
            f'<cellXfs count="{len(formats) + 2}">{styles}</cellXfs>'
            '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
        ),
    }


def _write_sheet(file: IO[bytes], names: list[str], reader: pa.RecordBatchReader) -> None:
    letters = [_letters(number) for number in range(len(names))]
    opening = (
        f'{_XML}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData>'
    )
    file.write(opening.encode())
    header = "".join(_text_cell(name)(letter, 1) for name, letter in zip(names, letters, strict=True))
    file.write(f'<row r="1">{header}</row>'.encode())
    row = 2
    for batch in reader:
        columns = [
            _cells_of(as_wkt(array) if name == _GEOMETRY else array)
            for name, array in zip(reader.schema.names, batch, strict=True)
        ]
        for number, cells in enumerate(zip(*columns, strict=True), start=row):
            made = "".join(cell(letter, number) for cell, letter in zip(cells, letters, strict=True) if cell)
            file.write(f'<row r="{number}">{made}</row>'.encode())
        row += batch.num_rows
    file.write(b"</sheetData></worksheet>")


_Cell = Callable[[str, int], str]


def _cells_of(array: pa.Array) -> Iterator[_Cell | None]:
    """Each value as what makes its cell, once the place is known; None where it is null."""
    for value in array.to_pylist():
        yield None if value is None else _made(value)


def _made(value: Any) -> _Cell:
    if isinstance(value, str):
        return _text_cell(value)
    if isinstance(value, bool):
        return lambda letter, row: f'<c r="{letter}{row}" t="b"><v>{value:d}</v></c>'
    if isinstance(value, int) and abs(value) >= 10**_DIGITS:
        return _text_cell(str(value))
    if isinstance(value, (int, float)):
        return lambda letter, row: f'<c r="{letter}{row}"><v>{value!r}</v></c>'
    if isinstance(value, datetime.datetime):
        if value.date() < _FIRST_DAY:
            return _text_cell(value.isoformat())
        style = _FINE_TIME if value.microsecond else _TIME
        return _number_cell((value - _ZERO) / datetime.timedelta(days=1), style)
    if isinstance(value, datetime.date):
        if value < _FIRST_DAY:
            return _text_cell(value.isoformat())
        return _number_cell((value - _ZERO.date()).days, _DATE)
    return _text_cell(str(value))


def _text_cell(text: str) -> _Cell:
    # A carriage return would come back as a line feed if it were not written as a reference.
    shown = escape(text, {"\r": "&#13;"})
    return lambda letter, row: (
        f'<c r="{letter}{row}" s="{_TEXT}" t="inlineStr"><is><t xml:space="preserve">{shown}</t></is></c>'
    )


def _number_cell(number: float, style: int) -> _Cell:
    return lambda letter, row: f'<c r="{letter}{row}" s="{style}"><v>{number!r}</v></c>'


def _letters(number: int) -> str:
    """The name of a column: A, B, … Z, AA …"""
    text = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(65 + rest) + text
    return text
