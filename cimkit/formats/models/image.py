"""Whether an image file is whole, from its own marks: rasters are not decoded here, so nothing else would notice."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from cimkit.errors import SourceError

_END_OF_JPEG = b"\xff\xd9"
#: Cameras and editors write this much behind the end of an image.
_TAIL_BYTES = 1 << 16
_CHUNK = 1 << 20


def refuse_cut(path: Path, format: str) -> None:
    """Raise SourceError where a PNG, JPEG, JPEG 2000 or ASCII grid ends before its content does."""
    check = {"PNG": _png, "JPEG": _jpeg, "JPEG 2000": _jpeg2000, "ASCII grid": _ascii_grid}.get(format)
    why = check(path) if check else None
    if why:
        raise SourceError(f"{path} is cut off or damaged: {why}.", hint="Copy or download it again.")


def _png(path: Path) -> str | None:
    """Walk the chunks to IEND (W3C PNG, 5.3)."""
    size = path.stat().st_size
    with path.open("rb") as handle:
        handle.seek(8)
        while len(head := handle.read(8)) == 8:
            (length,) = struct.unpack(">I", head[:4])
            if handle.tell() + length + 4 > size:
                break
            if head[4:] == b"IEND":
                return None
            handle.seek(length + 4, os.SEEK_CUR)
    return "its last chunk (IEND) is missing"


def _jpeg(path: Path) -> str | None:
    with path.open("rb") as handle:
        handle.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        return None if _END_OF_JPEG in handle.read() else "its end marker is missing"


def _jpeg2000(path: Path) -> str | None:
    """Walk the boxes (ISO/IEC 15444-1, I.4); a bare codestream ends with its own marker."""
    size = path.stat().st_size
    with path.open("rb") as handle:
        if handle.read(4) == b"\xff\x4f\xff\x51":
            handle.seek(max(0, size - 2))
            return None if handle.read() == _END_OF_JPEG else "its end marker is missing"
        at = 0
        while at < size:
            handle.seek(at)
            head = handle.read(16)
            if len(head) < 8:
                return "its last box is cut off"
            (length,) = struct.unpack(">I", head[:4])
            if length == 1 and len(head) == 16:
                (length,) = struct.unpack(">Q", head[8:])
            if length == 0:  # the last box, up to the end of the file
                return None
            if length < 8 or at + length > size:
                return "a box is longer than the file"
            at += length
    return None


def _ascii_grid(path: Path) -> str | None:
    """Count the numbers against ncols x nrows."""
    header: dict[str, str] = {}
    count = 0
    with path.open("rb") as handle:
        while len(header) < 16:
            at = handle.tell()
            words = handle.readline(_CHUNK).split()
            if len(words) != 2 or not words[0][:1].isalpha():
                handle.seek(at)
                break
            header[words[0].decode("latin-1").lower()] = words[1].decode("latin-1")
        try:
            expected = int(header["ncols"]) * int(header["nrows"])
        except (KeyError, ValueError):
            return "its header lacks ncols or nrows"
        rest = b""
        while chunk := handle.read(_CHUNK):
            whole = rest + chunk
            words = whole.split()
            rest = words.pop() if words and not whole[-1:].isspace() else b""
            count += len(words)
        count += bool(rest)
    return None if count >= expected else f"it holds {count:,} of {expected:,} values"
