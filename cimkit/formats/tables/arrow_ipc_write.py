"""Arrow IPC, written by pyarrow: a file (.arrow, .feather) or a stream (.arrows), geometry as geoarrow.wkb."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa

from cimkit import crs as reference_systems
from cimkit.formats.profile import HUGE, WORDS, Order, Profile, as_text, plain_text

_GEOMETRY = "geometry"

PROFILE = Profile(
    columns={
        **dict.fromkeys((kind for kind in HUGE if kind != "UBIGINT"), as_text),
        **dict.fromkeys((*WORDS, "TIME WITH TIME ZONE"), plain_text),
    },
    damaged=True,
)


def write(reader: pa.RecordBatchReader, path: Path, order: Order) -> None:
    """The stream as it is; the CRS stands as PROJJSON in the geometry's GeoArrow metadata."""
    schema = pa.schema([_geometry(f, order.crs) if f.name == _GEOMETRY else f for f in reader.schema])
    # Feather is packed, as pyarrow does; .arrow may be mapped into memory as it is.
    options = pa.ipc.IpcWriteOptions(compression="lz4" if path.suffix.lower() == ".feather" else None)
    make = pa.ipc.new_stream if path.suffix.lower() == ".arrows" else pa.ipc.new_file
    with pa.OSFile(str(path), "wb") as file, make(file, schema, options=options) as writer:
        for batch in reader:
            arrays = [
                array.cast(f.type) if array.type != f.type else array for array, f in zip(batch, schema, strict=True)
            ]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))


def _geometry(field: pa.Field, crs: str | None) -> pa.Field:
    known = crs is not None and crs not in (reference_systems.GCJ02, reference_systems.BD09)
    about = {"crs": reference_systems.projjson(crs), "crs_type": "projjson"} if crs is not None and known else {}
    metadata = {"ARROW:extension:name": "geoarrow.wkb", "ARROW:extension:metadata": json.dumps(about, sort_keys=True)}
    return pa.field(field.name, pa.binary(), metadata=metadata)
