"""JSON of which some records are no JSON, or which breaks off: the whole ones, in a document that ends.

A record is a feature of a FeatureCollection, an item of an array, or a line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from cimkit.errors import SourceError
from cimkit.formats.json.shape import shape
from cimkit.formats.probe import look
from cimkit.formats.salvage import MOST_REJECTS
from cimkit.model import Reject

_CHUNK = 1 << 18
#: A record longer than this is not looked for the end of.
_LONGEST = 64 << 20
#: Where the next record may begin behind a broken one.
_NEXT = re.compile(r"\}\s*,\s*(?=\{)")
#: What bytes that are not UTF-8 become here (PEP 383).
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_OPENING = re.compile(r'"features"\s*:\s*\[')
_DECODER = json.JSONDecoder()


def mend(source: Path, target: Path, records: tuple[str, ...]) -> list[Reject]:
    """Copy the records that are JSON in UTF-8; the others are told by their line.

    Raises:
        SourceError: there is no record that is whole.
    """
    kind = shape(look(source))
    with (
        source.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as handle,
        target.open("w", encoding="utf-8", newline="") as copy,
    ):
        if kind in ("lines", "geojson lines"):
            return _lines(handle, copy, kind == "geojson lines")
        if kind not in ("geojson", "array"):
            return []
        return _items(handle, copy, source, kind == "geojson")


def _lines(handle: TextIO, copy: TextIO, features: bool) -> list[Reject]:
    rejected: list[Reject] = []
    for number, line in enumerate(handle, start=1):
        text = line.strip("\x1e \t\r\n")
        if not text:
            continue
        reason = _reason(text, features)
        if reason is None:
            copy.write(text + "\n")
        elif len(rejected) < MOST_REJECTS:
            rejected.append(Reject(None, f"line {number}", reason))
    return rejected


def _reason(text: str, features: bool) -> str | None:
    """Why a text is no record; None where it is one."""
    if _NOT_UTF8.search(text):
        return "It holds bytes that are not UTF-8."
    try:
        value = _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        return f"It is no JSON: {getattr(error, 'msg', 'it is nested too deeply')}."
    if features and not _is_feature(value):
        return "It is no GeoJSON feature."
    return None


def _is_feature(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type") == "Feature"


def _items(handle: TextIO, copy: TextIO, source: Path, features: bool) -> list[Reject]:
    window = _Window(handle)
    opening = _OPENING if features else re.compile(r"\[")
    begins = window.find(opening)
    if begins is None:
        raise SourceError(f"{source} breaks off before its first record.", hint="Copy or export it again.")
    copy.write(window.take(begins))
    rejected: list[Reject] = []
    written = 0
    for text, reason, line in _records(window, features):
        if reason is None:
            copy.write((",\n" if written else "\n") + text)
            written += 1
        elif len(rejected) < MOST_REJECTS:
            rejected.append(Reject(None, f"line {line}", reason))
    if not written and rejected:
        raise SourceError(f"{source} holds no record that is whole.", hint="Copy or export it again.")
    copy.write("\n]" + ("}" if features else "") + "\n")
    return rejected


def _records(window: _Window, features: bool) -> Iterator[tuple[str, str | None, int]]:
    """Each record's text, or the reason why it is none, with its line."""
    keys: set[str] = set()
    while True:
        window.skip(" \t\r\n,")
        if window.ended or window.text[window.at] == "]":
            if window.ended:
                yield "", "The file ends here, before its last bracket.", window.line
            return
        text, reason = window.value()
        value = _DECODER.decode(text) if reason is None else None
        if reason is None and features and not _is_feature(value):
            reason = "It is no GeoJSON feature."
        if reason is None and keys and isinstance(value, dict) and not keys & set(value):
            reason = "It is a piece of a broken record."
        if reason is None and isinstance(value, dict):
            keys = keys or set(value)
        yield text, reason, window.line
        if reason is None:
            window.at += len(text)
            continue
        if not window.resume():
            return


class _Window:
    """A place in a text of which only a window is in memory."""

    def __init__(self, handle: TextIO) -> None:
        self._handle = handle
        self.text = ""
        self.at = 0
        self._passed = 1

    @property
    def line(self) -> int:
        return self._passed + self.text.count("\n", 0, self.at)

    @property
    def ended(self) -> bool:
        return self.at >= len(self.text) and not self._more()

    def _more(self) -> bool:
        piece = self._handle.read(max(_CHUNK, len(self.text) - self.at))
        if not piece:
            return False
        self._passed += self.text.count("\n", 0, self.at)
        self.text, self.at = self.text[self.at :] + piece, 0
        return True

    def find(self, pattern: re.Pattern[str]) -> int | None:
        """Where a pattern ends first from here on, none farther than a record may be long."""
        while (found := pattern.search(self.text, self.at)) is None:
            if len(self.text) - self.at > _LONGEST or not self._more():
                return None
        return found.end()

    def take(self, end: int) -> str:
        text, self.at = self.text[self.at : end], end
        return text

    def skip(self, characters: str) -> None:
        while not self.ended and self.text[self.at] in characters:
            self.at += 1

    def value(self) -> tuple[str, str | None]:
        """The JSON value here as text; with the reason where it is none."""
        while True:
            try:
                _, end = _DECODER.raw_decode(self.text, self.at)
            except RecursionError:
                return "", "It is nested too deeply."
            except json.JSONDecodeError as error:
                near_end = error.msg.startswith("Unterminated") or error.pos >= len(self.text) - 16
                if near_end and len(self.text) - self.at < _LONGEST and self._more():
                    continue
                return "", f"It is no JSON: {error.msg}."
            if end >= len(self.text) - 1 and self._more():
                continue
            text = self.text[self.at : end]
            return (text, None) if _NOT_UTF8.search(text) is None else ("", "It holds bytes that are not UTF-8.")

    def resume(self) -> bool:
        """Go on where the next record may begin; false where none does."""
        self.at += 1
        begins = self.find(_NEXT)
        if begins is None:
            return False
        self.at = begins
        return True
