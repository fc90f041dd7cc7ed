"""The bytes of a delimited text, wherever they are, and what of them decodes."""

from __future__ import annotations

import codecs
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any

from cimkit.errors import SourceError
from cimkit.model import Reject

_CHUNK = 1 << 20
#: Stands for a delimiter that is no single byte while pyarrow reads, which takes ASCII alone.
STAND_IN = "\x1f"


@dataclass(frozen=True)
class Content:
    """A file, or a member of a zip archive."""

    path: Path
    member: str | None = None

    @property
    def shown(self) -> str:
        """What a message calls it."""
        return str(self.path) if self.member is None else f"{self.path}/{self.member}"

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Its bytes from the start.

        Raises:
            SourceError: they cannot be read, or the archive is damaged.
        """
        try:
            if self.member is None:
                with self.path.open("rb") as handle:
                    yield handle
            else:
                with zipfile.ZipFile(self.path) as archive, archive.open(self.member) as packed:
                    yield packed
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise SourceError(
                f"{self.shown} cannot be unpacked: {error}.", hint="Was the archive copied to the end?"
            ) from error

    def size(self) -> int:
        """How many bytes there are."""
        if self.member is None:
            return self.path.stat().st_size
        with zipfile.ZipFile(self.path) as archive:
            return archive.getinfo(self.member).file_size

    def head(self, size: int) -> bytes:
        """The first bytes."""
        with self.open() as handle:
            return handle.read(size)

    def lines(self, longest: int = _CHUNK) -> Iterator[bytes]:
        """Its lines; longer ones in pieces."""
        with self.open() as handle:
            while line := handle.readline(longest):
                yield line


def decodable(handle: IO[bytes], encoding: str, rejected: list[Reject]) -> io.BufferedReader:
    """The bytes without the lines that are not of the encoding, which go to ``rejected``."""
    return io.BufferedReader(_Pieces(_decodable(handle, encoding, rejected)), _CHUNK)


class Utf8Only(io.RawIOBase):
    """Bytes that are UTF-8, or an error; pyarrow skips a row of the wrong length without a word if it is not."""

    def __init__(self, handle: IO[bytes]) -> None:
        self._handle = handle
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._handle.read(size)
        self._decoder.decode(data, final=not data)
        return data


def redelimited(handle: IO[bytes], encoding: str, delimiter: str) -> io.BufferedReader:
    """The text as UTF-8 with :data:`STAND_IN` for its delimiter."""
    decoder = codecs.getincrementaldecoder(encoding)()
    pieces = (
        decoder.decode(chunk, final=not chunk).replace(delimiter, STAND_IN).encode()
        for chunk in chain(iter(lambda: handle.read(_CHUNK), b""), [b""])
    )
    return io.BufferedReader(_Pieces(pieces), _CHUNK)


class _Pieces(io.RawIOBase):
    """Pieces of bytes as one file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def _decodable(handle: IO[bytes], encoding: str, rejected: list[Reject]) -> Iterator[bytes]:
    number = 0
    while chunk := handle.read(_CHUNK):
        chunk += handle.readline()
        if _decodes(chunk, encoding):
            number += chunk.count(b"\n")
            yield chunk
            continue
        whole = []
        for line in chunk.splitlines(keepends=True):
            if _decodes(line, encoding):
                whole.append(line)
            else:
                rejected.append(Reject(None, f"line {number + 1}", f"It holds bytes that are not {encoding}."))
            number += line.endswith(b"\n")
        yield b"".join(whole)


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
