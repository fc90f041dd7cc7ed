"""Blanks that nobody sees: before and behind a text, and characters without any width inside it."""

from __future__ import annotations

from cimkit.duck import literal
from cimkit.model import Staged

#: Formats that fill texts up with blanks by themselves.
_PADDED = frozenset({"ESRI Shapefile", "dBase", "MapInfo TAB", "MapInfo MIF"})
_SPACE = r"\t\n\v\f\r \x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
# Zero width space, word joiner, byte order mark. Joiners (U+200C, U+200D) belong to some scripts.
_NO_WIDTH = r"\x{200b}\x{2060}\x{feff}"
_INVISIBLE = "".join(map(chr, (*range(9, 14), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F,
                               0x205F, 0x3000, 0x200B, 0x2060, 0xFEFF)))  # fmt: skip


def pattern(staged: Staged) -> str:
    """A regular expression (RE2) that finds the blanks in a text of a delivered layer."""
    if staged.source.format not in _PADDED:
        return f"^[{_SPACE}]|[{_SPACE}]$|[{_NO_WIDTH}]"
    # Numbers stand to the right of their column, everything else to the left.
    space = _SPACE.replace(" ", "")
    return f"^ +[^ 0-9.+-]|^[{space}]|[{space}]$|[{_NO_WIDTH}]"


def predicate(staged: Staged, value: str) -> str:
    """SQL: the text has such blanks."""
    return f"regexp_matches({value}, {literal(pattern(staged))})"


def without(value: str) -> str:
    """A text without them."""
    for character in "\u200b\u2060\ufeff":
        value = value.replace(character, "")
    return value.strip(_INVISIBLE)
