"""CSV and its kin (RFC 4180): every cell is text until a standard types it.

An unquoted empty cell is null, a quoted one the empty string. Delimiter, encoding, byte
order mark, header and units are found from the content: see :mod:`.csv_dialect`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from cimkit.errors import SourceError
from cimkit.formats.columns import FID, unique_names
from cimkit.formats.dataset import Dataset, Delivery, Layer, Stream
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes
from cimkit.formats.tables import places
from cimkit.formats.tables.cell_names import last_line, lettered, numbered
from cimkit.formats.tables.content import STAND_IN, Content, Utf8Only, decodable, redelimited
from cimkit.formats.tables.csv_dialect import Dialect, dialect_of, encoding_of
from cimkit.formats.tables.csv_faults import Faults, open_quote
from cimkit.formats.tables.headers import UNIT_MARK
from cimkit.model import Evidence, Hint, Reject

_BLOCK_BYTES = 4 << 20


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """The one layer of a CSV file."""
    delivery = Delivery(probe.path, format, (probe.path,))
    content = Content(probe.path)
    encoding = encoding_of(content, wishes.encoding)
    dialect = dialect_of(content, encoding.value or "UTF-8")
    return Dataset(delivery, (CsvLayer(delivery, probe.path.stem, wishes, content, encoding, dialect),))


class CsvLayer(Layer):
    """The layer of a CSV file: text cells only."""

    text_cells = True

    def __init__(
        self, delivery: Delivery, name: str, wishes: Wishes, content: Content, encoding: Evidence, dialect: Dialect
    ) -> None:
        super().__init__(delivery, name, crs=wishes.crs)
        self._content = content
        self._found = encoding
        self._dialect = dialect
        self._salvage = wishes.salvage

    @contextmanager
    def _open(self, batch_size: int) -> Iterator[Stream]:
        names, hints = unique_names(self._dialect.header.names)
        hints += self._dialect.hints(names)
        hints += places.hints(names, self._dialect.sample)
        units = self._dialect.header.units
        fields = [
            lettered(
                pa.field(name, pa.string(), metadata={UNIT_MARK: units[i].encode()} if i in units else None),
                i,
                self._dialect.header.names[i],
            )
            for i, name in enumerate(names)
        ]
        schema = numbered(
            pa.schema([*fields, pa.field(FID, pa.string())]), self._dialect.lines_above + 1, last_line(self._content)
        )
        rejected: list[Reject] = []
        batches = self._batches(names, schema, batch_size, hints, rejected)
        yield Stream(
            schema=schema,
            batches=batches,
            crs=Evidence(None, "no geometry", 1.0),
            encoding=self._found,
            hints=hints,
            rejected=rejected,
        )

    def _batches(
        self, names: list[str], schema: pa.Schema, batch_size: int, hints: list[Hint], rejected: list[Reject]
    ) -> Iterator[pa.RecordBatch]:
        faults = Faults(self._content, self._found.value or "UTF-8", len(names), self._dialect.comment)
        nul = 0
        skip: int | None = self._dialect.lines_above if self._dialect.any_rows else None
        while skip is not None:
            last = None
            with self._readable(), self._content.open() as handle:
                for block in self._reader(handle, names, faults, skip, rejected):
                    for start in range(0, block.num_rows, batch_size):
                        batch, found = _without_nul(block.slice(start, batch_size))
                        nul += found
                        if last is not None:
                            yield _shaped(last, schema)
                        last = batch
            skip = None
            swallowed = faults.take_open() or open_quote(self._content, last, self._found.value or "UTF-8")
            if swallowed is not None:
                if not self._salvage:
                    raise swallowed.error(self._content)
                # The lines behind the open quote are read on their own.
                rejected.append(Reject(None, f"line {swallowed.line}", "It opens a quote that is never closed."))
                skip = swallowed.line
                if last is not None and swallowed.took_row:
                    last = last.slice(0, last.num_rows - 1)
            if last is not None and last.num_rows:
                yield _shaped(last, schema)
        if self._salvage:
            rejected.extend(faults.rejects())
            rejected.sort(key=lambda reject: int(reject.place.removeprefix("line ")))
        else:
            faults.refuse()
        if nul:
            hints.append(Hint("text.nul", f"{nul} cells hold the character NUL, which is left out."))

    def _reader(
        self, handle: IO[bytes], names: list[str], faults: Faults, skip: int, rejected: list[Reject]
    ) -> Iterator[pa.RecordBatch]:
        encoding = self._found.value or "UTF-8"
        delimiter = self._dialect.delimiter
        source: Any = handle
        if self._salvage and not encoding.lower().startswith("utf-16"):
            kept = [] if skip > self._dialect.lines_above else rejected
            source = decodable(handle, encoding, kept)
        elif encoding == "UTF-8":
            source = Utf8Only(handle)
        if not delimiter.isascii():
            source, delimiter, encoding = redelimited(source, encoding, delimiter), STAND_IN, "UTF-8"
        if not self._has_more(skip):
            return
        reader = pa_csv.open_csv(
            source,
            read_options=pa_csv.ReadOptions(
                use_threads=False,  # only then the order of ragged rows is known
                block_size=max(_BLOCK_BYTES, 4 * self._dialect.longest_line),
                column_names=names,
                skip_rows=skip,
                encoding=encoding.lower(),
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=delimiter,
                newlines_in_values=True,
                invalid_row_handler=faults.note,
                # In a single column a blank line is a record without a value.
                ignore_empty_lines=len(names) > 1,
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types={name: pa.string() for name in names},
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
        for block in reader:
            yield _restored(block, self._dialect.delimiter) if delimiter == STAND_IN else block

    def _has_more(self, skip: int) -> bool:
        """Whether anything but blank lines stands below the skipped ones, which pyarrow takes for an error."""
        if skip <= self._dialect.lines_above:
            return True
        lines = (line for number, line in enumerate(self._content.lines()) if number >= skip)
        return any(line.strip() for line in lines)

    @contextmanager
    def _readable(self) -> Iterator[None]:
        shown = self._content.shown
        try:
            yield
        except (UnicodeError, pa.ArrowException, OSError) as error:
            reason = str(error).splitlines()[0]
            if isinstance(error, UnicodeError) or "invalid UTF8" in reason:
                raise SourceError(
                    f"{shown} holds bytes that are not {self._found.value}.",
                    hint="Say the encoding with --encoding, or leave such lines out with --salvage.",
                ) from error
            if "straddling object" in reason:
                raise SourceError(
                    f"{shown} has a record of more than {_BLOCK_BYTES >> 20} MB.",
                    hint="Is a quote missing, or a line end?",
                ) from error
            raise SourceError(f"{shown} cannot be read as CSV: {reason}") from error


def _shaped(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([*batch.columns, pa.nulls(batch.num_rows, pa.string())], schema=schema)


def _without_nul(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, int]:
    """The batch without NUL characters, which SQL text cannot hold, and how many cells had one."""
    count = 0
    for place, array in enumerate(batch.columns):
        data = array.buffers()[2]
        if data is None or not data.size or np.frombuffer(data, np.uint8).all():
            continue
        count += pc.sum(pc.match_substring(array, "\0")).as_py() or 0
        batch = batch.set_column(place, batch.schema.field(place), pc.replace_substring(array, "\0", ""))
    return batch, count


def _restored(batch: pa.RecordBatch, delimiter: str) -> pa.RecordBatch:
    """The batch with the delimiter again where a quoted cell holds it."""
    arrays = [pc.replace_substring(array, STAND_IN, delimiter) for array in batch.columns]
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)
