"""MapInfo TAB, written by GDAL from an Arrow stream (measured with GDAL 3.12).

Text is UTF-8 (MapInfo 15.2 and later); GDAL's default charset, "Neutral", makes names that
nobody can read again. Coordinates are 32-bit numbers within bounds, which are laid closely
around the data here: 1e-7 degrees or a millimetre are kept, less of data that reaches over 2000 km.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from cimkit.errors import SourceError
from cimkit.formats.gdal.arrow_write import GEOMETRY, write_layer
from cimkit.formats.gdal.rules import milliseconds, no_null_boolean, no_null_number
from cimkit.formats.gdal.said_crs import said_by
from cimkit.formats.gdal.spool import Spool
from cimkit.formats.naming import Naming
from cimkit.formats.profile import (
    HUGE,
    TIMES,
    WORDS,
    Cells,
    Change,
    Column,
    Held,
    Order,
    Profile,
    Rule,
    as_double,
    as_text,
    hexadecimal,
    json_as_text,
    plain_text,
)

_TEXT_BYTES, _NAME_BYTES = 254, 31
_CELLS = Cells(longest=_TEXT_BYTES)
_MARGIN = 1e-3
_PLACEHOLDER = "FID"
_INTEGERS = ("TINYINT", "UTINYINT", "SMALLINT", "USMALLINT", "INTEGER", "UINTEGER", "BIGINT")


def text(rule: Rule | None = None) -> Rule:
    """Text of at most 254 bytes; a null becomes the empty text."""
    cells = _CELLS.rule(rule)

    def held(column: Column) -> Held:
        there = cells(column)
        null = Change("null.merged", "null_as_empty", f"{column.sql} IS NULL", "''")
        return Held(f"coalesce({there.sql}, '')", (*there.changes, null))

    return held


def _number(column: Column) -> Held:
    """A decimal as a float; a null becomes 0."""
    there = as_double(column)
    return Held(f"coalesce({there.sql}, 0)", (*there.changes, *no_null_number(column).changes))


def clean(name: str) -> str:
    """Letters, digits and _, not beginning with a digit."""
    plain = "".join(c if c == "_" or c.isalnum() else "_" for c in name)
    return f"_{plain}" if plain[:1].isdigit() else plain


COLUMNS: dict[str, Rule] = {
    **dict.fromkeys((*_INTEGERS, "DOUBLE", "FLOAT"), no_null_number),
    **dict.fromkeys(TIMES, milliseconds),
    **dict.fromkeys((*HUGE, "TIME"), text(as_text)),
    **dict.fromkeys(WORDS, text(plain_text)),
    "VARCHAR": text(),
    "BLOB": text(hexadecimal),
    "BOOLEAN": no_null_boolean,
    "DECIMAL": _number,
}
NESTED = text(json_as_text)
NAMING = Naming(longest=_NAME_BYTES, measure=lambda name: len(name.encode()), clean=clean)

PROFILE = Profile(
    columns=COLUMNS,
    nested=NESTED,
    naming=NAMING,
    collections=False,
    heights=False,
    measures=False,
    empty_geometry=False,
    unwraps=frozenset({5, 6}),
    said_crs=lambda crs: said_by(crs, "x.tab", "MapInfo File"),
    decimals=(7, 3),
    snaps=True,
    steps=2_000_000_000,
    sidecars=(".dat", ".map", ".id"),
    placeholder=_PLACEHOLDER,
)


def write(reader: pa.RecordBatchReader, path: Path, order: Order) -> None:
    """One layer in new files of one name.

    Raises:
        SourceError: there are multipoints or collections, or GDAL refuses.
    """
    options = {"ENCODING": "UTF-8"}
    reader = with_column(reader)
    if GEOMETRY in reader.schema.names:
        spool = Spool(reader, path.parent)
        refuse_parts(spool, path)
        if spool.bbox:
            west, south, east, north = spool.bbox
            margin = _MARGIN * max(east - west, north - south, _MARGIN)
            box = (west - margin, south - margin, east + margin, north + margin)
            options["BOUNDS"] = ",".join(map(repr, box))
        reader = spool.reader()
    write_layer(reader, path, order, "MapInfo File", "MapInfo TAB", geometry_type="Unknown", layer_options=options)
    table = path.with_suffix(".dat")
    if table.exists():
        _without_chance(table)


def with_column(reader: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """The stream with a column that numbers the records, where there is none: GDAL reads no file without."""
    if reader.schema.names != [GEOMETRY]:
        return reader
    schema = reader.schema.append(pa.field(_PLACEHOLDER, pa.int32()))
    return pa.RecordBatchReader.from_batches(schema, _numbered(reader, schema))


def _numbered(reader: pa.RecordBatchReader, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    first = 0
    for batch in reader:
        numbers = pa.array(range(first, first + batch.num_rows), pa.int32())
        yield pa.RecordBatch.from_arrays([*batch.columns, numbers], schema=schema)
        first += batch.num_rows


def refuse_parts(spool: Spool, path: Path) -> None:
    """Refuse what GDAL would write as a record for each part."""
    parts = sum(count for (kind, _, _), count in spool.kinds.items() if kind in (4, 7))
    if parts:
        raise SourceError(
            f"{path.name} cannot be written: {parts} records have multipoints or collections, "
            "whose parts would become records of their own in MapInfo.",
            hint="Take the parts apart first, or write GeoPackage.",
        )


def _without_chance(table: Path) -> None:
    """Clear what GDAL leaves of its memory behind the names of columns in the header of a .dat."""
    with table.open("r+b") as handle:
        head = bytearray(handle.read(1 << 16))
        for at in range(32, int.from_bytes(head[8:10], "little") - 31, 32):
            if head[at] == 0x0D:
                break
            name = bytes(head[at : at + 11]).split(b"\0")[0]
            head[at : at + 11] = name.ljust(11, b"\0")
        handle.seek(0)
        handle.write(head)
