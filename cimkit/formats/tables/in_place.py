"""A Parquet file staged without a copy: whether every later step may read it where it lies, and its facts.

DuckDB trusts the geometry it is given, takes some names for patterns and some columns for others
than pyarrow does. A file that leaves a doubt is copied instead, by :func:`cimkit.formats.stage`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cimkit import duck, wkb
from cimkit.formats.columns import GEOMETRY, plain_array
from cimkit.formats.dataset import Layer, Stream
from cimkit.formats.facts import FactGatherer
from cimkit.model import Progress, Staged

#: DuckDB finds files by patterns with these, and its own column by this name.
_PATTERN, _NUMBER = frozenset("*?["), "file_row_number"
#: Row groups so small on average cost more to find than to copy, where there are many.
_FEW_ROWS, _FEW_GROUPS = 2048, 64
#: Columns of these (physical, logical) types are the same to DuckDB as a copy of them by pyarrow.
_ALIKE = {
    *((kind, "NONE") for kind in ("BOOLEAN", "INT32", "INT64", "FLOAT", "DOUBLE", "BYTE_ARRAY")),
    *(("INT32", "INT"), ("INT64", "INT"), ("INT32", "DATE"), ("BYTE_ARRAY", "STRING")),
}
#: Geometries of so many bytes together are looked at at once, and of so many records at most.
_BATCH_BYTES, _BATCH_ROWS = 8 << 20, 16_384


def staged(layer: Layer, stream: Stream, columns: Mapping[str, str], progress: Progress) -> Staged | None:
    """A layer that is the Parquet file it lies in; None where it must be copied to be read without harm.

    ``stream`` is the opened layer, of which no batch is read; ``columns`` leads from its columns
    to the file's.
    """
    path = layer.delivery.path.absolute()
    gatherer = FactGatherer(stream)
    with pq.ParquetFile(path, pre_buffer=False) as file:
        if not _is_safe(path, file, stream.schema, columns):
            return None
        gatherer.count(file.metadata.num_rows)
        if GEOMETRY in columns and not _gather_geometry(layer.name, file, columns[GEOMETRY], gatherer, progress):
            return None
        for name in gatherer.text_columns:
            _gather_codes(file, name, columns[name], gatherer)
    facts = gatherer.facts()
    return Staged(path, layer.source, layer.name, facts, layer.text_cells, columns=columns, numbered=False)


def _is_safe(path: Path, file: pq.ParquetFile, schema: pa.Schema, columns: Mapping[str, str]) -> bool:
    names = [name.lower() for name in file.schema_arrow.names]
    if len(set(names)) < len(names) or _NUMBER in names or any(not name or "\0" in name for name in names):
        return False
    if _PATTERN & set(str(path)) or any("\ud800" <= letter <= "\udfff" for letter in str(path)):
        return False
    about = file.metadata
    if about.num_row_groups > _FEW_GROUPS and about.num_rows < _FEW_ROWS * about.num_row_groups:
        return False
    leaves = [file.schema.column(number) for number in range(len(file.schema))]
    alike = {
        leaf.path
        for leaf in leaves
        if (leaf.physical_type, leaf.logical_type.type) in _ALIKE and not leaf.max_repetition_level
    }
    return alike >= set(columns.values()) or _types_agree(path, schema, columns)


def _types_agree(path: Path, schema: pa.Schema, columns: Mapping[str, str]) -> bool:
    """Whether DuckDB gives the columns the types that it would give a copy of them."""
    with tempfile.TemporaryDirectory(prefix="cimkit-types-") as folder, duck.connect() as con:
        copy = Path(folder) / "copy.parquet"
        pq.write_table(schema.empty_table(), copy)
        listed = ", ".join(f"{duck.identifier(column)} AS {duck.identifier(name)}" for name, column in columns.items())
        one, two = (
            con.execute(f"DESCRIBE SELECT {names} FROM {duck.parquet(file)}").fetchall()
            for names, file in ((listed, path), (", ".join(map(duck.identifier, columns)), copy))
        )
    return [row[:2] for row in one] == [row[:2] for row in two]


def _gather_geometry(name: str, file: pq.ParquetFile, column: str, gatherer: FactGatherer, progress: Progress) -> bool:
    """Take the geometries into account; whether DuckDB may be given all of them."""
    field, done = pa.field(GEOMETRY, pa.binary()), 0
    for batch in file.iter_batches(_rows_at_once(file, column), columns=[column]):
        array = plain_array(batch.column(column), field, column)
        if not gatherer.geometry(array) and not wkb.sound(array).all():
            return False
        done += batch.num_rows
        progress(f"read {name}", done, file.metadata.num_rows)
    return True


def _rows_at_once(file: pq.ParquetFile, column: str) -> int:
    leaf = next(i for i in range(len(file.schema)) if file.schema.column(i).path == column)
    groups = (file.metadata.row_group(number) for number in range(file.metadata.num_row_groups))
    largest = max((g.column(leaf).total_uncompressed_size / max(g.num_rows, 1) for g in groups), default=1.0)
    return int(np.clip(_BATCH_BYTES / max(largest, 1.0), 64, _BATCH_ROWS))


def _gather_codes(file: pq.ParquetFile, name: str, column: str, gatherer: FactGatherer) -> None:
    """Look for codes with leading zeros where the statistics of the file do not rule them out."""
    leaf = next(i for i in range(len(file.schema)) if file.schema.column(i).path == column)
    field = pa.field(name, pa.string())
    for number in range(file.metadata.num_row_groups):
        if not _may_begin_with_zero(file.metadata.row_group(number).column(leaf)):
            continue
        for batch in file.iter_batches(row_groups=[number], columns=[column]):
            if gatherer.text(name, plain_array(batch.column(column), field, column)):
                return


def _may_begin_with_zero(chunk: pq.ColumnChunkMetaData) -> bool:
    try:
        found = chunk.statistics
        return found is None or not found.has_min_max or (found.min < "1" and found.max >= "0")
    except (UnicodeDecodeError, TypeError):
        return True
