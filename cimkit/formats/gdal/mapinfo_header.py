"""The headers of MapInfo files, as bytes: which charset, which columns, and whether the set is whole.

Layout: "MapInfo Interchange Format" (MapInfo Professional User Guide, appendix J) and the
description of TAB by D. Morissette (MITAB).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cimkit.errors import SourceError

_MOST_HEADER_BYTES = 1 << 20
_CHUNK_BYTES = 4 << 20
_BLOCK = 512
#: Charset names of MapInfo with the encodings they stand for; "Neutral" says nothing.
CHARSETS = {
    "windowslatin1": "windows-1252", "windowslatin2": "cp1250", "windowscyrillic": "cp1251", "windowsgreek": "cp1253",
    "windowsturkish": "cp1254", "windowshebrew": "cp1255", "windowsarabic": "cp1256", "windowsbaltic": "cp1257",
    "windowsvietnamese": "cp1258", "windowsthai": "cp874", "windowsjapanese": "cp932", "windowskorean": "cp949",
    "windowssimpchinese": "cp936", "windowstradchinese": "cp950", "utf-8": "utf-8", "iso8859_1": "iso-8859-1",
    "iso8859_2": "iso8859-2", "iso8859_5": "iso8859-5", "codepage437": "cp437", "codepage850": "cp850",
    "codepage852": "cp852", "codepage866": "cp866",
}  # fmt: skip
#: In quotes, or at the start of a line; a column may be called so too.
_CHARSET = re.compile(rb'(^!?charset[ \t]+"?|\bcharset[ \t]+")([^"\r\n]*)("?)', re.IGNORECASE | re.MULTILINE)

_SHAPE = re.compile(
    rb"^[ \t]*(point|multipoint|line|pline|region|arc|text|rect|roundrect|ellipse|collection|none)\b",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True)
class Header:
    """The text in front of a .mif, or the whole of a .tab: ``raw``, which ends at ``size``."""

    path: Path
    raw: bytes
    kind: str
    names: tuple[bytes, ...]
    kinds: tuple[str, ...]

    @property
    def size(self) -> int:
        return len(self.raw)

    @property
    def charset(self) -> str | None:
        """What the file calls its encoding."""
        match = _CHARSET.search(self.raw)
        return match.group(2).decode("ascii", "replace").strip() if match else None

    @property
    def encoding(self) -> str | None:
        """The encoding that is declared; None for "Neutral", an unknown one or none at all."""
        return CHARSETS.get((self.charset or "").lower())

    def as_bytes(self) -> bytes:
        """The header with ISO-8859-1 in place of every charset."""
        if self.charset is not None:
            return _CHARSET.sub(rb"\1ISO8859_1\3", self.raw)
        first, mark, rest = self.raw.partition(b"\n")
        said = b'Charset "ISO8859_1"' if self.kind == "MIF" else b"!charset ISO8859_1"
        return first + mark + said + mark + rest


def read_tab(path: Path) -> Header:
    """The header of a .tab file.

    Raises:
        SourceError: it describes an image, or is cut off.
    """
    raw = path.read_bytes()[:_MOST_HEADER_BYTES]
    found = re.search(rb'^\s*type\s+"?(\w+)', raw, re.IGNORECASE | re.MULTILINE)
    kind = found.group(1).decode("ascii").upper() if found else ""
    if kind == "RASTER":
        raise SourceError(f"{path} only places an image.", hint="Name the image it speaks of.")
    if kind not in ("NATIVE", "DBF"):
        return Header(path, raw, kind, (), ())
    count = re.search(rb"^\s*fields\s+(\d+)\s*\r?\n", raw, re.IGNORECASE | re.MULTILINE)
    lines = raw[count.end() :].splitlines()[: int(count.group(1))] if count else []
    columns = [_column(line) if b";" in line else None for line in lines]
    if count is None or len(columns) < int(count.group(1)) or None in columns:
        raise SourceError(f"{path} is cut off or damaged: its list of columns is not whole.", hint="Copy it again.")
    return _with_columns(path, raw, kind, columns)


def read_mif(path: Path) -> Header:
    """The header of a .mif file: all up to and with the line "Data".

    Raises:
        SourceError: it is cut off.
    """
    with path.open("rb") as handle:
        raw = handle.read(_MOST_HEADER_BYTES)
    end = re.search(rb"^\s*data\s*?\r?(\n|\Z)", raw, re.IGNORECASE | re.MULTILINE)
    count = re.search(rb"^\s*columns\s+(\d+)\s*\r?\n", raw, re.IGNORECASE | re.MULTILINE)
    if end is None or count is None:
        raise SourceError(f"{path} is cut off or damaged: its header does not end.", hint="Copy it again.")
    lines = [line for line in raw[count.end() : end.start()].splitlines() if line.strip()]
    columns = [_column(line) for line in lines[: int(count.group(1))]]
    if len(columns) < int(count.group(1)) or None in columns:
        raise SourceError(f"{path} is damaged: its list of columns is not whole.", hint="Export it again.")
    return _with_columns(path, raw[: end.end()], "MIF", columns)


def _with_columns(path: Path, raw: bytes, kind: str, columns: list[tuple[bytes, str] | None]) -> Header:
    whole = [column for column in columns if column is not None]
    return Header(path, raw, kind, tuple(name for name, _ in whole), tuple(kind for _, kind in whole))


def _column(line: bytes) -> tuple[bytes, str] | None:
    """The name and type of a line such as ``名称 Char (20) ;``."""
    match = re.match(rb"\s*(\S+)\s+([A-Za-z]+)", line)
    return (match.group(1), match.group(2).decode("ascii").upper()) if match else None


def refuse_torn_tab(shapes: Path, index: Path, records: int) -> None:
    """Raise SourceError where the .id has no place for a record, or leads beyond the end of the .map.

    The .id is one offset into the .map for each record, 0 for none, as 32-bit numbers.
    """
    places = np.fromfile(index, dtype="<u4")
    if len(places) < records:
        raise SourceError(
            f"{index} is cut off: it has places for {len(places)} of {records} records.", hint="Copy it again."
        )
    size = shapes.stat().st_size
    farthest = int(places[:records].max(initial=0))
    if size % _BLOCK or farthest >= size:
        raise SourceError(
            f"{shapes} is cut off: it has {size} bytes, which is no whole number of blocks or too few.",
            hint="Copy it again.",
        )


def rows_of_mid(path: Path) -> int:
    """How many records a .mid file has: its lines, but for line breaks within quotes and empty lines at the end."""
    rows = quotes = 0
    last = b"\n"
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK_BYTES):
            data = np.frombuffer(chunk, np.uint8)
            open_ = (np.cumsum(data == ord('"')) + quotes) % 2 == 1
            rows += int(((data == ord("\n")) & ~open_).sum())
            quotes = (quotes + int((data == ord('"')).sum())) % 2
            last = chunk[-1:]
    return rows + (last != b"\n")


def shapes_of_mif(header: Header) -> int | None:
    """How many shapes follow the header of a .mif; None where collections hold shapes of their own."""
    count = 0
    left = b""
    with header.path.open("rb") as handle:
        handle.seek(header.size)
        while chunk := handle.read(_CHUNK_BYTES):
            whole, mark, left = (left + chunk).rpartition(b"\n")
            found = _SHAPE.findall(whole + mark)
            if any(word.lower() == b"collection" for word in found):
                return None
            count += len(found)
    return count + len(_SHAPE.findall(left))


def texts_of_mid(path: Path) -> Iterator[bytes]:
    """The lines of a .mid file that are not plain ASCII."""
    with path.open("rb") as handle:
        for line in handle:
            if not line.isascii():
                yield line.rstrip(b"\r\n")
