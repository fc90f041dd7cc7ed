"""GeoPackage, written by GDAL from an Arrow stream."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from cimkit.formats.gdal.arrow_write import GEOMETRY, free, write_layer
from cimkit.formats.gdal.rules import utc_milliseconds
from cimkit.formats.profile import (
    HUGE,
    NUMBERS,
    TIMES,
    WORDS,
    Order,
    Profile,
    as_double,
    as_text,
    json_in_text_column,
    no_nan,
    plain_text,
)

#: A GeoPackage stores when a table last changed. A fixed time, so that the same content is the same file.
_NO_TIME = "1970-01-01T00:00:00.000Z"
#: Tables that begin so are GeoPackage's and SQLite's own.
_RESERVED = re.compile("gpkg|rtree_|sqlite_", re.IGNORECASE)

PROFILE = Profile(
    columns={
        **dict.fromkeys(TIMES, utc_milliseconds),
        **dict.fromkeys(NUMBERS, no_nan),
        **dict.fromkeys((*HUGE, "TIME"), as_text),
        **dict.fromkeys(WORDS, plain_text),
        "DECIMAL": as_double,
    },
    nested=json_in_text_column,
    curves=True,
)


def write(reader: pa.RecordBatchReader, path: Path, order: Order) -> None:
    """One layer in a new file, rows in the order of the stream.

    The format's own columns (fid, geom) step aside for columns of these names in the data.

    Raises:
        SourceError: GDAL refuses.
    """
    if _RESERVED.match(order.layer):
        order = replace(order, layer=f"_{order.layer}")
    taken = {name.lower() for name in reader.schema.names if name != GEOMETRY}
    write_layer(
        reader,
        path,
        order,
        "GPKG",
        "GeoPackage",
        layer_options={"FID": free("fid", taken), "GEOMETRY_NAME": free("geom", taken)},
        settings={"OGR_CURRENT_DATE": _NO_TIME},
    )
