"""A Parquet file written in row groups of bounded size, wherever the tables that make it up end."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

ROW_GROUP_ROWS = 65_536
#: Big values fill memory before 64k rows are together.
ROW_GROUP_BYTES = 64 << 20


class RowGroups:
    """Takes tables of one schema, at least one, and writes them as a Parquet file.

    Rows go into row groups of :data:`ROW_GROUP_ROWS`, fewer where the values of the column
    ``large`` together have more than :data:`ROW_GROUP_BYTES`. ``finish`` has the last word on a
    row group. ``metadata`` may be filled in until the end. Columns in ``unalike`` hold no value
    often enough for a dictionary.
    """

    def __init__(
        self,
        path: Path,
        *,
        large: str | None = None,
        unalike: Collection[str] = (),
        finish: Callable[[pa.Table], pa.Table] = lambda table: table,
    ) -> None:
        self.rows = 0
        self.metadata: dict[str, str] = {}
        self._path = path
        self._large = large
        self._unalike = unalike
        self._finish = finish
        self._writer: pq.ParquetWriter | None = None
        self._group: list[pa.Table] = []
        self._bytes = 0

    def __enter__(self) -> RowGroups:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._writer is None:
            return
        try:
            if kind is None:
                self._write()
                self._writer.add_key_value_metadata(self.metadata)
        finally:
            self._writer.close()

    def add(self, table: pa.Table) -> None:
        """Take the next rows."""
        if self._writer is None:
            self._open(table.slice(0, 0))
        self.rows += table.num_rows
        sizes = np.cumsum(self._sizes(table))
        taken = 0
        while taken < table.num_rows:
            before = int(sizes[taken - 1]) if taken else 0
            room = int(np.searchsorted(sizes, ROW_GROUP_BYTES - self._bytes + before, side="right")) - taken
            held = sum(part.num_rows for part in self._group)
            count = min(max(room, 0 if held else 1), ROW_GROUP_ROWS - held, table.num_rows - taken)
            if count:
                self._group.append(table.slice(taken, count))
                self._bytes += int(sizes[taken + count - 1]) - before
                taken += count
            if taken < table.num_rows:
                self._write()

    def _sizes(self, table: pa.Table) -> NDArray[np.int64]:
        if self._large is None:
            return np.zeros(table.num_rows, dtype=np.int64)
        return pc.fill_null(pc.binary_length(table[self._large]), 0).to_numpy().astype(np.int64)

    def _open(self, empty: pa.Table) -> None:
        empty = self._finish(empty)
        leaves = _leaves(empty)
        # Neither a dictionary nor the least and the greatest of all WKB is of use to anyone.
        binary = {field.name for field in empty.schema if pa.types.is_binary(field.type)}
        self._writer = pq.ParquetWriter(
            self._path,
            empty.schema,
            compression="zstd",
            use_dictionary=[path for path, name in leaves.items() if name not in {*binary, *self._unalike}],
            write_statistics=[path for path, name in leaves.items() if name not in binary],
        )

    def _write(self) -> None:
        if self._group and self._writer is not None:
            # In one piece, since Arrow begins a page where a piece does.
            table = self._finish(pa.concat_tables(self._group).combine_chunks())
            self._writer.write_table(table, row_group_size=ROW_GROUP_ROWS)
        self._group.clear()
        self._bytes = 0


def _leaves(empty: pa.Table) -> dict[str, str]:
    """The columns in which Parquet keeps a table's nested columns, and the name of the column each belongs to."""
    sink = pa.BufferOutputStream()
    pq.write_table(empty, sink)
    file = pq.ParquetFile(pa.BufferReader(sink.getvalue()))
    columns = [file.schema.column(i) for i in range(len(file.schema))]
    names = sorted(empty.schema.names, key=len, reverse=True)
    return {c.path: next(n for n in names if c.path == n or c.path.startswith(n + ".")) for c in columns}
