"""dBase tables (.dbf) that stand alone; their encoding is found as a shapefile's is.

Deleted records are left out and counted. Numbers, dates and truth values get their types;
what cannot be one is null and counted. Memo fields lie in another file and are not read.
Types of fields: "Xbase File Format Description" (E. Bachmann), and Visual FoxPro's.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cimkit.formats.columns import FID, unique_names
from cimkit.formats.dataset import Dataset, Delivery, Layer, Stream
from cimkit.formats.gdal import dbf
from cimkit.formats.gdal.shapefile import encoding_of
from cimkit.formats.probe import Probe
from cimkit.formats.registry import Wishes
from cimkit.model import Evidence, Hint, Reject

_MEMOS = "MGPW"
_FLAGS = "0"  # Visual FoxPro's own column of what is null
#: The most digits that an integer of 64 bits surely holds.
_DIGITS = 18
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_CHUNK_BYTES = 4 << 20
#: The day that Julian day numbers count 1970-01-01 as.
_JULIAN_EPOCH = 2_440_588


def layers(probe: Probe, format: str, wishes: Wishes) -> Dataset:
    """The one table of a .dbf file."""
    cpg = next((p for p in (probe.path.with_suffix(s) for s in (".cpg", ".CPG")) if p.is_file()), None)
    delivery = Delivery(probe.path, format, tuple(sorted([probe.path, *([cpg] if cpg else [])])))
    promised = dbf.read_header(probe.path, cut=wishes.salvage)
    whole = (probe.path.stat().st_size - promised.header_bytes) // promised.record_bytes
    header = replace(promised, records=min(promised.records, max(0, whole)))
    encoding, hints = encoding_of(header, cpg, wishes)
    layer = DbaseLayer(delivery, probe.path.stem, wishes, header, encoding, hints, promised.records - header.records)
    return Dataset(delivery, (layer,))


Cells = NDArray[np.uint8]


@dataclass(frozen=True)
class _Column:
    field: dbf.DbfField
    kind: pa.DataType
    read: Callable[[Cells], pa.Array]


class DbaseLayer(Layer):
    """The table of a .dbf file. Its text cells are typed by the standard."""

    text_cells = True

    def __init__(
        self,
        delivery: Delivery,
        name: str,
        wishes: Wishes,
        header: dbf.DbfHeader,
        encoding: Evidence,
        hints: list[Hint],
        missing: int,
    ) -> None:
        super().__init__(delivery, name, crs=wishes.crs)
        self._header = header
        self._found = encoding
        self._known_hints = hints
        self._missing = missing

    @contextmanager
    def _open(self, batch_size: int) -> Iterator[Stream]:
        header, encoding = self._header, self._found.value or "UTF-8"
        own = [field for field in header.fields if field.kind not in _MEMOS + _FLAGS]
        names, hints = unique_names(dbf.decode(field.name, encoding) for field in own)
        hints = [*self._known_hints, *hints]
        memos = [dbf.decode(field.name, encoding) for field in header.fields if field.kind in _MEMOS]
        if memos:
            hints.append(Hint("dbase.memo", f"Memo fields are not read: {', '.join(memos)}."))
        decimals = _decimals(header)
        columns = [_column(field, decimals[field.start], encoding) for field in own]
        fields = [pa.field(name, column.kind) for name, column in zip(names, columns, strict=True)]
        schema = pa.schema([*fields, pa.field(FID, pa.string())])
        rejected: list[Reject] = []
        if self._missing:
            reason = f"The file ends before it: {self._missing} records are missing."
            rejected.append(Reject(header.records, f"record {header.records}", reason))

        def batches() -> Iterator[pa.RecordBatch]:
            deleted = 0
            wrong: Counter[str] = Counter()
            for table in self._records(batch_size):
                kept = table[table[:, 0] != ord("*")]
                deleted += len(table) - len(kept)
                arrays = []
                for name, column in zip(names, columns, strict=True):
                    cells = kept[:, column.field.start : column.field.start + column.field.width]
                    array = column.read(np.ascontiguousarray(cells))
                    wrong[name] += int((_filled(cells, column.field.kind) & np.asarray(array.is_null())).sum())
                    arrays.append(array)
                yield pa.RecordBatch.from_arrays([*arrays, pa.nulls(len(kept), pa.string())], schema=schema)
            if deleted:
                hints.append(Hint("dbase.deleted", f"{deleted} records are marked as deleted and left out."))
            for name, count in wrong.items():
                if count:
                    kind = schema.field(name).type
                    hints.append(Hint("dbase.unreadable", f"{count} cells of '{name}' are no {kind} and become null."))

        yield Stream(
            schema=schema,
            batches=batches(),
            crs=Evidence(None, "no geometry", 1.0),
            encoding=self._found,
            widths={name: column.field.width for name, column in zip(names, columns, strict=True)},
            hints=hints,
            total=header.records,
            rejected=rejected,
        )

    def _records(self, batch_size: int) -> Iterator[Cells]:
        header = self._header
        per_chunk = max(1, min(batch_size, _CHUNK_BYTES // header.record_bytes))
        with header.path.open("rb") as handle:
            handle.seek(header.header_bytes)
            for first in range(0, header.records, per_chunk):
                count = min(per_chunk, header.records - first)
                data = handle.read(count * header.record_bytes)
                yield np.frombuffer(data, np.uint8).reshape(count, -1)


def _decimals(header: dbf.DbfHeader) -> dict[int, int]:
    """The decimals of each column, by where its cells begin."""
    with header.path.open("rb") as handle:
        data = handle.read(32 + 32 * len(header.fields))
    return {field.start: data[32 + 32 * place + 17] for place, field in enumerate(header.fields)}


def _column(field: dbf.DbfField, decimals: int, encoding: str) -> _Column:
    if field.kind in "NF" and (decimals or field.width <= _DIGITS):
        kind = pa.float64() if decimals or field.kind == "F" else pa.int64()
        return _Column(field, kind, lambda cells: _numbers(cells, kind))
    if field.kind == "L":
        return _Column(field, pa.bool_(), _truth)
    if field.kind == "D" and field.width == 8:
        return _Column(field, pa.date32(), _days)
    if field.kind in "I+" and field.width == 4:
        return _Column(field, pa.int64(), lambda cells: pa.array(cells.view("<i4")[:, 0].astype("i8")))
    if field.kind in "BO" and field.width == 8:
        return _Column(field, pa.float64(), lambda cells: pa.array(cells.view("<f8")[:, 0]))
    if field.kind == "Y" and field.width == 8:
        return _Column(field, pa.float64(), lambda cells: pa.array(cells.view("<i8")[:, 0] / 10_000))
    if field.kind in "T@" and field.width == 8:
        return _Column(field, pa.timestamp("ms"), _times)
    return _Column(field, pa.string(), lambda cells: _text(cells, encoding))


def _bare(cells: Cells) -> pa.Array:
    """Cells as text of one byte a character, without what pads them; null where they are blank."""
    raw = cells.reshape(len(cells), -1)
    width = raw.shape[1]
    offsets = np.arange(0, (len(raw) + 1) * width, width, dtype=np.int32)
    # Bytes beyond ASCII are no part of a number, a date or a truth value.
    ascii_only = np.where(raw < 0x80, raw, ord("?")).astype(np.uint8)
    text = pa.StringArray.from_buffers(len(raw), pa.py_buffer(offsets), pa.py_buffer(ascii_only.tobytes()))
    text = pc.utf8_trim(text, " \0")
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _numbers(cells: Cells, kind: pa.DataType) -> pa.Array:
    text = _bare(cells)
    pattern = r"^[+-]?\d+$" if pa.types.is_integer(kind) else _NUMBER
    good = pc.match_substring_regex(pc.fill_null(text, ""), pattern)
    return pc.if_else(good, pc.replace_substring_regex(text, r"^\+", ""), pa.scalar(None, pa.string())).cast(kind)


def _truth(cells: Cells) -> pa.Array:
    first = cells[:, 0]
    true, false = np.isin(first, list(b"TtYy1")), np.isin(first, list(b"FfNn0"))
    return pa.array(true, pa.bool_(), mask=~(true | false))


def _days(cells: Cells) -> pa.Array:
    text = _bare(cells)
    iso = pc.replace_substring_regex(text, r"^(\d{4})(\d\d)(\d\d)$", r"\1-\2-\3")
    values = [_day(value) for value in iso.to_pylist()]
    return pa.array(values, pa.date32())


def _day(text: str | None) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text) if text and len(text) == 10 else None
    except ValueError:
        return None


def _times(cells: Cells) -> pa.Array:
    parts = cells.view("<u4").astype("i8")
    values = (parts[:, 0] - _JULIAN_EPOCH) * 86_400_000 + parts[:, 1]
    return pa.array(values, pa.timestamp("ms"), mask=parts[:, 0] == 0)


def _text(cells: Cells, encoding: str) -> pa.Array:
    values = [dbf.decode(cell.tobytes().split(b"\0")[0].rstrip(b" "), encoding) or None for cell in cells]
    return pa.array(values, pa.string())


def _filled(cells: Cells, kind: str) -> NDArray[np.bool_]:
    """Which cells of a column that is written as text hold something, so that null means loss."""
    if kind not in "NFDL":
        return np.zeros(len(cells), dtype=bool)
    blank = (
        (cells == ord(" "))
        | (cells == 0)
        | ((cells == ord("?")) & (kind == "L"))
        | ((cells == ord("0")) & (kind == "D"))
    )
    filled: NDArray[np.bool_] = ~blank.all(axis=1)
    return filled
