"""Small .xls and .ods files, byte by byte, since no library here writes them."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

_MANIFEST = '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
_SECTOR = 512
_END, _FREE, _FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD


def ods_bytes(tables: str, before: str = "") -> bytes:
    """An OpenDocument spreadsheet with these tables in its content.xml."""
    names = ("office", "table", "text")
    spaces = " ".join(f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in names)
    content = (
        f'<?xml version="1.0"?>{before}<office:document-content {spaces} office:version="1.2"><office:body>'
        f"<office:spreadsheet>{tables}</office:spreadsheet></office:body></office:document-content>"
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", _MANIFEST)
        archive.writestr("content.xml", content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def xls_bytes(sheets: Mapping[str, Sequence[Sequence[Any]]], stream: str = "Workbook") -> bytes:
    """An Excel 97 workbook ([MS-XLS] in [MS-CFB]) of text, numbers and booleans."""
    return _compound(stream, _book(sheets))


def _record(kind: int, data: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def _book(sheets: Mapping[str, Sequence[Sequence[Any]]]) -> bytes:
    bodies = [_sheet(rows) for rows in sheets.values()]
    names = [name.encode("utf-16-le") for name in sheets]
    opening = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0005, 0, 0, 0, 0)) + _record(0x0042, b"\xb0\x04")
    at = len(opening) + sum(4 + 8 + len(name) for name in names) + 4
    listed = b""
    for name, body in zip(names, bodies, strict=True):
        listed += _record(0x0085, struct.pack("<IBBBB", at, 0, 0, len(name) // 2, 1) + name)
        at += len(body)
    return opening + listed + _record(0x000A) + b"".join(bodies)


def _sheet(rows: Sequence[Sequence[Any]]) -> bytes:
    width = max((len(row) for row in rows), default=0)
    body = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0, 0, 0, 0))
    body += _record(0x0200, struct.pack("<IIHHH", 0, len(rows), 0, width, 0))
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            place = struct.pack("<HHH", r, c, 0)
            if isinstance(value, bool):
                body += _record(0x0205, place + struct.pack("<BB", value, 0))
            elif isinstance(value, (int, float)):
                body += _record(0x0203, place + struct.pack("<d", value))
            elif value:
                text = str(value).encode("utf-16-le")
                body += _record(0x0204, place + struct.pack("<HB", len(text) // 2, 1) + text)
    return body + _record(0x000A)


def _compound(name: str, data: bytes) -> bytes:
    """An OLE compound file of one stream: header, its sectors, the directory, the table of sectors."""
    data = data.ljust(max(4096, -(-len(data) // _SECTOR) * _SECTOR), b"\0")
    count = len(data) // _SECTOR
    table = [*range(1, count), _END, _END, _FAT]
    assert len(table) <= 128
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16
    header += struct.pack("<HHHHH6xIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, count, 0, 4096, _END, 0, _END, 0)
    header += struct.pack("<109I", count + 1, *[_FREE] * 108)
    entries = _entry("Root Entry", 5, 1, _END, 0) + _entry(name, 2, _FREE, 0, len(data))
    entries += _entry("", 0, _FREE, 0, 0) * 2
    return header + data + entries + struct.pack("<128I", *table, *[_FREE] * (128 - len(table)))


def _entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
    raw = name.encode("utf-16-le")
    length = len(raw) + 2 if raw else 0
    return (
        raw.ljust(64, b"\0")
        + struct.pack("<HBBIII", length, kind, 1, _FREE, _FREE, child)
        + b"\0" * 36
        + struct.pack("<IQ", start, size)
    )
