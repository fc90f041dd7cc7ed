"""Parts of small source files, as bytes and as GeoJSON members."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any


def dbf_bytes(
    fields: Sequence[tuple[bytes, int]], rows: Sequence[Sequence[bytes]], language: int = 0, kind: bytes = b"C"
) -> bytes:
    """A dBase III table of text columns: (name, width) and cells as raw bytes."""
    record = 1 + sum(width for _, width in fields)
    header = struct.pack("<BBBBIHH", 3, 124, 1, 1, len(rows), 32 + 32 * len(fields) + 1, record)
    header += b"\0" * 17 + bytes([language]) + b"\0\0"
    for name, width in fields:
        header += name[:10].ljust(11, b"\0") + kind + b"\0" * 4 + bytes([width, 0]) + b"\0" * 14
    body = b"".join(
        b" " + b"".join(cell[:width].ljust(width) for cell, (_, width) in zip(row, fields, strict=True)) for row in rows
    )
    return header + b"\r" + body + b"\x1a"


def feature(properties: dict[str, Any] | None = None, geometry: Any = "point", **members: Any) -> dict[str, Any]:
    """A GeoJSON feature, a point at (114, 22) if nothing else is said."""
    place = {"type": "Point", "coordinates": [114, 22]} if geometry == "point" else geometry
    return {"type": "Feature", "properties": properties, "geometry": place, **members}
