"""The names of what is in an archive: in which encoding they are, and whether they are safe to write under.

A zip says of each name whether it is UTF-8 (APPNOTE 6.3, 4.4.4, bit 11); of any other the
standard has it that it is code page 437, while the programs of each country write their own.
So such names are taken back to bytes and probed together.
"""

from __future__ import annotations

import re
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Sequence

from cimkit import text
from cimkit.errors import SourceError
from cimkit.model import Evidence, Hint

_UTF8_FLAG = 0x800
#: Info-ZIP's field for the name in UTF-8 (APPNOTE 4.6.9).
_UNICODE_PATH = 0x7075
_DOS, _SHIFT_JIS = "cp437", "cp932"
#: The first bytes of signs and kana, and of first-level kanji.
_KANA, _KANJI = range(0x81, 0x84), range(0x88, 0x99)
#: From this share of its letters on, names are Japanese.
_JAPANESE = 0.6
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_DRIVE = re.compile(r"^[A-Za-z]:")


def zip_names(members: Sequence[zipfile.ZipInfo]) -> tuple[list[str], list[Hint]]:
    """The names of a zip's members with "/" between folders, and how they were read where that is not sure."""
    names: list[str | bytes] = []
    for member in members:
        given = member.orig_filename
        if member.flag_bits & _UTF8_FLAG or given.isascii():
            names.append(given)
        else:
            raw = given.encode(_DOS, "replace")
            names.append(_unicode_path(member.extra, raw) or raw)
    return decoded(names)


def decoded(names: Sequence[str | bytes]) -> tuple[list[str], list[Hint]]:
    """Names as text; those that are bytes are probed together."""
    unsure = [name for name in names if isinstance(name, bytes)]
    found = _encoding(unsure)
    hints = []
    if unsure and found.value != text.UTF8:
        message = f"The names in the archive do not say their encoding; they are read as {found.value} ({found.how})."
        hints.append(Hint("names.encoding", message))
    plain = [n.decode(found.value or _DOS, "replace") if isinstance(n, bytes) else n for n in names]
    return [name.replace("\\", "/") for name in plain], hints


def refuse_unsafe(names: Sequence[str], shown: str) -> None:
    """Raise SourceError where a name leads out of the folder it is unpacked to, or two are one file on some disk."""
    seen: dict[str, str] = {}
    for name in names:
        parts = name.split("/")
        if name.startswith("/") or _DRIVE.match(name) or ".." in parts:
            raise SourceError(
                f"{shown} holds a file named {name!r}, which would be written outside of the archive's own folder.",
                hint="No honest program packs such a name: ask where the archive comes from.",
            )
        if _CONTROL.search(name):
            raise SourceError(
                f"{shown} holds a file named {name!r}, with characters that cannot be seen.",
                hint="Ask for the archive with plain file names.",
            )
        if name.endswith("/"):
            continue
        key = unicodedata.normalize("NFC", "/".join(p for p in parts if p not in ("", "."))).casefold()
        if key in seen:
            raise SourceError(
                f"{shown} holds {seen[key]!r} and {name!r}, which are one file on many disks.",
                hint="Unpack it yourself, and name the folder.",
            )
        seen[key] = name


def _encoding(names: Sequence[bytes]) -> Evidence:
    found = text.probe(iter(names))
    if found.value in (text.UTF8, text.GB18030, text.BIG5):
        return found
    share = _japanese(names)
    if share >= _JAPANESE:
        return Evidence("Shift-JIS", f"{share:.0%} common characters in Shift-JIS", round(share - 0.2, 2))
    return Evidence(_DOS, "as the zip standard has it", 0.4)


def _japanese(names: Sequence[bytes]) -> float:
    """The share of kana and first-level kanji (JIS X 0208) among the letters, as far as they stand together; 0 if not.

    A Latin letter with an accent and the letter behind it may make a kanji, but hardly two in a row.
    """
    try:
        read = [name.decode(_SHIFT_JIS) for name in names]
    except UnicodeDecodeError:
        return 0.0
    letters = sum(character >= "\x80" for name in read for character in name)
    common = 0
    for word in (word for name in read for word in re.findall(r"[^\x00-\x7f]{2,}", name)):
        pairs = [character.encode(_SHIFT_JIS) for character in word]
        common += sum(len(pair) == 2 and (pair[0] in _KANA or pair[0] in _KANJI) for pair in pairs)
    return common / letters if letters else 0.0


def _unicode_path(extra: bytes, raw: bytes) -> str | None:
    """The name in UTF-8 that stands beside the old one, where it was made for it."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        value = extra[at + 4 : at + 4 + length]
        if kind == _UNICODE_PATH and len(value) > 5 and struct.unpack_from("<I", value, 1)[0] == zlib.crc32(raw):
            try:
                return value[5:].decode("utf-8")
            except UnicodeDecodeError:
                return None
        at += 4 + length
    return None
