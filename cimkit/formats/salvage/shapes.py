"""A shapefile that breaks off, lacks its index or its table, or has broken records: its whole records."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from cimkit.errors import SourceError
from cimkit.formats.gdal import dbf
from cimkit.formats.salvage import MOST_REJECTS
from cimkit.model import Reject

_HEADER = 100
_RECORD_HEADER = 8


def mend(source: Path, target: Path, records: tuple[str, ...]) -> list[Reject]:
    """Copy the records whose shape and whose row are both there, in their order.

    Raises:
        SourceError: there is no table of attributes, or not a single whole record.
    """
    parts = {file.suffix.lower(): file for file in source.parent.iterdir() if file.stem == source.stem}
    parts[".shp"] = source
    if ".dbf" not in parts:
        raise SourceError(
            f"{source} has no .dbf, so there are no attributes to salvage.", hint=f"Ask for {source.stem}.dbf too."
        )
    header = dbf.read_header(parts[".dbf"], cut=True)
    starts, lengths = _shapes(source, parts.get(".shx"))
    rows = max(0, (parts[".dbf"].stat().st_size - header.header_bytes) // header.record_bytes)
    known = max(len(starts), header.records)
    whole = _whole(source, starts, lengths)
    good = np.zeros(known, bool)
    count = min(len(starts), rows, known)
    good[:count] = whole[:count]
    if not good.any():
        raise SourceError(f"{source} holds no record that is whole.", hint="Copy or export it again.")
    rejected = [
        Reject(int(row), f"record {row + 1}", _reason(int(row), len(starts), rows, whole))
        for row in np.flatnonzero(~good)[:MOST_REJECTS]
    ]
    if not rejected and ".shx" in parts and _fits(source) and _fits(parts[".shx"]):
        return []
    if not rejected:
        rejected = [Reject(None, "the file", "Its index or its end is missing; no record is lost.")]
    kept = np.flatnonzero(good)
    _write_shapes(source, target, starts[kept], lengths[kept])
    _write_rows(parts[".dbf"], target.with_suffix(".dbf"), header, kept)
    for suffix in (".prj", ".cpg"):
        if suffix in parts:
            shutil.copyfile(parts[suffix], target.with_suffix(suffix))
    return rejected


def _reason(row: int, shapes: int, rows: int, whole: NDArray[np.bool_]) -> str:
    if row >= shapes:
        return "There is no shape for it: the .shp or .shx ends before."
    if not whole[row]:
        return "Its shape is cut off or damaged."
    return f"There is no row for it: the .dbf ends after {rows}."


def _fits(path: Path) -> bool:
    """Whether a .shp or .shx is as long as its header says."""
    with path.open("rb") as handle:
        head = handle.read(_HEADER)
    return len(head) == _HEADER and 2 * struct.unpack_from(">I", head, 24)[0] <= path.stat().st_size


def _shapes(shp: Path, shx: Path | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each shape begins and how long its content is, in bytes: from the index, or from shape to shape."""
    if shx is not None and shx.stat().st_size >= _HEADER:
        raw = shx.read_bytes()[_HEADER:]
        pairs = np.frombuffer(raw[: len(raw) // 8 * 8], ">i4").reshape(-1, 2).astype(np.int64) * 2
        if _fits(shx):
            return pairs[:, 0], pairs[:, 1]
    starts: list[int] = []
    lengths: list[int] = []
    size, at = shp.stat().st_size, _HEADER
    with shp.open("rb") as handle:
        while at + _RECORD_HEADER <= size:
            handle.seek(at)
            number, length = struct.unpack(">ii", handle.read(_RECORD_HEADER))
            if number != len(starts) + 1 or length < 2:
                break
            starts.append(at)
            lengths.append(2 * length)
            at += _RECORD_HEADER + 2 * length
    return np.array(starts, np.int64), np.array(lengths, np.int64)


def _whole(shp: Path, starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each shape lies within the file, says its own length, and is of a known type."""
    size = shp.stat().st_size
    good = (starts >= _HEADER) & (lengths >= 4) & (starts + _RECORD_HEADER + lengths <= size)
    with shp.open("rb") as handle:
        kind = struct.unpack_from("<i", handle.read(_HEADER), 32)[0]
        for row in np.flatnonzero(good):
            handle.seek(int(starts[row]) + 4)
            length, own = struct.unpack(">i", handle.read(4))[0], struct.unpack("<i", handle.read(4))[0]
            good[row] = 2 * length == lengths[row] and own in (0, kind) and _counts_fit(handle, own, int(lengths[row]))
    return good


def _counts_fit(handle: BinaryIO, kind: int, length: int) -> bool:
    """Whether a line's or polygon's numbers of parts and points fit into its length (Esri white paper, 1998)."""
    if kind % 10 not in (3, 5, 8):
        return True
    handle.read(32)
    if kind % 10 == 8:
        (points,) = struct.unpack("<i", handle.read(4))
        return bool(points >= 0 and 40 + 16 * points <= length)
    counts = handle.read(8)
    if len(counts) < 8:
        return False
    parts, points = struct.unpack("<ii", counts)
    return bool(parts >= 0 and points >= 0 and 44 + 4 * parts + 16 * points <= length)


def _write_shapes(source: Path, target: Path, starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> None:
    placed = _HEADER
    with source.open("rb") as handle, target.open("wb") as shp, target.with_suffix(".shx").open("wb") as shx:
        head = bytearray(handle.read(_HEADER).ljust(_HEADER, b"\0"))
        total = _HEADER + int((lengths + _RECORD_HEADER).sum())
        for file, size in ((shp, total), (shx, _HEADER + 8 * len(starts))):
            struct.pack_into(">i", head, 24, size // 2)
            file.write(head)
        for number, (start, length) in enumerate(zip(starts.tolist(), lengths.tolist(), strict=True), start=1):
            handle.seek(start + _RECORD_HEADER)
            shp.write(struct.pack(">ii", number, length // 2) + handle.read(length))
            shx.write(struct.pack(">ii", placed // 2, length // 2))
            placed += _RECORD_HEADER + length


def _write_rows(source: Path, target: Path, header: dbf.DbfHeader, kept: NDArray[np.int64]) -> None:
    with source.open("rb") as handle, target.open("wb") as table:
        head = bytearray(handle.read(header.header_bytes))
        struct.pack_into("<I", head, 4, len(kept))
        table.write(head)
        for row in kept.tolist():
            handle.seek(header.header_bytes + row * header.record_bytes)
            table.write(handle.read(header.record_bytes))
        table.write(b"\x1a")
