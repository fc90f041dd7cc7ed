"""CSV and its kin (RFC 4180): every cell is text until a standard types it.

An unquoted empty cell is null, a quoted one the empty string. Delimiter, encoding and byte
order mark are found from the content.
"""

from __future__ import annotations

import csv as python_csv
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv

from cimkit import text
from cimkit.errors import SourceError
from cimkit.formats.columns import arrange, unique_names
from cimkit.formats.dataset import Dataset, Delivery, Layer, Stream
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes
from cimkit.model import Evidence

_DELIMITERS = ",;\t|"
_MOST_LINES = 20_000
_SAMPLE_ROWS = 100
_BLOCK_BYTES = 4 << 20
#: From this confidence on, bytes refute what the user says of them.
_CERTAIN = 0.7
_HIGH = re.compile(rb"[\x80-\xff]")


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """The one layer of a CSV file."""
    delivery = Delivery(probe.path, format, (probe.path,))
    encoding = _encoding(probe, wishes)
    dialect = _dialect(probe, encoding.value or "UTF-8")
    return Dataset(delivery, (CsvLayer(delivery, probe.path.stem, wishes, encoding, dialect),))


@dataclass(frozen=True)
class Dialect:
    """How a file separates cells, the names in its header, the lines above it, and whether any row follows."""

    delimiter: str
    names: tuple[str, ...]
    lines_above: int
    any_rows: bool


def _encoding(probe: Probe, wishes: Wishes) -> Evidence:
    if probe.head[:4] in (b"\xff\xfe\0\0", b"\0\0\xfe\xff") or probe.head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        found = text.probe(probe.head)
    else:
        with probe.path.open("rb") as handle:
            lines = (line.rstrip(b"\r\n") for line in handle if _HIGH.search(line))
            found = text.probe(islice(lines, _MOST_LINES), wishes.encoding)
        if probe.head.startswith(b"\xef\xbb\xbf") and found.value == "UTF-8":
            found = Evidence("UTF-8", "byte order mark", 1.0)
    if wishes.encoding is None:
        return found
    if text.named(found.value) != wishes.encoding and found.confidence >= _CERTAIN:
        raise SourceError(
            f"{probe.path} is not {wishes.encoding}: {found.how}.",
            hint=f"Leave the encoding out, or say {found.value}.",
        )
    return Evidence(wishes.encoding, "given", 1.0)


def _dialect(probe: Probe, encoding: str) -> Dialect:
    opening = probe.head.decode(encoding, errors="replace").lstrip("\ufeff")
    # Excel's own first line, which says the delimiter.
    said = re.match(r"sep=(.)\r?\n", opening)
    if said:
        opening = opening[said.end() :]
    whole = len(probe.head) == probe.path.stat().st_size
    if not whole:
        opening = opening[: opening.rfind("\n") + 1] or opening
    blank = re.match(r"[\r\n]*", opening).group()  # type: ignore[union-attr]
    opening = opening[len(blank) :]
    candidates = said.group(1) if said else _DELIMITERS
    best = max(candidates, key=lambda delimiter: _regularity(opening, delimiter))
    rows = [row for row in islice(_rows(opening, best), _SAMPLE_ROWS) if row]
    if not rows:
        raise SourceError(f"{probe.path} holds no header line.", hint="The first line must name the columns.")
    names = tuple(cell.strip() for cell in rows[0])
    return Dialect(best, names, len(blank.splitlines()) + bool(said), any_rows=len(rows) > 1 or not whole)


def _regularity(opening: str, delimiter: str) -> tuple[float, int]:
    """The share of rows that have as many cells as the header, and how many; one cell counts for nothing."""
    rows = [row for row in islice(_rows(opening, delimiter), _SAMPLE_ROWS) if row]
    cells = len(rows[0]) if rows else 0
    if cells < 2:
        return 0.0, 0
    return sum(len(row) == cells for row in rows) / len(rows), cells


def _rows(opening: str, delimiter: str) -> Iterator[list[str]]:
    try:
        yield from python_csv.reader(opening.splitlines(keepends=True), delimiter=delimiter)
    except python_csv.Error:
        return


