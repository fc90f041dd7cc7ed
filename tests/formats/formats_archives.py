"""Zips and tars of small files, made byte by byte where no honest program makes them so."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

POINTS = b'{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"a":"x"},"geometry":{"type":"Point","coordinates":[114,22]}}]}'  # noqa: E501
TABLE = b"code,name\n01,a\n02,b\n"


def plain_zip(path: Path, members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    """A zip as anyone makes it."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def raw_zip(
    path: Path,
    members: Sequence[tuple[bytes, bytes]],
    *,
    flags: int = 0,
    method: int = 0,
    mode: int = 0,
    claim: int | None = None,
    crc: int | None = None,
    extra: bytes = b"",
) -> Path:
    """A zip of stored members whose names are bytes; the other arguments lie about all of them."""
    body, directory = b"", b""
    for name, content in members:
        check = zlib.crc32(content) if crc is None else crc
        size = len(content) if claim is None else claim
        common = struct.pack("<HHHHHIIIHH", 20, flags, method, 0, 33, check, len(content), size, len(name), len(extra))
        directory += b"PK\x01\x02" + struct.pack("<H", 0x0314) + common
        directory += struct.pack("<HHHII", 0, 0, 0, mode << 16, len(body)) + name + extra
        body += b"PK\x03\x04" + common + name + extra + content
    end = struct.pack("<HHHHIIH", 0, 0, len(members), len(members), len(directory), len(body), 0)
    path.write_bytes(body + directory + b"PK\x05\x06" + end)
    return path


def overlapping_zip(path: Path, count: int = 50, size: int = 1 << 20) -> Path:
    """A zip whose members are all one and the same piece of compressed data."""
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = packed.compress(b"\0" * size) + packed.flush()
    body, directory = b"", b""
    for number in range(count):
        name = b"%04d.csv" % number
        common = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, zlib.crc32(b"\0" * size), len(data), size, len(name), 0)
        directory += b"PK\x01\x02" + struct.pack("<H", 20) + common + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name
        if not number:
            body = b"PK\x03\x04" + common + name + data
    end = struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), len(body), 0)
    path.write_bytes(body + directory + b"PK\x05\x06" + end)
    return path


def tar_of(path: Path, members: Sequence[tuple[str, bytes | None, bytes]], mode: str = "w") -> Path:
    """A tar of (name, content, type); a link or device has no content."""
    with tarfile.open(path, mode) as archive:
        for name, content, kind in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            info.linkname = "/etc/passwd" if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
            info.size = len(content or b"")
            archive.addfile(info, io.BytesIO(content or b""))
    return path
