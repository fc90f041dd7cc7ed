"""ESRI File Geodatabase, written by GDAL from an Arrow stream (measured with GDAL 3.12).

Integers of 64 bits are kept only for ArcGIS Pro 3.2 and later; older geodatabases would make
floats of them. Coordinates lie on a grid of 1e-9 degrees or 0.1 mm from a far origin. The ids
GDAL gives are counted rather than random, so that two runs give the same files.
"""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa

from cimkit.errors import SourceError
from cimkit.formats.gdal.arrow_write import GEOMETRY, free, write_layer
from cimkit.formats.gdal.rules import as_number, milliseconds
from cimkit.formats.gdal.spool import Spool
from cimkit.formats.naming import Naming
from cimkit.formats.profile import (
    HUGE,
    TIMES,
    WORDS,
    Change,
    Column,
    Held,
    Order,
    Profile,
    as_double,
    as_text,
    json_as_text,
    plain_text,
)
from cimkit.model import BBox

#: Words that GDAL does not take for a column (they end in _ then), as geodatabases know SQL.
_SQL = re.compile(
    "ADD|ALTER|AND|BETWEEN|BY|COLUMN|CREATE|DELETE|DROP|EXISTS|FOR|FROM|GROUP|IN|INSERT|INTO|IS|LIKE|NOT|NULL|OR|"
    "ORDER|SELECT|SET|TABLE|UPDATE|VALUES|WHERE",
    re.IGNORECASE,
)


def _clean(name: str) -> str:
    """Letters, digits and _ as UTF-16 has them in one unit, not beginning with a digit, and no word of SQL."""
    plain = "".join(c if c <= "\uffff" and re.match(r"\w", c) else "_" for c in name)
    if plain[:1].isdigit():
        plain = f"_{plain}"
    return f"{plain}_" if _SQL.fullmatch(plain) else plain


def _time(column: Column) -> Held:
    """To the millisecond; GDAL reads a time of day before 1970 back a second off, now and then."""
    there = milliseconds(column)
    micro = f"epoch_us({column.sql})"
    early = Change("time.fraction", "early", f"{micro} < 0 AND {micro} % 86400000000 <> 0", there.sql)
    return Held(there.sql, (*there.changes, early))


PROFILE = Profile(
    columns={
        **dict.fromkeys(TIMES, _time),
        **dict.fromkeys((*HUGE, "TIME"), as_text),
        **dict.fromkeys(WORDS, plain_text),
        "BOOLEAN": as_number,
        "DECIMAL": as_double,
    },
    nested=json_as_text,
    naming=Naming(longest=64, clean=_clean),
    one_kind="one",
    wraps=frozenset({2, 3}),
    curves=True,
    collections=False,
    empty_geometry=False,
    decimals=(9, 4),
    snaps=True,
    folder=True,
)


#: GDAL's grid for degrees, which it lays only where the CRS says that they are.
_DEGREES = {"XORIGIN": "-400", "YORIGIN": "-400", "XYSCALE": "1000000000"}


def _are_degrees(box: BBox | None) -> bool:
    return box is None or (box[0] >= -180 and box[2] <= 180 and box[1] >= -90 and box[3] <= 90)


def write(reader: pa.RecordBatchReader, path: Path, order: Order) -> None:
    """One layer in a new geodatabase. Its own columns (OBJECTID, SHAPE) step aside for columns of the data.

    Raises:
        SourceError: the geometries are points, lines and areas in one layer, or GDAL refuses.
    """
    taken = {name.lower() for name in reader.schema.names if name != GEOMETRY}
    geometry_type, grid = None, {}
    if GEOMETRY in reader.schema.names:
        spool = Spool(reader, path.parent)
        geometry_type = spool.family
        if spool.kinds and geometry_type is None:
            raise SourceError(
                f"{path.name} cannot be written: a layer of a geodatabase holds points or lines or areas, "
                "and there are several of these.",
                hint="Convert them one kind at a time, or to GeoPackage.",
            )
        if order.crs is None and _are_degrees(spool.bbox):
            grid = _DEGREES
        reader, geometry_type = spool.reader(), geometry_type or "Point"
    write_layer(
        reader,
        path,
        order,
        "OpenFileGDB",
        "a File Geodatabase",
        geometry_type=geometry_type,
        layer_options={
            "TARGET_ARCGIS_VERSION": "ARCGIS_PRO_3_2_OR_LATER",
            "FID": free("OBJECTID", taken),
            "GEOMETRY_NAME": free("SHAPE", taken),
            **grid,
        },
        settings={"OPENFILEGDB_REPRODUCIBLE_UUID": True},
    )
