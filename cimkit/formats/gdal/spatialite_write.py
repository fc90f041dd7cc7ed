"""SpatiaLite, written by GDAL from an Arrow stream (measured with GDAL 3.12).

SpatiaLite writes down when it did what: those tables are emptied, so that two runs give the
same file. There is no spatial index, which holds numbers in the order of chance, and of the
EPSG registry only the one entry that is needed.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from cimkit.errors import SourceError
from cimkit.formats.gdal.arrow_write import GEOMETRY, free, write_layer
from cimkit.formats.gdal.rules import milliseconds
from cimkit.formats.naming import Naming
from cimkit.formats.profile import (
    HUGE,
    NUMBERS,
    TIMES,
    WORDS,
    Cells,
    Order,
    Profile,
    as_double,
    as_text,
    json_as_text,
    no_nan,
    plain_text,
)

#: GDAL takes a column of this name for the key, whatever it is.
_KEY = "ogc_fid"
_CELLS = Cells()

PROFILE = Profile(
    columns={
        **dict.fromkeys(TIMES, milliseconds),
        **dict.fromkeys(NUMBERS, no_nan),
        **dict.fromkeys((*HUGE, "TIME"), as_text),
        **dict.fromkeys(WORDS, plain_text),
        "VARCHAR": _CELLS.rule(),
        "DECIMAL": as_double,
    },
    nested=json_as_text,
    naming=Naming(reserved=frozenset({GEOMETRY, _KEY})),
    one_dimension=True,
)
#: Tables that begin so are SQLite's and SpatiaLite's own.
_RESERVED = re.compile(
    "sqlite_|spatialite_|spatial_ref_sys|spatialindex|geometry_columns|views_|virts_|raster_coverages|"
    "vector_coverages|sql_statements_log|elementarygeometries|data_licenses|knn",
    re.IGNORECASE,
)
_LOGS = ("spatialite_history", "sql_statements_log", "geometry_columns_time", "geometry_columns_statistics")


def _table(layer: str) -> str:
    """The layer's name as SpatiaLite takes it for a table of geometries; GDAL would write on without them."""
    name = layer.replace("'", "_").replace('"', "_").strip() or "layer"
    return f"_{name}" if _RESERVED.match(name) else name


def write(reader: pa.RecordBatchReader, path: Path, order: Order) -> None:
    """One layer in a new database. Its own columns step aside for columns of these names in the data.

    Raises:
        SourceError: a column is called GEOMETRY, which ends the process in SpatiaLite, or GDAL refuses.
    """
    taken = {name.lower() for name in reader.schema.names if name != GEOMETRY}
    if GEOMETRY in taken:
        raise SourceError(f"{path.name} cannot be written: SpatiaLite takes no column called GEOMETRY.")
    options = {"FID": free(_KEY, taken), "SPATIAL_INDEX": "NO", "LAUNDER": "NO"}
    if GEOMETRY in reader.schema.names:
        options["GEOMETRY_NAME"] = free("geom", taken)
    database = {"SPATIALITE": "YES", "INIT_WITH_EPSG": "NO"}
    order = replace(order, layer=_table(order.layer))
    # A layer declared with M takes nothing through pyogrio; one of any kind takes all.
    kind = "Unknown" if order.has_m else order.geometry_type
    write_layer(
        reader,
        path,
        order,
        "SQLite",
        "SpatiaLite",
        geometry_type=kind,
        layer_options=options,
        dataset_options=database,
    )
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for log in _LOGS:
            connection.execute(f"DELETE FROM {log}")
        connection.execute("DELETE FROM sqlite_sequence WHERE name = 'sql_statements_log'")
        connection.execute("VACUUM")
