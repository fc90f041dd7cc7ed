"""MapInfo MIF/MID, written by GDAL from an Arrow stream: as TAB, but with numbers as text of 15 digits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from cimkit.formats.gdal.arrow_write import GEOMETRY, write_layer
from cimkit.formats.gdal.mapinfo_write import COLUMNS, refuse_parts
from cimkit.formats.gdal.mapinfo_write import PROFILE as TAB
from cimkit.formats.gdal.rules import fifteen_digits, no_null_number
from cimkit.formats.gdal.said_crs import said_by
from cimkit.formats.gdal.spool import Spool
from cimkit.formats.profile import Column, Held, Order


def _float(column: Column) -> Held:
    """Fifteen digits; a null becomes 0."""
    there = fifteen_digits(column)
    return Held(f"coalesce({there.sql}, 0)", (*there.changes, *no_null_number(column).changes))


PROFILE = replace(
    TAB,
    columns={**COLUMNS, "DOUBLE": _float, "DECIMAL": _float},
    unwraps=frozenset({6}),
    said_crs=lambda crs: said_by(crs, "x.mif", "MapInfo File"),
    decimals=(12, 7),
    sidecars=(".mid",),
)


def write(reader: pa.RecordBatchReader, path: Path, order: Order) -> None:
    """One layer in two new files of one name.

    Raises:
        SourceError: there are multipoints or collections, or GDAL refuses.
    """
    if GEOMETRY in reader.schema.names:
        spool = Spool(reader, path.parent)
        refuse_parts(spool, path)
        reader = spool.reader()
    options = {"ENCODING": "UTF-8"}
    write_layer(reader, path, order, "MapInfo File", "MapInfo MIF", geometry_type="Unknown", layer_options=options)
