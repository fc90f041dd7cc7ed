"""The solids of a city model, staged beside the layer whose geometry is what they cover on the map."""

from __future__ import annotations

import hashlib
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cimkit.atomic import replacing
from cimkit.formats.columns import ROW
from cimkit.formats.dataset import Layer

SOLIDS = "solids"
_SCHEMA = pa.schema([(ROW, pa.int64()), (SOLIDS, pa.binary())])
_BATCH_BYTES = 32 << 20


def stage_solids(layer: Layer, folder: Path) -> Path | None:
    """A Parquet file in ``folder`` of the records that have solids (``_row``, ``solids`` as WKB); None where none has.

    Raises:
        SourceError: the layer cannot be read.
    """
    solids = layer.solids()
    first = next(solids, None)
    if first is None:
        return None
    digest = hashlib.sha256(layer.name.encode()).hexdigest()[:12]
    target = folder / f"solids-{digest}.parquet"
    rows: list[int] = []
    cells: list[bytes] = []
    with replacing(target) as path, pq.ParquetWriter(path, _SCHEMA, compression="lz4", use_dictionary=False) as writer:

        def write() -> None:
            writer.write_batch(pa.record_batch([pa.array(rows), pa.array(cells, pa.binary())], schema=_SCHEMA))
            rows.clear()
            cells.clear()

        size = 0
        for row, cell in chain([first], solids):
            rows.append(row)
            cells.append(cell)
            size += len(cell)
            if size >= _BATCH_BYTES:
                write()
                size = 0
        write()
    return target