class CsvLayer(Layer):
    """The layer of a CSV file: text cells only."""

    text_cells = True

    def __init__(self, delivery: Delivery, name: str, wishes: Wishes, encoding: Evidence, dialect: Dialect) -> None:
        super().__init__(delivery, name, crs=wishes.crs)
        self._found = encoding
        self._dialect = dialect

    @contextmanager
    def _open(self, batch_size: int) -> Iterator[Stream]:
        names, hints = unique_names(self._dialect.names)
        ragged = _Ragged(self.delivery.path, len(names))
        schema = pa.schema([pa.field(name, pa.string()) for name in names])
        arrangement = arrange(schema)
        with self._readable(), self.delivery.path.open("rb") as handle:
            reader = self._reader(handle, names, ragged)

            def batches() -> Iterator[pa.RecordBatch]:
                with self._readable():
                    last = None
                    for block in reader or ():
                        for start in range(0, block.num_rows, batch_size):
                            last = block.slice(start, batch_size)
                            yield arrangement.apply(last)
                    ragged.refuse()
                    self._refuse_open_quote(last)

            yield Stream(
                schema=arrangement.schema,
                batches=batches(),
                crs=Evidence(None, "no geometry", 1.0),
                encoding=self._found,
                hints=hints,
            )

    def _reader(self, handle: Any, names: list[str], ragged: _Ragged) -> pa_csv.CSVStreamingReader | None:
        dialect = self._dialect
        if not dialect.any_rows:
            return None
        return pa_csv.open_csv(
            handle,
            read_options=pa_csv.ReadOptions(
                use_threads=False,  # only then the number of a ragged row is known
                block_size=_BLOCK_BYTES,
                column_names=names,
                skip_rows=dialect.lines_above,
                skip_rows_after_names=1,
                encoding=(self._found.value or "UTF-8").lower(),
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=dialect.delimiter, newlines_in_values=True, invalid_row_handler=ragged.note
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types={name: pa.string() for name in names},
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )

    def _refuse_open_quote(self, last: pa.RecordBatch | None) -> None:
        """Raise SourceError where the file's last cell swallowed the lines behind a quote that is never closed."""
        if last is None or not last.num_rows:
            return
        row = last.slice(last.num_rows - 1).to_pylist()[0]
        cell = next((value for value in row.values() if value and "\n" in value), None)
        if cell is None:
            return
        with self.delivery.path.open("rb") as handle:
            quotes = sum(chunk.count(b'"') for chunk in iter(lambda: handle.read(1 << 20), b""))
        if quotes % 2:
            raise SourceError(
                f"{self.delivery.path} has a quoted cell that is never closed; it begins {cell[:30]!r}.",
                hint="Close the quote, or double it where it belongs to the text.",
            )

    @contextmanager
    def _readable(self) -> Iterator[None]:
        path = self.delivery.path
        try:
            yield
        except UnicodeError as error:
            raise SourceError(
                f"{path} holds bytes that are not {self._found.value}.", hint="Say the encoding with --encoding."
            ) from error
        except (pa.ArrowException, OSError) as error:
            raise SourceError(f"{path} cannot be read as CSV: {str(error).splitlines()[0]}") from error


class _Ragged:
    """Counts the rows that have another number of cells than the header, and remembers the first."""

    _KEPT = 3

    def __init__(self, path: Path, cells: int) -> None:
        self._path = path
        self._cells = cells
        self._count = 0
        self._first: list[tuple[str, int]] = []

    def note(self, row: Any) -> str:
        self._count += 1
        if len(self._first) < self._KEPT:
            self._first.append((row.text, row.actual_columns))
        return "skip"

    def refuse(self) -> None:
        if not self._count:
            return
        places = ", ".join(f"line {self._line(text)} has {cells}" for text, cells in self._first)
        more = ", …" if self._count > self._KEPT else ""
        rows = "1 row has" if self._count == 1 else f"{self._count} rows have"
        raise SourceError(
            f"{self._path}: {rows} another number of cells than the header's {self._cells}: {places}{more}.",
            hint="A cell that holds the delimiter, a quote or a line break must be quoted.",
        )

    def _line(self, row: str) -> int | str:
        """The number of the line on which a row begins."""
        begins = (row.splitlines() or [""])[0].encode()
        with self._path.open("rb") as handle:
            for number, line in enumerate(handle, start=1):
                if line.rstrip(b"\r\n") == begins:
                    return number
        return "?"
