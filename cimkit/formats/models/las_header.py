"""The public header of a LAS or LAZ file, read without a library, and held against the file's size.

Offsets are those of LAS 1.4 R15, table 3; earlier versions have the same beginning. Libraries
believe a header that promises more points than there are, or a billion records.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from cimkit.errors import SourceError

_SMALLEST = 227
_LARGEST = 375
_RECORD_HEADER = 54
_EXTENDED_HEADER = 60
#: Packing makes points ten times smaller, and those of a plane some hundred times.
_MOST_PER_BYTE = 1000
#: The least bytes of a point, by format (LAS 1.4, tables 6 to 17).
_POINT_BYTES = (20, 28, 26, 34, 57, 63, 30, 36, 38, 59, 67)


@dataclass(frozen=True)
class LasHeader:
    """What the header says: where the points begin, how many there are, of which length, and if they are packed."""

    version: str
    point_format: int
    compressed: bool
    points: int
    record_bytes: int
    begin: int
    wkt: bool


def read(path: Path) -> LasHeader:
    """The header of a file that is as long as its header says.

    Raises:
        SourceError: the file is cut off or damaged, or of a version that is unknown.
    """
    size = path.stat().st_size
    with path.open("rb") as handle:
        head = handle.read(_LARGEST)
        if len(head) < _SMALLEST:
            raise _damaged(path, "its header is cut off")
        major, minor = head[24], head[25]
        if (major, minor) not in ((1, 0), (1, 1), (1, 2), (1, 3), (1, 4)):
            raise SourceError(f"{path} is LAS {major}.{minor}, which is not known; 1.0 to 1.4 are.")
        length, begin, records = struct.unpack_from("<HII", head, 94)
        kind, record_bytes, points = struct.unpack_from("<BHI", head, 104)
        compressed, point_format = bool(kind & 0x80), kind & 0x3F
        if point_format >= len(_POINT_BYTES):
            raise _damaged(path, f"there is no point format {point_format}")
        if record_bytes < _POINT_BYTES[point_format]:
            raise _damaged(path, f"{record_bytes} bytes are too few for a point of format {point_format}")
        if length < _SMALLEST or begin < length or begin > size or records * _RECORD_HEADER > begin - length:
            raise _damaged(path, f"its header leads out of the file ({size:,} bytes)")
        if minor == 4 and len(head) >= _LARGEST:
            at, extended, points = struct.unpack_from("<QIQ", head, 235)
            if extended and not begin <= at < size:
                raise _damaged(path, f"records behind the points lie beyond its end ({size:,} bytes)")
            for _ in range(extended):
                handle.seek(at + 20)
                raw = handle.read(8)
                at += _EXTENDED_HEADER + (struct.unpack("<Q", raw)[0] if len(raw) == 8 else size)
                if at > size:
                    raise _damaged(path, f"records behind the points lie beyond its end ({size:,} bytes)")
        end = begin + points * record_bytes
        if not compressed and end > size:
            there = max(0, size - begin) // record_bytes
            raise _damaged(path, f"its header promises {points:,} points, but only {there:,} are there")
        if compressed and points > _MOST_PER_BYTE * size:
            raise _damaged(path, f"its header promises {points:,} points in {size:,} bytes")
        if compressed and points:
            handle.seek(begin)
            raw = handle.read(8)
            table = struct.unpack("<q", raw)[0] if len(raw) == 8 else size
            if table == -1:  # written at the end, since the writer could not go back
                handle.seek(-8, 2)
                (table,) = struct.unpack("<q", handle.read(8))
            if not begin < table < size:
                raise _damaged(path, "the table of its packed chunks lies beyond its end")
    wkt = bool(struct.unpack_from("<H", head, 6)[0] & 0x10)
    return LasHeader(f"{major}.{minor}", point_format, compressed, points, record_bytes, begin, wkt)


def _damaged(path: Path, why: str) -> SourceError:
    return SourceError(f"{path} is cut off or damaged: {why}.", hint="Copy or download it again.")
