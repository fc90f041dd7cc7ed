"""What people call the cells of a table: column letters, and the row that a record stands in.

Readers note it in the metadata of their Arrow schema, from where it reaches the staged file.
"""

from __future__ import annotations

import pyarrow as pa

from cimkit.formats.tables.content import Content

#: Field metadata: the column's letters in its sheet or file, and what its header says where it got another name.
COLUMN_MARK, HEADER_MARK = b"cimkit:column", b"cimkit:header"
#: Schema metadata: the row of the first record and the last row that is filled, 1-based.
FIRST_ROW_MARK, LAST_ROW_MARK = b"cimkit:first_row", b"cimkit:last_row"
_CHUNK = 1 << 20


def letters(column: int) -> str:
    """The letters of a column (0-based): A, B, … Z, AA."""
    name = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def lettered(field: pa.Field, column: int, header: str) -> pa.Field:
    """A field that knows its column (0-based) and its header."""
    marks = {COLUMN_MARK: letters(column).encode()}
    if header != field.name:
        marks[HEADER_MARK] = header.encode()
    return field.with_metadata({**(field.metadata or {}), **marks})


def numbered(schema: pa.Schema, first_row: int, last_row: int) -> pa.Schema:
    """A schema that knows which rows its records stand in, if there is one in each."""
    marks = {FIRST_ROW_MARK: str(first_row).encode(), LAST_ROW_MARK: str(last_row).encode()}
    return schema.with_metadata({**(schema.metadata or {}), **marks})


def last_line(content: Content) -> int:
    """The number of the last line that is not blank (1-based), as line feeds count them."""
    lines = trailing = 0
    open_line = False
    with content.open() as handle:
        while chunk := handle.read(_CHUNK):
            kept = chunk.rstrip(b"\r\n")
            if kept:
                lines += trailing + kept.count(b"\n")
                trailing = chunk.count(b"\n") - kept.count(b"\n")
                open_line = True
            else:
                trailing += chunk.count(b"\n")
    return lines + open_line
