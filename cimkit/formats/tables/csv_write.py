"""CSV (RFC 4180), written by pyarrow from an Arrow stream."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from cimkit.formats.naming import Naming
from cimkit.formats.profile import (
    HUGE,
    NUMBERS,
    TIMES,
    WORDS,
    Order,
    Profile,
    finite,
    hexadecimal,
    iso_time,
    json_as_text,
    plain_text,
)

_GEOMETRY = "geometry"

PROFILE = Profile(
    columns={
        **dict.fromkeys(TIMES, iso_time),
        **dict.fromkeys(NUMBERS, finite),
        **dict.fromkeys((*WORDS, *HUGE, "DECIMAL", "TIME"), plain_text),
        "BLOB": hexadecimal,
    },
    nested=json_as_text,
    naming=Naming(clean=str.strip),  # readers, ours among them, leave out spaces around names
    geometry="wkt",
    crs="none",
    open_rings=False,
)


def write(reader: pa.RecordBatchReader, path: Path, order: Order) -> None:
    """UTF-8, text quoted and NULL not, so that the empty text and nothing differ. Geometry is a column of WKT."""
    import pyarrow.csv as csv

    schema = _csv_schema(reader.schema)
    with csv.CSVWriter(path, schema, write_options=csv.WriteOptions(quoting_style="needed")) as writer:
        for batch in reader:
            columns = [
                as_wkt(array) if name == _GEOMETRY else array
                for name, array in zip(reader.schema.names, batch, strict=True)
            ]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))


def _csv_schema(schema: pa.Schema) -> pa.Schema:
    wkt = wkt_name(schema)
    return pa.schema([pa.field(wkt, pa.string()) if f.name == _GEOMETRY else pa.field(f.name, f.type) for f in schema])


def wkt_name(schema: pa.Schema) -> str:
    """A name for the column of WKT that no other column has."""
    taken = {name.lower() for name in schema.names}
    wkt = "WKT"
    while wkt.lower() in taken:
        wkt = f"geometry_{wkt}"
    return wkt


def as_wkt(array: pa.Array) -> pa.Array:
    """WKB as WKT with every digit of the coordinates; null where GEOS does not read it."""
    import shapely

    with np.errstate(invalid="ignore"):
        shapes = shapely.from_wkb(array.to_numpy(zero_copy_only=False), on_invalid="ignore")
    return pa.array(
        shapely.to_wkt(shapes, rounding_precision=17, trim=True, output_dimension=4), pa.string(), from_pandas=True
    )
