"""The attribute table of a shapefile, as bytes: its header, its text, and whether an encoding fits.

Layout: dBase III, as in the "Xbase File Format Description" (E. Bachmann) and ESRI's
shapefile white paper (July 1998).
"""

from __future__ import annotations

import codecs
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cimkit.errors import SourceError

#: Language driver ids that say something. 0x03 and 0x57 are written whatever the bytes are.
LANGUAGES = {
    0x01: "cp437", 0x02: "cp850", 0x13: "cp932", 0x4D: "cp936", 0x4E: "cp949", 0x4F: "cp950", 0x64: "cp852",
    0x65: "cp866", 0x78: "cp950", 0x79: "cp949", 0x7A: "cp936", 0x7B: "cp932", 0xC8: "cp1250", 0xC9: "cp1251",
    0xCA: "cp1254", 0xCB: "cp1253",
}  # fmt: skip
NAME_BYTES = 10
_CHUNK_BYTES = 4 << 20


@dataclass(frozen=True)
class DbfField:
    """One column: its name as bytes, its type letter, where its cell begins in a record, and how wide it is."""

    name: bytes
    kind: str
    start: int
    width: int


@dataclass(frozen=True)
class DbfHeader:
    """The header of a table and its columns."""

    path: Path
    records: int
    header_bytes: int
    record_bytes: int
    language: int
    fields: tuple[DbfField, ...]


def read_header(path: Path, *, cut: bool = False) -> DbfHeader:
    """The header of a .dbf file; ``cut`` says that records may be missing at its end.

    Raises:
        SourceError: the header is damaged, or promises more records than the file holds.
    """
    data = path.read_bytes() if path.stat().st_size < 1 << 20 else _beginning(path)
    if len(data) < 33:
        raise SourceError(f"{path} is cut off: it has {len(data)} bytes, less than a header.", hint="Copy it again.")
    records, header_bytes, record_bytes = struct.unpack_from("<IHH", data, 4)
    fields = []
    start = 1
    for at in range(32, min(header_bytes, len(data)) - 31, 32):
        if data[at] == 0x0D:
            break
        name, kind = data[at : at + 11].split(b"\0")[0], chr(data[at + 11])
        # Character fields wider than 255 bytes use the decimals as the high byte.
        width = data[at + 16] + (256 * data[at + 17] if kind == "C" else 0)
        fields.append(DbfField(name, kind, start, width))
        start += width
    if start != record_bytes:
        raise SourceError(f"{path} is damaged: its columns do not fill its records.", hint="Export it again.")
    size = path.stat().st_size
    needed = header_bytes + records * record_bytes
    if size < needed and not cut:
        whole = max(0, (size - header_bytes) // record_bytes)
        raise SourceError(
            f"{path} is cut off: its header promises {records} records, but only {whole} are there.",
            hint="Copy or download it again.",
        )
    return DbfHeader(path, records, header_bytes, record_bytes, data[29], tuple(fields))


def _beginning(path: Path) -> bytes:
    with path.open("rb") as handle:
        return handle.read(1 << 17)


def living(header: DbfHeader) -> int:
    """How many records are not marked as deleted, those that a file lacks at its end among them."""
    per_chunk = max(1, _CHUNK_BYTES // header.record_bytes)
    count = 0
    with header.path.open("rb") as handle:
        handle.seek(header.header_bytes)
        for first in range(0, header.records, per_chunk):
            records = min(per_chunk, header.records - first)
            marks = np.frombuffer(handle.read(records * header.record_bytes), np.uint8)[:: header.record_bytes]
            count += records - int((marks == ord("*")).sum())
    return count


def text_values(header: DbfHeader) -> Iterator[bytes]:
    """Every cell of text that is not plain ASCII, without its padding, in file order."""
    for _, _, cells in _foreign_cells(header):
        for cell in cells:
            yield cell.tobytes().rstrip(b" \0")


def _foreign_cells(header: DbfHeader) -> Iterator[tuple[int, DbfField, np.ndarray]]:
    """(first record of the chunk, column, cells with non-ASCII bytes) of the records that are not deleted."""
    texts = [field for field in header.fields if field.kind == "C" and field.width]
    if not texts or not header.records:
        return
    per_chunk = max(1, _CHUNK_BYTES // header.record_bytes)
    with header.path.open("rb") as handle:
        handle.seek(header.header_bytes)
        for first in range(0, header.records, per_chunk):
            count = min(per_chunk, header.records - first)
            chunk = handle.read(count * header.record_bytes)
            if chunk.isascii():
                continue
            whole = len(chunk) // header.record_bytes  # fewer at the end of a file that is cut off
            table = np.frombuffer(chunk, np.uint8, whole * header.record_bytes).reshape(whole, -1)
            table = table[(table[:, 0] != ord("*")) & (table >= 0x80).any(axis=1)]
            for field in texts:
                cells = table[:, field.start : field.start + field.width]
                foreign = cells[(cells >= 0x80).any(axis=1)]
                if len(foreign):
                    yield first, field, foreign


@dataclass(frozen=True)
class Fit:
    """How well an encoding fits a table's text: cells with a character cut at the end, and cells it cannot read."""

    cut: int = 0
    wrong: int = 0
    example: str | None = None


def fit(header: DbfHeader, encoding: str) -> Fit:
    """Read all text of a table strictly in an encoding."""
    cut = wrong = 0
    example = None
    for _, field, cells in _foreign_cells(header):
        # A NUL behind each cell keeps a cut character from swallowing its neighbour.
        together = np.pad(cells, ((0, 0), (0, 1))).tobytes()
        try:
            together.decode(encoding)
            continue
        except UnicodeDecodeError:
            pass
        for cell in cells:
            raw = cell.tobytes().rstrip(b" \0")
            whole, left = _decode(raw, encoding)
            if whole is None:
                wrong += 1
                example = example or f"{raw[:24]!r} in {field.name.decode('ascii', 'replace')}"
            elif left:
                cut += 1
    return Fit(cut, wrong, example)


def decode(raw: bytes, encoding: str) -> str:
    """Text of bytes, without a character that is cut at the end; what is damaged becomes U+FFFD."""
    text, _ = _decode(raw, encoding)
    return raw.decode(encoding, errors="replace") if text is None else text


def _decode(raw: bytes, encoding: str) -> tuple[str | None, bytes]:
    """(text, bytes of a character cut at the end); the text is None where the bytes are something else."""
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        text = decoder.decode(raw, final=False)
    except UnicodeDecodeError:
        return None, b""
    return text, decoder.getstate()[0]


def recode(array: pa.Array, encoding: str) -> pa.Array:
    """Text that was read as ISO-8859-1, which keeps every byte, read again in its own encoding."""
    filled = pc.fill_null(array, "")
    if pc.all(pc.string_is_ascii(filled)).as_py() in (True, None):
        return array
    # No cell holds a NUL: in a DBF it ends the text.
    raw = "\0".join(filled.to_pylist()).encode("latin-1")
    try:
        cells = raw.decode(encoding).split("\0")
    except UnicodeDecodeError:
        cells = [decode(cell, encoding) for cell in raw.split(b"\0")]
    return pc.if_else(array.is_valid(), pa.array(cells, pa.string()), pa.scalar(None, pa.string()))
