"""Staged and mapped layers read: as a table expression of DuckDB, and in batches of Arrow.

Their records are in a file of ours, or in the user's own Parquet file, or in a staged file whose
columns go by other names; whoever reads them here need not know which.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cimkit import duck
from cimkit.duck import identifier
from cimkit.formats.columns import FID, GEOMETRY, ROW, plain_array, plain_field

#: Geometries of so many records are taken apart at once.
BATCH_ROWS = 16_384


class Stored(Protocol):
    """A :class:`~cimkit.model.Staged` or a :class:`~cimkit.model.Mapped` layer."""

    @property
    def path(self) -> Path: ...

    @property
    def columns(self) -> Mapping[str, str] | None: ...

    @property
    def numbered(self) -> bool: ...


def table(stored: Stored) -> str:
    """The records as a table expression of DuckDB, ``_row`` and ``_fid`` last."""
    if stored.columns is None:
        return duck.parquet(stored.path)
    listed = [f"{identifier(column)} AS {identifier(name)}" for name, column in stored.columns.items()]
    if stored.numbered:
        return f"(SELECT {', '.join([*listed, ROW, FID])} FROM {duck.parquet(stored.path)})"
    # A folder called year=2024 is no column of the file.
    options = "file_row_number = true, hive_partitioning = false"
    listed += [f"file_row_number AS {ROW}", f"CAST(NULL AS VARCHAR) AS {FID}"]
    return f"(SELECT {', '.join(listed)} FROM read_parquet({duck.literal(str(stored.path))}, {options}))"


def schema(stored: Stored) -> pa.Schema:
    """The Arrow schema of :func:`table`, with the marks of the columns and of the file."""
    file = pq.read_schema(stored.path)
    if stored.columns is None:
        return file
    fields = [plain_field(name, file.field(column)) for name, column in stored.columns.items()]
    return pa.schema([*fields, pa.field(ROW, pa.int64()), pa.field(FID, pa.string())], file.metadata)


def rows(stored: Stored) -> int:
    """How many records there are."""
    return int(pq.read_metadata(stored.path).num_rows)


def has_geometry(stored: Stored) -> bool:
    """Whether the file has a geometry column, be it empty; a text column of that name is none."""
    found = schema(stored)
    kind = found.field(GEOMETRY).type if GEOMETRY in found.names else None
    return kind is not None and (pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def batches(stored: Stored, columns: Sequence[str], size: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
    """Columns of the records (``_row`` among them or not) in source order, at most ``size`` at a time."""
    found = schema(stored)
    wanted = pa.schema([found.field(name) for name in columns])
    physical = stored.columns or {name: name for name in found.names}
    counted = not stored.numbered
    asked = [name if name in (ROW, FID) else physical[name] for name in columns if not (counted and name in (ROW, FID))]
    done = 0
    # With its buffers Arrow would hold all of the file that was read so far.
    with pq.ParquetFile(stored.path, pre_buffer=False) as file:
        for batch in file.iter_batches(size, columns=asked):
            arrays = []
            for name in columns:
                if counted and name == ROW:
                    arrays.append(pa.array(np.arange(done, done + batch.num_rows)))
                elif counted and name == FID:
                    arrays.append(pa.nulls(batch.num_rows, pa.string()))
                else:
                    column = name if name in (ROW, FID) else physical[name]
                    arrays.append(plain_array(batch.column(column), wanted.field(name), column))
            yield pa.RecordBatch.from_arrays(arrays, schema=wanted)
            done += batch.num_rows
