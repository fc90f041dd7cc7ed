"""MapInfo MIF/MID, written by GDAL from an Arrow stream: as TAB, but all values are text of one line.

Numbers have 15 digits. GDAL writes a line break as \\n and reads it as these two characters.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from cimkit.formats.gdal.arrow_write import GEOMETRY, write_layer
from cimkit.formats.gdal.mapinfo_write import COLUMNS, refuse_parts, text, with_column
from cimkit.formats.gdal.mapinfo_write import PROFILE as TAB
from cimkit.formats.gdal.rules import fifteen_digits, no_null_number
from cimkit.formats.gdal.said_crs import said_by
from cimkit.formats.gdal.spool import Spool
from cimkit.formats.profile import Change, Column, Held, Order, Rule, json_as_text


def _float(column: Column) -> Held:
    """Fifteen digits; a null becomes 0."""
    there = fifteen_digits(column)
    return Held(f"coalesce({there.sql}, 0)", (*there.changes, *no_null_number(column).changes))


def _one_line(rule: Rule) -> Rule:
    """Text without line breaks."""

    def held(column: Column) -> Held:
        there = rule(column)
        sql = f"replace(replace({there.sql}, chr(13) || chr(10), chr(10)), chr(13), chr(10))"
        sql = f"replace({sql}, chr(10), '\\n')"
        broken = Change("text.characters", "line_breaks", f"{sql} <> {there.sql}", sql)
        return Held(sql, (*there.changes, broken))

    return text(held)


PROFILE = replace(
    TAB,
    columns={**COLUMNS, "DOUBLE": _float, "DECIMAL": _float, "VARCHAR": _one_line(lambda column: Held(column.sql))},
    nested=_one_line(json_as_text),
    unwraps=frozenset({6}),
    said_crs=lambda crs: said_by(crs, "x.mif", "MapInfo File"),
    decimals=(12, 7),
    snaps=False,
    steps=None,
    sidecars=(".mid",),
)


def write(reader: pa.RecordBatchReader, path: Path, order: Order) -> None:
    """One layer in two new files of one name.

    Raises:
        SourceError: there are multipoints or collections, or GDAL refuses.
    """
    reader = with_column(reader)
    if GEOMETRY in reader.schema.names:
        spool = Spool(reader, path.parent)
        refuse_parts(spool, path)
        reader = spool.reader()
    options = {"ENCODING": "UTF-8"}
    write_layer(reader, path, order, "MapInfo File", "MapInfo MIF", geometry_type="Unknown", layer_options=options)
