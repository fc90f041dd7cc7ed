"""FlatGeobuf, written by GDAL from an Arrow stream (measured with GDAL 3.12).

Its index sorts the records along a Hilbert curve, and takes none without a geometry: where
there are such records, or their order is to stay, the file has no index. A layer declared
without Z or M loses them, so it is declared as what its geometries are.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from cimkit.formats.gdal.arrow_write import GEOMETRY, write_layer
from cimkit.formats.gdal.rules import milliseconds
from cimkit.formats.gdal.spool import Spool
from cimkit.formats.profile import (
    HUGE,
    TIMES,
    WORDS,
    Cells,
    Order,
    Profile,
    as_double,
    as_text,
    json_as_text,
    plain_text,
)

PROFILE = Profile(
    columns={
        **dict.fromkeys(TIMES, milliseconds),
        **dict.fromkeys((*HUGE, "TIME", "DATE"), as_text),
        **dict.fromkeys(WORDS, plain_text),
        "VARCHAR": Cells().rule(),
        "DECIMAL": as_double,
    },
    nested=json_as_text,
    curves=True,
    surfaces=True,
    one_dimension=True,
    empty_geometry=False,
    keeps_order=False,
)


def write(reader: pa.RecordBatchReader, path: Path, order: Order) -> None:
    """One layer in a new file.

    Raises:
        SourceError: GDAL refuses.
    """
    indexed, kind = False, None
    if GEOMETRY in reader.schema.names:
        spool = Spool(reader, path.parent)
        kind = spool.declared
        indexed = bool(spool.kinds) and not (spool.null or spool.empty or order.in_order)
        reader = spool.reader()
    options = {"SPATIAL_INDEX": "YES" if indexed else "NO", "TEMPORARY_DIR": str(path.parent)}
    write_layer(reader, path, order, "FlatGeobuf", "FlatGeobuf", geometry_type=kind, layer_options=options)
