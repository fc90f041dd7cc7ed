"""XML of which some records are no XML, or which breaks off: the whole ones, in a document that ends.

A record is an element of one of the names asked for. What stands between records is kept as
it is, so that folders and collections stay around theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from xml.parsers import expat

from cimkit.errors import SourceError
from cimkit.formats.salvage import MOST_REJECTS
from cimkit.model import Reject

_CHUNK = 1 << 20
#: A record longer than this is not looked for the end of.
_LONGEST = 64 << 20
_NAME = re.compile(rb"\s(?:gml:|[\w.-]+:)?id\s*=\s*[\"']([^\"'<>]{1,80})[\"']")


def mend(source: Path, target: Path, records: tuple[str, ...]) -> list[Reject]:
    """Write the document without the records that are not well-formed, and with the end it lacks.

    Raises:
        SourceError: what is around the records is not XML either.
    """
    rejected: list[Reject] = []
    whole_until = 0
    with source.open("rb") as handle, target.open("wb") as copy:
        line = 1
        for piece, is_record in _pieces(handle, records):
            reason = _reason(piece) if is_record else None
            if reason is None:
                copy.write(piece)
                whole_until = copy.tell() if is_record else whole_until
            elif len(rejected) < MOST_REJECTS:
                name = _NAME.search(piece[:1000])
                called = f", {name.group(1).decode('utf-8', 'replace')}" if name else ""
                rejected.append(Reject(None, f"line {line}{called}", reason))
            line += piece.count(b"\n")
    _close(target, whole_until, rejected)
    return rejected


def _pieces(handle: BinaryIO, names: tuple[str, ...]) -> Iterator[tuple[bytes, bool]]:
    """The document in pieces that put together are the whole of it: records, and what is between them."""
    words = "|".join(re.escape(name) for name in names).encode()
    begins = re.compile(rb"<((?:[\w.-]+:)?(?:" + words + rb"))(?=[\s/>])")
    window, ended = b"", False
    while window or not ended:
        found = begins.search(window)
        if found is None or found.end() + 1 >= len(window):
            if not ended:
                chunk = handle.read(_CHUNK)
                ended = not chunk
                window += chunk
                if found is None and len(window) > _CHUNK:
                    # All but a tag that may be cut by the end of the window.
                    cut = max(window.rfind(b"<", len(window) - 1000), len(window) - 1000)
                    yield window[:cut], False
                    window = window[cut:]
                continue
            if found is None:
                yield window, False
                return
        assert found is not None
        if found.start():
            yield window[: found.start()], False
            window = window[found.start() :]
        end = None
        while end is None:
            end = _end(window, found.group(1), begins)
            if end is not None or ended or len(window) > _LONGEST:
                break
            chunk = handle.read(_CHUNK)
            ended = not chunk
            window += chunk
        if end is None:
            end = len(window)
        yield window[:end], True
        window = window[end:]


def _end(window: bytes, name: bytes, begins: re.Pattern[bytes]) -> int | None:
    """Where the record at the window's beginning ends: behind its end tag, or where the next record begins."""
    empty = re.match(rb"<[^<>]*/>", window)
    if empty:
        return empty.end()
    closing = re.compile(rb"</" + re.escape(name) + rb"\s*>").search(window)
    following = begins.search(window, 1)
    if closing and (following is None or closing.start() < following.start() or _holds(window[: closing.end()])):
        return closing.end()
    return following.start() if following and closing else None


def _holds(piece: bytes) -> bool:
    return _reason(piece) is None


def _reason(piece: bytes) -> str | None:
    """Why a record is not well-formed XML in UTF-8; None where it is."""
    parser = expat.ParserCreate("UTF-8")
    try:
        parser.Parse(piece, True)
    except expat.ExpatError as error:
        return f"It is no XML: {expat.ErrorString(error.code)}."
    return None


def _close(target: Path, whole_until: int, rejected: list[Reject]) -> None:
    """End the document behind its last whole record if it breaks off."""
    reason = _document_reason(target)
    if reason is None:
        return
    if not whole_until:
        raise SourceError(f"{target} holds no record that is whole.", hint="Copy or export it again.")
    with target.open("r+b") as copy:
        copy.truncate(whole_until)
        opened = _open_elements(target)
        copy.seek(0, 2)
        copy.write(b"".join(b"</%s>" % name.encode() for name in reversed(opened)))
    if _document_reason(target) is not None:
        raise SourceError(f"{target} is damaged outside of its records: {reason}.", hint="Copy or export it again.")
    rejected.append(
        Reject(None, "the end of the file", f"The document breaks off behind its last whole record: {reason}.")
    )


def _document_reason(path: Path) -> str | None:
    parser = expat.ParserCreate()
    try:
        with path.open("rb") as handle:
            parser.ParseFile(handle)
    except expat.ExpatError as error:
        return expat.ErrorString(error.code)
    return None


def _open_elements(path: Path) -> list[str]:
    """The elements that are open where a document breaks off, outermost first."""
    opened: list[str] = []
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, attributes: opened.append(name)
    parser.EndElementHandler = lambda name: opened.pop()
    try:
        with path.open("rb") as handle:
            parser.ParseFile(handle)
    except expat.ExpatError:
        return opened
    return []
