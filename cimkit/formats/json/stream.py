"""JSON read piece by piece, so that a long array or many lines never lie in memory as a whole."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cimkit.errors import SourceError

_CHUNK = 1 << 18
_WHITE = " \t\r\n"
_LONGEST_NUMBER = 400
_CLOSING = re.compile(r"\]\s*\]")


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON value")


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError(f"the number {digits[:30]} is out of range")
    return value


_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)


def lines(path: Path) -> Iterator[Any]:
    """The JSON value of each line that is not blank (also behind RFC 8142's record separator).

    Raises:
        SourceError: a line is not JSON, or not UTF-8; the message has its number.
    """
    with path.open("rb") as handle:
        for number, raw in enumerate(handle, start=1):
            try:
                line = raw.decode("utf-8-sig").strip(_WHITE + "\x1e")
                if line:
                    yield _DECODER.decode(line)
            except (ValueError, RecursionError) as error:
                raise _broken(path, number, error) from error


def items(path: Path, member: str | None = None) -> Iterator[Any]:
    """The items of a top-level array, or of the array under ``member`` of a top-level object.

    Raises:
        SourceError: the file is not JSON, or not UTF-8, or has no such array.
    """
    scanner = _Scanner(path)
    try:
        if member is not None:
            _find(scanner, member)
        yield from scanner.items()
        if member is None and scanner.peek():
            raise ValueError("something follows the end of the array")
    except (ValueError, RecursionError) as error:
        raise _broken(path, scanner.line, error) from error
    finally:
        scanner.close()


def members(
    path: Path, *, entries: Collection[str] = (), chunks: Collection[str] = (), items: Collection[str] = ()
) -> Iterator[tuple[str, str | None, Any]]:
    """The members of a top-level object one by one: its name, None, its value.

    Of a member in ``entries``, an object, each entry comes by itself: member, key, value. Of one
    in ``chunks``, an array of flat arrays, many items come at once: member, None, list. Of one in
    ``items``, an array, each item comes by itself: member, None, item.

    Raises:
        SourceError: the file is not JSON, or not UTF-8, or a member is not what it should be.
    """
    scanner = _Scanner(path)
    try:
        for member in scanner.names():
            if member in entries:
                for key in scanner.names():
                    yield member, key, scanner.value()
            elif member in chunks:
                for chunk in scanner.chunks():
                    yield member, None, chunk
            elif member in items:
                for item in scanner.items():
                    yield member, None, item
            else:
                yield member, None, scanner.value()
        if scanner.peek():
            raise ValueError("something follows the end of the object")
    except (ValueError, RecursionError) as error:
        raise _broken(path, scanner.line, error) from error
    finally:
        scanner.close()


def document(path: Path) -> Any:
    """The one value of a JSON file.

    Raises:
        SourceError: the file is not JSON, or not UTF-8.
    """
    try:
        return _DECODER.decode(path.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise _broken(path, getattr(error, "lineno", 1), error) from error


@contextmanager
def characters_only(path: Path) -> Iterator[None]:
    """Turn the error of writing text that JSON can escape but no encoding can hold into a SourceError."""
    try:
        yield
    except UnicodeEncodeError as error:
        half = ascii(error.object[error.start])
        raise SourceError(
            f"{path} holds {half}, half of a surrogate pair, which is no character.", hint="Export it as UTF-8 again."
        ) from error


def _broken(path: Path, line: int, error: Exception) -> SourceError:
    if isinstance(error, UnicodeDecodeError):
        return SourceError(f"{path} is not UTF-8, as JSON must be (line {line}).", hint="Convert it, e.g. with iconv.")
    why = "it is nested too deeply" if isinstance(error, RecursionError) else getattr(error, "msg", str(error))
    return SourceError(f"{path} is not JSON from line {line} on: {why}.", hint="Was it copied or exported to the end?")


def _find(scanner: _Scanner, member: str) -> None:
    scanner.expect("{")
    while True:
        name = scanner.value()
        scanner.expect(":")
        if name == member:
            return
        scanner.value()
        if scanner.peek() == "}":
            raise ValueError(f"there is no member '{member}'")
        scanner.expect(",")


class _Scanner:
    """A place in a JSON text of which only a window is in memory."""

    def __init__(self, path: Path) -> None:
        self._handle = path.open(encoding="utf-8-sig", newline="")
        self._text = ""
        self._at = 0
        self._passed = 1  # number of the line on which the window begins

    def close(self) -> None:
        self._handle.close()

    @property
    def line(self) -> int:
        return self._passed + self._text.count("\n", 0, self._at)

    def _more(self) -> bool:
        """Lengthen the window; it doubles, so that a long value is not read over and over."""
        pending = len(self._text) - self._at
        piece = self._handle.read(max(_CHUNK, pending))
        if not piece:
            return False
        self._passed += self._text.count("\n", 0, self._at)
        self._text = self._text[self._at :] + piece
        self._at = 0
        return True

    def peek(self) -> str:
        """The next character that is not white; "" at the end."""
        while True:
            while self._at < len(self._text):
                character = self._text[self._at]
                if character not in _WHITE:
                    return character
                self._at += 1
            if not self._more():
                return ""

    def expect(self, character: str) -> None:
        if self.peek() != character:
            raise ValueError(f"'{character}' is missing")
        self._at += 1

    def names(self) -> Iterator[str]:
        """The names of an object's members; the value of each must be read before the next is asked for."""
        self.expect("{")
        if self.peek() == "}":
            self.expect("}")
            return
        while True:
            name = self.value()
            if not isinstance(name, str):
                raise ValueError("a member's name is no string")
            self.expect(":")
            yield name
            if self.peek() == "}":
                self.expect("}")
                return
            self.expect(",")

    def items(self) -> Iterator[Any]:
        """The items of an array, one by one."""
        self.expect("[")
        if self.peek() == "]":
            self.expect("]")
            return
        while True:
            yield self.value()
            if self.peek() == "]":
                self.expect("]")
                return
            self.expect(",")

    def chunks(self) -> Iterator[list[Any]]:
        """The items of an array of flat arrays, many at a time."""
        self.expect("[")
        if self.peek() == "]":
            self.expect("]")
            return
        while True:
            while len(self._text) - self._at < _CHUNK and self._more():
                pass
            closing = _CLOSING.search(self._text, self._at)
            end = closing.start() + 1 if closing else self._text.rfind("]", self._at) + 1
            if end > self._at:
                piece, begin = self._text[self._at : end], self._at
                self._at = end
                try:
                    yield _DECODER.decode(f"[{piece}]")
                except json.JSONDecodeError as error:
                    self._at = min(begin + max(error.pos - 1, 0), len(self._text))
                    raise
            else:
                yield [self.value()]
            if self.peek() == "]":
                self.expect("]")
                return
            self.expect(",")

    def value(self) -> Any:
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                cut = error.msg.startswith("Unterminated") or error.pos >= len(self._text) - 16
                if not (cut and self._more()):
                    self._at = min(error.pos, len(self._text))
                    raise
                continue
            # A number at the window's end may go on behind it ("1." of 1.5 reads as 1).
            near_end = len(self._text) - end < _LONGEST_NUMBER
            if near_end and not self._text[end:].strip("0123456789.eE+-") and self._more():
                continue
            self._at = end
            return value
