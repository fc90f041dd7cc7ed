"""Sort more rows than memory holds, by a key that is known only when the last row has come.

Rows are kept in memory while they are few, else in a file beside the target. A sample of them
says where to cut the order into buckets that fit in memory; a second file holds the rows by
bucket, and each bucket is then sorted by itself. What comes out does not hang on the cuts. The
files are not compressed, which would cost more than it saves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

#: Rows that are sorted at once.
BUCKET_BYTES = 16 << 20
#: With more buckets than this their pieces would be too small to read one by one.
_MOST_BUCKETS = 1024
_SAMPLE_ROWS = 1 << 16

Key = Callable[[pa.Table], tuple[NDArray[np.uint64], NDArray[np.uint64]]]


class Spool:
    """Takes batches in any order and gives them back sorted.

    ``large`` names the column that makes some rows much larger than others, ``by`` the columns
    the key is made of.
    """

    def __init__(self, folder: Path, schema: pa.Schema, *, large: str, by: list[str]) -> None:
        self._folder = folder
        self._schema = schema
        self._large = large
        self._by = by
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_bytes = 0
        self._writer: pa.RecordBatchFileWriter | None = None
        self._bytes = 0
        self._rows = 0
        self._step = 1
        self._sample: list[pa.RecordBatch] = []
        self._weights: list[NDArray[np.float64]] = []

    def add(self, table: pa.Table) -> None:
        """Take some rows."""
        for batch in table.to_batches():
            self._waiting.append(batch)
            self._waiting_bytes += batch.nbytes
            self._bytes += batch.nbytes
            self._draw(batch)
        if self._waiting_bytes > BUCKET_BYTES:
            self._flush()

    def sorted(self, key: Key) -> Iterator[pa.Table]:
        """All rows by the two numbers that ``key`` has for each; to be called once, after the last was added."""
        if self._writer is None:
            yield _in_order(pa.Table.from_batches(self._waiting, schema=self._schema), key)
            return
        self._flush()
        self._writer.close()
        cuts = self._cuts(key)
        self._sample.clear()
        path = self._folder / "buckets.arrow"
        pieces = self._divide(path, key, cuts)
        with pa.OSFile(str(path)) as file, pa.ipc.open_file(file) as reader:
            for numbers in pieces:
                table = pa.Table.from_batches([reader.get_batch(n) for n in numbers], schema=self._schema)
                yield _in_order(table, key)
        path.unlink()

    # ---- the sample ---------------------------------------------------------------------

    def _draw(self, batch: pa.RecordBatch) -> None:
        """Sample every so many-th row, ever fewer as more come."""
        rows = np.arange(-self._rows % self._step, batch.num_rows, self._step)
        self._rows += batch.num_rows
        if not len(rows):
            return
        lengths = pc.fill_null(pc.binary_length(batch.column(self._large)), 0).to_numpy(zero_copy_only=False)
        rest = (batch.nbytes - int(lengths.sum())) / batch.num_rows
        self._sample.append(batch.select(self._by).take(pa.array(rows)))
        self._weights.append(lengths[rows] + rest)
        if sum(map(len, self._weights)) > _SAMPLE_ROWS:
            self._step *= 2
            table = pa.Table.from_batches(self._sample).combine_chunks()
            self._sample = table.take(pa.array(np.arange(0, len(table), 2))).to_batches()
            self._weights = [np.concatenate(self._weights)[::2]]

    def _cuts(self, key: Key) -> NDArray[np.uint64]:
        """The keys at which buckets begin, so that each has about as many bytes."""
        count = min(_MOST_BUCKETS, self._bytes // BUCKET_BYTES + 1)
        first, _ = key(pa.Table.from_batches(self._sample))
        order = np.argsort(first)
        weight = np.cumsum(np.concatenate(self._weights)[order])
        at = np.searchsorted(weight, weight[-1] * np.arange(1, count) / count)
        return np.unique(first[order][at])

    # ---- the files ----------------------------------------------------------------------

    @property
    def _path(self) -> Path:
        return self._folder / "rows.arrow"

    def _flush(self) -> None:
        if self._writer is None:
            self._writer = pa.ipc.new_file(str(self._path), self._schema)
        for batch in self._waiting:
            self._writer.write_batch(batch)
        self._waiting.clear()
        self._waiting_bytes = 0

    def _divide(self, path: Path, key: Key, cuts: NDArray[np.uint64]) -> list[list[int]]:
        """Write the rows by bucket; which batches of the file belong to each bucket."""
        pieces: list[list[int]] = [[] for _ in range(len(cuts) + 1)]
        written = 0
        with pa.ipc.new_file(str(path), self._schema) as writer:
            for table in self._portions():
                bucket = np.searchsorted(cuts, key(table)[0], side="right")
                table = table.take(pa.array(np.argsort(bucket, kind="stable")))
                ends = np.cumsum(np.bincount(bucket, minlength=len(pieces)))
                for number, (start, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
                    for batch in table.slice(start, end - start).to_batches():
                        writer.write_batch(batch)
                        pieces[number].append(written)
                        written += 1
        self._path.unlink()
        return pieces

    def _portions(self) -> Iterator[pa.Table]:
        portion: list[pa.RecordBatch] = []
        with pa.OSFile(str(self._path)) as file, pa.ipc.open_file(file) as reader:
            for number in range(reader.num_record_batches):
                portion.append(reader.get_batch(number))
                if sum(batch.nbytes for batch in portion) > BUCKET_BYTES:
                    yield pa.Table.from_batches(portion)
                    portion = []
        if portion:
            yield pa.Table.from_batches(portion)


def _in_order(table: pa.Table, key: Key) -> pa.Table:
    first, second = key(table)
    order = np.argsort(first, kind="stable")
    if (first[order][1:] == first[order][:-1]).any():
        order = np.lexsort((second, first))
    return table.take(pa.array(order))
