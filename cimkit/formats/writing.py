"""Every writable format but GeoParquet, written from a stream of record batches.

Two runs give the same bytes. Geometry is of kinds, and values are of types, that the format
has; what it cannot hold is for the caller to turn into something it can, and to tell: see
:mod:`cimkit.convert` and each format's profile.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from cimkit import atomic
from cimkit.errors import SourceError, UsageError
from cimkit.formats.profile import Order
from cimkit.formats.registry import FORMATS, writable

#: How SQLite, GDAL, Arrow and the system say that there is no room. SQLite ends the transaction by itself then.
_FULL = re.compile(
    r"No space left|File too large|disk is full|disk I/O error|no transaction is active|Could not write line|FWrite\(\)"
)


def write(reader: pa.RecordBatchReader, target: Path, order: Order) -> int:
    """Write a stream to the format that the target's suffix names; how many rows.

    Args:
        reader: the columns, among them ``geometry`` as WKB, or none.
        target: the file, or folder where the format is one.
        order: the CRS of the geometry, the name of the layer, and what else the writer is told.

    Raises:
        UsageError: no writer knows the suffix.
        SourceError: the file cannot be written.
    """
    writer = FORMATS[format_of(target)].writing()
    counted = _Counted(reader)
    try:
        with atomic.replacing(target, sidecars=writer.PROFILE.sidecars, folder=writer.PROFILE.folder) as path:
            writer.write(counted.reader, path, order)
    except SourceError as error:
        raise _in_words(error, target) from error
    return counted.rows


def _in_words(error: SourceError, target: Path) -> SourceError:
    """The same error without the words of a library, which often tell of a full disk in their own way."""
    if _FULL.search(str(error)):
        return SourceError(
            f"{target} cannot be written: the disk is full, or a limit on the size of files is reached.",
            hint="Is there enough room on the disk?",
        )
    return SourceError(str(error).replace("Error while writing batch to OGR layer: ", ""), hint=error.hint)


def format_of(target: Path) -> str:
    """The name of the format that a target's suffix names.

    Raises:
        UsageError: no format that can be written has this suffix.
    """
    known = writable()
    try:
        return known[target.suffix.lower()]
    except KeyError:
        raise UsageError(
            f"{target} names no format that can be written.", hint=f"Writable: {', '.join(sorted(known))}."
        ) from None


class _Counted:
    """A stream that counts its rows as they pass."""

    def __init__(self, reader: pa.RecordBatchReader) -> None:
        self.rows = 0
        self.reader = pa.RecordBatchReader.from_batches(reader.schema, self._batches(reader))

    def _batches(self, reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        for batch in reader:
            self.rows += batch.num_rows
            yield batch
